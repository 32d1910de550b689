//! What has happened so far, as far as the interviewer needs it.

use crate::model::interview::Finding;
use std::collections::{BTreeMap, VecDeque};

/// A fold over the inputs; never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub(super) phase: Phase,
    /// Index of the stage the interview stands in; meaningless before the first is entered.
    pub(super) stage: usize,
    pub(super) passages: Vec<Passage>,
    pub(super) here: Here,
    /// In the order told.
    pub(super) told: Vec<String>,
    pub(super) asked: Vec<String>,
    pub(super) questions: u32,
    /// Check -> how it stood when it last came back.
    pub(super) findings: BTreeMap<String, Result<bool, String>>,
    pub(super) void: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Phase {
    #[default]
    Unopened,
    /// The agent has the word.
    Working,
    /// A model is looking for the facts that a question asks for.
    Matching(Pending),
    /// The stage has ended; its checks run.
    Checking,
    Done,
}

/// A stage that was come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passage {
    pub stage: String,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    Entered,
    Ended,
    Skipped(String),
}

/// What happened in the stage the interview stands in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Here {
    pub replies: u32,
    pub go_aheads: u32,
    pub said_enough: Said,
    pub reminded: Said,
    pub declined: Said,
    /// Asked on after `enough` in the middle of a turn: the stage ends with the turn.
    pub over: Said,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Said {
    #[default]
    No,
    Yes,
}

/// An answer that waits for the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    pub place: Place,
    pub heard: Vec<Heard>,
    /// Positions in `heard` that the model has yet to look at; the first is with it now.
    pub queue: VecDeque<usize>,
    pub go_ahead: Option<String>,
}

/// A sentence that asks, and what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Heard {
    pub sentence: String,
    pub facts: Vec<String>,
    pub by: crate::model::interview::By,
    /// Why the model could not match it.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    TurnEnd,
    MidTurn,
}

impl State {
    /// Facts and constraints told, in the order told.
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// Facts and constraints asked for, in the order first asked.
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Question sentences heard; go-aheads and offers are not among them.
    pub fn questions(&self) -> u32 {
        self.questions
    }

    /// Why nothing may be concluded from this interview: a condition rested on a check that could not run.
    pub fn void(&self) -> Option<&str> {
        self.void.as_deref()
    }

    /// The stage the interview stands in.
    pub fn stage(&self) -> Option<&str> {
        self.passages.last().filter(|passage| passage.how == How::Entered).map(|passage| passage.stage.as_str())
    }

    /// Stages passed over, and why, in order.
    pub fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        self.passages.iter().filter_map(|passage| match &passage.how {
            How::Skipped(why) => Some((passage.stage.as_str(), why.as_str())),
            How::Entered | How::Ended => None,
        })
    }

    pub fn has_entered(&self, stage: &str) -> bool {
        self.passages.iter().any(|passage| passage.stage == stage && matches!(passage.how, How::Entered | How::Ended))
    }

    pub fn was_told(&self, id: &str) -> bool {
        self.told.iter().any(|told| told == id)
    }

    pub fn was_asked(&self, id: &str) -> bool {
        self.asked.iter().any(|asked| asked == id)
    }

    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(super) fn tell(&mut self, ids: &[String]) {
        for id in ids {
            if !self.was_told(id) {
                self.told.push(id.clone());
            }
        }
    }

    pub(super) fn ask(&mut self, ids: &[String]) {
        for id in ids {
            if !self.was_asked(id) {
                self.asked.push(id.clone());
            }
        }
    }

    pub(super) fn find(&mut self, findings: &[Finding]) {
        for finding in findings {
            self.findings.insert(finding.check.clone(), finding.holds.clone());
        }
    }
}
