//! From what a script says to calls of the tools that a request declares.

use super::{
    fallback, patch,
    table::{Entry, TABLE},
    turn::{Called, Heard, Input, Past, Takes, Tool, Turn},
};
use crate::script::Op;
use serde_json::{Map, Value, json};

/// What can be done with the tools of one request.
pub struct Bench<'a> {
    turn: &'a Turn,
    /// The folder that the agent works in, where it is known.
    folder: Option<String>,
}

/// Words and their values for one call.
type Words = Map<String, Value>;

/// Longer lines are cut where a tool wants to be told what they do.
const LONGEST_ABOUT: usize = 60;

impl<'a> Bench<'a> {
    /// `workspace`: the folder, where the caller knows it; else the request may say.
    pub fn new(turn: &'a Turn, workspace: Option<&str>) -> Bench<'a> {
        let said =
            TABLE.folder.iter().find_map(|regex| Some(regex.captures(&turn.system)?.get(1)?.as_str().to_owned()));
        Bench { turn, folder: workspace.map(str::to_owned).or(said).filter(|folder| folder.starts_with('/')) }
    }

    /// Whether a request with these tools is the conversation itself: they can run something, or change or read a file.
    pub fn is_main(&self) -> bool {
        let does = |word: &str| self.entries(word).any(|entry| self.tool(&entry.tool).is_some());
        ["shell", "edit", "write", "read", "search"].iter().any(|word| does(word))
    }

    /// Whether the agent can be asked in the middle of a turn.
    pub fn asks(&self) -> bool {
        let op = Op::Ask { question: "?".to_owned(), options: Vec::new() };
        self.entries("ask").any(|entry| self.fill(entry, &op).is_some())
    }

    /// The call that does it; in the shell, where no tool does it; `None` where nothing can.
    pub fn call(&self, op: &Op) -> Option<Called> {
        let own = self.entries(op.word()).find_map(|entry| self.fill(entry, op));
        own.or_else(|| {
            let line = Op::Shell(fallback::line(op)?);
            self.entries("shell").find_map(|entry| self.fill(entry, &line))
        })
    }

    fn entries(&self, word: &str) -> impl Iterator<Item = &'static Entry> {
        TABLE.operations.get(word).map_or(&[][..], Vec::as_slice).iter()
    }

    /// By its name, or by the last part of an MCP tool's.
    fn tool(&self, name: &str) -> Option<&Tool> {
        let tools = &self.turn.tools;
        let remote = |tool: &&Tool| {
            tool.name
                .strip_prefix("mcp__")
                .and_then(|rest| rest.rsplit_once("__"))
                .is_some_and(|(_, last)| last == name)
        };
        tools.iter().find(|tool| tool.name == name).or_else(|| tools.iter().find(remote))
    }

    fn fill(&self, entry: &Entry, op: &Op) -> Option<Called> {
        let tool = self.tool(&entry.tool)?;
        if entry.read_first && !self.was_read(op) {
            return None;
        }
        let words = self.words(op);
        let input = match (&tool.takes, &entry.input, &entry.text) {
            (Takes::Text, _, Some(text)) => Input::Text(words.get(text.strip_prefix('$')?)?.as_str()?.to_owned()),
            (Takes::Arguments(schema), Some(input), _) => Input::Arguments(arguments(input, schema, &words)?),
            (Takes::Text, _, None) | (Takes::Arguments(_), None, _) => return None,
        };
        Some(Called { namespace: tool.namespace.clone(), name: tool.name.clone(), input })
    }

    /// Whether one of the agent's tools has shown or written the file before.
    fn was_read(&self, op: &Op) -> bool {
        let (Op::Edit { path, .. } | Op::Write { path, .. }) = op else { return true };
        let known = |call: &Past| {
            let words = ["read", "write", "edit"];
            let tool = words.iter().any(|word| {
                self.entries(word)
                    .any(|entry| call.name == entry.tool || call.name.ends_with(&format!("__{}", entry.tool)))
            });
            let names =
                |value: &Value| value.as_str().is_some_and(|text| text == path || text.ends_with(&format!("/{path}")));
            tool && call.input.as_object().is_some_and(|input| input.values().any(names))
        };
        self.turn.heard.iter().any(|heard| match heard {
            Heard::Model(said) => said.calls.iter().any(known),
            Heard::User(_) | Heard::Result(_) => false,
        })
    }

    fn words(&self, op: &Op) -> Words {
        let mut words = Words::new();
        let mut put = |name: &str, value: Value| drop(words.insert(name.to_owned(), value));
        match op {
            Op::Shell(line) => put("line", json!(line)),
            Op::Read { path, lines } => {
                self.place(path, &mut put);
                if let Some((first, last)) = lines {
                    put("first", json!(first));
                    put("last", json!(last));
                    put("count", json!(last - first + 1));
                }
            }
            Op::Search { pattern, path } => {
                self.place(path, &mut put);
                put("pattern", json!(pattern));
            }
            Op::Edit { path, old, new } => {
                self.place(path, &mut put);
                put("old", json!(old));
                put("new", json!(new));
                patch::edit(path, (old, new), &self.turn.heard)
                    .into_iter()
                    .for_each(|patch| put("patch", json!(patch)));
            }
            Op::Write { path, text } => {
                self.place(path, &mut put);
                put("text", json!(text));
                patch::add(path, text).into_iter().for_each(|patch| put("patch", json!(patch)));
            }
            Op::Plan(steps) => {
                let step = |(at, step): (usize, &crate::model::trace::PlanStep)| json!({"text": step.text, "status": step.status, "n": (at + 1).to_string()});
                put("steps", steps.iter().enumerate().map(step).collect());
            }
            Op::Ask { question, options } => {
                let options = if options.is_empty() { &TABLE.no_options } else { options };
                put("question", json!(question));
                put("options", options.iter().map(|option| json!({"option": option})).collect());
            }
        }
        put("about", json!(about(op)));
        words
    }

    fn place(&self, path: &str, put: &mut impl FnMut(&str, Value)) {
        let bare = path.strip_prefix("./").unwrap_or(path);
        let file = match &self.folder {
            Some(folder) if bare == "." => folder.clone(),
            Some(folder) => format!("{}/{bare}", folder.trim_end_matches('/')),
            None => path.to_owned(),
        };
        put("path", json!(path));
        put("file", json!(file));
    }
}

fn about(op: &Op) -> String {
    let text = match op {
        Op::Shell(line) => format!("run {line}"),
        Op::Read { path, .. } => format!("read {path}"),
        Op::Search { pattern, .. } => format!("search {pattern}"),
        Op::Edit { path, .. } => format!("change {path}"),
        Op::Write { path, .. } => format!("write {path}"),
        Op::Plan(_) => "plan".to_owned(),
        Op::Ask { question, .. } => format!("ask {question}"),
    };
    text.lines().next().unwrap_or_default().chars().take(LONGEST_ABOUT).collect()
}

/// The fields that the schema knows; `None` where it wants one that is not filled.
fn arguments(template: &Value, schema: &Value, words: &Words) -> Option<Value> {
    let value = filled(template, schema, words)?;
    let required = schema.get("required").and_then(Value::as_array);
    let has = |name: &Value| name.as_str().is_some_and(|name| value.get(name).is_some());
    let enough =
        required.is_none_or(|names| names.iter().all(has)) && value.as_object().is_some_and(|map| !map.is_empty());
    enough.then_some(value)
}

fn filled(template: &Value, schema: &Value, words: &Words) -> Option<Value> {
    match template {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => Some(adapted(words.get(name)?.clone(), schema)),
            None => Some(template.clone()),
        },
        Value::Array(items) => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            Some(items.iter().filter_map(|one| filled(one, item, words)).collect())
        }
        Value::Object(map) => match (map.get("each").and_then(Value::as_str), map.get("item")) {
            (Some(list), Some(one)) => {
                let item = schema.get("items").unwrap_or(&Value::Null);
                let all = words.get(list.strip_prefix('$')?)?.as_array()?.iter().filter_map(Value::as_object);
                Some(all.filter_map(|words| filled(one, item, words)).collect())
            }
            _ => Some(fields(map, schema, words)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(template.clone()),
    }
}

fn fields(map: &Map<String, Value>, schema: &Value, words: &Words) -> Value {
    let known = schema.get("properties").and_then(Value::as_object);
    let mut out = Map::new();
    for (name, template) in map {
        let schema = match known {
            Some(known) => match known.get(name) {
                Some(schema) => schema,
                None => continue,
            },
            None => &Value::Null,
        };
        if let Some(value) = filled(template, schema, words) {
            out.insert(name.clone(), value);
        }
    }
    Value::Object(out)
}

/// A value in the type that the schema wants: a line as a list of words, a number from 0, a number as text.
fn adapted(value: Value, schema: &Value) -> Value {
    let kind =
        schema.get("type").map(|kind| kind.as_str().unwrap_or_default().to_ascii_lowercase()).unwrap_or_default();
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    match (&value, kind.as_str()) {
        (Value::String(line), "array") => json!(["bash", "-lc", line]),
        (Value::Number(number), _) if about.contains("0-based") || about.contains("0-indexed") => {
            json!(number.as_u64().unwrap_or(1).saturating_sub(1))
        }
        (Value::String(text), "integer" | "number") => text.parse::<u64>().map_or(value, Value::from),
        _ => value,
    }
}
