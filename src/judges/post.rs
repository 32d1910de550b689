//! One HTTP request, whoever sends it.

use super::Failed;
use crate::model::run::Boxed;
use std::time::Duration;

/// A POST of JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

/// Status, headers (names in lower case) and the whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends.
pub trait Post: Send + Sync {
    /// # Errors
    /// When no reply came: no connection, out of time, too long.
    fn post(&self, message: Message) -> Boxed<'_, Result<Response, Failed>>;

    /// Why a place cannot be reached by this build at all; `None`: it may be.
    fn cannot(&self, url: &str) -> Option<String>;
}
