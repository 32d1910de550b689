//! A script as data: JSON, which is YAML too, so that what is written can be read again.

use super::{Misdeed, Op, Part, Script, Step, Tag, Turn, VERSION, What};
use crate::model::canon::{Domain, canonical, hash_bytes};
use serde_json::{Map, Value, json};

impl Script {
    /// In the format of `docs/scripts.md`.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("version".to_owned(), json!(VERSION));
        map.insert("candidate".to_owned(), json!(self.candidate));
        if let Some(about) = &self.about {
            map.insert("about".to_owned(), json!(about));
        }
        map.insert("otherwise".to_owned(), json!(self.otherwise));
        if !self.faults.is_empty() {
            map.insert("faults".to_owned(), self.faults.iter().map(Misdeed::source).collect());
        }
        map.insert("parts".to_owned(), self.parts.iter().map(part).collect());
        Value::Object(map)
    }

    /// Hash of what the candidate does: the same for two files that differ in comments and layout alone.
    pub fn hash(&self) -> String {
        hash_bytes(Domain::Script, canonical(&self.to_json()).as_bytes())
    }
}

fn part(part: &Part) -> Value {
    let mut map = Map::new();
    if let Some(on) = &part.on {
        map.insert("on".to_owned(), json!(on.source()));
    }
    map.insert("turns".to_owned(), part.turns.iter().map(turn).collect());
    Value::Object(map)
}

fn turn(turn: &Turn) -> Value {
    let mut map = Map::new();
    if let Some(on) = &turn.on {
        map.insert("on".to_owned(), json!(on.source()));
    }
    map.insert("steps".to_owned(), turn.steps.iter().map(step).collect());
    tag(&turn.tag, &mut map);
    Value::Object(map)
}

fn step(step: &Step) -> Value {
    let (word, value) = match &step.what {
        What::Say(text) => ("say", json!(text)),
        What::Think(text) => ("think", json!(text)),
        What::Do(op) => (op.word(), op.to_json()),
        What::Together(calls) => ("together", calls.iter().map(self::step).collect()),
    };
    let mut map = Map::new();
    map.insert(word.to_owned(), value);
    tag(&step.tag, &mut map);
    Value::Object(map)
}

fn tag(tag: &Tag, into: &mut Map<String, Value>) {
    if !tag.names.is_empty() {
        into.insert("tag".to_owned(), json!(tag.names));
    }
    if !tag.instead.is_empty() {
        into.insert("instead".to_owned(), tag.instead.iter().map(step).collect());
    }
}

impl Op {
    /// What stands behind the op's word in a script; the driver `scripted` also gives it as the call's input.
    pub fn to_json(&self) -> Value {
        match self {
            Op::Plan(steps) => json!(steps),
            Op::Read { path, lines: None } => json!({"path": path}),
            Op::Read { path, lines: Some((first, last)) } => json!({"path": path, "lines": [first, last]}),
            Op::Search { pattern, path } => json!({"pattern": pattern, "path": path}),
            Op::Edit { path, old, new } => json!({"path": path, "old": old, "new": new}),
            Op::Write { path, text } => json!({"path": path, "text": text}),
            Op::Shell(line) => json!(line),
            Op::Ask { question, options } if options.is_empty() => json!({"question": question}),
            Op::Ask { question, options } => json!({"question": question, "options": options}),
        }
    }
}
