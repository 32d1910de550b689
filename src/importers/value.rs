//! Short ways into foreign JSON, where anything may be missing or of another kind.

use crate::model::{
    fault::{Boundary, Fault},
    trace::Text,
};
use chrono::DateTime;
use serde_json::Value;

/// The string under a key, or the empty one.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The string under a key, where there is one that is not empty.
pub(super) fn some_text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

pub(super) fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Moves a string out of a value, so that a long one is not copied.
pub(super) fn take_text(value: &mut Value, key: &str) -> String {
    match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Milliseconds since 1970 of an RFC 3339 time.
pub(super) fn millis(time: &str) -> Option<u64> {
    u64::try_from(DateTime::parse_from_rfc3339(time).ok()?.timestamp_millis()).ok()
}

/// The texts of content that is a string, a list of blocks with texts, or missing.
pub(super) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block.as_str().or_else(|| block.get("text")?.as_str()));
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => content.to_string(),
    }
}

pub(super) fn is_image(block: &Value) -> bool {
    text(block, "type").contains("image")
}

pub(super) fn whole(text: impl Into<String>) -> Text {
    Text::whole(text)
}

pub(super) fn source_fault(error: &std::io::Error) -> Fault {
    Fault::new(Boundary::Store, "read", format!("cannot read the session: {error}"))
}
