//! JSON-RPC 2.0 in lines: what an agent's line is, and the lines that are said to it. Pure.

use serde_json::{Value, json};

/// One line of the agent, told apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Response {
        id: u64,
        outcome: Result<Value, Value>,
    },
    /// Something that belongs to no protocol, or answers nothing we could have asked.
    Other,
}

pub(super) fn read(line: &str) -> Said {
    let Ok(Value::Object(mut message)) = serde_json::from_str::<Value>(line) else { return Said::Other };
    let id = message.remove("id").filter(|id| !id.is_null());
    let method = message.remove("method");
    let params = message.remove("params").unwrap_or(Value::Null);
    match (method, id) {
        (Some(Value::String(method)), Some(id)) => Said::Request { id, method, params },
        (Some(Value::String(method)), None) => Said::Notification { method, params },
        (None, Some(id)) => match (id.as_u64(), message.remove("error"), message.remove("result")) {
            (Some(id), Some(error), _) if !error.is_null() => Said::Response { id, outcome: Err(error) },
            (Some(id), _, Some(result)) => Said::Response { id, outcome: Ok(result) },
            _ => Said::Other,
        },
        _ => Said::Other,
    }
}

pub(super) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

pub(super) fn notification(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

pub(super) fn result(id: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}

pub(super) fn error(id: &Value, code: i32, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

/// The codes of JSON-RPC that are used here.
pub(super) const NO_METHOD: i32 = -32601;
pub(super) const INVALID: i32 = -32602;

/// The option of a request for permission that says what we say.
///
/// Once is preferred to always: what is always allowed is never asked for again, and would be missing in the trace.
pub(super) fn option(params: &Value, granted: bool) -> Option<String> {
    let kinds = if granted { ["allow_once", "allow_always"] } else { ["reject_once", "reject_always"] };
    let options = params.get("options").and_then(Value::as_array)?;
    let of = |kind: &str| {
        let option = options.iter().find(|option| option.get("kind").and_then(Value::as_str) == Some(kind))?;
        option.get("optionId").and_then(Value::as_str).map(str::to_owned)
    };
    kinds.into_iter().find_map(of)
}

/// The response to a request for permission; without an option that fits, the request is cancelled.
pub(super) fn chosen(option: Option<&str>) -> Value {
    match option {
        Some(option) => json!({"outcome": {"outcome": "selected", "optionId": option}}),
        None => json!({"outcome": {"outcome": "cancelled"}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_told_apart() {
        let request =
            |id: Value| Said::Request { id, method: "fs/read_text_file".into(), params: json!({"path": "/a"}) };
        let cases = [
            (r#"{"jsonrpc":"2.0","id":0,"method":"fs/read_text_file","params":{"path":"/a"}}"#, request(json!(0))),
            (r#"{"id":"x","method":"fs/read_text_file","params":{"path":"/a"}}"#, request(json!("x"))),
            (
                r#"{"method":"session/update"}"#,
                Said::Notification { method: "session/update".into(), params: Value::Null },
            ),
            (
                r#"{"result":{"stopReason":"end_turn"},"id":2}"#,
                Said::Response { id: 2, outcome: Ok(json!({"stopReason": "end_turn"})) },
            ),
            (r#"{"id":2,"result":null}"#, Said::Response { id: 2, outcome: Ok(Value::Null) }),
            (
                r#"{"id":3,"error":{"code":-32000,"message":"no"}}"#,
                Said::Response { id: 3, outcome: Err(json!({"code": -32000, "message": "no"})) },
            ),
            (r#"{"id":"2","result":{}}"#, Said::Other),
            (r#"{"id":2}"#, Said::Other),
            ("[1]", Said::Other),
            ("Listening on stdio", Said::Other),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn an_option_is_chosen_by_kind_and_once_before_always() {
        let options = |kinds: &[&str]| json!({"options": kinds.iter().map(|kind| json!({"optionId": format!("o-{kind}"), "kind": kind})).collect::<Vec<_>>()});
        let all = options(&["allow_always", "allow_once", "reject_always", "reject_once"]);
        assert_eq!(option(&all, true).as_deref(), Some("o-allow_once"));
        assert_eq!(option(&all, false).as_deref(), Some("o-reject_once"));
        let always = options(&["allow_always", "reject_always"]);
        assert_eq!(option(&always, true).as_deref(), Some("o-allow_always"));
        assert_eq!(option(&always, false).as_deref(), Some("o-reject_always"));
        assert_eq!(option(&options(&["allow_once"]), false), None);
        assert_eq!(chosen(None), json!({"outcome": {"outcome": "cancelled"}}));
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in "\\PC{0,200}") {
            let _ = read(&line);
        }
    }
}
