//! Work done again: the same lines read, the same search run, the same file edited, and by whom before.
//!
//! `sed -n '1,80p' db.py` after `cat db.py` is a repeat, unless the file changed in between. A search is the same if its command is, or its
//! tool, pattern and places. An edit repeats any earlier edit of the file.

use super::{
    context_gathering::covers,
    facts::{ActDone, At, EditBy, Facts},
};
use crate::model::{act::Act, id::EventId};
use std::collections::HashMap;

/// Earlier ones that a step is compared with, per file or search.
const KEPT: usize = 8;

/// Every step of every lane, in order; gathered once per trace.
#[derive(Default)]
pub struct Steps<'a> {
    pub all: Vec<Step<'a>>,
    /// The files that steps name by number.
    pub files: Vec<String>,
}

/// One read of one file, one search, or one edit of a file.
pub struct Step<'a> {
    pub at: At,
    pub lane: &'a str,
    pub what: What,
}

/// Files and searches by number: equal ones have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The whole file where the read names no lines.
    Read(usize, Range),
    Search(usize),
    Edit(usize),
}

/// First and last line.
type Range = (u32, u32);

impl<'a> Steps<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Steps<'a> {
        let lane = |event: EventId| facts.trace.event(event).map_or("", |event| event.lane.as_str());
        let (mut files, mut searches) = (Numbers::default(), Numbers::default());
        let mut all: Vec<Step<'a>> = Vec::new();
        for act in &facts.acts {
            let what = match (act.deed.act, act.reads.as_slice()) {
                (Act::Read, [path]) => What::Read(files.of(path), act.deed.lines.unwrap_or((1, u32::MAX))),
                (Act::Search, _) => What::Search(searches.of(&search_key(act))),
                (_, _) => continue,
            };
            all.push(Step { at: act.at, lane: lane(act.at.0), what });
        }
        for edit in facts.applied().filter(|edit| edit.by != EditBy::Snapshot && !edit.path.is_empty()) {
            all.push(Step { at: edit.at, lane: lane(edit.at.0), what: What::Edit(files.of(&edit.path)) });
        }
        all.sort_by_key(|step| step.at);
        Steps { all, files: files.names() }
    }
}

fn search_key(act: &ActDone) -> String {
    if act.deed.command.is_empty() {
        let pattern = act.deed.pattern.as_deref().unwrap_or_default();
        return format!("{} {pattern} {}", act.deed.program, act.reads.join(" "));
    }
    act.deed.command.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each distinct name gets the next number.
#[derive(Default)]
struct Numbers(HashMap<String, usize>);

impl Numbers {
    fn of(&mut self, name: &str) -> usize {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let next = self.0.len();
        self.0.insert(name.to_owned(), next);
        next
    }

    fn names(self) -> Vec<String> {
        let mut names: Vec<(usize, String)> = self.0.into_iter().map(|(name, number)| (number, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

/// What was done so far, for finding what a step repeats.
#[derive(Default)]
pub struct Done {
    reads: HashMap<usize, Vec<(Range, usize)>>,
    searches: HashMap<usize, Vec<usize>>,
    edits: HashMap<usize, Vec<usize>>,
}

impl Done {
    /// The latest of the last few steps that this one repeats and that `counts`; an index as `note` was given it.
    pub fn before(&self, what: What, counts: impl Fn(usize) -> bool) -> Option<usize> {
        let last = |list: Option<&Vec<usize>>| list?.iter().rev().copied().find(|at| counts(*at));
        match what {
            What::Read(file, lines) => {
                let mut held = self.reads.get(&file)?.iter().rev();
                held.find(|(other, at)| covers(*other, lines) && counts(*at)).map(|(_, at)| *at)
            }
            What::Search(search) => last(self.searches.get(&search)),
            What::Edit(file) => last(self.edits.get(&file)),
        }
    }

    pub fn note(&mut self, what: What, at: usize) {
        match what {
            What::Read(file, lines) => push(self.reads.entry(file).or_default(), (lines, at)),
            What::Search(search) => push(self.searches.entry(search).or_default(), at),
            What::Edit(file) => {
                self.reads.remove(&file);
                push(self.edits.entry(file).or_default(), at);
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
