//! Native tools of agents: `Read`, `apply_patch`, `exec_command`, `mcp__serena__find_symbol`.
//!
//! What they are called is data (`tools.yaml`); what stands in their input is looked up by the field names given there.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::acts::line::deeds_of_line;
use crate::acts::patch_text;
use crate::acts::table::Table;
use crate::model::act::{Act, Deed, Seen};

/// What a tool means and where its input says so.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    act: Act,
    sub: Option<String>,
    path: Vec<String>,
    pattern: Vec<String>,
    command: Vec<String>,
    patch: Vec<String>,
    ranged: bool,
    is_editor: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tools: Vec<Entry>,
    exact: HashMap<String, String>,
    verbs: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    names: String,
    act: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    patch: String,
    #[serde(default)]
    range: String,
    #[serde(default)]
    how: String,
}

/// Deeds of one tool call: the lines of a shell are read, anything else is one deed.
pub fn deeds_of_call(name: &str, input: &Value, table: &Table) -> Vec<Deed> {
    let Some(tool) = find(name, table) else {
        return vec![Deed { sub: Some("unknown".to_owned()), ..deed(name, Act::Other) }];
    };
    if !tool.command.is_empty() {
        return shell(name, input, table);
    }
    let mut deed = deed(name, tool.act);
    deed.sub.clone_from(&tool.sub);
    if !tool.patch.is_empty() {
        deed.paths_written = patched(tool, input);
        return vec![deed];
    }
    if tool.is_editor {
        edit_by_command(&mut deed, input);
    }
    let paths = texts(&tool.path, input);
    if deed.act == Act::Edit {
        deed.paths_written = paths;
    } else if matches!(deed.act, Act::Read | Act::Search) {
        deed.paths_read = paths;
    }
    deed.pattern = texts(&tool.pattern, input).into_iter().next();
    if tool.ranged || tool.is_editor && deed.act == Act::Read {
        deed.lines = lines(input);
    }
    vec![deed]
}

/// Names are compared without case and `_`.
pub(super) fn canonical(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

impl Tool {
    pub(super) fn plain(act: Act) -> Tool {
        Tool {
            act,
            sub: None,
            path: Vec::new(),
            pattern: Vec::new(),
            command: Vec::new(),
            patch: Vec::new(),
            ranged: false,
            is_editor: false,
        }
    }
}

/// Exact names are kept under `=name`, verbs under `verb:`; neither can be typed as a canonical name.
pub(super) fn shipped() -> Result<HashMap<String, Tool>, String> {
    let file: File = serde_yaml::from_str(include_str!("tools.yaml")).map_err(|error| error.to_string())?;
    let act = |word: &str| Act::named(word).ok_or_else(|| format!("`{word}` is no act"));
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let mut tools = HashMap::new();
    for entry in file.tools {
        let tool = Tool {
            act: act(&entry.act)?,
            sub: entry.sub,
            path: words(&entry.path),
            pattern: words(&entry.pattern),
            command: words(&entry.command),
            patch: words(&entry.patch),
            ranged: !entry.range.is_empty(),
            is_editor: entry.how == "editor",
        };
        for name in entry.names.split_whitespace() {
            tools.insert(canonical(name), tool.clone());
        }
    }
    for (name, word) in &file.exact {
        tools.insert(format!("={name}"), Tool::plain(act(word)?));
    }
    for (word, verbs) in &file.verbs {
        for verb in verbs.split_whitespace() {
            tools.insert(format!("verb:{verb}"), Tool::plain(act(word)?));
        }
    }
    Ok(tools)
}

fn find<'t>(name: &str, table: &'t Table) -> Option<&'t Tool> {
    if let Some(tool) = table.tool(&format!("={name}")) {
        return Some(tool);
    }
    if let Some(tool) = table.tool(&canonical(name)) {
        return Some(tool);
    }
    let last = last_part(name)?;
    if let Some(tool) = table.tool(&canonical(last)) {
        return Some(tool);
    }
    let verb = last.split(['_', '-']).next()?;
    table.tool(&format!("verb:{}", verb.to_lowercase()))
}

/// `mcp__server__verb_noun` and `server.verb_noun` end in the name of the tool.
fn last_part(name: &str) -> Option<&str> {
    let rest = name
        .strip_prefix("mcp__")
        .or_else(|| name.strip_prefix("mcp."))
        .or_else(|| name.contains("__").then_some(name))?;
    Some(rest.rsplit_once("__").map_or(rest, |(_, last)| last))
}

fn deed(name: &str, act: Act) -> Deed {
    Deed {
        act,
        sub: None,
        program: name.to_owned(),
        seen: Seen::Visible,
        paths_read: Vec::new(),
        paths_written: Vec::new(),
        lines: None,
        command: String::new(),
        cwd: None,
        pattern: None,
        why: None,
    }
}

/// `{"command": "ls"}`, `{"cmd": ["bash", "-lc", "ls"]}`, or the bare line. No line at all is no deed.
fn shell(name: &str, input: &Value, table: &Table) -> Vec<Deed> {
    let Some(tool) = find(name, table) else { return Vec::new() };
    let found = tool.command.iter().find_map(|field| input.get(field));
    let line = match found.unwrap_or(input) {
        Value::String(line) => line.clone(),
        Value::Array(words) => argv_line(words),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Vec::new(),
    };
    let mut deeds = deeds_of_line(&line, table);
    let folder = ["workdir", "cwd", "working_dir", "working_directory", "dir_path", "directory"]
        .iter()
        .find_map(|field| input.get(field).and_then(Value::as_str));
    for deed in deeds.iter_mut().filter(|deed| deed.cwd.is_none()) {
        deed.cwd = folder.map(str::to_owned);
    }
    deeds
}

/// An argv is quoted back into a line; `["bash", "-lc", LINE]` is the line.
fn argv_line(words: &[Value]) -> String {
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    if let [shell, flag, line] = words.as_slice()
        && ["bash", "sh", "zsh"].iter().any(|name| shell.rsplit('/').next() == Some(name))
        && matches!(*flag, "-c" | "-lc")
    {
        return (*line).to_owned();
    }
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c));
        if plain { (*word).to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

fn patched(tool: &Tool, input: &Value) -> Vec<String> {
    let found = tool.patch.iter().find_map(|field| input.get(field)).unwrap_or(input);
    match found {
        Value::String(text) => patch_text::paths(text),
        Value::Object(changes) => changes.keys().cloned().collect(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).flat_map(patch_text::paths).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// One tool that views and edits, told apart by its `command`.
fn edit_by_command(deed: &mut Deed, input: &Value) {
    match input.get("command").and_then(Value::as_str) {
        Some("view") => deed.act = Act::Read,
        Some("create") => deed.sub = Some("create".to_owned()),
        Some(_) | None => {}
    }
}

/// The values of the first of these fields that is there.
fn texts(fields: &[String], input: &Value) -> Vec<String> {
    let Some(found) = fields.iter().find_map(|field| input.get(field)) else { return Vec::new() };
    match found {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => Vec::new(),
    }
}

fn lines(input: &Value) -> Option<(u32, u32)> {
    let number = |field: &str| input.get(field).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    if let Some([first, last]) = input.get("view_range").and_then(Value::as_array).map(Vec::as_slice) {
        let first = first.as_u64().and_then(|n| u32::try_from(n).ok())?;
        return last.as_u64().and_then(|n| u32::try_from(n).ok()).map(|last| (first, last));
    }
    let pairs = [
        ("start_line", "end_line"),
        ("startLine", "endLine"),
        ("start_line_one_indexed", "end_line_one_indexed_inclusive"),
        ("StartLine", "EndLine"),
    ];
    for (start, end) in pairs {
        if let (Some(first), Some(last)) = (number(start), number(end)) {
            return Some((first, last));
        }
    }
    let limit = number("limit")?;
    let first = number("offset").unwrap_or(1).max(1);
    Some((first, first.saturating_add(limit.saturating_sub(1))))
}
