//! Suites: YAML -> spanned nodes -> `Suite`, with every mistake at once.
//!
//! The suite is what people write, so this room is judged by what it says when something is wrong: each finding has
//! its place, the line, what is wrong and what to do, and no finding follows from another.
//!
//! ```text
//! text --parse--> Node (spans, source text) --include--> one tree --structure--> findings about shape
//!                                                             \--decode, tasks, interview, agents, links--> Suite, other findings
//! ```
//!
//! The shapes stand in tables (`tables`, `tables_task`), which the JSON Schema and the reference are written from as well.

mod agents;
mod build;
mod decode;
mod files;
mod finding;
mod gate;
mod include;
mod interview;
mod judges;
mod links;
mod names;
mod near;
mod node;
mod parse;
mod reference;
mod rows;
mod schema;
mod shape;
mod structure;
mod tables;
mod tables_task;
mod task_hash;
mod tasks;
mod units;

pub use finding::{Code, Finding, Paint, Severity, render, to_json};
pub use judges::vote_of_line;
pub use names::{DriverDoc, DriverField, FieldKind, JudgeDoc, Names};
pub use near::near;
pub use reference::reference;
pub use schema::schema;

use crate::model::suite::Suite;
use std::path::Path;

/// What loading gives: the suite, unless there was an error; and every finding, in the order of the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub suite: Option<Suite>,
    pub findings: Vec<Finding>,
}

/// The tree of a suite and of all it includes as JSON, as the schema sees it. `None`: it is no YAML.
pub fn as_json(path: &Path) -> Option<serde_json::Value> {
    include::read(path, &mut finding::Notes::default()).map(|root| root.to_value())
}

/// Loads a suite and everything it names. Reads files, writes none, runs nothing.
pub fn load(path: &Path, names: &Names<'_>) -> Loaded {
    let mut notes = finding::Notes::default();
    let Some(root) = include::read(path, &mut notes) else {
        return Loaded { suite: None, findings: notes.findings() };
    };
    structure::check(&root, names, &mut notes);
    let suite = decode::suite(&root, path, &mut build::Builder::new(names, &mut notes));
    Loaded { suite: (!notes.failed()).then_some(suite), findings: notes.findings() }
}
