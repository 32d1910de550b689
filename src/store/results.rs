//! Results in a run folder: the truth that `resume` reads.

use super::{
    create,
    create::Created,
    layout::Layout,
    read::{read_json, read_live},
};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    run::{Attempt, Boxed, Commit, Grades, GradingId, Results, TrialEnd, TrialSpec},
    trace::{Body, Event, Usage},
};
use serde::Serialize;
use std::{fs, path::PathBuf};

/// Keeps results as files that are created once.
#[derive(Clone, Debug)]
pub struct FolderResults {
    layout: Layout,
    clock: fn() -> String,
}

#[derive(Serialize)]
struct AttemptRecord<'a> {
    version: u32,
    attempt: u32,
    started: String,
    key: &'a TrialKey,
    task_hash: &'a str,
}

impl FolderResults {
    /// `clock` says the time as RFC 3339 UTC.
    pub fn new(layout: Layout, clock: fn() -> String) -> FolderResults {
        FolderResults { layout, clock }
    }

    /// Keeps why an attempt ended without a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn broke(&self, key: &TrialKey, attempt: Attempt, end: &TrialEnd) -> Result<(), Fault> {
        let path = self.layout.attempts(key).join(format!("{}.end.json", attempt.0));
        write_once(path, json(end)?).await.map(drop)
    }

    /// What all attempts at a trial used together: of one that a crash cut off, what its log says. Blocks.
    pub fn spent(&self, key: &TrialKey) -> Usage {
        let ended: Option<TrialEnd> = read_json(&self.layout.trial_end(key)).ok();
        let mut sum = Usage::default();
        for k in 1..=count_attempts(&self.layout, key) {
            let committed = ended.as_ref().filter(|end| end.attempt == k).map(|end| end.usage.clone());
            let broke = || read_json(&self.layout.attempts(key).join(format!("{k}.end.json"))).ok();
            let used = committed.or_else(|| broke().map(|end: TrialEnd| end.usage));
            match used {
                Some(usage) => sum.add(&usage),
                None => self.logged(key, Attempt(k)).iter().for_each(|usage| sum.add(usage)),
            }
        }
        sum
    }

    fn logged(&self, key: &TrialKey, attempt: Attempt) -> Vec<Usage> {
        let log = read_live(&self.layout.attempt(key, attempt).join("live.jsonl"));
        let usage = |event: Event| if let Body::Usage(usage) = event.body { Some(usage) } else { None };
        log.map(|log| log.events.into_iter().filter_map(usage).collect()).unwrap_or_default()
    }
}

impl Results for FolderResults {
    fn begin<'a>(&'a self, trial: &'a TrialSpec) -> Boxed<'a, Result<Attempt, Fault>> {
        Box::pin(async move {
            let mut k = count_attempts(&self.layout, &trial.key) + 1;
            loop {
                let record = AttemptRecord {
                    version: 1,
                    attempt: k,
                    started: (self.clock)(),
                    key: &trial.key,
                    task_hash: &trial.task.hash,
                };
                let path = self.layout.attempts(&trial.key).join(format!("{k}.json"));
                match write_once(path, json(&record)?).await? {
                    Created::First => return Ok(Attempt(k)),
                    Created::Existed => k += 1,
                }
            }
        })
    }

    fn commit<'a>(
        &'a self,
        trial: &'a TrialSpec,
        _attempt: Attempt,
        end: &'a TrialEnd,
    ) -> Boxed<'a, Result<Commit, Fault>> {
        Box::pin(async move { write_once(self.layout.trial_end(&trial.key), json(end)?).await.map(commit_of) })
    }

    fn commit_grades<'a>(
        &'a self,
        trial: &'a TrialSpec,
        id: &'a GradingId,
        grades: &'a Grades,
    ) -> Boxed<'a, Result<Commit, Fault>> {
        Box::pin(async move { write_once(self.layout.scores(&trial.key, id), json(grades)?).await.map(commit_of) })
    }

    fn ended<'a>(&'a self, trial: &'a TrialSpec) -> Boxed<'a, Result<Option<TrialEnd>, Fault>> {
        Box::pin(async move {
            let path = self.layout.trial_end(&trial.key);
            if path.exists() { read_json(&path).map(Some) } else { Ok(None) }
        })
    }
}

fn commit_of(made: Created) -> Commit {
    match made {
        Created::First => Commit::First,
        Created::Existed => Commit::AlreadyDone,
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Fault::new(Boundary::Store, "format", format!("cannot be written as JSON: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

async fn write_once(path: PathBuf, bytes: Vec<u8>) -> Result<Created, Fault> {
    tokio::task::spawn_blocking(move || create::once(&path, &bytes))
        .await
        .map_err(|error| Fault::new(Boundary::Store, "thread", error.to_string()))?
}

fn count_attempts(layout: &Layout, key: &TrialKey) -> u32 {
    let Ok(entries) = fs::read_dir(layout.attempts(key)) else { return 0 };
    let numbers = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        name.to_str()?.strip_suffix(".json")?.parse::<u32>().ok()
    });
    numbers.max().unwrap_or(0)
}
