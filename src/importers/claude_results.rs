//! What Claude Code's tools gave back: status, exit, denials, and the changes of an edit.

use super::{
    diff,
    value::{content_text, some_text, text},
};
use crate::model::trace::{Change, ResultStatus};
use serde_json::Value;

/// The result of one call as far as it can be read.
pub(super) struct Answer {
    pub text: String,
    pub status: ResultStatus,
    pub exit: Option<i32>,
    pub duration_ms: Option<u64>,
}

/// Says of a refusal who refused.
const DENIALS: &[(&str, &str)] = &[
    ("The user doesn't want to proceed with this tool use", "user"),
    ("The user doesn't want to take this action", "user"),
    ("Claude requested permissions to", "user"),
    ("This command requires approval", "policy"),
    ("This Bash command contains multiple operations. The following part", "policy"),
    ("requires approval", "policy"),
    ("was blocked. For security", "policy"),
    ("Permission to use", "policy"),
];

/// Reads a `tool_result` block with the record's `toolUseResult` (null where there is none).
pub(super) fn read(tool: &str, block: &Value, result: &Value) -> Answer {
    let content = content_text(block.get("content").unwrap_or(&Value::Null));
    let stdout = some_text(result, "stdout").filter(|_| content.is_empty());
    let text = stdout.map_or(content, str::to_owned);
    let failed = block.get("is_error").and_then(Value::as_bool);
    let stopped = result.get("interrupted").and_then(Value::as_bool) == Some(true);
    of_text(Told { tool, failed, stopped, background: some_text(result, "backgroundTaskId").is_some() }, text)
        .lasting(duration(result))
}

/// What stands beside the text of a result.
#[derive(Clone, Copy)]
pub(super) struct Told<'t> {
    pub tool: &'t str,
    /// `is_error`, where the source says.
    pub failed: Option<bool>,
    pub stopped: bool,
    /// The command went on without being waited for.
    pub background: bool,
}

pub(super) fn of_text(told: Told<'_>, text: String) -> Answer {
    let is_shell = matches!(told.tool, "Bash" | "bash" | "BashOutput");
    let code = exit_code(&text);
    let error = told.failed == Some(true) || text.starts_with("<tool_use_error>") || code.is_some();
    let status = if told.stopped || text.starts_with("[Request interrupted by user") {
        ResultStatus::Cancelled
    } else if told.failed != Some(false) && denied_by(&text).is_some() {
        ResultStatus::Denied
    } else if error {
        ResultStatus::Failed
    } else {
        ResultStatus::Ok
    };
    let zero = (is_shell && status == ResultStatus::Ok && !told.background).then_some(0);
    Answer { text, status, exit: code.or(zero), duration_ms: None }
}

impl Answer {
    fn lasting(self, duration_ms: Option<u64>) -> Answer {
        Answer { duration_ms, ..self }
    }
}

/// Who refused, where the text is that of a refusal.
pub(super) fn denied_by(text: &str) -> Option<&'static str> {
    // A refusal is a sentence; a long output that holds one is an output.
    let first: String = text.trim_start().chars().take(400).collect();
    let first = first.lines().next().unwrap_or_default();
    DENIALS.iter().find(|(words, _)| first.contains(words)).map(|(_, by)| *by)
}

/// What the user said when refusing a call: words of their own, inside its result.
pub(super) fn said_with_refusal(text: &str) -> Option<&str> {
    let said = text.split_once("the user said:\n")?.1;
    let said = said.split_once("\n\nNote: The user's next message").map_or(said, |(said, _)| said).trim();
    (!said.is_empty()).then_some(said)
}

/// `Exit code 3` at the start of a failed command's output.
fn exit_code(text: &str) -> Option<i32> {
    let rest = text.strip_prefix("Error: ").unwrap_or(text).strip_prefix("Exit code ")?;
    rest.lines().next()?.trim().parse().ok()
}

fn duration(result: &Value) -> Option<u64> {
    let of = |key: &str| result.get(key).and_then(Value::as_u64);
    of("durationMs").or_else(|| of("totalDurationMs"))
}

/// The change that an edit or a write reports.
pub(super) fn changed(result: &Value) -> Option<diff::Changed> {
    let path = some_text(result, "filePath")?.to_owned();
    let patch = result.get("structuredPatch")?;
    if text(result, "type") == "create" {
        return Some(diff::Changed { path, change: Change::Added, diff: diff::of_added(text(result, "content")) });
    }
    Some(diff::Changed { path, change: Change::Modified, diff: diff::of_hunks(patch) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn status_and_exit_are_what_the_tool_said() {
        use ResultStatus::*;
        let read = |tool: &str, content: &str, error: Option<bool>, result: Value| {
            let answer = read(tool, &json!({"content": content, "is_error": error}), &result);
            (answer.status, answer.exit)
        };
        let cases = [
            (read("Bash", "ok", Some(false), json!({"stdout": "ok"})), (Ok, Some(0))),
            (read("Bash", "", Some(false), json!({"backgroundTaskId": "b1"})), (Ok, None)),
            (read("Bash", "Exit code 3\nno", Some(true), json!("Error: Exit code 3")), (Failed, Some(3))),
            (read("Read", "1\tx", None, Value::Null), (Ok, None)),
            (read("Read", "<tool_use_error>no</tool_use_error>", Some(true), Value::Null), (Failed, None)),
            (read("Bash", "", Some(false), json!({"interrupted": true})), (Cancelled, None)),
            (read("Bash", "This command requires approval", Some(true), Value::Null), (Denied, None)),
            (read("Bash", "the docs: This command requires approval", Some(false), Value::Null), (Ok, Some(0))),
        ];
        for (given, expected) in cases {
            assert_eq!(given, expected);
        }
    }
}
