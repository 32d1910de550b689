//! The messages of an SWE-Together session, part by part.

use super::{
    claude_results::{self, Told},
    claude_words::{self, Words},
    codex_index::said_key,
    diff,
    plans::{self, Tasks},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, items, some_text, take_text, text, whole},
};
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    trace::{
        AgentMessage, Body, Compaction, FileChange, Permission, Phase, Plan, Reasoning, ResultStatus, Text, ToolCall,
        ToolResult, Unknown, UserMessage,
    },
};
use serde_json::Value;
use std::collections::HashMap;

/// What a session's agent and recorder can tell.
pub(super) struct Style {
    pub agent: &'static str,
    pub outputs: bool,
    pub exit_codes: bool,
    pub plans: bool,
}

impl Style {
    pub fn of(document: &Value, messages: &[Value]) -> Style {
        let uses = || messages.iter().flat_map(|message| items(message, "tool_uses"));
        let blocks = || messages.iter().flat_map(|message| items(message, "content"));
        let texts = || messages.iter().filter_map(|message| some_text(message, "content"));
        let tool_names = uses().map(|call| text(call, "tool")).chain(blocks().map(|block| text(block, "name")));
        let claude = tool_names.into_iter().any(|name| matches!(name, "Bash" | "Read" | "Edit" | "Grep" | "Write"));
        let in_text = texts().any(|text| text.contains("<tool_use id="));
        let agent = match text(document, "source") {
            "codex" => "codex",
            "gemini" => "gemini",
            "opencode" => "opencode",
            _ if claude || in_text => "claude",
            _ => "pi",
        };
        let outputs = uses().any(|call| call.get("output").is_some() || call.get("status").is_some())
            || blocks().any(|block| text(block, "type") == "tool_result")
            || texts().any(|text| text.contains("<tool_result id="));
        // Bare strings are cut, and so are some texts: a plan in one cannot be read.
        let bare = uses().any(|call| call.get("input").is_some_and(Value::is_string));
        let cut = texts().any(|text| text.matches("<tool_use id=").count() > text.matches("</tool_use>").count());
        Style { agent, outputs, exit_codes: outputs && agent == "claude", plans: agent != "pi" && !bare && !cut }
    }

    /// One message of Codex here is a whole turn: what it did, and then what it said.
    fn message_is_turn(&self) -> bool {
        self.agent == "codex"
    }
}

pub(super) struct Session<'s> {
    pub scribe: Scribe<'s>,
    style: Style,
    tools: HashMap<String, String>,
    tasks: Tasks,
    batch: u32,
    batch_open: bool,
}

pub(super) const THINK: &str = "<think>";

/// How often a message's blocks hold a call, by name and input.
type Seen = HashMap<u64, u32>;

/// A call as any of the shapes has it.
struct Called {
    id: String,
    name: String,
    input: Value,
}

impl<'s> Session<'s> {
    pub fn of(scribe: Scribe<'s>, style: Style) -> Session<'s> {
        let (tools, tasks) = (HashMap::new(), Tasks::default());
        Session { scribe, style, tools, tasks, batch: 0, batch_open: false }
    }

    pub fn message(&mut self, stamp: &Stamp, mut message: Value) {
        let by_user = text(&message, "role") == "user";
        let thinking = take_text(&mut message, "thinking");
        let content = message.get_mut("content").map(Value::take).unwrap_or_default();
        let uses = match message.get_mut("tool_uses").map(Value::take) {
            Some(Value::Array(uses)) => uses,
            _ => Vec::new(),
        };
        if thinking.is_empty() && uses.is_empty() && is_empty(&content) {
            return self.scribe.settle(Fate::Nothing("empty message"));
        }
        if !self.style.outputs || by_user {
            self.batch_open = false;
        }
        if !thinking.is_empty() {
            let body = Body::Reasoning(Reasoning { text: whole(thinking), encrypted: false });
            self.settled(stamp, body);
        }
        if self.style.message_is_turn() {
            self.uses(stamp, uses, &mut Seen::new());
            return self.content(stamp, content, (by_user, &mut Seen::new()));
        }
        let mut seen = Seen::new();
        self.content(stamp, content, (by_user, &mut seen));
        self.uses(stamp, uses, &mut seen);
    }

    /// The content, with the calls that stood in it added to `seen`.
    fn content(&mut self, stamp: &Stamp, content: Value, (by_user, seen): (bool, &mut Seen)) {
        match content {
            Value::Array(blocks) => {
                for block in blocks {
                    let fate = self.block(stamp, block, (by_user, &mut *seen));
                    self.scribe.settle(fate);
                }
            }
            content if is_empty(&content) => {}
            Value::String(said) if by_user => {
                let fate = self.user(stamp, &said);
                self.scribe.settle(fate);
            }
            Value::String(said) => {
                let fate = self.agent(stamp, &said);
                self.scribe.settle(fate);
            }
            other => {
                self.scribe.unknown(stamp, "content", &other.to_string());
                self.scribe.settle(Fate::Kept);
            }
        }
    }

    fn block(&mut self, stamp: &Stamp, mut block: Value, (by_user, seen): (bool, &mut Seen)) -> Fate {
        match text(&block, "type") {
            "text" if by_user => self.user(stamp, text(&block, "text")),
            "text" => self.agent(stamp, text(&block, "text")),
            "thinking" => {
                let text = take_text(&mut block, "thinking");
                let encrypted = text.is_empty();
                self.put(stamp, Body::Reasoning(Reasoning { text: whole(text), encrypted }))
            }
            "tool_use" => {
                let input = block.get_mut("input").map(Value::take).unwrap_or_default();
                let called = Called { id: text(&block, "id").to_owned(), name: text(&block, "name").to_owned(), input };
                *seen.entry(call_key(&called.name, &called.input)).or_default() += 1;
                self.called(stamp, called);
                Fate::Kept
            }
            "tool_result" => {
                let failed = block.get("is_error").and_then(Value::as_bool);
                let content = content_text(block.get("content").unwrap_or(&Value::Null));
                self.result(stamp, text(&block, "tool_use_id"), (failed, content))
            }
            kind => {
                let unknown = Unknown { kind: kind.to_owned(), raw: whole(block.to_string()) };
                self.put(stamp, Body::Unknown(unknown))
            }
        }
    }

    fn uses(&mut self, stamp: &Stamp, uses: Vec<Value>, seen: &mut Seen) {
        let mut answered = false;
        for mut call in uses {
            let (name, input) =
                (take_text(&mut call, "tool"), call.get_mut("input").map(Value::take).unwrap_or_default());
            if let Some(left) = seen.get_mut(&call_key(&name, &input)).filter(|left| **left > 0) {
                *left -= 1;
                self.scribe.settle(Fate::Merged("call said twice"));
                continue;
            }
            if self.style.message_is_turn() {
                self.batch_open = false;
            }
            let patch = input.get("patch").and_then(Value::as_str).map(diff::of_envelope).unwrap_or_default();
            let event = self.called(stamp, Called { id: String::new(), name: name.clone(), input });
            if call.get("output").is_some() || call.get("status").is_some() {
                let mut result = used(&name, &call, self.style.exit_codes);
                result.call = Some(event);
                let applied = result.status == ResultStatus::Ok;
                self.scribe.put(stamp, Body::ToolResult(result));
                answered = true;
                for changed in patch.into_iter().filter(|_| applied) {
                    let (path, change, diff) = (changed.path, changed.change, whole(changed.diff));
                    self.put(stamp, Body::FileChange(FileChange { path, change, diff, call: Some(event) }));
                }
            }
            self.scribe.settle(Fate::Kept);
        }
        if answered {
            self.batch_open = false;
        }
    }

    fn put(&mut self, stamp: &Stamp, body: Body) -> Fate {
        self.scribe.put(stamp, body);
        Fate::Kept
    }

    fn settled(&mut self, stamp: &Stamp, body: Body) {
        let fate = self.put(stamp, body);
        self.scribe.settle(fate);
    }

    fn user(&mut self, stamp: &Stamp, said: &str) -> Fate {
        let (results, rest) = tagged(said, "tool_result");
        let any = !results.is_empty();
        for (id, content) in results {
            self.result(stamp, id, (None, content.trim_matches('\n').to_owned()));
        }
        let fate = match claude_words::of(&rest) {
            Words::Said(said) => {
                self.batch_open = false;
                self.scribe.turn += 1;
                self.put(stamp, Body::UserMessage(UserMessage { text: whole(said), images: 0 }))
            }
            Words::Interrupted => {
                let end = TurnEnd { how: TurnEnded::Interrupted, why: rest.trim().to_owned() };
                self.put(stamp, Body::TurnEnd(end))
            }
            Words::Summary => {
                let compaction = Compaction { before: None, after: None, summary: whole(rest) };
                self.put(stamp, Body::Compaction(compaction))
            }
            Words::Noise(kind) => Fate::Nothing(kind),
        };
        if any { Fate::Kept } else { fate }
    }

    fn agent(&mut self, stamp: &Stamp, said: &str) -> Fate {
        let (calls, rest) = tagged(said, "tool_use");
        let mut kept = false;
        let (thought, rest) = thought(rest);
        if let Some(thought) = thought {
            let text = whole(thought);
            kept = self.put(stamp, Body::Reasoning(Reasoning { text, encrypted: false })) == Fate::Kept;
        }
        // The recorder cut the first character of some messages.
        if !rest.is_empty() && !matches!(rest.as_str(), "(no content)" | "no content)") {
            let phase = self.style.message_is_turn().then_some(Phase::Final);
            self.put(stamp, Body::AgentMessage(AgentMessage { text: whole(rest), phase }));
            kept = true;
        }
        for (id, json) in calls {
            self.called(stamp, called_in_text(id, json));
            kept = true;
        }
        if kept { Fate::Kept } else { Fate::Nothing("placeholder") }
    }

    fn called(&mut self, stamp: &Stamp, called: Called) -> crate::model::id::EventId {
        let Called { id, name, input } = called;
        if !self.batch_open {
            (self.batch, self.batch_open) = (self.batch + 1, true);
        }
        let plan: Option<Plan> = plans::of_call(&name, &input).or_else(|| self.tasks.take(&name, &id, &input));
        let call = ToolCall { name: name.clone(), tool: None, input, batch: Some(self.batch) };
        let event = self.scribe.call(stamp, &id, call);
        if let Some(plan) = plan {
            self.put(stamp, Body::Plan(plan));
        }
        if !id.is_empty() {
            self.tools.insert(id, name);
        }
        event
    }

    fn result(&mut self, stamp: &Stamp, id: &str, (failed, content): (Option<bool>, String)) -> Fate {
        self.batch_open = false;
        let tool = self.tools.get(id).cloned().unwrap_or_default();
        let told = Told { tool: &tool, failed, stopped: false, background: false };
        let answer = claude_results::of_text(told, content);
        if answer.status == ResultStatus::Denied {
            let by = claude_results::denied_by(&answer.text).unwrap_or("user").to_owned();
            self.put(stamp, Body::Permission(Permission { asked: tool, granted: false, by }));
        }
        let result = ToolResult {
            call: self.scribe.event_of(stamp, id),
            status: answer.status,
            exit: answer.exit,
            output: whole(answer.text),
            dropped_bytes: 0,
            duration_ms: None,
        };
        self.put(stamp, Body::ToolResult(result))
    }
}

fn call_key(name: &str, input: &Value) -> u64 {
    said_key(name, &input.to_string())
}

fn is_empty(content: &Value) -> bool {
    content.is_null() || content.as_str().is_some_and(str::is_empty) || content.as_array().is_some_and(Vec::is_empty)
}

/// The result that stands beside a call. That a shell tool succeeded does not say that its command did.
fn used(name: &str, call: &Value, exit_codes: bool) -> ToolResult {
    let output = call.get("output").unwrap_or(&Value::Null);
    let said = ["text", "output", "content"].into_iter().find_map(|key| some_text(output, key));
    let said = said.unwrap_or_else(|| output.as_str().unwrap_or_default());
    let exit = output.get("exit_code").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
    let shell = matches!(name, "exec_command" | "shell" | "bash" | "run_shell_command" | "Bash");
    let status = match (text(call, "status"), exit) {
        ("cancelled", _) => ResultStatus::Cancelled,
        ("denied" | "rejected", _) => ResultStatus::Denied,
        ("error" | "failed", _) => ResultStatus::Failed,
        (_, Some(exit)) if exit != 0 => ResultStatus::Failed,
        ("success", None) if shell && !exit_codes => ResultStatus::Unknown,
        ("success" | "completed", _) => ResultStatus::Ok,
        (_, Some(_)) => ResultStatus::Ok,
        (_, None) => ResultStatus::Unknown,
    };
    let seconds = output.get("duration_seconds").and_then(Value::as_f64);
    let wall = || some_text(output, "wall_time")?.split(' ').next()?.parse::<f64>().ok();
    ToolResult {
        call: None,
        status,
        exit,
        output: Text::whole(said),
        dropped_bytes: 0,
        duration_ms: seconds.or_else(wall).and_then(super::codex_outputs::to_ms),
    }
}

/// Some models think aloud at the start of their text: `<think>...</think>`. One that was cut goes on to the end.
fn thought(text: String) -> (Option<String>, String) {
    match text.trim_start().strip_prefix(THINK) {
        Some(rest) => {
            let (thought, rest) = rest.split_once("</think>").unwrap_or((rest, ""));
            (Some(thought.trim().to_owned()), rest.trim().to_owned())
        }
        None => (None, text),
    }
}

/// `{"name": ..., "arguments": {...}}`; where the text was cut, the name, and the rest as it stands.
fn called_in_text(id: &str, json: &str) -> Called {
    let id = id.to_owned();
    if let Ok(mut value) = serde_json::from_str::<Value>(json) {
        let name = take_text(&mut value, "name");
        let input = value.get_mut("arguments").map(Value::take).unwrap_or_default();
        return Called { id, name, input };
    }
    let name = json.split_once("\"name\":").and_then(|(_, rest)| rest.split('"').nth(1)).unwrap_or_default();
    Called { id, name: name.to_owned(), input: Value::String(json.trim().to_owned()) }
}

/// What stands in `<tag id="...">...</tag>`, each with its id, and the text around them. One that is not closed goes on to the end.
fn tagged<'t>(text: &'t str, tag: &str) -> (Vec<(&'t str, &'t str)>, String) {
    let (open, close) = (format!("<{tag} id=\""), format!("</{tag}>"));
    if !text.contains(&open) {
        return (Vec::new(), text.to_owned());
    }
    let (mut found, mut around, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, after)) = rest.split_once(open.as_str()) {
        around.push_str(before);
        let (id, inner) = after.split_once("\">").unwrap_or((after, ""));
        let (inner, next) = inner.split_once(close.as_str()).unwrap_or((inner, ""));
        found.push((id, inner));
        rest = next;
    }
    around.push_str(rest);
    (found, around.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_the_text_are_found_even_when_cut() {
        let text = "look\n<tool_use id=\"a\">\n{\"name\": \"Read\"}\n</tool_use>\n\n<tool_use id=\"b\">\n{\"name\": \"Bash\", \"argum";
        let (found, around) = tagged(text, "tool_use");
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(around, "look");
        let cut = called_in_text(found[1].0, found[1].1);
        assert_eq!((cut.name.as_str(), cut.input), ("Bash", Value::String("{\"name\": \"Bash\", \"argum".to_owned())));
    }
}
