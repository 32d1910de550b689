//! The log of requests: one line of JSON for each, with what was answered. No header is in it that may hold a key, and no body: the
//! conversation is told by counts and its last words.

use super::turn::{Heard, Input, Reply, Turn};
use crate::http::Asked;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use tokio::{io::AsyncWriteExt, sync::Mutex};

/// Takes what must not be read out of a text.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Headers that say which client asks, and how.
const SHOWN: &[&str] = &["user-agent", "content-type", "accept", "anthropic-version", "anthropic-beta", "originator"];

/// Texts are cut behind so many characters.
const LONGEST: usize = 400;

/// Where the lines go.
#[derive(Clone)]
pub struct Log {
    file: Option<Arc<Mutex<tokio::fs::File>>>,
    redact: Redact,
}

impl Log {
    /// Appends to a file, which is made where there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn to(path: &Path, redact: Redact) -> Result<Log, std::io::Error> {
        let file = tokio::fs::OpenOptions::new().create(true).append(true).open(path).await?;
        Ok(Log { file: Some(Arc::new(Mutex::new(file))), redact })
    }

    pub fn none() -> Log {
        Log { file: None, redact: Arc::new(str::to_owned) }
    }

    /// Writes a line; a log that cannot be written any more stops nothing.
    pub async fn write(&self, entry: &Value) {
        let Some(file) = &self.file else { return };
        let line = (self.redact)(&format!("{entry}\n"));
        let mut file = file.lock().await;
        // One write for a line; then it is in the file before the reply is out.
        if file.write_all(line.as_bytes()).await.is_ok() {
            let _ = file.flush().await;
        }
    }
}

/// What is said of every request.
pub fn asked(number: u64, asked: &Asked) -> Value {
    let shown = asked.headers.0.iter().filter(|(name, _)| SHOWN.iter().any(|shown| name.eq_ignore_ascii_case(shown)));
    let headers: serde_json::Map<String, Value> =
        shown.map(|(name, value)| (name.to_ascii_lowercase(), json!(cut(value)))).collect();
    json!({
        "n": number,
        "method": asked.method,
        "path": cut(&asked.path),
        // `?key=..` is a key.
        "query": asked.query.split('&').filter(|pair| !pair.to_ascii_lowercase().contains("key")).collect::<Vec<_>>().join("&"),
        "headers": headers,
        "bytes": asked.body.len(),
    })
}

pub fn turn(turn: &Turn) -> Value {
    let user = turn.heard.iter().rev().find_map(|heard| match heard {
        Heard::User(blocks) => blocks.last(),
        Heard::Model(_) | Heard::Result(_) => None,
    });
    json!({
        "model": turn.model,
        "stream": turn.stream,
        "tools": turn.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
        "items": turn.heard.len(),
        "user": user.map(|text| cut(text)),
    })
}

pub fn reply(reply: &Reply) -> Value {
    let input = |input: &Input| match input {
        Input::Arguments(value) => value.clone(),
        Input::Text(text) => json!(text),
    };
    let calls = reply.calls.iter().map(|call| json!({"name": call.name, "input": input(&call.input)}));
    json!({
        "id": reply.id,
        "think": cut(&reply.think),
        "text": cut(&reply.text),
        "calls": calls.collect::<Vec<_>>(),
        "usage": {
            "input_tokens": reply.usage.input,
            "output_tokens": reply.usage.output,
            "reasoning_tokens": reply.usage.reasoning,
        },
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
