//! What goes into the interviewer and what comes out of it.

use serde::{Deserialize, Serialize};

/// Something the interviewer reacts to. Clocks and limits belong to the runner.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The agent is ready for the first message.
    Opened,
    /// The agent asks in the middle of its turn (ask tool, elicitation).
    Asked { text: String, options: Vec<String> },
    /// The agent's turn ended with this last message.
    TurnEnded { message: String, called_tools: bool },
    /// A model matched a question to these facts (`Err`: it could not).
    Matched(Result<Vec<String>, String>),
    /// The checks and constraints of the stage that ended came back.
    Checked(Vec<Finding>),
}

/// How one check or constraint stands at the end of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub check: String,
    /// `Err(why)`: it could not run.
    pub holds: Result<bool, String>,
}

/// What the interviewer does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// A new user message, which starts the agent's next turn.
    Say(String),
    /// The answer to a question asked in the middle of a turn.
    Reply(String),
    /// Ask the matching model which of these facts the question asks for.
    Match { question: String, facts: Vec<String> },
    /// Take a snapshot, run what is due, come back with `Checked`.
    EndStage { stage: String },
    /// Nothing: the agent has the word, or the input came too late to matter.
    Wait,
    /// The script is done.
    Stop,
}

/// One decision of the interviewer, kept in the trace so that a reader can hold it to account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub decision: Decided,
    /// Ids of facts or constraints it concerns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    pub by: By,
    /// The agent's sentence it answers, or why it was taken.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// A stage's message, with what was told with it.
    Brief,
    /// Facts told because they were asked for.
    Tell,
    /// A question that matched nothing.
    Otherwise,
    GoAhead,
    DeclineOffer,
    Enough,
    Remind,
    EndStage,
    SkipStage,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Pattern,
    Model,
    Script,
}
