//! `evalrun compare --json`: what can be said of agents side by side. The schema is committed in `schema/comparison.schema.json`.
//!
//! Differences are `a` minus `b`, means over tasks of the difference of two task means. `null` is "cannot be said", never 0.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub version: u32,
    /// Runs that were read, in the order given.
    pub runs: Vec<String>,
    /// Tasks compared, and their clusters where the suite names some.
    pub tasks: u32,
    pub clusters: Option<u32>,
    pub agents: Vec<AgentColumn>,
    /// Every two agents on every dimension; intervals are two-sided, 95 %.
    pub pairs: Vec<PairRow>,
    /// Every two agents on every criterion, for reading: `q` holds the share of false finds among them down.
    pub criteria: Vec<PairRow>,
    /// Three agents or more: who would win a task against whom.
    pub ranking: Option<Ranking>,
    /// Tokens, calls, money and time as ratios, paired by task.
    pub efficiency: Vec<RatioRow>,
    /// Agent -> habit -> mean over tasks. Description, never a score.
    pub habits: BTreeMap<String, BTreeMap<String, f64>>,
    pub sensitivity: Vec<Sensitivity>,
    /// Dimension -> where its variance comes from, and what to buy next.
    pub variance: BTreeMap<String, Variance>,
    /// Dimension -> the smallest true difference that this many tasks would show four times out of five.
    pub mde: BTreeMap<String, Option<f64>>,
    pub excluded: Vec<Excluded>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentColumn {
    pub agent: String,
    pub dimensions: BTreeMap<String, MeanRow>,
    /// At place k-1: the chance that at least one of k trials of a task passes, mean over tasks with at least k trials.
    pub pass_at_k: Vec<Option<f64>>,
    /// At place k-1: the chance that all of k trials of a task pass.
    pub pass_hat_k: Vec<Option<f64>>,
    /// Means over tasks of what one trial used, of the trials that say so; null where none does, or where it was nothing.
    pub micro_usd: Option<f64>,
    /// In and out together.
    pub tokens: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanRow {
    pub mean: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub tasks: u32,
    pub trials: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairRow {
    pub a: String,
    pub b: String,
    pub dimension: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// Tasks that both have a score on.
    pub n: u32,
    pub diff: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Paired t over tasks (over clusters where there are some).
    pub p: Option<f64>,
    /// Exact sign flip over tasks, or a drawn one from 20 tasks on.
    pub p_signflip: Option<f64>,
    /// Exact McNemar: pass or fail, one trial per task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_mcnemar: Option<f64>,
    /// Bias-corrected bootstrap interval, from 20 tasks on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<(f64, f64)>,
    /// Benjamini-Hochberg over the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// `a` is better: the interval lies above zero.
    Better,
    Worse,
    /// The interval holds zero.
    NotShown,
    /// The same difference on every task: no interval can be given.
    Constant,
    /// Fewer than two tasks.
    InsufficientData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// What a task is won by.
    pub by: String,
    /// Best first.
    pub agents: Vec<Ranked>,
    /// Why there is no ranking: an agent that never won, or never lost, against the others.
    pub why_not: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    pub agent: String,
    /// Bradley-Terry log strength, mean 0.
    pub strength: f64,
    pub se: f64,
    /// 1 is best. Agents of one group cannot be told apart; one agent may stand in two.
    pub groups: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatioRow {
    pub a: String,
    pub b: String,
    pub metric: String,
    pub n: u32,
    /// Geometric mean over tasks of a / b.
    pub ratio: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// What would have to be otherwise for the verdict to change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    pub a: String,
    pub b: String,
    pub dimension: String,
    /// The smallest and largest difference when one task is left out.
    pub drop_one: Option<(f64, f64)>,
    /// Tasks without which the verdict would be another.
    pub hangs_on: Vec<String>,
    /// The smallest and largest difference when one criterion weighs half as much or half as much again.
    pub weights: Option<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variance {
    /// Variance of a trial's score that tasks make, and that repeats of one task make.
    pub between_tasks: Option<f64>,
    pub within_tasks: Option<f64>,
    /// In words: more tasks, or more trials.
    pub next: String,
}

/// What stands in no comparison, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Excluded {
    pub what: String,
    pub why: String,
}
