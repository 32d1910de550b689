//! What Claude Code prints with `--output-format stream-json`, record by record: the driver reads it live, the importer from a file.
//!
//! Looks at one record at a time and yields what happened as drafts, and what the record asks of whoever drives the agent. A
//! response comes as one record per block, each repeating its id and usage; which message ends the turn is only known at the next
//! record, so a message waits for it. Pure: no record is ever written here.
//!
//! ```text
//! assistant{message{id, content: [one block], usage}}    reasoning, message, call; usage once per id
//! user{message{content: [tool_result]}, tool_use_result} results, file changes
//! system{subtype}                                        init, compact_boundary, notices
//! control_request{can_use_tool}                          a permission, or a question of AskUserQuestion
//! result{is_error, subtype, total_cost_usd, modelUsage}  the turn's end; money and tokens are running totals
//! ```

mod end;
mod user;

use super::{
    claude_blocks::{questions, served, worded},
    claude_tree::tokens,
    plans::{self, Tasks},
    scribe::Fate,
    value::{content_text, number, some_text, text, whole},
};
use crate::model::{
    agent::Draft,
    trace::{
        AgentMessage, Body, Compaction, ErrorMark, Phase, Question, SubAgent, SubAgentState, Text, ToolCall, Unknown,
    },
};
use end::Bill;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub use end::Ended;

/// Kinds of records that carry nothing for a trace.
pub(super) const NOTHING: &[&str] = &[
    "init",
    "progress",
    "background task",
    "hook",
    "control",
    "keep_alive",
    "meta message",
    "empty message",
    "local command",
    "reminder",
    "skill text",
    "notification",
    "user's own shell",
];

/// Kinds of records that say again what another says.
pub(super) const MERGES: &[&str] =
    &["partial message", "brief of a sub-agent", "note of an interruption", "echo of the user", "summary"];

/// What a record means beyond the events in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Nothing,
    /// A turn begins; said anew in each.
    Init(Init),
    /// Words of the user that the agent repeats.
    User(Text, u64),
    /// It waits to be allowed a call.
    Permit(Waits, String),
    /// It waits for answers.
    Ask(Waits, Vec<Question>),
    /// It no longer waits for the answer to this request.
    Withdrawn(String),
    /// It waits for something that nobody here knows: request and kind.
    Request(String, String),
    /// Its answer to a request of ours, with an error where it refused.
    Response(String, Option<String>),
    End(Ended),
}

/// What the agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    pub version: Option<String>,
    pub model: Option<String>,
    pub session: Option<String>,
    pub cwd: Option<String>,
    pub tools: Vec<String>,
}

/// A call that waits: the request that is answered, the call, and its input, which an answer repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    pub request: String,
    pub call: String,
    pub input: Value,
}

/// One record, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub drafts: Vec<Draft>,
    pub heard: Heard,
    pub(super) fate: Fate,
}

/// A conversation while it is read.
#[derive(Default)]
pub struct Wire {
    out: Vec<Draft>,
    held: Option<Held>,
    tasks: Tasks,
    /// Names of the tools called, by call.
    tools: HashMap<String, String>,
    /// Responses whose usage was told.
    counted: HashSet<String>,
    bill: Bill,
    started: HashSet<String>,
    delegated: HashSet<String>,
    /// Questions that were called for and not yet put to anybody.
    asked: HashMap<String, Vec<Question>>,
    /// Calls that whoever drives has refused.
    denied: HashSet<String>,
    batch: (u32, Option<String>),
    /// We want the turn to end.
    stopping: bool,
    /// The client noted that the turn was interrupted.
    noted: bool,
    /// What the client called the failure of a model request.
    failed: Option<String>,
}

/// What waits for the next record to be understood.
enum Held {
    /// The message that ends the turn, if the turn ends here.
    Message(Draft),
    /// The conversation was shortened; its summary may follow.
    Compaction(Draft),
    /// Results of calls that were refused, or merely interrupted.
    Refused(Vec<(Draft, Draft)>),
}

impl Wire {
    /// Reads a record. Its drafts say they are `from` there, or from the record's own id.
    pub fn record(&mut self, mut record: Value, from: Option<String>) -> Read {
        let kind = text(&record, "type").to_owned();
        let lane = some_text(&record, "parent_tool_use_id").unwrap_or_default().to_owned();
        let from = from.or_else(|| some_text(&record, "uuid").map(str::to_owned));
        let at = At { lane, from };
        let (fate, heard) = match kind.as_str() {
            "assistant" => self.assistant(&at, &mut record),
            "user" => self.user(&at, &mut record),
            "system" => self.system(&at, &record),
            "result" => self.result(&at, &record),
            "control_request" => self.requested(&at, &record),
            "control_response" => (Fate::Nothing("control"), response(&record)),
            "control_cancel_request" => {
                (Fate::Nothing("control"), Heard::Withdrawn(text(&record, "request_id").to_owned()))
            }
            "stream_event" => (Fate::Merged("partial message"), Heard::Nothing),
            "tool_progress" | "tool_use_summary" | "rate_limit_event" | "auth_status" | "prompt_suggestion" => {
                (Fate::Nothing("progress"), Heard::Nothing)
            }
            "keep_alive" => (Fate::Nothing("keep_alive"), Heard::Nothing),
            kind => (self.unknown(&at, kind, &record), Heard::Nothing),
        };
        Read { drafts: std::mem::take(&mut self.out), heard, fate }
    }

    /// What still waits, when nothing more will come.
    pub fn finish(&mut self) -> Vec<Draft> {
        self.release();
        let unasked: Vec<String> = self.asked.keys().cloned().collect();
        for call in unasked {
            self.ask(&At::default(), &call, None);
        }
        std::mem::take(&mut self.out)
    }

    /// The question of this call is put by whoever drives, who records it.
    pub fn put(&mut self, call: &str) {
        self.asked.remove(call);
    }

    /// Whoever drives refuses this call, and records that.
    pub fn deny(&mut self, call: &str) {
        self.denied.insert(call.to_owned());
    }

    /// Whoever drives ends the turn: what is refused from now on is cancelled.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Another process goes on with the session: its running totals begin anew.
    pub fn restart(&mut self) {
        self.bill = Bill::default();
    }

    fn say(&mut self, at: &At, body: Body) {
        self.release();
        self.out.push(at.draft(body, None));
    }

    fn of_call(&mut self, at: &At, call: &str, body: Body) {
        self.release();
        self.out.push(at.draft(body, Some(call)));
    }

    fn unknown(&mut self, at: &At, kind: &str, record: &Value) -> Fate {
        self.say(at, Body::Unknown(Unknown { kind: kind.to_owned(), raw: whole(record.to_string()) }));
        Fate::Kept
    }

    /// Lets go of what waited, as what it is when nothing says otherwise.
    fn release(&mut self) {
        match self.held.take() {
            Some(Held::Message(draft) | Held::Compaction(draft)) => self.out.push(draft),
            Some(Held::Refused(all)) => {
                all.into_iter().for_each(|(permission, result)| self.out.extend([permission, result]));
            }
            None => {}
        }
    }

    fn assistant(&mut self, at: &At, record: &mut Value) -> (Fate, Heard) {
        let failed = some_text(record, "error").map(str::to_owned);
        let Some(message) = record.get_mut("message") else {
            return (self.unknown(at, "assistant", record), Heard::Nothing);
        };
        let id = text(message, "id").to_owned();
        let mut content = message.get_mut("content").map(Value::take).unwrap_or_default();
        if failed.is_some() {
            let message = whole(content_text(&content));
            self.failed = failed;
            self.say(at, Body::Error(ErrorMark { message, fault: None }));
            return (Fate::Kept, Heard::Nothing);
        }
        let mut kept = self.usage(at, message, &id);
        let blocks = match content.as_array_mut() {
            Some(blocks) => std::mem::take(blocks),
            None => vec![content],
        };
        for block in blocks {
            kept |= self.block(at, &id, block);
        }
        (if kept { Fate::Kept } else { Fate::Nothing("empty message") }, Heard::Nothing)
    }

    /// Every block of a response repeats its usage: it counts once, as it stands in the first; what is missing then is told with the
    /// turn's end.
    fn usage(&mut self, at: &At, message: &Value, id: &str) -> bool {
        let model = some_text(message, "model").filter(|model| *model != "<synthetic>");
        let (Some(usage), Some(model)) = (message.get("usage"), model) else { return false };
        if id.is_empty() || !self.counted.insert(id.to_owned()) {
            return false;
        }
        let mut usage = tokens(usage);
        usage.model = Some(model.to_owned());
        self.bill.told(&usage);
        self.say(at, Body::Usage(usage));
        true
    }

    /// One block of a response; whether it became an event.
    fn block(&mut self, at: &At, message: &str, mut block: Value) -> bool {
        let kind = text(&block, "type").to_owned();
        match kind.as_str() {
            "text" | "" | "thinking" | "redacted_thinking" => {
                let Some(body) = worded(&kind, &mut block, false) else { return false };
                self.release();
                let draft = at.draft(body, None);
                match draft.body {
                    Body::AgentMessage(_) if at.lane.is_empty() => self.held = Some(Held::Message(draft)),
                    _ => self.out.push(draft),
                }
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" => self.called(at, message, block),
            kind if kind.ends_with("_tool_result") => {
                let call = text(&block, "tool_use_id").to_owned();
                self.of_call(at, &call, Body::ToolResult(served(&block, None)));
            }
            kind => drop(self.unknown(at, kind, &block)),
        }
        true
    }

    fn called(&mut self, at: &At, message: &str, mut block: Value) {
        let (id, name) = (text(&block, "id").to_owned(), text(&block, "name").to_owned());
        let input = block.get_mut("input").map(Value::take).unwrap_or_default();
        // Blocks of one response come in a row: another response is another batch.
        if message.is_empty() || self.batch.1.as_deref() != Some(message) {
            self.batch = (self.batch.0 + 1, Some(message.to_owned()));
        }
        let plan = plans::of_call(&name, &input).or_else(|| self.tasks.take(&name, &id, &input));
        if name == "AskUserQuestion" {
            self.asked.insert(id.clone(), questions(&input, None));
        }
        let brief = matches!(name.as_str(), "Task" | "Agent").then(|| whole(text(&input, "prompt")));
        let call = ToolCall { name: name.clone(), tool: None, input, batch: Some(self.batch.0) };
        self.of_call(at, &id, Body::ToolCall(call));
        if let Some(plan) = plan {
            self.say(at, Body::Plan(plan));
        }
        if let Some(brief) = brief {
            self.delegated.insert(id.clone());
            self.briefed(at, &id, brief);
        }
        self.tools.insert(id, name);
    }

    fn briefed(&mut self, at: &At, id: &str, brief: Text) -> Fate {
        if !self.started.insert(id.to_owned()) {
            return Fate::Merged("brief of a sub-agent");
        }
        let result = Text::default();
        self.say(at, Body::SubAgent(SubAgent { id: id.to_owned(), state: SubAgentState::Started, brief, result }));
        Fate::Kept
    }

    /// Tells a question that was not put by whoever drives.
    fn ask(&mut self, at: &At, call: &str, answers: Option<&Value>) {
        for mut question in self.asked.remove(call).unwrap_or_default() {
            let answer = answers.and_then(|answers| answers.get(question.text.as_str()));
            question.answer = answer.map(|answer| whole(content_text(answer)));
            self.say(at, Body::Question(question));
        }
    }

    fn system(&mut self, at: &At, record: &Value) -> (Fate, Heard) {
        let fate = match text(record, "subtype") {
            "init" => return (Fate::Nothing("init"), Heard::Init(init(record))),
            "compact_boundary" => {
                let told = ["/compact_metadata/pre_tokens", "/compactMetadata/preTokens"];
                let before = told.iter().find_map(|path| record.pointer(path)?.as_u64());
                self.release();
                let body = Compaction { before, after: None, summary: Text::default() };
                self.held = Some(Held::Compaction(at.draft(Body::Compaction(body), None)));
                Fate::Kept
            }
            "api_retry" | "api_error" => {
                self.say(at, Body::Error(ErrorMark { message: whole(retry_words(record)), fault: None }));
                Fate::Kept
            }
            "task_started" | "task_progress" | "task_updated" | "task_notification" => Fate::Nothing("background task"),
            "hook_started" | "hook_progress" | "hook_response" => Fate::Nothing("hook"),
            "status"
            | "thinking_tokens"
            | "session_state_changed"
            | "files_persisted"
            | "post_turn_summary"
            | "local_command_output" => Fate::Nothing("progress"),
            subtype => self.unknown(at, &format!("system.{subtype}"), record),
        };
        (fate, Heard::Nothing)
    }

    fn result(&mut self, at: &At, record: &Value) -> (Fate, Heard) {
        let mark = end::Mark { failed: self.failed.take(), noted: std::mem::take(&mut self.noted) };
        let ended = end::of(record, &mark);
        let finished = ended.is_done() && text(record, "stop_reason") == "end_turn";
        if let Some(Held::Message(Draft { body: Body::AgentMessage(AgentMessage { phase, .. }), .. })) = &mut self.held
        {
            *phase = Some(if finished { Phase::Final } else { Phase::Commentary });
        }
        self.release();
        if let Some(usage) = self.bill.of_turn(record) {
            self.say(at, Body::Usage(usage));
        }
        self.stopping = false;
        (Fate::Kept, Heard::End(ended))
    }

    fn requested(&mut self, at: &At, record: &Value) -> (Fate, Heard) {
        let nothing = Value::Null;
        let request = record.get("request").unwrap_or(&nothing);
        let id = text(record, "request_id").to_owned();
        let subtype = text(request, "subtype");
        if subtype != "can_use_tool" {
            let kind = format!("control_request.{subtype}");
            return (self.unknown(at, &kind, record), Heard::Request(id, subtype.to_owned()));
        }
        self.release();
        let tool = text(request, "tool_name");
        let input = request.get("input").cloned().unwrap_or_default();
        let asked = if tool == "AskUserQuestion" { questions(&input, None) } else { Vec::new() };
        let what = wanted(tool, &input);
        let waits = Waits { request: id, call: text(request, "tool_use_id").to_owned(), input };
        let heard = if asked.is_empty() { Heard::Permit(waits, what) } else { Heard::Ask(waits, asked) };
        (Fate::Nothing("control"), heard)
    }
}

/// Where a record stands.
#[derive(Clone, Debug, Default)]
struct At {
    lane: String,
    from: Option<String>,
}

impl At {
    fn draft(&self, body: Body, call: Option<&str>) -> Draft {
        let call = call.filter(|call| !call.is_empty()).map(str::to_owned);
        Draft { body, lane: self.lane.clone(), from: self.from.clone(), call }
    }
}

fn init(record: &Value) -> Init {
    let of = |key: &str| some_text(record, key).map(str::to_owned);
    let tools = record.get("tools").and_then(Value::as_array).into_iter().flatten();
    Init {
        version: of("claude_code_version"),
        model: of("model"),
        session: of("session_id"),
        cwd: of("cwd"),
        tools: tools.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn response(record: &Value) -> Heard {
    let nothing = Value::Null;
    let response = record.get("response").unwrap_or(&nothing);
    let refused = text(response, "subtype") != "success";
    let why = refused.then(|| some_text(response, "error").unwrap_or("no reason given").to_owned());
    Heard::Response(text(response, "request_id").to_owned(), why)
}

/// A call as a person is asked for it: the command itself, or the tool and what it would touch.
fn wanted(tool: &str, input: &Value) -> String {
    const SHOWN: usize = 300;
    if let Some(command) = some_text(input, "command") {
        return command.to_owned();
    }
    let named = ["file_path", "notebook_path", "path", "url", "query", "pattern", "skill"];
    let what = named.iter().find_map(|key| some_text(input, key)).map(str::to_owned);
    let what = what.unwrap_or_else(|| input.to_string());
    let what: String = what.chars().take(SHOWN).collect();
    format!("{tool} {what}").trim_end().to_owned()
}

fn retry_words(record: &Value) -> String {
    let said = some_text(record, "error")
        .map_or_else(|| content_text(record.get("error").unwrap_or(&Value::Null)), str::to_owned);
    let status = record.get("error_status").and_then(Value::as_u64).map(|status| format!(" (status {status})"));
    let (attempt, most) = (number(record, "attempt"), number(record, "max_retries"));
    format!(
        "a request to the model failed and is tried again, {attempt} of {most}: {said}{}",
        status.unwrap_or_default()
    )
}
