//! The edits that acts and reports show, held against the snapshots: the snapshots are the truth.
//!
//! `python3 tool.py` may write files that no act names. A path that a snapshot shows changed and no edit covers is an edit, put
//! at the last act of its stage that could have made it. What only checks can have made (caches, build products) is none.

use super::{
    facts::{At, Edit, EditBy, Facts},
    paths,
};
use crate::model::{act::Act, id::EventId};
use std::collections::BTreeSet;

pub fn reconcile(facts: &mut Facts<'_>) {
    let marks: Vec<(EventId, BTreeSet<String>)> =
        facts.snapshots.iter().map(|(id, mark)| (*id, changed(mark))).collect();
    let mut from = EventId(0);
    let mut unseen = Vec::new();
    for (nth, (until, changed)) in marks.into_iter().enumerate() {
        if nth > 0 || facts.snapshots[nth].1.name != "start" {
            unseen.extend(between(facts, (from, until), &changed));
        }
        from = until;
    }
    if !unseen.is_empty() {
        facts.edits.extend(unseen);
        facts.edits.sort_by_key(|edit| edit.at);
    }
}

fn changed(mark: &crate::model::trace::SnapshotMark) -> BTreeSet<String> {
    let both = |change: &crate::model::trace::PathChange| [Some(change.path.clone()), change.was.clone()];
    mark.changes.iter().flat_map(both).flatten().collect()
}

/// Marks the edits of one window, and yields those that only the snapshot shows.
fn between(facts: &mut Facts<'_>, (from, until): (EventId, EventId), changed: &BTreeSet<String>) -> Vec<Edit> {
    let start = facts.edits.partition_point(|edit| edit.at.0 < from);
    let end = facts.edits.partition_point(|edit| edit.at.0 < until);
    let mut covered: BTreeSet<&String> = BTreeSet::new();
    let mut vague = false;
    for edit in &mut facts.edits[start..end] {
        let hits = covering(changed, &edit.path);
        edit.in_diff = Some(!hits.is_empty());
        vague |= edit.applied && (edit.path.is_empty() || edit.path.contains(['*', '$', '{', '?']));
        covered.extend(hits);
    }
    let rest: Vec<String> = changed.iter().filter(|path| !covered.contains(path)).cloned().collect();
    let Some((at, turn)) = (if vague || rest.is_empty() { None } else { maker(facts, (from, until)) }) else {
        return Vec::new();
    };
    let edit = |path: String| Edit {
        at,
        turn,
        class: paths::class(&path),
        is_test: paths::is_test(&path),
        path,
        applied: true,
        moved: false,
        by: EditBy::Snapshot,
        in_diff: Some(true),
    };
    rest.into_iter().map(edit).collect()
}

/// Changed paths that an edit of `path` (a file or a folder) accounts for.
fn covering<'c>(changed: &'c BTreeSet<String>, path: &str) -> Vec<&'c String> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut hits: Vec<&String> = changed.get(path).into_iter().collect();
    let inside = format!("{}/", path.trim_end_matches('/'));
    hits.extend(changed.range(inside.clone()..).take_while(|other| other.starts_with(&inside)));
    hits
}

/// The last act of the window that may write what it does not name; the window's end where nothing ran at all.
fn maker(facts: &Facts<'_>, (from, until): (EventId, EventId)) -> Option<(At, u32)> {
    let start = facts.acts.partition_point(|act| act.at.0 < from);
    let end = facts.acts.partition_point(|act| act.at.0 < until);
    let window = &facts.acts[start..end];
    let may_write = |act: Act| match act {
        Act::Run | Act::Vcs | Act::Net | Act::Delegate | Act::Other | Act::Edit => true,
        Act::Search | Act::List | Act::Read | Act::Test | Act::Build | Act::Lint | Act::Ask | Act::Plan | Act::Meta => {
            false
        }
    };
    match window.iter().rev().find(|act| may_write(act.deed.act)) {
        Some(act) => Some((act.at, facts.calls[act.call].turn)),
        None if window.iter().any(|act| act.deed.act.is_check()) => None,
        None => Some((At(until, 0), facts.trace.event(until).map_or(0, |event| event.turn))),
    }
}
