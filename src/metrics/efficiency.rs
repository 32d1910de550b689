//! Efficiency: what the work cost, and how much of it went round in circles.
//!
//! Times, tokens and money differ between two runs of the same thing: they are shown, and no shipped criterion scores them.

use super::{
    Metric,
    facts::{At, Call, Facts, count, share, untold},
};
use crate::model::{id::EventId, score::Measured, trace::ResultStatus, trace::Usage};
use std::collections::{BTreeMap, BTreeSet};

const NEVER: &str = "never";
const NO_CALL: &str = "no tool was called";

const fn usage(id: &'static str, unit: &'static str, doc: &'static str, of: fn(&Facts<'_>) -> Measured) -> Metric {
    Metric {
        id,
        behaviour: "efficiency",
        unit,
        range: ">= 0",
        doc,
        undefined: NEVER,
        unknown: "the source does not tell usage",
        of,
    }
}

pub const TOKENS_IN: Metric = usage(
    "tokens_in",
    "tokens",
    "Input tokens of all responses, cached ones included, sub-agents included.",
    |facts| summed(facts, |usage| usage.input),
);

pub const TOKENS_CACHED: Metric =
    usage("tokens_cached", "tokens", "Input tokens that came from the provider's cache.", |facts| {
        summed(facts, |usage| usage.cached)
    });

pub const TOKENS_OUT: Metric =
    usage("tokens_out", "tokens", "Output tokens of all responses, reasoning included.", |facts| {
        summed(facts, |usage| usage.output)
    });

pub const COST_USD: Metric =
    usage("cost_usd", "US dollars", "Cost as the source states it per response or turn.", |facts| {
        if facts.usage.is_empty() || facts.usage.iter().any(|usage| usage.micro_usd.is_none()) {
            return untold("the cost of every response");
        }
        let micro: u64 = facts.usage.iter().filter_map(|usage| usage.micro_usd).sum();
        Measured::value(micro as f64 / 1e6)
    });

fn summed(facts: &Facts<'_>, of: fn(&Usage) -> u64) -> Measured {
    if facts.usage.is_empty() {
        return untold("usage");
    }
    Measured::value(facts.usage.iter().map(|usage| of(usage)).sum::<u64>() as f64)
}

pub const WALL_S: Metric = Metric {
    id: "wall_s",
    behaviour: "efficiency",
    unit: "seconds",
    range: ">= 0",
    doc: "Time of the last event minus time of the first.",
    undefined: "fewer than two events have a time",
    unknown: "the source does not tell times",
    of: |facts| {
        if !facts.tells().times {
            return untold("times");
        }
        let times: Vec<u64> =
            facts.trace.events.iter().filter(|event| !event.superseded).filter_map(|event| event.at).collect();
        match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) if times.len() > 1 => Measured::value((last - first) as f64 / 1000.0),
            (_, _) => Measured::Undefined("fewer than two events have a time".to_owned()),
        }
    },
};

pub const TOOL_S: Metric = Metric {
    id: "tool_s",
    behaviour: "efficiency",
    unit: "seconds",
    range: ">= 0",
    doc: "Sum of the running times of all tool calls: as told, else from call to result.",
    undefined: NO_CALL,
    unknown: "no call has a running time",
    of: |facts| {
        if facts.calls.is_empty() {
            return Measured::Undefined(NO_CALL.to_owned());
        }
        let times: Vec<u64> = facts.calls.iter().filter_map(|call| running_ms(facts, call)).collect();
        if times.is_empty() {
            untold("running times")
        } else {
            Measured::value(times.iter().sum::<u64>() as f64 / 1000.0)
        }
    },
};

/// How long a call ran: as told, else from its event to its result's.
pub fn running_ms(facts: &Facts<'_>, call: &Call<'_>) -> Option<u64> {
    let at = |event: EventId| facts.trace.event(event).and_then(|event| event.at);
    call.duration_ms.or_else(|| at(call.result?)?.checked_sub(at(call.event)?))
}

pub const TOOL_CALLS: Metric = Metric {
    id: "tool_calls",
    behaviour: "efficiency",
    unit: "calls",
    range: ">= 0",
    doc: "Tool calls, sub-agents' included.",
    undefined: NEVER,
    unknown: NEVER,
    of: |facts| count(facts.calls.len(), Vec::new()),
};

pub const TOOL_ERROR_RATE: Metric = Metric {
    id: "tool_error_rate",
    behaviour: "efficiency",
    unit: "share",
    range: "0..1",
    doc: "Tool calls that failed (status failed, or an exit status other than 0) / tool calls whose status is told.",
    undefined: NO_CALL,
    unknown: "the source tells no call's status",
    of: |facts| {
        let told: Vec<&Call<'_>> =
            facts.calls.iter().filter(|call| call.status != ResultStatus::Unknown || call.exit.is_some()).collect();
        if told.is_empty() && !facts.calls.is_empty() {
            return untold("whether calls failed");
        }
        let failed: Vec<EventId> = told.iter().filter(|call| call.failed()).map(|call| call.event).collect();
        share(failed.len(), told.len(), NO_CALL, failed)
    },
};

pub const RETRIED_FAILURES: Metric = Metric {
    id: "retried_failures",
    behaviour: "efficiency",
    unit: "calls",
    range: ">= 0",
    doc: "Calls that repeat a failed call (same tool, same input) with no edit in between that took hold.",
    undefined: NO_CALL,
    unknown: NEVER,
    of: |facts| {
        if facts.calls.is_empty() {
            return Measured::Undefined(NO_CALL.to_owned());
        }
        let edits: Vec<At> = facts.applied().map(|edit| edit.at).collect();
        let mut failed: BTreeMap<usize, EventId> = BTreeMap::new();
        let mut again = Vec::new();
        for call in &facts.calls {
            if let Some(before) = failed.remove(&call.key) {
                let next = edits.partition_point(|at| at.0 <= before);
                if edits.get(next).is_none_or(|at| at.0 >= call.event) {
                    again.push(call.event);
                }
            }
            if call.failed() {
                failed.insert(call.key, call.event);
            }
        }
        count(again.len(), again)
    },
};

pub const LONGEST_LOOP: Metric = Metric {
    id: "longest_loop",
    behaviour: "efficiency",
    unit: "repetitions",
    range: ">= 1",
    doc: "Largest number of times in a row that one cycle of k tool calls (k from 1 to 4; tool and input equal) came; 1 if nothing was repeated.",
    undefined: NO_CALL,
    unknown: NEVER,
    of: |facts| {
        let keys: Vec<usize> = facts.calls.iter().map(|call| call.key).collect();
        if keys.is_empty() {
            return Measured::Undefined(NO_CALL.to_owned());
        }
        let (mut most, mut end) = (1, 0);
        for cycle in 1..=4usize {
            let mut run = 0;
            for at in cycle..keys.len() {
                run = if keys[at] == keys[at - cycle] { run + 1 } else { 0 };
                let times = run / cycle + 1;
                if times > most {
                    (most, end) = (times, at);
                }
            }
        }
        let cites: BTreeSet<EventId> = if most > 1 { [facts.calls[end].event].into() } else { BTreeSet::new() };
        count(most, cites.into_iter().collect())
    },
};
