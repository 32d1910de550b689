//! Tasks: rows unfolded, workspaces, checks and rules; and the hash of each.

use super::{
    build::{Builder, RowNow, Want, brief_path},
    decode::{Defaults, limits, strings},
    files::{self, Stands},
    finding::Code,
    interview, links,
    node::{Entry, Kind, Node, Span},
    rows::{self, Reading, Row},
    task_hash::{self, Written},
    units::DURATION,
};
use crate::model::task::{Check, CheckWhat, Gold, Guardrail, ScoreAt, Setup, Severity, Source, Task, Workspace};
use std::{collections::BTreeMap, path::Path};

const CHECK_MS: u64 = 300_000;
const SETUP_MS: u64 = 600_000;

/// The tasks of a suite, in file order, one per row where there are rows.
pub fn tasks(node: Option<&Node>, defaults: &Defaults, build: &mut Builder<'_>) -> Vec<Task> {
    let items = node.map_or(&[][..], Node::items);
    links::unique_ids(items, "task", build.notes);
    let mut out = Vec::new();
    for item in items.iter().filter(|item| matches!(item.kind, Kind::Map(_))) {
        match item.get("rows") {
            None => {
                no_rows(item, build);
                out.push(task(item, defaults, build));
            }
            Some(rows) => {
                let rows = table(rows, build);
                let unread = if rows.is_empty() { vec![RowNow::Unread] } else { Vec::new() };
                for row in rows.into_iter().map(RowNow::Row).chain(unread) {
                    build.row = row;
                    out.push(task(item, defaults, build));
                }
                build.row = RowNow::NoRows;
            }
        }
    }
    out
}

fn table(node: &Node, build: &mut Builder<'_>) -> Vec<Row> {
    let (Some(path), Some(key)) = (build.path(node.get("file"), Want::File), node.get("key")) else {
        return Vec::new();
    };
    let Some(named) = node.get("file") else { return Vec::new() };
    let name = build.relative(named.span, named.source().unwrap_or_default());
    let text = match files::text(&path) {
        Ok(text) => text,
        Err(error) => {
            build.notes.error(Code::Path.at(named.span), format!("`{}`: {error}", brief_path(&name)), "");
            return Vec::new();
        }
    };
    let json_lines = match path.extension().and_then(|end| end.to_str()) {
        Some("csv") => false,
        Some("jsonl" | "ndjson") => true,
        Some(_) | None => {
            let what = "a table is a `.csv` or a `.jsonl` file";
            build.notes.error(Code::Rows.at(named.span), what, "the file's name says which");
            return Vec::new();
        }
    };
    let file = build.notes.source(&name, text);
    let reading = Reading { file, json_lines, key, cluster: node.get("cluster") };
    rows::read(&reading, build.notes).map(|table| table.rows).unwrap_or_default()
}

/// `{{ row.x }}` in a task without rows would be said to the agent as it stands.
fn no_rows(node: &Node, build: &mut Builder<'_>) {
    match &node.kind {
        Kind::Map(entries) => entries.iter().for_each(|entry| no_rows(&entry.value, build)),
        Kind::List(items) => items.iter().for_each(|item| no_rows(item, build)),
        Kind::Scalar(scalar) => {
            if rows::asks_for_row(&scalar.text) {
                let what = "`{{ row. }}` in a task without `rows`";
                build.notes.error(
                    Code::Template.at(node.span),
                    what,
                    "`rows: {file: TABLE.csv, key: COLUMN}` gives the task its rows",
                );
            }
        }
    }
}

fn task(node: &Node, defaults: &Defaults, build: &mut Builder<'_>) -> Task {
    let mut written = Written::default();
    let id = build.line(node.get("id"));
    let (id, cluster) = match &build.row {
        RowNow::Row(row) => (format!("{id}@{}", row.key), row.cluster.clone()),
        RowNow::NoRows | RowNow::Unread => (id, None),
    };
    let workspace = workspace(node.get("workspace"), &mut written, build);
    let checks = checks(node.get("checks"), &mut written, build);
    let interview = interview::interview(node, defaults, build);
    links::check(node, &workspace, build);
    let mut task = Task {
        id,
        about: build.maybe_text(node.get("about")),
        kind: build.word(node.get("kind")),
        tags: build.lines(node.get("tags")),
        requires: build.lines(node.get("requires")),
        check_kinds: build.lines(node.get("check_kinds")),
        trials: build.whole(node.get("trials")).unwrap_or(defaults.trials),
        cluster,
        workspace,
        interview,
        checks,
        gold: gold(node.get("gold"), build),
        guardrails: guardrails(node.get("guardrails"), build),
        limits: limits(&defaults.limits, node.get("limits"), build),
        permissions: build.word(node.get("permissions")).unwrap_or(defaults.permissions),
        hash: String::new(),
    };
    if !build.notes.failed() {
        task.hash = task_hash::hash(&task, &written, build);
    }
    task
}

fn workspace(node: Option<&Node>, written: &mut Written, build: &mut Builder<'_>) -> Workspace {
    let get = |name: &str| node.and_then(|node| node.get(name));
    if let (Some(_), Some(git)) = (get("copy"), node.and_then(|node| node.entry("git"))) {
        build.notes.error(
            Code::Misplaced.at(git.key.span),
            "`copy` and `git` both stand here",
            "a workspace has one source",
        );
    }
    let source = match (get("copy"), get("git")) {
        (Some(copy), _) => {
            written.source = Some(copy.span);
            build.path(Some(copy), Want::Folder).map_or(Source::Empty, |path| Source::Copy { path })
        }
        (None, Some(git)) => git_source(git, written, build),
        (None, None) => Source::Empty,
    };
    globs(get("ignore"), build);
    Workspace {
        source,
        setup: setups(get("setup"), build),
        each_trial: setups(get("each_trial"), build),
        ignore: build.lines(get("ignore")),
        env: strings(get("env"), build),
        network: build.word(get("network")).unwrap_or_default(),
    }
}

fn git_source(git: &Node, written: &mut Written, build: &mut Builder<'_>) -> Source {
    let url = build.line(git.get("url"));
    written.git = Some(url.clone());
    let span = git.get("url").map(|node| node.span);
    for node in [git.get("url"), git.get("rev")].into_iter().flatten() {
        if build.line(Some(node)).starts_with('-') {
            let what = "this begins with `-`, which git takes for an option";
            build.notes.error(Code::Misplaced.at(node.span), what, "");
        }
    }
    let local = !url.is_empty()
        && !url.starts_with('-')
        && !url.contains("://")
        && !url.split('/').next().is_some_and(|host| host.contains(':'));
    let url = match (local, span) {
        (true, Some(span)) => local_repository(&url, span, build),
        (true | false, _) => url,
    };
    Source::Git { url, rev: build.line(git.get("rev")) }
}

fn local_repository(url: &str, span: Span, build: &mut Builder<'_>) -> String {
    let path = build.relative(span, url);
    match files::stands(&path) {
        Stands::Folder | Stands::File => files::absolute(&path).to_string_lossy().into_owned(),
        Stands::Nothing => {
            let what = format!("`{}` does not exist", brief_path(&path));
            build.notes.error(
                Code::Path.at(span),
                what,
                "a URL has `://`; a path is relative to the file it stands in",
            );
            url.to_owned()
        }
    }
}

fn setups(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<Setup> {
    let items = node.map_or(&[][..], Node::items);
    let setup = |item: &Node| Setup {
        run: build.command(item.get("run")),
        timeout_ms: build.quantity(item.get("timeout"), &DURATION).unwrap_or(SETUP_MS),
    };
    items.iter().map(setup).collect()
}

fn checks(node: Option<&Node>, written: &mut Written, build: &mut Builder<'_>) -> Vec<Check> {
    let entries = node.map_or(&[][..], Node::entries);
    let known = |entry: &&Entry| matches!(entry.value.kind, Kind::Map(_));
    entries.iter().filter(known).map(|entry| check(entry, written, build)).collect()
}

fn check(entry: &Entry, written: &mut Written, build: &mut Builder<'_>) -> Check {
    let node = &entry.value;
    if let Some(with) = node.get("with") {
        written.with.insert(entry.key.text.clone(), with.span);
    }
    Check {
        name: entry.key.text.clone(),
        what: check_what(node, build),
        with: build.path(node.get("with"), Want::Folder),
        timeout_ms: build.quantity(node.get("timeout"), &DURATION).unwrap_or(CHECK_MS),
        keep_green: build.flag(node.get("keep_green")),
        until: build.maybe_line(node.get("until")),
        weight: build.real(node.get("weight")).unwrap_or(1.0),
        pass_at: build.real(node.get("pass_at")).unwrap_or(0.5),
    }
}

fn check_what(node: &Node, build: &mut Builder<'_>) -> CheckWhat {
    if let Some(tests) = node.get("tests") {
        return CheckWhat::Tests { run: build.command(Some(tests)) };
    }
    if let Some(unchanged) = node.get("unchanged") {
        globs(Some(unchanged), build);
        return CheckWhat::Unchanged { globs: build.lines(Some(unchanged)) };
    }
    if let Some(same) = node.get("same_content") {
        globs(Some(same), build);
        return CheckWhat::SameContent { globs: build.lines(Some(same)) };
    }
    let score = node.get("score").map(|score| score_at(score, build));
    CheckWhat::Run { run: build.command(node.get("run")), score }
}

fn score_at(node: &Node, build: &mut Builder<'_>) -> ScoreAt {
    let score = ScoreAt {
        json: build.line(node.get("json")),
        at: build.line(node.get("at")),
        best: build.real(node.get("best")).unwrap_or(1.0),
        worst: build.real(node.get("worst")).unwrap_or(0.0),
    };
    if let (Some(at), false) = (node.get("at"), score.at.is_empty() || score.at.starts_with('/')) {
        let hint = format!("write `/{}`", score.at.replace('.', "/"));
        build.notes.error(Code::Misplaced.at(at.span), "this is no JSON pointer: it begins with `/`", hint);
    }
    if let (Some(best), Some(worst)) = (build.real(node.get("best")), build.real(node.get("worst")))
        && (best - worst).abs() < f64::EPSILON
    {
        let span = node.get("worst").map_or(node.span, |worst| worst.span);
        build.notes.error(Code::Misplaced.at(span), "`best` and `worst` are the same", "the score lies between them");
    }
    score
}

fn gold(node: Option<&Node>, build: &mut Builder<'_>) -> Gold {
    let get = |name: &str| node.and_then(|node| node.get(name));
    globs(get("read"), build);
    globs(get("edit"), build);
    Gold { read: build.lines(get("read")), edit: build.lines(get("edit")) }
}

fn guardrails(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<Guardrail> {
    let items = node.map_or(&[][..], Node::items);
    links::unique_ids(items, "guardrail", build.notes);
    items.iter().filter(|item| matches!(item.kind, Kind::Map(_))).map(|item| guardrail(item, build)).collect()
}

fn guardrail(node: &Node, build: &mut Builder<'_>) -> Guardrail {
    const LISTS: [&str; 3] = ["commands", "writes", "reads"];
    let ask_first = node.get("ask_first");
    let from = ask_first.unwrap_or(node);
    if let (Some(asks), Some(list)) = (node.entry("ask_first"), LISTS.iter().find(|list| node.get(list).is_some())) {
        let what = format!("`ask_first` and `{list}` both stand here");
        build.notes.error(Code::Misplaced.at(asks.key.span), what, "make them two guardrails");
    }
    let shaped = matches!(from.kind, Kind::Map(_));
    if let (Some(id), true) = (node.entry("id"), shaped && LISTS.iter().all(|list| from.get(list).is_none())) {
        let known = ["id", "severity", "ask_first"];
        let misspelled =
            node.entries().iter().chain(from.entries()).any(|entry| !known.contains(&entry.key.text.as_str()));
        if !misspelled {
            let what = "this guardrail forbids nothing";
            build.notes.error(
                Code::Misplaced.at(id.key.span),
                what,
                "it needs `commands`, `writes`, `reads` or `ask_first`",
            );
        }
    }
    LISTS.iter().for_each(|list| globs(from.get(list), build));
    Guardrail {
        id: build.line(node.get("id")),
        severity: build.word(node.get("severity")).unwrap_or(Severity::Medium),
        commands: build.lines(from.get("commands")),
        writes: build.lines(from.get("writes")),
        reads: build.lines(from.get("reads")),
        ask_first: ask_first.is_some(),
    }
}

/// Notes globs that cannot be read.
fn globs(node: Option<&Node>, build: &mut Builder<'_>) {
    for item in node.map_or(&[][..], Node::items) {
        let glob = build.line(Some(item));
        if let Err(error) = globset::Glob::new(&glob) {
            build.notes.error(Code::Pattern.at(item.span), format!("this glob cannot be read: {}", error.kind()), "");
        }
    }
}

/// Whether a task's workspace is as it is written, with nothing made by a setup.
pub fn plain_folder(workspace: &Workspace) -> Option<&Path> {
    match &workspace.source {
        Source::Copy { path } if workspace.setup.is_empty() && workspace.each_trial.is_empty() => Some(path),
        Source::Copy { .. } | Source::Git { .. } | Source::Empty => None,
    }
}

/// Spans of `with`, by check.
pub type Withs = BTreeMap<String, Span>;
