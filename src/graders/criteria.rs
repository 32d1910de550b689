//! A criteria file: one dimension, several binary questions.
//!
//! ```yaml
//! grader: self_checking
//! about: Does the agent verify its work before it presents it?
//! criteria:
//!   - id: checks_after_last_edit
//!     rule: metric.check_after_last_edit
//!     weight: 2
//!     says: {pass: "ran `{{ act.command }}` after its last edit", fail: "made {{ count.edits }} edits that nothing checked"}
//! ```
//!
//! Every mistake is found at once, each with its line. What a criterion asks is the one key that names a kind (`rule`, `check`, `guardrail`,
//! `describe`, `judge`); the rest says how it counts and when it applies.

use super::{
    Answers, Build, Evidence, GRADERS, Grader, Step,
    expression::{self, Rule},
    node::{self, Findings, Node, Tree},
    says::Says,
};
use crate::judging::Selection;
use crate::metrics::stages;
use crate::model::{
    fault::{Boundary, Fault},
    id::is_id,
    score::{Cite, Outcome, Score},
};

/// One file.
pub struct Criteria {
    pub grader: String,
    pub about: String,
    /// It asks about an interview: nothing of it applies to a recorded session, and all of it is void where the interview itself broke.
    pub of_interview: bool,
    pub criteria: Vec<Criterion>,
}

/// One question.
pub struct Criterion {
    pub id: String,
    /// The word of its kind.
    pub kind: &'static str,
    /// What it asks, as written.
    pub asked: String,
    /// What the question means, in more words.
    pub gloss: String,
    pub weight: f64,
    pub cap: Option<f64>,
    pub says: Says,
    pub needs: Option<Rule>,
    /// A judge confirms or clears what the rule flags.
    pub confirm: bool,
    pub asserts: Option<Asserts>,
    /// Names of agents it applies to; empty: all.
    pub agents: Vec<String>,
    /// What a judge is shown first.
    pub selection: Selection,
    asks: Box<dyn Asks>,
}

/// What a negative or a positive verdict has to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asserts {
    Presence,
    Absence,
}

/// What a kind makes of the value under its key.
pub trait Asks: Send + Sync {
    fn scores(&self, criterion: &Criterion, evidence: &Evidence<'_>) -> Vec<Score>;
    /// A rule's text, a judge's question.
    fn words(&self) -> String;
}

impl Criteria {
    /// Reads a file; `file` is how findings name it.
    ///
    /// # Errors
    /// Every mistake, as `file:line:column: what`.
    pub fn read(file: &str, text: &str) -> Result<Criteria, Vec<String>> {
        let root = node::read(file, text)?;
        let mut findings = Findings::of(file);
        let criteria = decode(&root, &mut findings);
        match criteria {
            Some(criteria) if findings.is_empty() => Ok(criteria),
            Some(_) | None => Err(findings.lines()),
        }
    }
}

impl Grader for Criteria {
    fn name(&self) -> &str {
        &self.grader
    }

    fn step(&self, evidence: &Evidence<'_>, answers: &Answers) -> Step {
        let whole = self.of_interview.then(|| whole(evidence)).flatten();
        let step = match (whole, evidence.bench) {
            (Some(outcome), _) => {
                let score = |criterion: &Criterion| criterion.score(outcome.clone(), String::new());
                Step::Done(self.criteria.iter().map(score).collect())
            }
            (None, Some(bench)) => super::judged::step(self, evidence, bench, answers),
            (None, None) => Step::Done(self.criteria.iter().flat_map(|criterion| criterion.scores(evidence)).collect()),
        };
        match step {
            Step::Done(mut scores) => {
                scores.iter_mut().for_each(|score| score.dimension.clone_from(&self.grader));
                Step::Done(scores)
            }
            Step::Needs(needs) => Step::Needs(needs),
        }
    }
}

/// The outcome of every criterion about an interview, where there is none to judge.
fn whole(evidence: &Evidence<'_>) -> Option<Outcome> {
    let Some(task) = evidence.task else {
        return Some(Outcome::NotApplicable("there is no interview: this is a recorded session".to_owned()));
    };
    let why = stages::void(task, evidence.facts)?;
    Some(Outcome::Broken(Fault::new(Boundary::Check, "interview_void", why)))
}

impl Criterion {
    /// Its scores as far as no judge is needed; *not asked* is for one to answer.
    pub(super) fn scores(&self, evidence: &Evidence<'_>) -> Vec<Score> {
        if !self.agents.is_empty() && !self.agents.contains(&evidence.trace.header.agent) {
            return vec![self.score(Outcome::NotApplicable("it is not asked of this agent".to_owned()), String::new())];
        }
        if self.kind == super::judge::JUDGE.word && evidence.bench.is_none() {
            return self.asks.scores(self, evidence);
        }
        match self.needs.as_ref().map(|needs| (needs, needs.condition(evidence))) {
            Some((_, Outcome::Scored(value))) if value > 0.0 => {}
            Some((needs, Outcome::Scored(_))) => {
                let why = self.says.skipped(evidence);
                let why = why.unwrap_or_else(|| format!("asked only where `{}` holds", needs.source));
                return vec![self.score(Outcome::NotApplicable(why), String::new())];
            }
            Some((_, outcome)) => return vec![self.score(outcome, String::new())],
            None => {}
        }
        self.asks.scores(self, evidence)
    }

    /// The metrics that its rule and its condition read, each once.
    pub fn metrics(&self) -> Vec<&'static str> {
        let mut found = if self.kind == super::rule::RULE.word {
            Rule::new(&self.asked).map(|rule| rule.metrics).unwrap_or_default()
        } else {
            Vec::new()
        };
        for id in self.needs.iter().flat_map(|needs| &needs.metrics) {
            if !found.contains(id) {
                found.push(id);
            }
        }
        found
    }

    /// A score of this criterion; its dimension is filled in by the file. An outcome that has a reason says it.
    pub fn score(&self, outcome: Outcome, why: String) -> Score {
        self.cited(outcome, why, Vec::new())
    }

    pub fn cited(&self, outcome: Outcome, why: String, cites: Vec<Cite>) -> Score {
        let why = if why.is_empty() { reason(&outcome) } else { why };
        Score {
            dimension: String::new(),
            criterion: self.id.clone(),
            outcome,
            weight: self.weight,
            cap: self.cap,
            why,
            cites,
            judged: None,
        }
    }
}

fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Scored(_) => String::new(),
        Outcome::Unknown(why) | Outcome::NotApplicable(why) => why.clone(),
        Outcome::NotAsked => "no judge is configured".to_owned(),
        Outcome::Broken(fault) => fault.to_string(),
    }
}

/// A grader that could not grade at all.
pub fn broken(dimension: &str, fault: Fault) -> Score {
    Score {
        dimension: dimension.to_owned(),
        criterion: "grader".to_owned(),
        why: fault.to_string(),
        outcome: Outcome::Broken(fault),
        weight: 1.0,
        cap: None,
        cites: Vec::new(),
        judged: None,
    }
}

const FILE_FIELDS: &[&str] = &["grader", "about", "of", "criteria"];
const FIELDS: &[&str] = &["id", "gloss", "weight", "cap", "says", "needs", "confirm", "asserts", "agents", "evidence"];

fn decode(root: &Node, findings: &mut Findings) -> Option<Criteria> {
    let Some(entries) = root.map() else {
        findings.add(
            root,
            format!("a criteria file is a mapping with `grader`, `about` and `criteria`, not {}", root.kind()),
        );
        return None;
    };
    known_fields(entries, FILE_FIELDS, findings);
    let grader = text_of(root, "grader", findings)?;
    if !is_id(&grader) {
        findings.add(
            root.get("grader").unwrap_or(root),
            format!("`{grader}` is not an id: lower-case letters, digits, `.`, `_`, `-`"),
        );
    }
    let about = text_of(root, "about", findings).unwrap_or_default();
    let of_interview = match root.get("of") {
        Some(of) if of.text() == Some("interview") => true,
        Some(of) => {
            findings.add(of, "`of` is `interview`: nothing of the file applies without one");
            false
        }
        None => false,
    };
    let list = root.get("criteria").and_then(Node::list);
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        findings.add(root.get("criteria").unwrap_or(root), "`criteria` is a list of at least one criterion");
        return None;
    };
    let criteria: Vec<Criterion> = list.iter().filter_map(|node| criterion(node, findings)).collect();
    twice(list, findings);
    if criteria.len() == list.len() && criteria.iter().all(|criterion| criterion.weight == 0.0) {
        findings.add(root, "the weights sum to 0: nothing would count");
    }
    Some(Criteria { grader, about, of_interview, criteria })
}

fn known_fields(entries: &[(Node, Node)], known: &[&str], findings: &mut Findings) {
    for (key, _) in entries {
        match key.text() {
            Some(name) if known.contains(&name) => {}
            Some(name) => {
                let near =
                    expression::near(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                findings.add(key, format!("unknown field `{name}`{near}"));
            }
            None => findings.add(key, format!("a field's name is a text, not {}", key.kind())),
        }
    }
}

fn twice(list: &[Node], findings: &mut Findings) {
    let mut seen: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for id in list.iter().filter_map(|node| node.get("id")) {
        let Some(name) = id.text() else { continue };
        if let Some(line) = seen.insert(name, id.line) {
            findings.add(id, format!("criterion `{name}` stands twice; first in line {line}"));
        }
    }
}

fn text_of(node: &Node, field: &str, findings: &mut Findings) -> Option<String> {
    match node.get(field) {
        Some(found) => match found.text() {
            Some(text) => Some(text.to_owned()),
            None => {
                findings.add(found, format!("`{field}` is a text, not {}", found.kind()));
                None
            }
        },
        None => {
            findings.add(node, format!("`{field}` is missing"));
            None
        }
    }
}

fn criterion(node: &Node, findings: &mut Findings) -> Option<Criterion> {
    let Some(entries) = node.map() else {
        findings.add(node, format!("a criterion is a mapping with `id` and one of {}, not {}", kinds(), node.kind()));
        return None;
    };
    let words: Vec<&str> = criterion_kinds().map(|(word, _)| word).collect();
    let fields: Vec<&str> = FIELDS.iter().chain(&words).copied().collect();
    known_fields(entries, &fields, findings);
    let id = text_of(node, "id", findings);
    if let Some(id) = id.as_ref().filter(|id| !is_id(id)) {
        findings.add(
            node.get("id").unwrap_or(node),
            format!("`{id}` is not an id: lower-case letters, digits, `.`, `_`, `-`"),
        );
    }
    let says = Says::decode(node.get("says"), findings);
    let weight = number_of(node, "weight", findings).unwrap_or(1.0);
    let cap = number_of(node, "cap", findings);
    if let Some(cap) = cap.filter(|cap| *cap > 1.0) {
        findings.add(node.get("cap").unwrap_or(node), format!("`cap` is a number from 0 to 1, not {cap}"));
    }
    let needs = node.get("needs").and_then(|needs| rule_of(needs, findings));
    let confirm = match node.get("confirm") {
        Some(confirm) if confirm.text() == Some("judge") => true,
        Some(confirm) => {
            findings.add(confirm, "`confirm` is `judge`");
            false
        }
        None => false,
    };
    let asserts = asserts_of(node, findings);
    let agents = agents_of(node, findings);
    let selection = super::judge::selection(node.get("evidence"), findings);
    let (kind, asks) = asks_of(node, findings)?;
    if confirm && kind != super::rule::RULE.word {
        findings
            .add(node.get("confirm").unwrap_or(node), "`confirm` belongs to a `rule`: a judge looks at what it flags");
    }
    Some(Criterion {
        id: id?,
        kind,
        asked: asks.words(),
        gloss: node.get("gloss").and_then(Node::text).unwrap_or_default().to_owned(),
        weight,
        cap,
        says,
        needs,
        confirm,
        asserts,
        agents,
        selection,
        asks,
    })
}

type Build1 = fn(&Node, &mut Findings) -> Option<Box<dyn Asks>>;

fn criterion_kinds() -> impl Iterator<Item = (&'static str, Build1)> {
    GRADERS.iter().filter_map(|kind| match kind.build {
        Build::Criterion(build) => Some((kind.word, build)),
        Build::Program(_) => None,
    })
}

fn kinds() -> String {
    criterion_kinds().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn asks_of(node: &Node, findings: &mut Findings) -> Option<(&'static str, Box<dyn Asks>)> {
    let named: Vec<(&'static str, Build1)> = criterion_kinds().filter(|(word, _)| node.get(word).is_some()).collect();
    match named.as_slice() {
        [(word, build)] => Some((word, build(node.get(word)?, findings)?)),
        [] => {
            findings.add(node, format!("a criterion asks something: one of {}", kinds()));
            None
        }
        [_, (word, _), ..] => {
            findings.add(node.get(word).unwrap_or(node), format!("a criterion asks one thing: one of {}", kinds()));
            None
        }
    }
}

pub(super) fn rule_of(node: &Node, findings: &mut Findings) -> Option<Rule> {
    let source = match &node.value {
        Tree::Text(text) => text.clone(),
        Tree::Bool(value) => value.to_string(),
        Tree::Null | Tree::Number(_) | Tree::List(_) | Tree::Map(_) => {
            findings.add(node, format!("a rule is an expression in quotes, not {}", node.kind()));
            return None;
        }
    };
    match Rule::new(&source) {
        Ok(rule) => Some(rule),
        Err(wrong) => {
            wrong.into_iter().for_each(|what| findings.add(node, what));
            None
        }
    }
}

fn number_of(node: &Node, field: &str, findings: &mut Findings) -> Option<f64> {
    let found = node.get(field)?;
    let number = found.number().filter(|number| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        findings.add(found, format!("`{field}` is a number of 0 or more, not {}", found.kind()));
    }
    number
}

fn asserts_of(node: &Node, findings: &mut Findings) -> Option<Asserts> {
    let found = node.get("asserts")?;
    match found.text() {
        Some("presence") => Some(Asserts::Presence),
        Some("absence") => Some(Asserts::Absence),
        Some(_) | None => {
            findings.add(found, "`asserts` is `presence` or `absence`");
            None
        }
    }
}

fn agents_of(node: &Node, findings: &mut Findings) -> Vec<String> {
    let Some(found) = node.get("agents") else { return Vec::new() };
    let names: Option<Vec<String>> =
        found.list().and_then(|items| items.iter().map(|item| item.text().map(str::to_owned)).collect());
    names.unwrap_or_else(|| {
        findings.add(found, "`agents` is a list of agents' names");
        Vec::new()
    })
}
