//! The lines that evalrun says to Claude Code.

use serde_json::{Map, Value, json};

pub(super) const INITIALIZE: &str = "evalrun-initialize";

/// Must be answered before anything else is said.
pub(super) fn initialize() -> String {
    request(INITIALIZE, &json!({"subtype": "initialize", "hooks": null}))
}

pub(super) fn user(message: &str) -> String {
    let message = json!({"role": "user", "content": message});
    json!({"type": "user", "message": message, "parent_tool_use_id": null, "session_id": "default"}).to_string()
}

pub(super) fn interrupt(id: &str) -> String {
    request(id, &json!({"subtype": "interrupt"}))
}

/// A call may go on with this input.
pub(super) fn allow(request: &str, input: &Value) -> String {
    success(request, &json!({"behavior": "allow", "updatedInput": input}))
}

pub(super) fn deny(request: &str, why: &str) -> String {
    success(request, &json!({"behavior": "deny", "message": why}))
}

/// The answers to the questions of a call of `AskUserQuestion`: the call goes on with them in its input.
pub(super) fn answer(request: &str, input: &Value, answers: &[(String, String)]) -> String {
    let mut input = input.clone();
    let answers: Map<String, Value> = answers.iter().map(|(asked, said)| (asked.clone(), json!(said))).collect();
    if let Some(fields) = input.as_object_mut() {
        fields.insert("answers".to_owned(), Value::Object(answers));
    }
    allow(request, &input)
}

/// An answer to what is not understood: silence would let the agent wait for ever.
pub(super) fn refuse(request: &str, kind: &str) -> String {
    let error = format!("evalrun does not know requests of the kind `{kind}`");
    json!({"type": "control_response", "response": {"subtype": "error", "request_id": request, "error": error}})
        .to_string()
}

fn request(id: &str, request: &Value) -> String {
    json!({"type": "control_request", "request_id": id, "request": request}).to_string()
}

fn success(id: &str, response: &Value) -> String {
    let response = json!({"subtype": "success", "request_id": id, "response": response});
    json!({"type": "control_response", "response": response}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Word for word what the recordings in `fixtures/traces/claude_stream/both-ways*.jsonl` hold, but for ids and texts.
    #[test]
    fn what_is_said_has_the_recorded_form() {
        let input = json!({"command": "ls"});
        let asks = json!({"questions": [{"question": "Which colour?"}]});
        let lines = [
            initialize(),
            user("Write slugify"),
            allow("r1", &input),
            deny("r1", "No."),
            answer("r2", &asks, &[("Which colour?".to_owned(), "blue".to_owned())]),
            interrupt("i1"),
            refuse("r3", "mcp_message"),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
