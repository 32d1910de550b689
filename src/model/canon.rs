//! The canonical form of JSON, and the hashes taken over it.

use serde::Serialize;
use serde_json::Value;

/// What is hashed: each domain has its own prefix, so that equal bytes of different meaning never collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Task,
    Graders,
    Run,
    Trace,
    Setup,
    Workspace,
    Trial,
    Script,
    Judge,
}

impl Domain {
    fn prefix(self) -> &'static str {
        match self {
            Domain::Task => "evalrun/task/1",
            Domain::Graders => "evalrun/graders/1",
            Domain::Run => "evalrun/run/1",
            Domain::Trace => "evalrun/trace/1",
            Domain::Setup => "evalrun/setup/1",
            Domain::Workspace => "evalrun/workspace/1",
            Domain::Trial => "evalrun/trial/1",
            Domain::Script => "evalrun/script/1",
            Domain::Judge => "evalrun/judge/1",
        }
    }
}

/// JSON with sorted keys and no white space. Numbers as serde_json writes them.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// blake3 (64 hex digits) over the domain's prefix and the canonical form.
///
/// # Errors
/// When the value cannot be written as JSON (a map with keys that are no strings).
pub fn hash<T: Serialize>(domain: Domain, value: &T) -> Result<String, serde_json::Error> {
    Ok(hash_bytes(domain, canonical(&serde_json::to_value(value)?).as_bytes()))
}

/// blake3 (64 hex digits) over the domain's prefix and raw bytes.
pub fn hash_bytes(domain: Domain, bytes: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.prefix().as_bytes());
    hasher.update(b"\0");
    hasher.update(bytes);
    hasher.finalize().to_hex().to_string()
}

/// Removes every field that differs between two runs of the same thing: times, durations, run ids, places of this machine.
/// The one function that says what is volatile.
pub fn strip_volatile(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            map.values_mut().for_each(strip_volatile);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_volatile),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Names of volatile fields, in results and traces alike.
pub const VOLATILE: &[&str] = &[
    "run",
    "started",
    "finished",
    "wall_ms",
    "at",
    "time",
    "duration_ms",
    "attempt",
    "attempts",
    "host",
    "folder",
    "wall_s",
    "tool_s",
    "model_s",
    "longest_silence_s",
    "trace_hash",
    "pid",
    "kept",
];

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}
