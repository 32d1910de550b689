//! What evalrun and a supervisor say to each other over their socket.
//!
//! evalrun sends one request (its length, then JSON) and later single bytes; the supervisor answers in JSON lines: `started` or
//! `failed`, then `ended`. The request does not go through the command line, which every user of the machine can read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// End everything now.
pub(super) const KILL: u8 = b'k';
/// Ask the program's process group to end by itself (SIGTERM).
pub(super) const TERMINATE: u8 = b't';
/// What ctrl-C would send to the program's process group (SIGINT).
pub(super) const INTERRUPT: u8 = b'i';

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// In a sandbox a death by signal n is seen as code 128 + n.
    Code(i32),
    Signal(i32),
    TimedOut,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    /// The sandbox and its arguments; empty without one.
    pub jail: Vec<String>,
    pub argv: Vec<String>,
    pub cwd: PathBuf,
    pub env: BTreeMap<String, String>,
    pub timeout_ms: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    Started { pid: i32 },
    Failed { why: String },
    Ended { exit: Exit, entered: bool, left: u32 },
}
