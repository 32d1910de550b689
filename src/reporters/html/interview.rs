//! What came of each interview: stages with their checks, facts asked for and told, constraints kept and broken.

use super::super::Report;
use super::super::words::score;
use super::figure::level;
use super::index::Links;
use super::limits;
use crate::model::{
    results::{StageReached, StageResult, TrialResult},
    task::Task,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// Stages of one task: a row per trial.
#[derive(Serialize)]
pub(super) struct StageTable<'a> {
    task: &'a str,
    stages: Vec<&'a str>,
    rows: Vec<StageRow<'a>>,
}

#[derive(Serialize)]
struct StageRow<'a> {
    trial: String,
    href: String,
    cells: Vec<Option<StageCell<'a>>>,
}

#[derive(Serialize)]
pub(super) struct StageCell<'a> {
    state: &'static str,
    why: &'a str,
    checks: Vec<CheckChip<'a>>,
}

#[derive(Serialize)]
pub(super) struct CheckChip<'a> {
    name: &'a str,
    says: String,
    class: &'static str,
}

/// Facts and constraints of one task.
#[derive(Serialize)]
pub(super) struct Table<'a> {
    task: &'a str,
    trials: Vec<TrialHead>,
    facts: Vec<FactRow<'a>>,
    stages: Vec<&'a str>,
    constraints: Vec<ConstraintRow<'a>>,
}

#[derive(Serialize)]
struct TrialHead {
    name: String,
    href: String,
    asked: u32,
}

#[derive(Serialize)]
struct FactRow<'a> {
    id: &'a str,
    about: &'a str,
    weight: Option<String>,
    /// Per trial: told, or never asked.
    cells: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct ConstraintRow<'a> {
    id: &'a str,
    text: &'a str,
    trial: String,
    href: String,
    cells: Vec<(String, &'static str)>,
}

/// With the number of tasks that are not shown.
pub(super) fn stages<'a>(report: &'a Report<'_>, links: Links<'a>) -> (Vec<StageTable<'a>>, usize) {
    let row = |(at, trial): &(usize, &'a TrialResult), stages: &[&str]| StageRow {
        trial: short(trial),
        href: links.trial(*at),
        cells: stages.iter().map(|id| trial.stages.iter().find(|stage| stage.id == **id).map(stage_cell)).collect(),
    };
    let table = |(task, trials): OfTask<'a>| {
        let stages = stages_of(&trials);
        StageTable { task, rows: trials.iter().map(|trial| row(trial, &stages)).collect(), stages }
    };
    let staged = by_task(report).into_iter().filter(|(_, trials)| trials.iter().any(|it| !it.1.stages.is_empty()));
    let (shown, more) = limits::first(staged.map(counted).collect(), limits::ROWS);
    (shown.into_iter().map(table).collect(), more)
}

/// With the number of tasks that are not shown.
pub(super) fn tables<'a>(report: &'a Report<'_>, links: Links<'a>) -> (Vec<Table<'a>>, usize) {
    let table = |(task, trials): OfTask<'a>| {
        let known = report.suite.and_then(|suite| suite.tasks.iter().find(|known| known.id == task));
        let head = |(at, trial): &(usize, &TrialResult)| TrialHead {
            name: short(trial),
            href: links.trial(*at),
            asked: trial.interview.as_ref().map_or(0, |interview| interview.asked),
        };
        // A twin is told everything with its brief: there is nothing to ask for.
        let asking: Vec<(usize, &'a TrialResult)> = trials.iter().copied().filter(|(_, trial)| !trial.twin).collect();
        let stages = stages_of(&trials);
        let rows = trials.iter().flat_map(|(at, trial)| constraint_rows(trial, known, (&stages, links.trial(*at))));
        Table {
            task,
            trials: asking.iter().map(head).collect(),
            facts: fact_rows(&asking, known),
            constraints: rows.collect(),
            stages,
        }
    };
    let held = by_task(report).into_iter().filter(|(_, trials)| trials.iter().any(|it| it.1.interview.is_some()));
    let (shown, more) = limits::first(held.map(counted).collect(), limits::ROWS);
    let found = shown.into_iter().map(table);
    (found.filter(|table| !table.facts.is_empty() || !table.constraints.is_empty()).collect(), more)
}

type OfTask<'a> = (&'a str, Vec<(usize, &'a TrialResult)>);

fn counted(task: OfTask<'_>) -> (OfTask<'_>, usize) {
    let trials = task.1.len();
    (task, trials)
}

/// A stage with its checks.
pub(super) fn stage_cell(stage: &StageResult) -> StageCell<'_> {
    let state = match stage.state {
        StageReached::Done => "done",
        StageReached::Skipped => "skipped",
        StageReached::Unreached => "not reached",
        StageReached::NotRun => "not run",
    };
    StageCell { state, why: &stage.why, checks: stage.checks.iter().map(|(name, value)| chip(name, value)).collect() }
}

/// The constraints of one trial, one cell for each of these stages.
pub(super) fn constraint_rows<'a>(
    trial: &'a TrialResult,
    task: Option<&'a Task>,
    (stages, href): (&[&str], String),
) -> Vec<ConstraintRow<'a>> {
    let Some(interview) = &trial.interview else { return Vec::new() };
    let row = |(id, cells): (&'a String, &std::collections::BTreeMap<String, String>)| {
        let text = task.and_then(|task| task.interview.constraints.iter().find(|known| known.id == *id));
        let cell = |stage: &&str| {
            cells.get(*stage).map_or((String::new(), "none"), |word| (word.replace('_', " "), kept(word)))
        };
        ConstraintRow {
            id,
            text: text.map_or("", |constraint| constraint.text.as_str()),
            trial: short(trial),
            href: href.clone(),
            cells: stages.iter().map(cell).collect(),
        }
    };
    interview.constraints.iter().map(row).collect()
}

/// `careful`, `careful 2`, `careful twin`.
fn short(trial: &TrialResult) -> String {
    let twin = if trial.twin { " twin" } else { "" };
    if trial.trial > 1 { format!("{}{twin} {}", trial.agent, trial.trial) } else { format!("{}{twin}", trial.agent) }
}

fn kept(word: &str) -> &'static str {
    match word {
        "kept" => "met",
        "violated" => "unmet",
        _ => "none",
    }
}

fn chip<'a>(name: &'a str, value: &Value) -> CheckChip<'a> {
    let (says, class) = match value {
        Value::String(word) if word == "passed" => ("✓".to_owned(), "met"),
        Value::String(word) if word == "failed" => ("✗".to_owned(), "unmet"),
        Value::String(word) if word == "timeout" => ("✗ timeout".to_owned(), "unmet"),
        Value::String(word) => (word.clone(), "none"),
        Value::Number(number) => {
            let value = number.as_f64();
            (value.map_or("?".to_owned(), score), level(value))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => ("no result".to_owned(), "none"),
    };
    CheckChip { name, says, class }
}

fn by_task<'a>(report: &'a Report<'_>) -> Vec<OfTask<'a>> {
    let mut tasks: Vec<OfTask<'a>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, trial) in report.results.trials.iter().enumerate() {
        let place = *places.entry(&trial.task).or_insert(tasks.len());
        if place == tasks.len() {
            tasks.push((&trial.task, Vec::new()));
        }
        tasks[place].1.push((at, trial));
    }
    tasks
}

fn stages_of<'a>(trials: &[(usize, &'a TrialResult)]) -> Vec<&'a str> {
    let mut stages: Vec<&str> = Vec::new();
    for stage in trials.iter().flat_map(|(_, trial)| &trial.stages) {
        if !stages.contains(&stage.id.as_str()) {
            stages.push(&stage.id);
        }
    }
    stages
}

fn fact_rows<'a>(trials: &[(usize, &'a TrialResult)], task: Option<&'a Task>) -> Vec<FactRow<'a>> {
    let mut ids: Vec<&str> =
        task.map(|task| task.interview.facts.iter().map(|fact| fact.id.as_str()).collect()).unwrap_or_default();
    for interview in trials.iter().filter_map(|(_, trial)| trial.interview.as_ref()) {
        for id in interview.told.iter().chain(&interview.never_asked) {
            if !ids.contains(&id.as_str()) {
                ids.push(id);
            }
        }
    }
    let row = |id: &'a str| {
        let fact = task.and_then(|task| task.interview.facts.iter().find(|fact| fact.id == id));
        let cell = |(_, trial): &(usize, &TrialResult)| match &trial.interview {
            Some(interview) if interview.told.iter().any(|told| told == id) => "told",
            Some(interview) if interview.never_asked.iter().any(|fact| fact == id) => "never asked",
            Some(_) | None => "",
        };
        FactRow {
            id,
            about: fact.map_or("", |fact| fact.about.as_str()),
            weight: fact.map(|fact| super::super::words::figure(fact.weight)),
            cells: trials.iter().map(cell).collect(),
        }
    };
    ids.into_iter().map(row).collect()
}
