//! Writes events for an importer: stamps each with turn, lane, time and origin, and finds the call that a result answers.

use super::{lines::Line, value::millis};
use crate::model::{
    agent::Draft,
    id::EventId,
    import::Sink,
    trace::{Body, Event, Text, ToolCall, Unknown},
};
use std::collections::HashMap;

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Merged(&'static str),
    Nothing(&'static str),
}

/// What all events of one record share.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamp {
    pub lane: String,
    pub time: Option<String>,
    pub from: String,
    pub superseded: bool,
    pub lossy: bool,
}

pub(super) struct Scribe<'s> {
    pub sink: &'s mut dyn Sink,
    /// ms since 1970 that `at` counts from.
    pub start: Option<u64>,
    pub turn: u32,
    /// By lane: a sub-agent that was given its parent's history repeats its calls.
    calls: HashMap<String, HashMap<String, EventId>>,
}

impl<'s> Scribe<'s> {
    pub fn of(sink: &'s mut dyn Sink, start: Option<u64>) -> Scribe<'s> {
        Scribe { sink, start, turn: 0, calls: HashMap::new() }
    }

    pub fn put(&mut self, stamp: &Stamp, body: Body) -> EventId {
        let ms = stamp.time.as_deref().and_then(millis);
        let at = ms.zip(self.start).map(|(ms, start)| ms.saturating_sub(start));
        self.put_at(stamp, at, body)
    }

    /// Puts what a driver would yield at its own time, RFC 3339.
    pub fn draft_timed(&mut self, draft: Draft, time: Option<String>) -> EventId {
        let ms = time.as_deref().and_then(millis);
        let at = ms.zip(self.start).map(|(ms, start)| ms.saturating_sub(start));
        self.drafted(draft, Stamp { time, ..Stamp::default() }, at)
    }

    /// Puts what a driver would yield: its own id of a call finds the call.
    pub fn draft(&mut self, draft: Draft, at: Option<u64>) -> EventId {
        self.drafted(draft, Stamp::default(), at)
    }

    fn drafted(&mut self, draft: Draft, stamp: Stamp, at: Option<u64>) -> EventId {
        let Draft { mut body, lane, from, call } = draft;
        let stamp = Stamp { lane, from: from.unwrap_or_default(), ..stamp };
        let known = call.as_deref().and_then(|call| self.event_of(&stamp, call));
        match &mut body {
            Body::ToolResult(result) => result.call = known,
            Body::FileChange(change) => change.call = known,
            _ => {}
        }
        let is_call = matches!(body, Body::ToolCall(_));
        let event = self.put_at(&stamp, at, body);
        if let Some(call) = call.filter(|_| is_call) {
            self.sink.called(event, &call);
            self.calls.entry(stamp.lane).or_default().insert(call, event);
        }
        event
    }

    /// Puts an event at a known time since the beginning, in ms.
    pub fn put_at(&mut self, stamp: &Stamp, at: Option<u64>, mut body: Body) -> EventId {
        if stamp.lossy {
            body.texts_mut().into_iter().for_each(|text| text.lossy = true);
        }
        self.sink.event(Event {
            id: EventId(0),
            turn: self.turn,
            stage: String::new(),
            lane: stamp.lane.clone(),
            at,
            time: stamp.time.clone(),
            from: Some(stamp.from.clone()).filter(|from| !from.is_empty()),
            superseded: stamp.superseded,
            body,
        })
    }

    /// Puts a call and remembers it by the source's own id for it.
    pub fn call(&mut self, stamp: &Stamp, id: &str, call: ToolCall) -> EventId {
        let event = self.put(stamp, Body::ToolCall(call));
        if !id.is_empty() {
            self.sink.called(event, id);
            self.calls.entry(stamp.lane.clone()).or_default().insert(id.to_owned(), event);
        }
        event
    }

    pub fn event_of(&self, stamp: &Stamp, call: &str) -> Option<EventId> {
        self.calls.get(&stamp.lane)?.get(call).copied()
    }

    /// Keeps a record verbatim.
    pub fn unknown(&mut self, stamp: &Stamp, kind: &str, raw: &str) -> Fate {
        self.put(stamp, Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(raw) }));
        Fate::Kept
    }

    /// Keeps a line that is no record, and warns.
    pub fn malformed(&mut self, stamp: &Stamp, line: &Line<'_>, why: &str) -> Fate {
        self.sink.warn(line.number, why.to_owned());
        self.unknown(stamp, "malformed", &line.text)
    }

    /// Warns of what had to be changed to read a line at all.
    pub fn warn_of(&mut self, line: &Line<'_>) {
        if line.lossy {
            self.sink.warn(line.number, "bytes that are no UTF-8 were replaced by U+FFFD".to_owned());
        }
        if line.surrogates > 0 {
            let count = line.surrogates;
            self.sink.warn(line.number, format!("half surrogate pairs were replaced by U+FFFD: {count}"));
        }
        if line.left_out > 0 {
            self.sink.warn(line.number, format!("{} bytes beyond the longest line that is read", line.left_out));
        }
    }

    pub fn settle(&mut self, fate: Fate) {
        match fate {
            Fate::Kept => self.sink.kept(),
            Fate::Merged(kind) => self.sink.merged(kind),
            Fate::Nothing(kind) => self.sink.nothing(kind),
        }
    }
}
