//! Writes JSON as TOML, for a configuration that is made of a suite's own settings. Pure.

use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A whole document: plain keys first, then a section for each object. `null` is left out, since TOML has none.
pub fn document(root: &Map<String, Value>) -> String {
    let mut out = String::new();
    section("", root, &mut out);
    out
}

fn section(path: &str, table: &Map<String, Value>, out: &mut String) {
    for (name, value) in table.iter().filter(|(_, value)| !value.is_null() && !value.is_object()) {
        let _ = writeln!(out, "{} = {}", key(name), inline(value));
    }
    for (name, inner) in table.iter().filter_map(|(name, value)| Some((name, value.as_object()?))) {
        let path = if path.is_empty() { key(name) } else { format!("{path}.{}", key(name)) };
        let _ = writeln!(out, "\n[{path}]");
        section(&path, inner, out);
    }
}

fn key(name: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { text(name) }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(words) => text(words),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(real)) => format!("{real:?}"),
            (None, None) => number.to_string(),
        },
        Value::Bool(yes) => yes.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) => {
            let fields = table.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null => "\"\"".to_owned(),
    }
}

/// A basic string: every character that may not stand in one is written as its number.
fn text(words: &str) -> String {
    let mut out = String::from("\"");
    for letter in words.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out + "\""
}
