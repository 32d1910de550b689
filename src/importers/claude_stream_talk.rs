//! A recorded stream of Claude Code, told event by event.

use super::{
    claude_stream::{Wrapped, unwrapped},
    claude_wire::{Heard, Waits, Wire},
    lines::{Line, Lines},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, is_image, items, some_text, text, whole},
};
use crate::model::{
    agent::Draft,
    fault::Fault,
    id::EventId,
    import::{Member, Sink},
    trace::{Body, End, EndKind, Event, Permission, Question, UserMessage},
};
use serde_json::Value;
use std::collections::HashMap;

pub(super) struct Talk<'s> {
    scribe: Scribe<'s>,
    wire: Wire,
    calls: HashMap<String, EventId>,
    /// What waits for an answer of the user's, by request.
    waiting: HashMap<String, Waiting>,
    /// ms since the start, and UTC, by record.
    times: HashMap<String, (Option<u64>, Option<String>)>,
    /// A turn has begun and not ended.
    open: bool,
    /// The user's own records are in the file: what the agent repeats of them is an echo.
    both: bool,
}

enum Waiting {
    Permit(Waits, String),
    Ask(Waits, Vec<Question>),
}

impl<'s> Talk<'s> {
    pub fn of(sink: &'s mut dyn Sink) -> Talk<'s> {
        Talk {
            scribe: Scribe::of(sink, None),
            wire: Wire::default(),
            calls: HashMap::new(),
            waiting: HashMap::new(),
            times: HashMap::new(),
            open: false,
            both: false,
        }
    }

    pub fn conversation(mut self, members: &[Member<'_>]) -> Result<(), Fault> {
        for (at, member) in members.iter().enumerate() {
            let mut lines = Lines::of(member.source);
            while lines.advance()? {
                let line = lines.line();
                self.scribe.warn_of(&line);
                let from =
                    if at == 0 { format!("line:{}", line.number) } else { format!("file{}:{}", at + 1, line.number) };
                let fate = self.line(&line, &from);
                self.scribe.settle(fate);
            }
            let rest = self.wire.finish();
            self.tell(rest);
            self.wire.restart();
        }
        self.event(Draft::of(Body::End(End { kind: EndKind::Recorded, why: String::new() })));
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>, from: &str) -> Fate {
        let record = match serde_json::from_str::<Value>(&line.text) {
            Ok(record) if record.is_object() => record,
            Ok(_) => return self.malformed(line, from, "not an object"),
            Err(error) => return self.malformed(line, from, &error.to_string()),
        };
        let Wrapped { record, to_agent, seconds } = unwrapped(record);
        let at = seconds.map(|seconds| (seconds * 1000.0).round() as u64);
        self.times.insert(from.to_owned(), (at, some_text(&record, "timestamp").map(str::to_owned)));
        if to_agent {
            return self.sent(&record, from);
        }
        let mut read = self.wire.record(record, Some(from.to_owned()));
        if line.lossy {
            read.drafts.iter_mut().flat_map(|draft| draft.body.texts_mut()).for_each(|text| text.lossy = true);
        }
        if !read.drafts.is_empty() {
            self.begin();
        }
        self.tell(read.drafts);
        self.heard(read.heard, from).unwrap_or(read.fate)
    }

    fn malformed(&mut self, line: &Line<'_>, from: &str, why: &str) -> Fate {
        let stamp = Stamp { from: from.to_owned(), lossy: line.lossy, ..Stamp::default() };
        self.scribe.malformed(&stamp, line, &format!("not a record of a stream: {why}"))
    }

    /// What a record means beyond its events; its fate where that is another.
    fn heard(&mut self, heard: Heard, from: &str) -> Option<Fate> {
        match heard {
            Heard::Init(_) => self.begin(),
            Heard::User(..) if self.both => {}
            Heard::User(said, images) => {
                self.said(from, Body::UserMessage(UserMessage { text: said, images }));
                return Some(Fate::Kept);
            }
            Heard::Permit(waits, what) => {
                self.waiting.insert(waits.request.clone(), Waiting::Permit(waits, what));
            }
            Heard::Ask(waits, questions) => {
                self.waiting.insert(waits.request.clone(), Waiting::Ask(waits, questions));
            }
            Heard::Withdrawn(request) => drop(self.waiting.remove(&request)),
            Heard::End(ended) => {
                self.put(from, Body::TurnEnd(ended.end));
                self.open = false;
            }
            Heard::Nothing | Heard::Request(..) | Heard::Response(..) => {}
        }
        None
    }

    /// What went towards the agent.
    fn sent(&mut self, record: &Value, from: &str) -> Fate {
        match text(record, "type") {
            "user" => {
                self.both = true;
                let content = record.pointer("/message/content").unwrap_or(&Value::Null);
                let blocks = items(record.get("message").unwrap_or(&Value::Null), "content");
                let images = blocks.iter().filter(|block| is_image(block)).count() as u64;
                self.said(from, Body::UserMessage(UserMessage { text: whole(content_text(content)), images }));
                Fate::Kept
            }
            "control_response" => self.reply(record, from),
            "control_request" => {
                if record.pointer("/request/subtype").and_then(Value::as_str) == Some("interrupt") {
                    self.wire.stop();
                }
                Fate::Nothing("control")
            }
            kind => {
                let stamp = Stamp { from: from.to_owned(), ..Stamp::default() };
                self.scribe.unknown(&stamp, kind, &record.to_string())
            }
        }
    }

    fn reply(&mut self, record: &Value, from: &str) -> Fate {
        let response = record.get("response").unwrap_or(&Value::Null);
        let inner = response.get("response").unwrap_or(&Value::Null);
        let granted = text(inner, "behavior") == "allow";
        match self.waiting.remove(text(response, "request_id")) {
            Some(Waiting::Permit(waits, what)) => {
                if !granted {
                    self.wire.deny(&waits.call);
                }
                self.put(from, Body::Permission(Permission { asked: what, granted, by: "user".to_owned() }));
                Fate::Kept
            }
            Some(Waiting::Ask(waits, questions)) => {
                self.wire.put(&waits.call);
                for mut question in questions {
                    let answer = inner.pointer("/updatedInput/answers").and_then(|all| all.get(question.text.as_str()));
                    question.answer = answer.map(|answer| whole(content_text(answer)));
                    self.put(from, Body::Question(question));
                }
                Fate::Kept
            }
            None => Fate::Nothing("control"),
        }
    }

    fn begin(&mut self) {
        if !self.open {
            self.open = true;
            self.scribe.turn += 1;
        }
    }

    /// A message of the user's begins a turn, unless it came in one.
    fn said(&mut self, from: &str, body: Body) {
        self.begin();
        self.put(from, body);
    }

    fn put(&mut self, from: &str, body: Body) {
        let rest = Draft { from: Some(from.to_owned()), ..Draft::of(body) };
        self.event(rest);
    }

    fn tell(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            self.event(draft);
        }
    }

    fn event(&mut self, mut draft: Draft) {
        let call = draft.call.as_ref().and_then(|call| self.calls.get(call).copied());
        match &mut draft.body {
            Body::ToolResult(result) => result.call = call,
            Body::FileChange(change) => change.call = call,
            _ => {}
        }
        let is_call = matches!(draft.body, Body::ToolCall(_));
        let (at, time) = draft.from.as_ref().and_then(|from| self.times.get(from).cloned()).unwrap_or_default();
        let id = self.scribe.sink.event(Event {
            id: EventId(0),
            turn: self.scribe.turn,
            stage: String::new(),
            lane: draft.lane,
            at,
            time,
            from: draft.from,
            superseded: false,
            body: draft.body,
        });
        if let Some(call) = draft.call.filter(|_| is_call) {
            self.scribe.sink.called(id, &call);
            self.calls.insert(call, id);
        }
    }
}
