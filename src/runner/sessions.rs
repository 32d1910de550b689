//! Recorded sessions: imported, kept as traces, graded by the same code as trials.
//!
//! ```text
//! sessions.json                     frozen: which files, read by which importer, what was refused and why
//! sessions/<name>/trace.jsonl       the trace   blobs/   scores.json
//! ```

use super::{
    assemble::{AgentTrials, trial_result},
    clock,
    grading::{Case, Grading},
    recorder::on_blocking,
};
use crate::importers::{Collector, Imported, named, recognise};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    import::{Importer, Member},
    judge_spec::JudgeSpec,
    results::{Results, TrialResult},
    run::{Grades, GradingId, TrialEnd},
    trace::{Body, End, EndKind, Trace, Usage},
};
use crate::reporters::{TrialPage, Trials};
use crate::store::{Blobs, Bundle, Bundles, read_json, read_trace, replace, write_trace};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// `sessions.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionsRecord {
    pub version: u32,
    pub run: String,
    pub started: String,
    pub finished: String,
    pub evalrun: String,
    pub grading: GradingId,
    /// Who was asked for verdicts; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSpec>,
    pub sessions: Vec<SessionEntry>,
    pub refused: Vec<Refused>,
}

/// One session that was graded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionEntry {
    pub name: String,
    pub files: Vec<PathBuf>,
    pub importer: String,
    /// Records read, and those that could not be read as what they claim to be.
    pub records: u64,
    pub warnings: Vec<String>,
    pub end: TrialEnd,
}

/// A file that nobody could read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refused {
    pub file: PathBuf,
    /// What each importer said.
    pub tried: Vec<String>,
}

impl Refused {
    /// As a person reads it.
    pub fn sentence(&self) -> String {
        match self.tried.as_slice() {
            [why] => format!("{}: {why}", self.file.display()),
            tried => format!("{}: not a session that evalrun knows\n  {}", self.file.display(), tried.join("\n  ")),
        }
    }
}

/// What a session's files became.
pub struct Taken {
    pub name: String,
    pub files: Vec<PathBuf>,
    pub importer: &'static dyn Importer,
    pub imported: Imported,
}

/// Imports and grades every bundle into `folder`; what cannot be read is refused by name, the others are graded all the same.
/// Where nothing could be read, nothing is written.
///
/// # Errors
/// When the folder cannot be written.
pub async fn grade_sessions(
    found: Bundles,
    format: Option<&str>,
    grading: &Grading,
    folder: &Path,
) -> Result<SessionsRecord, Fault> {
    let started = clock::now();
    let mut sessions = Vec::new();
    let mut refused = unreadable(&found);
    let slots = Arc::new(Semaphore::new(grading.at_once()));
    let mut work = JoinSet::new();
    for (bundle, name) in named_bundles(found.bundles) {
        let (slots, grading, folder) = (Arc::clone(&slots), grading.clone(), folder.to_owned());
        let format = format.map(str::to_owned);
        work.spawn(async move {
            // A semaphore that is never closed always gives its permit.
            let _slot = slots.acquire().await;
            on_blocking(move || one(&bundle, &name, format.as_deref(), &(grading, folder))).await
        });
    }
    while let Some(done) = work.join_next().await {
        let done = done.map_err(|error| Fault::new(Boundary::Grader, "thread", error.to_string()))??;
        match done {
            Ok(entries) => sessions.extend(entries),
            Err(why) => refused.push(why),
        }
    }
    sessions.sort_by(|a: &SessionEntry, b: &SessionEntry| a.name.cmp(&b.name));
    refused.sort();
    let record = SessionsRecord {
        judge: grading.asking().map(|asking| asking.judge().clone()),
        version: 1,
        run: clock::run_id(),
        started,
        finished: clock::now(),
        evalrun: env!("CARGO_PKG_VERSION").to_owned(),
        grading: grading.id(),
        sessions,
        refused,
    };
    if !record.sessions.is_empty() {
        write_json(&folder.join("sessions.json"), &record)?;
    }
    Ok(record)
}

/// Reads one bundle into traces, or says who refused it and why.
///
/// # Errors
/// Only faults of ours; a file that is no session is `Ok(Err(..))`.
pub fn take(
    bundle: &Bundle,
    name: &str,
    format: Option<&str>,
    blobs: &Blobs,
) -> Result<Result<Vec<Taken>, Refused>, Fault> {
    let refuse = |tried: Vec<String>| Refused { file: first_file(bundle), tried };
    let open = match bundle.open() {
        Ok(open) => open,
        Err(fault) => return Ok(Err(refuse(vec![fault.message]))),
    };
    let members: Vec<Member<'_>> = open.members();
    let found = match format {
        Some(format) => named(format).ok_or_else(|| vec![("--as", format!("no importer is called `{format}`"))]),
        None => recognise(&members),
    };
    let importer = match found {
        Ok(importer) => importer,
        Err(tried) => return Ok(Err(refuse(tried.into_iter().map(|(who, why)| format!("{who}: {why}")).collect()))),
    };
    let keep = |text: &str| blobs.keep_long(text).ok();
    let mut collector = Collector::keeping(Box::new(keep));
    if let Err(fault) = importer.import(&members, &mut collector) {
        return Ok(Err(refuse(vec![format!("{}: {}", importer.doc().name, fault.message)])));
    }
    let imported = collector.finish();
    if imported.is_empty() {
        return Ok(Err(refuse(vec![format!("{}: no session in it", importer.doc().name)])));
    }
    let several = imported.len() > 1;
    let taken = imported.into_iter().enumerate().map(|(at, imported)| Taken {
        name: if several { format!("{name}.{}", at + 1) } else { name.to_owned() },
        files: bundle.files.clone(),
        importer,
        imported,
    });
    Ok(Ok(taken.collect()))
}

type Place = (Grading, PathBuf);

fn one(
    bundle: &Bundle,
    name: &str,
    format: Option<&str>,
    place: &Place,
) -> Result<Result<Vec<SessionEntry>, Refused>, Fault> {
    let blobs = Blobs::at(place.1.join("sessions").join(name).join("blobs"));
    match take(bundle, name, format, &blobs)? {
        Ok(taken) => taken.into_iter().map(|taken| entry(taken, place)).collect::<Result<Vec<_>, _>>().map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

fn entry(taken: Taken, (grading, folder): &Place) -> Result<SessionEntry, Fault> {
    let folder = folder.join("sessions").join(&taken.name);
    let trace = &taken.imported.trace;
    let trace_hash = write_trace(&folder.join("trace.jsonl"), trace)?;
    let end = End { kind: EndKind::Recorded, why: String::new() };
    let grades = grading.grade_case(&Case {
        item: &taken.name,
        attempt: None,
        task: None,
        twin: false,
        trace,
        end: &end,
        diffs: &[],
    });
    write_json(&folder.join("scores.json"), &grades)?;
    Ok(SessionEntry {
        files: taken.files,
        importer: taken.importer.doc().name.to_owned(),
        records: taken.imported.records,
        warnings: taken.imported.warnings.iter().map(|(line, what)| format!("line {line}: {what}")).collect(),
        end: trial_end(&taken.name, trace, (end, trace_hash)),
        name: taken.name,
    })
}

/// How a recorded session ended, as a trial of its own.
pub(super) fn trial_end(name: &str, trace: &Trace, (end, trace_hash): (End, String)) -> TrialEnd {
    let header = &trace.header;
    let live = || trace.events.iter().filter(|event| !event.superseded);
    let mut usage = Usage::default();
    for event in live() {
        if let Body::Usage(part) = &event.body {
            usage.add(part);
        }
    }
    TrialEnd {
        version: 1,
        key: TrialKey { task: name.to_owned(), twin: false, agent: header.agent.clone(), n: 1 },
        attempt: 1,
        end,
        usage,
        started: header.started.clone().unwrap_or_default(),
        finished: header.started.clone().unwrap_or_default(),
        wall_ms: live().filter_map(|event| event.at).max().unwrap_or(0),
        task_hash: String::new(),
        trace_hash,
        agent_version: header.version.clone(),
        model: header.model.clone(),
        sandbox: "none".to_owned(),
        notes: Vec::new(),
    }
}

/// The results of graded sessions: one trial per session.
///
/// # Errors
/// When a session's scores cannot be read back.
pub fn session_results(folder: &Path, record: &SessionsRecord) -> Result<Results, Fault> {
    let mut agents: BTreeMap<&str, AgentTrials> = BTreeMap::new();
    let mut trials: Vec<TrialResult> = Vec::new();
    for session in &record.sessions {
        let grades: Grades = read_json(&folder.join("sessions").join(&session.name).join("scores.json"))?;
        let agent = session.end.key.agent.as_str();
        agents
            .entry(agent)
            .or_insert_with(|| AgentTrials::new(agent, &session.importer))
            .take(&session.end, Some(&grades));
        let mut trial = trial_result(session.end.clone(), Some(grades));
        trial.id.clone_from(&session.name);
        trial.notes.extend(session.warnings.iter().map(|warning| format!("a record could not be read: {warning}")));
        trials.push(trial);
    }
    Ok(Results {
        version: 1,
        run: record.run.clone(),
        suite: "recorded sessions".to_owned(),
        started: record.started.clone(),
        finished: record.finished.clone(),
        exit: 0,
        graders: record.grading.0.clone(),
        failed_in: None,
        agents: agents.into_values().map(AgentTrials::result).collect(),
        trials,
        not_run: Vec::new(),
        gates: Vec::new(),
        looks: Vec::new(),
        newly_failing: Vec::new(),
        consistency: Vec::new(),
    })
}

/// What the pages of graded sessions are made from.
pub struct SessionTrials<'a> {
    pub folder: &'a Path,
}

impl Trials for SessionTrials<'_> {
    fn page(&self, trial: &TrialResult) -> Result<TrialPage, Fault> {
        let trace = read_trace(&self.folder.join("sessions").join(&trial.id).join("trace.jsonl"))?;
        Ok(TrialPage { trace, task: None, diffs: Vec::new() })
    }
}

/// Names of sessions are made from their files' names, with the folder's in front where two are alike.
pub fn named_bundles(bundles: Vec<Bundle>) -> Vec<(Bundle, String)> {
    let stem = |bundle: &Bundle| word(first_file(bundle).file_stem());
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for bundle in &bundles {
        *seen.entry(stem(bundle)).or_default() += 1;
    }
    let mut given: BTreeMap<String, u32> = BTreeMap::new();
    let mut name = |bundle: &Bundle| {
        let own = stem(bundle);
        let folder = word(first_file(bundle).parent().and_then(Path::file_name));
        let name = if seen.get(&own).is_some_and(|count| *count > 1) { format!("{folder}.{own}") } else { own };
        let times = given.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 { format!("{name}.{times}") } else { name }
    };
    let names: Vec<String> = bundles.iter().map(&mut name).collect();
    bundles.into_iter().zip(names).collect()
}

fn first_file(bundle: &Bundle) -> PathBuf {
    bundle.files.first().cloned().unwrap_or_default()
}

/// Files that could not even be opened.
pub fn unreadable(found: &Bundles) -> Vec<Refused> {
    found.refused.iter().map(|(file, why)| Refused { file: file.clone(), tried: vec![why.clone()] }).collect()
}

fn word(name: Option<&std::ffi::OsStr>) -> String {
    let text = name.map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    let word: String = text.chars().map(plain).take(80).collect();
    let word = word.trim_start_matches(['.', '-']).to_owned();
    if word.is_empty() { "session".to_owned() } else { word }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| Fault::new(Boundary::Store, "format", format!("cannot be written as JSON: {error}")))?;
    replace(path, &bytes)
}
