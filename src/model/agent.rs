//! What passes between the runner and an agent while a turn runs. The traits stand in `agents/`.

use super::{fault::Fault, trace::Body};
use serde::{Deserialize, Serialize};

/// One thing an agent did, not yet numbered.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub body: Body,
    /// Empty for the root agent, else the sub-agent's path.
    pub lane: String,
    /// The agent's own record or wire line this came from.
    pub from: Option<String>,
    /// An id of the source's own, by which a result finds its call.
    pub call: Option<String>,
}

impl Draft {
    pub fn of(body: Body) -> Draft {
        Draft { body, lane: String::new(), from: None, call: None }
    }
}

/// What a session yields when it is pulled.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    Event(Box<Draft>),
    /// The agent waits for an answer in the middle of its turn.
    Ask(AskId, Ask),
    /// The agent waits for a permission.
    Permit(AskId, PermitAsk),
    TurnEnd(TurnEnd),
    /// The agent is not there any more.
    Gone(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u32);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub text: String,
    pub options: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermitAsk {
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Text(String),
    Allow,
    Deny(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnEnd {
    pub how: TurnEnded,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnded {
    Done,
    Interrupted,
    Failed,
}
