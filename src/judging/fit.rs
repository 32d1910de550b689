//! Fitting the record into a window: everything if it fits; else less of what no criterion of the call asks for; else segments.
//!
//! 1. Everything whole. A text that stood already in the request becomes a reference to its event, which loses nothing.
//! 2. Long texts that no criterion selected by their head and tail.
//! 3. Of what no criterion selected, only its line in the skeleton.
//! 4. Overlapping segments, cut where a turn begins or the context was compacted, as far as that is near: up to 12 of them with what is selected
//!    whole.
//! 5. More: what is selected is cut as well, and counted, since a verdict that rests on absence is unknown then.
//!
//! What is selected is cut last, since every cut takes the judge's right to say that something is not there.

use super::{
    cut::cut,
    escape::behind_margin,
    record::{Block, Record},
    tokens::estimate,
};
use crate::model::{id::EventId, judge::LeftOut};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
    ops::Range,
};

/// Lines of head and tail of a text that is cut, the gentlest first.
const KEEPS: [usize; 4] = [40, 12, 4, 1];
/// Segments with what is selected whole; beyond, it is cut.
const SEGMENTS: usize = 12;
/// Segments at all; beyond, the middle of the run is left out and counted.
const MOST: usize = 32;
/// Lines at most for what lies before a segment, and for what lies after it; and tokens that such a line may take.
const FOLDS: u64 = 20;
const FOLD: u64 = 120;
/// Kinds of event that such a line counts one by one.
const KINDS: usize = 8;
/// Events that a segment repeats of the one before.
const OVERLAP: usize = 6;
/// Texts shorter than this are not worth a reference.
const SAME: usize = 200;

/// How much of an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Together with its neighbours, in one line.
    Folded,
    Line,
    Cut(usize),
    Whole,
}

/// One request's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub tokens: u64,
    /// Events whose text is in it, whole or cut.
    pub shown: BTreeSet<EventId>,
    pub suspects: Vec<EventId>,
}

/// The requests that a call takes, and how each event was shown at best.
pub struct Fitted {
    pub parts: Vec<Part>,
    depths: Vec<Depth>,
    /// Bytes not shown of each event.
    missing: Vec<usize>,
}

/// Fits a record into `room` tokens. `wanted` are places of blocks that some criterion of the call selects. `None`: not even that is possible.
pub fn fit(record: &Record, wanted: &BTreeSet<usize>, room: u64) -> Option<Fitted> {
    if let Some(fitted) = in_one(record, wanted, room) {
        return Some(fitted);
    }
    segments(record, wanted, room)
}

/// One request, if what is selected fits whole.
pub fn in_one(record: &Record, wanted: &BTreeSet<usize>, room: u64) -> Option<Fitted> {
    let levels: [fn(bool) -> Depth; 3] = [
        |_| Depth::Whole,
        |wanted| if wanted { Depth::Whole } else { Depth::Cut(KEEPS[1]) },
        |wanted| if wanted { Depth::Whole } else { Depth::Line },
    ];
    for level in levels {
        let depths: Vec<Depth> = (0..record.blocks.len()).map(|at| level(wanted.contains(&at))).collect();
        // What stands twice may save a lot, never more than this.
        if least(record, &depths) > room.saturating_mul(4) {
            continue;
        }
        let mut drawn = Drawn::default();
        drawn.draw(record, &depths, 0..record.blocks.len());
        if drawn.part.tokens <= room {
            return Some(Fitted { missing: drawn.missing(record), depths, parts: vec![drawn.part] });
        }
    }
    None
}

fn least(record: &Record, depths: &[Depth]) -> u64 {
    record
        .blocks
        .iter()
        .zip(depths)
        .filter(|(_, depth)| **depth >= Depth::Line)
        .map(|(block, _)| block.head_tokens)
        .sum()
}

fn segments(record: &Record, wanted: &BTreeSet<usize>, room: u64) -> Option<Fitted> {
    let inner = room.checked_sub(outside(room)).filter(|inner| *inner >= 2 * FOLD)?;
    let folds = folds(room);
    let mut found = None;
    for keep in std::iter::once(None).chain(KEEPS.into_iter().map(Some)) {
        let depth = keep.map_or(Depth::Whole, Depth::Cut);
        let depths: Vec<Depth> = record
            .blocks
            .iter()
            .enumerate()
            .map(|(at, block)| if wanted.contains(&at) { shrunk(block, depth, inner) } else { Depth::Line })
            .collect();
        let spans = spans(record, &depths, inner)?;
        let few = spans.len() <= SEGMENTS;
        found = Some((depths, spans));
        if few {
            break;
        }
    }
    let (mut depths, spans) = found?;
    let spans = without_the_middle(spans, &mut depths);
    let mut missing: Vec<usize> = record.blocks.iter().map(|block| block.body.len()).collect();
    let mut parts = Vec::new();
    for span in spans {
        let mut drawn = Drawn { folds, ..Drawn::default() };
        drawn.draw(record, &depths, span);
        for (slot, left) in missing.iter_mut().zip(drawn.missing(record)) {
            *slot = (*slot).min(left);
        }
        parts.push(drawn.part);
    }
    parts.iter().all(|part: &Part| part.tokens <= room).then_some(Fitted { parts, depths, missing })
}

/// Tokens kept free for what a segment repeats (half) and for the lines about what lies before and after it (a quarter each).
fn outside(room: u64) -> u64 {
    (room / 6).clamp(4 * FOLD, 8 * FOLDS * FOLD)
}

/// Lines for what lies before a segment.
fn folds(room: u64) -> usize {
    usize::try_from((outside(room) / 4 / FOLD).clamp(1, FOLDS)).unwrap_or(1)
}

/// As deep as asked, or as deep as one request can take it.
fn shrunk(block: &Block, depth: Depth, room: u64) -> Depth {
    let fits = |depth: &Depth| block.head_tokens + body_tokens(block, *depth) <= room / 2;
    let deeper = std::iter::once(depth).chain(KEEPS.into_iter().map(Depth::Cut).filter(|keep| *keep <= depth));
    deeper.into_iter().find(fits).unwrap_or(Depth::Line)
}

fn body_tokens(block: &Block, depth: Depth) -> u64 {
    match depth {
        Depth::Folded | Depth::Line => 0,
        Depth::Whole => block.body_tokens,
        Depth::Cut(keep) => match cut(&block.body, keep) {
            Some(cut) => {
                let lines = (cut.head.lines().count() + cut.tail.lines().count()) as u64;
                estimate(&cut.head) + estimate(&cut.mark) + estimate(&cut.tail) + 2 * lines + 1
            }
            None => block.body_tokens,
        },
    }
}

/// Neighbouring ranges of blocks, each within `room` with some of the one before.
fn spans(record: &Record, depths: &[Depth], room: u64) -> Option<Vec<Range<usize>>> {
    let costs: Vec<u64> =
        record.blocks.iter().zip(depths).map(|(block, depth)| block.head_tokens + body_tokens(block, *depth)).collect();
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut start, mut sum) = (0, 0);
    let mut at = 0;
    while at < costs.len() {
        if costs[at] > room {
            return None;
        }
        if sum + costs[at] > room {
            let border = (start + 1..=at).rev().find(|place| record.blocks[*place].border);
            // A border in the first half would waste more than it tells.
            let end = border.filter(|place| costs[start..*place].iter().sum::<u64>() > room / 2).unwrap_or(at);
            found.push(start..end);
            (start, sum, at) = (end, 0, end);
            continue;
        }
        sum += costs[at];
        at += 1;
    }
    if start < costs.len() {
        found.push(start..costs.len());
    }
    Some(overlapped(found, &costs, room))
}

/// Each range with the last events of the one before, as far as they are small.
fn overlapped(spans: Vec<Range<usize>>, costs: &[u64], room: u64) -> Vec<Range<usize>> {
    let widened = |span: Range<usize>| {
        let (mut start, mut sum) = (span.start, 0);
        while start > 0 && span.start - start < OVERLAP && sum + costs[start - 1] <= outside(room) / 2 {
            start -= 1;
            sum += costs[start];
        }
        start..span.end
    };
    spans.into_iter().map(widened).collect()
}

/// The first and the last segments of a run that has too many: what lies between is counted as not shown.
fn without_the_middle(spans: Vec<Range<usize>>, depths: &mut [Depth]) -> Vec<Range<usize>> {
    if spans.len() <= MOST {
        return spans;
    }
    let (first, last) = (spans[MOST / 2 - 1].end, spans[spans.len() - MOST / 2].start);
    depths[first..last].fill(Depth::Folded);
    let (head, tail) = (&spans[..MOST / 2], &spans[spans.len() - MOST / 2..]);
    head.iter().chain(tail).cloned().collect()
}

impl Fitted {
    /// What a criterion with this selection was not shown. `record` is the one that was fitted.
    pub fn left_out(&self, record: &Record, wanted: &BTreeSet<usize>) -> LeftOut {
        let mut out = LeftOut::default();
        for (at, block) in record.blocks.iter().enumerate().filter(|(_, block)| !block.body.is_empty()) {
            let missing = self.missing[at];
            if missing == 0 && !block.partial {
                continue;
            }
            match self.depths[at] {
                Depth::Folded | Depth::Line => out.events += 1,
                Depth::Cut(_) | Depth::Whole => out.cut += 1,
            }
            out.bytes += missing as u64;
            out.wanted += u32::from(wanted.contains(&at));
        }
        out
    }
}

/// A part while it is written.
#[derive(Default)]
struct Drawn<'a> {
    part: Part,
    /// Texts that stand whole in it.
    seen: HashMap<&'a str, EventId>,
    /// Bytes not shown, of the events that have a line of their own.
    left: BTreeMap<usize, usize>,
    folds: usize,
}

impl<'a> Drawn<'a> {
    fn draw(&mut self, record: &'a Record, depths: &[Depth], span: Range<usize>) {
        self.folded(record, 0..span.start);
        for at in span.clone() {
            self.block(&record.blocks[at], at, depths[at]);
        }
        self.folded(record, span.end..record.blocks.len());
    }

    fn block(&mut self, block: &'a Block, at: usize, depth: Depth) {
        self.line(&block.head, block.head_tokens);
        self.left.insert(at, block.body.len());
        if block.body.is_empty() || depth <= Depth::Line {
            return;
        }
        self.part.shown.insert(block.event);
        if block.suspect {
            self.part.suspects.push(block.event);
        }
        self.left.insert(at, 0);
        let earlier = self.seen.get(block.body.as_str()).filter(|_| block.body.len() >= SAME);
        if let Some(earlier) = earlier {
            let line = format!("~ the same text as {earlier}");
            self.line(&line, estimate(&line) + 1);
            return;
        }
        let keep = if let Depth::Cut(keep) = depth { cut(&block.body, keep) } else { None };
        match keep {
            Some(cut) => {
                self.left.insert(at, cut.bytes);
                behind_margin(&mut self.part.text, &cut.head);
                self.part.text.push_str(&cut.mark);
                self.part.text.push('\n');
                behind_margin(&mut self.part.text, &cut.tail);
                self.part.tokens += body_tokens(block, depth);
            }
            None => {
                behind_margin(&mut self.part.text, &block.body);
                self.part.tokens += block.body_tokens;
                self.seen.insert(&block.body, block.event);
            }
        }
        if block.partial {
            let line = "~ the source kept only a part of this text";
            self.line(line, estimate(line) + 1);
        }
    }

    /// What lies outside the segment: a line for each turn, or for equal shares where there are too many.
    fn folded(&mut self, record: &Record, outside: Range<usize>) {
        let mut start = outside.start;
        let step = outside.len().div_ceil(self.folds.max(1)).max(1);
        let turns = outside.clone().filter(|at| record.blocks[*at].border).count();
        while start < outside.end {
            let turn = (start + 1..outside.end).find(|at| record.blocks[*at].border).unwrap_or(outside.end);
            let end = if turns <= self.folds { turn } else { (start + step).min(outside.end) };
            let line = told(&record.blocks[start..end]);
            let tokens = estimate(&line) + 1;
            self.line(&line, tokens);
            start = end;
        }
    }

    fn line(&mut self, line: &str, tokens: u64) {
        self.part.text.push_str(line);
        self.part.text.push('\n');
        self.part.tokens += tokens;
    }

    fn missing(&self, record: &Record) -> Vec<usize> {
        let all = record.blocks.iter().enumerate();
        all.map(|(at, block)| self.left.get(&at).copied().unwrap_or(block.body.len())).collect()
    }
}

/// `e100 to e240: 141 events in another part: 60 tool_call, 60 tool_result, 21 usage`.
fn told(blocks: &[Block]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    blocks.iter().for_each(|block| *counts.entry(block.kind).or_default() += 1);
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return String::new() };
    let mut line = format!("{} to {}: {} events not in this part:", first.event, last.event, blocks.len());
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (at, (kind, count)) in counts.iter().take(KINDS).enumerate() {
        let comma = if at == 0 { " " } else { ", " };
        let _ = write!(line, "{comma}{count} {kind}");
    }
    let others: usize = counts.iter().skip(KINDS).map(|(_, count)| count).sum();
    if others > 0 {
        let _ = write!(line, ", {others} others");
    }
    line
}
