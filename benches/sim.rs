//! `cargo xtask sim [--replications N]`: the gate against agents of known quality. A full run (10,000 replications a cell, or more) writes
//! docs/simulation.md and holds its promises; a smaller one only prints.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

#[path = "../tests/it/simulate.rs"]
mod simulate;

use rayon::prelude::*;
use simulate::{Cell, MARGIN, Tally, early_stop, expected_power, one_look, run};
use std::fmt::Write;

const FULL: u32 = 10_000;
const TASKS: [usize; 3] = [10, 20, 50];
const TRIALS: [u32; 3] = [1, 3, 5];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let after = words.iter().position(|word| word == "--replications").and_then(|at| words.get(at + 1));
    let runs: u32 = after.map_or(FULL, |count| count.parse().expect("--replications takes a count"));
    let tables: [Table; 4] = [none, margin, power, early];
    let written: Vec<(String, f64)> = tables.par_iter().map(|table| section(*table, runs)).collect();
    let page = head(runs) + &written.iter().map(|(text, _)| text.as_str()).collect::<String>();
    let [failed, passed, gap, spent] = [0, 1, 2, 3].map(|nth: usize| written[nth].1);
    print!("{page}");
    if runs < FULL {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/simulation.md");
    std::fs::write(path, &page).expect("docs/simulation.md can be written");
    assert!(failed <= 6.0 && passed <= 6.0, "an error above 6 %: {failed}, {passed}");
    assert!(gap <= 2.0, "{gap} points from the power function");
    assert!(spent <= 0.5, "{spent} of the trials before the end");
}

/// Writes itself and returns the number that is held.
type Table = fn(&mut String, u32) -> f64;

fn section(table: Table, runs: u32) -> (String, f64) {
    let mut page = String::new();
    let held = table(&mut page, runs);
    (page, held)
}

/// Another one for each cell of each table.
fn seed(table: u64, tasks: usize, trials: u32) -> u64 {
    table * 10_000 + tasks as u64 * 100 + u64::from(trials)
}

fn head(runs: u32) -> String {
    format!(
        "# The gate against agents of known quality

Written by `cargo xtask sim`: {runs} replications a cell, seeded, alpha 0.05, through the real gate. A task's chance to pass is uniform in [0.3, 0.95]
for the baseline; the new agent's is lower by the drop, give or take 5 points by task. Both sides run the same number of trials. Shares in percent.

- *gate*: `no_worse_by: {MARGIN}`. *strict*: any proven drop fails.
- *any drop*: fails when the new mean is lower. *unpaired*: Welch's test over all trials, as if they were independent and of other tasks.
- *insufficient*: fewer than two tasks; no cell has so few.
- `cargo xtask sim` builds with cargo's bench profile, which is that of release. Seeds are fixed and what is counted is whole runs, so that the
  profile changes the time it takes and not the numbers.
"
    )
}

fn each(mut row: impl FnMut(usize, u32)) {
    for tasks in TASKS {
        for trials in TRIALS {
            row(tasks, trials);
        }
    }
}

/// Returns the largest share that failed.
fn none(page: &mut String, runs: u32) -> f64 {
    let mut worst: f64 = 0.0;
    page.push_str(
        "
## No change

Failed must stay at or below 6.

| tasks x trials | failed | failed, strict | passed | inconclusive | insufficient | any drop failed | unpaired failed |
| --- | --- | --- | --- | --- | --- | --- | --- |
",
    );
    each(|tasks, trials| {
        let found = run(&one_look(tasks, trials, 0.0, false), runs, seed(1, tasks, trials));
        let strict = run(&one_look(tasks, trials, 0.0, true), runs, seed(1, tasks, trials));
        worst = worst.max(found.share(found.failed)).max(strict.share(strict.failed));
        let strict = strict.share(strict.failed);
        let [passed, failed, inconclusive, insufficient] = verdicts(&found);
        let (any, unpaired) = (found.share(found.any_drop), found.share(found.unpaired));
        let _ = writeln!(
            page,
            "| {tasks} x {trials} | {failed:.1} | {strict:.1} | {passed:.1} | {inconclusive:.1} | {insufficient:.1} | {any:.1} | {unpaired:.1} |"
        );
    });
    worst
}

/// Returns the largest share that passed.
fn margin(page: &mut String, runs: u32) -> f64 {
    let mut worst: f64 = 0.0;
    let _ = write!(
        page,
        "
## A true drop of {MARGIN}, the margin

Passed must stay at or below 6.

| tasks x trials | passed | failed | inconclusive | insufficient |
| --- | --- | --- | --- | --- |
"
    );
    each(|tasks, trials| {
        let found = run(&one_look(tasks, trials, MARGIN, false), runs, seed(2, tasks, trials));
        let [passed, failed, inconclusive, insufficient] = verdicts(&found);
        worst = worst.max(passed);
        let _ = writeln!(
            page,
            "| {tasks} x {trials} | {passed:.1} | {failed:.1} | {inconclusive:.1} | {insufficient:.1} |"
        );
    });
    worst
}

/// Returns how far 20 x 5 is from the power function, in points.
fn power(page: &mut String, runs: u32) -> f64 {
    let mut gap: f64 = 0.0;
    page.push_str(
        "
## A true drop of 0.12: power of the strict gate

At 20 x 5 the simulation must come within 2 points of the power function (noncentral t).

| tasks x trials | failed | power function | unpaired failed |
| --- | --- | --- | --- |
",
    );
    each(|tasks, trials| {
        let found = run(&one_look(tasks, trials, 0.12, true), runs, seed(3, tasks, trials));
        let (failed, unpaired) = (found.share(found.failed), found.share(found.unpaired));
        let expected = expected_power(tasks, trials, 0.12);
        if (tasks, trials) == (20, 5) {
            gap = (failed - expected).abs();
        }
        let _ = writeln!(page, "| {tasks} x {trials} | {failed:.1} | {expected:.1} | {unpaired:.1} |");
    });
    gap
}

/// Returns the share of the trials that a drop of 24 points took.
fn early(page: &mut String, runs: u32) -> f64 {
    let cell = early_stop();
    let _ = write!(
        page,
        "
## Three looks

20 tasks, looks at {:?} trials, `no_worse_by: 0.05`, strict. The spent share counts trials of the new agent. A drop of 0.24 must take at most half.

| true drop | failed | passed | inconclusive | trials spent |
| --- | --- | --- | --- | --- |
",
        cell.looks
    );
    let mut spent = 0.0;
    let drops = [0.0, 0.05, 0.12, 0.24];
    let found: Vec<Tally> = drops.par_iter().map(|drop| run(&Cell { drop: *drop, ..cell.clone() }, runs, 4)).collect();
    for (drop, found) in drops.iter().zip(&found) {
        let [passed, failed, inconclusive, _] = verdicts(found);
        spent = found.spent / f64::from(found.runs);
        let _ = writeln!(page, "| {drop} | {failed:.1} | {passed:.1} | {inconclusive:.1} | {:.1} |", 100.0 * spent);
    }
    spent
}

fn verdicts(found: &Tally) -> [f64; 4] {
    [found.passed, found.failed, found.inconclusive, found.insufficient].map(|count| found.share(count))
}
