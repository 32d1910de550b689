//! One step of a script, decoded.

use super::decode::{Decoder, Fields, quoted};
use super::node::{Node, Place, Value};
use super::{Op, Step, What};
use crate::model::trace::{PlanStep, StepStatus};

const MOST_ITEMS: usize = 100;

/// What a step can be, in the order of the documentation; `tag` and `instead` may stand beside it.
const STEPS: &[&str] =
    &["say", "think", "plan", "read", "search", "edit", "write", "shell", "ask", "together", "tag", "instead"];

impl Decoder<'_> {
    pub fn step(&mut self, node: &Node) -> Option<Step> {
        self.count_step(node.at);
        let fields = self.fields(node, "a step", STEPS)?;
        let mut words = fields.all().filter(|(key, _)| !matches!(*key, "tag" | "instead"));
        let Some((word, value)) = words.next() else {
            // An unknown word was reported where it stands.
            if fields.is_complete() {
                self.mistake(fields.at, format!("a step does one of {}", quoted(&STEPS[..10])));
            }
            return None;
        };
        if let Some((other, second)) = words.next() {
            self.mistake(
                second.at,
                format!("a step does one thing: move `{other}` to a step of its own beside `{word}`"),
            );
        }
        let tag = self.tag(&fields);
        Some(Step { what: self.what(word, value)?, tag })
    }

    fn what(&mut self, word: &str, value: &Node) -> Option<What> {
        match word {
            "say" => self.text(value, word).map(What::Say),
            "think" => self.text(value, word).map(What::Think),
            "together" => self.together(value),
            _ => self.op(word, value).map(What::Do),
        }
    }

    fn together(&mut self, value: &Node) -> Option<What> {
        let nodes = self.list(value, "together", MOST_ITEMS)?;
        let mut calls = Vec::new();
        for node in nodes {
            let Some(step) = self.step(node) else { continue };
            if !std::iter::once(&step).chain(&step.tag.instead).all(is_batched) {
                self.mistake(
                    node.at,
                    "only calls without an answer stand in `together`: no `say`, `think`, `ask`, `together`",
                );
            }
            calls.push(step);
        }
        Some(What::Together(calls))
    }

    fn op(&mut self, word: &str, value: &Node) -> Option<Op> {
        match word {
            "plan" => self.plan(value),
            "read" => self.read(value),
            "search" => self.search(value),
            "edit" => self.edit(value),
            "write" => self.write(value),
            "shell" => self.text(value, word).map(Op::Shell),
            _ => self.ask(value),
        }
    }

    fn plan(&mut self, value: &Node) -> Option<Op> {
        let nodes = self.list(value, "plan", MOST_ITEMS)?;
        Some(Op::Plan(nodes.iter().filter_map(|node| self.plan_step(node)).collect()))
    }

    fn plan_step(&mut self, node: &Node) -> Option<PlanStep> {
        let fields = self.fields(node, "a step of a plan", &["text", "status"])?;
        let text = self.field(&fields, "a step of a plan", "text");
        let status = self.required(&fields, "a step of a plan", "status").and_then(|node| self.status(node));
        Some(PlanStep { text: text?, status: status? })
    }

    fn status(&mut self, node: &Node) -> Option<StepStatus> {
        let text = self.text(node, "status")?;
        match text.as_str() {
            "pending" => Some(StepStatus::Pending),
            "in_progress" => Some(StepStatus::InProgress),
            "completed" => Some(StepStatus::Completed),
            _ => {
                self.mistake(node.at, format!("`{text}` is no status: `pending`, `in_progress` or `completed`"));
                None
            }
        }
    }

    fn read(&mut self, value: &Node) -> Option<Op> {
        if let Some(path) = self.short(value, "read") {
            return self.path(path, value.at).map(|path| Op::Read { path, lines: None });
        }
        let fields = self.fields(value, "`read`", &["path", "lines"])?;
        let path = self.path_field(&fields, "`read`");
        let lines = fields.get("lines").map(|node| self.lines(node));
        let lines = match lines {
            Some(lines) => Some(lines?),
            None => None,
        };
        Some(Op::Read { path: path?, lines })
    }

    fn lines(&mut self, node: &Node) -> Option<(u32, u32)> {
        if let Value::List(pair) = &node.value
            && let [Node { value: Value::Whole(first), .. }, Node { value: Value::Whole(last), .. }] = pair.as_slice()
            && let (Ok(first), Ok(last)) = (u32::try_from(*first), u32::try_from(*last))
            && 1 <= first
            && first <= last
        {
            return Some((first, last));
        }
        self.mistake(node.at, "`lines` is [first, last]: whole numbers from 1, first not after last");
        None
    }

    fn search(&mut self, value: &Node) -> Option<Op> {
        if let Some(pattern) = self.short(value, "search") {
            return self.regex(pattern, value.at).map(|pattern| Op::Search { pattern, path: ".".to_owned() });
        }
        let fields = self.fields(value, "`search`", &["pattern", "path"])?;
        let pattern = self.field(&fields, "`search`", "pattern").and_then(|pattern| self.regex(pattern, fields.at));
        let path = match fields.get("path") {
            Some(_) => self.path_field(&fields, "`search`")?,
            None => ".".to_owned(),
        };
        Some(Op::Search { pattern: pattern?, path })
    }

    fn edit(&mut self, value: &Node) -> Option<Op> {
        let fields = self.fields(value, "`edit`", &["path", "old", "new"])?;
        let path = self.path_field(&fields, "`edit`");
        let old = self.required(&fields, "`edit`", "old").and_then(|node| self.text_or_empty(node, "old"));
        let new = self.required(&fields, "`edit`", "new").and_then(|node| self.text_or_empty(node, "new"));
        let (path, old, new) = (path?, old?, new?);
        if old.is_empty() {
            self.mistake(fields.at, "`old` is empty: use `write` for a new file");
        }
        if old == new {
            self.mistake(fields.at, "`old` and `new` are the same");
        }
        Some(Op::Edit { path, old, new })
    }

    fn write(&mut self, value: &Node) -> Option<Op> {
        let fields = self.fields(value, "`write`", &["path", "text"])?;
        let path = self.path_field(&fields, "`write`");
        let text = self.required(&fields, "`write`", "text").and_then(|node| self.text_or_empty(node, "text"));
        Some(Op::Write { path: path?, text: text? })
    }

    fn ask(&mut self, value: &Node) -> Option<Op> {
        if let Some(question) = self.short(value, "ask") {
            return Some(Op::Ask { question, options: Vec::new() });
        }
        let fields = self.fields(value, "`ask`", &["question", "options"])?;
        let question = self.field(&fields, "`ask`", "question");
        let options = match fields.get("options") {
            Some(node) => self.list(node, "options", MOST_ITEMS)?,
            None => &[],
        };
        let options = options.iter().filter_map(|node| self.text(node, "options")).collect();
        Some(Op::Ask { question: question?, options })
    }

    /// The short form of a step: a text in place of its map.
    fn short(&mut self, value: &Node, word: &str) -> Option<String> {
        match &value.value {
            Value::Text(_) => self.text(value, word),
            Value::Null | Value::Other(_) | Value::Whole(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    fn field(&mut self, fields: &Fields<'_>, what: &str, name: &str) -> Option<String> {
        self.required(fields, what, name).and_then(|node| self.text(node, name))
    }

    fn path_field(&mut self, fields: &Fields<'_>, what: &str) -> Option<String> {
        let node = self.required(fields, what, "path")?;
        self.text(node, "path").and_then(|path| self.path(path, node.at))
    }

    /// What can be seen from the words alone; links are looked at when the script is played.
    fn path(&mut self, path: String, at: Place) -> Option<String> {
        if path.starts_with('/') || path.split('/').any(|name| name == "..") || path.contains('\0') {
            self.mistake(
                at,
                format!("`{path}` may leave the workspace: write it relative to the workspace, without `..`"),
            );
            return None;
        }
        Some(path)
    }

    fn regex(&mut self, pattern: String, at: Place) -> Option<String> {
        match regex::RegexBuilder::new(&pattern).size_limit(1 << 20).build() {
            Ok(_) => Some(pattern),
            Err(bad) => {
                let bad = bad.to_string();
                let why = bad.lines().last().unwrap_or_default();
                self.mistake(at, format!("pattern `{pattern}` does not compile: {why}"));
                None
            }
        }
    }
}

fn is_batched(step: &Step) -> bool {
    match &step.what {
        What::Do(Op::Ask { .. }) | What::Say(_) | What::Think(_) | What::Together(_) => false,
        What::Do(
            Op::Plan(_) | Op::Read { .. } | Op::Search { .. } | Op::Edit { .. } | Op::Write { .. } | Op::Shell(_),
        ) => true,
    }
}
