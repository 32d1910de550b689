//! What a folder held at one moment: every path with its kind, mode, hash and size. A manifest is data that later steps compare;
//! it says nothing about times, so that the same folder gives the same manifest anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::process::redact::Redactor;

/// The state of a workspace. Paths are relative, with `/`, written as `names::written` writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub entries: BTreeMap<String, Entry>,
    /// Paths that were there and are in no snapshot because `ignore` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// What a reader has to know: files too large to keep, things that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One path of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    File {
        mode: u32,
        size: u64,
        /// Of the file as it was; absent if it could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
        /// The content in the store that stands for it; absent if none was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<String>,
    },
    Link {
        target: String,
    },
    Dir {
        mode: u32,
    },
}

impl Manifest {
    pub const VERSION: u32 = 1;

    pub fn empty() -> Manifest {
        Manifest { version: Self::VERSION, entries: BTreeMap::new(), ignored: Vec::new(), notes: Vec::new() }
    }

    /// What the workspace held, as one hash: the same whatever was redacted, kept or noted.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"evalrun/manifest/1");
        for (path, entry) in &self.entries {
            let (kind, mode, body) = match entry {
                Entry::File { mode, hash, .. } => ("file", *mode, hash.as_deref().unwrap_or_default()),
                Entry::Link { target } => ("link", 0, target.as_str()),
                Entry::Dir { mode } => ("dir", *mode, ""),
            };
            for part in [path.as_bytes(), kind.as_bytes(), &mode.to_le_bytes(), body.as_bytes()] {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// As it is written beside a trial: names and targets may hold secrets too.
    pub fn to_json(&self, redactor: &Redactor) -> Result<String, serde_json::Error> {
        Ok(redactor.redact(&serde_json::to_string(self)?).into_owned())
    }

    /// The files with their hashes, in the order of paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.entries.iter().filter_map(|(path, entry)| match entry {
            Entry::File { hash, .. } => Some((path.as_str(), hash.as_deref())),
            Entry::Link { .. } | Entry::Dir { .. } => None,
        })
    }
}

impl Entry {
    /// Whether two entries stand for the same thing, whatever their modes.
    pub fn same_content(&self, other: &Entry) -> bool {
        match (self, other) {
            (Entry::File { hash: Some(left), .. }, Entry::File { hash: Some(right), .. }) => left == right,
            (Entry::Link { target: left }, Entry::Link { target: right }) => left == right,
            (Entry::Dir { .. }, Entry::Dir { .. }) => true,
            (Entry::File { .. } | Entry::Link { .. } | Entry::Dir { .. }, _) => false,
        }
    }

    /// The permission bits; a link has none of its own.
    pub fn mode(&self) -> Option<u32> {
        match self {
            Entry::File { mode, .. } | Entry::Dir { mode } => Some(*mode),
            Entry::Link { .. } => None,
        }
    }

    pub fn is_dir(&self) -> bool {
        matches!(self, Entry::Dir { .. })
    }
}
