//! Over the trials of a task: did an agent do the same thing twice? And does it ask where there is something to ask, and only there?

use super::words::{figure, score};
use crate::model::results::{AgentResult, ConsistencyResult, Results};
use serde::Serialize;

/// What each column is, as its head.
pub(super) const COLUMNS: [&str; 6] = ["outcome", "kinds of act", "order of acts", "calls", "tokens", "time"];

/// One task and agent; a number that cannot be had is `-`.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    pub task: &'a str,
    pub agent: &'a str,
    /// `3`, or `3 (2 compared)` where not all trials' acts were.
    pub trials: String,
    pub cells: Vec<String>,
}

pub(super) fn rows(results: &Results) -> Vec<Row<'_>> {
    results.consistency.iter().map(row).collect()
}

fn row(one: &ConsistencyResult) -> Row<'_> {
    let resource = |name: &str| one.resources.get(name).copied();
    let numbers = [one.outcome, one.act_distribution, one.act_sequence].into_iter().chain([
        resource("tool_calls"),
        resource("tokens"),
        resource("wall_s"),
    ]);
    Row {
        task: &one.task,
        agent: &one.agent,
        trials: if one.compared == one.trials {
            one.trials.to_string()
        } else {
            format!("{} ({} compared)", one.trials, one.compared)
        },
        cells: numbers.map(|number| number.map_or("-".to_owned(), score)).collect(),
    }
}

/// A sentence for each agent that had both something and nothing to ask.
pub(super) fn asking(results: &Results) -> Vec<String> {
    results.agents.iter().filter_map(of_agent).collect()
}

fn of_agent(agent: &AgentResult) -> Option<String> {
    let asking = agent.asking.as_ref()?;
    let sensitivity = match asking.d_prime {
        Some(d_prime) => format!("d' {}", figure((d_prime * 100.0).round() / 100.0)),
        None => "too few trials for d'".to_owned(),
    };
    Some(format!(
        "{} asked in {} of {} trials that left something open, and in {} of {} that did not: {sensitivity}",
        agent.agent, asking.hits, asking.open, asking.false_alarms, asking.closed
    ))
}
