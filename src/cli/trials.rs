//! Finding one trial by what was typed: in a run, among graded sessions, or as a file that holds a session.

use super::{args::ExplainArgs, grade, run};
use crate::graders::{Criteria, SHIPPED, shipped};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    results::TrialResult,
    run::{Attempt, Grades, TrialEnd, TrialSpec},
    score::Score,
    suite::GraderSpec,
    task::Task,
    trace::{End, EndKind, Trace},
};
use crate::reporters::plain;
use crate::runner::{
    Case, Grading, diffs,
    sessions::{SessionsRecord, Taken, named_bundles, take},
};
use crate::store::{Blobs, Layout, RunRecord, bundles, newest_graded, planned, read_json, read_trace};
use globset::Glob;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A trial with all that its numbers were made from.
pub struct Loaded {
    pub id: String,
    pub trace: Trace,
    /// `None`: a recorded session.
    pub task: Option<Task>,
    pub twin: bool,
    /// Patches between two snapshots, by the name of the stage.
    pub diffs: Vec<(String, String)>,
    pub grading: Grading,
    pub criteria: Vec<Criteria>,
    pub scores: Vec<Score>,
    /// As they were graded; empty where nothing was.
    pub metrics: Map<String, Value>,
    pub notes: Vec<String>,
}

/// Names shown of what might have been meant.
const SHOWN: usize = 20;

/// A trial's whole name first, then a file, then a glob or the start of a name.
///
/// # Errors
/// When nothing fits, several do, or what fits cannot be read.
pub fn load(args: &ExplainArgs) -> Result<Loaded, Fault> {
    let path = Path::new(&args.trial);
    if args.run.is_none() && path.exists() {
        return session_file(path, args.format.as_deref());
    }
    let root = match &args.run {
        Some(root) => root.clone(),
        None => newest_graded(Path::new(run::RUNS)).map_err(|fault| nothing_at(path, fault))?,
    };
    let root = std::path::absolute(&root).unwrap_or(root);
    if root.join("sessions.json").exists() {
        return graded_session(&root, &args.trial);
    }
    let layout = Layout::at(root);
    if !layout.run().exists() {
        let message = format!("{} is no run: it has neither run.json nor sessions.json", layout.root.display());
        return Err(
            Fault::new(Boundary::Store, "no_run", message).hint("`evalrun list runs` shows the runs of this folder")
        );
    }
    let record = planned(&layout)?;
    let ids: Vec<String> = record.trials.iter().map(|spec| spec.key.to_string()).collect();
    let at = one_of(&ids, &args.trial, "trial")?;
    trial(&layout, &record, &record.trials[at])
}

/// What looks like a path was meant as one.
fn nothing_at(path: &Path, fault: Fault) -> Fault {
    let text = path.to_string_lossy();
    if !(text.starts_with(['.', '/', '~']) || text.ends_with(".jsonl") || text.ends_with(".json")) {
        return fault;
    }
    Fault::new(Boundary::Store, "no_file", format!("there is no file {}", plain(&text)))
        .hint("name a recorded session's file, or a trial of a run")
}

/// The place of the one name that was meant.
fn one_of(names: &[String], typed: &str, what: &str) -> Result<usize, Fault> {
    if let Some(at) = names.iter().position(|name| name == typed) {
        return Ok(at);
    }
    let glob =
        Glob::new(typed).ok().filter(|_| typed.contains(['*', '?', '[', '{'])).map(|glob| glob.compile_matcher());
    let fits = |name: &String| glob.as_ref().map_or_else(|| name.starts_with(typed), |glob| glob.is_match(name));
    let found: Vec<usize> = (0..names.len()).filter(|at| fits(&names[*at])).collect();
    let refused = |code: &'static str, message: String, shown: Vec<&String>| {
        Fault::new(Boundary::Store, code, format!("{message}{}", listed(&shown))).hint(format!(
            "name one of them, or another run with --run; a {what} may be shortened as long as only one fits"
        ))
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] if names.is_empty() => {
            Err(Fault::new(Boundary::Store, "empty", format!("the run has no {what} at all"))
                .hint("`evalrun list runs`"))
        }
        [] => Err(refused("unknown", format!("no {what} fits `{}`; there are", plain(typed)), names.iter().collect())),
        several => {
            let shown = several.iter().map(|at| &names[*at]).collect();
            Err(refused("ambiguous", format!("several {what}s fit `{}`:", plain(typed)), shown))
        }
    }
}

fn listed(names: &[&String]) -> String {
    let mut text: String = names.iter().take(SHOWN).map(|name| format!("\n  {}", plain(name))).collect();
    if names.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", names.len() - SHOWN));
    }
    text
}

fn trial(layout: &Layout, record: &RunRecord, spec: &TrialSpec) -> Result<Loaded, Fault> {
    let end_path = layout.trial_end(&spec.key);
    if !end_path.exists() {
        let message = format!("{} was not played to its end: it has no numbers", spec.key);
        return Err(Fault::new(Boundary::Store, "not_run", message).hint("`evalrun resume` plays what is missing"));
    }
    let end: TrialEnd = read_json(&end_path)?;
    let attempt = layout.attempt(&spec.key, Attempt(end.attempt));
    let trace = read_trace(&attempt.join("trace.jsonl"))?;
    let scores = layout.scores(&spec.key, &record.grading);
    let mut notes = Vec::new();
    let grades: Option<Grades> = if scores.exists() { Some(read_json(&scores)?) } else { None };
    if grades.is_none() {
        notes.push(
            "the trial has not been graded: there are metrics, and no scores; `evalrun grade RUN` grades it".to_owned(),
        );
    }
    let grading = match Grading::of_run(record) {
        Ok(grading) => {
            if grading.id() != record.grading {
                notes.push(
                    "graders have changed since the trial was graded: rules are shown as they stand now".to_owned(),
                );
            }
            grading
        }
        Err(lines) => {
            notes.push(format!("the suite's graders cannot be read any more: {}", lines.join("; ")));
            Grading::new(&[], &record.suite.acts, layout.root.clone()).map_err(|lines| unreadable(&lines))?
        }
    };
    let (scores, metrics) = grades.map(|grades| (grades.scores, grades.metrics)).unwrap_or_default();
    Ok(Loaded {
        id: spec.key.to_string(),
        trace,
        task: Some((*spec.task).clone()),
        twin: spec.key.twin,
        diffs: diffs(&attempt.join("diffs")),
        grading,
        criteria: record.suite.graders.iter().filter_map(criteria).collect(),
        scores,
        metrics,
        notes,
    })
}

/// What each criterion of a run or of graded sessions asks, by `dimension/criterion`.
pub fn questions(folder: &Path) -> BTreeMap<String, String> {
    let record: Option<RunRecord> = read_json(&folder.join("run.json")).ok();
    let files: Vec<Criteria> = match record {
        Some(record) => record.suite.graders.iter().filter_map(criteria).collect(),
        None => all_shipped(),
    };
    let of = |file: Criteria| {
        let name = file.grader.clone();
        file.criteria.into_iter().map(move |criterion| (format!("{name}/{}", criterion.id), criterion.asked))
    };
    files.into_iter().flat_map(of).collect()
}

/// Where the events of a trial stand.
pub fn record(folder: &Path, trial: &TrialResult) -> String {
    let session = folder.join("sessions").join(&trial.id).join("trace.jsonl");
    if session.exists() {
        return session.display().to_string();
    }
    let key = TrialKey { task: trial.task.clone(), twin: trial.twin, agent: trial.agent.clone(), n: trial.trial };
    let layout = Layout::at(folder);
    let end: Option<TrialEnd> = read_json(&layout.trial_end(&key)).ok();
    let path = end.map(|end| layout.attempt(&key, Attempt(end.attempt)).join("trace.jsonl"));
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

fn unreadable(lines: &[String]) -> Fault {
    Fault::new(Boundary::Grader, "acts", lines.join("\n")).hint("the run was made by another version of evalrun")
}

/// A criteria file, as far as it can be read; programs have none.
fn criteria(spec: &GraderSpec) -> Option<Criteria> {
    match spec {
        GraderSpec::Criteria { name, path: None } => shipped(name)?.ok(),
        GraderSpec::Criteria { path: Some(path), .. } => {
            Criteria::read(&path.to_string_lossy(), &std::fs::read_to_string(path).ok()?).ok()
        }
        GraderSpec::Program { .. } => None,
    }
}

fn all_shipped() -> Vec<Criteria> {
    SHIPPED.iter().filter_map(|(name, _)| shipped(name)?.ok()).collect()
}

fn graded_session(root: &Path, typed: &str) -> Result<Loaded, Fault> {
    let record: SessionsRecord = read_json(&root.join("sessions.json"))?;
    let names: Vec<String> = record.sessions.iter().map(|session| session.name.clone()).collect();
    let name = &names[one_of(&names, typed, "session")?];
    let folder = root.join("sessions").join(name);
    let grades: Grades = read_json(&folder.join("scores.json"))?;
    let grading = grade::chosen(&[], Path::new("."))?;
    let mut notes = Vec::new();
    if grading.id() != record.grading {
        notes.push("it was graded with other graders: rules are shown as they are shipped".to_owned());
    }
    Ok(Loaded {
        id: name.clone(),
        trace: read_trace(&folder.join("trace.jsonl"))?,
        task: None,
        twin: false,
        diffs: Vec::new(),
        grading,
        criteria: all_shipped(),
        scores: grades.scores,
        metrics: grades.metrics,
        notes,
    })
}

/// A file, or a folder with the files of one session; graded here with what is shipped, and nothing is kept.
fn session_file(path: &Path, format: Option<&str>) -> Result<Loaded, Fault> {
    let found = bundles(&[path.to_owned()]);
    if let Some((file, why)) = found.refused.first() {
        return Err(Fault::new(Boundary::Store, "unreadable", format!("{}: {why}", plain(&file.to_string_lossy()))));
    }
    let named: Vec<_> = named_bundles(found.bundles);
    let [(bundle, name)] = named.as_slice() else {
        return Err(several(path, named.iter().map(|(bundle, _)| bundle.files.first().cloned().unwrap_or_default())));
    };
    // Long texts of the session would be kept as blobs: they go with this folder.
    let scratch = tempfile::tempdir()
        .map_err(|error| Fault::new(Boundary::Store, "io", format!("no temporary folder: {error}")))?;
    let mut taken = take(bundle, name, format, &Blobs::at(scratch.path().to_owned()))?.map_err(|refused| {
        Fault::new(Boundary::Store, "no_session", refused.sentence())
            .hint("`evalrun list importers` shows what is known")
    })?;
    if taken.len() != 1 {
        return Err(several(path, taken.iter().map(|one| PathBuf::from(&one.name))));
    }
    let Taken { name, imported, .. } = taken.swap_remove(0);
    let grading = grade::chosen(&[], Path::new("."))?;
    let end = End { kind: EndKind::Recorded, why: String::new() };
    let grades = grading.grade_case(&Case {
        item: &name,
        attempt: None,
        task: None,
        twin: false,
        trace: &imported.trace,
        end: &end,
        diffs: &[],
    });
    let unread = |(line, what): &(u64, String)| format!("line {line} could not be read: {what}");
    Ok(Loaded {
        id: name,
        twin: false,
        task: None,
        diffs: Vec::new(),
        grading,
        criteria: all_shipped(),
        scores: grades.scores,
        metrics: Map::new(),
        notes: imported.warnings.iter().take(3).map(unread).collect(),
        trace: imported.trace,
    })
}

fn several(path: &Path, names: impl Iterator<Item = PathBuf>) -> Fault {
    let names: Vec<String> = names.map(|name| name.display().to_string()).collect();
    if names.is_empty() {
        return Fault::new(Boundary::Store, "empty", format!("{} holds no session", plain(&path.to_string_lossy())))
            .hint("name a recorded session's file");
    }
    let message = format!(
        "{} holds {} sessions:{}",
        plain(&path.to_string_lossy()),
        names.len(),
        listed(&names.iter().collect::<Vec<_>>())
    );
    Fault::new(Boundary::Store, "ambiguous", message)
        .hint("name one file; `evalrun import` writes one trace for each session of a file")
}
