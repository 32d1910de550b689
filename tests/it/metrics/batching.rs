//! Numbers depend neither on how the bytes came nor on which trial ended first.

use super::{super::tiny, real::every_fixture};
use evalrun::{
    acts::Table,
    graders::dimensions,
    importers::{Collector, recognise},
    metrics::{self, Given},
    model::{
        id::{EventId, TrialKey},
        import::{Member, Source},
        run::{Grades, GradingId, NotRun, TrialEnd, TrialSpec},
        score::{Cite, Outcome, Score},
        task::{Limits, Task},
        trace::{End, EndKind, Event, Header, Trace, Usage},
    },
    runner::{Ended, assemble},
    store::{Layout, RunRecord},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::{fs, path::Path, sync::Arc};

/// A file that gives at most so many bytes at a time, never where one would like.
struct Chunks {
    bytes: Vec<u8>,
    most: usize,
}

impl Source for Chunks {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.bytes.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let read = rest.len().min(into.len()).min(self.most);
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

fn measured(trace: &Trace) -> Map<String, Value> {
    let facts = metrics::read(trace, Given::default(), Table::shipped());
    metrics::to_json(&metrics::measure(&facts))
}

fn imported(file: &str, most: usize) -> Trace {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces").join(file);
    let source = Chunks { bytes: fs::read(&path).unwrap(), most };
    let members = [Member { name: file, source: &source }];
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    collector.finish().remove(0).trace
}

/// One of each format that is short enough to be read byte by byte.
const FILES: [&str; 4] = [
    "codex_rollout/older-events.jsonl",
    "claude_session/branches.jsonl",
    "swe_together/pi-mono-tool-execution-write-error.json",
    "evalrun/trace.jsonl",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn a_session_read_in_pieces_measures_the_same(most in 1usize..3000) {
        for file in FILES {
            let (whole, pieces) = (imported(file, usize::MAX), imported(file, most));
            prop_assert_eq!(measured(&whole), measured(&pieces), "{} in pieces of {}", file, most);
            prop_assert_eq!(whole, pieces);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, ..ProptestConfig::default() })]
    #[test]
    fn the_order_in_which_trials_end_changes_nothing(order in Just((0..TRIALS).collect::<Vec<usize>>()).prop_shuffle(),
                                                     missing in 0..TRIALS) {
        let folder = tempfile::tempdir().unwrap();
        let run = |name: &str, order: &[usize]| {
            let layout = Layout::at(folder.path().join(name));
            let specs: Vec<TrialSpec> = order.iter().map(|nth| spec(*nth)).collect();
            order.iter().filter(|nth| **nth != missing).for_each(|nth| end(&layout, *nth));
            serde_json::to_value(assemble(&layout, &record(specs), &Ended::default()).unwrap()).unwrap()
        };
        let straight: Vec<usize> = (0..TRIALS).collect();
        let expected = run("straight", &straight);
        prop_assert_eq!(expected["trials"].as_array().unwrap().len(), TRIALS - 1);
        prop_assert_eq!(expected, run("shuffled", &order));
    }
}

/// Written and read back line by line, a trace measures as it did: nothing lives outside the lines.
#[test]
fn a_trace_read_line_by_line_measures_the_same() {
    let mut traces = every_fixture();
    traces.extend(super::cases().into_iter().map(|(_, case)| (case.case.clone(), tiny::build(&case).trace)));
    for (name, trace) in traces {
        let header: Header = serde_json::from_str(&serde_json::to_string(&trace.header).unwrap()).unwrap();
        let lines: Vec<String> = trace.events.iter().map(|event| event.to_line().unwrap()).collect();
        let events: Vec<Event> = lines.iter().map(|line| Event::from_line(line).unwrap()).collect();
        assert_eq!(measured(&Trace { header, events }), measured(&trace), "{name}");
    }
}

/// 3 tasks, of one also the twin, 2 agents, 2 trials of each.
const TRIALS: usize = 16;

fn key(nth: usize) -> TrialKey {
    let (task, twin) = [("a", false), ("b", false), ("c", false), ("c", true)][nth % 4];
    let agent = ["careful", "hasty"][nth / 4 % 2];
    TrialKey { task: task.to_owned(), twin, agent: agent.to_owned(), n: u32::try_from(nth / 8 + 1).unwrap() }
}

fn spec(nth: usize) -> TrialSpec {
    let key = key(nth);
    let task: Task = serde_json::from_value(json!({
        "id": key.task, "trials": 2, "workspace": {"source": "empty"}, "permissions": "allow",
        "interview": {"stages": [{"id": "brief", "say": {"text": "do it"}}], "replies": 4, "language": "en",
            "lines": evalrun::model::task::Lines::default()},
        "limits": Limits::default(),
    }))
    .unwrap();
    let agent = json!({"name": key.agent, "driver": "scripted", "rest": {}});
    TrialSpec { key, task: Arc::new(task), agent: Arc::new(serde_json::from_value(agent).unwrap()), seed: nth as u64 }
}

/// What a trial leaves, different for each.
fn end(layout: &Layout, nth: usize) {
    let at = format!("2026-01-01T00:00:{nth:02}Z");
    let end = TrialEnd {
        version: 1,
        key: key(nth),
        attempt: 1,
        end: End { kind: EndKind::Done, why: String::new() },
        usage: Usage { input: nth as u64, ..Usage::default() },
        started: at.clone(),
        finished: at,
        wall_ms: nth as u64,
        task_hash: String::new(),
        trace_hash: String::new(),
        agent_version: Some(format!("1.{}", nth % 2)),
        model: (!nth.is_multiple_of(3)).then(|| format!("model-{}", nth % 3)),
        sandbox: "none".to_owned(),
        notes: Vec::new(),
    };
    let score = |(criterion, outcome): (&str, Outcome)| Score {
        dimension: "planning".to_owned(),
        criterion: criterion.to_owned(),
        outcome,
        weight: 1.0 + (nth % 2) as f64,
        cap: None,
        why: String::new(),
        cites: vec![Cite { event: EventId(0), quote: "x".to_owned() }],
        judged: None,
    };
    let scores: Vec<Score> = [
        ("one", Outcome::Scored(0.1 * (nth % 7) as f64)),
        ("two", if nth.is_multiple_of(5) { Outcome::Unknown("hidden".to_owned()) } else { Outcome::Scored(0.3) }),
    ]
    .map(score)
    .into();
    assert_eq!(dimensions(&scores).len(), 1);
    let grades = Grades {
        version: 1,
        scores,
        metrics: Map::from_iter([("tool_calls".to_owned(), json!(nth))]),
        passed: Some(nth.is_multiple_of(2)),
        stages: Vec::new(),
        interview: None,
        violations: Vec::new(),
        acts: None,
    };
    let put = |path: &Path, bytes: Vec<u8>| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put(&layout.trial_end(&end.key), serde_json::to_vec(&end).unwrap());
    put(&layout.scores(&end.key, &GradingId("g".to_owned())), serde_json::to_vec(&grades).unwrap());
}

fn record(trials: Vec<TrialSpec>) -> RunRecord {
    let suite = json!({"name": "small", "file": "small.yaml", "budget": {"cost": null, "wall_ms": null}, "seed": 7,
        "sandbox": "none", "permissions": "allow", "concurrency": 1, "run": [], "graders": [], "acts": {}, "agents": [], "tasks": []});
    RunRecord {
        judge: None,
        version: 1,
        run: "test".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        evalrun: "0".to_owned(),
        suite: serde_json::from_value(suite).unwrap(),
        trials,
        not_run: vec![NotRun { task: "d".to_owned(), agent: "careful".to_owned(), why: "no sandbox".to_owned() }],
        grading: GradingId("g".to_owned()),
        sandbox: "none".to_owned(),
        host: "here".to_owned(),
        failed_in: None,
        looks: Vec::new(),
    }
}
