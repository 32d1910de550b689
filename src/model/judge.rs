//! What passes between a grader that must be told a verdict and whoever asks a judge.
//!
//! The grader (pure) writes the whole prompt and reads the whole reply: it decides about votes, ties and second tries by asking again in its
//! next round. The rim only carries: it draws the nonce, asks the model, keeps the reply.

use super::{fault::Fault, trace::Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Stands in a prompt where the nonce of its fences goes. Evidence cannot hold it: control characters are written out there.
pub const NONCE: &str = "\u{2}nonce\u{2}";

/// Who votes, and what each can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bench {
    /// The judge's name under `judges`.
    pub name: String,
    pub votes: usize,
    pub tie_breaker: bool,
    /// Tokens of the smallest window among them; prompt and reply must fit.
    pub window: u64,
}

/// Whose reply is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// Counted from 0, in the order of `votes`.
    Vote(usize),
    TieBreaker,
}

/// One request to one seat: everything that decides its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgeNeed {
    pub seat: Seat,
    pub prompt: Prompt,
    /// `dimension/criterion`, in the order in which they are asked.
    pub criteria: Vec<String>,
    /// 0 for the first try; the second carries the mistake of the first in its prompt.
    pub again: u32,
}

/// A prompt with [`NONCE`] where the fences' nonce goes. The parts that are the same for many calls come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub system: String,
    pub user: String,
    /// JSON Schema of the reply.
    pub schema: Value,
    /// Tokens that the reply may take.
    pub most: u32,
}

/// A judge's reply, unread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeReply {
    pub text: String,
    /// The model as the suite names it: `openai:gpt-5.2`, `command`, `recorded`.
    pub by: String,
    /// What the provider said it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
    #[serde(default)]
    pub kept: Kept,
}

/// Where a reply came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Asked now.
    #[default]
    Live,
    Cache,
    /// A recording that a person or an earlier run made.
    Recorded,
}

/// What asking came to. `Err` is ours, never the agent's score.
pub type Replied = Result<JudgeReply, Fault>;
