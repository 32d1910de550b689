//! What went wrong, named by the boundary it crossed. A fault is data, not a crash.

use serde::{Deserialize, Serialize};

/// Whose side of the line broke. Only `Agent` and the agent's own `Budget` are ever the agent's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    Agent,
    Provider,
    Sandbox,
    Workspace,
    Interviewer,
    Check,
    Judge,
    Grader,
    Store,
    Budget,
}

impl Boundary {
    pub fn word(self) -> &'static str {
        match self {
            Boundary::Agent => "agent",
            Boundary::Provider => "provider",
            Boundary::Sandbox => "sandbox",
            Boundary::Workspace => "workspace",
            Boundary::Interviewer => "interviewer",
            Boundary::Check => "check",
            Boundary::Judge => "judge",
            Boundary::Grader => "grader",
            Boundary::Store => "store",
            Boundary::Budget => "budget",
        }
    }
}

/// A failure that is reported as what it is and never as a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", boundary.word())]
pub struct Fault {
    pub boundary: Boundary,
    /// A short id of the kind of failure: `spawn`, `timeout`, `full_disk`.
    pub kind: String,
    /// Said only by drivers and providers; read only by the runner.
    #[serde(default)]
    pub retryable: bool,
    pub message: String,
    /// What the reader can do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(boundary: Boundary, kind: &str, message: impl Into<String>) -> Fault {
        Fault { boundary, kind: kind.to_owned(), retryable: false, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    pub fn retryable(mut self) -> Fault {
        self.retryable = true;
        self
    }
}
