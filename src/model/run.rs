//! Work, and the traits between who hands it out, who does it and who keeps the result.

use super::{
    act::Act,
    fault::Fault,
    id::TrialKey,
    results::{InterviewResult, StageResult, ViolationResult},
    score::Score,
    suite::AgentSpec,
    task::Task,
    trace::{End, Usage},
};
use serde::{Deserialize, Serialize};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything needed to run one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialSpec {
    pub key: TrialKey,
    pub task: Arc<Task>,
    pub agent: Arc<AgentSpec>,
    pub seed: u64,
}

/// What is planned but will not be run, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotRun {
    pub task: String,
    pub agent: String,
    pub why: String,
}

/// `trial.json`: written once, never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialEnd {
    pub version: u32,
    pub key: TrialKey,
    pub attempt: u32,
    pub end: End,
    pub usage: Usage,
    pub started: String,
    pub finished: String,
    pub wall_ms: u64,
    pub task_hash: String,
    pub trace_hash: String,
    /// The version that the agent itself reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `bwrap`, `none`.
    pub sandbox: String,
    /// Things a reader must know: hidden files were readable, a file was too large to keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

/// Hash of graders, judges and prompts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GradingId(pub String);

/// `grades/<grading id>/scores.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grades {
    pub version: u32,
    pub scores: Vec<Score>,
    /// Metric id -> number | {undefined: why} | {unknown: why}.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// What was done against a guardrail of the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ViolationResult>,
    /// Whether the last due stage was reached and every check in force there holds; `None` where no check was due.
    pub passed: Option<bool>,
    pub stages: Vec<StageResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interview: Option<InterviewResult>,
    /// The first acts (at most `consistency::ACTS`), in order, for comparing trials; `None`: graded before they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts: Option<Vec<Act>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    First,
    AlreadyDone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Yes,
    Lost,
    Cancelled,
}

/// Grading is leased work of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Trial(Arc<TrialSpec>),
    Grade(Arc<TrialSpec>, GradingId),
}

pub trait Dispatcher: Send + Sync {
    /// Takes work; work already known is not taken twice. Says how much was new.
    fn submit<'a>(&'a self, work: Vec<Work>) -> Boxed<'a, Result<u64, Fault>>;
    /// At most `free` leases; waits while work is leased to others but may come back; empty when all is done.
    fn next<'a>(&'a self, pools: &'a [String], free: usize) -> Boxed<'a, Result<Vec<Box<dyn Lease>>, Fault>>;
}

pub trait Lease: Send {
    fn work(&self) -> &Work;
    /// Says that the work is alive.
    fn beat(&mut self) -> Boxed<'_, Held>;
    fn done(self: Box<Self>) -> Boxed<'static, Result<(), Fault>>;
    /// Gives the work back; it may be leased again after `after`.
    fn retry(self: Box<Self>, after: Duration) -> Boxed<'static, Result<(), Fault>>;
}

pub trait Results: Send + Sync {
    /// Writes the attempt's record before the attempt starts.
    fn begin<'a>(&'a self, trial: &'a TrialSpec) -> Boxed<'a, Result<Attempt, Fault>>;
    /// A trial is done iff this has said `First` once; the first wins.
    fn commit<'a>(
        &'a self,
        trial: &'a TrialSpec,
        attempt: Attempt,
        end: &'a TrialEnd,
    ) -> Boxed<'a, Result<Commit, Fault>>;
    fn commit_grades<'a>(
        &'a self,
        trial: &'a TrialSpec,
        id: &'a GradingId,
        grades: &'a Grades,
    ) -> Boxed<'a, Result<Commit, Fault>>;
    fn ended<'a>(&'a self, trial: &'a TrialSpec) -> Boxed<'a, Result<Option<TrialEnd>, Fault>>;
}
