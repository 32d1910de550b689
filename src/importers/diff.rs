//! Diffs out of what agents report of their edits: hunks of Claude Code, whole files, and the envelope of `apply_patch`.

use super::value::{items, number};
use crate::model::trace::Change;
use serde_json::Value;
use std::fmt::Write as _;

/// One changed path of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub path: String,
    pub change: Change,
    pub diff: String,
}

/// The diff of a file that was not there before.
pub(super) fn of_added(content: &str) -> String {
    all_lines(content, '+', |count| format!("@@ -0,0 +1,{count} @@\n"))
}

/// The diff of a file that is gone.
pub(super) fn of_deleted(content: &str) -> String {
    all_lines(content, '-', |count| format!("@@ -1,{count} +0,0 @@\n"))
}

/// The diff of two texts; empty where they are too different to be compared in good time.
pub(super) fn of_texts(old: &str, new: &str) -> String {
    if old.is_empty() {
        return of_added(new);
    }
    let (before, after) = (differing(old, new), differing(new, old));
    if before.saturating_mul(after) > MOST_COMPARED {
        return String::new();
    }
    similar::TextDiff::from_lines(old, new).unified_diff().to_string()
}

/// Comparing takes time with the square of what changed.
const MOST_COMPARED: usize = 4 << 20;

/// Lines of a text that are left when its common beginning and end with another are taken off.
fn differing(text: &str, other: &str) -> usize {
    let (lines, others) = (text.lines().count(), other.lines().count());
    let start = text.lines().zip(other.lines()).take_while(|(a, b)| a == b).count();
    let most = lines.min(others) - start;
    let end = text.lines().rev().zip(other.lines().rev()).take(most).take_while(|(a, b)| a == b).count();
    lines - start - end
}

/// The diff of Claude Code's `structuredPatch`.
pub(super) fn of_hunks(patch: &Value) -> String {
    let mut out = String::new();
    for hunk in patch.as_array().map_or(&[][..], Vec::as_slice) {
        let of = |key| number(hunk, key);
        let (old, new) = ((of("oldStart"), of("oldLines")), (of("newStart"), of("newLines")));
        let _ = writeln!(out, "@@ -{},{} +{},{} @@", old.0, old.1, new.0, new.1);
        for line in items(hunk, "lines").iter().filter_map(Value::as_str) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The changes that an `apply_patch` envelope asks for; empty where the text holds none.
pub(super) fn of_envelope(text: &str) -> Vec<Changed> {
    let Some(begin) = text.find("*** Begin Patch") else { return Vec::new() };
    let mut changes: Vec<Changed> = Vec::new();
    for line in text[begin..].lines().skip(1) {
        if line.starts_with("*** End Patch") {
            break;
        }
        if let Some((change, path)) = opened(line) {
            changes.push(Changed { path: path.trim().to_owned(), change, diff: String::new() });
        } else if let Some(last) = changes.last_mut() {
            patch_line(last, line);
        }
    }
    changes
}

fn opened(line: &str) -> Option<(Change, &str)> {
    let kinds = [
        ("*** Add File: ", Change::Added),
        ("*** Update File: ", Change::Modified),
        ("*** Delete File: ", Change::Deleted),
    ];
    kinds.into_iter().find_map(|(start, change)| Some((change, line.strip_prefix(start)?)))
}

fn patch_line(changed: &mut Changed, line: &str) {
    if line.starts_with("*** Move to: ") {
        changed.change = Change::Renamed;
    }
    if !line.starts_with("*** End of File") {
        changed.diff.push_str(line);
        changed.diff.push('\n');
    }
}

fn all_lines(content: &str, mark: char, head: impl Fn(usize) -> String) -> String {
    if content.is_empty() {
        return String::new();
    }
    let mut out = head(content.lines().count());
    for line in content.lines() {
        out.push(mark);
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_file_by_file() {
        let text = "*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n@@ def f\n-x\n+y\n*** End of File\n*** Add File: c\n+z\n*** Delete File: d\n*** End Patch\nrest";
        let changed = |path: &str, change, diff: &str| Changed { path: path.into(), change, diff: diff.into() };
        let expected = [
            changed("a.py", Change::Renamed, "*** Move to: b.py\n@@ def f\n-x\n+y\n"),
            changed("c", Change::Added, "+z\n"),
            changed("d", Change::Deleted, ""),
        ];
        assert_eq!(of_envelope(text), expected);
        assert_eq!(of_added("a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
        assert_eq!(of_envelope("no patch"), []);
    }
}
