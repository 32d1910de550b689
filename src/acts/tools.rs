//! Native tools of agents: `Read`, `apply_patch`, `exec_command`, `mcp__serena__find_symbol`.
//!
//! What they are called is data (`tools.yaml`); what stands in their input is looked up by the field names given there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::acts::line::deeds_of_line;
use crate::acts::patch_text;
use crate::acts::table::{Table, unknown_act};
use crate::model::act::{Act, Deed, Seen};
use crate::model::suite::ToolSpec;

/// What a tool means and where its input says so.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    act: Act,
    sub: Option<String>,
    path: Vec<String>,
    pattern: Vec<String>,
    command: Vec<String>,
    patch: Vec<String>,
    to: Vec<String>,
    ranged: bool,
    how: How,
}

/// What is special about a tool.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Plain,
    /// Its `command` tells a view from an edit.
    Editor,
    /// It reads what `path` names and writes what `to` names.
    Copy,
    /// Other calls stand in it.
    Calls,
    /// It names another tool.
    Call,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tools: Vec<Entry>,
    exact: HashMap<String, String>,
    verbs: HashMap<String, String>,
    verb_fields: VerbFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerbFields {
    path: String,
    pattern: String,
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
    to: String,
    #[serde(default)]
    range: String,
    #[serde(default)]
    how: How,
}

/// Deeds of one tool call: the lines of a shell are read, calls inside a call are named too, anything else is one deed.
pub fn deeds_of_call(name: &str, input: &Value, table: &Table) -> Vec<Deed> {
    let Some(tool) = find(name, table) else {
        return vec![Deed { sub: Some("unknown".to_owned()), ..deed(name, Act::Other) }];
    };
    if matches!(tool.how, How::Calls | How::Call) {
        return inner_calls(name, tool, (input, table));
    }
    if !tool.command.is_empty() {
        return shell(tool, input, table);
    }
    vec![native(name, tool, input)]
}

fn native(name: &str, tool: &Tool, input: &Value) -> Deed {
    let mut deed = deed(name, tool.act);
    deed.sub.clone_from(&tool.sub);
    if !tool.patch.is_empty() {
        deed.paths_written = patched(tool, input);
        return deed;
    }
    if tool.how == How::Editor {
        edit_by_command(&mut deed, input);
    }
    let paths = texts(&tool.path, input);
    if deed.act == Act::Edit && tool.how != How::Copy {
        deed.paths_written = paths;
    } else if matches!(deed.act, Act::Read | Act::Search) || tool.how == How::Copy {
        deed.paths_read = paths;
    }
    deed.paths_written.extend(texts(&tool.to, input));
    deed.pattern = texts(&tool.pattern, input).into_iter().next();
    if tool.ranged || tool.how == How::Editor && deed.act == Act::Read {
        deed.lines = lines(input);
    }
    deed
}

/// `{"tool_uses": [{"recipient_name": "functions.shell", "parameters": {...}}]}`, `{"tool_name": "read_file", "arguments": {...}}`.
/// Calls inside those are not looked at.
fn inner_calls(name: &str, tool: &Tool, (input, table): (&Value, &Table)) -> Vec<Deed> {
    let alone = [input.clone()];
    let calls = match tool.how {
        How::Call => &alone[..],
        _ => tool.path.iter().find_map(|field| input.get(field)?.as_array()).map_or(&[][..], Vec::as_slice),
    };
    let mut deeds = Vec::new();
    for call in calls {
        let field = |names: &[&str]| names.iter().find_map(|name| call.get(name));
        let named = field(&["recipient_name", "tool_name", "toolName", "tool", "name"]).and_then(Value::as_str);
        let Some(inner) = named.and_then(|named| find(named, table).filter(|inner| inner.is_leaf()).map(|_| named))
        else {
            continue;
        };
        let given = field(&["parameters", "arguments", "input", "args"]).unwrap_or(&Value::Null);
        let parsed = given.as_str().and_then(|text| serde_json::from_str(text).ok());
        deeds.extend(deeds_of_call(inner, parsed.as_ref().unwrap_or(given), table));
    }
    if deeds.is_empty() { vec![deed(name, tool.act)] } else { deeds }
}

/// Names are compared without case, `_` and `-`.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return name.into();
    }
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

impl Tool {
    fn plain(act: Act) -> Tool {
        Tool {
            act,
            sub: None,
            path: Vec::new(),
            pattern: Vec::new(),
            command: Vec::new(),
            patch: Vec::new(),
            to: Vec::new(),
            ranged: false,
            how: How::Plain,
        }
    }

    /// A tool of a suite; fields that it does not name are looked for under their usual names.
    ///
    /// # Errors
    /// When its act is none.
    pub(super) fn of_suite(spec: &ToolSpec) -> Result<Tool, String> {
        let usual = VERB_FIELDS.as_ref().map_err(Clone::clone)?;
        let or = |own: &Vec<String>, usual: &Vec<String>| if own.is_empty() { usual.clone() } else { own.clone() };
        Ok(Tool {
            path: or(&spec.path, &usual.path),
            pattern: or(&spec.pattern, &usual.pattern),
            command: spec.command.clone(),
            ..Tool::plain(act(&spec.act)?)
        })
    }

    /// No other calls stand in it.
    fn is_leaf(&self) -> bool {
        !matches!(self.how, How::Calls | How::Call)
    }
}

static VERB_FIELDS: LazyLock<Result<Tool, String>> = LazyLock::new(|| parsed().map(|file| file.verb_fields.tool()));

impl VerbFields {
    fn tool(&self) -> Tool {
        Tool { path: words(&self.path), pattern: words(&self.pattern), ..Tool::plain(Act::Other) }
    }
}

fn parsed() -> Result<File, String> {
    serde_yaml::from_str(include_str!("tools.yaml")).map_err(|error| error.to_string())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn act(word: &str) -> Result<Act, String> {
    Act::named(word).ok_or_else(|| unknown_act(word))
}

/// Tools by canonical name, and tools by the name as it stands.
pub(super) type Named = (HashMap<String, Tool>, HashMap<String, Tool>);

/// Verbs are kept under `verb:`, which cannot be typed as a canonical name.
pub(super) fn shipped() -> Result<Named, String> {
    let file = parsed()?;
    let usual = file.verb_fields.tool();
    let mut tools = HashMap::new();
    for entry in file.tools {
        let tool = Tool {
            act: act(&entry.act)?,
            sub: entry.sub,
            path: words(&entry.path),
            pattern: words(&entry.pattern),
            command: words(&entry.command),
            patch: words(&entry.patch),
            to: words(&entry.to),
            ranged: !entry.range.is_empty(),
            how: entry.how,
        };
        for name in entry.names.split_whitespace() {
            tools.insert(canonical(name).into_owned(), tool.clone());
        }
    }
    let exact = file.exact.into_iter().map(|(name, word)| Ok((name, Tool::plain(act(&word)?))));
    let exact = exact.collect::<Result<_, String>>()?;
    for (word, verbs) in &file.verbs {
        for verb in verbs.split_whitespace() {
            tools.insert(format!("verb:{verb}"), Tool { act: act(word)?, ..usual.clone() });
        }
    }
    Ok((tools, exact))
}

/// The tool of a name as it stands, without a version, or behind the name of a server; else of the verb of an MCP tool.
fn find<'t>(name: &str, table: &'t Table) -> Option<&'t Tool> {
    if let Some(tool) = table.exact_tool(name) {
        return Some(tool);
    }
    if let Some(tool) = known(name, table) {
        return Some(tool);
    }
    if let Some(last) = last_part(name) {
        return known(last, table).or_else(|| {
            let verb = last.split(['_', '-']).next()?;
            table.tool(&format!("verb:{}", verb.to_lowercase()))
        });
    }
    // `filesystem_read_file`: a server's name, joined as some agents do; one word behind it would say too little.
    let joints = name.match_indices(['_', '-']).map(|(at, _)| &name[at + 1..]);
    joints.filter(|rest| rest.contains(['_', '-'])).take(MAX_JOINTS).find_map(|rest| table.tool(&canonical(rest)))
}

const MAX_JOINTS: usize = 8;

fn known<'t>(name: &str, table: &'t Table) -> Option<&'t Tool> {
    table.tool(&canonical(name)).or_else(|| table.tool(&canonical(unversioned(name)?)))
}

/// `bash_20250124`
fn unversioned(name: &str) -> Option<&str> {
    let (stem, version) = name.rsplit_once('_')?;
    (version.len() == 8 && version.bytes().all(|byte| byte.is_ascii_digit())).then_some(stem)
}

/// `mcp__server__verb_noun`, `server.verb_noun` and `server/verb_noun` end in the name of the tool.
fn last_part(name: &str) -> Option<&str> {
    if let Some((_, last)) = name.rsplit_once("__") {
        return Some(last);
    }
    name.rsplit_once(['.', '/', ':']).map(|(_, last)| last)
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
fn shell(tool: &Tool, input: &Value, table: &Table) -> Vec<Deed> {
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
    let found = tool.patch.iter().find_map(|field| input.get(field));
    match found.or_else(|| Some(input).filter(|input| input.is_string())).unwrap_or(&Value::Null) {
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
