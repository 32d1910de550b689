//! Efficiency: what the work cost, and how much of it went round in circles.
//!
//! Times, tokens and money differ between two runs of the same thing: they are shown, and no shipped criterion scores them.

use super::{
    Metric,
    facts::{At, Call, Facts, count, share, untold},
};
use crate::model::{
    id::EventId,
    score::Measured,
    trace::{Body, Event, ResultStatus, Usage, UsageScope},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

const NEVER: &str = "never";
const UNTOLD: &str = "the source does not tell usage, or told none";
const NO_CALL: &str = "no tool was called";

const fn usage(
    (id, unit): (&'static str, &'static str),
    doc: &'static str,
    fails: &'static str,
    of: fn(&Facts<'_>) -> Measured,
) -> Metric {
    Metric { id, behaviour: "efficiency", unit, range: ">= 0", doc, undefined: NEVER, unknown: UNTOLD, fails, of }
}

pub const TOKENS_IN: Metric = usage(
    ("tokens_in", "tokens"),
    "Input tokens of all responses, cached ones included, sub-agents included.",
    "Depends on the provider's counting and on caching; sub-agents whose usage the source leaves out are missing.",
    |facts| summed(facts, |usage| usage.input),
);

pub const TOKENS_CACHED: Metric = usage(
    ("tokens_cached", "tokens"),
    "Input tokens that came from the provider's cache.",
    "Says how the provider's cache was hit, which time of day and other load decide as well.",
    |facts| summed(facts, |usage| usage.cached),
);

pub const TOKENS_OUT: Metric = usage(
    ("tokens_out", "tokens"),
    "Output tokens of all responses, reasoning included.",
    "Some providers count hidden reasoning and some do not: compare only within one model.",
    |facts| summed(facts, |usage| usage.output),
);

pub const COST_USD: Metric = Metric {
    unknown: "the source does not tell the cost of every response, nor that of its whole turn",
    ..usage(
        ("cost_usd", "US dollars"),
        "Cost as the source states it per response or turn; one that is stated for a turn holds for all its responses.",
        "Prices change and discounts are not known; a login with a flat rate states a cost that nobody paid.",
        |facts| {
            if facts.usage.is_empty() || !every_cost_is_told(facts) {
                return untold("the cost of every response");
            }
            let micro: u64 = facts.usage.iter().filter_map(|usage| usage.micro_usd).sum();
            Measured::cited(micro as f64 / 1e6, told_usage(facts))
        },
    )
};

/// Whether each usage has its cost, or stands in a turn that has.
fn every_cost_is_told(facts: &Facts<'_>) -> bool {
    let usage = || {
        let live = facts.trace.events.iter().filter(|event| !event.superseded);
        live.filter_map(|event| if let Body::Usage(usage) = &event.body { Some((event.turn, usage)) } else { None })
    };
    let of_turns = usage().filter(|(_, usage)| usage.scope == UsageScope::Turn && usage.micro_usd.is_some());
    let told: BTreeSet<u32> = of_turns.map(|(turn, _)| turn).collect();
    usage().all(|(turn, usage)| usage.micro_usd.is_some() || told.contains(&turn))
}

fn summed(facts: &Facts<'_>, of: fn(&Usage) -> u64) -> Measured {
    if facts.usage.is_empty() {
        return untold("usage");
    }
    Measured::cited(facts.usage.iter().map(|usage| of(usage)).sum::<u64>() as f64, told_usage(facts))
}

/// The events that tell usage.
fn told_usage(facts: &Facts<'_>) -> Vec<EventId> {
    let told = |event: &&Event| !event.superseded && matches!(event.body, Body::Usage(_));
    facts.trace.events.iter().filter(told).map(|event| event.id).collect()
}

pub const WALL_S: Metric = Metric {
    id: "wall_s",
    behaviour: "efficiency",
    unit: "seconds",
    range: ">= 0",
    doc: "Time of the last event minus time of the first.",
    undefined: "fewer than two events have a time",
    unknown: "the source does not tell times",
    fails: "Includes the interviewer, checks, queues and the machine's other load; two runs of the same thing differ.",
    of: |facts| {
        if !facts.tells().times {
            return untold("times");
        }
        let live = facts.trace.events.iter().filter(|event| !event.superseded);
        let times: Vec<(u64, EventId)> = live.filter_map(|event| Some((event.at?, event.id))).collect();
        match (times.iter().min(), times.iter().max()) {
            (Some(first), Some(last)) if times.len() > 1 => {
                Measured::cited((last.0 - first.0) as f64 / 1000.0, vec![first.1, last.1])
            }
            (_, _) => Measured::Undefined("fewer than two events have a time".to_owned()),
        }
    },
};

pub const TOOL_S: Metric = Metric {
    id: "tool_s",
    behaviour: "efficiency",
    unit: "seconds",
    range: ">= 0",
    doc: "Sum of the running times of all tool calls that have one: as told, else from call to result.",
    undefined: NO_CALL,
    unknown: "no call has a running time",
    fails: "Calls that ran side by side are added up, so it may exceed the wall time; a command left in the background counts only until its call returned.",
    of: |facts| {
        if facts.calls.is_empty() {
            return Measured::Undefined(NO_CALL.to_owned());
        }
        let timed = facts.calls.iter().filter_map(|call| Some((running_ms(facts, call)?, call.event)));
        let (times, cites): (Vec<u64>, Vec<EventId>) = timed.unzip();
        if times.is_empty() {
            untold("running times")
        } else {
            Measured::cited(times.iter().sum::<u64>() as f64 / 1000.0, cites)
        }
    },
};

/// How long a call ran: as told, else from its event to its result's.
pub fn running_ms(facts: &Facts<'_>, call: &Call<'_>) -> Option<u64> {
    let at = |event: EventId| facts.trace.event(event).and_then(|event| event.at);
    call.duration_ms.or_else(|| at(call.result?)?.checked_sub(at(call.event)?))
}

pub const MODEL_S: Metric = Metric {
    id: "model_s",
    behaviour: "efficiency",
    unit: "seconds",
    range: ">= 0",
    doc: "Time within turns in which no tool of the root agent ran: over the turns, from the user's message to the last thing that the agent said, called, got back or ended with, less the union of the times from each call of the root agent to its end (as told, else to its result).",
    undefined: "no turn has a user's message and something of the agent after it, both with a time",
    unknown: "the source does not tell times",
    fails: "Includes the provider's queue, retries after rate limits and whatever the agent's own program does; two runs of the same thing differ.",
    of: model_s,
};

fn model_s(facts: &Facts<'_>) -> Measured {
    if !facts.tells().times {
        return untold("times");
    }
    let at = |event: EventId| facts.trace.event(event).and_then(|event| event.at);
    let mut turns: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (turn, start) in facts.users.iter().filter_map(|(id, _)| Some((facts.trace.event(*id)?.turn, at(*id)?))) {
        turns.entry(turn).or_insert((start, start));
    }
    let mut answered = false;
    for event in facts.trace.events.iter().filter(|event| !event.superseded && of_agent(&event.body)) {
        if let (Some(turn), Some(at)) = (turns.get_mut(&event.turn), event.at) {
            turn.1 = turn.1.max(at);
            answered = true;
        }
    }
    if !answered {
        return Measured::Undefined("no turn has times for what the user and the agent said".to_owned());
    }
    let mut tools: Vec<(u64, u64)> = Vec::new();
    for call in facts.calls.iter().filter(|call| call.root) {
        if let (Some(start), Some(ran)) = (at(call.event), running_ms(facts, call)) {
            let (from, until) = turns.get(&call.turn).copied().unwrap_or((start, start));
            tools.push((start.clamp(from, until), start.saturating_add(ran).clamp(from, until)));
        }
    }
    let whole: u64 = turns.values().map(|(from, until)| until - from).sum();
    Measured::value(whole.saturating_sub(covered(tools)) as f64 / 1000.0)
}

/// What the agent does, not we, in a turn.
fn of_agent(body: &Body) -> bool {
    match body {
        Body::AgentMessage(_) | Body::Reasoning(_) | Body::Plan(_) | Body::ToolCall(_) | Body::ToolResult(_) => true,
        Body::FileChange(_) | Body::Question(_) | Body::Permission(_) | Body::TurnEnd(_) => true,
        Body::UserMessage(_) | Body::Interviewer(_) | Body::Stage(_) | Body::Snapshot(_) | Body::Check(_) => false,
        Body::Compaction(_) | Body::SubAgent(_) | Body::Usage(_) | Body::Limit(_) | Body::Error(_) => false,
        Body::End(_) | Body::Unknown(_) => false,
    }
}

/// Length of the union of intervals.
fn covered(mut intervals: Vec<(u64, u64)>) -> u64 {
    intervals.sort_unstable();
    let (mut length, mut end) = (0, 0);
    for (from, until) in intervals {
        length += until.saturating_sub(from.max(end));
        end = end.max(until);
    }
    length
}

pub const TOOL_CALLS: Metric = Metric {
    id: "tool_calls",
    behaviour: "efficiency",
    unit: "calls",
    range: ">= 0",
    doc: "Tool calls, sub-agents' included.",
    undefined: NEVER,
    unknown: NEVER,
    fails: "One call may hold ten commands, so agents that chain commands look frugal.",
    of: |facts| count(facts.calls.len(), facts.calls.iter().map(|call| call.event).collect()),
};

pub const TOOL_ERROR_RATE: Metric = Metric {
    id: "tool_error_rate",
    behaviour: "efficiency",
    unit: "share",
    range: "0..1",
    doc: "Tool calls that failed (status failed, or an exit status other than 0) / tool calls whose status is told.",
    undefined: NO_CALL,
    unknown: "the source tells no call's status",
    fails: "A search without a hit and a test that rightly fails are errors to the shell; a masked exit is none.",
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
    fails: "A rerun after something outside changed (a service came up, a flaky test) counts; the same attempt in other words does not.",
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
    doc: "Largest number of times in a row that one cycle of k tool calls (k from 1 to 4; tool and input equal) came, within one lane; 1 if nothing was repeated. Cites the call that ends the first longest one.",
    undefined: NO_CALL,
    unknown: NEVER,
    fails: "Polling for a job that takes its time is a loop and no fault; a loop whose commands differ in one letter is missed.",
    of: |facts| {
        if facts.calls.is_empty() {
            return Measured::Undefined(NO_CALL.to_owned());
        }
        // Sub-agents work at the same time: each lane has loops of its own.
        let mut lanes: BTreeMap<&str, Vec<(usize, EventId)>> = BTreeMap::new();
        for call in &facts.calls {
            let lane = facts.trace.event(call.event).map_or("", |event| event.lane.as_str());
            lanes.entry(lane).or_default().push((call.key, call.event));
        }
        let (most, end) = lanes.values().map(|calls| longest(calls)).max().unwrap_or((1, None));
        count(most, end.map(|Reverse(event)| event).into_iter().collect())
    },
};

/// How often the longest cycle came in a row, and the call that ended it; the earliest of several.
fn longest(calls: &[(usize, EventId)]) -> (usize, Option<Reverse<EventId>>) {
    let mut most = (1, None);
    for cycle in 1..=4usize {
        let mut run = 0;
        for at in cycle..calls.len() {
            run = if calls[at].0 == calls[at - cycle].0 { run + 1 } else { 0 };
            let times = run / cycle + 1;
            if times > most.0 {
                most = (times, Some(Reverse(calls[at].1)));
            }
        }
    }
    most
}
