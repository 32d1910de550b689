//! What one item of a thread tells: a message, a command, a patch, a call of a tool, a sub-agent. Pure.

use crate::model::{
    agent::Draft,
    trace::{
        AgentMessage, Body, Change, FileChange, Phase, Plan, PlanStep, Reasoning, ResultStatus, StepStatus, Text,
        ToolCall, ToolResult, Usage, UsageScope,
    },
};
use serde_json::{Map, Value, json};

/// The string under a key, or the empty one.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// The call that an item stands for: its name as the model knows the tool, and what was asked of it.
pub fn call(item: &Value) -> Option<ToolCall> {
    let (name, input) = match text(item, "type") {
        "commandExecution" => {
            ("exec_command".to_owned(), json!({"command": text(item, "command"), "cwd": text(item, "cwd")}))
        }
        "fileChange" => ("apply_patch".to_owned(), json!({"patch": patch(list(item, "changes"))})),
        "mcpToolCall" => {
            let name = format!("mcp__{}__{}", text(item, "server"), text(item, "tool"));
            (name, item.get("arguments").cloned().unwrap_or_default())
        }
        "dynamicToolCall" => (text(item, "tool").to_owned(), item.get("arguments").cloned().unwrap_or_default()),
        "collabAgentToolCall" => {
            let input = json!({"message": text(item, "prompt"), "ids": item.get("receiverThreadIds")});
            (snake(text(item, "tool")), input)
        }
        "webSearch" => ("web_search".to_owned(), json!({"query": text(item, "query")})),
        "imageView" => ("view_image".to_owned(), json!({"path": item.get("path")})),
        _ => return None,
    };
    Some(ToolCall { name, tool: None, input, batch: None })
}

/// How the call of an item went, and the files it changed.
pub fn result(item: &Value) -> (ToolResult, Vec<FileChange>) {
    let kind = text(item, "type");
    let told_exit = item.get("exitCode").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
    let status = match (text(item, "status"), told_exit) {
        ("declined", _) => ResultStatus::Denied,
        ("interrupted", _) => ResultStatus::Cancelled,
        (_, Some(0)) | ("completed", None) => ResultStatus::Ok,
        (_, Some(_)) | ("failed", None) => ResultStatus::Failed,
        _ if matches!(kind, "webSearch" | "imageView") => ResultStatus::Ok,
        _ => ResultStatus::Unknown,
    };
    let result = ToolResult {
        call: None,
        status,
        // A command that was stopped carries -1, which no process returns.
        exit: told_exit.filter(|exit| *exit >= 0),
        output: Text::whole(output(item)),
        dropped_bytes: 0,
        duration_ms: item.get("durationMs").and_then(Value::as_u64),
    };
    let done = kind == "fileChange" && status == ResultStatus::Ok;
    let changes = list(item, "changes").iter().filter(|_| done).map(change).collect();
    (result, changes)
}

fn output(item: &Value) -> String {
    if let Some(output) = item.get("aggregatedOutput").and_then(Value::as_str) {
        return output.to_owned();
    }
    if let Some(message) = item.pointer("/error/message").and_then(Value::as_str) {
        return message.to_owned();
    }
    let blocks = item.pointer("/result/content").or_else(|| item.get("contentItems")).and_then(Value::as_array);
    if let Some(blocks) = blocks {
        let texts = blocks.iter().filter_map(|block| block.get("text")?.as_str());
        return texts.collect::<Vec<_>>().join("\n");
    }
    let states = item.get("agentsStates").and_then(Value::as_object).filter(|states| !states.is_empty());
    states.map(|states| Value::Object(states.clone()).to_string()).unwrap_or_default()
}

fn change(change: &Value) -> FileChange {
    let kind = change.get("kind").unwrap_or(&Value::Null);
    let moved = kind.get("move_path").and_then(Value::as_str).is_some_and(|path| !path.is_empty());
    let what = match kind.as_str().unwrap_or_else(|| text(kind, "type")) {
        "add" => Change::Added,
        "delete" => Change::Deleted,
        _ if moved => Change::Renamed,
        _ => Change::Modified,
    };
    let diff = whole_file(what, text(change, "diff"));
    FileChange { path: text(change, "path").to_owned(), change: what, diff: Text::whole(diff), call: None }
}

/// A new or deleted file comes as its content, not as a diff.
fn whole_file(change: Change, said: &str) -> String {
    let sign = match change {
        Change::Added => '+',
        Change::Deleted => '-',
        Change::Modified | Change::Renamed => return said.to_owned(),
    };
    if said.starts_with("@@") || said.is_empty() {
        return said.to_owned();
    }
    let count = said.lines().count();
    let head = if sign == '+' { format!("@@ -0,0 +1,{count} @@\n") } else { format!("@@ -1,{count} +0,0 @@\n") };
    said.lines().fold(head, |diff, line| diff + &sign.to_string() + line + "\n")
}

/// The changes as one unified diff, as far as Codex tells them.
fn patch(changes: &[Value]) -> String {
    let one = |value: &Value| {
        let change = change(value);
        let path = &change.path;
        format!("--- {path}\n+++ {path}\n{}", change.diff.as_str())
    };
    changes.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What an item says without calling anything.
pub fn said(item: &Value) -> Option<Body> {
    match text(item, "type") {
        "agentMessage" => {
            let phase = match text(item, "phase") {
                "commentary" => Some(Phase::Commentary),
                "final_answer" => Some(Phase::Final),
                _ => None,
            };
            Some(Body::AgentMessage(AgentMessage { text: Text::whole(text(item, "text")), phase }))
        }
        "plan" => Some(Body::AgentMessage(AgentMessage { text: Text::whole(text(item, "text")), phase: None })),
        "reasoning" => {
            let parts = |key| list(item, key).iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n");
            let summary = parts("summary");
            let told = if summary.is_empty() { parts("content") } else { summary };
            Some(Body::Reasoning(Reasoning { text: Text::whole(told), encrypted: false }))
        }
        _ => None,
    }
}

/// The steps of `turn/plan/updated`.
pub fn plan(params: &Value) -> Option<Plan> {
    let step = |step: &Value| PlanStep {
        text: text(step, "step").to_owned(),
        status: match text(step, "status") {
            "completed" => StepStatus::Completed,
            "inProgress" => StepStatus::InProgress,
            _ => StepStatus::Pending,
        },
    };
    let steps: Vec<PlanStep> = list(params, "plan").iter().map(step).collect();
    (!steps.is_empty()).then_some(Plan { steps })
}

/// The text of a user's message.
pub fn words(item: &Value) -> String {
    let texts = list(item, "content").iter().filter_map(|block| block.get("text")?.as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// Files of a turn's whole diff, each with its own part of it.
pub fn parts_of_diff(diff: &str) -> Vec<FileChange> {
    let mut parts: Vec<FileChange> = Vec::new();
    let mut whole = Vec::new();
    for line in diff.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            whole.push(String::new());
        }
        if let Some(part) = whole.last_mut() {
            part.push_str(line);
        }
    }
    for part in whole {
        let header = |start: &str| part.lines().find_map(|line| line.strip_prefix(start));
        let (old, new) = (header("--- "), header("+++ "));
        let bare = |path: &str| path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path).to_owned();
        let change = match (old, new) {
            (Some("/dev/null"), _) => Change::Added,
            (_, Some("/dev/null")) => Change::Deleted,
            _ => Change::Modified,
        };
        let Some(path) = new.filter(|path| *path != "/dev/null").or(old).map(bare) else { continue };
        parts.push(FileChange { path, change, diff: Text::whole(part), call: None });
    }
    parts
}

/// `spawnAgent` is `spawn_agent` to the model.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Tokens as Codex counts them.
pub fn usage(tokens: &Value) -> Usage {
    Usage {
        scope: UsageScope::Response,
        input: number(tokens, "inputTokens"),
        cached: number(tokens, "cachedInputTokens"),
        output: number(tokens, "outputTokens"),
        reasoning: number(tokens, "reasoningOutputTokens"),
        model: None,
        micro_usd: None,
    }
}

/// What was used between two sums.
pub fn less(total: &Usage, before: &Usage) -> Usage {
    Usage {
        input: total.input - before.input,
        cached: total.cached.saturating_sub(before.cached),
        output: total.output - before.output,
        reasoning: total.reasoning.saturating_sub(before.reasoning),
        ..Usage::default()
    }
}

/// Keeps what is not understood at the place where it came.
pub fn kept(kind: &str, raw: &Value) -> Draft {
    let raw = Text::whole(match raw {
        Value::String(raw) => raw.clone(),
        other => other.to_string(),
    });
    Draft::of(Body::Unknown(crate::model::trace::Unknown { kind: kind.to_owned(), raw }))
}

/// An object without the fields that only say when.
pub fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
