//! OpenAI's Codex: `codex app-server` for the whole conversation, or `codex exec` turn by turn.
//!
//! ```text
//! initialize -> thread/start -> turn/start "Add a limit" -> item/started .. item/completed .. turn/completed -> turn/start ..
//!                                          <- item/*/requestApproval, item/tool/requestUserInput: answered while the turn runs
//! ```
//!
//! What is read stands apart from how it is read: `wire` (lines), `map` and `items` (notices into events), `asks` (questions and their
//! answers), `faults` (whose fault an error is) are pure. The rollouts that Codex writes are kept and joined into the trace, since no
//! stream of it tells of failed patches, compactions and what sub-agents do. `docs/agents-codex.md` says what is set and what was seen.

mod asks;
mod config;
mod exec;
mod faults;
mod flow;
mod home;
mod items;
mod login;
mod map;
mod questions;
mod server;
mod toml;
mod wire;
mod words;

use super::{Driver, Field, Seat, Session, Word};
use crate::{
    model::{
        agent::Signal,
        fault::{Boundary, Fault},
        suite::AgentSpec,
        trace::Tells,
    },
    process,
};
use serde_json::Value;
use std::path::Path;

pub use words::lent_secrets;

pub static DRIVER: Driver = Driver {
    name: "codex",
    about: "drives OpenAI's Codex, through its app-server or `codex exec`",
    fields: &[
        Field {
            name: "command",
            about: "the program and its first words; else `codex` on PATH",
            word: Word::Argv,
            required: false,
        },
        Field {
            name: "mode",
            about: "`app-server` (usual), or `exec`: a process per turn that asks nothing",
            word: Word::Text,
            required: false,
        },
    ],
    stand_in: false,
    tells,
    check,
    open: |seat| Box::pin(open(seat)),
};

async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "command", mistakes.join("; "))
            .hint("`evalrun check` lists the mistakes of a suite"));
    }
    if by_exec(&seat.spec) { exec::open(seat).await } else { server::open(seat).await }
}

/// What the live stream tells; the rollout adds failed patches and sub-agents where it is kept.
fn tells(spec: &AgentSpec) -> Tells {
    let server = !by_exec(spec);
    Tells {
        exit_codes: true,
        outputs: true,
        plans: true,
        reasoning: true,
        times: true,
        usage: true,
        failed_edits: false,
        sub_agents: server,
        snapshots: true,
    }
}

fn by_exec(spec: &AgentSpec) -> bool {
    spec.rest.get("mode").and_then(Value::as_str) == Some("exec")
}

const POLICIES: &[&str] = &["untrusted", "on-request", "never"];
const SANDBOXES: &[&str] = &["read-only", "workspace-write", "danger-full-access"];

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    let rest = &spec.rest;
    let words =
        |value: &Value| value.as_array().is_some_and(|words| !words.is_empty() && words.iter().all(Value::is_string));
    if rest.get("command").is_some_and(|command| !words(command)) {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    if rest.get("mode").is_some_and(|mode| !matches!(mode.as_str(), Some("app-server" | "exec"))) {
        mistakes.push("`mode` can only be `app-server` or `exec`".to_owned());
    }
    let Some(settings) = rest.get("settings") else { return mistakes };
    if !settings.is_object() {
        mistakes.push("`settings` is a map, as in Codex's config.toml".to_owned());
    }
    for (name, known) in [("approval_policy", POLICIES), ("sandbox_mode", SANDBOXES)] {
        if let Some(word) = settings.get(name).and_then(Value::as_str).filter(|word| !known.contains(word)) {
            mistakes.push(format!("`settings.{name}: {word}` is unknown: {}", known.join(", ")));
        }
    }
    mistakes
}

/// A command of Codex: in the workspace, in the jail, with the trial's environment and its own `CODEX_HOME`.
fn program(seat: &Seat, home: &Path, words: &[&str]) -> process::Spec {
    let named = seat.spec.rest.get("command").and_then(Value::as_array);
    let mut argv: Vec<String> = named.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if argv.is_empty() {
        argv.push("codex".to_owned());
    }
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    let mut spec = seat.program(argv);
    spec.env.insert("CODEX_HOME".to_owned(), home.to_string_lossy().into_owned());
    if seat.model_at.is_some() {
        spec.env.insert(config::SCRIPTED_KEY.to_owned(), "scripted".to_owned());
    }
    spec
}

/// The `config.toml` that an agent in this seat gets, without writing it.
pub fn configuration(seat: &Seat) -> String {
    home::configuration(seat, &words::approvals(&seat.spec, "on-request"))
}

/// What lines that an app-server wrote become, without a process: for replaying a recorded conversation.
pub fn heard(lines: &[&str]) -> Vec<Signal> {
    let mut map = map::Map::default();
    let mut signals = Vec::new();
    for line in lines {
        let wire::Message::Notice { method, params } = wire::read(line) else { continue };
        if map.thread.is_empty() && method == "thread/started" {
            let text = |at| params.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            (map.thread, map.cwd) = (text("/thread/id"), text("/thread/cwd"));
        }
        for heard in map.notice(&method, &params) {
            match heard {
                map::Heard::Event(draft) => signals.push(Signal::Event(draft)),
                map::Heard::TurnEnd(end) => signals.push(Signal::TurnEnd(end)),
                map::Heard::Broken(fault) => signals.push(Signal::Gone(fault)),
                map::Heard::Trouble(fault) => signals.push(Signal::Event(Box::new(flow::mark(fault.message)))),
                map::Heard::Progress | map::Heard::Resolved(_) | map::Heard::Model(_) => {}
            }
        }
    }
    signals
}
