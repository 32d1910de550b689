//! Checks: a command on a copy of a snapshot, **at the same absolute path** as the workspace, with the hidden files laid over.
//!
//! The agent's work is judged as it was when the stage ended, and nothing a check does reaches the agent. In a sandbox the copy
//! is shown at the workspace's path; without one it changes places with the workspace while the check runs and back afterwards,
//! also when evalrun dies in between (`Place::open` puts a workspace that was left aside back). One check at a time, then.
//!
//! What is in no snapshot is laid back for the check: ignored folders from the workspace as it was prepared (an agent cannot
//! slip anything in through `node_modules`), `.git` from the live workspace (the history is part of the agent's work).

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::conditions::{Conditions, Seat, Walls};
use super::content::Store;
use super::copy::{Onto, copy_kept, copy_tree, open_plain};
use super::ignore::Ignore;
use super::junit;
use super::keep::{Finding, same_content, unchanged};
use super::laid::{Sources, lay_out};
use super::manifest::Manifest;
use super::names::stays_inside;
use super::outcome::{CheckResult, scaled};
use super::place::{Place, Room};
use super::setup::{Prepared, blocking};
use super::tree::{Notes, unwalkable, walk};
use crate::model::fault::Fault;
use crate::model::task::{Check, CheckWhat, Command, ScoreAt};
use crate::model::trace::CheckStatus;
use crate::process::{Exit, Output};

const SCORE_BYTES: u64 = 4 << 20;
const NAMED: usize = 5;

/// What a check is run on.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    pub place: &'a Place,
    pub store: &'a Store,
    pub ignore: &'a Ignore,
    pub prepared: &'a Prepared,
    /// Before the agent started.
    pub before: &'a Manifest,
    /// The snapshot that is looked at.
    pub now: &'a Manifest,
}

/// Runs a check. Whatever goes wrong on our side is a broken check, never a failed one.
pub async fn run_check(check: &Check, scene: &Scene<'_>, conditions: &Conditions<'_>) -> CheckResult {
    let found = match &check.what {
        CheckWhat::Unchanged { globs } => unchanged(scene.before, scene.now, globs).map(found),
        CheckWhat::SameContent { globs } => same_content(scene.before, scene.now, globs).map(found),
        CheckWhat::Run { run, score: Some(at) } => {
            let read = |ended: &Ended<'_>| scored(ended, at, check.pass_at);
            on_copy(&Program { check, command: run, read: &read }, scene, conditions).await
        }
        CheckWhat::Run { run, score: None } => {
            on_copy(&Program { check, command: run, read: &by_exit }, scene, conditions).await
        }
        CheckWhat::Tests { run } => on_copy(&Program { check, command: run, read: &by_tests }, scene, conditions).await,
    };
    let result = found.unwrap_or_else(|fault| CheckResult::new(CheckStatus::Broken, fault.message));
    result.redacted(conditions.redactor)
}

/// A check's program and how its end is read.
struct Program<'a> {
    check: &'a Check,
    command: &'a Command,
    read: &'a (dyn Fn(&Ended<'_>) -> CheckResult + Sync),
}

/// A check's program after it ended; the folders it ran in are still there.
struct Ended<'a> {
    output: &'a Output,
    room: &'a Room,
    limit_ms: u64,
}

fn found(finding: Finding) -> CheckResult {
    match finding {
        Finding::Kept(why) => CheckResult::new(CheckStatus::Passed, why),
        Finding::Broke(why) => CheckResult::new(CheckStatus::Failed, why),
        Finding::Unreadable(why) => CheckResult::new(CheckStatus::Broken, why),
    }
}

/// Lays the copy out, runs the command at the workspace's path, and reads what it left before the copy is removed.
async fn on_copy(program: &Program<'_>, scene: &Scene<'_>, conditions: &Conditions<'_>) -> Result<CheckResult, Fault> {
    let check = program.check;
    let (room, notes) = make_copy(check, scene).await?;
    let work = scene.place.work();
    let swapped = match conditions.walls {
        Walls::None => Some(scene.place.swap_in(&room.copy())?),
        Walls::Bwrap { .. } => None,
    };
    let seat = Seat {
        cwd: &work,
        home: room.home(),
        tmp: room.tmp(),
        shown: vec![(room.copy(), work.clone())],
        extra: vec![("REPORT", room.report().to_string_lossy().into_owned())],
    };
    let output = conditions.run(program.command, seat, Duration::from_millis(check.timeout_ms)).await;
    swapped.map_or(Ok(()), super::place::Swapped::back)?;
    let output = output?;
    let result = (program.read)(&Ended { output: &output, room: &room, limit_ms: check.timeout_ms });
    let exit = match output.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled => None,
    };
    let said: Vec<String> = notes.lines().iter().map(|note| format!("[{note}]\n")).collect();
    let printed = said.concat() + &conditions.printed(&output);
    Ok(CheckResult { exit, output: printed, duration_ms: output.duration_ms, ..result })
}

async fn make_copy(check: &Check, scene: &Scene<'_>) -> Result<(Room, Notes), Fault> {
    let room = scene.place.check_room(&check.name)?;
    let (copy, work) = (room.copy(), scene.place.work());
    let (now, store, ignore) = (scene.now.clone(), scene.store.clone(), scene.ignore.clone());
    let (prepared, with) = (scene.prepared.clone(), check.with.clone());
    blocking(move || {
        let mut notes = lay_out(&now, Sources { store: &store, live: &work }, &copy)?;
        lay_back(&prepared.work(), &copy, &mut |path, is_dir| {
            path != Path::new(".git") && ignore.leaves_out(&prepared.work(), path, is_dir)
        })?;
        lay_back(&work, &copy, &mut |path, _| path == Path::new(".git"))?;
        prepared.at_home(&copy, &work)?;
        if let Some(with) = with {
            notes.take_in(copy_tree(&with, &copy, Onto::Existing)?.notes);
        }
        Ok(notes)
    })
    .await
    .map(|notes| (room, notes))
}

/// Copies what `taken` names, whole, to the same place in `copy`, where the folder around it is there as well.
fn lay_back(from: &Path, copy: &Path, taken: &mut dyn FnMut(&Path, bool) -> bool) -> Result<(), Fault> {
    let mut roots: Vec<PathBuf> = Vec::new();
    let mut keep = |path: &Path, is_dir: bool| {
        let found = taken(path, is_dir);
        if found {
            roots.push(path.to_owned());
        }
        !found
    };
    if unwalkable(from).is_none() {
        walk(from, &mut keep, &mut Notes::default(), &mut |_| Ok(()))?;
    }
    for root in roots.iter().filter(|root| has_place(copy, root)) {
        // Through the folder around it, so that a file, a link and a folder are copied the same way.
        let around = root.parent().unwrap_or(Path::new(""));
        let mut below = |path: &Path, _: bool| around.join(path).starts_with(root);
        copy_kept(&from.join(around), &copy.join(around), Onto::Existing, &mut below)?;
    }
    Ok(())
}

/// Whether every folder around the path is a real folder of the copy and the path itself is free.
fn has_place(copy: &Path, path: &Path) -> bool {
    let is_dir = |part: &Path| fs::symlink_metadata(copy.join(part)).is_ok_and(|meta| meta.is_dir());
    let around = path.ancestors().skip(1);
    around.filter(|part| *part != Path::new("")).all(is_dir) && fs::symlink_metadata(copy.join(path)).is_err()
}

fn by_exit(ended: &Ended<'_>) -> CheckResult {
    match ended.output.exit {
        Exit::Code(0) => CheckResult::new(CheckStatus::Passed, ""),
        Exit::Code(code) => CheckResult::new(CheckStatus::Failed, format!("exit code {code}")),
        Exit::Signal(signal) => CheckResult::new(CheckStatus::Failed, format!("ended by signal {signal}")),
        Exit::TimedOut => CheckResult::new(CheckStatus::Timeout, format!("did not end within {} ms", ended.limit_ms)),
        Exit::Cancelled => CheckResult::new(CheckStatus::Broken, "cancelled"),
    }
}

fn by_tests(ended: &Ended<'_>) -> CheckResult {
    let result = by_exit(ended);
    let mut bytes = Vec::new();
    let read = open_plain(&ended.room.report()).and_then(|file| file.take(junit::MOST_BYTES).read_to_end(&mut bytes));
    let report = junit::read(if read.is_ok() { &bytes } else { &[] });
    let tests = report.tests;
    let failed: Vec<&str> =
        tests.iter().filter(|(_, status)| **status == CheckStatus::Failed).map(|(name, _)| name.as_str()).collect();
    let (status, why) = match (result.status, failed.len()) {
        (CheckStatus::Passed, 0) if tests.is_empty() => {
            (CheckStatus::Broken, "it ended well, but no test result stands in $REPORT".to_owned())
        }
        (CheckStatus::Failed, 0) if tests.is_empty() => {
            (CheckStatus::Failed, format!("{}, and no test result stands in $REPORT", result.why))
        }
        (CheckStatus::Passed | CheckStatus::Failed, count @ 1..) => {
            let shown = failed.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if count > NAMED { ", ..." } else { "" };
            (CheckStatus::Failed, format!("{count} of {} tests fail: {shown}{more}", tests.len()))
        }
        (status, _) => (status, result.why),
    };
    let why = if report.partial { format!("{why} (the report could not be read to its end)") } else { why };
    CheckResult { tests, ..CheckResult::new(status, why.trim_start()) }
}

fn scored(ended: &Ended<'_>, at: &ScoreAt, pass_at: f64) -> CheckResult {
    let result = by_exit(ended);
    if result.status != CheckStatus::Passed {
        return result;
    }
    let told = number(&ended.room.copy(), at).and_then(|value| {
        scaled(value, at).map(|score| (value, score)).ok_or_else(|| "`best` and `worst` are the same".to_owned())
    });
    match told {
        Err(why) => CheckResult::new(CheckStatus::Broken, why),
        Ok((value, score)) => {
            let status = if score >= pass_at { CheckStatus::Passed } else { CheckStatus::Failed };
            let why = format!("{value} where {} is best and {} is worst", at.best, at.worst);
            CheckResult { score: Some(score), ..CheckResult::new(status, why) }
        }
    }
}

/// The number a scoring check left; links out of the copy are not followed.
fn number(copy: &Path, at: &ScoreAt) -> Result<f64, String> {
    let missing = |why: &str| format!("no score in `{}`: {why}", at.json);
    let path = Path::new(&at.json);
    let file = copy.join(path);
    let inside = || Some(file.parent()?.canonicalize().ok()?.starts_with(copy.canonicalize().ok()?));
    if !stays_inside(path) || inside() != Some(true) {
        return Err(missing("it is no file of the workspace"));
    }
    let mut bytes = Vec::new();
    open_plain(&file)
        .and_then(|file| file.take(SCORE_BYTES).read_to_end(&mut bytes))
        .map_err(|why| missing(&why.to_string()))?;
    let json: serde_json::Value = serde_json::from_slice(&bytes).map_err(|why| missing(&why.to_string()))?;
    let value = json.pointer(&at.at).ok_or_else(|| missing(&format!("nothing stands at `{}`", at.at)))?;
    value.as_f64().ok_or_else(|| missing(&format!("`{}` is no number", at.at)))
}
