//! One name for each sub-agent: a stream may know it by the call that began it, and the agent's files by an id of its own.
//!
//! Sub-agents that both sides know by one name keep it. Of the others, those that were given the same brief are the same, in the
//! order in which they began; the live name holds.

use super::{collect::Imported, join::Live};
use crate::model::trace::{Body, Event, SubAgentState};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
};

/// The files with their sub-agents named as in the live log.
pub(super) fn named_alike<'n>(live: &Live, native: &'n Imported) -> Cow<'n, Imported> {
    let names = names(&live.events, &native.trace.events);
    if names.is_empty() {
        return Cow::Borrowed(native);
    }
    let mut native = native.clone();
    for event in &mut native.trace.events {
        if let Some(name) = names.get(&event.lane) {
            event.lane.clone_from(name);
        }
        if let Body::SubAgent(mark) = &mut event.body
            && let Some(name) = names.get(&mark.id)
        {
            mark.id.clone_from(name);
        }
    }
    Cow::Owned(native)
}

/// Native name -> live name, where they differ.
fn names(live: &[Event], native: &[Event]) -> HashMap<String, String> {
    let (ours, theirs) = (begun(live), begun(native));
    let of = |all: &[(String, String)]| -> HashSet<String> { all.iter().map(|(id, _)| id.clone()).collect() };
    let (our_ids, their_ids) = (of(&ours), of(&theirs));
    let mut waiting: HashMap<String, VecDeque<String>> = HashMap::new();
    for (id, brief) in ours.into_iter().filter(|(id, _)| !their_ids.contains(id)) {
        waiting.entry(brief).or_default().push_back(id);
    }
    let unknown = theirs.into_iter().filter(|(id, _)| !our_ids.contains(id));
    unknown.filter_map(|(id, brief)| Some((id, waiting.get_mut(&brief)?.pop_front()?))).collect()
}

/// Sub-agents that began, each with its brief.
fn begun(events: &[Event]) -> Vec<(String, String)> {
    let mark = |event: &Event| match &event.body {
        Body::SubAgent(mark) if mark.state == SubAgentState::Started && !event.superseded => {
            Some((mark.id.clone(), mark.brief.as_str().trim().to_owned()))
        }
        _ => None,
    };
    events.iter().filter_map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        id::EventId,
        trace::{SubAgent, Text},
    };

    fn begins(id: &str, brief: &str) -> Event {
        let (state, result) = (SubAgentState::Started, Text::default());
        let body = Body::SubAgent(SubAgent { id: id.to_owned(), state, brief: Text::whole(brief), result });
        Event {
            id: EventId(0),
            turn: 1,
            stage: String::new(),
            lane: String::new(),
            at: None,
            time: None,
            from: None,
            superseded: false,
            body,
        }
    }

    #[test]
    fn the_same_brief_is_the_same_sub_agent_in_order_and_a_shared_name_holds() {
        let live = [begins("call_1", "look"), begins("call_2", "look"), begins("both", "test"), begins("call_3", "x")];
        let native = [begins("both", "look"), begins("a1", "look\n"), begins("a2", "look"), begins("a3", "other")];
        let names = names(&live, &native);
        let expected = [("a1", "call_1"), ("a2", "call_2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(names, HashMap::from(expected));
    }
}
