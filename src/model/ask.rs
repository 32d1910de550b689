//! What kind of question an agent asked.
//!
//! An interviewer treats them differently: a question gets the facts it asks for, a go-ahead gets leave, an offer is declined, rhetoric gets nothing.
//! Example: "Which port?" is a question, "Shall I proceed?" a go-ahead, "Want me to add docs too?" an offer, "## Why did it fail?" rhetoric.

use serde::{Deserialize, Serialize};

/// Weakest first, so that the strongest of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// The form of a question that wants no answer.
    Rhetoric,
    /// Names work that may be taken or left.
    Offer,
    /// Wants leave to go on with the thing at hand.
    GoAhead,
    /// Wants a fact or a decision.
    Question,
}

impl AskKind {
    /// Whether somebody is waiting for an answer.
    pub fn asks(self) -> bool {
        match self {
            AskKind::Question | AskKind::GoAhead | AskKind::Offer => true,
            AskKind::Rhetoric => false,
        }
    }

    /// The word used in files.
    pub fn word(self) -> &'static str {
        match self {
            AskKind::Question => "question",
            AskKind::GoAhead => "go_ahead",
            AskKind::Offer => "offer",
            AskKind::Rhetoric => "rhetoric",
        }
    }
}
