//! What a tool call did, whatever the tool was called.

use serde::{Deserialize, Serialize};

/// One kind of deed. The rules of labelling are in `docs/acts.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Search,
    List,
    Read,
    Edit,
    Test,
    Build,
    Lint,
    Run,
    Vcs,
    Net,
    Ask,
    Delegate,
    Plan,
    Meta,
    Other,
}

impl Act {
    pub const ALL: [Act; 15] = [
        Act::Search,
        Act::List,
        Act::Read,
        Act::Edit,
        Act::Test,
        Act::Build,
        Act::Lint,
        Act::Run,
        Act::Vcs,
        Act::Net,
        Act::Ask,
        Act::Delegate,
        Act::Plan,
        Act::Meta,
        Act::Other,
    ];

    /// The word used in YAML, JSON and reports.
    pub fn word(self) -> &'static str {
        match self {
            Act::Search => "search",
            Act::List => "list",
            Act::Read => "read",
            Act::Edit => "edit",
            Act::Test => "test",
            Act::Build => "build",
            Act::Lint => "lint",
            Act::Run => "run",
            Act::Vcs => "vcs",
            Act::Net => "net",
            Act::Ask => "ask",
            Act::Delegate => "delegate",
            Act::Plan => "plan",
            Act::Meta => "meta",
            Act::Other => "other",
        }
    }

    pub fn named(word: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.word() == word)
    }

    /// Test, build and lint acts check the work.
    pub fn is_check(self) -> bool {
        matches!(self, Act::Test | Act::Build | Act::Lint)
    }
}

/// What a non-zero exit of a segment does to the exit of the whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// It reaches the end of the line.
    Visible,
    /// Hidden by a later command of its pipeline.
    Pipe,
    /// Hidden by `||` or a condition.
    Or,
    /// Hidden by a later command after `;` or a newline.
    Seq,
    /// In the background.
    Async,
}

/// One act of one tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    pub act: Act,
    /// A finer kind where a metric needs it: `vcs.inspect`, `vcs.discard`, `vcs.write`, `edit.scratch`, `edit.create`,
    /// `lint.fix`, `list.name`, `other.probe`, `other.unread`, `run.unknown` and `other.unknown` for want of
    /// an entry in a table. Written without the act's own prefix: `inspect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Base name of the program (`rg`, `cargo`), or the tool's own name for a native tool.
    pub program: String,
    pub seen: Seen,
    /// As written: not joined to a `cd`, not expanded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths_read: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths_written: Vec<String>,
    /// First and last line (1-based, inclusive) of a read that names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<(u32, u32)>,
    /// The segment as it stood in the line (without redirects), or empty for a native tool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The folder that an earlier `cd` of the same line left us in, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// What a search looked for, where it can be read off the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Of the part of a line that could not be read: why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
