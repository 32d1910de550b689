//! The first pass over one Codex rollout: what must be known before its first event is written.
//!
//! A rollout says many things twice, as the model's own item and as an event of the client, in either order. The index counts what
//! the events say, so that the second pass can tell an echo from something that was said only once.

use super::{
    lines::Lines,
    value::{content_text, items, millis, number, some_text, text},
};
use crate::model::{fault::Fault, import::Member};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// The envelope of a rollout's line.
#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, default)]
    pub timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub payload: Option<&'a RawValue>,
}

impl Record<'_> {
    pub fn payload(&self) -> Result<Value, serde_json::Error> {
        self.payload.map_or(Ok(Value::Null), |raw| serde_json::from_str(raw.get()))
    }
}

/// What the client says of a finished call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finish {
    pub line: u64,
    pub exit: Option<i32>,
    pub duration_ms: Option<u64>,
}

#[derive(Default)]
pub(super) struct Index {
    pub id: String,
    pub parent: Option<String>,
    pub cwd: Option<String>,
    pub version: Option<String>,
    pub model: Option<String>,
    pub started: Option<String>,
    /// The client's events carry the user's messages: the model's own user items are then echoes or injected context.
    pub user_events: bool,
    pub usage_records: bool,
    pub compacted: bool,
    /// Messages and reasoning that events carry, by kind and text, with how often.
    pub said: HashMap<u64, u32>,
    /// Reasoning items of which only a summary can be read.
    pub encrypted: HashSet<String>,
    pub finished: HashMap<String, Finish>,
    /// Calls whose changes the client reports itself.
    pub patched: HashSet<String>,
    /// Line of the output of a call.
    pub outputs: HashMap<String, u64>,
    /// Answers to the calls that ask the user.
    pub answers: HashMap<String, Value>,
    /// Lines of messages that are the summary of a compaction.
    pub summaries: HashSet<u64>,
    /// Sub-agents that this thread started.
    pub children: Vec<String>,
    /// Lines that were rolled back, from a user's message to before the mark: ascending, none inside another.
    pub abandoned: Vec<(u64, u64)>,
    /// Tokens in the context after a compaction, by its line.
    pub after: HashMap<u64, u64>,
    compacting: Option<u64>,
    asks: HashSet<String>,
    user_lines: Vec<u64>,
    last_said: Option<(u64, String)>,
}

/// A key for what was said, so that texts need not be kept.
pub(super) fn said_key(kind: &str, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (kind, text.trim()).hash(&mut hasher);
    hasher.finish()
}

impl Index {
    pub fn of(member: &Member<'_>) -> Result<Index, Fault> {
        let mut index = Index::default();
        let mut lines = Lines::of(member.source);
        while lines.advance()? {
            let line = lines.line();
            if let Ok(record) = serde_json::from_str::<Record<'_>>(&line.text) {
                index.take(line.number, &record);
            }
        }
        Ok(index)
    }

    /// Whether a line belongs to turns that were rolled back.
    pub fn is_abandoned(&self, line: u64) -> bool {
        let next = self.abandoned.partition_point(|(from, _)| *from <= line);
        next > 0 && line < self.abandoned[next - 1].1
    }

    fn take(&mut self, line: u64, record: &Record<'_>) {
        if self.started.is_none() {
            self.started = record.timestamp.as_deref().filter(|time| millis(time).is_some()).map(str::to_owned);
        }
        match record.kind.as_ref() {
            "session_meta" | "turn_context" | "response_item" | "event_msg" | "compacted" => {}
            "token_usage_record" => return self.usage_records = true,
            _ => return,
        }
        let Ok(payload) = record.payload() else { return };
        match record.kind.as_ref() {
            "session_meta" if self.id.is_empty() => self.meta(&payload),
            "turn_context" if self.model.is_none() => self.model = some_text(&payload, "model").map(str::to_owned),
            "response_item" => self.item(line, &payload),
            "event_msg" => self.event(line, &payload),
            "compacted" => self.compaction(line, &payload),
            _ => {}
        }
    }

    fn meta(&mut self, meta: &Value) {
        let owned = |key| some_text(meta, key).map(str::to_owned);
        let spawned = meta.pointer("/source/subagent/thread_spawn/parent_thread_id").and_then(Value::as_str);
        self.id = owned("id").or_else(|| owned("session_id")).unwrap_or_default();
        self.parent = owned("parent_thread_id").or_else(|| spawned.map(str::to_owned));
        (self.cwd, self.version) = (owned("cwd"), owned("cli_version"));
    }

    fn item(&mut self, line: u64, item: &Value) {
        let call = || text(item, "call_id").to_owned();
        match text(item, "type") {
            "reasoning" if some_text(item, "encrypted_content").is_some() => {
                self.encrypted.insert(text(item, "id").to_owned());
            }
            "message" if text(item, "role") == "assistant" => {
                self.last_said = Some((line, content_text(item.get("content").unwrap_or(&Value::Null))));
            }
            "function_call" if text(item, "name") == "request_user_input" => {
                self.asks.insert(call());
            }
            "function_call_output" | "custom_tool_call_output" => {
                self.outputs.entry(call()).or_insert(line);
                if self.asks.contains(&call()) {
                    let answer = content_text(item.get("output").unwrap_or(&Value::Null));
                    self.answers.insert(call(), serde_json::from_str(&answer).unwrap_or(Value::String(answer)));
                }
            }
            _ => {}
        }
    }

    fn event(&mut self, line: u64, event: &Value) {
        match text(event, "type") {
            "item_completed" => {
                if let Some(item) = event.get("item") {
                    self.completed(line, item);
                }
            }
            "user_message" => self.user(line, text(event, "message")),
            "agent_message" => self.says("message", text(event, "message")),
            "agent_reasoning" | "agent_reasoning_raw_content" => self.says("reasoning", text(event, "text")),
            "exec_command_end" | "mcp_tool_call_end" => self.finish(line, text(event, "call_id"), event),
            "patch_apply_end" => {
                self.patched.insert(text(event, "call_id").to_owned());
                self.finish(line, text(event, "call_id"), event);
            }
            "collab_agent_spawn_end" => self.children.extend(some_text(event, "new_thread_id").map(str::to_owned)),
            "token_count" => {
                let tokens = event.pointer("/info/last_token_usage/total_tokens").and_then(Value::as_u64);
                if let (Some(tokens), Some(line)) = (tokens, self.compacting.take()) {
                    self.after.insert(line, tokens);
                }
            }
            "thread_rolled_back" => self.rolled_back(line, number(event, "num_turns")),
            _ => {}
        }
    }

    fn completed(&mut self, line: u64, item: &Value) {
        let id = text(item, "id");
        match text(item, "type") {
            "UserMessage" => self.user(line, &content_text(item.get("content").unwrap_or(&Value::Null))),
            "AgentMessage" => self.says("message", &content_text(item.get("content").unwrap_or(&Value::Null))),
            "Reasoning" => {
                let parts = reasoning_parts(item);
                parts.iter().for_each(|part| self.says("reasoning", part));
            }
            "CommandExecution" | "McpToolCall" => self.finish(line, id, item),
            "FileChange" => {
                self.patched.insert(id.to_owned());
                self.finish(line, id, item);
            }
            "CollabAgentToolCall" if text(item, "tool").contains("spawn") => {
                let receivers = items(item, "receiver_thread_ids").iter().filter_map(Value::as_str);
                self.children.extend(receivers.map(str::to_owned));
            }
            _ => {}
        }
    }

    fn user(&mut self, line: u64, text: &str) {
        self.says("user", text);
        self.user_events = true;
        self.user_lines.push(line);
    }

    fn says(&mut self, kind: &str, text: &str) {
        *self.said.entry(said_key(kind, text)).or_default() += 1;
    }

    fn finish(&mut self, line: u64, call: &str, item: &Value) {
        let exit = item.get("exit_code").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
        let finish = Finish { line, exit, duration_ms: duration(item) };
        self.finished.entry(call.to_owned()).or_insert(finish);
    }

    fn compaction(&mut self, line: u64, compacted: &Value) {
        (self.compacted, self.compacting) = (true, Some(line));
        let summary = text(compacted, "message");
        if let Some((line, said)) = self.last_said.take()
            && !said.trim().is_empty()
            && summary.contains(said.trim())
        {
            self.summaries.insert(line);
        }
    }

    fn rolled_back(&mut self, line: u64, turns: u64) {
        let keep = self.user_lines.len().saturating_sub(usize::try_from(turns).unwrap_or(usize::MAX));
        if let Some(from) = self.user_lines.drain(keep..).next() {
            let outer = self.abandoned.partition_point(|(start, _)| *start < from);
            self.abandoned.truncate(outer);
            self.abandoned.push((from, line));
        }
    }
}

/// The readable parts of a reasoning item, in whichever of its three forms.
pub(super) fn reasoning_parts(item: &Value) -> Vec<String> {
    let of = |key: &str| -> Vec<String> {
        items(item, key)
            .iter()
            .filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str()))
            .map(str::to_owned)
            .collect()
    };
    ["summary_text", "summary", "raw_content", "content"]
        .into_iter()
        .map(of)
        .find(|parts| !parts.is_empty())
        .unwrap_or_default()
}

/// `{secs, nanos}`, seconds, or milliseconds.
fn duration(item: &Value) -> Option<u64> {
    if let Some(ms) = item.get("duration_ms").and_then(Value::as_u64) {
        return Some(ms);
    }
    let duration = item.get("duration")?;
    match duration.as_f64() {
        Some(seconds) => super::codex_outputs::to_ms(seconds),
        None => {
            Some(number(duration, "secs").saturating_mul(1000).saturating_add(number(duration, "nanos") / 1_000_000))
        }
    }
}
