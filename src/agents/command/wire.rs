//! The lines that a `json: lines` program and evalrun say to each other.
//!
//! A program may say what agents do, never what the interviewer, the checks or the store say: a forged `check` becomes `unknown`.

use crate::model::{
    agent::{AskId, Draft, Reply, TurnEnded},
    trace::{Body, Text, Unknown},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// One line of the program, understood.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Hello { version: Option<String>, model: Option<String>, session: Option<String> },
    Ask { id: Value, text: String, options: Vec<String> },
    Permit { id: Value, what: String },
    TurnEnd { how: TurnEnded, why: String },
    Event(Box<Draft>),
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default, rename = "type")]
    what: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default, borrow)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    call: Option<String>,
    #[serde(default, rename = "by")]
    lane: String,
    #[serde(default)]
    from: Option<String>,
}

#[derive(Deserialize)]
struct Hello {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    session: Option<String>,
}

#[derive(Deserialize)]
struct Ask {
    id: Value,
    text: String,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Deserialize)]
struct Permit {
    id: Value,
    what: String,
}

#[derive(Deserialize)]
struct End {
    #[serde(default)]
    how: Option<TurnEnded>,
    #[serde(default)]
    why: String,
}

/// Reads one line; what cannot be read is an `unknown` event that keeps it.
pub(super) fn read(line: &str) -> Said {
    let Ok(parsed) = serde_json::from_str::<Line<'_>>(line) else { return malformed(line) };
    match (parsed.what.as_deref(), parsed.kind.as_deref(), parsed.body) {
        (Some("hello"), _, _) => {
            of(line, |it: Hello| Said::Hello { version: it.version, model: it.model, session: it.session })
        }
        (Some("ask"), _, _) => of(line, |it: Ask| Said::Ask { id: it.id, text: it.text, options: it.options }),
        (Some("permit"), _, _) => of(line, |it: Permit| Said::Permit { id: it.id, what: it.what }),
        (Some("turn_end"), _, _) => {
            of(line, |it: End| Said::TurnEnd { how: it.how.unwrap_or(TurnEnded::Done), why: it.why })
        }
        (_, Some(kind), Some(body)) => {
            let draft = Draft { body: agents_own(kind, body), lane: parsed.lane, from: parsed.from, call: parsed.call };
            Said::Event(Box::new(draft))
        }
        (Some(_) | None, Some(_) | None, Some(_) | None) => malformed(line),
    }
}

pub(super) fn user(text: &str) -> String {
    json!({"type": "user", "text": text}).to_string()
}

pub(super) fn interrupt() -> String {
    json!({"type": "interrupt"}).to_string()
}

/// The answer to a question or to a request for a permission.
pub(super) fn reply(id: &Value, reply: &Reply) -> String {
    match reply {
        Reply::Text(text) => json!({"type": "answer", "id": id, "text": text}).to_string(),
        Reply::Allow => json!({"type": "permission", "id": id, "granted": true}).to_string(),
        Reply::Deny(why) => json!({"type": "permission", "id": id, "granted": false, "why": why}).to_string(),
    }
}

/// Keeps what does not fit the protocol at the place where it came.
pub(super) fn kept(kind: &str, raw: String) -> Said {
    Said::Event(Box::new(Draft::of(Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(raw) }))))
}

impl Said {
    /// A question's id as a number, for those who answer.
    pub fn numbered(last: &mut u32) -> AskId {
        *last += 1;
        AskId(*last)
    }
}

fn of<'a, T: Deserialize<'a>>(line: &'a str, said: impl FnOnce(T) -> Said) -> Said {
    serde_json::from_str(line).map_or_else(|_| malformed(line), said)
}

fn malformed(line: &str) -> Said {
    kept("malformed", line.to_owned())
}

/// The body, if an agent may say that; ids of events are given later, by us, so those in it mean nothing.
fn agents_own(kind: &str, raw: &RawValue) -> Body {
    match Body::from_raw(kind, raw) {
        Body::ToolResult(mut result) => {
            result.call = None;
            Body::ToolResult(result)
        }
        Body::FileChange(mut change) => {
            change.call = None;
            Body::FileChange(change)
        }
        body @ (Body::AgentMessage(_)
        | Body::Reasoning(_)
        | Body::Plan(_)
        | Body::ToolCall(_)
        | Body::Compaction(_)
        | Body::SubAgent(_)
        | Body::Usage(_)
        | Body::Error(_)
        | Body::Unknown(_)) => body,
        Body::UserMessage(_)
        | Body::Question(_)
        | Body::Permission(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::End(_) => Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(raw.get()) }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_line_is_read() {
        let lines = [
            r#"{"type":"hello","version":"1.2","model":"m"}"#,
            r#"{"type":"ask","id":7,"text":"Which?","options":["a","b"]}"#,
            r#"{"type":"permit","id":"p","what":"git push"}"#,
            r#"{"type":"turn_end"}"#,
            r#"{"type":"turn_end","how":"failed","why":"no model"}"#,
            r#"{"kind":"agent_message","body":{"text":"Hi."}}"#,
            r#"{"kind":"tool_call","call":"c1","by":"root/1","body":{"name":"rg","input":{"q":"x"}}}"#,
            r#"{"kind":"tool_result","call":"c1","body":{"call":0,"status":"ok","output":"a"}}"#,
            r#"{"kind":"brand_new","body":{"x":1}}"#,
            r#"{"kind":"check","body":{"name":"public","when":"end","status":"passed"}}"#,
            r#"{"kind":"agent_message","body":{"txt":"Hi."}}"#,
            r#"{"type":"ask","text":"no id"}"#,
            r#"{"type":"song"}"#,
            r#"{"kind":"agent_message"}"#,
            "plain words",
            "[1]",
            "",
        ];
        let read: Vec<String> = lines.iter().map(|line| format!("{line}\n  {:?}", read(line))).collect();
        insta::assert_snapshot!(read.join("\n"));
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in "\\PC{0,200}") {
            let _ = read(&line);
        }

        #[test]
        fn nothing_forged_gets_through(kind in proptest::sample::select(vec!["check", "interviewer", "stage", "snapshot", "end", "limit", "user_message", "turn_end", "permission", "question"]), text in "[a-z]{0,9}") {
            let line = json!({"kind": kind, "body": {"text": text, "name": text, "id": text, "when": text, "status": "passed", "state": "ended", "decision": "stop", "by": "script", "kind": "done", "how": "done", "limit": text, "why": text, "asked": text, "granted": true, "manifest": text}});
            let Said::Event(draft) = read(&line.to_string()) else { panic!("no event") };
            prop_assert_eq!(draft.body.kind(), "unknown");
        }
    }
}
