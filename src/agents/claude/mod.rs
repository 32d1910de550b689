//! Claude Code: one process for the whole conversation, spoken to in stream-json both ways.
//!
//! Its permission requests and its questions come as control requests and are answered while the turn runs; an interruption keeps
//! the conversation. It gets a home of its own: no settings, memories or projects of the user's. `docs/agents-claude.md` says what
//! is set, what is recorded, and what was only ever seen in recordings.
//!
//! `{driver: claude, model: claude-sonnet-5, auth: {env: [ANTHROPIC_API_KEY]}}`

mod login;
mod native;
mod say;
mod session;
mod waiting;

use super::{Driver, Field, Seat, Word};
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
    trace::Tells,
};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

pub use login::secrets as login_secrets;

pub static DRIVER: Driver = Driver {
    name: "claude",
    about: "drives Claude Code, one process for all turns",
    fields: &[Field {
        name: "command",
        about: "how Claude Code is started; else `claude` on PATH",
        word: Word::Argv,
        required: false,
    }],
    stand_in: false,
    tells: |_| Tells {
        exit_codes: true,
        outputs: true,
        plans: true,
        reasoning: true,
        times: true,
        usage: true,
        failed_edits: true,
        sub_agents: true,
        snapshots: true,
    },
    check,
    open: |seat| Box::pin(session::open(seat)),
};

/// What every conversation is started with.
const FLAGS: &[&str] = &[
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--verbose",
    "--permission-mode",
    "default",
    "--permission-prompt-tool",
    "stdio",
];

/// Calls home, updates and reports are switched off: they would make trials differ and leave the machine.
const SWITCHES: &[&str] = &["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY"];

/// What would lead to another model or another account than the scripted one.
const OTHER_MODELS: &[&str] =
    &["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"];

/// Not a key: a scripted model asks for none, and Claude Code starts with none not at all.
const NO_KEY: &str = "sk-ant-no-key-needed";

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    if spec.rest.get("command").is_some() && command(spec).is_empty() {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    if spec.rest.get("settings").is_some_and(|settings| !settings.is_object()) {
        mistakes.push("`settings` is what stands in Claude Code's settings.json: names and values".to_owned());
    }
    mistakes
}

fn argv(spec: &AgentSpec) -> Vec<String> {
    let mut argv = if spec.rest.get("command").is_some() { command(spec) } else { vec!["claude".to_owned()] };
    argv.extend(FLAGS.iter().map(|flag| (*flag).to_owned()));
    if let Some(model) = &spec.model {
        argv.extend(["--model".to_owned(), model.clone()]);
    }
    argv
}

fn command(spec: &AgentSpec) -> Vec<String> {
    let words = spec.rest.get("command").and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The trial's environment, and what Claude Code needs in it. What a suite sets itself stays.
fn environment(seat: &Seat) -> BTreeMap<String, String> {
    let mut env = seat.env.clone();
    // Without the last some ways of working are refused to root.
    let as_root = nix::unistd::geteuid().is_root().then_some("IS_SANDBOX");
    for name in SWITCHES.iter().copied().chain(as_root) {
        env.entry(name.to_owned()).or_insert_with(|| "1".to_owned());
    }
    if let Some(url) = &seat.model_at {
        OTHER_MODELS.iter().for_each(|name| drop(env.remove(*name)));
        env.insert("ANTHROPIC_BASE_URL".to_owned(), url.clone());
        env.insert("ANTHROPIC_API_KEY".to_owned(), NO_KEY.to_owned());
    }
    env
}

/// Lays what Claude Code reads at its start into the trial's home; says what it lent there.
///
/// # Errors
/// When a file cannot be written, or a login cannot be lent.
fn furnish(seat: &Seat) -> Result<Option<login::Lent>, Fault> {
    let folder = seat.home.join(".claude");
    std::fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
    if let Some(settings) = seat.spec.rest.get("settings") {
        let file = folder.join("settings.json");
        std::fs::write(&file, format!("{settings:#}\n")).map_err(|error| unwritten(&file, &error))?;
    }
    if super::login::is_asked(&seat.spec) && seat.model_at.is_none() {
        return login::lend(&login::Homes::of(&seat.home), super::login::in_ci()).map(Some);
    }
    Ok(None)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Boundary::Workspace, "home", format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn spec(model: Option<&str>, rest: Value) -> AgentSpec {
        AgentSpec {
            name: "mine".into(),
            driver: "claude".into(),
            model: model.map(str::to_owned),
            secrets: vec![],
            rest,
        }
    }

    #[test]
    fn the_command_line_is_the_measured_one() {
        let plain = "claude -p --input-format stream-json --output-format stream-json --verbose --permission-mode default --permission-prompt-tool stdio";
        assert_eq!(argv(&spec(None, json!({}))).join(" "), plain);
        let own = spec(Some("claude-sonnet-5"), json!({"command": ["python3", "x.py"]}));
        assert_eq!(argv(&own).join(" "), plain.replace("claude -p", "python3 x.py -p") + " --model claude-sonnet-5");
    }

    #[test]
    fn mistakes_in_the_block_are_found_without_starting_anything() {
        for right in [json!({}), json!({"command": ["x"], "settings": {"env": {"A": "b"}}})] {
            assert_eq!(check(&spec(None, right)), Vec::<String>::new());
        }
        for wrong in [json!({"command": []}), json!({"command": "claude"}), json!({"settings": "high"})] {
            assert_eq!(check(&spec(None, wrong.clone())).len(), 1, "{wrong}");
        }
    }
}
