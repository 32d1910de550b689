//! Long runs: does the agent still know after its context was compacted what it knew before?
//!
//! After a compaction it works from a summary. What the summary lost shows as files read again, searches run again, and promises that were kept
//! before and are not kept any more.

use super::{
    Metric,
    facts::{Facts, count, share},
    repeats::{Done, Step, What},
    stages::{self, Cell, Row},
};
use crate::model::{
    id::EventId,
    score::{Measured, Reading},
    task::Task,
};
use serde_json::json;
use std::ops::Range;

const NO_COMPACTION: &str = "the context was never compacted";
const NO_CONSTRAINTS: &str = "there are no constraints";
/// Reads, searches and edits compared on each side of a compaction.
const WINDOW: usize = 20;

pub const REWORK_AFTER_COMPACTION: Metric = Metric {
    id: "rework_after_compaction",
    behaviour: "long_run",
    unit: "difference of shares",
    range: "-1..1",
    doc: "Of the root agent's up to 20 reads, searches and edits after each compaction, the share that repeat earlier ones (lines already read of a file unchanged since, a search already run, a file already edited), minus the same share of the up to 20 before it. Windows end at the next compaction, and all windows on one side are put together. Cites the repeats after; the detail has both shares.",
    undefined: "the context was never compacted, or nothing was read, searched or edited on one side of it",
    unknown: "never",
    fails: "Work that changes its kind at the compaction (from looking around to editing) shifts the share without anything being forgotten, and windows of a few acts jump.",
    of: rework,
};

fn rework(facts: &Facts<'_>) -> Measured {
    if facts.compactions.is_empty() {
        return Measured::Undefined(NO_COMPACTION.to_owned());
    }
    let steps: Vec<&Step<'_>> = facts.steps.all.iter().filter(|step| step.lane.is_empty()).collect();
    let mut done = Done::default();
    let mut again: Vec<bool> = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        again.push(done.before(step.what, |_| true).is_some());
        done.note(step.what, at);
    }
    let borders: Vec<usize> =
        facts.compactions.iter().map(|event| steps.partition_point(|step| step.at.0 < *event)).collect();
    let (before, after) = windows(&borders, steps.len());
    let repeats = |windows: &[Range<usize>]| -> Vec<usize> {
        windows.iter().flat_map(Clone::clone).filter(|at| again[*at]).collect()
    };
    let size = |windows: &[Range<usize>]| windows.iter().map(ExactSizeIterator::len).sum::<usize>();
    if size(&before) == 0 || size(&after) == 0 {
        return Measured::Undefined("nothing was read, searched or edited on one side of the compaction".to_owned());
    }
    let repeated = repeats(&after);
    let shares = [repeats(&before).len() as f64 / size(&before) as f64, repeated.len() as f64 / size(&after) as f64];
    let of = |kind: fn(What) -> bool| repeated.iter().filter(|at| kind(steps[**at].what)).count();
    let mut cites: Vec<EventId> = repeated.iter().map(|at| steps[*at].at.0).collect();
    cites.dedup();
    Measured::Value(Reading {
        value: shares[1] - shares[0],
        cites: if cites.is_empty() { facts.compactions.clone() } else { cites },
        detail: json!({ "before": shares[0], "after": shares[1],
            "read_again": of(|what| matches!(what, What::Read(..))), "searched_again": of(|what| matches!(what, What::Search(_))),
            "edited_again": of(|what| matches!(what, What::Edit(_))) }),
    })
}

/// The steps before and after each border; no window reaches over another border.
fn windows(borders: &[usize], all: usize) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (nth, border) in borders.iter().copied().enumerate() {
        let last = nth.checked_sub(1).map_or(0, |before| borders[before]);
        let next = borders.get(nth + 1).copied().unwrap_or(all);
        before.push(last.max(border.saturating_sub(WINDOW))..border);
        after.push(border..next.min(border + WINDOW));
    }
    (before, after)
}

pub const CONSTRAINTS_KEPT_AFTER_COMPACTION: Metric = Metric {
    id: "constraints_kept_after_compaction",
    behaviour: "long_run",
    unit: "share",
    range: "0..1",
    doc: "Cells of the constraint-by-stage matrix (see constraints_kept) that were decided after a compaction, of constraints in force before that compaction, and that are kept / such cells. Cites the violations, or what was kept where there are none.",
    undefined: "the context was never compacted, there are no constraints, or none in force before a compaction was decided after it",
    unknown: "the checks of those cells could not run",
    fails: "A stage that was compacted at its very end counts, though the work was done before; a constraint that the following stages never put at risk counts as kept.",
    of: |facts| {
        let Some(task) = facts.task.filter(|task| !task.interview.constraints.is_empty()) else {
            return Measured::Undefined(NO_CONSTRAINTS.to_owned());
        };
        if facts.compactions.is_empty() {
            return Measured::Undefined(NO_COMPACTION.to_owned());
        }
        let (mut kept, mut broken, mut untold) = (Vec::new(), Vec::new(), false);
        let stages = stages::stages(task, facts);
        for (spoken, row) in in_force(task, facts) {
            let next = facts.compactions.get(facts.compactions.partition_point(|event| *event < spoken));
            let Some(compacted) = next.copied() else { continue };
            for (cell, stage) in row.cells.iter().zip(&stages) {
                match cell {
                    Cell::Kept(event) if *event > compacted => kept.push(*event),
                    Cell::Violated(event) if *event > compacted => broken.push(*event),
                    Cell::Unknown => untold |= stage.event.is_some_and(|event| event > compacted),
                    Cell::Kept(_) | Cell::Violated(_) | Cell::NotYet | Cell::NotApplicable => {}
                }
            }
        }
        if kept.is_empty() && broken.is_empty() && untold {
            return Measured::Unknown("the checks of the constraints could not run after the compaction".to_owned());
        }
        let (held, all) = (kept.len(), kept.len() + broken.len());
        let cites = if broken.is_empty() { kept } else { broken };
        share(held, all, "no constraint in force before a compaction was decided after it", cites)
    },
};

/// Each constraint's row, with the message that put it in force.
fn in_force(task: &Task, facts: &Facts<'_>) -> Vec<(EventId, Row)> {
    let rows = stages::constraints(task, facts).into_iter().zip(&task.interview.constraints);
    rows.filter_map(|(row, constraint)| Some((facts.said_at(&constraint.from)?, row))).collect()
}

pub const TIME_TO_FORGET: Metric = Metric {
    id: "time_to_forget",
    behaviour: "long_run",
    unit: "tool calls",
    range: ">= 0",
    doc: "Of the constraints that were kept at one stage and violated at a later one: the root agent's tool calls from the message that put it in force to the check that first showed it violated; of the one forgotten soonest. Cites both.",
    undefined: "there are no constraints, or none that was kept was violated later",
    unknown: "no constraint could be decided at any stage",
    fails: "A violation shows only at the end of its stage, so this is an upper bound; runs that forget nothing have no value, so a mean over runs looks only at those that forget.",
    of: |facts| {
        let Some(task) = facts.task.filter(|task| !task.interview.constraints.is_empty()) else {
            return Measured::Undefined(NO_CONSTRAINTS.to_owned());
        };
        let rows = in_force(task, facts);
        let cells = || rows.iter().flat_map(|(_, row)| &row.cells);
        let decided = cells().any(|cell| matches!(cell, Cell::Kept(_) | Cell::Violated(_)));
        if !decided && cells().any(|cell| *cell == Cell::Unknown) {
            return Measured::Unknown("the checks of the constraints could not run".to_owned());
        }
        let calls: Vec<EventId> = facts.calls.iter().filter(|call| call.root).map(|call| call.event).collect();
        let between = |(spoken, row): &(EventId, Row)| {
            let lost = forgotten(row)?;
            let reached = |event: EventId| calls.partition_point(|call| *call < event);
            Some((reached(lost) - reached(*spoken), *spoken, lost))
        };
        match rows.iter().filter_map(between).min() {
            Some((calls, spoken, lost)) => count(calls, vec![spoken, lost]),
            None => Measured::Undefined("no constraint that was kept was violated later".to_owned()),
        }
    },
};

/// The first violation after the constraint had been kept.
fn forgotten(row: &Row) -> Option<EventId> {
    let mut kept = false;
    row.cells.iter().find_map(|cell| match cell {
        Cell::Violated(event) if kept => Some(*event),
        Cell::Kept(_) => {
            kept = true;
            None
        }
        Cell::Violated(_) | Cell::NotYet | Cell::Unknown | Cell::NotApplicable => None,
    })
}
