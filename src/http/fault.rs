//! What can go wrong in an exchange, told apart as far as a caller acts on it.

use std::time::Duration;

/// Why there is no reply. Never holds what was sent, so that no key is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// The address is none, or not one that this build can speak to.
    #[error("{0}")]
    Url(String),
    /// The request itself cannot be written: a header with a line end in it.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// Nobody listens there, or the name is not known.
    #[error("cannot connect to {at}: {why}")]
    Connect { at: String, why: String },
    #[error("no whole reply from {at} within {} s", .after.as_secs_f64())]
    Timeout { at: String, after: Duration },
    /// The connection ended before the reply did.
    #[error("{at} closed the connection before the reply was whole: {why}")]
    Closed { at: String, why: String },
    #[error("the reply of {at} is larger than {most} bytes")]
    TooLarge { at: String, most: u64 },
    /// What came is no HTTP/1.1, or not unmistakably so.
    #[error("the reply of {at} is no proper HTTP: {why}")]
    Malformed { at: String, why: String },
}

impl HttpFault {
    /// A short id of the kind: `url`, `request`, `connect`, `timeout`, `closed`, `too_large`, `malformed`.
    pub fn kind(&self) -> &'static str {
        match self {
            HttpFault::Url(_) => "url",
            HttpFault::Request(_) => "request",
            HttpFault::Connect { .. } => "connect",
            HttpFault::Timeout { .. } => "timeout",
            HttpFault::Closed { .. } => "closed",
            HttpFault::TooLarge { .. } => "too_large",
            HttpFault::Malformed { .. } => "malformed",
        }
    }

    /// Whether the same request may succeed later: the line or the server failed, not what was asked.
    pub fn is_passing(&self) -> bool {
        match self {
            HttpFault::Connect { .. } | HttpFault::Timeout { .. } | HttpFault::Closed { .. } => true,
            HttpFault::Url(_) | HttpFault::Request(_) | HttpFault::TooLarge { .. } | HttpFault::Malformed { .. } => {
                false
            }
        }
    }
}

/// A message that cannot be read, before it is known whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad(pub String);

impl Bad {
    pub fn new(why: impl Into<String>) -> Bad {
        Bad(why.into())
    }
}
