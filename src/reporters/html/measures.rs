//! Metrics over all trials: the mean of task means per agent, and each trial's number behind it.

use super::super::words::figure;
use super::index::Links;
use crate::metrics::{METRICS, named};
use crate::model::results::{Results, TrialResult};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The metrics of one behaviour.
#[derive(Serialize)]
pub(super) struct Group<'a> {
    behaviour: &'a str,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    doc: &'a str,
    unit: &'a str,
    cells: Vec<Cell<'a>>,
}

#[derive(Serialize)]
struct Cell<'a> {
    agent: &'a str,
    text: String,
    /// `2 undefined`
    beside: Option<String>,
    trials: Vec<OfTrial<'a>>,
    /// Trials whose number only their own pages show.
    more: usize,
}

#[derive(Serialize)]
struct OfTrial<'a> {
    id: &'a str,
    href: String,
    text: String,
}

pub(super) fn groups<'a>(results: &'a Results, links: Links<'a>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let ids = ids(results);
    let most = super::limits::sentences(ids.len() * results.agents.len());
    for id in ids {
        let metric = named(id);
        let behaviour = metric.map_or("other", |metric| metric.behaviour);
        let row = Row {
            id,
            doc: metric.map_or("", |metric| metric.doc),
            unit: metric.map_or("", |metric| metric.unit),
            cells: results.agents.iter().map(|agent| cell(results, (links, most), (id, &agent.agent))).collect(),
        };
        match groups.iter_mut().find(|group| group.behaviour == behaviour) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { behaviour, rows: vec![row] }),
        }
    }
    groups
}

/// A trial's metric in words: a number, or why there is none.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map_or("?".to_owned(), figure),
        Value::Object(map) => {
            let said = |key: &str| map.get(key).and_then(Value::as_str).map(|why| format!("{key}: {why}"));
            said("undefined").or_else(|| said("unknown")).unwrap_or_else(|| "no number".to_owned())
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => "no number".to_owned(),
    }
}

/// In the order of the registry; what it does not know comes last.
fn ids(results: &Results) -> Vec<&str> {
    let mut found: Vec<&str> = METRICS.iter().map(|metric| metric.id).collect();
    found.retain(|id| results.trials.iter().any(|trial| trial.metrics.contains_key(*id)));
    let known = found.len();
    for id in results.trials.iter().flat_map(|trial| trial.metrics.keys()) {
        if !found.contains(&id.as_str()) {
            found.push(id);
        }
    }
    found[known..].sort_unstable();
    found
}

fn cell<'a>(results: &'a Results, (links, most): (Links<'_>, usize), (id, agent): (&str, &'a str)) -> Cell<'a> {
    let mine = |trial: &TrialResult| trial.agent == agent && !trial.twin;
    let (mut by_task, mut trials): (BTreeMap<&str, Vec<f64>>, _) = (BTreeMap::new(), Vec::new());
    let (mut none, mut more) = (0, 0);
    for (at, trial) in results.trials.iter().enumerate().filter(|(_, trial)| mine(trial)) {
        let Some(value) = trial.metrics.get(id) else { continue };
        match value.as_f64() {
            Some(number) => by_task.entry(trial.task.as_str()).or_default().push(number),
            None => none += 1,
        }
        if trials.len() == most {
            more += 1;
            continue;
        }
        trials.push(OfTrial {
            id: &trial.id,
            href: links.at(at, format_args!("m-{}", super::super::names::safe(id))),
            text: words(value),
        });
    }
    let means: Vec<f64> = by_task.values().map(|values| values.iter().sum::<f64>() / values.len() as f64).collect();
    Cell {
        agent,
        text: if means.is_empty() { "-".to_owned() } else { figure(means.iter().sum::<f64>() / means.len() as f64) },
        beside: (none > 0).then(|| format!("{none} without")),
        trials,
        more,
    }
}
