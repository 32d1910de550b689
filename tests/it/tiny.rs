//! Tiny traces: one YAML mapping per event, so that a case reads like a session.
//!
//! `user`, `say`, `think`, `final`, `shell` (with `out`, `exit`, `status`), `read`, `search`, `write`, `edit` (with `old`, `new`), `agent`, `ask`, `plan`, `stage`,
//! `skip`, `end_stage`, `check`, `told`, `otherwise`, `go_ahead`, `offer`, `remind`, `snapshot`, `changed`, `compaction`,
//! `delegate` (with `brief`), `returned` (with `result`), `end`; `by` puts a step into a sub-agent's lane.
//! The agent's folder is `/w`, unless `tells` says `cwd: false`. `as` names a step, so that a case can say which events made a number:
//! `ends_green: {is: 1, cites: [t1]}`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use evalrun::{
    acts::Table,
    metrics::{self, Facts, Given},
    model::{
        id::EventId,
        interview::{By, Decided, Decision},
        score::Measured,
        task::Task,
        trace::*,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub case: String,
    #[serde(default)]
    pub tells: Option<Map<String, Value>>,
    #[serde(default)]
    pub language: Option<String>,
    /// Laid over a minimal task.
    #[serde(default)]
    pub task: Option<Map<String, Value>>,
    #[serde(default)]
    pub twin: bool,
    /// Patches between snapshots by name.
    #[serde(default)]
    pub diffs: Vec<(String, String)>,
    pub trace: Vec<Map<String, Value>>,
    /// Metric -> a number, `undefined`, `unknown`, or `{is: 1, cites: [t1]}`: the steps it cites, by the names that `as` gave them.
    #[serde(default)]
    pub expect: BTreeMap<String, Value>,
}

pub struct Built {
    /// Event -> the name of its step.
    pub names: BTreeMap<EventId, String>,
    pub trace: Trace,
    pub task: Option<Task>,
    pub twin: bool,
    pub diffs: Vec<(String, String)>,
}

impl Built {
    /// The steps that a number cites, each once; none where there is no number. A step without a name goes by its place, from 0.
    pub fn cited(&self, measured: &Measured) -> Vec<String> {
        let Measured::Value(reading) = measured else { return Vec::new() };
        let mut names: Vec<String> = reading.cites.iter().map(|event| self.names[event].clone()).collect();
        names.dedup();
        names
    }
}

/// What a case expects: a number or its absence, and the steps to be cited where it says.
pub fn expected(value: &Value) -> (&Value, Option<Vec<String>>) {
    let Some(fields) = value.as_object() else { return (value, None) };
    assert!(fields.keys().all(|key| ["is", "cites"].contains(&key.as_str())), "{value}");
    let name = |name: &Value| name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    (&value["is"], Some(value["cites"].as_array().unwrap().iter().map(name).collect()))
}

pub fn facts(built: &Built) -> Facts<'_> {
    metrics::read(
        &built.trace,
        Given { task: built.task.as_ref(), twin: built.twin, diffs: &built.diffs },
        Table::shipped(),
    )
}

/// A number, or the kind of its absence.
pub fn word(measured: &Measured) -> Value {
    match measured {
        Measured::Value(reading) => evalrun::metrics::number((reading.value * 1e4).round() / 1e4),
        Measured::Undefined(_) => json!("undefined"),
        Measured::Unknown(_) => json!("unknown"),
    }
}

pub fn build(case: &Case) -> Built {
    let all = json!({"exit_codes": true, "outputs": true, "plans": true, "reasoning": true, "times": true, "usage": true,
        "failed_edits": true, "sub_agents": true, "snapshots": true});
    let mut tells = all.as_object().unwrap().clone();
    tells.extend(case.tells.clone().unwrap_or_default());
    let header = Header {
        trace: VERSION,
        task: None,
        agent: "tester".to_owned(),
        version: None,
        model: None,
        source: "tiny".to_owned(),
        session: None,
        clock: Clock::Receipt,
        cwd: (tells.get("cwd") != Some(&Value::Bool(false))).then(|| "/w".to_owned()),
        started: None,
        tells: serde_json::from_value(Value::Object(tells)).unwrap(),
        language: case.language.clone().unwrap_or_else(|| "en".to_owned()),
    };
    let mut writer = Writer { events: Vec::new(), turn: 0, stage: String::new() };
    let mut names = BTreeMap::new();
    for (place, step) in case.trace.iter().enumerate() {
        let from = writer.events.len();
        writer.step(step);
        let name = step.get("as").and_then(Value::as_str).map_or_else(|| place.to_string(), str::to_owned);
        names.extend(writer.events[from..].iter().map(|event| (event.id, name.clone())));
    }
    let task = case.task.as_ref().map(task);
    let diffs = case.diffs.clone();
    Built { names, trace: Trace { header, events: writer.events }, task, twin: case.twin, diffs }
}

fn task(over: &Map<String, Value>) -> Task {
    let mut base = json!({
        "id": "tiny", "trials": 1,
        "workspace": {"source": "empty"},
        "interview": {"stages": [{"id": "brief", "say": {"text": "do it"}}], "replies": 4, "language": "en",
            "lines": serde_json::to_value(evalrun::model::task::Lines::default()).unwrap()},
        "limits": serde_json::to_value(evalrun::model::task::Limits::default()).unwrap(),
        "permissions": "allow",
    });
    for (key, value) in over {
        let slot =
            if ["stages", "facts", "constraints"].contains(&key.as_str()) { &mut base["interview"] } else { &mut base };
        slot[key] = value.clone();
    }
    fill(&mut base);
    serde_json::from_value(base).unwrap_or_else(|error| panic!("task: {error}"))
}

/// Fields that a case need not write.
fn fill(task: &mut Value) {
    let each = |list: &mut Value, defaults: Value| {
        for item in list.as_array_mut().into_iter().flatten() {
            for (key, value) in defaults.as_object().unwrap() {
                item.as_object_mut().unwrap().entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
    };
    each(&mut task["interview"]["stages"], json!({"say": {"text": "go on"}}));
    each(&mut task["interview"]["facts"], json!({"ask": [], "weight": 1.0, "say": [{"text": "So."}]}));
    each(&mut task["interview"]["constraints"], json!({"spoken": "in_say", "text": "keep it", "from": "brief"}));
    let check = json!({"what": {"run": {"run": {"shell": "true"}, "score": null}}, "timeout_ms": 1000, "weight": 1.0, "pass_at": 0.5});
    each(&mut task["checks"], check);
    each(&mut task["guardrails"], json!({"severity": "medium"}));
    let lists = ["checks", "guardrails"];
    lists.iter().for_each(|list| {
        if task[*list].is_null() {
            task.as_object_mut().unwrap().remove(*list);
        }
    });
    for list in ["facts", "constraints"] {
        if task["interview"][list].is_null() {
            task["interview"].as_object_mut().unwrap().remove(list);
        }
    }
}

struct Writer {
    events: Vec<Event>,
    turn: u32,
    stage: String,
}

impl Writer {
    fn push(&mut self, step: &Map<String, Value>, body: Body) -> EventId {
        let id = EventId(u32::try_from(self.events.len()).unwrap());
        let flag = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.events.push(Event {
            id,
            turn: self.turn,
            stage: self.stage.clone(),
            lane: flag("by"),
            at: step.get("at").and_then(Value::as_u64),
            time: None,
            from: None,
            superseded: step.get("superseded").is_some(),
            body,
        });
        id
    }

    fn step(&mut self, step: &Map<String, Value>) {
        let (key, value) = step.iter().next().expect("an empty step");
        let text = value.as_str().unwrap_or_default();
        match key.as_str() {
            "user" => {
                self.turn += 1;
                self.push(step, Body::UserMessage(UserMessage { text: text.into(), images: 0 }));
            }
            "say" => {
                self.push(step, Body::AgentMessage(AgentMessage { text: text.into(), phase: None }));
            }
            "think" => {
                self.push(step, Body::Reasoning(Reasoning { text: text.into(), encrypted: false }));
            }
            "shell" => self.call(step, "shell", json!({ "command": text })),
            "read" => self.call(step, "read", json!({ "path": text })),
            "search" => self.call(step, "search", json!({ "pattern": text, "path": step.get("in") })),
            "write" => self.call(step, "write", json!({ "path": text, "content": step.get("new") })),
            "edit" => self.call(
                step,
                "edit",
                json!({"path": text, "old_string": step.get("old"), "new_string": step.get("new")}),
            ),
            "agent" => self.call(step, "Agent", json!({ "prompt": text })),
            "ask" => self.call(step, "ask", json!({ "question": text })),
            "question" => {
                self.push(step, Body::Question(Question { text: text.into(), options: Vec::new(), answer: None }));
            }
            "plan" => self.plan(step, value),
            "compaction" => {
                self.push(step, Body::Compaction(Compaction { before: None, after: None, summary: text.into() }));
            }
            "change" => {
                let change =
                    FileChange { path: text.to_owned(), change: Change::Modified, diff: diff(step), call: None };
                self.push(step, Body::FileChange(change));
            }
            "usage" => {
                let usage: Usage = serde_json::from_value(value.clone()).unwrap();
                self.push(step, Body::Usage(usage));
            }
            "permission" => {
                let granted = step.get("granted") == Some(&json!(true));
                self.push(
                    step,
                    Body::Permission(Permission { asked: text.to_owned(), granted, by: "policy".to_owned() }),
                );
            }
            _other => self.ours(step, key, value),
        }
    }

    fn ours(&mut self, step: &Map<String, Value>, key: &str, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        let why = step.get("why").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mark = |state| Body::Stage(StageMark { id: text.to_owned(), state, why: why.clone() });
        let decision = |decision, facts: Vec<String>| {
            Body::Interviewer(Decision { decision, facts, by: By::Pattern, why: why.clone() })
        };
        let list = || {
            value
                .as_array()
                .map(|list| list.iter().map(|item| item.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default()
        };
        let body = match key {
            "stage" => {
                self.stage = text.to_owned();
                mark(StageState::Entered)
            }
            "end_stage" => mark(StageState::Ended),
            "skip" => mark(StageState::Skipped),
            "told" => decision(Decided::Tell, list()),
            "brief" => decision(Decided::Brief, list()),
            "otherwise" => decision(Decided::Otherwise, Vec::new()),
            "go_ahead" => decision(Decided::GoAhead, Vec::new()),
            "offer" => decision(Decided::DeclineOffer, Vec::new()),
            "enough" => decision(Decided::Enough, Vec::new()),
            "remind" => decision(Decided::Remind, Vec::new()),
            "check" => Body::Check(CheckMark {
                name: text.to_owned(),
                when: step["when"].as_str().unwrap().to_owned(),
                status: serde_json::from_value(step["status"].clone()).unwrap(),
                score: step.get("score").and_then(Value::as_f64),
                exit: None,
                why,
                tests: step
                    .get("tests")
                    .map(|tests| serde_json::from_value(tests.clone()).unwrap())
                    .unwrap_or_default(),
                output: Text::default(),
                duration_ms: None,
            }),
            "snapshot" => Body::Snapshot(SnapshotMark {
                name: text.to_owned(),
                manifest: "m".to_owned(),
                changes: step.get("changes").and_then(Value::as_array).into_iter().flatten().map(change).collect(),
            }),
            "delegate" => Body::SubAgent(SubAgent {
                id: text.to_owned(),
                state: SubAgentState::Started,
                brief: step.get("brief").and_then(Value::as_str).unwrap_or_default().into(),
                result: Text::default(),
            }),
            "returned" => Body::SubAgent(SubAgent {
                id: text.to_owned(),
                state: SubAgentState::Ended,
                brief: Text::default(),
                result: step.get("result").and_then(Value::as_str).unwrap_or_default().into(),
            }),
            "end" => Body::End(End { kind: serde_json::from_value(value.clone()).unwrap(), why }),
            other => panic!("unknown step `{other}`"),
        };
        self.push(step, body);
    }

    fn plan(&mut self, step: &Map<String, Value>, value: &Value) {
        let steps = value.as_array().unwrap().iter().map(|line| {
            let line = line.as_str().unwrap();
            let (status, text) = match line.split_at(2) {
                ("x ", text) => (StepStatus::Completed, text),
                ("> ", text) => (StepStatus::InProgress, text),
                (_, _) => (StepStatus::Pending, line.trim_start_matches("- ")),
            };
            PlanStep { text: text.to_owned(), status }
        });
        let plan = Plan { steps: steps.collect() };
        self.push(step, Body::Plan(plan));
    }

    fn call(&mut self, step: &Map<String, Value>, name: &str, input: Value) {
        let batch = step.get("batch").and_then(Value::as_u64).map(|batch| u32::try_from(batch).unwrap());
        let call = self.push(step, Body::ToolCall(ToolCall { name: name.to_owned(), tool: None, input, batch }));
        if step.get("open").is_some() {
            return;
        }
        let exit = step.get("exit").and_then(Value::as_i64).map(|exit| i32::try_from(exit).unwrap());
        let exit = exit.or((name == "shell").then_some(0)).filter(|_| step.get("exit") != Some(&Value::Null));
        let failed = exit.is_some_and(|exit| exit != 0);
        let status = step.get("status").map(|status| serde_json::from_value(status.clone()).unwrap());
        let result = ToolResult {
            call: Some(call),
            status: status.unwrap_or(if failed { ResultStatus::Failed } else { ResultStatus::Ok }),
            exit,
            output: step.get("out").and_then(Value::as_str).unwrap_or_default().into(),
            dropped_bytes: 0,
            duration_ms: step.get("ms").and_then(Value::as_u64),
        };
        self.push(step, Body::ToolResult(result));
    }
}

fn diff(step: &Map<String, Value>) -> Text {
    step.get("diff").and_then(Value::as_str).unwrap_or_default().into()
}

fn change(value: &Value) -> PathChange {
    let text = value.as_str().unwrap();
    let (change, path) = match text.split_at(2) {
        ("+ ", path) => (Change::Added, path),
        ("- ", path) => (Change::Deleted, path),
        (_, _) => (Change::Modified, text),
    };
    PathChange { path: path.to_owned(), change, was: None, added: 1, removed: 0, binary: false }
}
