//! What an agent says over the Agent Client Protocol, as events: the one reading that the driver and the importer share. Pure.
//!
//! ```text
//! update({sessionUpdate: "agent_message_chunk", ..}) .. update({.. "tool_call" ..})    -> agent_message, tool_call
//! prompt_ended({stopReason: "end_turn", usage})                                        -> usage, and how the turn ended
//! ```
//!
//! Chunks are joined until something else happens; a kind that is not known is kept as it stood. Nothing here ever fails.

use super::{
    acp_agents::{self, Quirks, either},
    acp_calls::Call,
    plans::{self, Tasks},
    scribe::Fate,
    value::{items, number, some_text, text},
};
use crate::model::{
    agent::{Draft, TurnEnd, TurnEnded},
    trace::{
        AgentMessage, Body, Compaction, ErrorMark, Plan, PlanStep, Reasoning, ResultStatus, StepStatus, Tells, Text,
        ToolResult, Unknown, Usage, UsageScope,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A thought is handed on in parts, so that a long one is a sign of life.
const LONGEST_THOUGHT: usize = 8 << 10;

/// Longer messages are handed on in parts as well: an agent may never stop.
const LONGEST_MESSAGE: usize = 64 << 10;

/// What is known of calls that never end must not fill memory; beyond this only how they end is taken in.
const MOST_HELD: usize = 64 << 20;

/// Updates that carry nothing for a trace.
pub const QUIET: &[&str] =
    &["available_commands_update", "config_option_update", "session_info_update", "usage_update"];

/// When and where something was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub from: Option<String>,
    /// ms since the beginning.
    pub at: Option<u64>,
    /// How long the message is.
    pub bytes: usize,
}

/// Puts the events of one session together.
pub struct Acp {
    quirks: Quirks,
    calls: BTreeMap<String, Call>,
    /// Bytes that the calls that run may hold.
    held: usize,
    /// Calls that have been heard of and have not ended, as they came.
    running: Vec<String>,
    open: Option<Open>,
    tasks: Tasks,
    seen: Tells,
    /// Tokens in the context, and the session's cost so far, as last told.
    used: Option<u64>,
    cost: f64,
    told_cost: f64,
    model: Option<String>,
    now: Moment,
    drafts: Vec<(Draft, Option<u64>)>,
}

/// Words that still grow.
struct Open {
    kind: Growing,
    id: String,
    text: String,
    began: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growing {
    Message,
    Thought,
    Compaction,
}

impl Default for Acp {
    fn default() -> Acp {
        Acp {
            quirks: acp_agents::of(""),
            calls: BTreeMap::new(),
            held: 0,
            running: Vec::new(),
            open: None,
            tasks: Tasks::default(),
            seen: Tells::default(),
            used: None,
            cost: 0.0,
            told_cost: 0.0,
            model: None,
            now: Moment::default(),
            drafts: Vec::new(),
        }
    }
}

impl Acp {
    /// The agent's name, as it gave it in `initialize`.
    pub fn is(&mut self, agent: &str) {
        self.quirks = acp_agents::of(agent);
    }

    /// From here on, what is said is said then.
    pub fn moment(&mut self, now: Moment) {
        self.now = now;
    }

    pub(super) fn now(&self) -> &Moment {
        &self.now
    }

    /// The events so far, with the ms each happened at where that is known.
    pub fn drain(&mut self) -> Vec<(Draft, Option<u64>)> {
        std::mem::take(&mut self.drafts)
    }

    /// What this session can tell: what its agent is known to tell, and what it has told.
    pub fn tells(&self) -> Tells {
        either(self.quirks.tells, self.seen)
    }

    /// Takes a `session/update`'s `update`.
    pub(super) fn take(&mut self, update: &Value) -> Fate {
        match text(update, "sessionUpdate") {
            "agent_message_chunk" => self.chunk(Growing::Message, update),
            "agent_thought_chunk" => self.chunk(Growing::Thought, update),
            "compaction_summary_chunk" => self.chunk(Growing::Compaction, update),
            "compaction_update" => self.compaction(update),
            "tool_call" | "tool_call_update" => self.call(update),
            "plan" => self.plan(update),
            "usage_update" => self.used(update),
            "config_option_update" => {
                self.options(update);
                Fate::Nothing("config_option_update")
            }
            kind => match QUIET.iter().find(|quiet| **quiet == kind) {
                Some(quiet) => Fate::Nothing(quiet),
                None => self.unknown(kind, update),
            },
        }
    }

    /// Takes a `session/update`'s `update`; what it made is in `drain`.
    pub fn update(&mut self, update: &Value) {
        self.take(update);
    }

    /// Keeps a record as it stood.
    pub(super) fn unknown(&mut self, kind: &str, raw: &Value) -> Fate {
        let kind = if kind.is_empty() { "no kind" } else { kind };
        self.put(Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(raw.to_string()) }), None);
        Fate::Kept
    }

    /// Keeps a message as it stood.
    pub fn keep(&mut self, kind: &str, raw: &Value) {
        self.unknown(kind, raw);
    }

    /// Takes the `toolCall` of a request for permission; says what is asked for. It may be the first that is heard of the call.
    pub fn permission(&mut self, call: &Value) -> String {
        let id = text(call, "toolCallId").to_owned();
        let known = self.known(&id);
        known.take(call);
        let asked = known.asked();
        self.tell(&id);
        if asked.is_empty() { "a tool without a name".to_owned() } else { asked }
    }

    /// What came of a request for permission.
    pub fn answered(&mut self, call: &str, granted: bool) {
        if let Some(call) = self.calls.get_mut(call) {
            call.denied = !granted;
        }
    }

    /// Takes what a prompt came back with, and says how the turn ended. Calls that never ended are closed.
    pub fn prompt_ended(&mut self, result: &Value) -> TurnEnd {
        self.flush();
        let stop = text(result, "stopReason");
        let status = if stop == "cancelled" { ResultStatus::Cancelled } else { ResultStatus::Unknown };
        self.close_calls(status);
        self.usage(result);
        let (how, why) = match stop {
            "end_turn" => (TurnEnded::Done, ""),
            "cancelled" => (TurnEnded::Interrupted, ""),
            "" => (TurnEnded::Failed, "the agent did not say why its turn ended"),
            other => (TurnEnded::Failed, other),
        };
        TurnEnd { how, why: why.to_owned() }
    }

    /// A prompt that ended in an error of the protocol.
    pub fn prompt_failed(&mut self, error: &Value) -> TurnEnd {
        self.flush();
        self.close_calls(ResultStatus::Unknown);
        let why = said_error(error);
        self.put(Body::Error(ErrorMark { message: Text::cut(&why), fault: None }), None);
        TurnEnd { how: TurnEnded::Failed, why }
    }

    /// Ends the words that still grow.
    pub fn flush(&mut self) {
        let Some(Open { kind, text, began, .. }) = self.open.take() else { return };
        let empty = text.trim().is_empty();
        let text = Text::whole(text);
        let body = match kind {
            Growing::Message | Growing::Thought if empty => return,
            Growing::Message => Body::AgentMessage(AgentMessage { text, phase: None }),
            Growing::Thought => Body::Reasoning(Reasoning { text, encrypted: false }),
            Growing::Compaction => {
                let before = self.used.take();
                Body::Compaction(Compaction { before, after: None, summary: text })
            }
        };
        self.push(body, None, began);
    }

    fn chunk(&mut self, kind: Growing, update: &Value) -> Fate {
        let id = some_text(update, "messageId").or_else(|| some_text(update, "compactionId")).unwrap_or_default();
        let said = chunk_text(update.get("content").unwrap_or(&Value::Null));
        self.seen.reasoning |= kind == Growing::Thought;
        let most = if kind == Growing::Thought { LONGEST_THOUGHT } else { LONGEST_MESSAGE };
        let fits = |open: &Open| open.kind == kind && (id.is_empty() || open.id.is_empty() || open.id == id);
        if let Some(open) = self.open.as_mut().filter(|open| fits(open) && open.text.len() < most) {
            open.text.push_str(&said);
            return Fate::Merged("chunk");
        }
        self.flush();
        let said = if kind == Growing::Thought { said.trim_start().to_owned() } else { said };
        self.open = Some(Open { kind, id: id.to_owned(), text: said, began: self.now.clone() });
        Fate::Kept
    }

    fn compaction(&mut self, update: &Value) -> Fate {
        let ended = matches!(text(update, "status"), "completed" | "failed" | "cancelled");
        let summary = some_text(update, "summary").unwrap_or_default();
        let goes_on = self.open.as_ref().is_some_and(|open| open.kind == Growing::Compaction);
        if !goes_on {
            self.flush();
            let open =
                Open { kind: Growing::Compaction, id: String::new(), text: String::new(), began: self.now.clone() };
            self.open = Some(open);
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.text.is_empty()) {
            summary.clone_into(&mut open.text);
        }
        if ended {
            self.flush();
        }
        if goes_on { Fate::Merged("part of a compaction") } else { Fate::Kept }
    }

    fn call(&mut self, update: &Value) -> Fate {
        let id = text(update, "toolCallId").to_owned();
        if id.is_empty() {
            return self.unknown("call without id", update);
        }
        let (before, bytes, full) = (self.drafts.len(), self.now.bytes, self.held > MOST_HELD);
        let call = self.known(&id);
        if call.ended {
            return Fate::Merged("update after the end");
        }
        let more = if full { call.skim(update, bytes) } else { call.weigh(update, bytes) };
        let (ready, over) = (call.is_ready(), call.is_over());
        self.held = self.held.saturating_add(more);
        if ready {
            self.tell(&id);
        }
        if over {
            self.end(&id);
        }
        if self.drafts.len() > before { Fate::Kept } else { Fate::Merged("update of a call") }
    }

    fn known(&mut self, id: &str) -> &mut Call {
        if !self.calls.contains_key(id) {
            self.running.push(id.to_owned());
        }
        self.calls.entry(id.to_owned()).or_default()
    }

    /// Tells of a call, once.
    fn tell(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id).filter(|call| !call.told) else { return };
        call.told = true;
        let tool = call.call(id, &self.quirks);
        let plan = plans::of_call(&tool.name, &tool.input).or_else(|| self.tasks.take(&tool.name, id, &tool.input));
        self.put(Body::ToolCall(tool), Some(id));
        if let Some(plan) = plan {
            self.seen.plans = true;
            self.put(Body::Plan(plan), None);
        }
    }

    fn end(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id).filter(|call| !call.ended) else { return };
        call.ended = true;
        self.held = self.held.saturating_sub(call.weight());
        self.running.retain(|running| running != id);
        let (result, changes) = (call.result(&self.quirks), call.file_changes());
        self.seen.exit_codes |= result.exit.is_some();
        self.seen.outputs |= !result.output.is_empty();
        self.seen.failed_edits |= call.is_edit() && result.status == ResultStatus::Failed;
        *call = Call::over();
        self.tasks.numbered(id, result.output.as_str());
        self.put(Body::ToolResult(result), Some(id));
        for change in changes {
            self.put(Body::FileChange(change), Some(id));
        }
    }

    fn close_calls(&mut self, status: ResultStatus) {
        for id in std::mem::take(&mut self.running) {
            self.tell(&id);
            let Some(call) = self.calls.get_mut(&id) else { continue };
            self.held = self.held.saturating_sub(call.weight());
            let known = call.result(&self.quirks);
            let denied = known.status == ResultStatus::Denied;
            *call = Call::over();
            let status = if denied { ResultStatus::Denied } else { status };
            self.put(Body::ToolResult(ToolResult { status, ..known }), Some(&id));
        }
    }

    fn plan(&mut self, update: &Value) -> Fate {
        let step = |entry: &Value| {
            let status = match text(entry, "status") {
                "completed" => StepStatus::Completed,
                "in_progress" => StepStatus::InProgress,
                _ => StepStatus::Pending,
            };
            Some(PlanStep { text: some_text(entry, "content")?.to_owned(), status })
        };
        let steps: Vec<PlanStep> = items(update, "entries").iter().filter_map(step).collect();
        self.seen.plans = true;
        self.put(Body::Plan(Plan { steps }), None);
        Fate::Kept
    }

    fn used(&mut self, update: &Value) -> Fate {
        self.used = update.get("used").and_then(Value::as_u64).or(self.used);
        let dollars = update.pointer("/cost/currency").and_then(Value::as_str) == Some("USD");
        if let Some(cost) = update.pointer("/cost/amount").and_then(Value::as_f64).filter(|_| dollars) {
            self.cost = self.cost.max(cost);
        }
        Fate::Nothing("usage_update")
    }

    fn usage(&mut self, result: &Value) {
        let quota = result.pointer("/_meta/quota").unwrap_or(&Value::Null);
        let told = result.get("usage").map(of_prompt).or_else(|| quota.get("token_count").map(of_quota));
        let Some(usage) = told else { return };
        let model = quota.pointer("/model_usage/0/model").and_then(Value::as_str).map(str::to_owned);
        self.model = model.clone().or(self.model.take());
        let spent = self.cost - std::mem::replace(&mut self.told_cost, self.cost);
        let micro_usd = (self.cost > 0.0).then(|| micro(spent));
        let scope = if self.quirks.last_step_usage { UsageScope::Response } else { UsageScope::Turn };
        self.seen.usage |= !self.quirks.last_step_usage;
        self.put(Body::Usage(Usage { scope, model, micro_usd, ..usage }), None);
    }

    /// Takes what `session/new` or a change of options says of the model.
    pub fn options(&mut self, result: &Value) {
        let option = items(result, "configOptions").iter().find(|option| text(option, "id") == "model");
        let named = option.and_then(|option| some_text(option, "currentValue"));
        let named = named.or_else(|| result.pointer("/models/currentModelId")?.as_str());
        self.model = named.map(str::to_owned).or(self.model.take());
    }

    /// The model, where the agent has named it.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn put(&mut self, body: Body, call: Option<&str>) {
        self.flush();
        let now = self.now.clone();
        self.push(body, call, now);
    }

    fn push(&mut self, body: Body, call: Option<&str>, when: Moment) {
        let draft = Draft { body, lane: String::new(), from: when.from, call: call.map(str::to_owned) };
        self.drafts.push((draft, when.at));
    }
}

/// The words of an error of the protocol.
pub fn said_error(error: &Value) -> String {
    let message = some_text(error, "message").unwrap_or("an error without words");
    let code = error.get("code").and_then(Value::as_i64).map(|code| format!(" ({code})")).unwrap_or_default();
    match error.get("data").filter(|data| !data.is_null()) {
        Some(data) => format!("{message}{code}: {data}"),
        None => format!("{message}{code}"),
    }
}

fn chunk_text(content: &Value) -> String {
    match (content.as_str(), content.get("text").and_then(Value::as_str), text(content, "type")) {
        (Some(said), ..) | (_, Some(said), _) => said.to_owned(),
        (_, _, "") => String::new(),
        (_, _, "resource_link") => text(content, "uri").to_owned(),
        (_, _, kind) => format!("[{kind}]"),
    }
}

/// `usage` of a prompt. Cached tokens stand beside the input, unless the total says that they are part of it.
fn of_prompt(usage: &Value) -> Usage {
    let (input, output, total) =
        (number(usage, "inputTokens"), number(usage, "outputTokens"), number(usage, "totalTokens"));
    let (read, written) = (number(usage, "cachedReadTokens"), number(usage, "cachedWriteTokens"));
    let apart = total != input.saturating_add(output);
    let beside = if apart { read.saturating_add(written) } else { 0 };
    Usage {
        input: input.saturating_add(beside),
        cached: read,
        output,
        reasoning: number(usage, "thoughtTokens"),
        ..Usage::default()
    }
}

fn of_quota(count: &Value) -> Usage {
    Usage {
        input: number(count, "input_tokens"),
        cached: number(count, "cached_tokens"),
        output: number(count, "output_tokens"),
        ..Usage::default()
    }
}

/// Whole micro-USD; what is no amount is none.
fn micro(dollars: f64) -> u64 {
    let micro = (dollars * 1e6).round();
    if micro.is_finite() && micro > 0.0 { micro as u64 } else { 0 }
}
