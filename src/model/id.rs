//! Names of things. Ids are for people; content hashes stand beside them, never in them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `[a-z0-9][a-z0-9._-]{0,63}`: what people may write as an id. evalrun itself joins ids with `@` (row) and `~` (twin).
pub fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let first = bytes.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let rest = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    first && bytes.len() <= 64 && bytes.iter().all(rest)
}

/// One trial: which task, whether its fully specified twin, which agent, and the how-manieth (1-based).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrialKey {
    pub task: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub twin: bool,
    pub agent: String,
    pub n: u32,
}

impl TrialKey {
    /// `bugfix@t1~twin`: the task's part of the key, as folders and reports name it.
    pub fn task_word(&self) -> String {
        if self.twin { format!("{}~twin", self.task) } else { self.task.clone() }
    }

    /// A deterministic seed for one purpose: blake3 of run seed, key and purpose. Never a global generator.
    pub fn seed(&self, run_seed: u64, purpose: &str) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"evalrun/seed/1\0");
        hasher.update(&run_seed.to_le_bytes());
        hasher.update(self.to_string().as_bytes());
        hasher.update(b"\0");
        hasher.update(purpose.as_bytes());
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }
}

impl fmt::Display for TrialKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}", self.task_word(), self.agent, self.n)
    }
}

/// Dense, given at seal, never changed after: scores cite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u32);

impl fmt::Display for EventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "e{}", self.0)
    }
}
