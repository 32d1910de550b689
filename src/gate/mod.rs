//! The gate: from paired scores to a verdict. Data in, data out.
//!
//! In this order, and an earlier step silences the later ones only where it says so:
//!
//! 1. Measurement. A share of valid trials or a coverage under its floor, or one that could not be told: `measurement_broken`, nothing else counts.
//!    Without a floor for valid trials every planned trial must have been graded: until then a rule can fail, and what would pass or stay open is
//!    `insufficient_data`, which no policy lets through.
//! 2. Hard rules. New occurrences against the baseline, or all of them where there is none.
//! 3. Score rules. `at_least: x` passes when the lower one-sided bound of the mean of task means is above x, and fails when the upper one is below.
//!    `no_worse_by: margin` does the same with the mean difference by task, new - baseline, against -margin; `strict` fails at an upper bound
//!    below 0 as well. Holm over the rules, for passing and for failing. Without a baseline `no_worse_by` says so and decides nothing.
//! 4. Looks. With more than one planned look 4/5 of alpha is spent over them (Lan & DeMets, Pocock's shape); the last fifth watches for disasters:
//!    a betting e-process over the tasks of the first look, in the order handed in.
//! 5. Changes by task are listed for reading. They decide nothing.
//!
//! Bounds are t bounds over tasks. Their error is never below what half a stray trial would make (`stats::noninferiority::unseen_error`), so that
//! results without any spread do not prove more than their number can.

mod accepting;
mod decide;
mod failing;
mod hard;
mod next;
mod reading;
mod score;
mod words;

pub use accepting::baseline_of;
pub use decide::gate;
pub use failing::newly_failing;
pub use reading::{ALPHA, Asked, Reading, Unreadable, looks, read};
pub use score::disaster_after;
pub use words::{entries, in_words, more, worse};

use crate::model::results::NewlyFailing;
use serde::{Deserialize, Serialize};

/// What is decided on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub measured: Shares,
    #[serde(default)]
    pub floors: Shares,
    #[serde(default)]
    pub hard: Vec<HardRule>,
    #[serde(default)]
    pub scores: Vec<ScoreRule>,
    pub plan: Plan,
    #[serde(default)]
    pub inconclusive: Option<Policy>,
}

/// In [0, 1]. Measured: `None` could not be told. Floors: `None` is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Of the trials, those that did not break.
    #[serde(default)]
    pub valid_trials: Option<f64>,
    /// Of the criteria, by weight, those that were answered.
    #[serde(default)]
    pub coverage: Option<f64>,
}

/// Something that may not happen: a violation, a weakened test, a false claim of success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardRule {
    /// As a person reads it.
    pub rule: String,
    /// So many new ones are allowed.
    #[serde(default)]
    pub new: usize,
    pub found: Vec<Occurrence>,
    /// `None`: no baseline, every occurrence counts.
    #[serde(default)]
    pub baseline: Option<Vec<Occurrence>>,
}

/// The same thing in several trials of a task is one occurrence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    pub task: String,
    pub what: String,
}

/// A dimension's mean must hold a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRule {
    /// As a person reads it.
    pub rule: String,
    pub must: Must,
    /// In plan order.
    pub tasks: Vec<TaskScores>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Must {
    /// The mean, in [0, 1].
    AtLeast(f64),
    NoWorseBy {
        /// In (0, 1).
        margin: f64,
        /// Any proven drop fails.
        #[serde(default)]
        strict: bool,
    },
}

/// Scores of the trials of one task, each in [0, 1]; trials that could not be measured are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskScores {
    pub task: String,
    pub new: Vec<f64>,
    #[serde(default)]
    pub baseline: Vec<f64>,
}

/// Declared before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// In (0, 0.5).
    pub alpha: f64,
    /// Trials per task at each look: one to three numbers that rise.
    pub looks: Vec<u32>,
    /// Which look this is, from 0.
    pub at: usize,
}

/// What the suite wants done when nothing could be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    Pass,
    Warn,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gated {
    pub verdict: Verdict,
    /// What a script may rely on: 0 passed, 1 failed, 3 inconclusive or too little data, 4 the measurement broke. An inconclusive gate exits as the
    /// suite's `inconclusive` says (pass and warn 0, fail 1); too little data does not.
    pub exit: i32,
    pub rules: Vec<RuleVerdict>,
    /// Tasks whose mean changed, the worst first. For reading.
    pub changes: Vec<Change>,
    /// Tasks that passed in the baseline and do not now. For reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newly_failing: Vec<NewlyFailing>,
    /// What more it takes, for each score rule that is undecided.
    pub next: Vec<Next>,
    /// What a reader must know: no baseline, a warning that an inconclusive gate lets pass.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    Inconclusive,
    /// Fewer than two tasks.
    InsufficientData,
    MeasurementBroken,
    /// Of a rule only: it needs a baseline, and there is none.
    NoBaseline,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleVerdict {
    pub rule: String,
    pub verdict: Verdict,
    /// The mean of task means, or of differences by task. `None` where there is nothing to estimate.
    pub estimate: Option<f64>,
    /// One-sided bounds, each at the level that its side was tested at.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The line that is held: `at_least`, or minus the margin.
    pub margin: Option<f64>,
    /// Tasks, or new occurrences for a hard rule.
    pub n: usize,
    /// The level of the side that decided; of the passing side where none did.
    pub alpha_used: Option<f64>,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub rule: String,
    pub task: String,
    pub baseline: f64,
    pub new: f64,
}

/// What more it takes to decide a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Next {
    pub rule: String,
    pub buy: Buy,
    /// The smallest distance from the line that these tasks and trials would show, at power 0.8.
    pub detectable: f64,
    /// Tasks needed with as many trials as now.
    pub tasks_needed: u64,
    /// Trials per task needed with as many tasks as now; `None`: no number does it.
    pub trials_needed: Option<u64>,
    /// The next planned look, if there is one.
    pub look: Option<NextLook>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Buy {
    Nothing,
    MoreTrials,
    MoreTasks,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextLook {
    /// Trials per task that the look is planned at.
    pub trials: u32,
    /// The tasks where another trial tells most: those of the highest variance.
    pub tasks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GateError {
    #[error("alpha must lie between 0 and 0.5, found {0}")]
    Alpha(f64),
    #[error("a gate has one to three looks at rising numbers of trials, found {0:?}")]
    Looks(Vec<u32>),
    #[error("look {at} of {planned} was not planned")]
    Unplanned { at: usize, planned: usize },
    #[error("`{rule}`: the line must lie between 0 and 1, found {line}")]
    Line { rule: String, line: f64 },
    #[error("`{rule}`: {task}: a score must lie between 0 and 1, found {score}")]
    Score { rule: String, task: String, score: f64 },
}
