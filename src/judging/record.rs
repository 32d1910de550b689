//! The record as a judge reads it: one line per event of the whole run, and under it, behind a margin, what the event says.
//!
//! ```text
//! e12 t1 call shell: pytest -q
//! e13 t1 result of e12: failed, exit 1
//! | 1 failed in <duration>
//! ```

use super::{
    Case,
    escape::{escape, escape_line},
    normal::normal,
    selection::{View, shows},
    tokens::estimate,
};
use crate::model::{
    act::Act,
    id::EventId,
    trace::{Body, CheckMark, Event, Plan, ResultStatus, StepStatus, ToolCall},
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

/// Characters of a command or path in an event's line.
const LINE: usize = 140;

/// Every event that counts, in order.
pub struct Record {
    pub blocks: Vec<Block>,
    /// Events left out because the source took them back.
    pub superseded: usize,
    of: BTreeMap<EventId, usize>,
}

/// One event.
pub struct Block {
    pub event: EventId,
    /// Its line in the skeleton, without the line break.
    pub head: String,
    /// What it says; empty where its line says all, or where the view hides it.
    pub body: String,
    /// Whether the source itself kept only a part.
    pub partial: bool,
    /// It speaks to a judge, or dresses up as something else than data.
    pub suspect: bool,
    /// A turn or a compacted context begins here.
    pub border: bool,
    pub kind: &'static str,
    pub head_tokens: u64,
    pub body_tokens: u64,
}

impl Record {
    pub fn of(case: &Case<'_>, view: View, reasoning: bool) -> Record {
        let contents = content_results(case);
        let mut record = Record { blocks: Vec::new(), superseded: 0, of: BTreeMap::new() };
        let mut turn = None;
        for event in &case.trace.events {
            if event.superseded {
                record.superseded += 1;
                continue;
            }
            let border = turn != Some(event.turn) || matches!(event.body, Body::Compaction(_));
            turn = Some(event.turn);
            record.of.insert(event.id, record.blocks.len());
            let verbatim = contents.contains(&event.id) || authored(&event.body);
            let shown = shows(view, reasoning, &event.body);
            record.blocks.push(Block::of(event, (shown, verbatim, border)));
        }
        record
    }

    pub fn place(&self, event: EventId) -> Option<usize> {
        self.of.get(&event).copied()
    }

    pub fn block(&self, event: EventId) -> Option<&Block> {
        self.blocks.get(self.place(event)?)
    }
}

impl Block {
    fn of(event: &Event, (shown, verbatim, border): (bool, bool, bool)) -> Block {
        let head = head(event);
        let raw = if shown { said(&event.body).replace("\r\n", "\n") } else { String::new() };
        let raw: Cow<'_, str> = if verbatim { Cow::Borrowed(raw.as_str()) } else { normal(&raw) };
        let escaped = escape(raw.trim_end());
        let lines = escaped.text.lines().count() as u64;
        Block {
            event: event.id,
            head_tokens: estimate(&head) + 1,
            body_tokens: estimate(&escaped.text) + 2 * lines,
            head,
            body: escaped.text,
            partial: shown && !whole(&event.body),
            suspect: escaped.suspect && !matches!(event.body, Body::UserMessage(_)),
            border,
            kind: event.body.kind(),
        }
    }
}

/// Results of calls that only read or searched: the workspace's own content, which no machine changes.
fn content_results(case: &Case<'_>) -> std::collections::BTreeSet<EventId> {
    let facts = case.facts;
    let content = |call: &&crate::metrics::facts::Call<'_>| {
        let acts = &facts.acts[call.acts.clone()];
        !acts.is_empty() && acts.iter().all(|act| matches!(act.deed.act, Act::Read | Act::Search))
    };
    facts.calls.iter().filter(content).filter_map(|call| call.result).collect()
}

/// What somebody wrote, which reads the same everywhere.
fn authored(body: &Body) -> bool {
    matches!(body, Body::UserMessage(_) | Body::ToolCall(_) | Body::FileChange(_) | Body::Plan(_) | Body::Question(_))
}

fn whole(body: &Body) -> bool {
    match body {
        Body::UserMessage(body) => body.text.is_whole(),
        Body::AgentMessage(body) => body.text.is_whole(),
        Body::Reasoning(body) => body.text.is_whole() && !body.encrypted,
        Body::ToolResult(body) => body.output.is_whole() && body.dropped_bytes == 0,
        Body::FileChange(body) => body.diff.is_whole(),
        Body::Question(body) => body.text.is_whole(),
        Body::Check(body) => body.output.is_whole(),
        Body::Compaction(body) => body.summary.is_whole(),
        Body::SubAgent(body) => body.brief.is_whole() && body.result.is_whole(),
        Body::Error(body) => body.message.is_whole(),
        Body::Unknown(body) => body.raw.is_whole(),
        Body::Plan(_)
        | Body::ToolCall(_)
        | Body::Permission(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Usage(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::End(_) => true,
    }
}

/// `e12 t1 @explore call shell: pytest -q`.
fn head(event: &Event) -> String {
    let mut out = format!("{} t{}", event.id, event.turn);
    if !event.lane.is_empty() {
        let _ = write!(out, " @{}", short(&event.lane));
    }
    let what = match &event.body {
        Body::UserMessage(_) => "user".to_owned(),
        Body::AgentMessage(_) => "agent message".to_owned(),
        Body::Reasoning(_) => "reasoning".to_owned(),
        Body::Plan(plan) => format!("plan, {} steps", plan.steps.len()),
        Body::ToolCall(call) => called(call),
        Body::ToolResult(result) => {
            let of = result.call.map(|call| format!(" of {call}")).unwrap_or_default();
            let exit = result.exit.map(|exit| format!(", exit {exit}")).unwrap_or_default();
            format!("result{of}: {}{exit}", status(result.status))
        }
        Body::FileChange(change) => format!("file {}: {}", word(&change.change), short(&change.path)),
        Body::Question(_) => "question".to_owned(),
        Body::Permission(permission) => {
            format!("permission {}", if permission.granted { "granted" } else { "denied" })
        }
        Body::Interviewer(decision) => format!("interviewer: {}", word(&decision.decision)),
        Body::Stage(mark) => format!("stage {} {}", short(&mark.id), word(&mark.state)),
        Body::Snapshot(mark) => format!("snapshot, {} paths changed", mark.changes.len()),
        Body::Check(mark) => checked(mark),
        Body::Compaction(_) => "the agent's context was compacted".to_owned(),
        Body::SubAgent(sub) => format!("sub-agent {} {}", short(&sub.id), word(&sub.state)),
        Body::Usage(_) => "usage".to_owned(),
        Body::TurnEnd(_) => "turn ends".to_owned(),
        Body::Limit(mark) => format!("limit {}", short(&mark.limit)),
        Body::Error(_) => "error".to_owned(),
        Body::End(end) => format!("end: {}", word(&end.kind)),
        Body::Unknown(unknown) => format!("unread record {}", short(&unknown.kind)),
    };
    out.push(' ');
    out.push_str(&what);
    out
}

fn called(call: &ToolCall) -> String {
    const TELLING: &[&str] =
        &["command", "cmd", "script", "file_path", "filePath", "path", "pattern", "query", "question", "url"];
    let told = TELLING.iter().find_map(|field| match call.input.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    });
    let told = told.or_else(|| call.input.as_str().map(str::to_owned));
    match told {
        Some(told) => format!("call {}: {}", short(&call.name), short(&told)),
        None => format!("call {}", short(&call.name)),
    }
}

fn checked(mark: &CheckMark) -> String {
    let exit = mark.exit.map(|exit| format!(", exit {exit}")).unwrap_or_default();
    format!("check by evalrun, {} at {}: {}{exit}", short(&mark.name), short(&mark.when), word(&mark.status))
}

/// The word under which a value of ours is written.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn status(status: ResultStatus) -> &'static str {
    match status {
        ResultStatus::Ok => "ok",
        ResultStatus::Failed => "failed",
        ResultStatus::Denied => "denied",
        ResultStatus::Cancelled => "cancelled",
        ResultStatus::Unknown => "status not told",
    }
}

/// One line, safe, and cut.
fn short(text: &str) -> String {
    let cut: String = text.chars().take(4 * LINE).collect();
    let line = normal(&cut).split_whitespace().collect::<Vec<_>>().join(" ");
    let taken: String = line.chars().take(LINE).collect();
    let dots = if taken.len() < line.len() || cut.len() < text.len() { " ..." } else { "" };
    format!("{}{dots}", escape_line(&taken))
}

/// What an event says, as it stands in the trace.
pub fn said(body: &Body) -> String {
    match body {
        Body::UserMessage(body) => body.text.as_str().to_owned(),
        Body::AgentMessage(body) => body.text.as_str().to_owned(),
        Body::Reasoning(body) => body.text.as_str().to_owned(),
        Body::Plan(plan) => steps(plan),
        Body::ToolCall(call) => input(&call.input),
        Body::ToolResult(result) => result.output.as_str().to_owned(),
        Body::FileChange(change) => change.diff.as_str().to_owned(),
        Body::Question(question) => {
            let mut out = question.text.as_str().to_owned();
            question.options.iter().for_each(|option| out.push_str(&format!("\n- {option}")));
            question.answer.iter().for_each(|answer| out.push_str(&format!("\nanswered: {}", answer.as_str())));
            out
        }
        Body::Permission(permission) => permission.asked.clone(),
        Body::Interviewer(decision) => decision.why.clone(),
        Body::Snapshot(mark) => {
            let line = |change: &crate::model::trace::PathChange| {
                format!("{} {} +{} -{}", word(&change.change), change.path, change.added, change.removed)
            };
            mark.changes.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Body::Check(mark) => joined(&[&mark.why, mark.output.as_str()]),
        Body::Compaction(compaction) => compaction.summary.as_str().to_owned(),
        Body::SubAgent(sub) => joined(&[sub.brief.as_str(), sub.result.as_str()]),
        Body::Limit(mark) => mark.why.clone(),
        Body::Error(mark) => mark.message.as_str().to_owned(),
        Body::Unknown(unknown) => unknown.raw.as_str().to_owned(),
        Body::Stage(_) | Body::Usage(_) | Body::TurnEnd(_) | Body::End(_) => String::new(),
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n")
}

fn steps(plan: &Plan) -> String {
    let line = |step: &crate::model::trace::PlanStep| {
        let sign = match step.status {
            StepStatus::Pending => ' ',
            StepStatus::InProgress => '>',
            StepStatus::Completed => 'x',
        };
        format!("[{sign}] {}", step.text)
    };
    plan.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A call's input: texts as they are, the rest as JSON.
fn input(value: &Value) -> String {
    let one = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                let text = one(value);
                let gap = if text.contains('\n') { '\n' } else { ' ' };
                format!("{key}:{gap}{text}")
            };
            fields.iter().map(field).collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) => one(value),
    }
}
