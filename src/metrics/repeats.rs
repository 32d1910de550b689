//! Work done again: the same lines read, the same search run, the same file edited, and by whom before.
//!
//! `sed -n '1,80p' db.py` after `cat db.py` is a repeat, unless the file changed in between. A search is the same if its command is, or its
//! tool, pattern and places. An edit repeats any earlier edit of the file.

use super::{
    context_gathering::covers,
    facts::{At, EditBy, Facts},
};
use crate::model::{act::Act, id::EventId};
use std::collections::BTreeMap;

/// Earlier ones that a step is compared with, per file or search.
const KEPT: usize = 8;

/// One read of one file, one search, or one edit of a file.
pub struct Step<'f> {
    pub at: At,
    pub lane: &'f str,
    pub what: What<'f>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'f> {
    /// The whole file where the read names no lines.
    Read(&'f str, Range),
    Search(String),
    Edit(&'f str),
}

/// Every step of every lane, in order.
pub fn steps<'f>(facts: &'f Facts<'_>) -> Vec<Step<'f>> {
    let lane = |event: EventId| facts.trace.event(event).map_or("", |event| event.lane.as_str());
    let mut steps: Vec<Step<'f>> = Vec::new();
    for act in &facts.acts {
        let what = match (act.deed.act, act.reads.as_slice()) {
            (Act::Read, [path]) => What::Read(path, act.deed.lines.unwrap_or((1, u32::MAX))),
            (Act::Search, _) if act.deed.command.is_empty() => What::Search(format!(
                "{} {} {}",
                act.deed.program,
                act.deed.pattern.as_deref().unwrap_or_default(),
                act.reads.join(" ")
            )),
            (Act::Search, _) => What::Search(act.deed.command.split_whitespace().collect::<Vec<_>>().join(" ")),
            (_, _) => continue,
        };
        steps.push(Step { at: act.at, lane: lane(act.at.0), what });
    }
    let edits = facts.applied().filter(|edit| edit.by != EditBy::Snapshot && !edit.path.is_empty());
    steps.extend(edits.map(|edit| Step { at: edit.at, lane: lane(edit.at.0), what: What::Edit(&edit.path) }));
    steps.sort_by_key(|step| step.at);
    steps
}

/// First and last line.
type Range = (u32, u32);

/// What was done so far, for finding what a step repeats.
#[derive(Default)]
pub struct Done<'f> {
    reads: BTreeMap<&'f str, Vec<(Range, usize)>>,
    searches: BTreeMap<String, Vec<usize>>,
    edits: BTreeMap<&'f str, Vec<usize>>,
}

impl<'f> Done<'f> {
    /// The latest of the last few steps that this one repeats and that `counts`; an index as `note` was given it.
    pub fn before(&self, what: &What<'f>, counts: impl Fn(usize) -> bool) -> Option<usize> {
        let last = |list: Option<&Vec<usize>>| list?.iter().rev().copied().find(|at| counts(*at));
        match what {
            What::Read(path, lines) => {
                let mut held = self.reads.get(path)?.iter().rev();
                held.find(|(other, at)| covers(*other, *lines) && counts(*at)).map(|(_, at)| *at)
            }
            What::Search(key) => last(self.searches.get(key)),
            What::Edit(path) => last(self.edits.get(path)),
        }
    }

    pub fn note(&mut self, what: &What<'f>, at: usize) {
        match what {
            What::Read(path, lines) => push(self.reads.entry(path).or_default(), (*lines, at)),
            What::Search(key) => push(self.searches.entry(key.clone()).or_default(), at),
            What::Edit(path) => {
                self.reads.remove(path);
                push(self.edits.entry(path).or_default(), at);
            }
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == KEPT {
        list.remove(0);
    }
    list.push(item);
}
