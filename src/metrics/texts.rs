//! What edits took away and put there, where the trace gives the text: edit tools, patches, reported diffs, files written whole.
//!
//! A file that is written whole is compared with what was read of it before. An edit that a program made (`sed -i`) shows no text of its own;
//! where the patches between snapshots are at hand, they show it.

use super::{commands, facts::Facts, paths};
use crate::model::{act::Act, id::EventId};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// The text of one edit of one file; what the trace holds as it is, is borrowed from it.
pub struct EditText<'a> {
    pub event: EventId,
    /// Relative to the workspace.
    pub path: String,
    pub hunks: Vec<Hunk<'a>>,
    /// The last output before of a read of this file alone.
    pub read: Option<&'a str>,
}

/// One place: context lines stand on both sides.
#[derive(Default)]
pub struct Hunk<'a> {
    pub before: Cow<'a, str>,
    pub after: Cow<'a, str>,
    /// The line that a diff names as the one around.
    pub around: &'a str,
}

impl Hunk<'_> {
    fn line(&mut self, line: &str) {
        let (mark, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        let mut push = |before: bool, after: bool, text: &str| {
            for side in [before.then_some(&mut self.before), after.then_some(&mut self.after)].into_iter().flatten() {
                let side = side.to_mut();
                side.push_str(text);
                side.push('\n');
            }
        };
        match mark {
            "+" => push(false, true, rest),
            "-" => push(true, false, rest),
            " " => push(true, true, rest),
            _ => push(true, true, ""),
        }
    }
}

/// Every edit whose text the trace gives. An edit given by its call is not taken again from its report.
pub(super) fn texts<'a>(facts: &Facts<'a>) -> Vec<EditText<'a>> {
    let mut texts = Vec::new();
    let mut reads: BTreeMap<&str, &'a str> = BTreeMap::new();
    let mut given: BTreeSet<EventId> = BTreeSet::new();
    let cwd = facts.trace.header.cwd.as_deref();
    for call in facts.calls.iter().filter(|call| call.ran() && !call.failed()) {
        let acts = &facts.acts[call.acts.clone()];
        if let [act] = acts
            && let (Act::Read, [path]) = (act.deed.act, act.reads.as_slice())
        {
            reads.insert(path, call.output);
        }
        let Some(act) = acts.iter().find(|act| act.deed.act == Act::Edit) else { continue };
        let path = act.writes.first().map_or("", String::as_str);
        let found = of_call(call.input, path, reads.get(path).copied());
        if !found.is_empty() {
            given.insert(call.event);
        }
        texts.extend(found.into_iter().map(|(path, hunks)| {
            let path = paths::place(cwd, act.deed.cwd.as_deref(), &path);
            EditText { event: call.event, hunks, read: reads.get(path.as_str()).copied(), path }
        }));
    }
    for change in facts.reported.iter().filter(|change| !change.diff.is_empty()) {
        let before = facts.calls.partition_point(|call| call.event < change.event).checked_sub(1);
        let call = change.call.or(before).map(|call| facts.calls[call].event);
        if !call.is_some_and(|call| given.contains(&call)) {
            let (path, read) = (change.path.clone(), reads.get(change.path.as_str()).copied());
            texts.push(EditText { event: change.event, path, hunks: of_diff(change.diff), read });
        }
    }
    by_snapshots(facts, &mut texts);
    texts
}

/// Edits that only the patch between two snapshots shows: the path was edited in between, and no text of it is known.
fn by_snapshots<'a>(facts: &Facts<'a>, texts: &mut Vec<EditText<'a>>) {
    let mut marks = facts.snapshots.iter();
    let mut from = EventId(0);
    for (name, patch) in facts.diffs {
        let named = marks.by_ref().find(|(event, mark)| {
            let found = &mark.name == name && !mark.changes.is_empty();
            if !found {
                from = *event;
            }
            found
        });
        let Some((until, _)) = named else { return };
        let known: BTreeSet<&str> = texts
            .iter()
            .filter(|text| text.event >= from && text.event < *until)
            .map(|text| text.path.as_str())
            .collect();
        let edits = facts.applied().filter(|edit| edit.at.0 >= from && edit.at.0 <= *until);
        let made: BTreeMap<&str, EventId> = edits.map(|edit| (edit.path.as_str(), edit.at.0)).collect();
        let shown = of_patch(patch).into_iter().filter(|(path, _)| !known.contains(path.as_str()));
        let shown: Vec<EditText<'a>> = shown
            .filter_map(|(path, hunks)| Some(EditText { event: *made.get(path.as_str())?, path, hunks, read: None }))
            .collect();
        texts.extend(shown);
        from = *until;
    }
}

const OLD: &[&str] = &["old_string", "old_str", "oldText", "old", "find", "search"];
const NEW: &[&str] = &["new_string", "new_str", "newText", "new", "replace", "replacement"];
const WHOLE: &[&str] = &["content", "file_text", "text", "contents", "CodeContent"];

/// The files that something changed.
type Files<'a> = Vec<(String, Vec<Hunk<'a>>)>;

fn of_call<'a>(input: &'a Value, path: &str, read: Option<&'a str>) -> Files<'a> {
    if let Some(edits) = input.get("edits").and_then(Value::as_array) {
        let hunks: Vec<Hunk<'_>> = edits.iter().filter_map(pair).collect();
        return if hunks.is_empty() { Vec::new() } else { vec![(path.to_owned(), hunks)] };
    }
    if let Some(hunk) = pair(input) {
        return vec![(path.to_owned(), vec![hunk])];
    }
    if let (Some(after), Some(before)) = (field(input, WHOLE), read) {
        return vec![(path.to_owned(), vec![Hunk { before: unnumbered(before), after: after.into(), around: "" }])];
    }
    let line = commands::line_of(input).or_else(|| field(input, &["patch", "patchText", "diff"]));
    match line {
        Some(text) if text.contains("*** Begin Patch") || text.contains("\n+++ ") => of_patch(text),
        Some(text) if text.contains("<<") => of_heredoc(text, path, read).into_iter().collect(),
        Some(_) | None => Vec::new(),
    }
}

fn field<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| value.get(name)?.as_str())
}

fn pair(value: &Value) -> Option<Hunk<'_>> {
    let (before, after) = (field(value, OLD)?, field(value, NEW)?);
    Some(Hunk { before: before.into(), after: after.into(), around: "" })
}

/// The files of a patch, in either of the two formats that agents write.
fn of_patch(text: &str) -> Files<'_> {
    let mut files: Files<'_> = Vec::new();
    let mut old = "";
    for line in text.lines() {
        old = line.strip_prefix("--- a/").unwrap_or(old);
        let header =
            ["*** Update File: ", "*** Add File: ", "+++ b/", "+++ "].iter().find_map(|mark| line.strip_prefix(mark));
        if let Some(path) = header {
            let path = path.split('\t').next().unwrap_or(path).trim();
            files.push((if path == "/dev/null" { old } else { path }.to_owned(), Vec::new()));
        } else if line.starts_with("*** ") || line.starts_with("diff --git ") {
            let ends = line.starts_with("*** End") || line.starts_with("*** Delete") || line.starts_with("diff ");
            if ends {
                files.push((String::new(), Vec::new()));
            }
        } else if let Some((_, hunks)) = files.last_mut() {
            hunk_line(hunks, line);
        }
    }
    files.retain(|(path, _)| !path.is_empty());
    files
}

fn of_diff(text: &str) -> Vec<Hunk<'_>> {
    let mut hunks = Vec::new();
    text.lines().filter(|line| !line.starts_with("+++ ")).for_each(|line| hunk_line(&mut hunks, line));
    hunks
}

fn hunk_line<'a>(hunks: &mut Vec<Hunk<'a>>, line: &'a str) {
    if line.starts_with("--- ") {
        return;
    }
    if let Some(rest) = line.strip_prefix("@@") {
        let around = rest.rsplit_once("@@").map_or(rest, |(_, around)| around).trim();
        hunks.push(Hunk { around, ..Hunk::default() });
        return;
    }
    if hunks.is_empty() {
        hunks.push(Hunk::default());
    }
    if let Some(hunk) = hunks.last_mut() {
        hunk.line(line);
    }
}

/// `cat > path <<'EOF'`: the text is known; what it replaces only if it was read.
fn of_heredoc<'a>(line: &'a str, path: &str, read: Option<&'a str>) -> Option<(String, Vec<Hunk<'a>>)> {
    let (first, rest) =
        line.split_once('\n').filter(|(first, _)| first.contains("<<") && first.contains(['>', 't']))?;
    let (_, mark) = first.split_once("<<")?;
    let mark = mark.trim_start_matches('-').trim_start();
    let mark: String = mark
        .trim_start_matches(['\'', '"'])
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect();
    let mut after = String::new();
    for line in rest.lines().take_while(|line| line.trim() != mark) {
        after.push_str(line);
        after.push('\n');
    }
    let before = if first.contains(">>") { Cow::Borrowed("") } else { unnumbered(read?) };
    (!mark.is_empty() && !path.is_empty())
        .then(|| (path.to_owned(), vec![Hunk { before, after: after.into(), around: "" }]))
}

/// Without the line numbers that read tools put before lines.
pub fn unnumbered(text: &str) -> Cow<'_, str> {
    fn number(line: &str) -> Option<&str> {
        let rest = line.trim_start();
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let rest = &rest[digits..];
        (digits > 0).then(|| ["\u{2192}", "\t", "| ", "|", ": "].iter().find_map(|mark| rest.strip_prefix(mark)))?
    }
    if text.lines().find(|line| !line.trim().is_empty()).and_then(number).is_none() {
        return text.into();
    }
    let mut bare = String::with_capacity(text.len());
    for line in text.lines() {
        bare.push_str(number(line).unwrap_or(line));
        bare.push('\n');
    }
    bare.into()
}
