//! What passes between a grader that must be told a verdict and whoever asks a judge.
//!
//! The grader (pure) writes the whole prompt and reads the whole reply: it decides about votes, ties and second tries by asking again in its
//! next round. The rim only carries: it draws the nonce, asks the model, keeps the reply.

use super::{fault::Fault, id::EventId, trace::Usage};
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

/// What a judge may say of one criterion. Nothing between: a number in a reply is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    NotMet,
    Unknown,
    NotApplicable,
}

impl Verdict {
    pub const ALL: [Verdict; 4] = [Verdict::Met, Verdict::NotMet, Verdict::Unknown, Verdict::NotApplicable];

    pub fn word(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::NotMet => "not_met",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not_applicable",
        }
    }
}

/// What judges said about one criterion of one trial: kept beside its score for whoever reads the verdict again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// In the order of the seats; the tie breaker last.
    pub votes: Vec<Vote>,
    /// The judges did not agree: a person should decide.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub split: bool,
    /// Events among those shown that speak to a judge instead of doing the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub injection_suspected: Vec<EventId>,
    #[serde(default, skip_serializing_if = "LeftOut::is_nothing")]
    pub left_out: LeftOut,
    /// The verdict on what was done alone, where the criterion asks for both views: full - actions is talk inflation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Verdict>,
}

/// One seat's verdict, and how it came to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub seat: Seat,
    /// After its citations were checked; `None`: its reply could not be used.
    pub verdict: Option<Verdict>,
    /// Why the verdict is unknown, or why there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What the judge expected to see, written before it looked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expectation: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<Quoted>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default)]
    pub kept: Kept,
    /// Requests it took: more than one where the record came in segments, or a reply could not be read.
    pub requests: u32,
    /// This criterion's part of what those requests cost; the parts sum to the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

/// A quote that a judge gave, and whether it stands in the event it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// `None`: the judge named none that exists.
    pub event: Option<EventId>,
    pub quote: String,
    pub valid: bool,
}

/// What a judge was not shown, or only in part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Events of which only the line in the skeleton was shown, as the criterion's evidence asks for no more.
    pub events: u32,
    /// Events shown in part.
    pub cut: u32,
    pub bytes: u64,
    /// Of both, those that the criterion asks to see: any makes a verdict that rests on absence unknown.
    pub wanted: u32,
}

impl LeftOut {
    pub fn is_nothing(&self) -> bool {
        *self == LeftOut::default()
    }
}
