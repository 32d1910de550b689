//! The parts of which opencode's messages are made, as events: printed by `opencode run --format json`, written by `opencode export`.
//! The one reading that the driver and the importer share. Pure.

use super::{
    plans,
    scribe::Fate,
    value::{number, some_text, text},
};
use crate::model::{
    agent::Draft,
    trace::{
        AgentMessage, Body, Change, Compaction, ErrorMark, FileChange, Reasoning, ResultStatus, Tells, Text, ToolCall,
        ToolResult, Unknown, Usage, UsageScope,
    },
};
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

/// What its parts tell.
pub const TELLS: Tells = Tells {
    exit_codes: true,
    outputs: true,
    plans: true,
    reasoning: true,
    times: true,
    usage: true,
    failed_edits: true,
    sub_agents: false,
    snapshots: false,
};

/// Kinds of parts that carry nothing for a trace.
pub(super) const QUIET: &[&str] = &["step-start", "patch", "snapshot", "agent"];

/// The events of one part, with the ms since 1970 of each where it is known.
pub(super) fn part(part: &Value) -> (Fate, Vec<(Draft, Option<u64>)>) {
    let at = |key: &str| part.pointer(&format!("/time/{key}")).and_then(Value::as_u64);
    let one = |body: Body| (Fate::Kept, vec![(Draft::of(body), at("start"))]);
    let said = || Text::whole(text(part, "text"));
    match text(part, "type") {
        "text" | "reasoning" if text(part, "text").trim().is_empty() => (Fate::Nothing("empty part"), Vec::new()),
        "text" => one(Body::AgentMessage(AgentMessage { text: said(), phase: None })),
        "reasoning" => one(Body::Reasoning(Reasoning { text: said(), encrypted: false })),
        "tool" => (Fate::Kept, tool(part)),
        "step-finish" => match usage(part) {
            Some(usage) => one(Body::Usage(usage)),
            None => (Fate::Nothing("step-finish"), Vec::new()),
        },
        "compaction" => one(Body::Compaction(Compaction { before: None, after: None, summary: Text::default() })),
        "retry" => one(Body::Error(ErrorMark { message: Text::whole(error_words(part.get("error"))), fault: None })),
        kind => match QUIET.iter().find(|quiet| **quiet == kind) {
            Some(quiet) => (Fate::Nothing(quiet), Vec::new()),
            None => one(unknown(kind, part)),
        },
    }
}

/// One line of `run --format json`: the events, and the kind where nothing is made of it. `session` is set where the line names it.
pub fn line(record: &Value, session: &mut Option<String>) -> Vec<Draft> {
    if let Some(id) = some_text(record, "sessionID") {
        session.get_or_insert_with(|| id.to_owned());
    }
    streamed(record).1.into_iter().map(|(draft, _)| draft).collect()
}

pub(super) fn streamed(record: &Value) -> (Fate, Vec<(Draft, Option<u64>)>) {
    match (text(record, "type"), record.get("part")) {
        ("error", _) => {
            let message = Text::whole(error_words(record.get("error")));
            (Fate::Kept, vec![(Draft::of(Body::Error(ErrorMark { message, fault: None })), None)])
        }
        (_, Some(told)) if told.is_object() => part(told),
        (kind, _) => (Fate::Kept, vec![(Draft::of(unknown(kind, record)), None)]),
    }
}

pub(super) fn unknown(kind: &str, raw: &Value) -> Body {
    let kind = if kind.is_empty() { "no kind" } else { kind };
    Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text::whole(raw.to_string()) })
}

/// `{name, data: {message}}`, as errors of opencode are.
pub fn error_words(error: Option<&Value>) -> String {
    let Some(error) = error else { return "an error without words".to_owned() };
    let message = error.pointer("/data/message").or_else(|| error.get("message")).and_then(Value::as_str);
    match (some_text(error, "name"), message) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (None, Some(message)) => message.to_owned(),
        (_, None) => error.to_string(),
    }
}

/// A time in ms since 1970 as RFC 3339.
pub(super) fn rfc3339(ms: u64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn tool(part: &Value) -> Vec<(Draft, Option<u64>)> {
    let (name, id) = (text(part, "tool").to_owned(), text(part, "callID").to_owned());
    let state = part.get("state").unwrap_or(&Value::Null);
    let time = |key: &str| state.pointer(&format!("/time/{key}")).and_then(Value::as_u64);
    let input = state.get("input").cloned().unwrap_or_default();
    let mut out = Vec::new();
    let mut put = |body: Body, at: Option<u64>| {
        out.push((Draft { call: Some(id.clone()), ..Draft::of(body) }, at));
    };
    let plan = plans::of_call(&name, &input);
    put(Body::ToolCall(ToolCall { name, tool: None, input: input.clone(), batch: None }), time("start"));
    if let Some(plan) = plan {
        put(Body::Plan(plan), time("start"));
    }
    let status = text(state, "status");
    if matches!(status, "pending" | "running") {
        return out;
    }
    let exit = state.pointer("/metadata/exit").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
    let output = some_text(state, "output").or_else(|| some_text(state, "error")).unwrap_or_default();
    let status = match status {
        _ if output.contains("The user rejected permission") => ResultStatus::Denied,
        "completed" if exit.is_some_and(|exit| exit != 0) => ResultStatus::Failed,
        "completed" => ResultStatus::Ok,
        "error" => ResultStatus::Failed,
        _ => ResultStatus::Unknown,
    };
    let result = ToolResult {
        call: None,
        status,
        exit,
        output: Text::whole(output),
        dropped_bytes: 0,
        duration_ms: time("end").zip(time("start")).map(|(end, start)| end.saturating_sub(start)),
    };
    put(Body::ToolResult(result), time("end"));
    if let Some(change) = changed(state, &input).filter(|_| status == ResultStatus::Ok) {
        put(Body::FileChange(change), time("end"));
    }
    out
}

fn changed(state: &Value, input: &Value) -> Option<FileChange> {
    let meta = state.get("metadata")?;
    let diff = some_text(meta, "diff")?;
    let path = meta.pointer("/filediff/file").and_then(Value::as_str).or_else(|| some_text(input, "filePath"))?;
    let new = meta.get("exists").and_then(Value::as_bool) == Some(false);
    let change = if new { Change::Added } else { Change::Modified };
    // The lines before the first hunk name the file as `Index: ...`.
    let hunks = diff.find("@@ ").map_or(diff, |at| &diff[at..]);
    Some(FileChange { path: path.to_owned(), change, diff: Text::whole(hunks), call: None })
}

/// Cached tokens stand beside the input.
fn usage(part: &Value) -> Option<Usage> {
    let tokens = part.get("tokens")?;
    let cache = |key: &str| tokens.pointer(&format!("/cache/{key}")).and_then(Value::as_u64).unwrap_or_default();
    let cost = part.get("cost").and_then(Value::as_f64).filter(|cost| cost.is_finite() && *cost >= 0.0);
    Some(Usage {
        scope: UsageScope::Response,
        input: number(tokens, "input").saturating_add(cache("read")).saturating_add(cache("write")),
        cached: cache("read"),
        output: number(tokens, "output"),
        reasoning: number(tokens, "reasoning"),
        model: None,
        micro_usd: cost.map(|cost| (cost * 1e6).round() as u64),
    })
}
