//! One tool call of an agent that speaks the Agent Client Protocol, put together from all that is said of it.
//!
//! A call may begin empty and get its input later, be spoken of first in a request for permission, or only when it has ended. It is
//! told once its input is known, and its result once it ends: a trace is written forwards.

use super::{
    acp_agents::{Naming, Quirks},
    claude_results, diff,
    value::{items, some_text, text},
};
use crate::model::trace::{Change, FileChange, ResultStatus, Text, ToolCall, ToolResult};
use serde_json::{Value, json};

/// Bytes of one call's output that are kept while it runs.
const LONGEST_OUTPUT: usize = 16 << 20;

#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    name: String,
    kind: String,
    title: String,
    first_title: String,
    input: Value,
    paths: Vec<String>,
    changes: Vec<diff::Changed>,
    /// Pieces of output as they came.
    streamed: String,
    /// Texts of its content.
    shown: String,
    raw_output: Value,
    exit: Option<i32>,
    status: String,
    /// Bytes of the longest message about it, and those that were not taken in.
    longest: usize,
    dropped: usize,
    pub told: bool,
    pub ended: bool,
    pub denied: bool,
}

impl Call {
    /// A call of which all has been told; its id alone is needed for what comes late.
    pub fn over() -> Call {
        Call { told: true, ended: true, ..Call::default() }
    }

    /// Takes an update in; says how much more is held for it.
    pub fn weigh(&mut self, update: &Value, bytes: usize) -> usize {
        let before = self.weight();
        self.longest = self.longest.max(bytes);
        self.take(update);
        self.weight() - before
    }

    /// Takes in only how it stands.
    pub fn skim(&mut self, update: &Value, bytes: usize) -> usize {
        set(&mut self.status, some_text(update, "status"));
        self.dropped = self.dropped.saturating_add(bytes);
        0
    }

    /// Bytes that are held for it, at most.
    pub fn weight(&self) -> usize {
        self.longest + self.streamed.len()
    }

    /// Takes in what an update or a request for permission says of it.
    pub fn take(&mut self, update: &Value) {
        let meta = |path: &str| update.pointer(path);
        let name = some_text(update, "name").or_else(|| meta("/_meta/claudeCode/toolName")?.as_str());
        set(&mut self.name, name);
        set(&mut self.kind, some_text(update, "kind"));
        set(&mut self.title, some_text(update, "title"));
        set(&mut self.status, some_text(update, "status"));
        if self.first_title.is_empty() {
            self.first_title.clone_from(&self.title);
        }
        if let Some(input) = update.get("rawInput").filter(|input| !is_hollow(input)) {
            self.input = input.clone();
        }
        let paths: Vec<String> =
            items(update, "locations").iter().filter_map(|at| some_text(at, "path").map(str::to_owned)).collect();
        if !paths.is_empty() {
            self.paths = paths;
        }
        // What stands in it before it runs says what it is for.
        let ran = matches!(some_text(update, "status"), Some("in_progress" | "completed" | "failed"));
        self.take_content(items(update, "content"), ran);
        if let Some(data) = meta("/_meta/terminal_output_delta/data").and_then(Value::as_str) {
            match self.streamed.len() < LONGEST_OUTPUT {
                true => self.streamed.push_str(data),
                false => self.dropped = self.dropped.saturating_add(data.len()),
            }
        }
        if let Some(output) = update.get("rawOutput").filter(|output| !output.is_null()) {
            self.raw_output = output.clone();
        } else if self.raw_output.is_null()
            && let Some(response) = meta("/_meta/claudeCode/toolResponse")
        {
            self.raw_output = response.clone();
        }
        let exits = ["/_meta/terminal_exit/exit_code", "/rawOutput/exit_code", "/rawOutput/metadata/exit"];
        let exit = exits.iter().find_map(|path| meta(path)?.as_i64());
        self.exit = exit.and_then(|exit| i32::try_from(exit).ok()).or(self.exit);
    }

    fn take_content(&mut self, content: &[Value], ran: bool) {
        let changes: Vec<diff::Changed> = content.iter().filter_map(changed).collect();
        if !changes.is_empty() {
            self.changes = changes;
        }
        let texts: Vec<&str> = content.iter().filter_map(|block| block.pointer("/content/text")?.as_str()).collect();
        if ran && !texts.is_empty() {
            self.shown = texts.join("\n");
        }
    }

    /// Whether enough is known to tell of it.
    pub fn is_ready(&self) -> bool {
        self.is_over() || self.status == "in_progress" || !is_hollow(&self.input)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed")
    }

    pub fn is_shell(&self) -> bool {
        self.kind == "execute" || self.input.get("command").is_some()
    }

    /// What is asked for where it needs a permission: the command, else what it is called.
    pub fn asked(&self) -> String {
        let command = self.input.get("command").and_then(Value::as_str);
        command.unwrap_or_else(|| unquoted(&self.title)).to_owned()
    }

    pub fn named(&self, id: &str, quirks: &Quirks) -> String {
        if self.kind == "read" && self.name == "exec_command" && is_hollow(&self.input) {
            // Codex reads with its shell and tells the file alone, not the command.
            return "read".to_owned();
        }
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let hidden = match quirks.naming {
            Naming::InId => id.split_once("__").map(|(name, _)| name),
            Naming::FirstTitle => Some(self.first_title.as_str()),
            Naming::Kind => None,
        };
        match (hidden.filter(|name| is_word(name)), self.kind.as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, _) if self.input.get("command").is_some() => "execute".to_owned(),
            (None, "move") => "move_file".to_owned(),
            (None, "" | "other") if is_word(&self.title) => self.title.clone(),
            (None, "") => "other".to_owned(),
            (None, kind) => kind.to_owned(),
        }
    }

    pub fn call(&self, id: &str, quirks: &Quirks) -> ToolCall {
        ToolCall { name: self.named(id, quirks), tool: None, input: self.known_input(), batch: None }
    }

    /// The input as given, else what title and places say of it.
    fn known_input(&self) -> Value {
        if !is_hollow(&self.input) {
            return self.input.clone();
        }
        let title = unquoted(&self.title);
        if self.kind == "execute" && !title.is_empty() {
            return json!({ "command": title });
        }
        let path = self.paths.first().or_else(|| self.changes.first().map(|change| &change.path));
        match path {
            Some(path) => json!({"path": path, "title": title}),
            None => json!({ "title": title }),
        }
    }

    pub fn result(&self, quirks: &Quirks) -> ToolResult {
        let output = self.output();
        let claude = quirks.completed_is_zero && self.is_shell();
        let told = claude_results::Told {
            tool: &self.name,
            failed: Some(self.status == "failed"),
            stopped: false,
            background: false,
        };
        let read = claude.then(|| claude_results::of_text(told, output.clone()));
        let exit = self.exit.or_else(|| read.as_ref().and_then(|read| read.exit));
        let status = match self.status.as_str() {
            _ if self.denied => ResultStatus::Denied,
            "failed" if claude_results::denied_by(&output).is_some() => ResultStatus::Denied,
            "completed" if exit.is_some_and(|exit| exit != 0) => ResultStatus::Failed,
            "completed" if quirks.completed_says_nothing && self.is_shell() => ResultStatus::Unknown,
            "completed" => ResultStatus::Ok,
            "failed" => ResultStatus::Failed,
            _ => ResultStatus::Unknown,
        };
        ToolResult {
            call: None,
            status,
            exit,
            output: Text::whole(output),
            dropped_bytes: self.dropped as u64,
            duration_ms: duration(&self.raw_output),
        }
    }

    /// The changes of files that it made, if it made them.
    pub fn file_changes(&mut self) -> Vec<FileChange> {
        if self.status != "completed" || self.denied {
            return Vec::new();
        }
        let changes = std::mem::take(&mut self.changes).into_iter();
        changes
            .map(|diff::Changed { path, change, diff }| FileChange {
                path,
                change,
                diff: Text::whole(diff),
                call: None,
            })
            .collect()
    }

    pub fn is_edit(&self) -> bool {
        matches!(self.kind.as_str(), "edit" | "delete" | "move")
    }

    fn output(&self) -> String {
        let raw = &self.raw_output;
        if let Some(text) = raw.as_str() {
            return text.to_owned();
        }
        let told = ["aggregated_output", "formatted_output", "output"].iter().find_map(|key| some_text(raw, key));
        if let Some(told) = told {
            return told.to_owned();
        }
        let both = format!("{}{}", text(raw, "stdout"), text(raw, "stderr"));
        let file = raw.pointer("/file/content").and_then(Value::as_str).unwrap_or_default();
        [both.as_str(), &self.streamed, file, &self.shown]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    }
}

/// A command as Markdown shows it.
fn unquoted(title: &str) -> &str {
    title.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(title)
}

fn set(field: &mut String, new: Option<&str>) {
    if let Some(new) = new {
        new.clone_into(field);
    }
}

/// Nothing in it, or only where it will run.
fn is_hollow(input: &Value) -> bool {
    match input {
        Value::Null => true,
        Value::Object(map) => map.keys().all(|key| key == "cwd"),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn changed(block: &Value) -> Option<diff::Changed> {
    if text(block, "type") != "diff" {
        return None;
    }
    let path = some_text(block, "path")?.to_owned();
    let (old, new) = (block.get("oldText").and_then(Value::as_str), text(block, "newText"));
    if old == Some(new) {
        return None;
    }
    let change = match (old, block.pointer("/_meta/kind").and_then(Value::as_str)) {
        (None, _) | (_, Some("add")) => Change::Added,
        (_, Some("delete")) => Change::Deleted,
        (Some(_), _) => Change::Modified,
    };
    Some(diff::Changed { path, change, diff: diff::of_texts(old.unwrap_or_default(), new) })
}

fn duration(output: &Value) -> Option<u64> {
    let lasted = output.get("duration")?;
    let (secs, nanos) = (lasted.get("secs")?.as_u64()?, lasted.get("nanos")?.as_u64()?);
    Some(secs.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}
