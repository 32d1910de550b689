//! A suite as it is after loading.

use super::task::{Permissions, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The file it came from.
    pub file: PathBuf,
    pub budget: Budget,
    pub seed: u64,
    pub sandbox: SandboxChoice,
    pub permissions: Permissions,
    /// Trials at once.
    pub concurrency: u32,
    /// Agents to run when none is named.
    pub run: Vec<String>,
    pub graders: Vec<GraderSpec>,
    pub acts: ActsSpec,
    /// In file order.
    pub agents: Vec<AgentSpec>,
    /// Judges as written, for the version that has them.
    #[serde(default)]
    pub judges: Value,
    pub tasks: Vec<Task>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// Whole-run budget: running trials finish, nothing new starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// micro-USD.
    pub cost: Option<u64>,
    pub wall_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxChoice {
    #[default]
    Auto,
    Bwrap,
    Docker,
    None,
}

/// A grader by name, or a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraderSpec {
    /// A shipped criteria file (`outcome`) or the path of one.
    Criteria {
        name: String,
        path: Option<PathBuf>,
    },
    Program {
        name: String,
        argv: Vec<String>,
    },
}

impl GraderSpec {
    pub fn name(&self) -> &str {
        match self {
            GraderSpec::Criteria { name, .. } | GraderSpec::Program { name, .. } => name,
        }
    }
}

/// What a project's own commands and tools do, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActsSpec {
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
    #[serde(default)]
    pub tools: BTreeMap<String, ToolSpec>,
}

/// What a tool does, and the fields of its input that say on what; usual names where none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub act: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pattern: Vec<String>,
    /// The tool is a shell, and this field holds its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// An agent as the suite defines it; `like` is already resolved. What only its driver understands stays in `rest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentSpec {
    pub name: String,
    pub driver: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Names of environment variables whose values the agent gets and nothing else may show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// The driver's own fields, paths already absolute.
    #[serde(default)]
    pub rest: Value,
}

/// Decoded and checked; evaluated by the issue on numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub as_written: Value,
    /// One line per rule, for the report.
    pub rules: Vec<String>,
}
