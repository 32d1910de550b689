//! A suite as it is after loading.

use super::{
    judge_spec::JudgeSpec,
    task::{Permissions, Severity, Task},
};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Requests at once by provider; adaptive where nothing is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub permits: BTreeMap<String, Permits>,
    /// Agents to run when none is named.
    pub run: Vec<String>,
    pub graders: Vec<GraderSpec>,
    pub acts: ActsSpec,
    /// In file order.
    pub agents: Vec<AgentSpec>,
    /// In file order; the first is used unless another is named.
    #[serde(default, deserialize_with = "judges_of_any_version")]
    pub judges: Vec<JudgeSpec>,
    pub tasks: Vec<Task>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

/// Requests at once to one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permits {
    Fixed(u32),
    /// Starts low, doubles while nothing is refused, backs off where something is.
    Adaptive,
}

/// Runs of before there were judges kept them as written, or `null`: they asked none.
fn judges_of_any_version<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<JudgeSpec>, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_array() { serde_json::from_value(value).map_err(serde::de::Error::custom) } else { Ok(Vec::new()) }
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

/// What a run must reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Path of the baseline; `{{ agent }}` stands for the agent's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<PathBuf>,
    pub rules: Vec<GateRule>,
    #[serde(default)]
    pub floors: Floors,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks: Option<Looks>,
    /// One-sided error of all score rules together, in (0, 0.5); `None`: 0.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// What an inconclusive gate means; `None`: exit 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<Inconclusive>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateRule {
    /// A dimension, or `dimension.criterion`; bounds from 0 to 1. `strict`: any proven drop against the baseline fails, also one within the margin.
    Score {
        of: String,
        at_least: Option<f64>,
        no_worse_by: Option<f64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
    },
    /// Violations of this severity or above: as many as may be new.
    Guardrails { severity: Severity, new: u32 },
}

impl GateRule {
    /// "outcome no worse by 0.05": the rule for people.
    pub fn words(&self) -> String {
        match self {
            GateRule::Score { of, at_least, no_worse_by, strict } => {
                let least = at_least.map(|least| format!("at least {least}"));
                let strictly = if *strict { ", strictly" } else { "" };
                let worse = no_worse_by.map(|worse| format!("no worse by {worse}{strictly}"));
                let bounds: Vec<String> = least.into_iter().chain(worse).collect();
                format!("{of} {}", bounds.join(" and "))
            }
            GateRule::Guardrails { severity, new } => {
                format!("at most {new} new guardrail violations, {}", severity.word())
            }
        }
    }
}

/// Shares from 0 to 1 under which the measurement itself failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    pub valid_trials: Option<f64>,
    pub coverage: Option<f64>,
}

/// Trials per task at the first look and at the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    pub start: u32,
    pub most: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    Pass,
    Warn,
    Fail,
}
