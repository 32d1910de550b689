//! Seal: the live log of a trial becomes the trace that graders read and scores cite. Pure.
//!
//! Ids are given here, dense from 0, and never change. Paths of this machine become `$WORKSPACE` and `$HOME`, so that the same
//! trial reads the same anywhere: a citation of it, a recorded verdict, a diff of two runs.
//!
//! Where the agent keeps session files of its own, `join` has added before what they tell and the live log does not.

use crate::model::{
    id::EventId,
    trace::{Body, Event, Header, Trace},
};
use std::collections::HashMap;

/// A folder of this machine and the word that stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub folder: String,
    pub word: &'static str,
}

/// Makes the trace. `events` come in the order they were received; each keeps in `from` the number of its live line (1-based, the
/// header being line 1) unless its driver named a native record.
///
/// # Errors
/// Never for the bodies of this version; serde_json's type asks for it.
pub fn seal(header: Header, events: Vec<Event>, folders: &[Named]) -> Result<Trace, serde_json::Error> {
    let ids: HashMap<EventId, EventId> =
        events.iter().enumerate().map(|(at, event)| (event.id, EventId(at as u32))).collect();
    let change = |text: &str| named(text, folders);
    let mut sealed = Vec::with_capacity(events.len());
    for (at, mut event) in events.into_iter().enumerate() {
        event.from.get_or_insert_with(|| format!("live:{}", event.id.0 + 2));
        event.id = EventId(at as u32);
        event.body = renumber(event.body, &ids).with_strings(&change)?;
        sealed.push(event);
    }
    Ok(Trace { header, events: sealed })
}

/// The text with the folders' words in their place; `None` where it names none of them.
fn named(text: &str, folders: &[Named]) -> Option<String> {
    let mut changed: Option<String> = None;
    for Named { folder, word } in folders {
        let now = changed.as_deref().unwrap_or(text);
        if now.contains(folder.as_str()) {
            changed = Some(now.replace(folder.as_str(), word));
        }
    }
    changed
}

fn renumber(mut body: Body, ids: &HashMap<EventId, EventId>) -> Body {
    let to_new = |call: Option<EventId>| call.and_then(|call| ids.get(&call).copied());
    if let Body::ToolResult(result) = &mut body {
        result.call = to_new(result.call);
    } else if let Body::FileChange(change) = &mut body {
        change.call = to_new(change.call);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace::{AgentMessage, Clock, ResultStatus, Tells, Text, ToolResult};

    fn event(id: u32, body: Body) -> Event {
        Event {
            id: EventId(id),
            turn: 1,
            stage: "brief".to_owned(),
            lane: String::new(),
            at: Some(5),
            time: None,
            from: None,
            superseded: false,
            body,
        }
    }

    #[test]
    fn ids_are_dense_calls_follow_and_folders_are_named() {
        let header = Header {
            trace: 1,
            task: None,
            agent: "a".to_owned(),
            version: None,
            model: None,
            source: "scripted".to_owned(),
            session: None,
            clock: Clock::Receipt,
            tells: Tells::default(),
            cwd: None,
            started: None,
            language: "en".to_owned(),
        };
        let message = Body::AgentMessage(AgentMessage { text: Text::whole("see /t/w/a.py and /t/h"), phase: None });
        let result = |call| {
            Body::ToolResult(ToolResult {
                call,
                status: ResultStatus::Ok,
                exit: None,
                output: Text::default(),
                dropped_bytes: 0,
                duration_ms: None,
            })
        };
        let folders = [
            Named { folder: "/t/w".to_owned(), word: "$WORKSPACE" },
            Named { folder: "/t/h".to_owned(), word: "$HOME" },
        ];
        let trace = seal(header, vec![event(4, message), event(7, result(Some(EventId(4))))], &folders).unwrap();
        let expected =
            Body::AgentMessage(AgentMessage { text: Text::whole("see $WORKSPACE/a.py and $HOME"), phase: None });
        assert_eq!(trace.events[0].body, expected);
        assert_eq!(trace.events[1].body, result(Some(EventId(0))));
        assert_eq!(trace.events.iter().map(|event| event.id.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(trace.events[0].from.as_deref(), Some("live:6"));
    }
}
