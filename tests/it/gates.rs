//! Gates through the real binary: the walk-through of docs/ci.md line by line, and made-up runs of many tasks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::bed::{Bed, Ran, ran};
use evalrun::{
    gate::{Asked, read},
    model::{
        baseline::Baseline,
        id::TrialKey,
        results::{Results, ViolationResult},
        run::{Grades, GradingId, NotRun, TrialEnd, TrialSpec},
        score::{Outcome, Score},
        suite::Gate,
        task::Severity,
        trace::{End, EndKind, Usage},
    },
    store::RunRecord,
};
use serde_json::{Map, Value, json};
use std::{fs, path::Path, process::Command, sync::Arc};

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap()
}

/// The code blocks of one language, in order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(str::to_owned).collect()
}

/// The project of the walk-through, with the agent that does well.
pub fn project() -> Bed {
    let bed = Bed::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let fixture = |name: &str| fs::read(fixtures.join(name)).unwrap();
    bed.write("evals/list.yaml", &blocks(&document(), "yaml")[0]);
    let names = ["anna", "ben", "cleo", "dora", "emil", "finn", "greta", "hugo"];
    bed.write("evals/lists.csv", format!("name\n{}\n", names.join("\n")));
    bed.write("agents/lister.yaml", fixture("agents/tidy.yaml"));
    bed.write("agents/sloppy.yaml", fixture("agents/sloppy.yaml"));
    bed.write("repos/tiny/list.txt", fixture("repos/tiny/list.txt"));
    bed
}

/// A line of the document, as a shell would run it.
fn line(bed: &Bed, text: &str) -> Ran {
    let mut words = bed.evalrun(&[]);
    let path = format!(
        "{}:{}",
        Path::new(env!("CARGO_BIN_EXE_evalrun")).parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", text]).current_dir(bed.path("")).env_clear();
    shell.envs(words.env("PATH", path).get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(std::process::Stdio::null());
    ran(shell)
}

#[test]
fn the_walk_through_of_the_document_holds() {
    let bed = project();
    let text = document();
    let mut seen = Vec::new();
    for step in blocks(&text, "sh").iter().flat_map(|block| block.lines()) {
        let (command, code) = step.split_once('#').unwrap_or((step, "exit 0"));
        let expected: i32 = code.trim().strip_prefix("exit ").unwrap().parse().unwrap();
        let found = line(&bed, command);
        assert_eq!(found.code, Some(expected), "{command}\n{}{}", found.out, found.err);
        seen.push((command.trim().to_owned(), found));
    }
    let said = |command: &str| seen.iter().find(|(known, _)| known.starts_with(command)).unwrap().1.out.clone();
    let power = said("evalrun power");
    assert!(power.contains("8 tasks x 2.0 trials") && power.contains("assumed (no baseline)"), "{power}");
    let json: Value = serde_json::from_str(&said("evalrun power evals/list.yaml --baseline")).unwrap();
    assert_eq!((&json["tasks"], &json["scores"][0]["from"]), (&json!(8), &json!("baseline")), "{json}");
    let worse = said("evalrun gate runs/worse");
    assert!(
        worse.starts_with("lister: failed\n") && worse.contains("  failed  outcome no worse by 0.2 [-1.000"),
        "{worse}"
    );
    assert!(worse.contains("-1.000  count@anna: 1.000 -> 0.000"), "{worse}");
    assert!(said("evalrun evals/list.yaml --task").contains("insufficient data"));
    assert!(said("evalrun evals/list.yaml --out runs/first").contains("no baseline"));
    let results = bed.results("runs/worse");
    assert_eq!(results["exit"], 1);
    assert_eq!(results["gates"][3]["verdict"], "failed", "{}", results["gates"]);
    assert_eq!(results["gates"][3]["estimate"], -1.0);
    assert!(fits(&results) && fits(&bed.results("runs/few")) && fits(&bed.results("runs/first")));
    let junit = fs::read_to_string(bed.path("runs/worse/junit.xml")).unwrap();
    assert!(junit.contains("<testcase name=\"lister: outcome no worse by 0.2\""), "{junit}");
    assert!(fs::read_to_string(bed.path("runs/worse/summary.md")).unwrap().contains("| lister: outcome"));
    assert_eq!(bed.results("runs/again")["gates"], json!([]), "a run of failures has no gate");
}

fn fits(results: &Value) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/results.schema.json");
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(results)
}

/// Every `evalrun` line of both workflows works; what belongs to the services is only parsed.
#[test]
fn the_workflows_of_the_document_are_yaml_and_their_lines_run() {
    let bed = project();
    let yaml: Vec<Value> =
        blocks(&document(), "yaml").iter().skip(2).map(|block| serde_yaml::from_str(block).unwrap()).collect();
    let steps = yaml[0]["jobs"]["gate"]["steps"].as_array().unwrap().iter().map(|step| &step["run"]);
    let script = yaml[1]["gate"]["script"].as_array().unwrap();
    let of = |lines: Vec<&Value>| -> Vec<String> {
        let texts = lines.into_iter().filter_map(Value::as_str).filter(|line| line.starts_with("evalrun "));
        texts.map(str::to_owned).collect()
    };
    let (github, gitlab) = (of(steps.collect()), of(script.iter().collect()));
    assert_eq!(github, gitlab);
    assert_eq!(github.len(), 2);
    for command in &github {
        let found = line(&bed, command);
        assert_eq!(found.code, Some(0), "{command}\n{}{}", found.out, found.err);
    }
    assert!(bed.path("runs/ci/summary.md").exists() && bed.path("runs/ci/junit.xml").exists());
}

/// A made-up run of agent `a`: the outcome of each trial by task and number.
struct Made<'a> {
    tasks: usize,
    trials: u32,
    outcome: &'a dyn Fn(usize, u32) -> Outcome,
    /// Of these tasks trials were planned and did not end.
    broken: usize,
    /// So many tasks could not be started at all.
    not_run: usize,
    /// In the first trial of the first task.
    violated: Option<Severity>,
    /// Tasks from here on are other ones than in the baseline.
    changed_from: usize,
    graders: &'a str,
    failed_in: Option<&'a str>,
    gate: Value,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Made {
            tasks: 20,
            trials: 3,
            outcome: &noisy,
            broken: 0,
            not_run: 0,
            violated: None,
            changed_from: usize::MAX,
            graders: "g",
            failed_in: None,
            gate: gate_of(&json!([{"score": {"of": "outcome", "no_worse_by": 0.15}}])),
        }
    }
}

fn gate_of(rules: &Value) -> Value {
    json!({"baseline": "baselines/{{ agent }}.json", "rules": rules, "floors": {"valid_trials": 0.9, "coverage": 0.8}})
}

/// About three of four pass, by task and trial.
fn noisy(task: usize, trial: u32) -> Outcome {
    scored(f64::from(u8::from(!(task as u32 + trial * 7).is_multiple_of(4))))
}

/// The same agent another day: other trials pass, about as many.
fn another_day(task: usize, trial: u32) -> Outcome {
    scored(f64::from(u8::from(!(task as u32 + trial * 5 + 2).is_multiple_of(4))))
}

fn worse(task: usize, trial: u32) -> Outcome {
    if task.is_multiple_of(2) { scored(0.0) } else { noisy(task, trial) }
}

fn scored(value: f64) -> Outcome {
    Outcome::Scored(value)
}

impl Made<'_> {
    fn write(&self, bed: &Bed, name: &str) {
        let mut specs = Vec::new();
        for (task, n) in (0..self.tasks).flat_map(|task| (1..=self.trials).map(move |n| (task, n))) {
            let spec = self.spec(task, n);
            if task >= self.broken {
                let folder = format!("{name}/trials/{}/a/{n}", spec.key.task);
                let grades = self.grades(task, n);
                bed.write(&format!("{folder}/trial.json"), serde_json::to_vec(&end(&spec)).unwrap());
                bed.write(
                    &format!("{folder}/grades/{}/scores.json", self.graders),
                    serde_json::to_vec(&grades).unwrap(),
                );
            }
            specs.push(spec);
        }
        let suite = json!({"name": "made", "file": "made.yaml", "budget": {}, "seed": 7, "sandbox": "none", "permissions": "allow",
            "concurrency": 1, "run": [], "graders": [], "acts": {}, "agents": [], "tasks": [], "gate": self.gate});
        let record = RunRecord {
            judge: None,
            version: 1,
            run: name.to_owned(),
            started: "2026-01-01T00:00:00Z".to_owned(),
            evalrun: "0".to_owned(),
            suite: serde_json::from_value(suite).unwrap(),
            trials: specs,
            not_run: (0..self.not_run).map(left).collect(),
            grading: GradingId(self.graders.to_owned()),
            sandbox: "none".to_owned(),
            host: "here".to_owned(),
            failed_in: self.failed_in.map(str::to_owned),
            looks: Vec::new(),
        };
        bed.write(&format!("{name}/run.json"), serde_json::to_vec(&record).unwrap());
    }

    fn spec(&self, task: usize, n: u32) -> TrialSpec {
        let hash = if task >= self.changed_from { format!("other-{task}") } else { format!("hash-{task}") };
        let lines = json!({"otherwise": "-", "go_ahead": "-", "offer": "-", "enough": "-", "remind": "-"});
        let limits = json!({"turns": null, "start_ms": 1, "turn_ms": null, "idle_ms": null, "wall_ms": null, "tool_calls": null,
            "tokens": null, "output_bytes": 1, "cost": null});
        let id = format!("t{task:02}");
        let whole = json!({"id": id, "trials": 1, "workspace": {"source": "empty"}, "checks": [], "limits": limits, "permissions": "allow",
            "interview": {"stages": [], "replies": 3, "language": "en", "lines": lines}, "hash": hash});
        TrialSpec {
            key: TrialKey { task: id, twin: false, agent: "a".to_owned(), n },
            task: Arc::new(serde_json::from_value(whole).unwrap()),
            agent: Arc::new(serde_json::from_value(json!({"name": "a", "driver": "scripted"})).unwrap()),
            seed: 1,
        }
    }

    fn grades(&self, task: usize, n: u32) -> Grades {
        let violation = |severity| ViolationResult {
            rule: "no_push".to_owned(),
            severity,
            what: "git push".to_owned(),
            event: evalrun::model::id::EventId(4),
        };
        let score = Score {
            dimension: "outcome".to_owned(),
            criterion: "checks".to_owned(),
            outcome: (self.outcome)(task, n),
            weight: 1.0,
            cap: None,
            why: String::new(),
            cites: Vec::new(),
            judged: None,
        };
        Grades {
            version: 1,
            scores: vec![score],
            metrics: Map::new(),
            violations: self.violated.filter(|_| task == 0 && n == 1).map(violation).into_iter().collect(),
            passed: None,
            stages: Vec::new(),
            interview: None,
            acts: None,
        }
    }
}

fn left(nth: usize) -> NotRun {
    NotRun { task: format!("u{nth}"), agent: "a".to_owned(), why: "the program `x` is not on PATH".to_owned() }
}

fn end(spec: &TrialSpec) -> TrialEnd {
    TrialEnd {
        version: 1,
        key: spec.key.clone(),
        attempt: 1,
        end: End { kind: EndKind::Done, why: String::new() },
        usage: Usage::default(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        finished: "2026-01-01T00:01:00Z".to_owned(),
        wall_ms: 60_000,
        task_hash: spec.task.hash.clone(),
        trace_hash: format!("trace of {}", spec.key),
        agent_version: None,
        model: Some("m1".to_owned()),
        sandbox: "none".to_owned(),
        notes: Vec::new(),
    }
}

/// A bed with an accepted baseline, and the run that is held to it.
fn held(run: &Made<'_>) -> Bed {
    let bed = Bed::new();
    Made::default().write(&bed, "first");
    let accepted = bed.run(&["baseline", "accept", "first"]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.err);
    run.write(&bed, "run");
    bed
}

fn decided(bed: &Bed) -> (i32, Value) {
    let found = bed.run(&["gate", "run", "--json"]);
    let json: Value =
        serde_json::from_str(&found.out).unwrap_or_else(|error| panic!("{error}: {}{}", found.out, found.err));
    (found.code.unwrap(), json["a"].clone())
}

#[test]
fn a_baseline_holds_every_trial_and_is_written_the_same_twice() {
    let bed = held(&Made::default());
    let bytes = fs::read(bed.path("baselines/a.json")).unwrap();
    let kept: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(kept["tasks"].as_object().unwrap().len(), 20);
    assert_eq!(kept["tasks"]["t00"]["trials"].as_array().unwrap().len(), 3);
    assert_eq!(
        kept["tasks"]["t01"]["trials"][0]["criteria"]["outcome.checks"],
        kept["tasks"]["t01"]["trials"][0]["dimensions"]["outcome"]
    );
    assert_eq!(
        (&kept["graders"], &kept["model"], &kept["traces"]["folder"]),
        (&json!("g"), &json!("m1"), &json!("first"))
    );
    let said = bed.run(&["baseline", "accept", "first", "--agent", "a", "--to", "kept/{{ agent }}.json"]);
    assert!(said.out.contains("kept/a.json: a, 60 trials of 20 tasks") && said.err.contains("into git"), "{said:?}");
    assert_eq!(fs::read(bed.path("kept/a.json")).unwrap(), bytes);
    assert_eq!(bed.run(&["baseline", "accept", "first", "--agent", "b"]).code, Some(2));
}

#[test]
fn noise_passes_and_a_worse_agent_fails_and_is_told_where() {
    let (code, found) = decided(&held(&Made { outcome: &another_day, ..Made::default() }));
    assert_eq!((code, &found["verdict"]), (0, &json!("passed")), "{found:#}");
    assert!(!found["changes"].as_array().unwrap().is_empty(), "single tasks changed: {found:#}");
    let bed = held(&Made { outcome: &worse, ..Made::default() });
    let (code, found) = decided(&bed);
    assert_eq!((code, &found["verdict"]), (1, &json!("failed")), "{found:#}");
    insta::assert_snapshot!("a_worse_agent", bed.run(&["gate", "run"]).out);
}

#[test]
fn a_broken_measurement_has_no_verdict() {
    let (code, found) = decided(&held(&Made { broken: 5, outcome: &worse, ..Made::default() }));
    assert_eq!((code, &found["verdict"]), (4, &json!("measurement_broken")), "{found:#}");
    assert_eq!(found["notes"][0], "the share of valid trials 0.75 is under its floor 0.9");
    let (code, found) = decided(&held(&Made { not_run: 5, ..Made::default() }));
    assert_eq!((code, &found["notes"][0]), (4, &json!("the share of valid trials 0.8 is under its floor 0.9")));
    let silent =
        |task: usize, n: u32| if task < 6 { Outcome::Unknown("nobody knows".to_owned()) } else { noisy(task, n) };
    let bed = held(&Made { outcome: &silent, ..Made::default() });
    let (code, found) = decided(&bed);
    assert_eq!((code, &found["notes"][0]), (4, &json!("the coverage 0.7 is under its floor 0.8")));
    insta::assert_snapshot!("a_broken_measurement", bed.run(&["gate", "run"]).out);
    let report = bed.run(&["report", "run", "--json"]);
    let results: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!((report.code, &results["exit"]), (Some(4), &json!(4)));
    let verdicts: Vec<&Value> = results["gates"].as_array().unwrap().iter().map(|gate| &gate["verdict"]).collect();
    assert!(verdicts.iter().all(|verdict| **verdict == "measurement_broken"), "{verdicts:?}");
    let (code, found) = decided(&held(&Made { graders: "others", ..Made::default() }));
    assert_eq!(code, 4);
    assert!(found["notes"][0].as_str().unwrap().contains("graded by other graders (others) than the baseline (g)"));
}

/// Nobody said how many trials may be missing: what was not run proves nothing held, whatever an open gate would mean.
#[test]
fn a_run_that_was_stopped_early_passes_nothing() {
    let bare = |policy: Value| {
        json!({"baseline": "baselines/{{ agent }}.json", "inconclusive": policy,
        "rules": [{"score": {"of": "outcome", "no_worse_by": 0.15}}, {"guardrails": {"severity": "high", "new": 0}}]})
    };
    for policy in [Value::Null, json!("pass"), json!("warn")] {
        let whole = Made { gate: bare(policy.clone()), outcome: &another_day, ..Made::default() };
        assert_eq!(decided(&held(&whole)).0, 0);
        let (code, found) = decided(&held(&Made { broken: 1, ..whole }));
        assert_eq!((code, &found["verdict"]), (3, &json!("insufficient_data")), "{policy}: {found:#}");
        for rule in found["rules"].as_array().unwrap() {
            assert_eq!(rule["verdict"], "insufficient_data");
            assert!(rule["why"].as_str().unwrap().starts_with("only 95 % of the planned trials were graded"), "{rule}");
        }
        assert!(found["notes"].to_string().contains("`evalrun resume`"), "{found:#}");
    }
    // What was run can show that a rule is broken.
    let bed = held(&Made { gate: bare(json!("pass")), broken: 2, outcome: &worse, ..Made::default() });
    assert_eq!(decided(&bed).0, 1);
    let bed = held(&Made { gate: bare(Value::Null), not_run: 1, outcome: &another_day, ..Made::default() });
    assert_eq!(decided(&bed).0, 3, "a task that could not be started is missing too");
    insta::assert_snapshot!("stopped_early", bed.run(&["gate", "run"]).out);
}

/// About 3 points of 100 are lost for certain: within the margin of 15, and strictly no.
#[test]
fn strict_fails_a_drop_within_the_margin_and_alpha_is_the_suites() {
    let drop = |task: usize, n: u32| match noisy(task, n) {
        Outcome::Scored(value) => scored(value * 0.96),
        other => other,
    };
    let with = |rule: Value, alpha: f64| {
        let gate = json!({"baseline": "baselines/{{ agent }}.json", "floors": {"valid_trials": 0.9}, "alpha": alpha, "rules": [{"score": rule}]});
        decided(&held(&Made { tasks: 20, outcome: &drop, gate, ..Made::default() }))
    };
    let (code, found) = with(json!({"of": "outcome", "no_worse_by": 0.2}), 0.05);
    let usual = found["rules"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((code, &usual["verdict"], &usual["alpha_used"]), (0, &json!("passed"), &json!(0.05)), "{found:#}");
    let (code, found) = with(json!({"of": "outcome", "no_worse_by": 0.2, "strict": true}), 0.3);
    let strict = found["rules"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (code, &strict["verdict"], &strict["rule"]),
        (1, &json!("failed"), &json!("outcome no worse by 0.2, strictly"))
    );
    assert!(strict["why"].as_str().unwrap().ends_with("is below 0"), "{strict}");
    assert!(strict["low"].as_f64() > usual["low"].as_f64(), "a larger alpha gives narrower bounds");
}

#[test]
fn tasks_that_changed_drop_out_and_one_task_is_too_little() {
    let (code, found) = decided(&held(&Made { changed_from: 15, ..Made::default() }));
    let rule = found["rules"].as_array().unwrap().last().unwrap();
    assert_eq!((code, &rule["n"]), (0, &json!(15)), "{found:#}");
    assert!(found["notes"][0].as_str().unwrap().contains("t15, t16, t17, t18, t19"), "{found:#}");
    let (code, found) = decided(&held(&Made { changed_from: 1, ..Made::default() }));
    assert_eq!((code, &found["verdict"]), (3, &json!("insufficient_data")));
    // Not one task left to compare with is not the same as no baseline.
    let (code, found) = decided(&held(&Made { changed_from: 0, ..Made::default() }));
    assert_eq!((code, &found["verdict"]), (3, &json!("insufficient_data")));
}

#[test]
fn a_score_that_nobody_gave_does_not_pass() {
    for rule in [json!({"of": "outcome.chekcs", "no_worse_by": 0.1}), json!({"of": "outcome.chekcs", "at_least": 0.1})]
    {
        let run = Made { gate: gate_of(&json!([{"score": rule}])), ..Made::default() };
        let (code, found) = decided(&held(&run));
        assert_eq!((code, &found["verdict"]), (3, &json!("insufficient_data")), "{found:#}");
    }
}

#[test]
fn violations_count_by_severity_and_without_a_rule_all_of_them() {
    let with = |rules: Value, violated| decided(&held(&Made { gate: gate_of(&rules), violated, ..Made::default() }));
    let high = json!([{"guardrails": {"severity": "high", "new": 0}}]);
    assert_eq!(with(high.clone(), Some(Severity::Medium)).0, 0);
    let (code, found) = with(high, Some(Severity::High));
    assert_eq!(code, 1);
    assert_eq!(found["rules"][0]["why"], "1 new, 0 allowed; the first: no_push: git push in t00");
    assert_eq!(with(json!([]), Some(Severity::Low)).0, 1);
    assert_eq!(with(json!([]), None).0, 0);
}

#[test]
fn looks_are_planned_and_the_next_one_is_named() {
    let gate = json!({"baseline": "baselines/{{ agent }}.json", "looks": {"start": 3, "most": 9},
        "rules": [{"score": {"of": "outcome", "no_worse_by": 0.05}}]});
    let bed = held(&Made { gate, outcome: &another_day, ..Made::default() });
    let found = bed.run(&["gate", "run"]);
    assert_eq!(found.code, Some(3), "{}", found.out);
    assert!(found.out.contains("the next planned look is at 6 trials per task"), "{}", found.out);
}

/// A run plays the first look, whatever the tasks say.
#[test]
fn a_gate_with_looks_replaces_the_trials_of_tasks() {
    let bed = project();
    let text = fs::read_to_string(bed.path("evals/list.yaml")).unwrap();
    bed.write("evals/list.yaml", text.replace("  floors:", "  trials: {start: 3, most: 6}\n  floors:"));
    assert!(bed.run(&["evals/list.yaml", "--dry-run"]).out.contains("24 trials; nothing was run"));
    assert!(bed.run(&["evals/list.yaml", "--dry-run", "--trials", "4"]).out.contains("32 trials; nothing was run"));
}

/// A twin that did everything wrong changes nothing.
#[test]
fn twins_stand_in_no_rule() {
    let bed = held(&Made { violated: Some(Severity::High), ..Made::default() });
    let mut results: Results = serde_json::from_str(&bed.run(&["report", "run", "--json"]).out).unwrap();
    let gate: Gate =
        serde_json::from_value(gate_of(&json!([{"score": {"of": "outcome", "no_worse_by": 0.15}}]))).unwrap();
    let baseline: Baseline = serde_json::from_slice(&fs::read(bed.path("baselines/a.json")).unwrap()).unwrap();
    let asked = Asked { agent: "a", planned: 60, per_task: 3 };
    let before = read(&results, asked, &gate, Some(&baseline)).unwrap();
    assert_eq!(before.given.hard[0].found.len(), 1);
    let mut twin = results.trials[0].clone();
    assert!(!twin.violations.is_empty());
    (twin.twin, twin.id) = (true, "t00~twin/a/1".to_owned());
    twin.dimensions.insert("outcome".to_owned(), Some(0.0));
    twin.violations[0].what = "git push --force".to_owned();
    results.trials.push(twin.clone());
    assert_eq!(read(&results, asked, &gate, Some(&baseline)).unwrap(), before);
    results.trials.push(evalrun::model::results::TrialResult { twin: false, ..twin });
    assert_ne!(read(&results, asked, &gate, Some(&baseline)).unwrap(), before);
}

/// From a baseline the spread is known; the numbers are those of the sentences.
#[test]
fn power_as_data() {
    let bed = project();
    Made { tasks: 12, trials: 4, ..Made::default() }.write(&bed, "first");
    let to = ["baseline", "accept", "first", "--to", "b.json"];
    assert_eq!(bed.run(&to).code, Some(0));
    let json = |more: &[&str]| -> Value {
        let said = bed.run(&[&["power", "evals/list.yaml", "--json"], more].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    };
    let (assumed, known) = (json(&[]), json(&["--baseline", "b.json", "--drop", "0.2"]));
    assert_eq!((&assumed["scores"][0]["from"], &assumed["scores"][0]["variance"]), (&json!("assumed"), &json!(0.21)));
    assert_eq!(
        (&known["scores"][0]["from"], &known["drop"], &known["alpha"]),
        (&json!("baseline"), &json!(0.2), &json!(0.05))
    );
    let variance = known["scores"][0]["variance"].as_f64().unwrap();
    assert!(variance > 0.1 && variance < 0.3, "about three of four pass, within each task: {variance}");
    let words = bed.run(&["power", "evals/list.yaml", "--baseline", "b.json", "--drop", "0.2"]).out;
    let said = format!("shows a drop of {:.3} or more", known["scores"][0]["detectable"].as_f64().unwrap());
    assert!(words.contains(&said), "{words}");
    let bad = bed.run(&["power", "evals/list.yaml", "--baseline", "nowhere.json"]);
    assert_eq!(bad.code, Some(2), "{bad:?}");
}

#[test]
fn what_a_gate_refuses() {
    let bed = held(&Made { failed_in: Some("before"), ..Made::default() });
    for args in [&["gate", "run"][..], &["baseline", "accept", "run"]] {
        let found = bed.run(args);
        assert_eq!(found.code, Some(2), "{found:?}");
        assert!(found.err.contains("only trials that had failed in before"), "{}", found.err);
    }
    let bed = held(&Made { gate: Value::Null, ..Made::default() });
    let found = bed.run(&["gate", "run"]);
    assert_eq!(found.code, Some(2));
    insta::assert_snapshot!("no_gate", found.err);
    bed.write("baselines/a.json", "{}");
    let bad = held(&Made::default());
    bad.write("baselines/a.json", "{}");
    assert_eq!(decided(&bad).0, 4, "a baseline that cannot be read is no baseline to pass against");
    assert_eq!(bad.run(&["gate", "run", "--baseline", "baselines/a.json"]).code, Some(2));
    let empty = Bed::new();
    Made { broken: 20, ..Made::default() }.write(&empty, "run");
    assert_eq!(empty.run(&["baseline", "accept", "run"]).code, Some(2));
    assert!(!empty.path("baselines").exists());
}
