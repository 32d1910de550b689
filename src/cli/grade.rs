//! `evalrun grade` and `evalrun import`: recorded sessions of any known agent, and runs again with other graders. No agent runs.

use super::{
    args::{GradeArgs, ImportArgs, OutArgs},
    as_run, estimate, exit,
    judged::{self, Known},
    report, run, say,
};
use crate::graders::SHIPPED;
use crate::model::{
    fault::{Boundary, Fault},
    judge_spec::JudgeSpec,
    suite::{ActsSpec, GraderSpec},
};
use crate::reporters::{Once, Report, RunFacts};
use crate::runner::{
    Ended, Grading, clock, grade_again,
    sessions::{
        Refused, SessionTrials, SessionsRecord, grade_sessions, named_bundles, session_results, take, unreadable,
    },
};
use crate::store::{Blobs, Bundle, Layout, RunLock, RunRecord, bundles, planned, write_trace};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

pub fn grade(args: &GradeArgs) -> i32 {
    let (runs, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        args.files.iter().partition(|path| path.join("run.json").exists());
    let mut code = exit::DONE;
    for path in runs {
        code = code.max(run_again(path, args).unwrap_or_else(|fault| run::refuse(&fault)));
    }
    if !files.is_empty() {
        let files: Vec<PathBuf> = files.into_iter().cloned().collect();
        code = code.max(grade_files(&files, args).unwrap_or_else(|fault| run::refuse(&fault)));
    }
    code
}

fn grade_files(files: &[PathBuf], args: &GradeArgs) -> Result<i32, Fault> {
    for wanted in &args.out.to {
        report::wanted_output(wanted)?;
    }
    let found = bundles(files);
    let grading = chosen(&args.graders, Path::new("."))?;
    if args.dry_run {
        say::out(&estimate::of_sessions(&found, &grading, args)?);
        return Ok(exit::DONE);
    }
    let folder = args.out.folder.clone().unwrap_or_else(|| Path::new(run::RUNS).join(clock::run_id()));
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    if folder.join("sessions.json").exists() || folder.join("run.json").exists() {
        let message = format!("{} holds a run already", folder.display());
        return Err(Fault::new(Boundary::Store, "exists", message).hint("choose another --out"));
    }
    let grading = estimate::judging(grading, args, &folder)?;
    judged::reachable(grading.asking())?;
    let record = runtime()?.block_on(grade_sessions(found, args.format.as_deref(), &grading, &folder))?;
    said(&grading, args);
    refusals(&record.refused);
    if record.sessions.is_empty() {
        say::errors(&["no session was found that could be graded; nothing was written".to_owned()]);
        return Ok(exit::REFUSED);
    }
    finish(&folder, &record, &args.out)
}

/// Writes the reports of graded sessions; also for `evalrun report`.
///
/// # Errors
/// When they cannot be made or written.
pub fn finish(folder: &Path, record: &SessionsRecord, out: &OutArgs) -> Result<i32, Fault> {
    let mut results = session_results(folder, record)?;
    results.exit = if record.refused.is_empty() { exit::DONE } else { exit::REFUSED };
    let count = record.sessions.len();
    let mut notes: Vec<String> = record.refused.iter().map(Refused::sentence).collect();
    notes.push(format!("{count} recorded sessions; outcome and interview need a suite and are not applicable"));
    let facts = RunFacts {
        evalrun: record.evalrun.clone(),
        sandbox: "none".to_owned(),
        stand_ins: Vec::new(),
        again: "evalrun grade FILE...".to_owned(),
        notes,
        wall_ms: clock::between(&record.started, &record.finished),
    };
    let trials = SessionTrials { folder };
    report::write(
        &Report { results: &results, suite: None, trials: &trials, facts, once: Once::default() },
        folder,
        out,
    )?;
    Ok(results.exit)
}

/// A run again, with other graders: its ended trials are graded from their traces.
fn run_again(path: &Path, args: &GradeArgs) -> Result<i32, Fault> {
    let layout = Layout::at(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let _lock = RunLock::take(&layout.root)?;
    let record = planned(&layout)?;
    let grading = if args.graders.is_empty() {
        Grading::of_suite(&record.suite).map_err(|lines| criteria(&lines))?
    } else {
        chosen(&args.graders, record.suite.file.parent().unwrap_or(Path::new(".")))?
    };
    let judges: Vec<JudgeSpec> = record.judge.iter().chain(&record.suite.judges).cloned().collect();
    let suite = &record.suite;
    let known = Known { judges: &judges, permits: &suite.permits, seed: suite.seed, folder: &layout.root };
    let asking = judged::asking(&args.judge, &known)?;
    let judge = asking.as_ref().map(|asking| asking.judge().clone());
    let grading = asking.into_iter().fold(grading, Grading::with_judge);
    let record = RunRecord { grading: grading.id(), judge, ..record };
    if args.dry_run {
        say::out(&estimate::of_run(&layout, &record, &grading)?);
        return Ok(exit::DONE);
    }
    judged::reachable(grading.asking())?;
    budgeted(&grading, &record, args);
    runtime()?.block_on(grade_again(&layout, &record, &grading))?;
    said(&grading, args);
    Ok(report::finish(&layout, &record, &Ended::default(), &args.out))
}

/// Grading spends within the suite's budget, or the usual one.
fn budgeted(grading: &Grading, record: &RunRecord, args: &GradeArgs) {
    let Some(asking) = grading.asking() else { return };
    let usual = judged::is_paid(Some(asking), &args.judge).then_some(judged::USUAL_BUDGET);
    let Some(most) = record.suite.budget.cost.or(usual) else { return };
    let (stopping, spent) = (asking.clone(), AtomicU64::new(0));
    asking.paid_by(Box::new(move |micro| {
        if spent.fetch_add(micro, Ordering::SeqCst) + micro >= most {
            stopping.stop();
        }
    }));
}

fn said(grading: &Grading, args: &GradeArgs) {
    if let Some(took) = judged::took(&grading.spent()).filter(|_| !args.out.json) {
        say::note(&took);
    }
}

pub fn import(args: &ImportArgs) -> i32 {
    let imported = if args.as_run { as_run::import(args) } else { import_files(args) };
    imported.unwrap_or_else(|fault| run::refuse(&fault))
}

fn import_files(args: &ImportArgs) -> Result<i32, Fault> {
    let found = bundles(&args.files);
    let mut refused = unreadable(&found);
    for (bundle, name) in named_bundles(found.bundles) {
        match import_one(&bundle, &name, args)? {
            Ok(lines) => say::out(&lines),
            Err(why) => refused.push(why),
        }
    }
    refusals(&refused);
    Ok(if refused.is_empty() { exit::DONE } else { exit::REFUSED })
}

fn import_one(bundle: &Bundle, name: &str, args: &ImportArgs) -> Result<Result<String, Refused>, Fault> {
    let taken = match take(bundle, name, args.format.as_deref(), &Blobs::at(args.folder.join("blobs")))? {
        Ok(taken) => taken,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut lines = String::new();
    for session in taken {
        let path = args.folder.join(format!("{}.trace.jsonl", session.name));
        if path.exists() {
            let message = format!("{} exists already", path.display());
            return Err(Fault::new(Boundary::Store, "exists", message).hint("choose another --out"));
        }
        write_trace(&path, &session.imported.trace)?;
        let (events, warnings) = (session.imported.trace.events.len(), session.imported.warnings.len());
        let importer = session.importer.doc().name;
        lines.push_str(&format!(
            "{}: {importer}, {} records, {events} events",
            path.display(),
            session.imported.records
        ));
        lines.push_str(&if warnings > 0 {
            format!(", {warnings} records could not be read\n")
        } else {
            "\n".to_owned()
        });
        for (line, what) in &session.imported.warnings {
            lines.push_str(&format!("  line {line}: {what}\n"));
        }
    }
    Ok(Ok(lines))
}

/// Says each refused file with the reason.
pub fn refusals(refused: &[Refused]) {
    for refused in refused {
        say::note(&format!("error: {}", refused.sentence()));
    }
}

/// The graders that were named; none named: all that are shipped.
pub fn chosen(named: &[String], folder: &Path) -> Result<Grading, Fault> {
    let shipped = |name: &str| SHIPPED.iter().any(|(known, _)| *known == name);
    let spec = |name: &String| {
        let path = (!shipped(name)).then(|| PathBuf::from(name));
        let stem = path.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        GraderSpec::Criteria { name: stem.unwrap_or_else(|| name.clone()), path }
    };
    let specs: Vec<GraderSpec> = if named.is_empty() {
        SHIPPED.iter().map(|(name, _)| GraderSpec::Criteria { name: (*name).to_owned(), path: None }).collect()
    } else {
        named.iter().map(spec).collect()
    };
    Grading::new(&specs, &ActsSpec::default(), folder.to_owned()).map_err(|lines| criteria(&lines))
}

fn criteria(lines: &[String]) -> Fault {
    Fault::new(Boundary::Grader, "criteria", lines.join("\n")).hint("`evalrun list graders` shows what is shipped")
}

/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Boundary::Store, "runtime", format!("cannot start the runtime: {error}")))
}
