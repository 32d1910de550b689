//! What `gemini -o stream-json` prints, as events: the one reading that the driver and the importer share. Pure.
//!
//! The stream leaves out thoughts, the outputs of reading tools, and how a shell command ended: a command that exits with 3 is a
//! `success` here. The session's own file has them.

use super::{
    diff, plans,
    scribe::Fate,
    value::{number, some_text, text},
};
use crate::model::{
    agent::{Draft, TurnEnd, TurnEnded},
    trace::{
        AgentMessage, Body, Change, ErrorMark, FileChange, ResultStatus, Text, ToolCall, ToolResult, Unknown, Usage,
        UsageScope,
    },
};
use serde_json::Value;
use std::collections::HashMap;

/// Puts the events of one conversation together, over as many processes as it takes.
#[derive(Default)]
pub struct GeminiStream {
    /// Words that still grow, and the record they began in.
    open: Option<(String, Option<String>, Option<String>)>,
    /// Name and input of calls that run.
    calls: HashMap<String, (String, Value)>,
    drafts: Vec<(Draft, Option<String>)>,
    at: Option<String>,
    time: Option<String>,
    /// The session's id and model, where the stream has begun.
    pub session: Option<String>,
    pub model: Option<String>,
    /// How the last turn ended, by its own word.
    pub ended: Option<TurnEnd>,
}

impl GeminiStream {
    /// From here on, what is said stands at this place.
    pub fn place(&mut self, from: Option<String>) {
        self.at = from;
    }

    /// The events so far, each with its time, RFC 3339.
    pub fn drain(&mut self) -> Vec<(Draft, Option<String>)> {
        std::mem::take(&mut self.drafts)
    }

    /// Takes one record.
    pub fn record(&mut self, record: &Value) {
        self.take(record);
    }

    pub(super) fn take(&mut self, record: &Value) -> Fate {
        self.time = some_text(record, "timestamp").map(str::to_owned).or(self.time.take());
        match (text(record, "type"), text(record, "role")) {
            ("init", _) => {
                self.session = some_text(record, "session_id").map(str::to_owned).or(self.session.take());
                self.model = some_text(record, "model").map(str::to_owned).or(self.model.take());
                self.ended = None;
                Fate::Nothing("init")
            }
            ("message", "assistant") => self.message(record),
            ("message", "user") => {
                self.flush();
                Fate::Nothing("the user's message")
            }
            ("tool_use", _) => self.call(record),
            ("tool_result", _) => self.result(record),
            ("error", _) => {
                let message = some_text(record, "message").map_or_else(|| record.to_string(), str::to_owned);
                self.put(Body::Error(ErrorMark { message: Text::whole(message), fault: None }), None);
                Fate::Kept
            }
            ("result", _) => self.end(record),
            (kind, _) => self.unknown(kind, record),
        }
    }

    pub(super) fn unknown(&mut self, kind: &str, record: &Value) -> Fate {
        let kind = if kind.is_empty() { "no kind" } else { kind };
        self.put(Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(record.to_string()) }), None);
        Fate::Kept
    }

    /// Ends the words that still grow.
    pub fn flush(&mut self) {
        let Some((said, from, time)) = self.open.take().filter(|(said, ..)| !said.trim().is_empty()) else { return };
        let body = Body::AgentMessage(AgentMessage { text: Text::whole(said), phase: None });
        self.drafts.push((Draft { from, ..Draft::of(body) }, time));
    }

    fn message(&mut self, record: &Value) -> Fate {
        const LONGEST: usize = 64 << 10;
        let said = text(record, "content");
        let grows = record.get("delta").and_then(Value::as_bool) == Some(true);
        if let Some((open, ..)) = self.open.as_mut().filter(|(open, ..)| grows && open.len() < LONGEST) {
            open.push_str(said);
            return Fate::Merged("part of a message");
        }
        self.flush();
        self.open = Some((said.to_owned(), self.at.clone(), self.time.clone()));
        if said.trim().is_empty() && !grows { Fate::Nothing("empty message") } else { Fate::Kept }
    }

    fn call(&mut self, record: &Value) -> Fate {
        let (id, name) = (text(record, "tool_id"), text(record, "tool_name").to_owned());
        let input = record.get("parameters").cloned().unwrap_or_default();
        let plan = plans::of_call(&name, &input);
        let small = if matches!(name.as_str(), "replace") { input.clone() } else { Value::Null };
        self.calls.insert(id.to_owned(), (name.clone(), small));
        self.put(Body::ToolCall(ToolCall { name, tool: None, input, batch: None }), Some(id));
        if let Some(plan) = plan {
            self.put(Body::Plan(plan), None);
        }
        Fate::Kept
    }

    fn result(&mut self, record: &Value) -> Fate {
        let id = text(record, "tool_id");
        let (name, input) = self.calls.remove(id).unwrap_or_default();
        let error = record.pointer("/error/message").and_then(Value::as_str);
        let status = match text(record, "status") {
            "success" if name == "run_shell_command" => ResultStatus::Unknown,
            "success" => ResultStatus::Ok,
            "error" => ResultStatus::Failed,
            "cancelled" => ResultStatus::Cancelled,
            _ => ResultStatus::Unknown,
        };
        let output = some_text(record, "output").or(error).unwrap_or_default();
        let result = ToolResult {
            call: None,
            status,
            exit: None,
            output: Text::whole(output),
            dropped_bytes: 0,
            duration_ms: None,
        };
        self.put(Body::ToolResult(result), Some(id));
        if let (ResultStatus::Ok, Some(path)) = (status, some_text(&input, "file_path")) {
            let diff = diff::of_texts(text(&input, "old_string"), text(&input, "new_string"));
            let (path, diff) = (path.to_owned(), Text::whole(diff));
            self.put(Body::FileChange(FileChange { path, change: Change::Modified, diff, call: None }), Some(id));
        }
        Fate::Kept
    }

    fn end(&mut self, record: &Value) -> Fate {
        self.flush();
        if let Some(stats) = record.get("stats") {
            let (input, output) = (number(stats, "input_tokens"), number(stats, "output_tokens"));
            // Thoughts are in the total alone.
            let thoughts = number(stats, "total_tokens").saturating_sub(input.saturating_add(output));
            let usage = Usage {
                scope: UsageScope::Turn,
                input,
                cached: number(stats, "cached"),
                output: output.saturating_add(thoughts),
                reasoning: thoughts,
                model: self.model.clone(),
                micro_usd: None,
            };
            if usage.input > 0 || usage.output > 0 {
                self.put(Body::Usage(usage), None);
            }
        }
        let error = record.pointer("/error/message").and_then(Value::as_str);
        let end = match text(record, "status") {
            "success" => TurnEnd { how: TurnEnded::Done, why: String::new() },
            word => TurnEnd { how: TurnEnded::Failed, why: error.unwrap_or(word).to_owned() },
        };
        self.ended = Some(end);
        Fate::Kept
    }

    fn put(&mut self, body: Body, call: Option<&str>) {
        self.flush();
        let draft = Draft { body, lane: String::new(), from: self.at.clone(), call: call.map(str::to_owned) };
        self.drafts.push((draft, self.time.clone()));
    }
}
