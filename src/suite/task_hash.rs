//! The hash of a task: what it is, wherever it stands.
//!
//! Resolved task, workspace bytes, hidden files and setup. Paths of this machine are replaced by the bytes they lead to;
//! `about` and `tags` are for people, and `trials` says how often, not what.

use super::{build::Builder, node::Span, tasks::Withs};
use crate::model::{
    canon::{Domain, hash as hash_json},
    task::{Source, Task},
};
use serde_json::{Value, json};

/// What was written where, which the resolved task does not tell any more.
#[derive(Default)]
pub struct Written {
    pub source: Option<Span>,
    /// The repository as the suite names it.
    pub git: Option<String>,
    pub with: Withs,
}

pub fn hash(task: &Task, written: &Written, build: &mut Builder<'_>) -> String {
    let Ok(Value::Object(mut value)) = serde_json::to_value(task) else { return String::new() };
    for name in ["about", "tags", "trials", "hash"] {
        value.remove(name);
    }
    let source = match &task.workspace.source {
        Source::Empty => json!("empty"),
        Source::Copy { path } => json!({"bytes": build.tree(path, written.source.unwrap_or_default())}),
        Source::Git { rev, .. } => json!({"git": written.git, "rev": rev}),
    };
    if let Some(workspace) = value.get_mut("workspace") {
        workspace["source"] = source;
    }
    for (at, check) in task.checks.iter().enumerate() {
        if let Some(path) = &check.with {
            let span = written.with.get(&check.name).copied().unwrap_or_default();
            let bytes = build.tree(path, span);
            if let Some(checks) = value.get_mut("checks") {
                checks[at]["with"] = json!({ "bytes": bytes });
            }
        }
    }
    hash_json(Domain::Task, &Value::Object(value)).unwrap_or_default()
}
