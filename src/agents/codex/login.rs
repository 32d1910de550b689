//! The user's own login of Codex, lent to a trial: read under a lock, never in CI, its tokens hidden in all that is written.

use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
};
use serde_json::Value;
use std::{fs::File, io::Read, path::PathBuf};

/// A login is a few kilobytes.
const LONGEST: u64 = 1 << 20;
/// Shorter texts in it are names rather than tokens.
const SHORTEST_TOKEN: usize = 16;

/// Whether the suite lends the user's own login to this agent.
pub fn wanted(spec: &AgentSpec) -> bool {
    crate::agents::login::is_asked(spec)
}

/// The bytes of the user's `auth.json`, read while nobody who locks it writes it.
///
/// # Errors
/// In CI, and where there is no login.
pub fn lend() -> Result<Vec<u8>, Fault> {
    let fault = |kind: &str, message: String| Fault::new(Boundary::Agent, kind, message);
    if crate::agents::login::in_ci() {
        return Err(fault("login", "`auth: login` lends a person's own login, which is not done in CI".to_owned())
            .hint("name a variable instead: `auth: {env: [OPENAI_API_KEY]}`"));
    }
    let path = place();
    let read = || -> std::io::Result<Vec<u8>> {
        let file = File::open(&path)?;
        file.lock()?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| {
        fault("login", format!("there is no login of codex to lend: {}: {error}", path.display()))
            .hint("log in with `codex login`, or name a variable: `auth: {env: [OPENAI_API_KEY]}`")
    })?;
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(_)) => Ok(bytes),
        Ok(_) | Err(_) => {
            Err(fault("login", format!("{} is no login of codex", path.display()))
                .hint("log in again with `codex login`"))
        }
    }
}

/// The tokens in the login that is lent, each with a name to show instead.
///
/// # Errors
/// As `lend`.
pub fn secrets() -> Result<Vec<(String, String)>, Fault> {
    let login: Value = serde_json::from_slice(&lend()?).unwrap_or_default();
    let mut found = Vec::new();
    tokens("codex login", &login, &mut found);
    Ok(found)
}

fn tokens(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST_TOKEN => found.push((name.to_owned(), text.clone())),
        Value::Object(map) => map.iter().for_each(|(key, value)| tokens(&format!("codex {key}"), value, found)),
        Value::Array(items) => items.iter().for_each(|item| tokens(name, item, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `$CODEX_HOME/auth.json` of the user, else `~/.codex/auth.json`.
fn place() -> PathBuf {
    let named = std::env::var_os("CODEX_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".codex")).join("auth.json")
}
