//! Takes one behaviour out of a candidate.
//!
//! A tagged step is dropped, or `instead` is played in its place. A turn that is dropped answers no message, so that the next
//! turn does: a candidate without `asks_first` goes straight to work.

use super::{Part, Script, Step, Tag, Turn, What};
use std::collections::BTreeSet;

/// The script without the behaviour.
pub fn ablate(script: &Script, tag: &str) -> Script {
    let parts = script.parts.iter().map(|part| Part { on: part.on.clone(), turns: turns(&part.turns, tag) });
    Script { parts: parts.collect(), ..script.clone() }
}

/// Every behaviour that can be taken out.
pub fn tags(script: &Script) -> BTreeSet<String> {
    let turns = || script.parts.iter().flat_map(|part| &part.turns);
    let of_turns = turns().flat_map(|turn| &turn.tag.names);
    let of_steps = turns().flat_map(|turn| &turn.steps).flat_map(|step| inner(step).flat_map(|step| &step.tag.names));
    of_turns.chain(of_steps).cloned().collect()
}

fn turns(all: &[Turn], tag: &str) -> Vec<Turn> {
    all.iter().filter_map(|turn| without(turn, tag)).collect()
}

fn without(turn: &Turn, tag: &str) -> Option<Turn> {
    let kept = if turn.tag.has(tag) { turn.tag.instead.clone() } else { steps(&turn.steps, tag) };
    let rest = if turn.tag.has(tag) { Tag::default() } else { turn.tag.clone() };
    (!kept.is_empty()).then(|| Turn { on: turn.on.clone(), steps: kept, tag: rest })
}

fn steps(all: &[Step], tag: &str) -> Vec<Step> {
    all.iter().flat_map(|step| replaced(step, tag)).collect()
}

fn replaced(step: &Step, tag: &str) -> Vec<Step> {
    if step.tag.has(tag) {
        return step.tag.instead.clone();
    }
    match &step.what {
        What::Together(calls) => {
            let left = steps(calls, tag);
            let what = What::Together(left.clone());
            if left.is_empty() { Vec::new() } else { vec![Step { what, tag: step.tag.clone() }] }
        }
        What::Say(_) | What::Think(_) | What::Do(_) => vec![step.clone()],
    }
}

fn inner(step: &Step) -> impl Iterator<Item = &Step> {
    let calls = match &step.what {
        What::Together(calls) => calls.as_slice(),
        What::Say(_) | What::Think(_) | What::Do(_) => &[],
    };
    std::iter::once(step).chain(calls)
}

impl Tag {
    pub fn has(&self, tag: &str) -> bool {
        self.names.iter().any(|name| name == tag)
    }
}
