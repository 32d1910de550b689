//! Any agent that speaks the Agent Client Protocol: the agents that Zed, JetBrains and others run, over JSON-RPC on stdio.
//!
//! `command: [gemini, --acp]` starts it; one process holds the whole conversation. What it says is read by
//! `importers::acp_updates`, which reads recorded wire logs as well. Described in `docs/agents-acp.md`.

mod files;
mod session;
mod setup;
mod wire;

use super::{Driver, Field, Seat, Session, Word};
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
    trace::Tells,
};
use serde_json::{Map, Value};

pub static DRIVER: Driver = Driver {
    name: "acp",
    about: "drives any agent of the Agent Client Protocol, over stdio",
    fields: &[Field { name: "command", about: "command line of the agent", word: Word::Argv, required: true }],
    stand_in: false,
    // What an agent tells is known once it has said its name.
    tells: |_| Tells { times: true, snapshots: true, ..Tells::default() },
    check,
    open: |seat| Box::pin(open(seat)),
};

async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "command", mistakes.join("; "))
            .hint("`evalrun check` lists the mistakes of a suite"));
    }
    Ok(Box::new(session::Conversation::open(seat).await?))
}

fn command(spec: &AgentSpec) -> Vec<String> {
    let words = spec.rest.get("command").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What `settings` may hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Settings {
    /// `session/set_mode`
    mode: Option<String>,
    /// `authenticate`
    authenticate: Option<String>,
    /// `session/set_config_option`, by option.
    config: Map<String, Value>,
    /// Variables of the agent.
    env: Vec<(String, String)>,
}

const SETTINGS: &[&str] = &["mode", "authenticate", "config", "env"];

impl Settings {
    fn of(spec: &AgentSpec) -> Settings {
        let settings = spec.rest.get("settings").unwrap_or(&Value::Null);
        let text = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
        let map = |name: &str| settings.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let env = map("env").into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
        Settings { mode: text("mode"), authenticate: text("authenticate"), config: map("config"), env: env.collect() }
    }
}

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    if command(spec).is_empty() {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    if spec.rest.get("auth").is_some() {
        mistakes.push(
            "`auth: login` is not possible here: this driver does not know where an agent keeps its login; name variables with `auth: {env: [...]}`"
                .to_owned(),
        );
    }
    let settings = spec.rest.get("settings").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in settings {
        mistakes.extend(mistake(name, value));
    }
    mistakes
}

fn mistake(name: &str, value: &Value) -> Option<String> {
    match name {
        "mode" | "authenticate" if !value.is_string() => Some(format!("`settings.{name}` is a text")),
        "config" if !value.is_object() => Some("`settings.config` maps options to values".to_owned()),
        "env" if !value.as_object().is_some_and(|map| map.values().all(Value::is_string)) => {
            Some("`settings.env` maps names of variables to texts".to_owned())
        }
        name if SETTINGS.contains(&name) => None,
        name => Some(format!("`settings.{name}` is unknown: {}", SETTINGS.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mistakes_in_the_block_are_found_without_starting_anything() {
        let of = |rest: Value| {
            check(&AgentSpec { name: "mine".into(), driver: "acp".into(), model: None, secrets: vec![], rest })
        };
        assert_eq!(
            of(json!({"command": ["a"], "settings": {"mode": "plan", "config": {"effort": "low"}, "env": {"A": "b"}}})),
            Vec::<String>::new()
        );
        let wrong = of(json!({"auth": "login", "settings": {"mode": 1, "config": [], "env": {"A": 1}, "mood": "x"}}));
        insta::assert_snapshot!(wrong.join("\n"));
    }
}
