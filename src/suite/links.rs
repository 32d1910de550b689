//! What belongs together: names that must exist, stages that can run, weights that count.

use super::{
    build::{Builder, RowNow},
    files::{self, Stands},
    finding::{Code, Notes},
    interview::ONLY_STAGE,
    node::{Kind, Node, Span, brief, number},
    tasks::plain_folder,
};
use crate::model::task::Workspace;
use std::collections::{BTreeMap, BTreeSet};

/// Notes ids that stand twice in one list.
pub fn unique_ids(items: &[Node], what: &str, notes: &mut Notes) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for id in items.iter().filter_map(|item| item.get("id")) {
        let Some(name) = id.source().filter(|name| !name.is_empty()) else { continue };
        match seen.get(name) {
            Some(first) => {
                let message = format!("{what} `{name}` stands here twice: first at {}", notes.at(*first));
                notes.error(Code::Duplicate.at(id.span), message, "give each its own id");
            }
            None => {
                seen.insert(name, id.span);
            }
        }
    }
}

/// Notes everything in a task that names something that is not there or can never happen.
pub fn check(task: &Node, workspace: &Workspace, build: &mut Builder<'_>) {
    let there = There::of(task);
    expectations(task, &there, build);
    for (at, stage) in there.stages.iter().enumerate() {
        stage_links(stage, at, &there, build);
    }
    let interview = task.get("interview");
    for fact in items(interview, "facts") {
        for wording in fact.get("say").map_or(&[][..], Node::items) {
            known_stage(wording.get("from"), &there, build);
        }
        first_wording(fact, &there, build);
        known(fact.get("check"), "check", &there.checks, build);
        discoverable(fact, workspace, build);
    }
    for constraint in items(interview, "constraints") {
        known_stage(constraint.get("from"), &there, build);
        known(constraint.get("check"), "check", &there.checks, build);
    }
    for entry in task.get("checks").map_or(&[][..], Node::entries) {
        known_stage(entry.value.get("until"), &there, build);
    }
    weights(task, build);
    unused(task, &there, build);
}

/// The names of a task, from the tree: what failed to decode is there all the same.
struct There<'a> {
    stages: Vec<&'a Node>,
    stage_ids: Vec<String>,
    stage_names: BTreeSet<String>,
    checks: BTreeSet<String>,
    facts: BTreeSet<String>,
    constraints: BTreeSet<String>,
    /// Where each constraint comes into force.
    constraint_from: BTreeMap<String, usize>,
    /// Stages that expect a check.
    expected: BTreeMap<String, usize>,
    /// The stage from which a check is superseded.
    until: BTreeMap<String, usize>,
}

impl<'a> There<'a> {
    fn of(task: &'a Node) -> There<'a> {
        let interview = task.get("interview");
        let stages: Vec<&Node> = items(interview, "stages").iter().collect();
        let mut stage_ids: Vec<String> = stages.iter().map(|stage| id(stage)).collect();
        if interview.and_then(|node| node.get("stages")).is_none() {
            stage_ids = vec![ONLY_STAGE.to_owned()];
        }
        let entries = task.get("checks").map_or(&[][..], Node::entries);
        let mut there = There {
            stage_names: stage_ids.iter().filter(|name| !name.is_empty()).cloned().collect(),
            checks: entries.iter().map(|entry| entry.key.text.clone()).collect(),
            facts: items(interview, "facts").iter().map(id).collect(),
            constraints: items(interview, "constraints").iter().map(id).collect(),
            constraint_from: BTreeMap::new(),
            expected: BTreeMap::new(),
            until: BTreeMap::new(),
            stages,
            stage_ids,
        };
        for constraint in items(interview, "constraints") {
            let from = constraint.get("from").and_then(Node::source);
            there.constraint_from.insert(id(constraint), from.map_or(Some(0), |name| there.stage(name)).unwrap_or(0));
        }
        for (at, stage) in there.stages.iter().enumerate() {
            for name in items(Some(stage), "expect").iter().filter_map(Node::source) {
                there.expected.entry(name.to_owned()).or_insert(at);
            }
        }
        for entry in entries {
            if let Some(at) = entry.value.get("until").and_then(Node::source).and_then(|name| there.stage(name)) {
                there.until.insert(entry.key.text.clone(), at);
            }
        }
        there
    }

    fn stage(&self, name: &str) -> Option<usize> {
        self.stage_ids.iter().position(|id| id == name)
    }
}

fn expectations(task: &Node, there: &There<'_>, build: &mut Builder<'_>) {
    let own = items(Some(task), "expect").iter().map(|item| (0, item));
    let staged = there
        .stages
        .iter()
        .enumerate()
        .flat_map(|(at, stage)| items(Some(stage), "expect").iter().map(move |i| (at, i)));
    let all: Vec<(usize, &Node)> = own.chain(staged).collect();
    for (at, item) in all {
        if !build.known(item, "check", &there.checks) {
            continue;
        }
        let name = item.source().unwrap_or_default();
        if let Some(until) = there.until.get(name).filter(|until| at >= **until) {
            let stage = there.stage_ids.get(*until).cloned().unwrap_or_default();
            let what = format!("check `{name}` is superseded from stage `{stage}` on, and expected here");
            build.notes.error(Code::NeverRuns.at(item.span), what, "take it out here, or change its `until`");
        }
    }
}

fn stage_links(stage: &Node, at: usize, there: &There<'_>, build: &mut Builder<'_>) {
    if let Some(fact) = stage.get("say").and_then(|say| say.get("if_told")) {
        known(Some(fact), "fact", &there.facts, build);
    }
    let Some(when) = stage.get("when") else { return };
    let kinds = [
        ("check", "check", &there.checks),
        ("constraint", "constraint", &there.constraints),
        ("told", "fact", &there.facts),
        ("asked", "fact", &there.facts),
    ];
    for (field, what, names) in kinds {
        if let Some(node) = when.get(field)
            && build.known(node, what, names)
            && let Some(why) = never(field, &build.line(Some(node)), at, there)
        {
            let name = there.stage_ids.get(at).filter(|name| !name.is_empty());
            let stage = name.map_or("this stage".to_owned(), |name| format!("stage `{name}`"));
            let what = format!("{stage} can never run: {why}");
            build.notes.error(Code::NeverRuns.at(node.span), what, never_hint(field));
        }
    }
}

/// Why a stage's condition can never hold.
fn never(field: &str, name: &str, at: usize, there: &There<'_>) -> Option<String> {
    if at == 0 {
        return Some("it is the first, and nothing has happened before it".to_owned());
    }
    match field {
        "check" => match there.expected.get(name) {
            Some(first) if *first < at => None,
            Some(_) | None => Some(format!("no stage before it expects check `{name}`")),
        },
        "constraint" => match there.constraint_from.get(name) {
            Some(from) if *from >= at => Some(format!("constraint `{name}` is not in force before it")),
            Some(_) | None => None,
        },
        _ => None,
    }
}

fn never_hint(field: &str) -> &'static str {
    match field {
        "check" => "an earlier stage must have it in its `expect`",
        "constraint" => "its `from` must be an earlier stage",
        _ => "take `when` out, or move the stage down",
    }
}

fn known(node: Option<&Node>, what: &str, names: &BTreeSet<String>, build: &mut Builder<'_>) {
    if let Some(node) = node {
        build.known(node, what, names);
    }
}

fn known_stage(node: Option<&Node>, there: &There<'_>, build: &mut Builder<'_>) {
    known(node, "stage", &there.stage_names, build);
}

/// Asked before the stage of its first wording, the interviewer would have nothing to say.
fn first_wording(fact: &Node, there: &There<'_>, build: &mut Builder<'_>) {
    let wordings = fact.get("say").map_or(&[][..], Node::items);
    let from = |wording: &Node| wording.get("from").and_then(Node::source).map(|name| there.stage(name));
    let late = |wording: &Node| matches!(from(wording), Some(Some(at)) if at > 0);
    if let (Some(first), true) = (wordings.first(), wordings.iter().all(late)) {
        let span = first.get("from").map_or(first.span, |node| node.span);
        let stage = first.get("from").and_then(Node::source).unwrap_or_default();
        let what = format!("fact `{}` has no answer before stage `{}`", brief(&id(fact)), brief(stage));
        build.notes.error(Code::Misplaced.at(span), what, "add a wording without `from`");
    }
}

/// A path that is to answer a question must be in the workspace; where a setup makes files nobody can say.
fn discoverable(fact: &Node, workspace: &Workspace, build: &mut Builder<'_>) {
    let Some(folder) = plain_folder(workspace) else { return };
    for item in fact.get("discoverable").map_or(&[][..], Node::items) {
        let path = build.line(Some(item));
        let glob = path.contains(['*', '?', '[', '{']);
        if !path.is_empty() && !glob && files::stands(&folder.join(&path)) == Stands::Nothing {
            let what = format!("the workspace has no `{path}`");
            build.notes.error(Code::Path.at(item.span), what, "paths here are relative to the workspace");
        }
    }
}

/// A mean over weights that are all 0 is no number.
fn weights(task: &Node, build: &mut Builder<'_>) {
    let facts: Vec<&Node> = items(task.get("interview"), "facts").iter().collect();
    let checks: Vec<&Node> =
        task.get("checks").map_or(&[][..], Node::entries).iter().map(|entry| &entry.value).collect();
    for (what, nodes) in [("facts", facts), ("checks", checks)] {
        let written: Vec<&Node> = nodes.iter().filter_map(|node| node.get("weight")).collect();
        let zero = |node: &&Node| node.source().and_then(number).and_then(|number| number.as_f64()) == Some(0.0);
        if let (Some(first), true) = (written.first(), written.len() == nodes.len() && written.iter().all(zero)) {
            build.notes.error(
                Code::Weights.at(first.span),
                format!("the weights of these {what} sum to 0"),
                "one at least must be above 0",
            );
        }
    }
}

fn unused(task: &Node, there: &There<'_>, build: &mut Builder<'_>) {
    if build.row != RowNow::NoRows {
        return;
    }
    let mut used: BTreeSet<&str> = there.expected.keys().map(String::as_str).collect();
    used.extend(items(Some(task), "expect").iter().filter_map(Node::source));
    used.extend(items(task.get("interview"), "constraints").iter().filter_map(|node| node.get("check")?.source()));
    let asked = there.stages.iter().filter_map(|stage| stage.get("when")?.get("check")?.source());
    used.extend(asked);
    for entry in task.get("checks").map_or(&[][..], Node::entries) {
        let unknown = used.iter().any(|name| !there.checks.contains(*name));
        if !used.contains(entry.key.text.as_str()) && !unknown && matches!(entry.value.kind, Kind::Map(_)) {
            let what = format!("check `{}` is never asked for", entry.key.text);
            build.notes.warning(
                Code::NoEffect.at(entry.key.span),
                what,
                "put it into a stage's `expect`, or into a constraint",
            );
        }
    }
}

fn items<'a>(node: Option<&'a Node>, name: &str) -> &'a [Node] {
    node.and_then(|node| node.get(name)).map_or(&[][..], Node::items)
}

fn id(node: &Node) -> String {
    node.get("id").and_then(Node::source).unwrap_or_default().to_owned()
}
