//! Which native event tells what a live event tells: the first rule of `join`.

use super::{collect::Imported, join::Live};
use crate::model::{
    id::EventId,
    trace::{Body, Event, ResultStatus},
};
use std::collections::{HashMap, HashSet, VecDeque};

/// By what two events are known to be the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: &'static str,
    lane: String,
    /// Absent where only the order in the lane counts.
    turn: Option<u32>,
    what: String,
}

/// How closely two events must agree.
#[derive(Clone, Copy)]
enum Within {
    Turn,
    Lane,
}

/// For each native event the place of its live one.
pub(super) fn pairs(live: &Live, native: &Imported) -> Vec<Option<usize>> {
    let named = live.calls.iter().map(|(id, event)| (*event, plain(id, &lane_of(&live.events, *event))));
    let mut ours = ids(&live.events, named.collect());
    let theirs = ids(&native.trace.events, native.calls.iter().map(|(event, id)| (*event, id.clone())).collect());
    by_order(&live.events, &mut ours, (&native.trace.events, &theirs));
    let mut found: Vec<Option<usize>> = vec![None; native.trace.events.len()];
    let mut taken: HashSet<usize> = HashSet::new();
    for within in [Within::Turn, Within::Lane] {
        let mut waiting: HashMap<Key, VecDeque<usize>> = HashMap::new();
        for (at, event) in live.events.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
            if let Some(key) = key(event, &ours, within) {
                waiting.entry(key).or_default().push_back(at);
            }
        }
        for (at, event) in native.trace.events.iter().enumerate() {
            if found[at].is_some() || event.superseded {
                continue;
            }
            let same = key(event, &theirs, within).and_then(|key| waiting.get_mut(&key)?.pop_front());
            taken.extend(same);
            found[at] = same;
        }
    }
    found
}

/// Every call's id; one that has none is known by what it asks for.
fn ids(events: &[Event], mut named: HashMap<EventId, String>) -> HashMap<EventId, String> {
    for event in events {
        if let Body::ToolCall(call) = &event.body {
            named.entry(event.id).or_insert_with(|| format!("no id: {} {}", call.name, call.input));
        }
    }
    named
}

/// Gives calls of a source that has ids of its own making (`codex exec` counts items anew in every turn) the ids of the files: in the
/// order of the turn, among calls of one tool that came out alike. A call that failed and never came live so meets no other.
fn by_order(
    live: &[Event],
    ours: &mut HashMap<EventId, String>,
    (native, theirs): (&[Event], &HashMap<EventId, String>),
) {
    let known: HashSet<&String> = theirs.values().collect();
    if ours.values().any(|id| known.contains(id)) {
        return;
    }
    let mut waiting: HashMap<Alike<'_>, VecDeque<&String>> = HashMap::new();
    for (alike, id) in alike(native) {
        waiting.entry(alike).or_default().extend(theirs.get(&id));
    }
    for (alike, id) in alike(live) {
        if let Some(same) = waiting.get_mut(&alike).and_then(VecDeque::pop_front) {
            ours.insert(id, same.clone());
        }
    }
}

/// Lane, turn, tool, and whether it succeeded.
type Alike<'e> = (&'e str, u32, &'e str, Option<bool>);

fn alike(events: &[Event]) -> Vec<(Alike<'_>, EventId)> {
    let mut ends: HashMap<EventId, bool> = HashMap::new();
    for event in events.iter().filter(|event| !event.superseded) {
        if let Body::ToolResult(result) = &event.body
            && let Some(call) = result.call
        {
            ends.entry(call).or_insert(result.status == ResultStatus::Ok);
        }
    }
    let mut calls = Vec::new();
    for event in events.iter().filter(|event| !event.superseded) {
        if let Body::ToolCall(call) = &event.body {
            let alike = (event.lane.as_str(), event.turn, call.name.as_str(), ends.get(&event.id).copied());
            calls.push((alike, event.id));
        }
    }
    calls
}

fn lane_of(events: &[Event], id: EventId) -> String {
    events.get(id.0 as usize).map(|event| event.lane.clone()).unwrap_or_default()
}

/// A call's id without the lane that a driver may have put before it.
fn plain(id: &str, lane: &str) -> String {
    let rest = id.strip_prefix(lane).and_then(|rest| rest.strip_prefix(':'));
    rest.filter(|_| !lane.is_empty()).unwrap_or(id).to_owned()
}

fn key(event: &Event, calls: &HashMap<EventId, String>, within: Within) -> Option<Key> {
    let id_of = |call: Option<EventId>| call.and_then(|call| calls.get(&call)).cloned();
    let ordered = String::new;
    let (by_turn, what) = match &event.body {
        Body::UserMessage(body) => (true, words(body.text.as_str())),
        Body::AgentMessage(body) => (true, words(body.text.as_str())),
        Body::Reasoning(body) => (true, words(body.text.as_str())),
        Body::Question(body) => (true, words(body.text.as_str())),
        Body::Error(body) => (true, words(body.message.as_str())),
        Body::Plan(body) => (true, format!("{:?}", body.steps)),
        Body::ToolCall(_) => (false, calls.get(&event.id)?.clone()),
        Body::ToolResult(body) => (false, id_of(body.call)?),
        Body::FileChange(body) => (true, format!("{:?} {}", id_of(body.call), body.path)),
        Body::SubAgent(body) => (false, format!("{} {:?}", body.id, body.state)),
        Body::Compaction(_) | Body::Usage(_) | Body::TurnEnd(_) => (true, ordered()),
        Body::Permission(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::Limit(_)
        | Body::End(_)
        | Body::Unknown(_) => return None,
    };
    // Who tells of a sub-agent, its parent or itself, differs between sources.
    let lane = if matches!(event.body, Body::SubAgent(_)) { String::new() } else { event.lane.clone() };
    let turn = match within {
        Within::Turn if by_turn => Some(event.turn),
        Within::Turn | Within::Lane => None,
    };
    Some(Key { kind: event.body.kind(), lane, turn, what })
}

fn words(text: &str) -> String {
    text.trim().to_owned()
}
