//! The sentence of a verdict: `pass` where the value is 1, `fail` below, `skip` where what the criterion `needs` does not hold. All are checked
//! when the file is read.
//!
//! `act` is the act of the first cited event, `quote` its most telling line, `count` what the whole trial held.

use super::{
    Evidence,
    expression::{self, ENV},
    node::{Findings, Node},
};
use crate::model::{
    act::Act,
    score::{Cite, Measured},
};
use minijinja::{Value, context, value::Serde};
use serde_json::json;

/// Fields of `act`.
pub const ACT: &[(&str, &str)] = &[
    ("event", "the first cited event (e41)"),
    ("kind", "its act: test, edit, ...; empty where it is no tool call"),
    ("program", "the program or tool"),
    ("command", "the command line as it stood, or the tool and its path"),
    ("path", "the first path it wrote or read"),
];

/// Fields of `count`.
pub const COUNT: &[(&str, &str)] = &[
    ("edits", "edits that took hold"),
    ("files_edited", "distinct files edited"),
    ("checks", "tests, builds and lints that ran"),
    ("calls", "tool calls"),
    ("searches", "search acts"),
    ("files_read", "distinct files read"),
    ("questions", "questions asked"),
    ("messages", "messages of the agent"),
    ("plans", "plan updates"),
    ("turns", "turns"),
];

/// Roots that a sentence may use.
const ROOTS: &[&str] = &["act", "count", "metric", "quote", "task", "end"];
/// Characters of a sentence.
const LONGEST: usize = 400;
/// Characters of a command line in it.
const LINE: usize = 100;
/// Characters of a quote in it.
const QUOTE: usize = 120;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Says {
    pub pass: Option<String>,
    pub fail: Option<String>,
    pub skip: Option<String>,
}

/// What a sentence is about.
pub struct Told<'s> {
    pub value: f64,
    pub cites: &'s [Cite],
    /// Of the first metric that was read.
    pub behaviour: &'static str,
}

impl Says {
    pub(super) fn decode(node: Option<&Node>, findings: &mut Findings) -> Says {
        let Some(node) = node else { return Says::default() };
        let Some(entries) = node.map() else {
            findings.add(node, "`says` is a mapping with `pass`, `fail` and `skip`");
            return Says::default();
        };
        let mut says = Says::default();
        for (key, value) in entries {
            let slot = match key.text() {
                Some("pass") => &mut says.pass,
                Some("fail") => &mut says.fail,
                Some("skip") => &mut says.skip,
                Some(_) | None => {
                    findings.add(key, "`says` has `pass`, `fail` and `skip`, nothing else");
                    continue;
                }
            };
            *slot = checked(value, findings);
        }
        says
    }

    /// The sentence for a value, if the criterion brings one.
    pub fn sentence(&self, told: &Told<'_>, evidence: &Evidence<'_>) -> Option<String> {
        rendered(if told.value >= 1.0 { &self.pass } else { &self.fail }, told, evidence)
    }

    /// Why the criterion is not asked, if it brings a sentence for that.
    pub fn skipped(&self, evidence: &Evidence<'_>) -> Option<String> {
        rendered(&self.skip, &Told { value: 0.0, cites: &[], behaviour: "" }, evidence)
    }
}

fn rendered(template: &Option<String>, told: &Told<'_>, evidence: &Evidence<'_>) -> Option<String> {
    let text = ENV.render_str(template.as_ref()?, variables(told, evidence)).ok()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect())
}

fn checked(node: &Node, findings: &mut Findings) -> Option<String> {
    let Some(text) = node.text() else {
        findings.add(node, format!("a sentence is a text, not {}", node.kind()));
        return None;
    };
    match ENV.template_from_str(text) {
        Ok(template) => {
            let mut wrong: Vec<String> = template
                .undeclared_variables(true)
                .iter()
                .filter_map(|name| expression::unknown_name(name, ROOTS))
                .collect();
            wrong.sort();
            wrong.into_iter().for_each(|what| findings.add(node, what));
        }
        Err(error) => {
            findings.add(node, format!("the sentence does not compile: {}", error.detail().unwrap_or("syntax error")))
        }
    }
    Some(text.to_owned())
}

fn variables(told: &Told<'_>, evidence: &Evidence<'_>) -> Value {
    let cites = told.cites;
    context! {
        act => act(told, evidence),
        count => counts(evidence),
        metric => readable(evidence),
        quote => cites.first().map(|cite| short(&cite.quote, QUOTE)).unwrap_or_default(),
        task => expression::task(evidence),
        end => expression::end(evidence),
    }
}

fn act(told: &Told<'_>, evidence: &Evidence<'_>) -> Value {
    let facts = evidence.facts;
    let event = told.cites.first().map(|cite| cite.event);
    let found = event.and_then(|event| {
        let start = facts.acts.partition_point(|act| act.at.0 < event);
        let of_event = || facts.acts[start..].iter().take_while(|act| act.at.0 == event);
        // One line may edit and test; a sentence about checks means the test.
        let checks = told.behaviour == "self_checking";
        of_event().find(|act| !checks || act.deed.act.is_check()).or_else(|| of_event().next())
    });
    let path = found.and_then(|act| act.writes.first().or(act.reads.first())).cloned().unwrap_or_default();
    let command = found.map(|act| {
        if act.deed.command.is_empty() { format!("{} {path}", act.deed.program) } else { act.deed.command.clone() }
    });
    Value::from(Serde(json!({
        "event": event.map(|event| event.to_string()).unwrap_or_default(),
        "kind": found.map(|act| act.deed.act.word()).unwrap_or_default(),
        "program": found.map(|act| act.deed.program.as_str()).unwrap_or_default(),
        "command": short(&command.unwrap_or_default(), LINE),
        "path": path,
    })))
}

/// The first line, as far as it fits into a sentence.
fn short(text: &str, most: usize) -> String {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = lines.next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", &line[..line[..end].rfind(' ').unwrap_or(end)]),
        None if lines.next().is_some() => format!("{line} ..."),
        None => line,
    }
}

fn counts(evidence: &Evidence<'_>) -> Value {
    let facts = evidence.facts;
    let acts = |act: Act| facts.acts.iter().filter(move |done| done.deed.act == act);
    let distinct = |paths: std::collections::BTreeSet<&str>| paths.len();
    Value::from(Serde(json!({
        "edits": facts.applied().count(),
        "files_edited": distinct(facts.applied().map(|edit| edit.path.as_str()).collect()),
        "checks": facts.checks.len(),
        "calls": facts.calls.len(),
        "searches": acts(Act::Search).count(),
        "files_read": distinct(acts(Act::Read).flat_map(|act| act.reads.iter().map(String::as_str)).collect()),
        "questions": facts.questions.iter().filter(|asked| asked.answerable && asked.kind.asks()).count(),
        "messages": facts.messages.len(),
        "plans": facts.plans.len(),
        "turns": facts.users.len(),
    })))
}

/// Metrics as a sentence shows them: at most two decimals, or the word for why there is none.
fn readable(evidence: &Evidence<'_>) -> Value {
    let words = |measured: &Measured| match measured {
        Measured::Value(reading) => crate::metrics::number((reading.value * 100.0).round() / 100.0),
        Measured::Undefined(_) => json!("undefined"),
        Measured::Unknown(_) => json!("unknown"),
    };
    let map: serde_json::Map<String, serde_json::Value> =
        evidence.metrics.iter().map(|(id, measured)| ((*id).to_owned(), words(measured))).collect();
    Value::from(Serde(map))
}
