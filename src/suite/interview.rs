//! The script of a task: stages, facts, constraints.

use super::{
    build::Builder,
    decode::Defaults,
    finding::Code,
    links,
    node::{Kind, Node, Read, brief},
};
use crate::model::task::{Constraint, Fact, Interview, Say, Spoken, Stage, When, Wording};
use regex::Regex;
use std::rc::Rc;

/// The one stage of a task that has its `say` on itself.
pub const ONLY_STAGE: &str = "brief";
const REPLIES: u32 = 4;

pub fn interview(task: &Node, defaults: &Defaults, build: &mut Builder<'_>) -> Interview {
    let node = task.get("interview");
    let get = |name: &str| node.and_then(|node| node.get(name));
    let stages = stages(task, build);
    let first = stages.first().map(|stage| stage.id.clone()).unwrap_or_default();
    Interview {
        stages,
        facts: facts(get("facts"), build),
        replies: build.whole(get("replies")).unwrap_or(REPLIES),
        constraints: constraints(get("constraints"), &first, build),
        twin: build.flag(get("twin")),
        language: defaults.language.clone(),
        lines: defaults.lines.clone(),
        model: None,
    }
}

fn stages(task: &Node, build: &mut Builder<'_>) -> Vec<Stage> {
    let listed = task.get("interview").and_then(|node| node.entry("stages"));
    match (task.entry("say"), listed) {
        (Some(say), Some(_)) => {
            let what = "`say` stands here and `interview.stages` as well";
            build.notes.error(
                Code::Misplaced.at(say.key.span),
                what,
                "a one-turn task has `say`, any other has stages",
            );
        }
        (None, Some(_)) => {
            if let Some(expect) = task.entry("expect") {
                let what = "`expect` stands here and `interview.stages` as well";
                build.notes.error(Code::Misplaced.at(expect.key.span), what, "move it to the stage that must meet it");
            }
        }
        (None, None) => nothing_said(task, build),
        (Some(_), None) => {}
    }
    match listed {
        Some(entry) => {
            links::unique_ids(entry.value.items(), "stage", build.notes);
            entry
                .value
                .items()
                .iter()
                .filter(|item| matches!(item.kind, Kind::Map(_)))
                .map(|item| stage(item, build))
                .collect()
        }
        None => vec![Stage {
            id: ONLY_STAGE.to_owned(),
            when: None,
            correction: false,
            say: say(task.get("say"), build),
            expect: build.lines(task.get("expect")),
        }],
    }
}

fn nothing_said(task: &Node, build: &mut Builder<'_>) {
    // A misspelled `say`, `interview` or `stages` has been reported as unknown.
    let near = |node: &Node, names: &[&str]| {
        node.entries().iter().any(|entry| super::near::near(&entry.key.text, names.iter().copied()).is_some())
    };
    let interview = task.get("interview");
    let typo = near(task, &["say", "interview"]) && interview.is_none();
    if typo || interview.is_some_and(|node| near(node, &["stages"]) || !matches!(node.kind, Kind::Map(_))) {
        return;
    }
    let place = task.entry("id").map_or(task.span, |entry| entry.key.span);
    build.notes.error(
        Code::Misplaced.at(place),
        "nothing is said in this task",
        "write `say:`, or `interview: {stages: [...]}`",
    );
}

fn stage(node: &Node, build: &mut Builder<'_>) -> Stage {
    Stage {
        id: build.line(node.get("id")),
        when: node.get("when").and_then(|when| self::when(when, build)),
        correction: node.get("counts_as").and_then(Node::source) == Some("correction"),
        say: say(node.get("say"), build),
        expect: build.lines(node.get("expect")),
    }
}

fn when(node: &Node, build: &mut Builder<'_>) -> Option<When> {
    let is = node.get("is").and_then(Node::source);
    if let Some(check) = node.get("check") {
        return Some(When::Check { name: build.line(Some(check)), passed: is? == "passed" });
    }
    if let Some(constraint) = node.get("constraint") {
        return Some(When::Constraint { id: build.line(Some(constraint)), kept: is? == "kept" });
    }
    if let Some(fact) = node.get("told") {
        return Some(When::Told { fact: build.line(Some(fact)) });
    }
    node.get("asked").map(|fact| When::Asked { fact: build.line(Some(fact)) })
}

fn say(node: Option<&Node>, build: &mut Builder<'_>) -> Say {
    if let Some(node) = node.filter(|node| node.scalar().is_some_and(|s| !s.plain && s.text.trim().is_empty())) {
        build.notes.error(Code::Misplaced.at(node.span), "this says nothing", "write what the interviewer says");
    }
    let Some(fact) = node.and_then(|node| node.get("if_told")) else { return Say::Text(build.text(node)) };
    let get = |name: &str| node.and_then(|node| node.get(name));
    Say::IfTold { fact: build.line(Some(fact)), then: build.text(get("then")), otherwise: build.text(get("else")) }
}

fn facts(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<Fact> {
    let items = node.map_or(&[][..], Node::items);
    links::unique_ids(items, "fact", build.notes);
    items.iter().filter(|item| matches!(item.kind, Kind::Map(_))).map(|item| fact(item, build)).collect()
}

fn fact(node: &Node, build: &mut Builder<'_>) -> Fact {
    examples(node, build);
    Fact {
        id: build.line(node.get("id")),
        ask: build.lines(node.get("ask")),
        not: build.lines(node.get("not")),
        examples: build.lines(node.get("examples")),
        about: build.text(node.get("about")),
        weight: build.real(node.get("weight")).unwrap_or(1.0),
        discoverable: build.lines(node.get("discoverable")),
        check: build.maybe_line(node.get("check")),
        alternatives: build.lines(node.get("alternatives")),
        say: wordings(node.get("say"), build),
    }
}

fn wordings(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<Wording> {
    match node {
        Some(Node { kind: Kind::List(items), .. }) => {
            let wording =
                |item: &Node| Wording { from: build.maybe_line(item.get("from")), text: build.text(item.get("text")) };
            items.iter().map(wording).collect()
        }
        Some(_) => vec![Wording { from: None, text: build.text(node) }],
        None => Vec::new(),
    }
}

/// Patterns must compile, and match the examples that stand beside them.
fn examples(node: &Node, build: &mut Builder<'_>) {
    let (Some(ask), not) = (patterns(node.get("ask"), build), patterns(node.get("not"), build)) else { return };
    let Some(not) = not else { return };
    for item in node.get("examples").map_or(&[][..], Node::items) {
        let example = build.line(Some(item));
        let asked = ask.iter().any(|pattern| pattern.is_match(&example));
        let unasked = not.iter().find(|pattern| pattern.is_match(&example));
        if example.is_empty() {
            continue;
        }
        if !asked {
            let what = format!("no `ask` pattern matches this example of `{}`", build.line(node.get("id")));
            build.notes.error(Code::Pattern.at(item.span), what, "change the pattern, or add one");
        } else if let Some(pattern) = unasked {
            let what = format!("the `not` pattern `{}` takes this example out", brief(pattern.as_str()));
            build.notes.error(Code::Pattern.at(item.span), what, "make it narrower");
        }
    }
}

/// `None` where one of them is wrong: then nothing can be said about examples.
fn patterns(node: Option<&Node>, build: &mut Builder<'_>) -> Option<Vec<Rc<Regex>>> {
    let mut out = Vec::new();
    let mut good = true;
    let items = node.map_or(&[][..], Node::items);
    // When nobody will read more findings, compiling more patterns only costs time.
    if build.notes.is_full() || node.is_some_and(|node| !matches!(node.kind, Kind::List(_))) {
        return None;
    }
    for item in items {
        if item.scalar().is_none_or(|scalar| scalar.read() != Read::Text) {
            good = false;
            continue;
        }
        let text = build.line(Some(item));
        match build.pattern(&text) {
            Ok(pattern) => out.push(pattern),
            Err(error) => {
                good = false;
                let what = format!("this pattern does not compile: {error}");
                build.notes.error(
                    Code::Pattern.at(item.span),
                    what,
                    "patterns are regular expressions: put `\\` before a sign that stands for itself",
                );
            }
        }
    }
    good.then_some(out)
}

fn constraints(node: Option<&Node>, first: &str, build: &mut Builder<'_>) -> Vec<Constraint> {
    let items = node.map_or(&[][..], Node::items);
    links::unique_ids(items, "constraint", build.notes);
    let constraint = |item: &Node| Constraint {
        id: build.line(item.get("id")),
        from: build.maybe_line(item.get("from")).unwrap_or_else(|| first.to_owned()),
        spoken: build.word(item.get("spoken")).unwrap_or(Spoken::WithStage),
        text: build.text(item.get("text")),
        check: build.line(item.get("check")),
    };
    items.iter().filter(|item| matches!(item.kind, Kind::Map(_))).map(constraint).collect()
}
