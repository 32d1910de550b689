//! What the report says of a trial beside its scores: whether it passed, how its stages ended, what its interview came to.
//!
//! A trial passes when the script's last due stage was reached and every check in force there holds; a stage that expects nothing inherits the
//! checks of the one before it, without those that have been superseded since.

use super::Evidence;
use crate::{
    metrics::stages::{self, StageSeen, Standing},
    model::{
        interview::Decided,
        results::{InterviewResult, StageReached, StageResult},
        task::Task,
        trace::{CheckMark, CheckStatus},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `None`: no check was due, or one that decides could not run.
pub fn passed(evidence: &Evidence<'_>) -> Option<bool> {
    let task = evidence.task?;
    let seen = stages::stages(task, evidence.facts);
    if seen.iter().any(|stage| stage.state == StageReached::Unreached) {
        return task.interview.stages.iter().any(|stage| !stage.expect.is_empty()).then_some(false);
    }
    let undecided = |stage: &StageSeen| stage.state == StageReached::NotRun;
    let (last, _) = seen.iter().enumerate().rev().find(|(_, stage)| stage.state != StageReached::Skipped)?;
    if undecided(&seen[last]) {
        return None;
    }
    let in_force = in_force(task, &seen, last);
    if in_force.is_empty() {
        return None;
    }
    let mut all = true;
    for name in in_force {
        match latest(evidence, task, (&seen, last, name))? {
            Standing::Measured(_, holds) => all &= holds,
            Standing::NotHeld(_) => {}
            Standing::Broken(_) => return None,
        }
    }
    Some(all)
}

/// The checks that decide at a stage.
fn in_force<'t>(task: &'t Task, seen: &[StageSeen], last: usize) -> Vec<&'t str> {
    let reached = (0..=last).rev().filter(|at| seen[*at].state == StageReached::Done);
    let expects = reached.map(|at| &task.interview.stages[at].expect).find(|expect| !expect.is_empty());
    let superseded = |name: &str| {
        let until = task.check(name).and_then(|check| check.until.as_deref()).and_then(|until| task.stage_index(until));
        until.is_some_and(|until| until <= last)
    };
    expects.into_iter().flatten().map(String::as_str).filter(|name| !superseded(name)).collect()
}

/// How a check stood when it last ran, up to a stage; `None`: it never did.
fn latest(evidence: &Evidence<'_>, task: &Task, (seen, last, name): (&[StageSeen], usize, &str)) -> Option<Standing> {
    let check = task.check(name)?;
    let before = stages::mark_of(evidence.facts, name, "before").map(|(_, mark)| mark);
    let mark = (0..=last).rev().find_map(|at| stages::mark_of(evidence.facts, name, &seen[at].id));
    mark.map(|(_, mark)| stages::standing(check, before, mark))
}

/// Every stage of the script with the checks that ran at its end.
pub fn stage_results(evidence: &Evidence<'_>) -> Vec<StageResult> {
    let Some(task) = evidence.task else { return Vec::new() };
    let result = |stage: StageSeen| {
        let marks = evidence.facts.marks.iter().filter(|(_, mark)| mark.when == stage.id);
        let checks = marks.map(|(_, mark)| (mark.name.clone(), word_of(mark))).collect();
        StageResult { id: stage.id, state: stage.state, why: stage.why, checks }
    };
    stages::stages(task, evidence.facts).into_iter().map(result).collect()
}

fn word_of(mark: &CheckMark) -> Value {
    match (mark.score, mark.status) {
        (Some(score), CheckStatus::Passed | CheckStatus::Failed) => json!(score),
        (_, CheckStatus::Timeout) => json!("timeout"),
        (_, CheckStatus::Broken) => json!("broken"),
        (_, CheckStatus::Passed) => json!("passed"),
        (_, CheckStatus::Failed) => json!("failed"),
        (_, CheckStatus::Skipped) => json!("skipped"),
    }
}

/// What was asked and told, and the matrix of constraints; `None` without a suite.
pub fn interview_result(evidence: &Evidence<'_>) -> Option<InterviewResult> {
    let task = evidence.task?;
    let facts = evidence.facts;
    let mut told: Vec<String> = Vec::new();
    for (_, decision) in facts.decisions.iter().filter(|(_, decision)| decision.decision == Decided::Tell) {
        for fact in decision.facts.iter().filter(|fact| task.interview.facts.iter().any(|known| known.id == **fact)) {
            if !told.contains(fact) {
                told.push(fact.clone());
            }
        }
    }
    let never_asked = task.interview.facts.iter().map(|fact| fact.id.clone()).filter(|id| !told.contains(id)).collect();
    let asked = facts.questions.iter().filter(|asked| asked.answerable && asked.kind.asks()).count();
    let stages = stages::stages(task, facts);
    let cells = |row: stages::Row| {
        let cells = stages.iter().zip(row.cells).map(|(stage, cell)| (stage.id.clone(), cell.word().to_owned()));
        (row.constraint, cells.collect::<BTreeMap<_, _>>())
    };
    let constraints = stages::constraints(task, facts).into_iter().map(cells).collect();
    Some(InterviewResult { asked: u32::try_from(asked).unwrap_or(u32::MAX), told, never_asked, constraints })
}
