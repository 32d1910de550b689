//! A run killed anywhere and resumed is the run that was not killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stdout)]

use crate::bed::{Bed, files, until};
use evalrun::store::{RunLock, read_live};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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
    until("the run has come so far, or ended", || ended(&mut child.0) || progress(&bed.path(RUN)) >= at);
    // SIGKILL, to the id that was started; one that has ended is killed no more.
    let _ = child.0.kill();
    child.0.wait().unwrap();
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

#[test]
fn a_torn_line_of_a_log_hides_nothing_else() {
    let bed = Bed::tiny();
    assert_eq!(bed.run(SMALL).code, Some(0));
    let path = bed.path("run/trials/milk/tidy/1/1/live.jsonl");
    let bytes = fs::read(&path).unwrap();
    let whole = read_live(&path).unwrap();
    assert_eq!(whole.set_aside, []);
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let torn = read_live(&path).unwrap();
        // Without its end a line is whole only where nothing but the line end is missing.
        let events = if cut + 1 < bytes.len() { whole.events.len() - 1 } else { whole.events.len() };
        assert_eq!(torn.events, whole.events[..events], "cut at {cut}");
        assert_eq!(
            (torn.header, torn.set_aside.len()),
            (whole.header.clone(), usize::from(cut > last && events < whole.events.len()))
        );
    }
}

#[test]
fn a_run_that_cannot_be_read_says_why_and_what_to_do() {
    let bed = Bed::tiny();
    assert_eq!(bed.run(SMALL).code, Some(0));
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let cases: [Damage<'_>; 5] = [
        ("no run.json", &|run| fs::remove_file(run.join("run.json")).unwrap()),
        ("an empty run.json", &|run| fs::write(run.join("run.json"), "").unwrap()),
        ("a torn run.json", &|run| tear(&run.join("run.json"))),
        ("a newer run.json", &|run| replace(&run.join("run.json"), "\"version\": 1", "\"version\": 2")),
        ("a torn trial.json", &|run| tear(&run.join("trials/milk/tidy/1/trial.json"))),
    ];
    let mut said = String::new();
    for (what, damage) in cases {
        let copy = bed.path("damaged");
        copy_folder(&bed.path(RUN), &copy);
        damage(&copy);
        let ran = bed.run(&["resume", "damaged"]);
        let err = ran.err.replace(copy.to_str().unwrap(), "RUN");
        said.push_str(&format!("{what}: exit code {:?}\n{}\n\n", ran.code, err.trim_end()));
        fs::remove_dir_all(&copy).unwrap();
    }
    let missing = bed.run(&["resume", "nowhere"]);
    said.push_str(&format!("no such folder: exit code {:?}\n{}", missing.code, missing.err.trim_end()));
    let said = said.replace(bed.path("").to_str().unwrap().trim_end_matches('/'), "BED");
    insta::with_settings!({filters => [(r"EOF while parsing a \w+ at line \d+ column \d+", "EOF")]}, { insta::assert_snapshot!(said) });
}

#[test]
fn one_evalrun_at_a_time_works_on_a_run() {
    let bed = Bed::tiny();
    assert_eq!(bed.run(SMALL).code, Some(0));
    let held = RunLock::take(&bed.path(RUN)).unwrap();
    let second = bed.run(&["resume", RUN]);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.err.contains("another evalrun is working on"), "{}", second.err);
    drop(held);
    assert_eq!(bed.run(&["resume", RUN]).code, Some(0));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_runs() {
    let bed = Bed::tiny();
    assert_eq!(bed.run(SMALL).code, Some(0));
    let run = bed.path(RUN);
    let mounted = Command::new("mount").args(["--bind", "-o", "ro"]).arg(&run).arg(&run).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return println!("skipped: nothing can be mounted here");
    }
    let (resumed, again) = (bed.run(&["resume", RUN]), bed.run(SMALL));
    let unmounted = Command::new("umount").arg(&run).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert_eq!((resumed.code, again.code), (Some(2), Some(2)), "{resumed:?} {again:?}");
    assert!(resumed.err.contains("Read-only file system") && resumed.err.contains("hint:"), "{}", resumed.err);
}

#[test]
fn ctrl_c_once_keeps_everything_and_says_how_to_go_on() {
    let (expected, steps) = undisturbed(ARGS);
    for part in 1..4 {
        let bed = Bed::tiny();
        let mut child = bed.evalrun(ARGS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("the run has come so far", || ended(&mut child) || progress(&bed.path(RUN)) >= steps * part / 4);
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("evalrun resume"), "{said}");
        assert_eq!(bed.results(RUN)["exit"], 130);
        bed.assert_clean(RUN);
        resumed(&bed, &expected, &format!("interrupted after {part} quarters"));
    }
}

/// An agent that lets itself not be stopped: its turn ends when it is killed, which takes evalrun a moment.
const ENDLESS: &str = "
agents: {it: {driver: command, command: [sh, -c, 'trap \"\" INT TERM; echo begun > \"$HOME/begun\"; while :; do sleep 1000; done']}}
tasks: [{id: job, say: Do it.}]
";

#[test]
fn ctrl_c_twice_ends_at_once() {
    let bed = Bed::new();
    bed.suite(ENDLESS);
    let mut child = bed.start(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    until("the agent works", || files(&bed.path("tmp")).keys().any(|path| path.ends_with("home/begun")));
    interrupt(&child.0);
    // Two signals at one moment are one to the system: the second is sent until it is heard.
    until("evalrun has ended", || {
        interrupt(&child.0);
        ended(&mut child.0)
    });
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    let mut resume = bed.start(&["resume", RUN]);
    until("the agent works again", || attempts(&files(&bed.path(RUN))).values().sum::<usize>() == 2);
    until("the agent works again", || files(&bed.path("tmp")).keys().any(|path| path.ends_with("home/begun")));
    interrupt(&resume.0);
    assert_eq!(resume.0.wait().unwrap().code(), Some(130));
    bed.assert_clean(RUN);
}

fn interrupt(child: &Child) {
    // One that has ended hears nothing, which is fine.
    let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT);
}

fn tear(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old));
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}
