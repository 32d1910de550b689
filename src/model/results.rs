//! `results.json`: what others read. The names are a promise; the schema is committed in `schema/results.schema.json`.

use super::{
    id::EventId,
    run::NotRun,
    score::Cite,
    task::Severity,
    trace::{End, Usage},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub version: u32,
    pub run: String,
    pub suite: String,
    pub started: String,
    pub finished: String,
    /// The exit code of the run.
    pub exit: i32,
    /// Hash of the criteria and act tables that graded it: results of different graders are not compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub graders: String,
    /// The run whose failed trials this one tried again: gates and comparisons refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_in: Option<String>,
    pub agents: Vec<AgentResult>,
    pub trials: Vec<TrialResult>,
    pub not_run: Vec<NotRun>,
    pub gates: Vec<GateResult>,
    /// What the planned looks of a gate decided, by agent, in order; empty where a gate has one look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<LookResult>,
    /// Tasks that passed in the baseline and do not now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newly_failing: Vec<NewlyFailing>,
    /// Per task and agent with at least two graded trials, twins left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consistency: Vec<ConsistencyResult>,
}

/// Whether the trials of one task by one agent came out alike; 1 is alike. A number that cannot be had is absent, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsistencyResult {
    pub task: String,
    pub agent: String,
    pub trials: u32,
    /// (2p - 1)^2, p the share of trials that passed; where passing was decided in two or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<f64>,
    /// Trials whose acts were compared: those that passed, or all where passing was decided in none.
    pub compared: u32,
    /// 1 - mean pairwise Jensen-Shannon divergence (base 2) of the mixes of acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_distribution: Option<f64>,
    /// Mean over pairs of 1 - edit distance / longer length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act_sequence: Option<f64>,
    /// tool_calls, tokens, cost_usd, wall_s -> exp(-coefficient of variation).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, f64>,
}

/// Asking where there is something to ask against asking where there is nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskingResult {
    /// Trials in which a fact that only the user can tell was asked for / trials that have one.
    pub hits: u32,
    pub open: u32,
    /// Twins, and trials of tasks without facts, in which it asked / all such.
    pub false_alarms: u32,
    pub closed: u32,
    /// z(hit rate) - z(false alarm rate), log-linear correction; absent for fewer than two trials of either kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_prime: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentResult {
    pub agent: String,
    pub driver: String,
    pub model: Option<String>,
    pub version: Option<String>,
    pub trials: u32,
    pub dimensions: BTreeMap<String, DimensionResult>,
    /// Absent where the run has no twin and no task without facts, or no task with facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asking: Option<AskingResult>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionResult {
    /// Mean of task means, 0..=1; null where nothing was scored.
    pub mean: Option<f64>,
    /// t interval over task means, 95 %; null for fewer than 2 tasks.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Tasks and trials with a score.
    pub tasks: u32,
    pub trials: u32,
    /// Criteria by outcome, over all trials.
    pub unknown: u32,
    pub not_applicable: u32,
    pub not_asked: u32,
    pub broken: u32,
    /// Weight answered / weight asked.
    pub coverage: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// `task[~twin]/agent/n`, or the session's name.
    pub id: String,
    pub task: String,
    pub agent: String,
    /// As the agent named it; absent where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    pub trial: u32,
    pub twin: bool,
    /// The same task in two runs has the same hash; empty for recorded sessions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub task_hash: String,
    /// Tasks that belong together, where the suite says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Dimension -> its score in this trial, 0..=1; null where nothing was scored.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Option<f64>>,
    /// null where no check was due.
    pub passed: Option<bool>,
    pub end: End,
    pub stages: Vec<StageResult>,
    pub metrics: Map<String, Value>,
    /// What was done against a guardrail of the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationResult>,
    pub scores: Vec<ScoreResult>,
    pub interview: Option<InterviewResult>,
    pub usage: Usage,
    pub wall_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageResult {
    pub id: String,
    pub state: StageReached,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Check -> `passed` | `failed` | `broken` | `timeout` | a score.
    pub checks: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageReached {
    Done,
    Skipped,
    /// At the agent's own limit: counts as not met.
    Unreached,
    /// Where we stopped it: left out.
    NotRun,
}

/// One act against a guardrail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationResult {
    pub rule: String,
    pub severity: Severity,
    /// The command or the path, as it was.
    pub what: String,
    pub event: EventId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreResult {
    pub dimension: String,
    pub criterion: String,
    /// `scored` | `unknown` | `not_applicable` | `not_asked` | `broken`.
    pub outcome: String,
    /// null unless scored.
    pub value: Option<f64>,
    pub weight: f64,
    /// Scored not met, it caps its dimension at this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    pub why: String,
    pub cites: Vec<Cite>,
    /// What judges said, where any was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Box<super::judge::Judged>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InterviewResult {
    /// Questions asked.
    pub asked: u32,
    /// Facts told, in the order told.
    pub told: Vec<String>,
    pub never_asked: Vec<String>,
    /// Constraint -> stage -> `not_yet` | `kept` | `violated` | `unknown` | `not_applicable`.
    pub constraints: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    pub agent: String,
    /// `agent: rule`, as a person reads it.
    pub rule: String,
    /// `passed` | `failed` | `inconclusive` | `insufficient_data` | `measurement_broken` | `no_baseline`.
    pub verdict: String,
    pub why: String,
    /// The mean of task means, or of differences by task, new - baseline; absent where there is nothing to estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    /// One-sided bounds of the estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The line that is held: `at_least`, or minus `no_worse_by`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Tasks that counted; for a rule on what may not happen, new occurrences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
}

/// One look of a gate at one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LookResult {
    pub agent: String,
    /// From 1, and of how many that were planned.
    pub look: u32,
    pub of: u32,
    /// Trials per task at this look.
    pub trials: u32,
    /// As of a rule.
    pub verdict: String,
    /// Trials of later looks that were not needed; absent where this look did not decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<u64>,
}

impl LookResult {
    /// `passed at look 1 of 3 (2 trials per task); 48 trials of later looks were not needed`
    pub fn sentence(&self) -> String {
        let LookResult { look, of, trials, .. } = self;
        let verdict = self.verdict.replace('_', " ");
        let per_task = if *trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        let saved = match self.saved {
            Some(0) => String::new(),
            Some(saved) => format!("; {saved} trials of later looks were not needed"),
            None if look < of => "; went on to the next".to_owned(),
            None => String::new(),
        };
        format!("{verdict} at look {look} of {of} ({per_task} per task){saved}")
    }
}

/// A task that passed when the baseline was accepted, in at least half of its trials, and does not now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewlyFailing {
    pub agent: String,
    pub task: String,
    pub baseline: Share,
    pub new: Share,
    /// The first trial that failed.
    pub trial: String,
}

impl NewlyFailing {
    /// `count@anna: 2 of 2 trials passed in the baseline, 0 of 2 now (count@anna/lister/1)`
    pub fn sentence(&self) -> String {
        let NewlyFailing { task, baseline, new, trial, .. } = self;
        format!(
            "{task}: {} of {} trials passed in the baseline, {} of {} now ({trial})",
            baseline.passed, baseline.decided, new.passed, new.decided
        )
    }
}

/// Of the trials in which passing was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub passed: u32,
    pub decided: u32,
}

impl GateResult {
    pub fn failed(&self) -> bool {
        matches!(self.verdict.as_str(), "failed" | "measurement_broken")
    }

    /// Neither held nor broken.
    pub fn open(&self) -> bool {
        !self.failed() && self.verdict != "passed"
    }
}
