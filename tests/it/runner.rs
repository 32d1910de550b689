//! Whole trials, dispatchers and run folders.

use evalrun::{
    model::{run::GradingId, suite::Suite},
    plan::{Available, Selection, plan},
    process::Cancel,
    runner::{self, Grading, Job, progress::Watcher},
    store::{Layout, RunRecord},
};
use serde_json::json;
use std::{fs, path::Path};

const SCRIPT: &str = "
version: 1
candidate: tester
parts:
  - turns:
      - steps:
          - say: How many lines should it have?
      - steps:
          - read: a.txt
          - write: {path: b.txt, text: \"two\\nlines\\n\"}
          - shell: test -f b.txt
          - say: b.txt is there, with two lines.
";

fn suite(folder: &Path) -> Suite {
    fs::create_dir_all(folder.join("repo")).unwrap();
    fs::write(folder.join("repo/a.txt"), "hello\n").unwrap();
    fs::write(folder.join("tester.yaml"), SCRIPT).unwrap();
    serde_json::from_value(json!({
        "name": "small", "file": folder.join("small.yaml"), "budget": {"cost": null, "wall_ms": null}, "seed": 7,
        "sandbox": "none", "permissions": "allow", "concurrency": 1, "run": ["tester"], "graders": [],
        "acts": {}, "agents": [{"name": "tester", "driver": "scripted", "rest": {"script": folder.join("tester.yaml")}}],
        "tasks": [{
            "id": "lines", "trials": 1,
            "workspace": {"source": {"copy": {"path": folder.join("repo")}}},
            "interview": {
                "stages": [{"id": "brief", "say": {"text": "Please write b.txt."}, "expect": ["there"]}],
                "facts": [{"id": "count", "ask": ["how many"], "weight": 1.0, "say": [{"text": "Two lines."}]}],
                "replies": 4, "language": "en",
                "lines": {"otherwise": "o", "go_ahead": "g", "offer": "n", "enough": "e", "remind": "r"}
            },
            "checks": [{"name": "there", "what": {"run": {"run": {"shell": "test \"$(wc -l < b.txt)\" = 2"}, "score": null}},
                        "timeout_ms": 10000, "weight": 1.0, "pass_at": 0.5}],
            "limits": evalrun::model::task::Limits::default(), "permissions": "allow"
        }]
    }))
    .unwrap()
}

fn record(suite: Suite) -> RunRecord {
    let fine = Available { program: &|_| Ok(()), agent: &|_| Ok(()) };
    let planned = plan(&suite, &Selection::default(), &fine).unwrap();
    RunRecord {
        judge: None,
        version: 1,
        run: "test".to_owned(),
        started: runner::clock::now(),
        evalrun: "0".to_owned(),
        suite,
        trials: planned.trials,
        not_run: planned.not_run,
        grading: GradingId("none".to_owned()),
        sandbox: "none".to_owned(),
        host: "here".to_owned(),
        failed_in: None,
        looks: Vec::new(),
    }
}

#[tokio::test]
async fn a_trial_is_played_from_the_brief_to_the_sealed_trace() {
    evalrun::process::use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path().join("run"));
    fs::create_dir_all(&layout.root).unwrap();
    let job = Job {
        layout: layout.clone(),
        record: record(suite(folder.path())),
        grading: Grading::new(&[], &Default::default(), folder.path().to_owned()).unwrap(),
        watcher: Watcher::default(),
        cancel: Cancel::new(),
        cache: folder.path().join("cache"),
        width: 1,
    };
    let key = job.record.trials[0].key.clone();
    let ended = runner::run(job).await.unwrap();
    assert_eq!(ended, runner::Ended::default());
    let trace = evalrun::store::read_trace(&layout.trial(&key).join("1/trace.jsonl")).unwrap();
    let kinds: Vec<String> =
        trace.events.iter().map(|event| format!("{} {} {}", event.turn, event.stage, event.body.kind())).collect();
    insta::assert_snapshot!(kinds.join("\n"));
}
