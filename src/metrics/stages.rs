//! How far the interview went, and how its constraints stood at each stage.
//!
//! A stage that the agent did not reach at its own limit was due and counts as not met; where we stopped the trial, nothing can be said.
//! A constraint is a promise: the matrix shows, stage by stage, whether it was kept.
//!
//! ```text
//!            brief     storage     hand_over
//! no_deps    not_yet   kept        violated
//! ```

use super::facts::Facts;
use crate::model::{
    id::EventId,
    results::StageReached,
    task::{Check, Task},
    trace::{CheckMark, CheckStatus, EndKind, StageState},
};

/// One stage of the script, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSeen {
    pub id: String,
    pub state: StageReached,
    pub why: String,
    /// The event that says so.
    pub event: Option<EventId>,
}

/// How a check stands, with what failed before the agent started taken into account.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// 0..=1, and whether it holds.
    Measured(f64, bool),
    /// Nothing can be held against the agent.
    NotHeld(String),
    Broken(String),
}

/// One cell of the constraint matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    NotYet,
    Kept(EventId),
    Violated(EventId),
    Unknown,
    NotApplicable,
}

impl Cell {
    pub fn word(self) -> &'static str {
        match self {
            Cell::NotYet => "not_yet",
            Cell::Kept(_) => "kept",
            Cell::Violated(_) => "violated",
            Cell::Unknown => "unknown",
            Cell::NotApplicable => "not_applicable",
        }
    }
}

/// A constraint's row, one cell per stage of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub constraint: String,
    pub cells: Vec<Cell>,
}

/// Every stage of the script, in order.
pub fn stages(task: &Task, facts: &Facts<'_>) -> Vec<StageSeen> {
    let end = facts.end.map_or(EndKind::Recorded, |end| end.kind);
    let seen = |stage: &crate::model::task::Stage| {
        let mark = facts.stages.iter().rev().find(|(_, mark)| mark.id == stage.id);
        let checked = || stage.expect.iter().any(|name| mark_of(facts, name, &stage.id).is_some());
        let (state, why) = match (mark.map(|(_, mark)| mark.state), end) {
            (Some(StageState::Ended), _) => (StageReached::Done, String::new()),
            (Some(StageState::Skipped), _) => {
                (StageReached::Skipped, mark.map(|(_, mark)| mark.why.clone()).unwrap_or_default())
            }
            (Some(StageState::Entered), _) if checked() => {
                (StageReached::Done, "the agent's limit ended it".to_owned())
            }
            (None, EndKind::Done) => (StageReached::Skipped, "the script ended before it".to_owned()),
            (Some(StageState::Entered) | None, EndKind::Limit | EndKind::AgentGone)
                if stage.when.is_none() || mark.is_some() =>
            {
                (StageReached::Unreached, "the agent did not reach it".to_owned())
            }
            (Some(StageState::Entered) | None, EndKind::Limit | EndKind::AgentGone) => {
                (StageReached::NotRun, "whether it was due was never decided".to_owned())
            }
            (
                Some(StageState::Entered) | None,
                EndKind::Done | EndKind::Cancelled | EndKind::Broken | EndKind::Recorded,
            ) => (StageReached::NotRun, "the trial was stopped before its end".to_owned()),
        };
        StageSeen { id: stage.id.clone(), state, why, event: mark.map(|(event, _)| *event) }
    };
    task.interview.stages.iter().take(if facts.twin { 1 } else { usize::MAX }).map(seen).collect()
}

/// The mark of a check at the end of a stage.
pub fn mark_of<'a>(facts: &Facts<'a>, check: &str, stage: &str) -> Option<(EventId, &'a CheckMark)> {
    facts.marks.iter().rev().find(|(_, mark)| mark.name == check && mark.when == stage).copied()
}

pub fn standing(check: &Check, before: Option<&CheckMark>, mark: &CheckMark) -> Standing {
    match mark.status {
        CheckStatus::Broken => Standing::Broken(mark.why.clone()),
        CheckStatus::Skipped => Standing::NotHeld("it was skipped".to_owned()),
        CheckStatus::Passed | CheckStatus::Failed | CheckStatus::Timeout => match mark.score {
            Some(score) if score.is_finite() => {
                let score = score.clamp(0.0, 1.0);
                Standing::Measured(score, score >= check.pass_at)
            }
            Some(_) => Standing::Broken("its score is not a number".to_owned()),
            None if mark.status == CheckStatus::Passed => Standing::Measured(1.0, true),
            None if check.keep_green => kept_green(before, mark),
            None => Standing::Measured(0.0, false),
        },
    }
}

/// What failed before the agent started is not held against it.
fn kept_green(before: Option<&CheckMark>, mark: &CheckMark) -> Standing {
    let Some(before) = before.filter(|before| before.status != CheckStatus::Passed) else {
        return Standing::Measured(0.0, false);
    };
    if before.tests.is_empty() || mark.tests.is_empty() {
        return Standing::NotHeld("it failed before the agent started".to_owned());
    }
    let passed = before.tests.iter().filter(|(_, status)| **status == CheckStatus::Passed);
    let broke = passed.filter(|(test, _)| mark.tests.get(*test) != Some(&CheckStatus::Passed)).count();
    Standing::Measured(if broke == 0 { 1.0 } else { 0.0 }, broke == 0)
}

/// Constraint by stage.
pub fn constraints(task: &Task, facts: &Facts<'_>) -> Vec<Row> {
    let stages = stages(task, facts);
    let row = |constraint: &crate::model::task::Constraint| {
        let from = task.stage_index(&constraint.from).unwrap_or(0);
        let check = task.check(&constraint.check);
        let before = mark_of(facts, &constraint.check, "before").map(|(_, mark)| mark);
        let cell = |(at, stage): (usize, &StageSeen)| match stage.state {
            _ if at < from => Cell::NotYet,
            StageReached::Skipped | StageReached::Unreached | StageReached::NotRun => Cell::NotApplicable,
            StageReached::Done => match (check, mark_of(facts, &constraint.check, &stage.id)) {
                (Some(check), Some((event, mark))) => match standing(check, before, mark) {
                    Standing::Measured(_, true) => Cell::Kept(event),
                    Standing::Measured(_, false) => Cell::Violated(event),
                    Standing::NotHeld(_) => Cell::NotApplicable,
                    Standing::Broken(_) => Cell::Unknown,
                },
                (None, _) | (_, None) => Cell::Unknown,
            },
        };
        Row { constraint: constraint.id.clone(), cells: stages.iter().enumerate().map(cell).collect() }
    };
    task.interview.constraints.iter().map(row).collect()
}

/// Why the interview cannot be judged: a stage hung on a check that could not run.
pub fn void(task: &Task, facts: &Facts<'_>) -> Option<String> {
    use crate::model::task::When;
    let skipped = |id: &str| facts.stages.iter().any(|(_, mark)| mark.id == id && mark.state == StageState::Skipped);
    task.interview.stages.iter().filter(|stage| skipped(&stage.id)).find_map(|stage| {
        let check = match stage.when.as_ref()? {
            When::Check { name, .. } => name.as_str(),
            When::Constraint { id, .. } => task
                .interview
                .constraints
                .iter()
                .find(|constraint| constraint.id == *id)
                .map(|constraint| constraint.check.as_str())?,
            When::Told { .. } | When::Asked { .. } => return None,
        };
        let (_, mark) = facts.marks.iter().rev().find(|(_, mark)| mark.name == check && mark.when != "before")?;
        let broken = mark.status == CheckStatus::Broken;
        broken.then(|| format!("stage `{}` hangs on the check `{check}`, which could not run: {}", stage.id, mark.why))
    })
}
