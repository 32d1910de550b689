//! `check`: what the suite's own checks found, stage by stage. `check: expected` is one criterion per expected check of each stage that was due
//! (`tests_pass@brief`); the name of a check is that one alone.
//!
//! A stage that the agent did not reach at its own limit was due: its checks are not met. A skipped stage, and one at which we stopped the
//! trial, are left out. A check that could not run is broken, never failed.

use super::{
    Build, Evidence, Kind,
    cites::{cited, quoted},
    criteria::{Asks, Criterion},
    node::{Findings, Node},
};
use crate::{
    metrics::stages::{self, StageSeen, Standing},
    model::{
        fault::{Boundary, Fault},
        results::StageReached,
        score::{Outcome, Score},
        task::{Check, Task},
    },
};

pub const CHECK: Kind = Kind {
    word: "check",
    doc: "What a check of the suite found: `expected` for every `expect` of every stage that was due, or one check's name.",
    example: "grader: outcome\nabout: Does the work do what was asked?\ncriteria:\n  - id: expected\n    check: expected\n",
    build: Build::Criterion(build),
};

/// `None`: every expected check.
struct Checks(Option<String>);

fn build(node: &Node, findings: &mut Findings) -> Option<Box<dyn Asks>> {
    match node.text() {
        Some("expected") => Some(Box::new(Checks(None))),
        Some(name) => Some(Box::new(Checks(Some(name.to_owned())))),
        None => {
            findings.add(node, format!("`check` is `expected` or a check's name, not {}", node.kind()));
            None
        }
    }
}

impl Asks for Checks {
    fn scores(&self, criterion: &Criterion, evidence: &Evidence<'_>) -> Vec<Score> {
        let Some(task) = evidence.task else {
            let why = "a recorded session has no checks".to_owned();
            return vec![criterion.score(Outcome::NotApplicable(why), String::new())];
        };
        let seen = stages::stages(task, evidence.facts);
        let due = seen
            .iter()
            .zip(&task.interview.stages)
            .flat_map(|(seen, stage)| stage.expect.iter().map(move |name| (seen, name)));
        let asked = due.filter(|(_, name)| self.0.as_ref().is_none_or(|own| own == *name));
        let scores: Vec<Score> =
            asked.filter_map(|(seen, name)| one(criterion, evidence, (task, seen, name))).collect();
        if scores.is_empty() {
            return vec![criterion.score(Outcome::NotApplicable("no check was due".to_owned()), String::new())];
        }
        scores
    }

    fn words(&self) -> String {
        self.0.clone().unwrap_or_else(|| "expected".to_owned())
    }
}

/// One check at one stage; `None`: it is left out.
fn one(criterion: &Criterion, evidence: &Evidence<'_>, (task, seen, name): (&Task, &StageSeen, &str)) -> Option<Score> {
    let check = task.check(name);
    let score = |outcome: Outcome, why: String| {
        let weight = criterion.weight * check.map_or(1.0, |check| check.weight);
        Score { criterion: format!("{name}@{}", seen.id), weight, ..criterion.score(outcome, why) }
    };
    match seen.state {
        StageReached::Skipped | StageReached::NotRun => None,
        StageReached::Unreached => {
            let cites = seen.event.map(|event| cited(evidence.trace, event)).into_iter().collect();
            Some(Score {
                cites,
                ..score(Outcome::Scored(0.0), format!("stage `{}` was not reached: {}", seen.id, evidence.end.why))
            })
        }
        StageReached::Done => Some(match (check, stages::mark_of(evidence.facts, name, &seen.id)) {
            (Some(check), Some((event, mark))) => {
                let before = stages::mark_of(evidence.facts, name, "before").map(|(_, mark)| mark);
                let (outcome, why) = found(check, stages::standing(check, before, mark), &mark.why);
                let cites = vec![quoted(evidence.trace, event, &mark.why)];
                Score { cites, ..score(outcome, format!("`{name}` at stage `{}`: {why}", seen.id)) }
            }
            (None, _) => score(broken(format!("the task has no check `{name}`")), String::new()),
            (Some(_), None) => score(broken(format!("`{name}` left no result at stage `{}`", seen.id)), String::new()),
        }),
    }
}

fn found(check: &Check, standing: Standing, why: &str) -> (Outcome, String) {
    match standing {
        Standing::Measured(value, true) if value >= 1.0 => (Outcome::Scored(1.0), "passed".to_owned()),
        Standing::Measured(value, _) if value > 0.0 => {
            (Outcome::Scored(value), format!("scored {value:.2}; it holds from {:.2} on", check.pass_at))
        }
        Standing::Measured(value, _) if why.is_empty() => (Outcome::Scored(value), "failed".to_owned()),
        Standing::Measured(value, _) => (Outcome::Scored(value), format!("failed: {why}")),
        Standing::NotHeld(why) => (Outcome::NotApplicable(why.clone()), why),
        Standing::Broken(why) => (broken(why.clone()), why),
    }
}

fn broken(why: String) -> Outcome {
    Outcome::Broken(Fault::new(Boundary::Check, "check", why))
}
