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
use super::tree::{Notes, walk};
use crate::model::fault::{Boundary, Fault};
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
            on_copy(check, run, scene, conditions, &|ended| scored(ended, at, check.pass_at)).await
        }
        CheckWhat::Run { run, score: None } => on_copy(check, run, scene, conditions, &|ended| by_exit(ended)).await,
        CheckWhat::Tests { run } => on_copy(check, run, scene, conditions, &|ended| by_tests(ended)).await,
    };
    found.unwrap_or_else(|fault| CheckResult::new(CheckStatus::Broken, fault.message))
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
