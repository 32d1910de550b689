//! The tree -> `Suite`: everything but tasks and agents.

use super::{
    agents,
    build::{Builder, Want},
    finding::Code,
    gate::gate,
    judges, near,
    node::{Entry, Kind, Node, brief},
    tasks,
    units::{COUNT, DURATION, MONEY, SIZE, Units},
};
use crate::model::{
    suite::{ActsSpec, Budget, GraderSpec, Permits, Suite, ToolSpec},
    task::{Limits, Lines},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What tasks take from their suite.
pub struct Defaults {
    pub trials: u32,
    pub limits: Limits,
    pub permissions: crate::model::task::Permissions,
    pub language: String,
    pub lines: Lines,
}

/// The suite of a tree. Every mistake is noted on the way; the value is only good when none was an error.
pub fn suite(root: &Node, file: &Path, build: &mut Builder<'_>) -> Suite {
    let defaults = Defaults {
        trials: build.whole(root.get("trials")).unwrap_or(1),
        limits: limits(&Limits::default(), root.get("limits"), build),
        permissions: build.word(root.get("permissions")).unwrap_or_default(),
        language: build
            .maybe_line(root.get("interviewer").and_then(|node| node.get("language")))
            .unwrap_or_else(|| "en".to_owned()),
        lines: lines(root.get("interviewer").and_then(|node| node.get("lines")), build),
    };
    not_yet(root, build);
    let agents = agents::agents(root.get("agents"), build);
    let graders = graders(root.get("graders"), build);
    let graded = graders.iter().map(|grader| grader.name().to_owned()).collect();
    let tasks = tasks::tasks(root.get("tasks"), &defaults, build);
    Suite {
        name: build.line(root.get("suite")),
        about: build.maybe_text(root.get("about")),
        file: super::files::absolute(file),
        budget: Budget {
            cost: build.quantity(inner(root, "budget", "cost"), &MONEY),
            wall_ms: build.quantity(inner(root, "budget", "wall"), &DURATION),
        },
        seed: build.whole(root.get("seed")).map_or(0, u64::from),
        sandbox: build.word(root.get("sandbox")).unwrap_or_default(),
        permissions: defaults.permissions,
        concurrency: build.whole(inner(root, "concurrency", "trials")).unwrap_or(4),
        run: agents::to_run(root, build),
        graders,
        acts: ActsSpec {
            programs: strings(inner(root, "acts", "programs"), build),
            tools: tools(inner(root, "acts", "tools"), build),
        },
        agents,
        permits: permits(root.get("concurrency"), build),
        judges: judges::judges(root.get("judges"), build),
        tasks,
        gate: root.get("gate").map(|node| gate(node, &graded, build)),
    }
}

/// Limits as written, over those that hold otherwise.
pub fn limits(base: &Limits, node: Option<&Node>, build: &Builder<'_>) -> Limits {
    let get = |name: &str, units: &Units| build.quantity(node.and_then(|node| node.get(name)), units);
    Limits {
        turns: get("turns", &COUNT).map(|turns| u32::try_from(turns).unwrap_or(u32::MAX)).or(base.turns),
        start_ms: get("start", &DURATION).unwrap_or(base.start_ms),
        turn_ms: get("turn", &DURATION).or(base.turn_ms),
        idle_ms: get("idle", &DURATION).or(base.idle_ms),
        wall_ms: get("wall", &DURATION).or(base.wall_ms),
        tool_calls: get("tool_calls", &COUNT).or(base.tool_calls),
        tokens: get("tokens", &COUNT).or(base.tokens),
        output_bytes: get("output", &SIZE).unwrap_or(base.output_bytes),
        cost: get("cost", &MONEY).or(base.cost),
    }
}

/// A map of texts.
pub fn strings(node: Option<&Node>, build: &mut Builder<'_>) -> BTreeMap<String, String> {
    let entries = node.map_or(&[][..], Node::entries);
    entries.iter().map(|Entry { key, value }| (key.text.clone(), build.line(Some(value)))).collect()
}

/// A word, or a record with the fields of the tool's input.
fn tools(node: Option<&Node>, build: &mut Builder<'_>) -> BTreeMap<String, ToolSpec> {
    let mut tool = |value: &Node| {
        let Some(act) = value.get("act") else {
            return ToolSpec { act: build.line(Some(value)), ..ToolSpec::default() };
        };
        ToolSpec {
            act: build.line(Some(act)),
            path: build.lines(value.get("path")),
            pattern: build.lines(value.get("pattern")),
            command: build.lines(value.get("command")),
        }
    };
    let entries = node.map_or(&[][..], Node::entries);
    entries.iter().map(|Entry { key, value }| (key.text.clone(), tool(value))).collect()
}

fn inner<'a>(root: &'a Node, outer: &str, name: &str) -> Option<&'a Node> {
    root.get(outer).and_then(|node| node.get(name))
}

fn lines(node: Option<&Node>, build: &mut Builder<'_>) -> Lines {
    let usual = Lines::default();
    let mut get = |name: &str, usual: String| build.maybe_text(node.and_then(|node| node.get(name))).unwrap_or(usual);
    Lines {
        otherwise: get("otherwise", usual.otherwise),
        go_ahead: get("go_ahead", usual.go_ahead),
        offer: get("offer", usual.offer),
        enough: get("enough", usual.enough),
        remind: get("remind", usual.remind),
    }
}

/// What the language has and this version does not do: said, so that nobody waits for it.
fn not_yet(root: &Node, build: &mut Builder<'_>) {
    if let Some(entry) = root.get("interviewer").and_then(|node| node.entry("model")) {
        let what =
            "matching by a model is not in this version: a question that no pattern matches gets `lines.otherwise`";
        build.notes.warning(Code::NotYet.at(entry.key.span), what, "");
    }
}

/// Requests at once, per provider.
fn permits(node: Option<&Node>, build: &mut Builder<'_>) -> BTreeMap<String, Permits> {
    let mut out = BTreeMap::new();
    for Entry { key, value } in node.map_or(&[][..], Node::entries).iter().filter(|entry| entry.key.text != "trials") {
        if !build.names.judges.iter().any(|judge| judge.name == key.text) {
            let what = format!("`{}` has no effect: there is no such provider", brief(&key.text));
            let names = build.names.judges.iter().map(|judge| judge.name).chain(["trials"]);
            build.notes.warning(Code::NoEffect.at(key.span), what, near::hint(&key.text, names, "there are"));
            continue;
        }
        let permits = build.whole(Some(value)).map_or(Permits::Adaptive, Permits::Fixed);
        out.insert(key.text.clone(), permits);
    }
    out
}

fn graders(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<GraderSpec> {
    let Some(node) = node else {
        return build.names.graders.iter().map(|name| shipped(name)).collect();
    };
    let mut out: Vec<GraderSpec> = Vec::new();
    let mut seen = BTreeSet::new();
    for item in node.items() {
        let Some(spec) = grader(item, build) else { continue };
        if seen.insert(spec.name().to_owned()) {
            out.push(spec);
        } else {
            let what = format!("grader `{}` stands here twice", spec.name());
            build.notes.error(Code::Duplicate.at(item.span), what, "keep one of them; a program may have a `name`");
        }
    }
    out
}

fn grader(item: &Node, build: &mut Builder<'_>) -> Option<GraderSpec> {
    if let Kind::Map(_) = item.kind {
        let argv = build.argv(item.get("program"));
        let name = build.maybe_line(item.get("name")).unwrap_or_else(|| program_name(&argv));
        return Some(GraderSpec::Program { name, argv });
    }
    let name = build.line(Some(item));
    if name.is_empty() {
        return None;
    }
    if name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml") {
        let path = build.path(Some(item), Want::File)?;
        return Some(GraderSpec::Criteria { name: stem(&path), path: Some(path) });
    }
    if build.names.graders.contains(&name.as_str()) {
        return Some(shipped(&name));
    }
    let hint = near::hint(&name, build.names.graders.iter().copied(), "the shipped graders are");
    build.notes.error(Code::UnknownName.at(item.span), format!("no grader is called `{}`", brief(&name)), hint);
    None
}

fn shipped(name: &str) -> GraderSpec {
    GraderSpec::Criteria { name: name.to_owned(), path: None }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `style` for `[python3, graders/style.py]`.
fn program_name(argv: &[String]) -> String {
    let script = argv.iter().skip(1).rfind(|word| !word.starts_with('-') && word.contains(['/', '.']));
    script.or(argv.first()).map(|word| stem(&PathBuf::from(word))).unwrap_or_default()
}
