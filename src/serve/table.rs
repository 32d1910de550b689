//! `tools.yaml`, read.

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// The table that ships with evalrun.
pub static TABLE: LazyLock<Table> = LazyLock::new(|| read(include_str!("tools.yaml")).unwrap_or_default());

#[derive(Debug, Default)]
pub struct Table {
    pub operations: BTreeMap<String, Vec<Entry>>,
    pub no_options: Vec<String>,
    pub beside: Beside,
    pub folder: Vec<Regex>,
    pub side: Vec<(Regex, Side)>,
}

/// A tool that does an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub tool: String,
    #[serde(default)]
    pub input: Option<Value>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub read_first: bool,
}

/// What agents say in the user's name, and in the model's.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    elements: Vec<String>,
    beginnings: Vec<String>,
    model: Vec<String>,
}

/// A request beside the conversation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    pub kind: String,
    words: String,
    pub reply: String,
}

impl Beside {
    /// Whether nobody said this block: the agent put it there.
    pub fn is_users(&self, block: &str) -> bool {
        let block = block.trim();
        self.beginnings.iter().any(|beginning| block.starts_with(beginning.trim_end()))
            || self.elements.iter().any(|name| is_element(block, name))
    }

    pub fn is_models(&self, text: &str) -> bool {
        self.model.iter().any(|said| said == text.trim())
    }
}

fn is_element(block: &str, name: &str) -> bool {
    let inside = block.strip_prefix('<').and_then(|rest| rest.strip_prefix(name));
    let opens = inside.is_some_and(|rest| rest.starts_with(['>', ' ', '\n']));
    opens && block.ends_with(&format!("</{name}>"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    operations: BTreeMap<String, Vec<Entry>>,
    no_options: Vec<String>,
    beside: Beside,
    folder: Vec<String>,
    side: Vec<Side>,
}

fn read(text: &str) -> Result<Table, String> {
    let raw: Raw = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let regex = |source: &str| Regex::new(source).map_err(|error| error.to_string());
    let folder = raw.folder.iter().map(|source| regex(source)).collect::<Result<_, _>>()?;
    let side = raw.side.into_iter().map(|side| Ok((regex(&side.words)?, side))).collect::<Result<_, String>>()?;
    Ok(Table { operations: raw.operations, no_options: raw.no_options, beside: raw.beside, folder, side })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_shipped_table_reads() {
        let table = read(include_str!("tools.yaml")).unwrap();
        let words: Vec<&str> = table.operations.keys().map(String::as_str).collect();
        assert_eq!(words, ["ask", "edit", "plan", "read", "search", "shell", "write"]);
        assert!(table.operations.values().flatten().all(|entry| entry.input.is_some() != entry.text.is_some()));
    }

    #[test]
    fn what_agents_put_beside_the_users_words_is_told() {
        let beside = &TABLE.beside;
        let theirs = [
            "<environment_context>\n  <cwd>/w</cwd>\n</environment_context>",
            "<system-reminder>\nhi\n</system-reminder>\n",
            "# AGENTS.md instructions for /w\n\n<INSTRUCTIONS>",
        ];
        assert!(theirs.iter().all(|block| beside.is_users(block)));
        let users = [
            "Please add <b>rate limiting</b>",
            "<system-reminder> is what I want to grep for",
            "<environment_contexts>x</environment_contexts>",
        ];
        assert!(!users.iter().any(|block| beside.is_users(block)));
    }
}
