//! An interview made ready to be played: patterns compiled, the twin's rules chosen.

use super::state::State;
use crate::model::task::{Constraint, Fact, Interview, Lines, Say, Spoken, Stage};
use regex::{Regex, RegexBuilder};

/// A pattern that needs more than this is refused when the suite is loaded.
const PATTERN_BYTES: usize = 1 << 20;
/// Words that say nothing about what a constraint is about.
const EMPTY_WORDS: &str = " about after also been before being both does each ever every from have here into just made make more must need \
    never only please shall should some such than that their them then there these they this those want were what when where which will with would \
    your always ";
/// Words are compared by their beginning, so that `dependency` asks about `dependencies`.
const STEM: usize = 6;

/// An interview that can be played.
#[derive(Clone, Debug)]
pub struct Script {
    interview: Interview,
    twin: bool,
    facts: Vec<Patterns>,
    /// Per constraint: the stems a question is compared with; empty where it is not told when asked.
    stems: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Patterns {
    ask: Vec<Regex>,
    not: Vec<Regex>,
}

impl Script {
    pub fn new(interview: &Interview) -> Script {
        let patterns = |fact: &Fact| Patterns { ask: compile(&fact.ask), not: compile(&fact.not) };
        let stems = |constraint: &Constraint| match constraint.spoken {
            Spoken::WhenAsked => stems(&constraint.text),
            Spoken::WithStage | Spoken::InSay => Vec::new(),
        };
        Script {
            facts: interview.facts.iter().map(patterns).collect(),
            stems: interview.constraints.iter().map(stems).collect(),
            interview: interview.clone(),
            twin: false,
        }
    }

    /// The same interview, fully specified: every fact in the brief, the first stage only.
    pub fn twin(interview: &Interview) -> Script {
        Script { twin: true, ..Script::new(interview) }
    }

    pub fn is_twin(&self) -> bool {
        self.twin
    }

    /// The stages that are played.
    pub fn stages(&self) -> &[Stage] {
        let all = &self.interview.stages;
        if self.twin { all.get(..1).unwrap_or(all) } else { all }
    }

    pub fn interview(&self) -> &Interview {
        &self.interview
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.interview.lines
    }

    /// Ids of the facts, then of the constraints, that a question sentence asks for.
    pub fn asked_for(&self, sentence: &str) -> Vec<String> {
        let clean: String = sentence.chars().filter(|c| !"*`".contains(*c)).collect();
        let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        let hit = |patterns: &[Regex]| patterns.iter().any(|one| one.is_match(sentence) || one.is_match(&clean));
        let facts = self.interview.facts.iter().zip(&self.facts).filter(|(_, one)| hit(&one.ask) && !hit(&one.not));
        let spoken = stems(&clean);
        let about = |wanted: &[String]| {
            let found = wanted.iter().filter(|stem| spoken.contains(stem)).count();
            !wanted.is_empty() && found >= wanted.len().div_ceil(2)
        };
        let constraints = self.interview.constraints.iter().zip(&self.stems).filter(|(_, stems)| about(stems));
        facts.map(|(fact, _)| fact.id.clone()).chain(constraints.map(|(constraint, _)| constraint.id.clone())).collect()
    }

    /// Everything that could be told now, in file order: facts, then constraints that are told when asked.
    pub(super) fn tellable(&self, state: &State) -> Vec<String> {
        let facts = self.interview.facts.iter().map(|fact| &fact.id);
        let constraints = self.interview.constraints.iter().filter(|constraint| constraint.spoken == Spoken::WhenAsked);
        let all = facts.chain(constraints.map(|constraint| &constraint.id));
        all.filter(|id| self.text_of(id, state).is_some()).cloned().collect()
    }

    /// The words for a fact or constraint that are in force at this stage.
    pub(super) fn text_of(&self, id: &str, state: &State) -> Option<&str> {
        if let Some(fact) = self.interview.facts.iter().find(|fact| fact.id == id) {
            let in_force = |from: &Option<String>| from.as_ref().is_none_or(|stage| state.has_entered(stage));
            return fact.say.iter().rev().find(|wording| in_force(&wording.from)).map(|wording| wording.text.as_str());
        }
        let constraint = self.interview.constraints.iter().find(|constraint| constraint.id == id)?;
        state.has_entered(&constraint.from).then_some(constraint.text.as_str())
    }

    /// What is said when a stage is entered (the state already stands in it), and the ids told with it.
    pub(super) fn brief(&self, stage: &Stage, state: &State) -> (String, Vec<String>) {
        let mut told = if self.twin { self.tellable(state) } else { Vec::new() };
        let knows = |fact: &str| state.was_told(fact) || told.iter().any(|id| id == fact);
        let say = match &stage.say {
            Say::Text(text) => text,
            Say::IfTold { fact, then, .. } if knows(fact) => then,
            Say::IfTold { otherwise, .. } => otherwise,
        };
        let with_stage =
            |constraint: &&Constraint| constraint.from == stage.id && constraint.spoken == Spoken::WithStage;
        let constraints: Vec<&Constraint> = self.interview.constraints.iter().filter(with_stage).collect();
        let mut parts = vec![say.as_str()];
        parts.extend(constraints.iter().map(|constraint| constraint.text.as_str()));
        parts.extend(told.iter().filter_map(|id| self.text_of(id, state)));
        let text = join(&parts);
        told.extend(constraints.iter().map(|constraint| constraint.id.clone()));
        (text, told)
    }
}

/// Short lines read as one paragraph; a text of several lines keeps its own.
pub(super) fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    let lines = parts.iter().any(|part| part.contains('\n'));
    parts.join(if lines { "\n\n" } else { " " })
}

/// Patterns that do not compile are findings when the suite is loaded; here they match nothing.
fn compile(patterns: &[String]) -> Vec<Regex> {
    let one =
        |pattern: &String| RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN_BYTES).build().ok();
    patterns.iter().filter_map(one).collect()
}

fn stems(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase) {
        let stem: String = word.chars().take(STEM).collect();
        if word.chars().count() >= 4 && !EMPTY_WORDS.contains(&format!(" {word} ")) && !found.contains(&stem) {
            found.push(stem);
        }
    }
    found
}
