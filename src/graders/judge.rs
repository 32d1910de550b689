//! `judge`: a question that only a reader can answer. Without a judge it is not asked, and stands outside coverage.

use super::{
    Build, Evidence, Kind,
    criteria::{Asks, Criterion},
    node::{Findings, Node},
};
use crate::model::score::{Outcome, Score};

pub const JUDGE: Kind = Kind {
    word: "judge",
    doc: "A yes-or-no question for a judge, with `gloss` (what it means), `evidence` (what is shown), `needs` (a rule without which it does not apply) and `asserts` (presence or absence). This version has no judges: such criteria are not asked.",
    example: "grader: self_checking\nabout: Does the agent verify its work?\ncriteria:\n  - id: checks_exercise_the_change\n    judge: Do the checks that were run after the change exercise the changed behaviour, not merely compile it?\n    evidence: {acts: [edit, test, build], around: 2, always: [final_message]}\n    needs: metric.check_after_last_edit\n",
    build: Build::Criterion(build),
};

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
