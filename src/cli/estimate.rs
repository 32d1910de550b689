//! What a judge would be asked and what that may cost, without asking.

use super::{
    args::{GradeArgs, RunArgs},
    judged, report,
};
use crate::graders::{Criteria, SHIPPED};
use crate::model::{
    fault::{Boundary, Fault},
    run::TrialEnd,
    suite::{GraderSpec, Suite},
    trace::{End, EndKind},
};
use crate::plan::Plan;
use crate::runner::{
    Case, Grading,
    asking::Estimate,
    sessions::{named_bundles, take},
};
use crate::store::{Blobs, Bundles, Layout, RunRecord, read_json};
use std::{collections::BTreeMap, path::Path};

/// The graders with whoever was typed.
///
/// # Errors
/// When there is no such judge.
pub fn judging(grading: Grading, args: &GradeArgs, folder: &Path) -> Result<Grading, Fault> {
    let permits = BTreeMap::new();
    let known = judged::Known { judges: &[], permits: &permits, seed: 0, folder };
    Ok(judged::asking(&args.judge, &known)?.into_iter().fold(grading, Grading::with_judge))
}

/// Of recorded sessions.
///
/// # Errors
/// When there is no judge, or the cache cannot be read.
pub fn of_sessions(found: &Bundles, grading: &Grading, args: &GradeArgs) -> Result<String, Fault> {
    let grading = judging(grading.clone(), args, &judged::nowhere())?;
    let scratch = tempfile::tempdir()
        .map_err(|error| Fault::new(Boundary::Store, "io", format!("no temporary folder: {error}")))?;
    let end = End { kind: EndKind::Recorded, why: String::new() };
    let mut estimate = Estimate::default();
    for (bundle, name) in named_bundles(found.bundles.clone()) {
        let Ok(taken) = take(&bundle, &name, args.format.as_deref(), &Blobs::at(scratch.path().to_owned()))? else {
            continue;
        };
        for session in taken {
            let trace = &session.imported.trace;
            let case =
                Case { item: &session.name, attempt: None, task: None, twin: false, trace, end: &end, diffs: &[] };
            grading.estimate_case(&case, &mut estimate)?;
        }
    }
    said(&estimate, &grading)
}

/// Of a run's ended trials.
///
/// # Errors
/// When there is no judge, or a trial cannot be read.
pub fn of_run(layout: &Layout, record: &RunRecord, grading: &Grading) -> Result<String, Fault> {
    let mut estimate = Estimate::default();
    for spec in &record.trials {
        let path = layout.trial_end(&spec.key);
        if path.exists() {
            let end: TrialEnd = read_json(&path)?;
            grading.estimate(layout, (spec, &end), &mut estimate)?;
        }
    }
    said(&estimate, grading)
}

fn said(estimate: &Estimate, grading: &Grading) -> Result<String, Fault> {
    match grading.asking() {
        Some(asking) => Ok(judged::words(estimate, asking)),
        None => Err(Fault::new(Boundary::Judge, "no_judge", "there is no judge whose calls could be counted")
            .hint("name one: --judge openai:MODEL, or --judge SUITE.yaml")),
    }
}

/// Of trials that are only planned: a range from the criteria, or an estimate from the trials of another run. Empty where nobody is asked.
///
/// # Errors
/// When there is no such judge, or the other run cannot be read.
pub fn of_plan(args: &RunArgs, suite: &Suite, (planned, grading): (&Plan, Grading)) -> Result<String, Fault> {
    let folder = judged::nowhere();
    let known = judged::Known { judges: &suite.judges, permits: &suite.permits, seed: suite.seed, folder: &folder };
    let Some(asking) = judged::asking(&args.judge, &known)? else { return Ok(String::new()) };
    let grading = grading.with_judge(asking.clone());
    let Some(like) = &args.like else {
        let seats = asking.judge().votes.len();
        let each = criteria(suite) * seats;
        let most = each * planned.trials.len();
        return Ok(format!(
            "{}: at most {most} calls in the first round ({each} per trial), fewer where criteria share a call or do not apply; --like RUN estimates from a run\n",
            judged::introduced(asking.judge())
        ));
    };
    let layout = report::find(Some(like))?;
    let record: RunRecord = read_json(&layout.run())?;
    let mut estimate = Estimate::default();
    let mut trials = 0usize;
    for spec in &record.trials {
        let path = layout.trial_end(&spec.key);
        if path.exists() && planned.trials.iter().any(|planned| planned.key.task == spec.key.task) {
            let end: TrialEnd = read_json(&path)?;
            grading.estimate(&layout, (spec, &end), &mut estimate)?;
            trials += 1;
        }
    }
    if trials == 0 {
        let message = format!("{} has no ended trial of these tasks", like.display());
        return Err(Fault::new(Boundary::Store, "empty", message).hint("name another run with --like"));
    }
    let words = judged::words(&estimate, &asking);
    Ok(format!("{words}counted over {trials} trials of {}; {} are planned\n", like.display(), planned.trials.len()))
}

/// Criteria that a judge answers or confirms.
fn criteria(suite: &Suite) -> usize {
    let text = |spec: &GraderSpec| match spec {
        GraderSpec::Criteria { name, path: None } => {
            SHIPPED.iter().find(|(known, _)| known == name).map(|(_, text)| (*text).to_owned())
        }
        GraderSpec::Criteria { path: Some(path), .. } => std::fs::read_to_string(path).ok(),
        GraderSpec::Program { .. } => None,
    };
    let judged = |text: String| {
        let read = Criteria::read("", &text).ok()?;
        Some(read.criteria.iter().filter(|criterion| criterion.kind == "judge" || criterion.confirm).count())
    };
    suite.graders.iter().filter_map(text).filter_map(judged).sum()
}
