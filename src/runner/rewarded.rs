//! A run made from recorded results that carry a reward: nothing is played, and everything that reads runs reads it.
//!
//! ```text
//! tau-bench's file   session 3/1, check `reward` 0.0   ->   task-3/gpt-4o-airline/2   outcome 0, not passed
//! ```
//!
//! Each task has one stage, `session`, at whose end the check `reward` stands. The file's trials are numbered from 0, a run's from 1.

use super::{
    clock,
    grading::{Case, Grading},
    sessions::{Taken, trial_end},
};
use crate::model::{
    canon::{Domain, hash},
    fault::{Boundary, Fault},
    id::{EventId, TrialKey, is_id},
    run::{Commit, Results as _, TrialEnd, TrialSpec},
    suite::{ActsSpec, AgentSpec, Budget, GraderSpec, SandboxChoice, Suite},
    task::{
        Check, CheckWhat, Command, Gold, Interview, Limits, Lines, Network, Permissions, Say, Source, Stage, Task,
        Workspace,
    },
    trace::{Body, CheckMark, End, EndKind, Event, StageMark, StageState, Text, Trace},
};
use crate::store::{Blobs, Created, FolderResults, Layout, RunLock, RunRecord, once, write_trace};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// The stage and the check that each task of such a run has.
const STAGE: &str = "session";
const CHECK: &str = "reward";

/// Rewards differ only beyond this.
const SAME: f64 = 1e-6;

/// One recorded result, and the agent it is of.
pub struct Rewarded {
    pub agent: String,
    pub taken: Taken,
}

/// The run's plan, and the trace of each of its trials in the same order.
struct Planned {
    suite: Suite,
    trials: Vec<TrialSpec>,
    traces: Vec<Trace>,
}

/// Whether a result says its task, its trial and its reward.
pub fn has_reward(taken: &Taken) -> bool {
    place(&taken.imported.trace).is_some() && mark(&taken.imported.trace).is_some()
}

/// Writes the run. `blobs` holds the texts that were too long to stand in the traces.
///
/// # Errors
/// When two results are of the same trial, a task is not the same everywhere, or the folder cannot be written.
pub async fn as_run(results: Vec<Rewarded>, layout: &Layout, blobs: &Blobs) -> Result<RunRecord, Fault> {
    let Planned { suite, trials, traces } = plan(results, blobs)?;
    let grading = Grading::of_suite(&suite).map_err(|lines| wrong("criteria", lines.join("; ")))?;
    std::fs::create_dir_all(&layout.root)
        .map_err(|error| wrong("io", format!("cannot create {}: {error}", layout.root.display())))?;
    let _lock = RunLock::take(&layout.root)?;
    let record = RunRecord {
        judge: None,
        version: 1,
        run: clock::run_id(),
        started: clock::now(),
        evalrun: env!("CARGO_PKG_VERSION").to_owned(),
        suite,
        trials,
        not_run: Vec::new(),
        grading: grading.id(),
        sandbox: "none".to_owned(),
        host: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        failed_in: None,
        looks: Vec::new(),
    };
    let json = serde_json::to_vec_pretty(&record).map_err(|error| wrong("format", error.to_string()))?;
    if once(&layout.run(), &json)? == Created::Existed {
        return Err(holds_a_run(layout));
    }
    let results = FolderResults::new(layout.clone(), clock::now);
    for (spec, trace) in record.trials.iter().zip(traces) {
        let attempt = results.begin(spec).await?;
        let folder = layout.attempt(&spec.key, attempt);
        let trace = kept(trace, blobs, &Blobs::at(folder.join("blobs")))?;
        let trace_hash = write_trace(&folder.join("trace.jsonl"), &trace)?;
        let end = End { kind: EndKind::Recorded, why: String::new() };
        let ended = TrialEnd {
            key: spec.key.clone(),
            attempt: attempt.0,
            task_hash: spec.task.hash.clone(),
            ..trial_end(&spec.key.task, &trace, (end.clone(), trace_hash))
        };
        let grades = grading.grade_case(&Case {
            item: &spec.key.to_string(),
            attempt: None,
            task: Some(&spec.task),
            twin: false,
            trace: &trace,
            end: &end,
            diffs: &[],
        });
        if results.commit(spec, attempt, &ended).await? == Commit::First {
            results.commit_grades(spec, &record.grading, &grades).await?;
        }
    }
    Ok(record)
}

/// That a run cannot be written over another.
pub fn holds_a_run(layout: &Layout) -> Fault {
    wrong("exists", format!("{} holds a run already", layout.root.display())).hint("choose another --out")
}

fn wrong(kind: &str, message: String) -> Fault {
    Fault::new(Boundary::Store, kind, message)
}

fn plan(results: Vec<Rewarded>, blobs: &Blobs) -> Result<Planned, Fault> {
    let mut tasks: BTreeMap<String, (Task, u32)> = BTreeMap::new();
    let mut agents: BTreeMap<String, AgentSpec> = BTreeMap::new();
    let mut placed: BTreeMap<TrialKey, (Trace, PathBuf)> = BTreeMap::new();
    for Rewarded { agent, taken } in results {
        let file = taken.files.first().cloned().unwrap_or_default();
        let (key, task) = trial(&agent, &taken.imported.trace, blobs)?;
        let known = tasks.entry(task.id.clone()).or_insert_with(|| (task.clone(), 0));
        if known.0.hash != task.hash {
            let message = format!("{} of {} is another task than the {} read before", task.id, file.display(), task.id);
            return Err(wrong("task", message).hint("results of different benchmarks belong in runs of their own"));
        }
        known.1 = known.1.max(key.n);
        let driver = taken.importer.doc().name.to_owned();
        let spec = AgentSpec { name: agent.clone(), driver, model: None, secrets: Vec::new(), rest: Value::Null };
        agents.entry(agent).or_insert(spec);
        if let Some((_, other)) = placed.get(&key) {
            let message = format!("{key} is there twice: in {} and in {}", other.display(), file.display());
            return Err(
                wrong("twice", message).hint("results of another agent: import them on their own, with --agent NAME")
            );
        }
        let trace = staged(taken.imported.trace, &key);
        placed.insert(key, (trace, file));
    }
    let file = placed.values().next().map(|(_, file)| file.clone()).unwrap_or_default();
    let tasks: BTreeMap<String, Arc<Task>> =
        tasks.into_iter().map(|(id, (task, trials))| (id, Arc::new(Task { trials, ..task }))).collect();
    let agents: BTreeMap<String, Arc<AgentSpec>> =
        agents.into_iter().map(|(name, spec)| (name, Arc::new(spec))).collect();
    let (mut trials, mut traces) = (Vec::new(), Vec::new());
    for (key, (trace, _)) in placed {
        let (task, agent) = (Arc::clone(&tasks[&key.task]), Arc::clone(&agents[&key.agent]));
        trials.push(TrialSpec { key, task, agent, seed: 0 });
        traces.push(trace);
    }
    let suite = suite(file, &tasks, &agents);
    Ok(Planned { suite, trials, traces })
}

fn suite(file: PathBuf, tasks: &BTreeMap<String, Arc<Task>>, agents: &BTreeMap<String, Arc<AgentSpec>>) -> Suite {
    let name = file.file_stem().map_or("imported".to_owned(), |stem| stem.to_string_lossy().into_owned());
    Suite {
        name,
        about: Some("recorded results with their rewards; nothing was played".to_owned()),
        file,
        budget: Budget::default(),
        seed: 0,
        sandbox: SandboxChoice::None,
        permissions: Permissions::default(),
        concurrency: 1,
        run: agents.keys().cloned().collect(),
        graders: vec![GraderSpec::Criteria { name: "outcome".to_owned(), path: None }],
        acts: ActsSpec::default(),
        agents: agents.values().map(|agent| (**agent).clone()).collect(),
        permits: BTreeMap::new(),
        judges: Vec::new(),
        tasks: tasks.values().map(|task| (**task).clone()).collect(),
        gate: None,
    }
}

/// The task and trial that a trace is of: its session is `<task>/<trial>`.
fn place(trace: &Trace) -> Option<(&str, u32)> {
    let (task, trial) = trace.header.session.as_deref()?.rsplit_once('/')?;
    Some((task, trial.parse::<u32>().ok()?.checked_add(1)?))
}

fn mark(trace: &Trace) -> Option<&CheckMark> {
    let mut marks =
        trace.events.iter().filter_map(|event| if let Body::Check(mark) = &event.body { Some(mark) } else { None });
    marks.find(|mark| mark.name == CHECK && mark.when == STAGE)
}

fn trial(agent: &str, trace: &Trace, blobs: &Blobs) -> Result<(TrialKey, Task), Fault> {
    let (Some((named, n)), Some(mark)) = (place(trace), mark(trace)) else {
        return Err(wrong("reward", "a result without a task, a trial or a reward".to_owned()));
    };
    let id = format!("task-{}", named.to_lowercase());
    if !is_id(&id) {
        return Err(wrong("task", format!("{named:?} cannot be the id of a task")));
    }
    let info: Value = serde_json::from_str(&whole(&mark.output, blobs)?).unwrap_or_default();
    let asked = info.get("task").cloned().unwrap_or_default();
    let key = TrialKey { task: id.clone(), twin: false, agent: agent.to_owned(), n };
    Ok((key, task(id, &asked)?))
}

fn task(id: String, asked: &Value) -> Result<Task, Fault> {
    let say = asked.get("instruction").and_then(Value::as_str).unwrap_or("as recorded").to_owned();
    let what = json!({"task": id, "asked": asked});
    let hash = hash(Domain::Task, &what).map_err(|error| wrong("format", error.to_string()))?;
    let stage = Stage {
        id: STAGE.to_owned(),
        when: None,
        correction: false,
        say: Say::Text(say),
        expect: vec![CHECK.to_owned()],
    };
    let check = Check {
        name: CHECK.to_owned(),
        what: CheckWhat::Run { run: Command::Argv(Vec::new()), score: None },
        with: None,
        timeout_ms: 0,
        keep_green: false,
        until: None,
        weight: 1.0,
        pass_at: 1.0 - SAME,
    };
    Ok(Task {
        id,
        about: None,
        kind: None,
        tags: Vec::new(),
        requires: Vec::new(),
        check_kinds: Vec::new(),
        trials: 0,
        cluster: None,
        workspace: Workspace {
            source: Source::Empty,
            setup: Vec::new(),
            each_trial: Vec::new(),
            ignore: Vec::new(),
            env: BTreeMap::new(),
            network: Network::None,
        },
        interview: Interview {
            stages: vec![stage],
            facts: Vec::new(),
            replies: 0,
            constraints: Vec::new(),
            twin: false,
            language: "en".to_owned(),
            lines: Lines::default(),
            model: None,
        },
        checks: vec![check],
        gold: Gold::default(),
        guardrails: Vec::new(),
        limits: Limits::default(),
        permissions: Permissions::default(),
        hash,
    })
}

/// The trace as one of a trial: its agent and task, and the end of its one stage.
fn staged(mut trace: Trace, key: &TrialKey) -> Trace {
    trace.header.agent.clone_from(&key.agent);
    trace.header.task = Some(key.task.clone());
    let ends = matches!(trace.events.last(), Some(Event { body: Body::End(_), .. }));
    let end = if ends { trace.events.pop() } else { None };
    let turn = trace.events.last().map_or(0, |event| event.turn);
    let ended = StageMark { id: STAGE.to_owned(), state: StageState::Ended, why: String::new() };
    let body = Body::End(End { kind: EndKind::Recorded, why: String::new() });
    for body in [Body::Stage(ended), end.map_or(body, |end| end.body)] {
        let id = EventId(u32::try_from(trace.events.len()).unwrap_or(u32::MAX));
        let (stage, lane) = (String::new(), String::new());
        trace.events.push(Event { id, turn, stage, lane, at: None, time: None, from: None, superseded: false, body });
    }
    trace.events.iter_mut().for_each(|event| event.stage = STAGE.to_owned());
    trace
}

fn whole(text: &Text, blobs: &Blobs) -> Result<String, Fault> {
    match &text.blob {
        Some(name) => Ok(String::from_utf8_lossy(&blobs.read(name)?).into_owned()),
        None => Ok(text.inline.clone()),
    }
}

/// Moves the long texts of a trace to where its trial keeps them.
fn kept(mut trace: Trace, from: &Blobs, to: &Blobs) -> Result<Trace, Fault> {
    for event in &mut trace.events {
        for text in event.body.texts_mut() {
            if text.blob.is_some() {
                to.keep_long(&whole(text, from)?)?;
            }
        }
    }
    Ok(trace)
}
