//! One file per way to drive an agent, behind one pulled session.
//!
//! A session is pulled (`say`, then `next` until `TurnEnd`), so that a question or a permission in the middle of a turn is answered
//! while the turn runs. `next` is cancel-safe: dropping its future loses nothing.
//!
//! ```text
//! driver(name) -> open(seat) -> Session      say("Add a limit") -> next: Event.. Ask -> reply -> next: Event.. TurnEnd -> say(..)
//! ```
//!
//! What a session must do and must not do is held by one contract test that runs over `AGENTS`.

pub mod acp;
pub mod claude;
pub mod codex;
pub mod command;
mod cut;
pub mod gemini;
mod gone;
mod login;
mod native;
pub mod opencode;
mod per_turn;
pub mod replay;
pub mod scripted;

use crate::{
    model::{
        agent::{AskId, Reply, Signal},
        fault::Fault,
        id::TrialKey,
        run::Boxed,
        suite::AgentSpec,
        task::Limits,
        trace::Tells,
    },
    process::{self, Cancel, Jail, Stdin, redact::Redactor},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// Every way to drive an agent, in the order of `evalrun list`.
pub static AGENTS: &[&Driver] = &[
    &scripted::DRIVER,
    &codex::DRIVER,
    &claude::DRIVER,
    &acp::DRIVER,
    &gemini::DRIVER,
    &opencode::DRIVER,
    &command::DRIVER,
    &replay::DRIVER,
];

/// A driver by its name in a suite.
pub fn driver(name: &str) -> Option<&'static Driver> {
    AGENTS.iter().copied().find(|driver| driver.name == name)
}

/// The secrets in the user's own login, where this agent is lent it, each with a name to show instead.
///
/// # Errors
/// Why it cannot be lent.
pub fn lent_secrets(spec: &AgentSpec) -> Result<Vec<(String, String)>, Fault> {
    match spec.driver.as_str() {
        name if name == codex::DRIVER.name => codex::lent_secrets(spec),
        name if name == claude::DRIVER.name => Ok(claude::login_secrets(spec)),
        name if name == gemini::DRIVER.name => Ok(login::secrets(spec, gemini::LOGIN)),
        name if name == opencode::DRIVER.name => Ok(login::secrets(spec, opencode::LOGIN)),
        _ => Ok(Vec::new()),
    }
}

/// A way to drive agents: `scripted`, `command`, `replay`.
pub trait Agent: Send + Sync {
    fn open(&self, seat: Seat) -> Boxed<'_, Result<Box<dyn Session>, Fault>>;
}

/// One conversation with one agent in one workspace.
pub trait Session: Send {
    /// Starts the next turn.
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>>;
    /// The next thing that happens; between turns nothing does, unless the agent goes. Cancel-safe.
    /// An `Ask` or `Permit` is recorded by who answers it, so no event stands for it here.
    fn next(&mut self) -> Boxed<'_, Signal>;
    /// Answers an `Ask` or a `Permit`.
    fn reply(&mut self, to: AskId, reply: Reply) -> Boxed<'_, Result<(), Fault>>;
    /// Ends the running turn and keeps the conversation usable where the agent can; `next` then yields `TurnEnd(Interrupted)`.
    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>>;
    /// Ends the agent; says what a reader should know (files left out, kills).
    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>>;
    /// What the agent has said about itself so far.
    fn identity(&self) -> Identity {
        Identity::default()
    }
    /// What this session turned out to tell; `None`: what its driver says of all of them.
    fn tells(&self) -> Option<Tells> {
        None
    }
}

/// What an agent says about itself, never what its package says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub version: Option<String>,
    pub model: Option<String>,
    /// The conversation's id, as the agent names it.
    pub session: Option<String>,
}

/// One line of the registry: all that is known of a driver without opening an agent.
pub struct Driver {
    /// As a suite's `driver:` names it.
    pub name: &'static str,
    pub about: &'static str,
    /// The fields of an agent's block that this driver understands.
    pub fields: &'static [Field],
    /// It plays an agent and is none: every report says so.
    pub stand_in: bool,
    /// What its traces can tell at all.
    pub tells: fn(&AgentSpec) -> Tells,
    /// What is wrong with an agent's block, found without starting anything. Reads the files it names.
    pub check: fn(&AgentSpec) -> Vec<String>,
    pub open: fn(Seat) -> Opening,
}

/// A session on its way, or why there will be none.
pub type Opening = Boxed<'static, Result<Box<dyn Session>, Fault>>;

impl Agent for Driver {
    fn open(&self, seat: Seat) -> Boxed<'_, Result<Box<dyn Session>, Fault>> {
        (self.open)(seat)
    }
}

/// A field of an agent's block in a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub about: &'static str,
    pub word: Word,
    pub required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Text,
    /// A file, relative to the suite that names it.
    Path,
    /// A command line, word by word.
    Argv,
    Texts,
}

impl Word {
    /// As documentation says it.
    pub fn word(self) -> &'static str {
        match self {
            Word::Text => "text",
            Word::Path => "path",
            Word::Argv => "command line",
            Word::Texts => "list of texts",
        }
    }

    pub fn is_path(self) -> bool {
        self == Word::Path
    }
}

/// Where an agent sits: everything it may use, nothing of the user's own.
#[derive(Clone)]
pub struct Seat {
    pub key: TrialKey,
    pub spec: Arc<AgentSpec>,
    pub workspace: PathBuf,
    pub home: PathBuf,
    pub tmp: PathBuf,
    /// Takes copies of the agent's own session files.
    pub native: PathBuf,
    /// The complete environment, the trial's marker included.
    pub env: BTreeMap<String, String>,
    pub jail: Jail,
    pub limits: Limits,
    pub seed: u64,
    pub cancel: Cancel,
    pub redactor: Arc<Redactor>,
    /// Where the agent finds its model instead of at the provider: the base URL of a scripted model on this machine, without a path.
    pub model_at: Option<String>,
}

impl Seat {
    /// A program of this trial: in the workspace, in the jail, with the trial's environment and output cap.
    pub fn program(&self, argv: Vec<String>) -> process::Spec {
        process::Spec {
            argv,
            cwd: self.workspace.clone(),
            env: self.env.clone(),
            stdin: Stdin::Null,
            cap: self.limits.output_bytes,
            timeout: self.limits.turn_ms.map(Duration::from_millis),
            sandbox: self.jail.clone(),
            marker: self.env.get(process::MARKER).cloned().unwrap_or_default(),
        }
    }

    /// A text field of the agent's block.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.spec.rest.get(name).and_then(serde_json::Value::as_str)
    }
}
