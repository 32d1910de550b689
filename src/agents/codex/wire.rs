//! The lines that Codex's app-server and evalrun say to each other: JSON-RPC without its `jsonrpc` member.
//!
//! ```text
//! {"id": 3, "method": "turn/start", "params": {...}}     a request, ours or theirs; ids are numbers or texts
//! {"id": 3, "result": {...}}   {"id": 3, "error": {"code": -32600, "message": "..."}}
//! {"method": "turn/completed", "params": {...}}          a notice
//! ```

use serde_json::{Value, json};

/// One line, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The answer to a request of ours.
    Answer {
        id: u64,
        result: Result<Value, String>,
    },
    /// The agent waits for an answer with this id.
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notice {
        method: String,
        params: Value,
    },
    /// No message of the protocol.
    Malformed,
}

/// JSON-RPC's code for a method that is not known.
pub const NO_SUCH_METHOD: i64 = -32601;

/// Reads a line, whatever it holds.
pub fn read(line: &str) -> Message {
    let Ok(Value::Object(mut message)) = serde_json::from_str::<Value>(line) else { return Message::Malformed };
    let id = message.remove("id").filter(|id| id.is_string() || id.is_number());
    let params = message.remove("params").unwrap_or(Value::Null);
    match (message.remove("method"), id) {
        (Some(Value::String(method)), Some(id)) => Message::Request { id, method, params },
        (Some(Value::String(method)), None) => Message::Notice { method, params },
        (None, Some(id)) => answered(&id, message.remove("result"), message.remove("error")),
        (Some(_) | None, Some(_) | None) => Message::Malformed,
    }
}

/// Our ids are numbers; one that comes back as a text is the same.
fn answered(id: &Value, result: Option<Value>, error: Option<Value>) -> Message {
    let number = id.as_u64().or_else(|| id.as_str()?.parse().ok());
    match (number, result, error) {
        (Some(id), _, Some(error)) if !error.is_null() => {
            let said = error.get("message").and_then(Value::as_str).map(str::to_owned);
            Message::Answer { id, result: Err(said.unwrap_or_else(|| error.to_string())) }
        }
        (Some(id), Some(result), _) => Message::Answer { id, result: Ok(result) },
        (Some(_) | None, Some(_) | None, Some(_) | None) => Message::Malformed,
    }
}

pub fn request(id: u64, method: &str, params: &Value) -> String {
    json!({"id": id, "method": method, "params": params}).to_string()
}

pub fn notice(method: &str) -> String {
    json!({"method": method}).to_string()
}

pub fn answer(id: &Value, result: &Value) -> String {
    json!({"id": id, "result": result}).to_string()
}

pub fn refusal(id: &Value, message: &str) -> String {
    json!({"id": id, "error": {"code": NO_SUCH_METHOD, "message": message}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_a_message_is_told_apart() {
        let notice = |method: &str| Message::Notice { method: method.to_owned(), params: Value::Null };
        let cases = [
            (
                r#"{"id":7,"method":"m","params":{}}"#,
                Message::Request { id: json!(7), method: "m".to_owned(), params: json!({}) },
            ),
            (
                r#"{"id":"a-1","method":"m"}"#,
                Message::Request { id: json!("a-1"), method: "m".to_owned(), params: Value::Null },
            ),
            (r#"{"method":"m"}"#, notice("m")),
            (r#"{"id":null,"method":"m"}"#, notice("m")),
            (r#"{"id":3,"result":null}"#, Message::Answer { id: 3, result: Ok(Value::Null) }),
            (r#"{"id":"3","result":1}"#, Message::Answer { id: 3, result: Ok(json!(1)) }),
            (r#"{"id":3,"error":{"code":-1,"message":"no"}}"#, Message::Answer { id: 3, result: Err("no".to_owned()) }),
            (r#"{"id":3,"error":"odd"}"#, Message::Answer { id: 3, result: Err("\"odd\"".to_owned()) }),
            (r#"{"id":"x","result":1}"#, Message::Malformed),
            (r#"{"id":3}"#, Message::Malformed),
            (r#"{"id":3,"method":4}"#, Message::Malformed),
            (r"[1]", Message::Malformed),
            ("words", Message::Malformed),
            ("", Message::Malformed),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in "\\PC{0,120}") {
            let _ = read(&line);
        }
    }
}
