//! What an event says, by kind.

use super::{super::agent::TurnEnd, super::id::EventId, super::interview::Decision, Text};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

macro_rules! bodies {
    ($($variant:ident($type:ty) = $word:literal),* $(,)?) => {
        /// The body of an event. Kinds of later versions are `Unknown`, kept verbatim.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body { $($variant($type)),* }

        impl Body {
            /// Every kind's word, in the order of the table in the trace's documentation.
            pub const KINDS: &'static [&'static str] = &[$($word),*];

            pub fn kind(&self) -> &'static str {
                match self { $(Body::$variant(_) => $word),* }
            }

            pub(super) fn to_raw(&self) -> Result<(&'static str, Box<RawValue>), serde_json::Error> {
                match self { $(Body::$variant(body) => Ok(($word, serde_json::value::to_raw_value(body)?))),* }
            }

            /// Reads a body of a kind that this version knows; `None`: it does not.
            pub(super) fn known<'de, D: Deserializer<'de>>(kind: &str, from: D) -> Option<Result<Body, D::Error>> {
                match kind {
                    $($word => Some(<$type>::deserialize(from).map(Body::$variant)),)*
                    _ => None,
                }
            }

            /// Reads a body of a kind; what this version cannot read is `Unknown`.
            pub fn from_raw(kind: &str, raw: &RawValue) -> Body {
                match kind {
                    $($word => read(kind, raw, Body::$variant),)*
                    _ => unknown(kind, raw),
                }
            }
        }
    };
}

bodies! {
    UserMessage(UserMessage) = "user_message",
    AgentMessage(AgentMessage) = "agent_message",
    Reasoning(Reasoning) = "reasoning",
    Plan(Plan) = "plan",
    ToolCall(ToolCall) = "tool_call",
    ToolResult(ToolResult) = "tool_result",
    FileChange(FileChange) = "file_change",
    Question(Question) = "question",
    Permission(Permission) = "permission",
    Interviewer(Decision) = "interviewer",
    Stage(StageMark) = "stage",
    Snapshot(SnapshotMark) = "snapshot",
    Check(CheckMark) = "check",
    Compaction(Compaction) = "compaction",
    SubAgent(SubAgent) = "sub_agent",
    Usage(Usage) = "usage",
    TurnEnd(TurnEnd) = "turn_end",
    Limit(LimitMark) = "limit",
    Error(ErrorMark) = "error",
    End(End) = "end",
    Unknown(Unknown) = "unknown",
}

fn read<T: DeserializeOwned>(kind: &str, raw: &RawValue, wrap: fn(T) -> Body) -> Body {
    match serde_json::from_str(raw.get()) {
        Ok(body) => wrap(body),
        Err(_) => unknown(kind, raw),
    }
}

fn unknown(kind: &str, raw: &RawValue) -> Body {
    Body::Unknown(Unknown { kind: kind.to_owned(), raw: raw.get().into() })
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserMessage {
    pub text: Text,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub images: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentMessage {
    pub text: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Commentary,
    Final,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reasoning {
    pub text: Text,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<PlanStep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStep {
    pub text: String,
    pub status: StepStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Pending,
    InProgress,
    Completed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// As the agent knows it: `rg` and `grep` stay apart.
    pub name: String,
    /// What it is called here, where the source's name differs from the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// As the source has it. Strings over 64 KiB in it are cut, and the cut says so.
    pub input: Value,
    /// Calls of one model response carry the same number: a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call it answers; `None` where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<EventId>,
    pub status: ResultStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    pub output: Text,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    Ok,
    Failed,
    Denied,
    Cancelled,
    /// The source does not say.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: String,
    pub change: Change,
    /// Unified diff where the source gives one.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub diff: Text,
    /// The call that made it, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<EventId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Modified,
    Deleted,
    Renamed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub text: Text,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// What was answered, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    pub asked: String,
    pub granted: bool,
    /// `policy`, `script`, `user`.
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageMark {
    pub id: String,
    pub state: StageState,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    Entered,
    Ended,
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotMark {
    /// `start`, or the stage that ended.
    pub name: String,
    /// Hash of the manifest.
    pub manifest: String,
    /// Changes since the snapshot before, path by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PathChange>,
}

/// One path of a derived diff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathChange {
    pub path: String,
    pub change: Change,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    #[serde(default)]
    pub added: u32,
    #[serde(default)]
    pub removed: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckMark {
    pub name: String,
    /// `before`, or the stage at whose end it ran.
    pub when: String,
    pub status: CheckStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Why it failed or broke, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tests: BTreeMap<String, CheckStatus>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub output: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Passed,
    Failed,
    Skipped,
    Broken,
    Timeout,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compaction {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub summary: Text,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubAgent {
    pub id: String,
    pub state: SubAgentState,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub brief: Text,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub result: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubAgentState {
    Started,
    Ended,
}

/// Tokens of one model response or one turn; never cumulative: drivers and importers take differences. Where both stand in a turn,
/// the turn's own tokens are those that no response told, and its cost is that of all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub scope: UsageScope,
    /// All input tokens, cached ones included.
    pub input: u64,
    #[serde(default)]
    pub cached: u64,
    pub output: u64,
    /// Part of `output` where the source says.
    #[serde(default)]
    pub reasoning: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

impl Usage {
    /// Adds one response's or turn's usage. Numbers come from agents: a sum that is too large stays at the largest number.
    pub fn add(&mut self, more: &Usage) {
        self.input = self.input.saturating_add(more.input);
        self.cached = self.cached.saturating_add(more.cached);
        self.output = self.output.saturating_add(more.output);
        self.reasoning = self.reasoning.saturating_add(more.reasoning);
        if let Some(cost) = more.micro_usd {
            self.micro_usd = Some(self.micro_usd.unwrap_or(0).saturating_add(cost));
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageScope {
    #[default]
    Response,
    Turn,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitMark {
    /// `turns`, `turn`, `idle`, `wall`, `tool_calls`, `tokens`, `output`, `cost`.
    pub limit: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorMark {
    pub message: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<super::super::fault::Fault>,
}

/// How a trial or session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub kind: EndKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// The script's last stage was reached.
    Done,
    /// The agent's own limit: unreached stages are not met.
    Limit,
    /// The agent left: unreached stages are not met.
    AgentGone,
    /// We stopped it: unreached stages are not run.
    Cancelled,
    /// Our fault or a dead provider: not a result.
    Broken,
    /// A recorded session simply ends.
    Recorded,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unknown {
    pub kind: String,
    /// The record as it stood, as JSON text.
    pub raw: Text,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Body {
    /// The body with every string in it (keys of foreign objects too) replaced by what `change` makes of it; `None` keeps a string.
    ///
    /// # Errors
    /// Never for the bodies of this version; serde_json's type asks for it.
    pub fn with_strings(self, change: &dyn Fn(&str) -> Option<String>) -> Result<Body, serde_json::Error> {
        let (kind, raw) = self.to_raw()?;
        let mut value: Value = serde_json::from_str(raw.get())?;
        change_strings(&mut value, change);
        Ok(Body::from_raw(kind, &serde_json::value::to_raw_value(&value)?))
    }

    /// The texts that may be long, for whoever moves them into blobs.
    pub fn texts_mut(&mut self) -> Vec<&mut Text> {
        match self {
            Body::UserMessage(body) => vec![&mut body.text],
            Body::AgentMessage(body) => vec![&mut body.text],
            Body::Reasoning(body) => vec![&mut body.text],
            Body::ToolResult(body) => vec![&mut body.output],
            Body::FileChange(body) => vec![&mut body.diff],
            Body::Question(body) => std::iter::once(&mut body.text).chain(body.answer.as_mut()).collect(),
            Body::Check(body) => vec![&mut body.output],
            Body::Compaction(body) => vec![&mut body.summary],
            Body::SubAgent(body) => vec![&mut body.brief, &mut body.result],
            Body::Error(body) => vec![&mut body.message],
            Body::Unknown(body) => vec![&mut body.raw],
            Body::Plan(_)
            | Body::ToolCall(_)
            | Body::Permission(_)
            | Body::Interviewer(_)
            | Body::Stage(_)
            | Body::Snapshot(_)
            | Body::Usage(_)
            | Body::TurnEnd(_)
            | Body::Limit(_)
            | Body::End(_) => Vec::new(),
        }
    }
}

/// Changes every string of a JSON value, keys included.
pub fn change_strings(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = change(text) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change_strings(item, change)),
        Value::Object(map) => {
            if map.keys().any(|key| change(key).is_some()) {
                let old = std::mem::take(map);
                map.extend(old.into_iter().map(|(key, value)| (change(&key).unwrap_or(key), value)));
            }
            map.values_mut().for_each(|item| change_strings(item, change));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
