//! What the app-server's notices tell, as events of a trace. Pure: a notice in, what was heard out.
//!
//! Text comes in pieces and again whole when its item ends; the whole counts, and the pieces only where the end never came. Items of
//! another thread are a sub-agent's and stand in its lane. Tokens are told as sums over a thread: differences are taken.

use super::{
    faults, items,
    items::{list, number, text},
};
use crate::model::{
    agent::{Draft, TurnEnd, TurnEnded},
    fault::Fault,
    trace::{
        AgentMessage, Body, Compaction, ErrorMark, ResultStatus, SubAgent, SubAgentState, Text, ToolResult, Usage,
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a notice tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Event(Box<Draft>),
    /// The agent got on with its work.
    Progress,
    /// The model's endpoint fails, and Codex tries again.
    Trouble(Fault),
    TurnEnd(TurnEnd),
    /// The turn ended, and not by the agent's doing.
    Broken(Fault),
    /// A question is no longer open.
    Resolved(Value),
    Model(String),
}

/// Notices that carry nothing for a trace, or what another one tells as well.
const SILENT: &[&str] = &[
    "account/login/completed",
    "account/rateLimits/updated",
    "account/updated",
    "app/list/updated",
    "fs/changed",
    "hook/started",
    "item/autoApprovalReview/started",
    "item/commandExecution/terminalInteraction",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "item/plan/delta",
    "item/reasoning/summaryPartAdded",
    "mcpServer/startupStatus/updated",
    "remoteControl/status/changed",
    "skills/changed",
    "thread/goal/updated",
    "thread/name/updated",
    "thread/queue/changed",
    "thread/readState/changed",
    "thread/settings/updated",
    "thread/status/changed",
    "turn/moderationMetadata",
];

/// Bytes kept of one text that comes in pieces.
const PIECES: usize = 256 << 10;
/// Texts that may be open at once, calls that may run, threads that are followed.
const MOST_OPEN: usize = 512;

/// A thread's notices while it is followed.
#[derive(Debug, Default)]
pub struct Map {
    /// The root's thread.
    pub thread: String,
    /// Where its commands run, unless they say otherwise.
    pub cwd: String,
    /// The running turn, where its id is known.
    pub turn: Option<String>,
    /// Sub-agents' threads and their lanes.
    lanes: BTreeMap<String, String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// Texts that came in pieces and whose end has not come: by item, with its kind.
    pieces: BTreeMap<String, Piece>,
    /// Calls that run, with their items.
    open: BTreeMap<String, Open>,
    totals: BTreeMap<String, Usage>,
    /// Tokens in a thread's context at its last response.
    context: BTreeMap<String, u64>,
    /// Compactions told by items, by notices, and as events, in this turn.
    compactions: (u32, u32, u32),
    diff: Option<String>,
    changed: BTreeSet<String>,
}

#[derive(Debug)]
struct Piece {
    lane: String,
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Message,
    Reasoning,
    Output,
}

#[derive(Debug)]
struct Open {
    lane: String,
    id: String,
    what: String,
}

impl Map {
    /// Takes a notice in.
    pub fn notice(&mut self, method: &str, params: &Value) -> Vec<Heard> {
        match method {
            "item/started" => self.item(params, Self::item_started),
            "item/completed" => self.item(params, Self::item_completed),
            "item/agentMessage/delta" => self.piece(params, Kind::Message),
            "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta" => self.piece(params, Kind::Reasoning),
            "item/commandExecution/outputDelta" => self.piece(params, Kind::Output),
            "turn/started" => self.turn_started(params),
            "turn/completed" => self.turn_completed(params),
            "turn/plan/updated" => {
                let plan = items::plan(params).map(Body::Plan);
                plan.into_iter().map(|plan| self.event(params, plan)).collect()
            }
            "turn/diff/updated" => {
                if self.is_root(params) {
                    self.diff = Some(text(params, "diff").to_owned());
                }
                Vec::new()
            }
            "thread/started" => self.thread_started(params),
            "thread/tokenUsage/updated" => self.tokens(params),
            "thread/compacted" => {
                self.compactions.1 += 1;
                self.compacted(params)
            }
            "error" => self.error(params),
            "warning" | "configWarning" | "guardianWarning" | "deprecationNotice" => {
                let said = [text(params, "message"), text(params, "summary")].concat();
                vec![self.event(params, mark(said))]
            }
            "model/rerouted" => {
                let to = text(params, "toModel").to_owned();
                vec![Heard::Event(Box::new(items::kept("codex.model/rerouted", params))), Heard::Model(to)]
            }
            "serverRequest/resolved" => params.get("requestId").cloned().map(Heard::Resolved).into_iter().collect(),
            silent if SILENT.contains(&silent) => Vec::new(),
            other => vec![Heard::Event(Box::new(items::kept(&format!("codex.{other}"), params)))],
        }
    }

    /// What was under way when a turn ended early: the pieces of texts, and calls without an end.
    pub fn cut_short(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut outputs: BTreeMap<String, String> = BTreeMap::new();
        for (id, piece) in std::mem::take(&mut self.pieces) {
            let whole = Text::whole(piece.text.clone());
            let body = match piece.kind {
                Kind::Message => Body::AgentMessage(AgentMessage { text: whole, phase: None }),
                Kind::Reasoning => Body::Reasoning(crate::model::trace::Reasoning { text: whole, encrypted: false }),
                Kind::Output => {
                    outputs.insert(id, piece.text);
                    continue;
                }
            };
            heard.push(Heard::Event(Box::new(Draft { lane: piece.lane, ..Draft::of(body) })));
        }
        for (key, open) in std::mem::take(&mut self.open) {
            let output = outputs.remove(&open.id).unwrap_or_default();
            let result = ToolResult {
                call: None,
                status: ResultStatus::Cancelled,
                exit: None,
                output: Text::whole(output),
                dropped_bytes: 0,
                duration_ms: None,
            };
            let draft = Draft { lane: open.lane, call: Some(key), ..Draft::of(Body::ToolResult(result)) };
            heard.push(Heard::Event(Box::new(draft)));
        }
        heard
    }

    /// What the item that asks for a permission wants to do, where it is known.
    pub fn wanted(&self, params: &Value) -> Option<&str> {
        let lane = self.lane(params);
        self.open.get(&key(&lane, text(params, "itemId"))).map(|open| open.what.as_str())
    }

    fn is_root(&self, params: &Value) -> bool {
        let thread = text(params, "threadId");
        thread.is_empty() || self.thread.is_empty() || thread == self.thread
    }

    fn lane(&self, params: &Value) -> String {
        if self.is_root(params) {
            return String::new();
        }
        let thread = text(params, "threadId");
        self.lanes.get(thread).cloned().unwrap_or_else(|| thread.to_owned())
    }

    fn event(&self, params: &Value, body: Body) -> Heard {
        Heard::Event(Box::new(Draft { lane: self.lane(params), ..Draft::of(body) }))
    }

    fn item(&mut self, params: &Value, take: fn(&mut Map, &Value, &Value) -> Vec<Heard>) -> Vec<Heard> {
        let Some(item) = params.get("item").filter(|item| item.is_object()) else {
            return vec![Heard::Event(Box::new(items::kept("codex.item", params)))];
        };
        let mut heard = vec![Heard::Progress];
        heard.extend(take(self, params, item));
        heard
    }

    fn item_started(&mut self, params: &Value, item: &Value) -> Vec<Heard> {
        if text(item, "source") == "userShell" {
            return Vec::new();
        }
        items::call(item).map(|call| self.called(params, item, call)).into_iter().collect()
    }

    fn called(&mut self, params: &Value, item: &Value, mut call: crate::model::trace::ToolCall) -> Heard {
        if let Some(input) = call.input.as_object_mut()
            && input.get("cwd").and_then(Value::as_str).is_some_and(|cwd| cwd == self.cwd)
        {
            input.remove("cwd");
        }
        let lane = self.lane(params);
        let key = key(&lane, text(item, "id"));
        if self.open.len() < MOST_OPEN {
            let what = what(item, &call.name);
            self.open.insert(key.clone(), Open { lane: lane.clone(), id: text(item, "id").to_owned(), what });
        }
        Heard::Event(Box::new(Draft { lane, call: Some(key), ..Draft::of(Body::ToolCall(call)) }))
    }

    fn item_completed(&mut self, params: &Value, item: &Value) -> Vec<Heard> {
        let kind = text(item, "type");
        self.pieces.remove(text(item, "id"));
        match kind {
            "userMessage" if self.is_root(params) => Vec::new(),
            "userMessage" => {
                let thread = text(params, "threadId").to_owned();
                self.sub_agent_started(&thread, items::words(item), params).into_iter().collect()
            }
            "contextCompaction" => {
                self.compactions.0 += 1;
                self.compacted(params)
            }
            "subAgentActivity" => self.activity(params, item),
            "commandExecution" if text(item, "source") == "userShell" => Vec::new(),
            "collabAgentToolCall" => {
                let mut heard = self.finished(params, item);
                let at = heard.len().saturating_sub(1);
                let between = self.collaborated(params, item);
                heard.splice(at..at, between);
                heard
            }
            _ if items::call(item).is_some() => self.finished(params, item),
            _ => match items::said(item) {
                Some(Body::Reasoning(reasoning)) if reasoning.text.is_empty() => Vec::new(),
                Some(body) => vec![self.event(params, body)],
                None => {
                    let kept = items::kept(&format!("codex.item.{kind}"), item);
                    vec![Heard::Event(Box::new(Draft { lane: self.lane(params), ..kept }))]
                }
            },
        }
    }

    /// The end of a call: its result and the files it changed; the call itself, where its begin never came.
    fn finished(&mut self, params: &Value, item: &Value) -> Vec<Heard> {
        let lane = self.lane(params);
        let key = key(&lane, text(item, "id"));
        let mut heard = Vec::new();
        if self.open.remove(&key).is_none()
            && let Some(call) = items::call(item)
        {
            heard.push(self.called(params, item, call));
            self.open.remove(&key);
        }
        let draft =
            |body| Heard::Event(Box::new(Draft { lane: lane.clone(), call: Some(key.clone()), ..Draft::of(body) }));
        let (result, changes) = items::result(item);
        heard.push(draft(Body::ToolResult(result)));
        for change in changes {
            self.changed.insert(change.path.clone());
            heard.push(draft(Body::FileChange(change)));
        }
        heard
    }

    fn piece(&mut self, params: &Value, kind: Kind) -> Vec<Heard> {
        let lane = self.lane(params);
        if self.pieces.len() < MOST_OPEN || self.pieces.contains_key(text(params, "itemId")) {
            let piece = self.pieces.entry(text(params, "itemId").to_owned());
            let piece = piece.or_insert(Piece { lane, kind, text: String::new() });
            if piece.text.len() < PIECES {
                piece.text.push_str(text(params, "delta"));
            }
        }
        vec![Heard::Progress]
    }

    fn thread_started(&mut self, params: &Value) -> Vec<Heard> {
        let thread = params.get("thread").unwrap_or(&Value::Null);
        let (id, parent) = (text(thread, "id"), text(thread, "parentThreadId"));
        if id != self.thread && !parent.is_empty() {
            self.follow(id, parent);
        }
        Vec::new()
    }

    /// Gives a sub-agent's thread its lane: the ids of the threads below the root.
    fn follow(&mut self, child: &str, parent: &str) {
        if self.lanes.len() >= MOST_OPEN || child == self.thread {
            return;
        }
        let above = if parent == self.thread { None } else { self.lanes.get(parent) };
        let lane = above.map_or_else(|| child.to_owned(), |above| format!("{above}/{child}"));
        self.lanes.entry(child.to_owned()).or_insert(lane);
    }

    fn sub_agent_started(&mut self, child: &str, brief: String, params: &Value) -> Option<Heard> {
        if self.started.len() >= MOST_OPEN || !self.started.insert(child.to_owned()) {
            return None;
        }
        let state = SubAgentState::Started;
        let body = SubAgent { id: child.to_owned(), state, brief: Text::whole(brief), result: Text::default() };
        Some(self.event(params, Body::SubAgent(body)))
    }

    fn sub_agent_ended(&mut self, child: &str, result: String) -> Option<Heard> {
        if self.ended.len() >= MOST_OPEN || !self.ended.insert(child.to_owned()) {
            return None;
        }
        let state = SubAgentState::Ended;
        let lane = self.lanes.get(child).cloned().unwrap_or_else(|| child.to_owned());
        let body = SubAgent { id: child.to_owned(), state, brief: Text::default(), result: Text::whole(result) };
        Some(Heard::Event(Box::new(Draft { lane, ..Draft::of(Body::SubAgent(body)) })))
    }

    fn collaborated(&mut self, params: &Value, item: &Value) -> Vec<Heard> {
        let mut heard = Vec::new();
        let (sender, tool) = (text(item, "senderThreadId"), text(item, "tool"));
        for child in list(item, "receiverThreadIds").iter().filter_map(Value::as_str).take(64) {
            self.follow(child, sender);
            if tool == "spawnAgent" {
                heard.extend(self.sub_agent_started(child, text(item, "prompt").to_owned(), params));
            }
        }
        for (child, state) in items::object(item.get("agentsStates").unwrap_or(&Value::Null)) {
            if matches!(text(&state, "status"), "completed" | "errored" | "shutdown" | "interrupted") {
                heard.extend(self.sub_agent_ended(&child, text(&state, "message").to_owned()));
            }
        }
        heard
    }

    fn activity(&mut self, params: &Value, item: &Value) -> Vec<Heard> {
        let child = text(item, "agentThreadId").to_owned();
        self.follow(&child, text(params, "threadId"));
        match text(item, "kind") {
            "started" => self.sub_agent_started(&child, String::new(), params),
            "completed" | "interrupted" => self.sub_agent_ended(&child, String::new()),
            _ => None,
        }
        .into_iter()
        .collect()
    }

    /// An item and a notice may both tell of a compaction, in either order.
    fn compacted(&mut self, params: &Value) -> Vec<Heard> {
        let (by_item, by_notice, told) = self.compactions;
        if by_item.max(by_notice) <= told {
            return Vec::new();
        }
        self.compactions.2 += 1;
        let before = self.context.get(text(params, "threadId")).copied();
        vec![self.event(params, Body::Compaction(Compaction { before, after: None, summary: Text::default() }))]
    }

    fn tokens(&mut self, params: &Value) -> Vec<Heard> {
        let thread = text(params, "threadId").to_owned();
        let of = |which| params.pointer(which).map(items::usage);
        let Some(total) = of("/tokenUsage/total") else { return Vec::new() };
        let last = of("/tokenUsage/last");
        if let Some(last) = params.pointer("/tokenUsage/last") {
            self.context.insert(thread.clone(), number(last, "totalTokens"));
        }
        let before = self.totals.insert(thread, total.clone()).unwrap_or_default();
        if total == before {
            return Vec::new();
        }
        let grew = total.input >= before.input && total.output >= before.output;
        let used = if grew { items::less(&total, &before) } else { last.unwrap_or_default() };
        vec![Heard::Progress, self.event(params, Body::Usage(used))]
    }

    fn error(&self, params: &Value) -> Vec<Heard> {
        let error = params.get("error").unwrap_or(&Value::Null);
        let again = params.get("willRetry").and_then(Value::as_bool).unwrap_or(false);
        match faults::of_provider(error).filter(|_| again) {
            Some(fault) => vec![Heard::Trouble(fault)],
            None => vec![self.event(params, mark(text(error, "message").to_owned()))],
        }
    }

    fn turn_started(&mut self, params: &Value) -> Vec<Heard> {
        if self.is_root(params) {
            self.turn = params.pointer("/turn/id").and_then(Value::as_str).map(str::to_owned);
            self.compactions = (0, 0, 0);
            self.diff = None;
            self.changed.clear();
        }
        Vec::new()
    }

    fn turn_completed(&mut self, params: &Value) -> Vec<Heard> {
        let turn = params.get("turn").unwrap_or(&Value::Null);
        let (status, error) = (text(turn, "status"), turn.get("error").unwrap_or(&Value::Null));
        if !self.is_root(params) {
            let child = text(params, "threadId").to_owned();
            let last = list(turn, "items").iter().rev().find(|item| text(item, "type") == "agentMessage");
            let result = last.map_or_else(|| text(error, "message"), |item| text(item, "text"));
            return self.sub_agent_ended(&child, result.to_owned()).into_iter().collect();
        }
        let id = text(turn, "id");
        if self.turn.as_deref().is_some_and(|running| !id.is_empty() && running != id) {
            return vec![Heard::Event(Box::new(items::kept("codex.turn/completed", params)))];
        }
        self.turn = None;
        let mut heard = if status == "completed" { self.late_changes() } else { self.cut_short() };
        let message = text(error, "message").to_owned();
        heard.push(match status {
            "completed" => Heard::TurnEnd(TurnEnd { how: TurnEnded::Done, why: String::new() }),
            "interrupted" => Heard::TurnEnd(TurnEnd { how: TurnEnded::Interrupted, why: message }),
            _ => match faults::of_provider(error) {
                Some(fault) => Heard::Broken(fault),
                None => Heard::TurnEnd(TurnEnd { how: TurnEnded::Failed, why: message }),
            },
        });
        heard
    }

    /// Changes that only the diff of the whole turn tells of.
    fn late_changes(&mut self) -> Vec<Heard> {
        let changed = std::mem::take(&mut self.changed);
        let parts = self.diff.take().map(|diff| items::parts_of_diff(&diff)).unwrap_or_default();
        let known = |path: &str| changed.iter().any(|known| known == path || known.ends_with(&format!("/{path}")));
        let new = parts.into_iter().filter(|part| !known(&part.path));
        new.map(|part| Heard::Event(Box::new(Draft::of(Body::FileChange(part))))).collect()
    }
}

/// A call's id; another thread may use the same ones.
fn key(lane: &str, id: &str) -> String {
    if lane.is_empty() { id.to_owned() } else { format!("{lane}:{id}") }
}

fn what(item: &Value, name: &str) -> String {
    let paths: Vec<&str> = list(item, "changes").iter().map(|change| text(change, "path")).collect();
    match text(item, "type") {
        "commandExecution" => text(item, "command").to_owned(),
        "fileChange" => format!("change {}", paths.join(", ")),
        _ => name.to_owned(),
    }
}

fn mark(message: String) -> Body {
    Body::Error(ErrorMark { message: Text::whole(message), fault: None })
}
