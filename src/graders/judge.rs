//! `judge`: a question that only a reader can answer, and what of the record the reader is shown. Without a judge it is not asked, and stands
//! outside coverage.

use super::{
    Build, Evidence, Kind,
    criteria::{Asks, Criterion},
    expression::near,
    node::{Findings, Node},
};
use crate::judging::{Messages, Reduce, Selection, View};
use crate::model::{
    act::Act,
    score::{Outcome, Score},
};

pub const JUDGE: Kind = Kind {
    word: "judge",
    doc: "A yes-or-no question for a judge, with `gloss` (what it means), `evidence` (what is shown), `needs` (a rule without which it does not apply) and `asserts` (`presence`: met is quoted; `absence`: not met is). Without a judge it is not asked; docs/judges.md has the protocol.",
    example: "grader: self_checking\nabout: Does the agent verify its work?\ncriteria:\n  - id: checks_exercise_the_change\n    judge: Do the checks that were run after the change exercise the changed behaviour, not merely compile it?\n    evidence: {acts: [edit, test, build], around: 2, always: [final_message]}\n    needs: metric.check_after_last_edit\n",
    build: Build::Criterion(build),
};

/// Keys of `evidence`, as `evalrun list graders` shows them.
pub const EVIDENCE: &[(&str, &str)] = &[
    (
        "acts",
        "calls that did one of these (search, list, read, edit, test, build, lint, run, vcs, net, ...), with their results",
    ),
    ("messages", "the agent's messages: all, user, questions, last_of_turn; one or a list"),
    ("plans", "all: every state of the plan"),
    ("always", "[final_message]: the agent's last message"),
    ("around", "so many events before and after each of these"),
    ("view", "full (default), actions, messages, or both: in full and by actions alone"),
    ("reasoning", "true: the agent's own reasoning is shown too"),
    ("reduce", "verdicts on segments as one: any (default), all (default of absence), last"),
];

struct Question(String);

fn build(node: &Node, findings: &mut Findings) -> Option<Box<dyn Asks>> {
    match node.text().filter(|text| !text.trim().is_empty()) {
        Some(text) => Some(Box::new(Question(text.trim().to_owned()))),
        None => {
            findings.add(node, format!("`judge` is a question in words, not {}", node.kind()));
            None
        }
    }
}

impl Asks for Question {
    fn scores(&self, criterion: &Criterion, _evidence: &Evidence<'_>) -> Vec<Score> {
        vec![criterion.score(Outcome::NotAsked, String::new())]
    }

    fn words(&self) -> String {
        self.0.clone()
    }
}

/// Reads `evidence`.
pub(super) fn selection(node: Option<&Node>, findings: &mut Findings) -> Selection {
    let mut selection = Selection::default();
    let Some(node) = node else { return selection };
    let Some(entries) = node.map() else {
        findings.add(node, format!("`evidence` is a mapping of what a judge is shown, not {}", node.kind()));
        return selection;
    };
    for (key, value) in entries {
        match key.text() {
            Some("acts") => selection.acts = words(value, ("acts", &Act::ALL.map(|act| (act.word(), act))), findings),
            Some("messages") => selection.messages = words(value, ("messages", &Messages::ALL), findings),
            Some("plans") => selection.plans = !words(value, ("plans", &[("all", ())]), findings).is_empty(),
            Some("always") => {
                selection.final_message = !words(value, ("always", &[("final_message", ())]), findings).is_empty();
            }
            Some("around") => {
                match value.number().filter(|number| (0.0..=50.0).contains(number) && number.fract() == 0.0) {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    Some(number) => selection.around = number as usize,
                    None => findings.add(value, "`around` is a whole number from 0 to 50"),
                }
            }
            Some("view") => selection.view = word(value, ("view", &View::ALL), findings).unwrap_or_default(),
            Some("reduce") => selection.reduce = word(value, ("reduce", &Reduce::ALL), findings),
            Some("reasoning") => match value.value {
                super::node::Tree::Bool(shown) => selection.reasoning = shown,
                _ => findings.add(value, "`reasoning` is true or false"),
            },
            Some(name) => {
                let known: Vec<&str> = EVIDENCE.iter().map(|(name, _)| *name).collect();
                let near = near(name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                findings.add(key, format!("unknown key `{name}` of `evidence`{near}"));
            }
            None => findings.add(key, format!("a key of `evidence` is a text, not {}", key.kind())),
        }
    }
    selection
}

/// One word or a list of words, each known.
fn words<T: Copy>(node: &Node, (key, known): (&str, &[(&str, T)]), findings: &mut Findings) -> Vec<T> {
    match node.list() {
        Some(items) => items.iter().filter_map(|item| word(item, (key, known), findings)).collect(),
        None => word(node, (key, known), findings).into_iter().collect(),
    }
}

fn word<T: Copy>(node: &Node, (key, known): (&str, &[(&str, T)]), findings: &mut Findings) -> Option<T> {
    let found = node.text().and_then(|text| known.iter().find(|(word, _)| *word == text));
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let near = node.text().and_then(|text| near(text, &names));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        findings.add(node, format!("`{key}` knows {}{near}", names.join(", ")));
    }
    found.map(|(_, value)| *value)
}
