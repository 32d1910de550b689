//! Precision and recall on labelled lines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use evalrun::acts::{Table, deeds_of_line};
use evalrun::model::act::{Act, Deed, Seen};
use serde::Deserialize;
use serde_json::Value;

use super::fixture;

#[derive(Deserialize)]
struct Labelled {
    command: String,
    segments: Vec<Label>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Label {
    program: String,
    act: Act,
    status: Seen,
    #[serde(default)]
    paths_read: Vec<String>,
    #[serde(default)]
    paths_written: Vec<String>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    right: usize,
    missed: usize,
    wrong: usize,
}

#[derive(Default)]
struct Tally {
    acts: BTreeMap<&'static str, Count>,
    pairs: usize,
    status: usize,
    read: usize,
    written: usize,
    program: usize,
}

pub fn measure() {
    let given = std::env::var_os("EVALRUN_SHELL").map(PathBuf::from);
    let own = given.is_none();
    let text = std::fs::read_to_string(given.unwrap_or_else(|| fixture("labelled.jsonl"))).unwrap();
    let mut tally = Tally::default();
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let labelled: Labelled = serde_json::from_str(line).unwrap();
        lines += 1;
        count(&labelled, &mut tally);
    }
    let (mut right, mut missed, mut wrong) = (0, 0, 0);
    println!("{lines} lines\n{:<10} {:>6} {:>6} {:>6}  precision recall", "act", "right", "missed", "wrong");
    for (act, count) in &tally.acts {
        println!(
            "{act:<10} {:>6} {:>6} {:>6}  {:.3}     {:.3}",
            count.right,
            count.missed,
            count.wrong,
            share(count.right, count.right + count.wrong),
            share(count.right, count.right + count.missed)
        );
        right += count.right;
        missed += count.missed;
        wrong += count.wrong;
    }
    println!(
        "all: precision {:.3} recall {:.3} of {}",
        share(right, right + wrong),
        share(right, right + missed),
        right + missed
    );
    println!(
        "of {} pairs: status {:.3} paths_read {:.3} paths_written {:.3} program {:.3}",
        tally.pairs,
        share(tally.status, tally.pairs),
        share(tally.read, tally.pairs),
        share(tally.written, tally.pairs),
        share(tally.program, tally.pairs)
    );
    if own {
        has_exactly_the_fields(&text);
        for (act, count) in &tally.acts {
            let few = share(count.right, count.right + count.wrong).min(share(count.right, count.right + count.missed));
            assert!(few >= 0.95, "{act}: {few}");
        }
        assert!(share(right, right + wrong) >= 0.97 && share(right, right + missed) >= 0.97);
        assert!(share(tally.status, tally.pairs) >= 0.97);
        assert!(share(tally.read.min(tally.written), tally.pairs) >= 0.95);
    }
}

/// `{command, segments:[{program, act, status, paths_read, paths_written}]}`, nothing more and nothing less.
fn has_exactly_the_fields(text: &str) {
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(fields(&line), ["command", "segments"], "{line}");
        for segment in line["segments"].as_array().unwrap() {
            assert_eq!(fields(segment), ["program", "act", "status", "paths_read", "paths_written"], "{line}");
        }
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// `other` and a missing segment count as equal.
fn count(labelled: &Labelled, tally: &mut Tally) {
    let expected: Vec<&Label> = labelled.segments.iter().filter(|label| label.act != Act::Other).collect();
    let deeds = deeds_of_line(&labelled.command, Table::shipped());
    let found: Vec<&Deed> = deeds.iter().filter(|deed| deed.act != Act::Other).collect();
    let pairs = align(&expected, &found);
    let mut notes = Vec::new();
    for (at, label) in expected.iter().enumerate() {
        let partner = pairs.iter().find(|(left, _)| *left == at).map(|(_, right)| found[*right]);
        let entry = tally.acts.entry(label.act.word()).or_default();
        match partner {
            Some(deed) if deed.act == label.act => {
                entry.right += 1;
                compare(label, deed, (tally, &mut notes));
            }
            other => {
                entry.missed += 1;
                notes.push(format!("missed {label:?}, found {:?}", other.map(|deed| (&deed.program, deed.act))));
            }
        }
    }
    for (at, deed) in found.iter().enumerate() {
        let matched = pairs.iter().any(|(left, right)| *right == at && expected[*left].act == deed.act);
        if !matched {
            tally.acts.entry(deed.act.word()).or_default().wrong += 1;
            notes.push(format!("wrong {} {} {:?}", deed.program, deed.act.word(), deed.seen));
        }
    }
    if !notes.is_empty() {
        println!("{}\n    {}", labelled.command, notes.join("\n    "));
    }
}

fn compare(label: &Label, deed: &Deed, to: (&mut Tally, &mut Vec<String>)) {
    let (tally, notes) = to;
    tally.pairs += 1;
    let mut same = |ok: bool, what: &str| {
        if !ok {
            notes.push(format!(
                "{what}: {label:?} found {} {:?} {:?} {:?}",
                deed.program, deed.seen, deed.paths_read, deed.paths_written
            ));
        }
        usize::from(ok)
    };
    tally.status += same(label.status == deed.seen, "status");
    tally.read += same(sorted(&label.paths_read) == sorted(&deed.paths_read), "read");
    tally.written += same(sorted(&label.paths_written) == sorted(&deed.paths_written), "written");
    tally.program += same(plain(&label.program) == plain(&deed.program), "program");
}

fn sorted(paths: &[String]) -> Vec<&str> {
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn plain(program: &str) -> &str {
    match program {
        "python3" | "py" => "python",
        "pip3" => "pip",
        other => other,
    }
}

/// Pairs in order, of the same act where there is one, else of the same program.
fn align(expected: &[&Label], found: &[&Deed]) -> Vec<(usize, usize)> {
    let worth = |label: &Label, deed: &Deed| {
        let act = usize::from(label.act == deed.act) * 4;
        let program = usize::from(plain(&label.program) == plain(&deed.program)) * 3;
        act + program + usize::from(act + program > 0 && label.status == deed.seen)
    };
    let (rows, columns) = (expected.len(), found.len());
    let mut best = vec![vec![0; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let paired = worth(expected[row], found[column]);
            let paired = if paired > 0 { paired + best[row + 1][column + 1] } else { 0 };
            best[row][column] = paired.max(best[row + 1][column]).max(best[row][column + 1]);
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows && column < columns {
        let paired = worth(expected[row], found[column]);
        if paired > 0 && best[row][column] == paired + best[row + 1][column + 1] {
            pairs.push((row, column));
            row += 1;
            column += 1;
        } else if best[row][column] == best[row + 1][column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}
