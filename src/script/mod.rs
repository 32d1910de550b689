//! The candidate script: how a stand-in candidate behaves in an interview.
//!
//! The same file is played twice: by the driver `scripted`, for real in the workspace, and by a scripted model that answers a real
//! agent's model requests. The model sees only user messages and tool names, so everything here is decided from those.
//!
//! ```
//! use evalrun::script::{Player, Script};
//! let yaml = "
//! version: 1
//! candidate: hasty
//! parts:
//!   - turns:
//!       - steps:
//!           - shell: make
//!           - say: Done!
//! ";
//! let script = Script::from_yaml(yaml, "hasty.yaml").map_err(|mistakes| mistakes.join("\n"))?;
//! let mut player = Player::new(script);
//! player.user("Please build it.");
//! assert_eq!(player.next().map(|response| response.calls.len()), Some(1));
//! assert_eq!(player.next().map(|response| response.text), Some("Done!".to_owned()));
//! assert_eq!(player.next(), None);
//! # Ok::<(), String>(())
//! ```
//!
//! The format is described in `docs/scripts.md`.

mod ablate;
mod decode;
mod misdeed;
mod node;
mod player;
mod step;
mod write;

pub use ablate::{ablate, tags};
pub use misdeed::{FAULTS, Misdeed, Wrong};
pub use player::{Call, Player, Response};

use crate::model::trace::PlanStep;
use regex::{Regex, RegexBuilder};

/// The version of the format.
pub const VERSION: u32 = 1;

/// What is said where a script has no `otherwise`.
pub const OTHERWISE: &str = "I have nothing to add to that.";

/// A candidate, in all the interviews it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub candidate: String,
    pub about: Option<String>,
    /// Said to a message that no turn answers.
    pub otherwise: String,
    /// What a scripted model does wrong on purpose.
    pub faults: Vec<Misdeed>,
    pub parts: Vec<Part>,
}

/// How the candidate behaves in one interview.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Looked for in the first user message; `None`: any interview.
    pub on: Option<Pattern>,
    pub turns: Vec<Turn>,
}

/// What answers one user message.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Looked for in the message; `None`: answers in order.
    pub on: Option<Pattern>,
    pub steps: Vec<Step>,
    pub tag: Tag,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub what: What,
    pub tag: Tag,
}

/// The behaviours that a step or turn shows, and what is played where one of them is taken out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tag {
    pub names: Vec<String>,
    pub instead: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Say(String),
    Think(String),
    Do(Op),
    /// Calls of one model response; every step in it is a `Do`.
    Together(Vec<Step>),
}

/// Something a candidate does with a tool, whatever the tool is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Plan(Vec<PlanStep>),
    Read { path: String, lines: Option<(u32, u32)> },
    Search { pattern: String, path: String },
    Edit { path: String, old: String, new: String },
    Write { path: String, text: String },
    Shell(String),
    Ask { question: String, options: Vec<String> },
}

/// A regular expression that ignores letter case, equal to another of the same source.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// # Errors
    /// When it does not compile, with what the regex crate says.
    pub fn new(source: &str) -> Result<Pattern, String> {
        let regex = RegexBuilder::new(source).case_insensitive(true).size_limit(1 << 20).build();
        regex.map(|regex| Pattern { source: source.to_owned(), regex }).map_err(|bad| bad.to_string())
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn is_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

impl Op {
    /// The word that the format has for it, which is also the name of the driver's tool.
    pub fn word(&self) -> &'static str {
        match self {
            Op::Plan(_) => "plan",
            Op::Read { .. } => "read",
            Op::Search { .. } => "search",
            Op::Edit { .. } => "edit",
            Op::Write { .. } => "write",
            Op::Shell(_) => "shell",
            Op::Ask { .. } => "ask",
        }
    }
}

#[cfg(test)]
mod tests;
