//! `cargo xtask gen-run --trials N --criteria M --out DIR`: a run folder in the project's own format, with made-up scores, so that `report` and
//! its kin can be measured on runs that nobody would wait for. The same arguments give the same scores.

use evalrun::model::{
    id::{EventId, TrialKey},
    run::{Grades, GradingId, TrialEnd, TrialSpec},
    score::{Cite, Outcome, Score},
    suite::{AgentSpec, Suite},
    task::Task,
    trace::{AgentMessage, Body, Clock, End, EndKind, Event, Header, Tells, Text, ToolCall, ToolResult, UserMessage},
};
use evalrun::store::{Layout, RunRecord};
use serde::Serialize;
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};

/// Trials of one task by one agent, and how many agents there are.
const TRIALS: usize = 10;
const AGENTS: [&str; 2] = ["careful", "hasty"];
const DIMENSIONS: [&str; 5] = ["outcome", "communication", "planning", "context_gathering", "self_checking"];
const GRADING: &str = "synthetic";
const STARTED: &str = "2026-01-01T00:00:00.000Z";

/// What was asked for.
pub struct Wanted<'a> {
    pub trials: &'a str,
    pub criteria: &'a str,
    pub out: &'a str,
}

/// Writes the run.
///
/// # Errors
/// In words: a number that is none, a folder that is there already, a disk that is full.
pub fn gen_run(wanted: &Wanted<'_>) -> Result<(), String> {
    let number = |text: &str| text.parse::<usize>().ok().filter(|n| *n > 0).ok_or(format!("{text} is no count"));
    let (trials, criteria) = (number(wanted.trials)?, number(wanted.criteria)?);
    let out = Path::new(wanted.out);
    if out.exists() {
        return Err(format!("{} is there already", out.display()));
    }
    let layout = Layout::at(out);
    let per_task = TRIALS * AGENTS.len();
    let tasks: Vec<Arc<Task>> = (0..trials.div_ceil(per_task)).map(task).collect::<Result<_, _>>()?;
    let agents: Vec<Arc<AgentSpec>> = AGENTS.iter().map(|name| agent(name)).collect::<Result<_, _>>()?;
    let mut specs = Vec::new();
    for nth in 0..trials {
        let (task, agent) = (&tasks[nth / per_task], &agents[nth % AGENTS.len()]);
        let n = u32::try_from(nth % per_task / AGENTS.len() + 1).map_err(|error| error.to_string())?;
        let key = TrialKey { task: task.id.clone(), twin: false, agent: agent.name.clone(), n };
        specs.push(TrialSpec { key, task: Arc::clone(task), agent: Arc::clone(agent), seed: 0 });
    }
    let grading = GradingId(GRADING.to_owned());
    for (nth, spec) in specs.iter().enumerate() {
        let mut dice = Dice(nth as u64 + 1);
        let folder = layout.trial(&spec.key);
        let trace = folder.join("1/trace.jsonl");
        write(&trace, trace_text(spec)?.as_bytes())?;
        write_json(&layout.trial_end(&spec.key), &end(spec))?;
        write_json(&layout.scores(&spec.key, &grading), &grades(spec, criteria, &mut dice))?;
    }
    write_json(&layout.run(), &record(specs, (&tasks, &agents), grading)?)
}

fn record(
    trials: Vec<TrialSpec>,
    (tasks, agents): (&[Arc<Task>], &[Arc<AgentSpec>]),
    grading: GradingId,
) -> Result<RunRecord, String> {
    let suite: Suite = read(json!({
        "name": "synthetic", "file": "synthetic.yaml", "budget": {}, "seed": 0, "sandbox": "none", "permissions": "allow", "concurrency": 1,
        "run": AGENTS, "graders": [], "acts": {}, "agents": agents, "tasks": tasks,
    }))?;
    Ok(RunRecord {
        judge: None,
        version: 1,
        run: "20260101t000000-0000".to_owned(),
        started: STARTED.to_owned(),
        evalrun: "synthetic".to_owned(),
        suite,
        trials,
        not_run: Vec::new(),
        grading,
        sandbox: "none".to_owned(),
        host: "nowhere".to_owned(),
        failed_in: None,
        looks: Vec::new(),
    })
}

fn task(nth: usize) -> Result<Arc<Task>, String> {
    let stage =
        json!({"id": "brief", "say": {"text": "Please add a storage class with tests."}, "expect": ["tests_pass"]});
    let check = json!({"name": "tests_pass", "what": {"run": {"run": {"shell": "pytest -q"}, "score": null}}, "timeout_ms": 60000, "weight": 1.0, "pass_at": 0.5});
    let lines = json!({"otherwise": "-", "go_ahead": "-", "offer": "-", "enough": "-", "remind": "-"});
    let limits = json!({"turns": 20, "start_ms": 60000, "turn_ms": null, "idle_ms": null, "wall_ms": null, "tool_calls": null, "tokens": null, "output_bytes": 1000000, "cost": null});
    read(json!({
        "id": format!("task-{nth:04}"), "trials": TRIALS, "workspace": {"source": "empty"}, "checks": [check], "limits": limits, "permissions": "allow",
        "interview": {"stages": [stage], "replies": 3, "language": "en", "lines": lines}, "hash": format!("{nth:064}"),
    }))
    .map(Arc::new)
}

fn agent(name: &str) -> Result<Arc<AgentSpec>, String> {
    read(json!({"name": name, "driver": "command"})).map(Arc::new)
}

fn end(spec: &TrialSpec) -> TrialEnd {
    TrialEnd {
        version: 1,
        key: spec.key.clone(),
        attempt: 1,
        end: End { kind: EndKind::Done, why: String::new() },
        usage: evalrun::model::trace::Usage { input: 40_000, output: 3_000, ..Default::default() },
        started: STARTED.to_owned(),
        finished: STARTED.to_owned(),
        wall_ms: 60_000,
        task_hash: spec.task.hash.clone(),
        trace_hash: String::new(),
        agent_version: Some("1.0".to_owned()),
        model: Some("synthetic".to_owned()),
        sandbox: "none".to_owned(),
        notes: Vec::new(),
    }
}

/// One in ten is unknown; the careful agent meets three of four, the hasty one half.
fn grades(spec: &TrialSpec, criteria: usize, dice: &mut Dice) -> Grades {
    let likely = if spec.key.agent == AGENTS[0] { 75 } else { 50 };
    let score = |nth: usize, dice: &mut Dice| {
        let outcome = match dice.below(100) {
            roll if roll < 10 => Outcome::Unknown("the source does not tell".to_owned()),
            roll => Outcome::Scored(f64::from(u8::from((roll - 10) * 100 / 90 < likely))),
        };
        Score {
            dimension: DIMENSIONS[nth % DIMENSIONS.len()].to_owned(),
            criterion: format!("criterion_{nth:03}"),
            outcome,
            weight: 1.0 + (nth % 3) as f64,
            cap: None,
            why: "ran `pytest -q` after its last edit".to_owned(),
            cites: vec![Cite { event: EventId(2), quote: "pytest -q".to_owned() }],
            judged: None,
        }
    };
    let scores: Vec<Score> = (0..criteria).map(|nth| score(nth, dice)).collect();
    let metrics = json!({"tool_calls": 8 + dice.below(20), "edits": 1 + dice.below(5)});
    Grades {
        version: 1,
        scores,
        metrics: metrics.as_object().cloned().unwrap_or_default(),
        passed: Some(dice.below(100) < likely),
        stages: Vec::new(),
        interview: None,
        violations: Vec::new(),
        acts: None,
    }
}

fn trace_text(spec: &TrialSpec) -> Result<String, String> {
    let tells = Tells { outputs: true, exit_codes: true, ..Tells::default() };
    let header = Header {
        trace: 1,
        task: Some(spec.key.task.clone()),
        agent: spec.key.agent.clone(),
        version: None,
        model: None,
        source: "command".to_owned(),
        session: None,
        clock: Clock::Receipt,
        tells,
        cwd: None,
        started: Some(STARTED.to_owned()),
        language: "en".to_owned(),
    };
    let said = |text: &str| Text::whole(text);
    let input = json!({"command": "pytest -q"});
    let result: ToolResult = read(json!({"call": 2, "status": "ok", "exit": 0, "output": "12 passed in 0.31s"}))?;
    let bodies = [
        Body::UserMessage(UserMessage { text: said("Please add a storage class with tests."), images: 0 }),
        Body::AgentMessage(AgentMessage { text: said("I run the tests first."), phase: None }),
        Body::ToolCall(ToolCall { name: "shell".to_owned(), tool: None, input, batch: Some(1) }),
        Body::ToolResult(result),
        Body::AgentMessage(AgentMessage { text: said("Added `Storage` in storage.py; 12 tests pass."), phase: None }),
        Body::End(End { kind: EndKind::Done, why: String::new() }),
    ];
    let mut text = serde_json::to_string(&header).map_err(|error| error.to_string())? + "\n";
    for (id, body) in (0..).zip(bodies) {
        let event = Event {
            id: EventId(id),
            turn: 1,
            stage: "brief".to_owned(),
            lane: String::new(),
            at: Some(u64::from(id) * 1000),
            time: None,
            from: None,
            superseded: false,
            body,
        };
        text += &event.to_line().map_err(|error| error.to_string())?;
        text.push('\n');
    }
    Ok(text)
}

/// The same numbers on every machine (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("the format has changed: {error}"))
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), String> {
    write(path, &serde_json::to_vec(value).map_err(|error| error.to_string())?)
}

/// Without fsync: what is lost here is made again.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(wrong)?;
    fs::write(path, bytes).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is read by the same code as any run, and twice the same.
    #[test]
    #[allow(clippy::unwrap_used)]
    fn the_run_reads_like_any_other() {
        let place = tempfile::tempdir().unwrap();
        let results = |name: &str| {
            let out = place.path().join(name);
            gen_run(&Wanted { trials: "43", criteria: "7", out: out.to_str().unwrap() }).unwrap();
            let layout = Layout::at(out);
            let record: RunRecord = evalrun::store::read_json(&layout.run()).unwrap();
            evalrun::runner::assemble(&layout, &record, &evalrun::runner::Ended::default()).unwrap()
        };
        let found = results("one");
        assert_eq!((found.trials.len(), found.agents.len(), found.not_run.len()), (43, 2, 0));
        assert!(found.trials.iter().all(|trial| trial.scores.len() == 7));
        assert_eq!(results("two"), found);
        let again = gen_run(&Wanted { trials: "1", criteria: "1", out: place.path().join("one").to_str().unwrap() });
        assert!(again.unwrap_err().contains("is there already"));
    }
}
