//! The APIs that model requests come by: one file each, pure, with one line in `DIALECTS`.

mod chat;
mod gemini;
mod messages;
mod responses;

use super::turn::{Reply, Turn};
use serde_json::Value;

/// Every API that is spoken.
pub static DIALECTS: &[&Dialect] = &[&responses::DIALECT, &chat::DIALECT, &messages::DIALECT, &gemini::DIALECT];

/// A provider's API.
pub struct Dialect {
    pub name: &'static str,
    /// What a POST to this path asks for, if it is one of this API's.
    pub asks: fn(&str) -> Option<Asks>,
    /// Reads a request; says what is wrong with it.
    pub read: fn(&str, &Value) -> Result<Turn, String>,
    /// A reply in one piece.
    pub whole: fn(&Turn, &Reply) -> Value,
    /// A reply as server-sent events, each whole, in the provider's order.
    pub events: fn(&Turn, &Reply) -> Vec<String>,
    /// The answer to a request that only counts tokens.
    pub counted: fn(u64) -> Value,
    /// An error as this provider words it.
    pub refused: fn(u16, &str) -> Value,
    /// Beginning of the ids of calls.
    pub call_prefix: &'static str,
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Reply,
    Count,
}

/// The API and what is asked, by the path of a POST. Base URLs with and without `/v1` are understood.
pub fn dialect(path: &str) -> Option<(&'static Dialect, Asks)> {
    DIALECTS.iter().find_map(|dialect| (dialect.asks)(path).map(|asks| (*dialect, asks)))
}

/// The pieces that a text is streamed in: about ten, cut between words.
fn pieces(text: &str) -> Vec<&str> {
    let most = (text.len() / 10).max(12);
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > most {
        let from = (0..=most).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
        let Some(space) = rest[from..].find(char::is_whitespace) else { break };
        let (piece, after) = rest.split_at(from + space);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// An event with a name.
fn named(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// An event without one.
fn bare(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// The time that replies say they were made at: always the same, so that the same request gets the same bytes.
pub const CREATED: u64 = 1_767_225_600;

/// The answer to a path that is nobody's.
pub fn unknown(path: &str) -> Value {
    let shown: String = path.chars().take(80).collect();
    let known = "/v1/responses, /v1/chat/completions, /v1/messages, /v1beta/models/X:streamGenerateContent, /v1/models";
    chat::refused(404, &format!("{shown} is not served by the scripted model; it serves {known}"))
}
