//! What a model request asks and what is answered, whoever's API it comes by.

use serde_json::Value;

/// A request for the model's next response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    pub model: String,
    /// System prompt and the like, joined.
    pub system: String,
    pub tools: Vec<Tool>,
    /// The conversation, oldest first.
    pub heard: Vec<Heard>,
    pub stream: bool,
    /// The shape that the answer must have: a JSON schema, or `true` for any JSON.
    pub shape: Option<Value>,
    /// Of a stream: a last chunk with the usage is wanted (Chat Completions).
    pub usage_wanted: bool,
}

/// A tool that the agent offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Echoed in calls where it is given.
    pub namespace: Option<String>,
    pub name: String,
    pub takes: Takes,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Takes {
    /// Arguments by this JSON schema; `null` where none is given.
    Arguments(Value),
    /// Text as it is.
    Text,
}

/// One item of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The text blocks of one user message.
    User(Vec<String>),
    /// What the model said: one item of it, since a response may come back in several.
    Model(Said),
    Result(Returned),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub text: String,
    pub calls: Vec<Past>,
}

/// A call that was made before.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// As it was given; empty where the API knows no ids.
    pub id: String,
    pub name: String,
    /// Arguments, or the text of a call that takes text.
    pub input: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    pub call: String,
    pub text: String,
}

/// The model's next response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// 12 hexadecimal digits, the same for the same request.
    pub id: String,
    pub think: String,
    pub text: String,
    pub calls: Vec<Called>,
    pub usage: Usage,
}

/// A call of a tool of this request.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    pub namespace: Option<String>,
    pub name: String,
    pub input: Input,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Arguments(Value),
    Text(String),
}

/// Tokens, counted by `tokens`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    /// `reasoning` included.
    pub output: u64,
    pub reasoning: u64,
}

impl Reply {
    /// The id of a call, by its place.
    pub fn call_id(&self, prefix: &str, at: usize) -> String {
        format!("{prefix}{}_{at}", self.id)
    }
}

impl Input {
    /// As JSON text, or the text itself.
    pub fn written(&self) -> String {
        match self {
            Input::Arguments(value) => value.to_string(),
            Input::Text(text) => text.clone(),
        }
    }
}

/// The reply that a call's id belongs to: `call_0123456789ab_2` -> `0123456789ab`; `None` for ids that are not ours.
pub fn reply_of(id: &str) -> Option<&str> {
    let (rest, at) = id.rsplit_once('_')?;
    let hash = rest.rsplit_once('_').map_or(rest, |(_, hash)| hash);
    let ours = hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (ours && !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit())).then_some(hash)
}

/// The estimate that everything is counted by: a token for every 4 bytes begun.
pub fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// The text of JSON content: a text, or the `text` fields of a list of parts, one entry each.
pub fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts.iter().filter_map(part).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => part(content).into_iter().collect(),
    }
}

fn part(part: &Value) -> Option<String> {
    part.as_str().or_else(|| part.get("text")?.as_str()).map(str::to_owned)
}

/// A text field; empty where there is none.
pub fn text_at(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A list field; empty where there is none.
pub fn list_at<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
