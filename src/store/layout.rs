//! Where everything of a run lies.

use super::{create::fault, read::read_json};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    judge_spec::JudgeSpec,
    run::{Attempt, GradingId, NotRun, TrialSpec},
    suite::Suite,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// `run.json`: frozen when the run starts, and enough to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub version: u32,
    pub run: String,
    /// RFC 3339, UTC.
    pub started: String,
    pub evalrun: String,
    pub suite: Suite,
    pub trials: Vec<TrialSpec>,
    pub not_run: Vec<NotRun>,
    pub grading: GradingId,
    /// Who was asked for verdicts; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSpec>,
    /// `bwrap` or `none`: what was usable here.
    pub sandbox: String,
    pub host: String,
    /// The run whose failed trials this one tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_in: Option<String>,
    /// Trials per task at which the gate decides; the run plays on from one to the next where it is undecided. Empty: there is one look, or the
    /// number of trials was typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<u32>,
}

/// Paths in one run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub root: PathBuf,
}

impl Layout {
    pub fn at(root: impl Into<PathBuf>) -> Layout {
        Layout { root: root.into() }
    }

    pub fn run(&self) -> PathBuf {
        self.root.join("run.json")
    }

    /// What the `nth` look (from 1) decided of an agent.
    pub fn look(&self, agent: &str, nth: usize) -> PathBuf {
        self.root.join("looks").join(agent).join(format!("{nth}.json"))
    }

    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.jsonl")
    }

    pub fn trial(&self, key: &TrialKey) -> PathBuf {
        self.root.join("trials").join(key.task_word()).join(&key.agent).join(key.n.to_string())
    }

    pub fn trial_end(&self, key: &TrialKey) -> PathBuf {
        self.trial(key).join("trial.json")
    }

    pub fn attempts(&self, key: &TrialKey) -> PathBuf {
        self.trial(key).join("attempts")
    }

    /// The folder of one attempt: live.jsonl, trace.jsonl, snapshots, diffs, blobs.
    pub fn attempt(&self, key: &TrialKey, attempt: Attempt) -> PathBuf {
        self.trial(key).join(attempt.0.to_string())
    }

    pub fn scores(&self, key: &TrialKey, id: &GradingId) -> PathBuf {
        self.trial(key).join("grades").join(&id.0).join("scores.json")
    }
}

/// The run's record, with the trials that decided looks have added since it started.
///
/// # Errors
/// When a file that evalrun wrote cannot be read back.
pub fn planned(layout: &Layout) -> Result<RunRecord, Fault> {
    let mut record: RunRecord = read_json(&layout.run())?;
    let agents: BTreeSet<String> = record.trials.iter().map(|spec| spec.key.agent.clone()).collect();
    let mut more = Vec::new();
    for (agent, nth) in agents.iter().flat_map(|agent| (1..=record.looks.len()).map(move |nth| (agent, nth))) {
        let path = layout.look(agent, nth);
        if !path.exists() {
            continue;
        }
        more.extend(read_json::<Added>(&path)?.more);
    }
    record.add(more);
    Ok(record)
}

/// The part of a look's record that the plan needs.
#[derive(Deserialize)]
struct Added {
    more: Vec<TrialKey>,
}

impl RunRecord {
    /// Adds further trials of pairs of task and agent that the plan has; each as it would have been planned at first. Known ones stay as they are.
    pub fn add(&mut self, mut more: Vec<TrialKey>) {
        // Over tasks and agents in turn: a run that stops early leaves a balanced picture.
        more.sort_by(|a, b| (a.n, &a.task, &a.agent).cmp(&(b.n, &b.task, &b.agent)));
        let known: BTreeSet<TrialKey> = self.trials.iter().map(|spec| spec.key.clone()).collect();
        let first = self.trials.iter().filter(|spec| spec.key.n == 1);
        let pairs: BTreeMap<(String, bool, String), TrialSpec> =
            first.map(|spec| (pair(&spec.key), spec.clone())).collect();
        for key in more.into_iter().filter(|key| !known.contains(key)) {
            if let Some(spec) = pairs.get(&pair(&key)) {
                let seed = key.seed(self.suite.seed, "trial");
                self.trials.push(TrialSpec { key, seed, ..spec.clone() });
            }
        }
    }
}

fn pair(key: &TrialKey) -> (String, bool, String) {
    (key.task.clone(), key.twin, key.agent.clone())
}

/// The newest run under `.evalrun/runs` (ids sort by time).
///
/// # Errors
/// When there is none.
pub fn newest_run(runs: &Path) -> Result<PathBuf, Fault> {
    newest(runs, &["run.json"])
}

/// The newest run, or folder of graded sessions.
///
/// # Errors
/// When there is none.
pub fn newest_graded(runs: &Path) -> Result<PathBuf, Fault> {
    newest(runs, &["run.json", "sessions.json"])
}

fn newest(runs: &Path, records: &[&str]) -> Result<PathBuf, Fault> {
    let none = || {
        Fault::new(Boundary::Store, "no_run", format!("no run in {}", runs.display()))
            .hint("start one with `evalrun SUITE`, or name the run's folder")
    };
    let folders = fs::read_dir(runs).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => none(),
        _ => fault("read", runs, &error),
    })?;
    let is_one = |path: &PathBuf| records.iter().any(|record| path.join(record).exists());
    folders.flatten().map(|entry| entry.path()).filter(is_one).max().ok_or_else(none)
}
