//! Which lines of two files are the same ones. Files of ordinary size get the shortest edit (Myers). For large ones that could
//! take minutes on lines made to be hard, so lines that occur once on each side are matched first and only small gaps between
//! them are looked into; a larger gap counts as replaced. No clock decides: the same files give the same answer on any machine.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Lines of the one side times lines of the other that are compared in full.
const WHOLE: usize = 100_000_000;
const GAP: usize = 40_000;

/// The operations that turn the old lines into the new ones, neighbours joined.
pub(super) fn ops(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    if old.len().saturating_mul(new.len()) <= WHOLE {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    joined(&anchored(old, new), (old.len(), new.len()))
}

/// A line of the old file and the line of the new file that it became.
type Match = (usize, usize);

fn anchored(old: &[&str], new: &[&str]) -> Vec<Match> {
    let start = old.iter().zip(new).take_while(|(left, right)| left == right).count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(left, right)| left == right).count();
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    let mut matches: Vec<Match> = (0..start).map(|at| (at, at)).collect();
    let (mut from, mut to) = (start, start);
    let unique = rising(&once_on_each_side(&old[start..old_end], &new[start..new_end]));
    let stops = unique.into_iter().map(|(left, right)| (left + start, right + start)).chain([(old_end, new_end)]);
    for (left, right) in stops {
        matches.extend(between(&old[from..left], &new[to..right]).into_iter().map(|(a, b)| (a + from, b + to)));
        if left < old_end {
            matches.push((left, right));
        }
        (from, to) = (left + 1, right + 1);
    }
    matches.extend((0..end).map(|at| (old_end + at, new_end + at)));
    matches
}

fn once_on_each_side(old: &[&str], new: &[&str]) -> Vec<Match> {
    let (left, right) = (places(old), places(new));
    let once = |(line, at): (&&str, &Option<usize>)| Some(((*at)?, (*right.get(line)?)?));
    let mut found: Vec<Match> = left.iter().filter_map(once).collect();
    found.sort_unstable();
    found
}

/// Where each line stands; nothing for one that stands twice.
fn places<'a>(lines: &[&'a str]) -> HashMap<&'a str, Option<usize>> {
    let mut places: HashMap<&str, Option<usize>> = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        places.entry(line).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places
}

/// The longest run of matches that rises on both sides; they come in the order of the old file.
fn rising(matches: &[Match]) -> Vec<Match> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(matches.len());
    for (at, (_, right)) in matches.iter().enumerate() {
        let place = tails.partition_point(|&tail| matches[tail].1 < *right);
        before.push(place.checked_sub(1).map(|place| tails[place]));
        match tails.get_mut(place) {
            Some(tail) => *tail = at,
            None => tails.push(at),
        }
    }
    let mut run = Vec::with_capacity(tails.len());
    let mut next = tails.last().copied();
    while let Some(at) = next {
        run.push(matches[at]);
        next = before[at];
    }
    run.reverse();
    run
}

fn between(old: &[&str], new: &[&str]) -> Vec<Match> {
    if old.is_empty() || new.is_empty() || old.len().saturating_mul(new.len()) > GAP {
        return Vec::new();
    }
    let equal = |op: DiffOp| match op {
        DiffOp::Equal { old_index, new_index, len } => (0..len).map(|at| (old_index + at, new_index + at)).collect(),
        DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => Vec::new(),
    };
    capture_diff_slices(Algorithm::Myers, old, new).into_iter().flat_map(equal).collect()
}

fn joined(matches: &[Match], (old_len, new_len): (usize, usize)) -> Vec<DiffOp> {
    let mut ops: Vec<DiffOp> = Vec::new();
    let (mut from, mut to) = (0, 0);
    for &(left, right) in matches.iter().chain([&(old_len, new_len)]) {
        ops.extend(changed((from, left), (to, right)));
        if left == old_len {
            break;
        }
        match ops.last_mut() {
            Some(DiffOp::Equal { len, .. }) => *len += 1,
            Some(_) | None => ops.push(DiffOp::Equal { old_index: left, new_index: right, len: 1 }),
        }
        (from, to) = (left + 1, right + 1);
    }
    ops
}

fn changed((from, left): (usize, usize), (to, right): (usize, usize)) -> Option<DiffOp> {
    match (left - from, right - to) {
        (0, 0) => None,
        (old_len, 0) => Some(DiffOp::Delete { old_index: from, old_len, new_index: to }),
        (0, new_len) => Some(DiffOp::Insert { old_index: from, new_index: to, new_len }),
        (old_len, new_len) => Some(DiffOp::Replace { old_index: from, old_len, new_index: to, new_len }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Follows the operations from the old lines to the new ones.
    fn follow(ops: &[DiffOp], old: &[&str], new: &[&str]) -> (Vec<String>, Vec<String>) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for op in ops {
            let (was, is) = (&old[op.old_range()], &new[op.new_range()]);
            if let DiffOp::Equal { .. } = op {
                assert_eq!(was, is);
            }
            left.extend(was.iter().map(ToString::to_string));
            right.extend(is.iter().map(ToString::to_string));
        }
        (left, right)
    }

    proptest! {
        #[test]
        fn anchored_matches_are_a_way_from_old_to_new(old in "[a-f]{0,30}", new in "[a-f]{0,30}", fresh in "[g-z]{0,9}") {
            let whole = format!("{old}{fresh}{new}");
            let other = format!("{fresh}{new}{old}");
            for (old, new) in [(&old, &new), (&whole, &other), (&old, &whole)] {
                let (left, right) = (letters(old), letters(new));
                let ops = joined(&anchored(&left, &right), (left.len(), right.len()));
                let expected = (left.iter().map(ToString::to_string).collect(), right.iter().map(ToString::to_string).collect());
                prop_assert_eq!(follow(&ops, &left, &right), expected);
                prop_assert!(ops.windows(2).all(|pair| pair[0].tag() != pair[1].tag()));
            }
        }
    }

    #[test]
    fn a_large_file_with_a_few_edits_shows_those_alone() {
        let old: Vec<String> = (0..20_000).map(|line| format!("line {line}\n")).collect();
        let mut new = old.clone();
        new[10] = "edited\n".to_owned();
        new.remove(15_000);
        new.insert(19_000, "fresh\n".to_owned());
        let as_lines = |lines: &'_ [String]| lines.iter().map(|line| line.clone().leak() as &str).collect::<Vec<_>>();
        let ops = ops(&as_lines(&old), &as_lines(&new));
        let changed: Vec<&DiffOp> = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).collect();
        assert_eq!(
            changed,
            [
                &DiffOp::Replace { old_index: 10, old_len: 1, new_index: 10, new_len: 1 },
                &DiffOp::Delete { old_index: 15_000, old_len: 1, new_index: 15_000 },
                &DiffOp::Insert { old_index: 19_001, new_index: 19_000, new_len: 1 },
            ]
        );
    }

    fn letters(text: &str) -> Vec<&str> {
        text.split_inclusive(|_| true).collect()
    }
}
