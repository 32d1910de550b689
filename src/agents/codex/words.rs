//! What both ways of driving Codex read from an agent's block and say in the same words.

use super::{home::Home, login};
use crate::{
    agents::{Seat, cut::tail},
    model::{
        fault::{Boundary, Fault},
        suite::AgentSpec,
    },
    process::{Exit, Output, redact::Redactor},
};
use serde_json::Value;
use std::sync::Arc;

/// Makes the trial's `CODEX_HOME`.
pub async fn prepared(seat: &Seat, approvals: &str) -> Result<Home, Fault> {
    let (seat, approvals) = (seat.clone(), approvals.to_owned());
    let made = tokio::task::spawn_blocking(move || Home::prepare(&seat, &approvals)).await;
    made.map_err(|error| Fault::new(Boundary::Sandbox, "thread", error.to_string()))?
}

/// Keeps what Codex left; says what a reader should know.
pub async fn left(home: Home, redactor: Arc<Redactor>) -> Vec<String> {
    let kept = tokio::task::spawn_blocking(move || home.leave(&redactor)).await;
    kept.unwrap_or_else(|error| vec![format!("the rollouts were not kept: {error}")])
}

/// A setting that is a text.
fn setting<'s>(spec: &'s AgentSpec, name: &str) -> Option<&'s Value> {
    spec.rest.get("settings").and_then(|settings| settings.get(name))
}

/// When Codex asks: as the agent's settings say.
pub fn approvals(spec: &AgentSpec, usual: &str) -> String {
    setting(spec, "approval_policy").and_then(Value::as_str).unwrap_or(usual).to_owned()
}

/// The same as the protocol takes it: a word, or rules case by case.
pub fn policy(spec: &AgentSpec, approvals: &str) -> Value {
    let rules = setting(spec, "approval_policy").filter(|policy| policy.is_object());
    rules.cloned().unwrap_or_else(|| approvals.into())
}

/// What Codex's own sandbox lets through: all, since evalrun puts its own around it and one does not work in the other.
pub fn sandbox(spec: &AgentSpec) -> &str {
    setting(spec, "sandbox_mode").and_then(Value::as_str).unwrap_or("danger-full-access")
}

/// `evalrun/0.169.0 (Debian ...)`: the version behind the client's own name.
pub fn version(welcome: &Value) -> Option<String> {
    let agent = welcome.get("userAgent")?.as_str()?;
    let version = agent.split_once('/')?.1.split_whitespace().next()?;
    Some(version.to_owned()).filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
}

/// A fault of a program that could not be started is its own doing; any other stays whose it is.
pub fn blamed(fault: Fault) -> Fault {
    if fault.kind != "spawn" {
        return fault;
    }
    Fault { boundary: Boundary::Agent, ..fault }.hint(
        "install codex (`npm install -g @openai/codex`), or name the program with `command: [..]` in the agent's block",
    )
}

/// Why a program is gone.
pub fn farewell(output: &Output, redactor: &Redactor) -> Fault {
    let how = match output.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut => "its time limit".to_owned(),
        Exit::Cancelled => "being ended".to_owned(),
    };
    let words = last_words(output, redactor);
    let message =
        if words.is_empty() { format!("codex left with {how}") } else { format!("codex left with {how}: {words}") };
    Fault::new(Boundary::Agent, "gone", message)
}

/// The end of what it said on stderr.
pub fn last_words(output: &Output, redactor: &Redactor) -> String {
    const SHOWN: usize = 2 << 10;
    let (text, _) = output.stderr.redacted(redactor).text();
    tail(text.trim_end(), SHOWN).to_owned()
}

/// The tokens of a login that is lent to this agent.
///
/// # Errors
/// Where it cannot be lent.
pub fn lent_secrets(spec: &AgentSpec) -> Result<Vec<(String, String)>, Fault> {
    if login::wanted(spec) { login::secrets() } else { Ok(Vec::new()) }
}
