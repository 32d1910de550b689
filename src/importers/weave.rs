//! Reads several files at once, line by line in the order of their times: a session and the sessions of its sub-agents.

use super::{
    lines::{Line, Lines},
    value::millis,
};
use crate::model::{fault::Fault, import::Source};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Timed<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
}

/// Hands every line to `take` with the number of its source. A line without a time stays behind the one before it.
///
/// # Errors
/// What a source says.
pub(super) fn weave(sources: &[&dyn Source], mut take: impl FnMut(usize, &Line<'_>)) -> Result<(), Fault> {
    let mut readers: Vec<Lines<'_>> = sources.iter().map(|source| Lines::of(*source)).collect();
    let many = readers.len() > 1;
    let mut waiting = Vec::with_capacity(readers.len());
    for reader in &mut readers {
        waiting.push(reader.advance()?.then(|| time_of(&reader.line(), many).unwrap_or_default()));
    }
    while let Some((before, at)) = first_of(&waiting) {
        take(at, &readers[at].line());
        let more = readers[at].advance()?;
        waiting[at] = more.then(|| time_of(&readers[at].line(), many).unwrap_or(before));
    }
    Ok(())
}

fn first_of(waiting: &[Option<u64>]) -> Option<(u64, usize)> {
    waiting.iter().enumerate().filter_map(|(at, time)| Some(((*time)?, at))).min()
}

fn time_of(line: &Line<'_>, many: bool) -> Option<u64> {
    let timed: Timed<'_> = many.then(|| serde_json::from_str(&line.text).ok())??;
    millis(timed.timestamp.as_deref()?)
}
