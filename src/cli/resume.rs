//! `evalrun resume`: goes on where a run stopped. What is committed is never run again.

use super::{
    args::{JudgeArgs, OutArgs, ResumeArgs},
    judged, report, run, say,
};
use crate::model::{
    fault::{Boundary, Fault},
    judge_spec::JudgeSpec,
};
use crate::runner::{Grading, asking::Asking, leftovers};
use crate::store::{RunLock, RunRecord, planned};
use std::path::Path;

pub fn resume(args: &ResumeArgs) -> i32 {
    match begun(args) {
        Ok(begun) => run::play(begun, &OutArgs::of(&args.to, args.json)),
        Err(fault) => run::refuse(&fault),
    }
}

/// The judge that the run began with.
fn asking(args: &ResumeArgs, record: &RunRecord, folder: &Path) -> Result<Option<Asking>, Fault> {
    let typed = JudgeArgs { offline: args.offline, judge_cache: args.judge_cache.clone(), ..JudgeArgs::default() };
    let judges: Vec<JudgeSpec> = record.judge.iter().cloned().collect();
    let suite = &record.suite;
    judged::asking(&typed, &judged::Known { judges: &judges, permits: &suite.permits, seed: suite.seed, folder })
}

fn begun(args: &ResumeArgs) -> Result<run::Begun, Fault> {
    for wanted in &args.to {
        report::wanted_output(wanted)?;
    }
    let layout = report::find(args.run.as_deref())?;
    let lock = RunLock::take(&layout.root)?;
    let record = planned(&layout)?;
    if record.version > 1 {
        let message = format!("the run was made by a newer evalrun (format {})", record.version);
        return Err(Fault::new(Boundary::Store, "version", message).hint("use that evalrun to go on"));
    }
    let grading = Grading::of_suite(&record.suite).map_err(|lines| {
        Fault::new(Boundary::Grader, "criteria", lines.join("; ")).hint("put the criteria files back")
    })?;
    let asking = asking(args, &record, &layout.root)?;
    judged::reachable(asking.as_ref())?;
    let grading = asking.into_iter().fold(grading, Grading::with_judge);
    let record = if grading.id() == record.grading {
        record
    } else {
        say::note("the graders have changed since the run started: everything is graded again with the new ones");
        RunRecord { grading: grading.id(), ..record }
    };
    run::hidden(&record.trials)?;
    leftovers::clear(&layout, &record)?;
    Ok(run::Begun { layout, record, grading, lock })
}
