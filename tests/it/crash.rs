//! A run killed anywhere and resumed is the run that was not killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stdout)]

use crate::bed::{Bed, Ran, files, until};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Child,
};

const RUN: &str = "run";
const ARGS: &[&str] = &["suites/tiny.yaml", "--sandbox", "none", "--out", RUN];

/// One agent, one task, two stages, checks: every kind of file that a run writes, in as little time as possible.
const SMALL: &[&str] =
    &["suites/tiny.yaml", "--sandbox", "none", "--out", RUN, "--agent", "tidy", "--task", "milk", "--trials", "1"];

#[test]
fn killed_at_random_points_and_resumed_it_measures_the_same() {
    let (expected, steps) = undisturbed(ARGS);
    let kills = if std::env::var_os("EVALRUN_TEST_ALL").is_some() { 100 } else { 15 };
    let points: Vec<usize> = (0..kills).map(|n| 1 + random(n) as usize % steps).collect();
    // Two at a time: a run spends much of its time waiting for the disk.
    let (left, right) = points.split_at(points.len() / 2);
    std::thread::scope(|scope| {
        for part in [left, right] {
            scope.spawn(|| part.iter().for_each(|at| killed_at(*at, &expected)));
        }
    });
}

fn killed_at(at: usize, expected: &str) {
    let bed = Bed::tiny();
    let mut child = bed.start(ARGS);
    until("the run has come so far, or ended", || ended(&mut child) || progress(&bed.path(RUN)) >= at);
    // SIGKILL, to the id that was started; one that has ended is killed no more.
    let _ = child.kill();
    child.wait().unwrap();
    if !bed.path(RUN).join("run.json").exists() {
        assert_eq!(bed.run(&["resume", RUN]).code, Some(2), "killed at {at}: there is no run yet");
        return;
    }
    resumed(&bed, expected, &format!("killed at {at}"));
}

/// Files and lines of logs: what can be seen of a run from outside, growing all the time.
fn progress(run: &Path) -> usize {
    let files = files(run);
    let lines = |(path, bytes): (&PathBuf, &Vec<u8>)| match path.extension().is_some_and(|ext| ext == "jsonl") {
        true => bytes.iter().filter(|byte| **byte == b'\n').count(),
        false => 1,
    };
    files.iter().map(lines).sum()
}

#[test]
fn crashed_between_any_two_commits_and_resumed_it_measures_the_same() {
    let (expected, _) = undisturbed(SMALL);
    let next = std::sync::atomic::AtomicU32::new(1);
    let crash_on = || {
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let bed = Bed::tiny();
            let mut command = bed.evalrun(SMALL);
            command.env("EVALRUN_FAIL_AT", at.to_string());
            let first = crate::bed::ran(command);
            if first.code == Some(0) {
                assert_eq!(bed.canonical(RUN), expected, "undisturbed, since there are fewer than {at} points");
                return at;
            }
            assert_eq!(first.code, None, "an abort is no exit: {first:?}");
            if bed.path(RUN).join("run.json").exists() {
                resumed(&bed, &expected, &format!("crashed at {at}"));
            } else {
                assert_eq!(bed.run(SMALL).code, Some(0), "nothing was begun at {at}, so the folder can be used again");
            }
        }
    };
    let points = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(crash_on)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).min().unwrap() - 1
    });
    println!("{points} points");
    // run.json, attempt, three snapshots, two diffs, trace, trial.json, scores: before and after each.
    assert!(points >= 20, "only {points} points were passed");
}

/// Resumes a run that was cut off, and holds it to what is promised.
fn resumed(bed: &Bed, expected: &str, how: &str) {
    let before = files(&bed.path(RUN));
    let resumed = bed.run(&["resume", RUN]);
    assert_eq!(resumed.code, Some(0), "{how}: {resumed:?}");
    assert_eq!(bed.canonical(RUN), expected, "{how}");
    let after = files(&bed.path(RUN));
    let is_kept = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.starts_with("trials") && !name.starts_with(".new-")
    };
    for path in before.keys().filter(is_kept) {
        assert_eq!(after.get(path), before.get(path), "{how}: {} was there and is changed", path.display());
    }
    let (had, has) = (attempts(&before), attempts(&after));
    for (trial, count) in &had {
        let committed = before.contains_key(&trial.join("trial.json"));
        let wanted = if committed { *count } else { count + 1 };
        assert_eq!(has[trial], wanted, "{how}: attempts of {}", trial.display());
    }
    let torn: Vec<&PathBuf> = after.keys().filter(|path| path.to_str().unwrap().contains(".new-")).collect();
    assert_eq!(torn, [] as [&PathBuf; 0], "{how}: half-written files were left");
    bed.assert_clean(RUN);
}

/// Trial -> attempts that were begun.
fn attempts(files: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, usize> {
    let mut found = BTreeMap::new();
    let begun = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.parent().unwrap().ends_with("attempts") && !name.ends_with(".end.json") && !name.starts_with('.')
    };
    for path in files.keys().filter(begun) {
        *found.entry(path.parent().unwrap().parent().unwrap().to_owned()).or_default() += 1;
    }
    found
}

/// What a run measures that nobody disturbs, and how far its progress goes.
fn undisturbed(args: &[&str]) -> (String, usize) {
    let bed = Bed::tiny();
    let ran = bed.run(args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    bed.assert_clean(RUN);
    (bed.canonical(RUN), progress(&bed.path(RUN)))
}

fn ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// The n-th number of a fixed sequence (splitmix64).
fn random(n: u64) -> u64 {
    let mut z = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
