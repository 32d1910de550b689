//! A task as it is after loading: every path absolute, every text read, every default filled in. Self-contained and serialisable,
//! so that a trial can be run from it alone.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// One job interview with its workspace, checks and rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `bugfix`, or `bugfix@ticket` for a row.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TaskKind>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Programs without which the task is not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Acts (test, lint, build) that metric `check_kinds_run` expects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check_kinds: Vec<String>,
    /// Trials per agent.
    pub trials: u32,
    /// The row's cluster, where the suite names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    pub workspace: Workspace,
    pub interview: Interview,
    /// In file order.
    #[serde(default)]
    pub checks: Vec<Check>,
    #[serde(default, skip_serializing_if = "Gold::is_empty")]
    pub gold: Gold,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    pub limits: Limits,
    pub permissions: Permissions,
    /// Resolved task + workspace bytes + hidden + setup; not `about`, tags or comments. Filled by `suite::load`.
    #[serde(default)]
    pub hash: String,
}

impl Task {
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    pub fn stage_index(&self, id: &str) -> Option<usize> {
        self.interview.stages.iter().position(|stage| stage.id == id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    Bugfix,
    Feature,
    Chore,
    Question,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    pub source: Source,
    /// Once per content hash, then copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<Setup>,
    /// In every trial, before the agent starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each_trial: Vec<Setup>,
    /// Globs left out of snapshots and diffs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub network: Network,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Empty,
    Copy { path: PathBuf },
    Git { url: String, rev: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    pub run: Command,
    pub timeout_ms: u64,
}

/// A string runs in a shell; a list runs as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Shell(String),
    Argv(Vec<String>),
}

impl Command {
    /// As a person would read it.
    pub fn words(&self) -> String {
        match self {
            Command::Shell(line) => line.clone(),
            Command::Argv(words) => words.join(" "),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    #[default]
    Open,
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interview {
    pub stages: Vec<Stage>,
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// Answers per stage before `lines.enough` is said.
    pub replies: u32,
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// Also run once fully specified.
    #[serde(default)]
    pub twin: bool,
    pub language: String,
    pub lines: Lines,
    /// Matches a question that no pattern matched; `None`: `lines.otherwise` is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// `counts_as: correction`.
    #[serde(default)]
    pub correction: bool,
    pub say: Say,
    /// Names of checks; empty inherits the last stage's when a trial's pass is decided.
    #[serde(default)]
    pub expect: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Check { name: String, passed: bool },
    Constraint { id: String, kept: bool },
    Told { fact: String },
    Asked { fact: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    Text(String),
    IfTold { fact: String, then: String, otherwise: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    pub id: String,
    /// Patterns (case-insensitive) of a question that asks for this fact.
    pub ask: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    #[serde(default)]
    pub about: String,
    pub weight: f64,
    /// Paths in the workspace that answer it: asking costs precision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discoverable: Vec<String>,
    /// The check that looks at this fact's answer: it shows what an agent that never asked settled silently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Answers that the user might as well have given: how many bits a question for it is worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// In file order; the last one whose `from` stage has been entered is in force.
    pub say: Vec<Wording>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// Stage from which this wording holds; `None`: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub id: String,
    /// Stage from which it is in force.
    pub from: String,
    pub spoken: Spoken,
    pub text: String,
    /// The check that decides whether it is kept.
    pub check: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// Its text is said with its stage.
    WithStage,
    /// Told when a question matches its words; in force from its stage all the same.
    WhenAsked,
    /// The stage's own text already says it.
    InSay,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    pub otherwise: String,
    pub go_ahead: String,
    pub offer: String,
    pub enough: String,
    pub remind: String,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines {
            otherwise: "I have no opinion on that; decide, and tell me what you decided.".to_owned(),
            go_ahead: "Yes, go ahead.".to_owned(),
            offer: "No, thanks.".to_owned(),
            enough: "No more answers for now; please get on with it.".to_owned(),
            remind: "Please carry on.".to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub what: CheckWhat,
    /// Folder laid over the copy of the workspace; the agent never sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<PathBuf>,
    pub timeout_ms: u64,
    #[serde(default)]
    pub keep_green: bool,
    /// Superseded from this stage on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    pub weight: f64,
    /// A scoring check holds at this value.
    pub pass_at: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckWhat {
    Run {
        run: Command,
        score: Option<ScoreAt>,
    },
    /// Per-test results are read from the JUnit file that `$REPORT` names.
    Tests {
        run: Command,
    },
    Unchanged {
        globs: Vec<String>,
    },
    SameContent {
        globs: Vec<String>,
    },
}

/// Where a check's score stands: a JSON file in the workspace, a JSON pointer in it, and the values that mean 1 and 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreAt {
    pub json: String,
    pub at: String,
    pub best: f64,
    pub worst: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gold {
    #[serde(default)]
    pub read: Vec<String>,
    #[serde(default)]
    pub edit: Vec<String>,
}

impl Gold {
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.edit.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrail {
    pub id: String,
    pub severity: Severity,
    /// Globs over command lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// The same lists hold, but only where the agent did not ask first.
    #[serde(default)]
    pub ask_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Low,
    Medium,
    High,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

/// The agent's own limits in one trial. Times in ms, cost in micro-USD, output in bytes; `None`: no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub turns: Option<u32>,
    pub start_ms: u64,
    pub turn_ms: Option<u64>,
    pub idle_ms: Option<u64>,
    pub wall_ms: Option<u64>,
    pub tool_calls: Option<u64>,
    pub tokens: Option<u64>,
    pub output_bytes: u64,
    pub cost: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            turns: Some(20),
            start_ms: 60_000,
            turn_ms: Some(600_000),
            idle_ms: Some(300_000),
            wall_ms: Some(1_800_000),
            tool_calls: None,
            tokens: None,
            output_bytes: 16 << 20,
            cost: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    #[default]
    Allow,
    Deny,
    Script,
}
