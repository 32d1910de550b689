//! `evalrun import FILE --as-run`: results with a reward become a run that reads like any other.

use super::bed::Bed;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

const AIRLINE: &str = "gpt-4o-airline.first6.json";

fn bed() -> Bed {
    let bed = Bed::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces/tau_bench");
    for name in [AIRLINE, "by-hand.json"] {
        bed.write(name, fs::read(folder.join(name)).unwrap());
    }
    bed
}

fn results(bed: &Bed, run: &str) -> Value {
    serde_json::from_slice(&fs::read(bed.path(run).join("results.json")).unwrap()).unwrap()
}

/// Task -> its rewards by trial, read from the file without the importer.
fn rewards(bed: &Bed) -> BTreeMap<u64, BTreeMap<u64, f64>> {
    let file: Value = serde_json::from_slice(&fs::read(bed.path(AIRLINE)).unwrap()).unwrap();
    let mut out: BTreeMap<u64, BTreeMap<u64, f64>> = BTreeMap::new();
    for entry in file.as_array().unwrap() {
        let number = |name: &str| entry[name].as_u64().unwrap();
        let reward = entry["reward"].as_f64().unwrap();
        assert_eq!(out.entry(number("task_id")).or_default().insert(number("trial"), reward), None);
    }
    out
}

#[test]
fn the_outcome_is_the_files_reward() {
    let bed = bed();
    let ran = bed.run(&["import", AIRLINE, "--as-run", "--out", "run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let (found, rewards) = (results(&bed, "run"), rewards(&bed));
    let trials = found["trials"].as_array().unwrap();
    assert_eq!((trials.len(), rewards.len()), (24, 6));
    for trial in trials {
        let task = trial["task"].as_str().unwrap().strip_prefix("task-").unwrap().parse::<u64>().unwrap();
        let reward = rewards[&task][&(trial["trial"].as_u64().unwrap() - 1)];
        assert_eq!(trial["agent"], "gpt-4o-airline.first6");
        assert_eq!(trial["passed"], reward >= 1.0 - 1e-6);
        let scores = trial["scores"].as_array().unwrap();
        assert_eq!((scores.len(), scores[0]["criterion"].as_str()), (1, Some("reward@session")));
        assert!((scores[0]["value"].as_f64().unwrap() - reward).abs() < 1e-6);
    }
    let mean: f64 = rewards.values().map(|trials| trials.values().sum::<f64>() / 4.0).sum::<f64>() / 6.0;
    let outcome = &found["agents"][0]["dimensions"]["outcome"];
    assert!((outcome["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    assert_eq!((outcome["tasks"].as_u64(), outcome["trials"].as_u64()), (Some(6), Some(24)));
}

/// tau-bench's pass^k: the share of sets of k of a task's trials that all passed, over tasks; by drawing every set.
#[test]
fn pass_k_of_the_sample_is_a_count_of_its_sets() {
    let bed = bed();
    assert_eq!(bed.run(&["import", AIRLINE, "--as-run", "--out", "run"]).code, Some(0));
    let compared = bed.run(&["compare", "run", "--json"]);
    let compared: Value = serde_json::from_str(&compared.out).unwrap();
    let curve = |name: &str, k: u64| compared["agents"][0][name][k as usize - 1].as_f64().unwrap();
    let rewards = rewards(&bed);
    for k in 1..=4u64 {
        let (mut all, mut any) = (0.0, 0.0);
        for trials in rewards.values() {
            let passed: Vec<bool> = trials.values().map(|reward| *reward >= 1.0 - 1e-6).collect();
            let sets: Vec<Vec<bool>> = (0u32..1 << passed.len())
                .filter(|set| u64::from(set.count_ones()) == k)
                .map(|set| (0..passed.len()).filter(|at| set & (1 << at) != 0).map(|at| passed[at]).collect())
                .collect();
            let share = |of: &dyn Fn(&Vec<bool>) -> bool| {
                sets.iter().filter(|set| of(set)).count() as f64 / sets.len() as f64 / rewards.len() as f64
            };
            all += share(&|set| set.iter().all(|passed| *passed));
            any += share(&|set| set.iter().any(|passed| *passed));
        }
        assert!((curve("pass_hat_k", k) - all).abs() < 1e-9, "pass^{k}");
        assert!((curve("pass_at_k", k) - any).abs() < 1e-9, "pass@{k}");
    }
    assert!((curve("pass_hat_k", 1) - 0.125).abs() < 1e-9, "3 of 24 passed");
    assert_eq!(compared["agents"][0]["pass_hat_k"].as_array().unwrap().len(), 4, "there are 4 trials");
}

#[test]
fn it_reads_like_any_run() {
    let bed = bed();
    let made = bed.run(&["import", AIRLINE, "--as-run", "--out", "run", "--agent", "gpt-4o"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let first = fs::read(bed.path("run/results.json")).unwrap();
    let again = bed.run(&["report", "run"]);
    assert_eq!((again.code, again.out.as_str()), (Some(0), made.out.as_str()));
    assert_eq!(fs::read(bed.path("run/results.json")).unwrap(), first);
    assert!(bed.path("run/report.html").exists() && bed.path("run/junit.xml").exists());
    assert!(made.out.contains("gpt-4o"), "{}", made.out);
    let graded = bed.run(&["grade", "run", "--graders", "outcome,communication"]);
    assert_eq!(graded.code, Some(0), "{}", graded.err);
    assert!(results(&bed, "run")["agents"][0]["dimensions"]["communication"].is_object());
    let resumed = bed.run(&["resume", "run"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
}

#[test]
fn several_files_are_several_agents_of_the_same_tasks() {
    let bed = bed();
    let mut other: Value = serde_json::from_slice(&fs::read(bed.path(AIRLINE)).unwrap()).unwrap();
    other.as_array_mut().unwrap().iter_mut().for_each(|entry| entry["reward"] = Value::from(1.0));
    bed.write("Other Model.json", other.to_string());
    let ran = bed.run(&["import", AIRLINE, "Other Model.json", "--as-run", "--out", "run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let found = results(&bed, "run");
    let means: Vec<(&str, f64)> = found["agents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|agent| (agent["agent"].as_str().unwrap(), agent["dimensions"]["outcome"]["mean"].as_f64().unwrap()))
        .collect();
    assert_eq!(means, [("gpt-4o-airline.first6", 0.125), ("other-model", 1.0)]);
}

#[test]
fn what_is_no_run_is_refused_and_nothing_is_written() {
    let bed = bed();
    bed.write(
        "chat.jsonl",
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces/claude_session/branches.jsonl")).unwrap(),
    );
    let refused = |args: &[&str]| {
        let ran = bed.run(&[&["import"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(!bed.path("run").join("run.json").exists());
        ran.err
    };
    let said = refused(&["chat.jsonl", "--as-run", "--out", "run"]);
    assert!(said.contains("read as claude_session, and has no reward"), "{said}");
    let said = refused(&[AIRLINE, "--as-run"]);
    assert!(said.contains("--out"), "{said}");
    let said = refused(&[AIRLINE, "--as-run", "--agent", "GPT 4", "--out", "run"]);
    assert!(said.contains("cannot be an agent's name"), "{said}");
    bed.write("copy/again.json", fs::read(bed.path(AIRLINE)).unwrap());
    let said = refused(&[AIRLINE, "copy/again.json", "--as-run", "--agent", "one", "--out", "run"]);
    assert!(said.contains("task-0/one/1 is there twice"), "{said}");
    let other = String::from_utf8(fs::read(bed.path(AIRLINE)).unwrap())
        .unwrap()
        .replace("You are mia_li_3668.", "You are somebody.");
    bed.write("other.json", other);
    let said = refused(&[AIRLINE, "other.json", "--as-run", "--out", "run"]);
    assert!(said.contains("is another task than"), "{said}");
    assert_eq!(bed.run(&["import", "by-hand.json", "--as-run", "--out", "made"]).code, Some(0));
    let again = bed.run(&["import", "by-hand.json", "--as-run", "--out", "made"]);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("holds a run already"), "{}", again.err);
}
