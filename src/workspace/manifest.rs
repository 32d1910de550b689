//! What a folder held at one moment: every path with its kind, mode, hash and size. A manifest is data that later steps compare;
//! it says nothing about times, so that the same folder gives the same manifest anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
