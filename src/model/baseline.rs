//! A baseline: what an agent could do when somebody accepted it. A small JSON file that belongs into git; only `evalrun baseline accept` writes it.
//!
//! It holds the scores of every trial, not means, so that a later run can be paired with it task by task.

use super::results::ViolationResult;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// 1.
    pub version: u32,
    pub suite: String,
    pub agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The run it was taken from, and when that run ended (RFC 3339).
    pub run: String,
    pub finished: String,
    /// Hash of the criteria that graded it; another one cannot be compared.
    pub graders: String,
    /// Where the traces are, and the hash over their hashes in the order of trials.
    pub traces: TracesAt,
    /// Task -> its trials, in the order of trials.
    pub tasks: BTreeMap<String, TaskBaseline>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracesAt {
    pub folder: PathBuf,
    pub hash: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskBaseline {
    /// A task whose hash changed since drops out of the comparison.
    pub hash: String,
    pub trials: Vec<TrialBaseline>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialBaseline {
    pub passed: Option<bool>,
    /// Dimension -> score, 0..=1; absent where nothing was scored.
    pub dimensions: BTreeMap<String, f64>,
    /// `dimension.criterion` -> score.
    pub criteria: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationResult>,
    /// The counts that hard rules look at; absent where they could not be told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, f64>,
}

/// Metrics of which a new occurrence fails any gate.
pub const HARD: &[&str] = &["violations_executed", "test_weakening", "false_success_claim"];
