//! What Codex hands back to its model after a call, as far as it can be read.
//!
//! ```text
//! Chunk ID: 1a2b3c                          exec_command, write_stdin
//! Wall time: 0.0600 seconds
//! Process exited with code 3
//! Original token count: 25
//! Output:
//! ...
//! Exit code: 0                              apply_patch, shell
//! Wall time: 0 seconds
//! Output:
//! ...
//! {"output": "...", "metadata": {"exit_code": 0, "duration_seconds": 0.1}}      shell, before 2026
//! ```

use super::value::{content_text, some_text};
use crate::model::trace::ResultStatus;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Output {
    pub text: String,
    pub status: ResultStatus,
    pub exit: Option<i32>,
    pub duration_ms: Option<u64>,
}

/// Reads the `output` of a `*_output` item.
pub(super) fn read(output: &Value) -> Output {
    if let Some(success) = output.get("success").and_then(Value::as_bool) {
        let status = if success { ResultStatus::Ok } else { ResultStatus::Failed };
        return Output { status, ..of_text(&content_text(output.get("content").unwrap_or(&Value::Null))) };
    }
    of_text(&content_text(output))
}

fn of_text(text: &str) -> Output {
    of_json(text).or_else(|| of_head(text)).unwrap_or_else(|| Output {
        text: text.to_owned(),
        status: status(None, text),
        exit: None,
        duration_ms: None,
    })
}

fn of_json(text: &str) -> Option<Output> {
    if !text.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let metadata = value.get("metadata")?;
    let inner = value.get("output")?.as_str()?;
    let exit = metadata.get("exit_code").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
    let seconds = metadata.get("duration_seconds").and_then(Value::as_f64);
    Some(Output { text: inner.to_owned(), status: status(exit, inner), exit, duration_ms: seconds.and_then(to_ms) })
}

fn of_head(text: &str) -> Option<Output> {
    let (mut exit, mut seconds, mut rest) = (None, None, text);
    loop {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if line == "Output:" {
            rest = after;
            break;
        }
        if let Some(code) = line.strip_prefix("Process exited with code ").or_else(|| line.strip_prefix("Exit code: "))
        {
            exit = Some(code.trim().parse().ok()?);
        } else if let Some(time) = line.strip_prefix("Wall time: ") {
            seconds = time.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok());
        } else if seconds.is_some() && line.starts_with("aborted") {
            break;
        } else if !["Chunk ID: ", "Process running with", "Original token count: ", "Total output lines: "]
            .iter()
            .any(|start| line.starts_with(start))
        {
            return None;
        }
        if after.is_empty() {
            return None;
        }
        rest = after;
    }
    Some(Output { text: rest.to_owned(), status: status(exit, rest), exit, duration_ms: seconds.and_then(to_ms) })
}

fn status(exit: Option<i32>, text: &str) -> ResultStatus {
    const FAILED: &[&str] = &[
        "apply_patch verification failed",
        "unsupported call",
        "unsupported custom tool call",
        "failed to parse function arguments",
        "execution error",
        "exec_command failed",
        "write_stdin failed",
        "tool call error",
        "collab spawn failed",
        "Error: ",
        "err: ",
    ];
    match exit {
        Some(0) => ResultStatus::Ok,
        Some(_) => ResultStatus::Failed,
        None if text.starts_with("aborted") => ResultStatus::Cancelled,
        None if text.contains("rejected by user") && text.len() < 400 => ResultStatus::Denied,
        None if FAILED.iter().any(|start| text.starts_with(start)) => ResultStatus::Failed,
        None => ResultStatus::Ok,
    }
}

pub(super) fn to_ms(seconds: f64) -> Option<u64> {
    // Longer than a year is no duration of a command.
    (seconds.is_finite() && (0.0..3e7).contains(&seconds)).then_some((seconds * 1000.0).round() as u64)
}

/// How a finished item says it went.
pub(super) fn item_status(item: &Value, exit: Option<i32>) -> ResultStatus {
    match (some_text(item, "status").unwrap_or_default(), exit) {
        ("declined" | "denied", _) => ResultStatus::Denied,
        ("cancelled" | "aborted" | "interrupted", _) => ResultStatus::Cancelled,
        (_, Some(0)) | ("completed", None) => ResultStatus::Ok,
        (_, Some(_)) | ("failed", None) => ResultStatus::Failed,
        (_, None) => ResultStatus::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn output(text: &str, status: ResultStatus, exit: Option<i32>, duration_ms: Option<u64>) -> Output {
        Output { text: text.to_owned(), status, exit, duration_ms }
    }

    #[test]
    fn every_shape_that_codex_hands_back() {
        use ResultStatus::*;
        let cases = [
            (
                json!(
                    "Chunk ID: 3dd\nWall time: 0.0600 seconds\nProcess exited with code 3\nOriginal token count: 25\nOutput:\nx\n"
                ),
                output("x\n", Failed, Some(3), Some(60)),
            ),
            (
                json!("Exit code: 0\nWall time: 0 seconds\nOutput:\nSuccess.\n"),
                output("Success.\n", Ok, Some(0), Some(0)),
            ),
            (
                json!("{\"output\":\"hi\\n\",\"metadata\":{\"exit_code\":1,\"duration_seconds\":0.1}}"),
                output("hi\n", Failed, Some(1), Some(100)),
            ),
            (json!("Wall time: 1.2 seconds\naborted by user"), output("aborted by user", Cancelled, None, Some(1200))),
            (
                json!("Chunk ID: 1\nWall time: 10.0 seconds\nProcess running with session ID 7\nOutput:\n.."),
                output("..", Ok, None, Some(10_000)),
            ),
            (json!("exec command rejected by user"), output("exec command rejected by user", Denied, None, None)),
            (
                json!("apply_patch verification failed: no"),
                output("apply_patch verification failed: no", Failed, None, None),
            ),
            (json!([{"type": "input_text", "text": "a"}, {"type": "input_image"}]), output("a", Ok, None, None)),
            (json!({"content": "no", "success": false}), output("no", Failed, None, None)),
            (json!("Wall time: soon"), output("Wall time: soon", Ok, None, None)),
        ];
        for (given, expected) in cases {
            assert_eq!(read(&given), expected, "{given}");
        }
    }
}
