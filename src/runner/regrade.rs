//! Grading an existing run again: with other graders or another judge, or what a judge could not answer the last time.

use super::{Grading, recorder::on_blocking};
use crate::model::{
    fault::{Boundary, Fault},
    judge::{Judged, Kept},
    run::{Grades, Results as _, TrialSpec},
    score::{Outcome, Score},
};
use crate::store::{FolderResults, Layout, RunRecord, read_json};
use std::{path::Path, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};

/// Grades every ended trial of a run that has no grades under this grading, or whose judge broke. Several at once.
///
/// # Errors
/// When a trial cannot be read or its grades not be written; the others go on.
pub async fn grade_again(layout: &Layout, record: &RunRecord, grading: &Grading) -> Result<(), Fault> {
    let slots = Arc::new(Semaphore::new(grading.at_once()));
    let mut work = JoinSet::new();
    for spec in record.trials.clone() {
        let (slots, layout, grading) = (Arc::clone(&slots), layout.clone(), grading.clone());
        work.spawn(async move {
            // A semaphore that is never closed always gives its permit.
            let _slot = slots.acquire().await;
            one(&layout, &spec, &grading).await
        });
    }
    let mut first = None;
    while let Some(done) = work.join_next().await {
        let done = done.unwrap_or_else(|error| Err(Fault::new(Boundary::Grader, "thread", error.to_string())));
        if let Err(fault) = done {
            first.get_or_insert(fault);
        }
    }
    first.map_or(Ok(()), Err)
}

async fn one(layout: &Layout, spec: &TrialSpec, grading: &Grading) -> Result<(), Fault> {
    let results = FolderResults::new(layout.clone(), super::clock::now);
    let path = layout.scores(&spec.key, &grading.id());
    let before = broken_in(&path)?;
    if before == Some(0) {
        return Ok(());
    }
    let Some(end) = results.ended(spec).await? else { return Ok(()) };
    let grades = grading.grade(layout, spec, &end).await?;
    match before {
        Some(before) if broken(&grades) >= before => return Ok(()),
        Some(_) => {
            let path = path.clone();
            on_blocking(move || set_aside(&path)).await?;
        }
        None => {}
    }
    results.commit_grades(spec, &grading.id(), &grades).await.map(drop)
}

/// Verdicts that a judge's fault broke in grades that stand already; `None`: there are none.
fn broken_in(path: &Path) -> Result<Option<usize>, Fault> {
    if path.exists() { Ok(Some(broken(&read_json(path)?))) } else { Ok(None) }
}

/// Scores that a judge's fault broke, or for which a seat gave no reply (a tie that waits for a person): asked again, they may become numbers.
pub fn broken(grades: &Grades) -> usize {
    let is = |outcome: &Outcome| matches!(outcome, Outcome::Broken(fault) if fault.boundary == Boundary::Judge);
    let silent = |judged: &Judged| judged.votes.iter().any(|vote| vote.verdict.is_none());
    let open = |score: &&Score| is(&score.outcome) || score.judged.as_deref().is_some_and(silent);
    grades.scores.iter().filter(open).count()
}

/// What these verdicts cost when they were asked for, in micro-USD; what was kept already cost nothing.
pub fn cost(grades: &Grades) -> u64 {
    let votes = grades.scores.iter().filter_map(|score| score.judged.as_deref()).flat_map(|judged| &judged.votes);
    let live = votes.filter(|vote| vote.kept == Kept::Live);
    live.filter_map(|vote| vote.micro_usd).fold(0, u64::saturating_add)
}

/// Grades that a fault of ours cut short keep another name: nothing is written over. Whoever crashes here finds the trial ungraded.
fn set_aside(path: &Path) -> Result<(), Fault> {
    let free = (1..).map(|n| path.with_file_name(format!("scores.broken-{n}.json"))).find(|path| !path.exists());
    let moved = free.map_or(Ok(()), |free| std::fs::rename(path, free));
    moved.map_err(|error| Fault::new(Boundary::Store, "io", format!("cannot move {}: {error}", path.display())))
}
