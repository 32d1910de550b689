//! The quickstart as a newcomer runs it: careful works like a good engineer, hasty does not, and glib only talks; each verdict leads to
//! what it rests on, a second run says the same, and a task whose program is missing is not run.
//!
//! A task whose program is missing here is said and left out of what is compared, but not where `CI` is set.

use evalrun::{
    graders::event_text,
    model::{
        canon::{canonical, strip_volatile},
        results::{Results, ScoreResult},
    },
    store::read_trace,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const NEEDED: [&str; 2] = ["python3", "cargo"];

#[test]
fn the_quickstart_ranks_its_candidates_cites_its_reasons_and_says_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["first", "second"].map(|name| {
        let mut command = evalrun(folder.path(), name);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let outputs = runs.map(|child| child.wait_with_output().unwrap());
    outputs.iter().for_each(assert_done);
    let [first, second] = outputs.map(|output| output.stdout);
    assert_eq!(comparable(&first), comparable(&second), "the same scores, byte for byte");

    let results: Results = serde_json::from_slice(&first).unwrap();
    assert_ran_what_it_could(&results);
    assert_ranking(&results);
    assert_cited(&folder.path().join("first"), &results);
}

#[test]
fn a_task_whose_program_is_missing_is_not_run_and_the_rest_is() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    programs_without(&NEEDED, &bin);
    let output = evalrun(folder.path(), "run").args(["--agent", "hasty"]).env("PATH", &bin).output().unwrap();
    assert_done(&output);
    let results: Results = serde_json::from_slice(&output.stdout).unwrap();
    let not_run: BTreeSet<(String, String)> =
        results.not_run.iter().map(|one| (one.task.clone(), one.why.clone())).collect();
    insta::assert_debug_snapshot!(not_run);
    let ran: BTreeSet<&str> = results.trials.iter().map(|trial| trial.task.as_str()).collect();
    assert_eq!(ran, BTreeSet::from(["shoebox"]));
}

fn evalrun(folder: &Path, run: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evalrun"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache").join(run));
    command.arg(root().join("evals/quickstart.yaml")).args(["--json", "--sandbox", "none", "--out"]).arg(folder.join(run));
    command
}

fn assert_done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

fn comparable(results: &[u8]) -> String {
    let mut value: Value = serde_json::from_slice(results).unwrap();
    strip_volatile(&mut value);
    canonical(&value)
}

fn assert_ran_what_it_could(results: &Results) {
    for one in &results.not_run {
        println!("not run: {}: {}", one.task, one.why);
    }
    let missing = NEEDED.iter().any(|program| !installed(program));
    assert_eq!(results.not_run.is_empty(), !missing, "{:?}", results.not_run);
    assert!(!missing || std::env::var_os("CI").is_none(), "python3 or cargo is missing");
}

/// What the three candidates were written to show.
fn assert_ranking(results: &Results) {
    let means: BTreeMap<(&str, &str), f64> = results
        .agents
        .iter()
        .flat_map(|agent| agent.dimensions.iter().map(move |(name, found)| (agent, name, found)))
        .filter_map(|(agent, name, found)| Some(((agent.agent.as_str(), name.as_str()), found.mean?)))
        .collect();
    let mean = |agent: &'static str, dimension: &'static str| means[&(agent, dimension)];
    let graded = ["outcome", "communication", "planning", "context_gathering", "self_checking", "interview"];
    for dimension in graded {
        assert_eq!(mean("careful", dimension), 1.0, "careful does all that is asked in {dimension}");
        assert!(mean("careful", dimension) > mean("hasty", dimension), "{dimension}: {means:?}");
        assert!(mean("careful", dimension) >= mean("glib", dimension), "{dimension}: {means:?}");
    }
    for dimension in ["outcome", "communication", "context_gathering", "self_checking"] {
        assert!(mean("careful", dimension) > mean("glib", dimension), "{dimension}: {means:?}");
    }
    for dimension in ["context_gathering", "self_checking"] {
        assert!((mean("glib", dimension) - mean("hasty", dimension)).abs() <= 0.1, "{dimension}: {means:?}");
    }
}

/// Each verdict that falls short cites an event, and each quote stands in the event it names.
fn assert_cited(run: &Path, results: &Results) {
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for trial in &results.trials {
        let trace = read_trace(&trace_of(run, &trial.id)).unwrap();
        for score in &trial.scores {
            let name = || format!("{} {}/{}: {}", trial.id, score.dimension, score.criterion, score.why);
            assert!(!falls_short(score) || !score.cites.is_empty(), "no citation: {}", name());
            assert!(score.value.is_none() || !score.why.is_empty(), "no reason: {}", name());
            for cite in &score.cites {
                let event = trace.event(cite.event).unwrap_or_else(|| panic!("no event {:?}: {}", cite.event, name()));
                assert!(!cite.quote.trim().is_empty(), "an empty quote: {}", name());
                let text = folded(&event_text(&event.body));
                assert!(text.contains(&folded(&cite.quote)), "not in the event: {:?}: {}", cite.quote, name());
            }
        }
    }
}

fn falls_short(score: &ScoreResult) -> bool {
    score.value.is_some_and(|value| value < 1.0)
}

/// `trials/<task>/<agent>/<n>/<attempt>/trace.jsonl`; nothing was started twice.
fn trace_of(run: &Path, trial: &str) -> PathBuf {
    run.join("trials").join(trial).join("1").join("trace.jsonl")
}

fn installed(program: &str) -> bool {
    search_path().iter().any(|folder| folder.join(program).is_file())
}

fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// A folder with every program there is but those.
fn programs_without(left_out: &[&str], bin: &Path) {
    fs::create_dir(bin).unwrap();
    for folder in search_path() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !left_out.iter().any(|program| name == *program) && !bin.join(&name).exists() {
                symlink(entry.path(), bin.join(&name)).ok();
            }
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
