//! Judges as the suite names them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// A judge: who votes, and who decides when the votes differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeSpec {
    pub name: String,
    pub votes: Vec<VoteSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_breaker: Option<VoteSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
}

/// One seat of a judge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VoteSpec {
    /// The registry's word: `openai`, `anthropic`, `command`, `recorded`, `human`.
    pub provider: String,
    /// The provider's model; of a program, the name it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// The variable that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(default)]
    pub input: JudgeInput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Further fields of its requests.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where recorded replies stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// Which of OpenAI's interfaces a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    Responses,
    Chat,
}

/// What a program reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgeInput {
    #[default]
    Json,
    /// The prompt alone, as one would type it.
    Text,
}

/// Micro-USD for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    pub output: u64,
}

/// Tokens that a judge can read, where nothing is said.
pub const WINDOW: u64 = 128_000;

impl VoteSpec {
    /// As the suite names it: `openai:gpt-5.2`, `command`, `recorded`.
    pub fn by(&self) -> String {
        match &self.model {
            Some(model) => format!("{}:{model}", self.provider),
            None => self.provider.clone(),
        }
    }

    /// Whether asking it sends something to somebody who may charge for it.
    pub fn is_paid(&self) -> bool {
        let own = self.base_url.as_deref().is_some_and(|url| LOCAL.iter().any(|start| url.starts_with(start)));
        matches!(self.provider.as_str(), "openai" | "anthropic") && !own
    }
}

const LOCAL: &[&str] = &["http://127.", "http://localhost", "http://[::1]"];

impl JudgeSpec {
    /// Every seat, in order; the tie breaker last.
    pub fn seats(&self) -> impl Iterator<Item = &VoteSpec> {
        self.votes.iter().chain(&self.tie_breaker)
    }

    /// Tokens of the smallest window.
    pub fn window(&self) -> u64 {
        self.seats().map(|vote| vote.window.unwrap_or(WINDOW)).min().unwrap_or(WINDOW)
    }
}
