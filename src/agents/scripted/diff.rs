//! What an edit changed, as a unified diff.

use super::{files::Changed, tools::Done};
use crate::model::trace::{Change, FileChange, ResultStatus, Text};
use similar::TextDiff;

/// Comparing takes time with the square of what changed, so a rewritten giant gets no diff; the snapshots have it.
const MOST_COMPARED: usize = 4 << 20;

pub(super) fn done(path: &str, changed: &Changed) -> Done {
    let path = path.strip_prefix("./").unwrap_or(path);
    let (change, word) = match changed.before {
        Some(_) => (Change::Modified, "changed"),
        None => (Change::Added, "created"),
    };
    let before = changed.before.as_deref().unwrap_or_default();
    let change = (changed.before.as_deref() != Some(&changed.after)).then(|| FileChange {
        path: path.to_owned(),
        change,
        diff: Text::whole(diff(path, before, &changed.after)),
        call: None,
    });
    Done { change, ..Done::said(ResultStatus::Ok, format!("{word} {path}")) }
}

fn diff(path: &str, before: &str, after: &str) -> String {
    let (old, new) = (differing(before, after), differing(after, before));
    if old.saturating_mul(new) > MOST_COMPARED {
        return String::new();
    }
    TextDiff::from_lines(before, after).unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}

/// Lines of a text that are left when its common beginning and end with another are taken off.
fn differing(text: &str, other: &str) -> usize {
    let (lines, others) = (text.lines().count(), other.lines().count());
    let start = text.lines().zip(other.lines()).take_while(|(a, b)| a == b).count();
    let most = lines.min(others) - start;
    let end = text.lines().rev().zip(other.lines().rev()).take(most).take_while(|(a, b)| a == b).count();
    lines - start - end
}
