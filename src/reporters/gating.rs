//! What a gate said, as every output words it: a rule's numbers, its colour, the looks, the tasks that fail now.

use super::findings::Found;
use super::words::plural;
use crate::model::results::{GateResult, LookResult, NewlyFailing, Results};

/// `estimate -0.033, bounds -0.118 to 0.052, line -0.15, 20 tasks`; empty where a rule has no estimate.
pub(super) fn numbers(gate: &GateResult) -> String {
    let Some(estimate) = gate.estimate else { return String::new() };
    let bound = |bound: Option<f64>| bound.map_or("none".to_owned(), |bound| format!("{bound:.3}"));
    let bounds = format!("bounds {} to {}", bound(gate.low), bound(gate.high));
    let line = gate.margin.map(|line| format!(", line {line}")).unwrap_or_default();
    let tasks = gate.n.map(|n| format!(", {}", plural(n as usize, "task"))).unwrap_or_default();
    format!("estimate {estimate:.3}, {bounds}{line}{tasks}")
}

/// A rule's reason, after its numbers.
pub(super) fn reason(gate: &GateResult) -> String {
    let numbers = numbers(gate);
    if numbers.is_empty() { gate.why.clone() } else { format!("{numbers}: {}", gate.why) }
}

/// The class that carries the colour: held, broken, open, or nothing to say.
pub(super) fn class(gate: &GateResult) -> &'static str {
    match gate.verdict.as_str() {
        "passed" => "met",
        "failed" | "measurement_broken" => "unmet",
        "inconclusive" | "insufficient_data" => "partly",
        _ => "none",
    }
}

/// The look that each agent has come to, in words.
pub(super) fn looks(results: &Results) -> Vec<String> {
    let last = |look: &&LookResult| !results.looks.iter().any(|it| it.agent == look.agent && it.look > look.look);
    results.looks.iter().filter(last).map(|look| format!("{}: {}", look.agent, look.sentence())).collect()
}

/// The trial that shows a newly failing task, and the criterion of its outcome that was not met.
pub(super) fn shown<'a>(results: &'a Results, failing: &NewlyFailing) -> Option<(usize, Option<Found<'a>>)> {
    let (at, trial) = results.trials.iter().enumerate().find(|(_, trial)| trial.id == failing.trial)?;
    Some((at, Found::of_outcome(at, trial)))
}
