//! What a judge is asked and how its reply is read: pure, from evidence to prompt and from reply to verdict.
//!
//! ```text
//! questions x record --plan--> calls (3 to 8 criteria, one view, as many parts as the window asks for)
//! call x seat --hear--> prompt | reply -> verdict, its quotes checked
//! ballots --decide--> met 1 | not met 0 | unknown(uncited, not shown, split) | not applicable | broken(judge)
//! ```
//!
//! docs/judges.md has the protocol. Everything is decided again from the same evidence and all replies so far, so that a judgement can be
//! replayed, priced and cached call by call, and no verdict depends on which reply came first.

mod citing;
mod cut;
mod decide;
mod escape;
mod fit;
mod hear;
mod injection;
mod normal;
mod plan;
mod prompt;
mod record;
mod reply;
mod selection;
mod stated;
mod tokens;

pub use escape::{MARGIN, escape, read_back};
pub use hear::{Heard, judge};
pub use normal::normal;
pub use prompt::{SHIPPED as PROMPTS, Templates, VARIABLES};
pub use reply::{READ, Read, Said, read};
pub use selection::{Messages, Reduce, Selection, View};
pub use tokens::estimate;

use crate::metrics::Facts;
use crate::model::{
    judge::Judged,
    score::{Cite, Measured, Outcome},
    trace::Trace,
};

/// One trajectory, as judges are told of it.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub trace: &'a Trace,
    pub facts: &'a Facts<'a>,
    pub metrics: &'a [(&'static str, Measured)],
}

/// One criterion that a judge is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Unique within its dimension.
    pub id: String,
    pub text: String,
    /// What it means, in more words; may be empty.
    pub gloss: String,
    pub proof: Proof,
    pub selection: Selection,
    /// What a rule found, where the judge only confirms.
    pub flag: Option<String>,
}

/// Which verdict has to be quoted; the other one rests on absence, and needs that everything asked for was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// `met` is quoted.
    Presence,
    /// `not_met` is quoted.
    Absence,
    /// Both are: a judge confirms or clears what a rule flagged.
    Either,
}

/// How one question came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub outcome: Outcome,
    pub why: String,
    /// Quotes that stand in the record.
    pub cites: Vec<Cite>,
    pub judged: Judged,
}
