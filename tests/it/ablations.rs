//! One behaviour at a time is taken out of `careful`; exactly the criteria named for it in `fixtures/agents/ablations/careful.yaml` drop.
//!
//! The scripts are made by `script::ablate` from the tags, and played by the real binary over the tasks of the quickstart; each task is
//! played by those candidates whose script for it changed. A task whose program is missing is said and left out, but not where `CI` is set.

use evalrun::{
    model::results::{Results, ScoreResult, TrialResult},
    script::{Script, ablate, tags},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// One behaviour of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    tag: String,
    /// Criteria, as `dimension.criterion`, that drop in at least one task.
    drops: BTreeSet<String>,
    /// Criteria that cannot but drop with them, and why.
    #[serde(default)]
    also: Vec<Coupled>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coupled {
    criterion: String,
    why: String,
}

/// Criterion -> the tasks where it dropped, with the sentence.
type Drops = BTreeMap<String, Vec<String>>;

#[test]
fn exactly_what_a_behaviour_is_named_for_drops_without_it() {
    let table: Vec<Row> = serde_yaml::from_str(&read("fixtures/agents/ablations/careful.yaml")).unwrap();
    let careful = Script::from_yaml(&read("fixtures/agents/careful.yaml"), "careful.yaml").unwrap();
    let rows: BTreeSet<String> = table.iter().map(|row| row.tag.clone()).collect();
    assert_eq!(rows, tags(&careful), "the table has one row for each tag of careful");

    let folder = tempfile::tempdir().unwrap();
    let trials = play(folder.path(), &careful);
    let wrong: Vec<String> = table.iter().flat_map(|row| compare(row, &trials)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with one row.
fn compare(row: &Row, trials: &[TrialResult]) -> Vec<String> {
    let dropped = drops(&row.tag, trials);
    let mut wrong = Vec::new();
    let also: BTreeSet<&String> = row.also.iter().map(|coupled| &coupled.criterion).collect();
    let named: BTreeSet<&String> = row.drops.iter().chain(also).collect();
    for coupled in row.also.iter().filter(|coupled| coupled.why.is_empty()) {
        wrong.push(format!("{}: {} is coupled for no reason", row.tag, coupled.criterion));
    }
    for (criterion, where_) in dropped.iter().filter(|(criterion, _)| !named.contains(criterion)) {
        wrong.push(format!("{}: {criterion} drops and is not named\n    {}", row.tag, where_.join("\n    ")));
    }
    for criterion in named.iter().filter(|criterion| !dropped.contains_key(**criterion)) {
        wrong.push(format!("{}: {criterion} is named and drops in no task", row.tag));
    }
    wrong
}

fn drops(tag: &str, trials: &[TrialResult]) -> Drops {
    let mut found = Drops::new();
    let name = agent(tag);
    for trial in trials.iter().filter(|trial| trial.agent == name) {
        let careful = trials.iter().find(|other| other.agent == "careful" && other.task == trial.task).unwrap();
        let before = by_name(careful);
        let after = by_name(trial);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (old, new) = (before.get(name).copied(), after.get(name).copied());
            if is_drop(old, new) {
                let now = new.map(|score| format!("{} {:?}: {}", score.outcome, score.value, score.why));
                let line = format!("{}: {}", trial.task, now.unwrap_or_else(|| "not asked any more".to_owned()));
                found.entry(name.clone()).or_default().push(line);
            }
        }
    }
    found
}

/// A lower value, no value any more, or one below 1 where there was none.
fn is_drop(old: Option<&ScoreResult>, new: Option<&ScoreResult>) -> bool {
    match (old.and_then(|score| score.value), new.and_then(|score| score.value)) {
        (Some(old), Some(new)) => new < old - 1e-9,
        (Some(_), None) => true,
        (None, Some(new)) => new < 1.0 - 1e-9,
        (None, None) => false,
    }
}

fn by_name(trial: &TrialResult) -> BTreeMap<String, &ScoreResult> {
    trial.scores.iter().map(|score| (format!("{}.{}", score.dimension, score.criterion), score)).collect()
}

/// Plays careful and its ablations, one process for each task, all at once.
fn play(folder: &Path, careful: &Script) -> Vec<TrialResult> {
    write_suite(folder, careful);
    let mut started: Vec<(&str, Child)> = Vec::new();
    for (task, on, needs) in TASKS {
        if let Some(missing) = needs.iter().find(|program| !installed(program)) {
            assert!(std::env::var_os("CI").is_none(), "{missing} is missing");
            println!("skipped: {task}, since {missing} is not installed");
            continue;
        }
        started.push((task, start(folder, task, &agents(careful, on))));
    }
    started.into_iter().flat_map(|(task, child)| finish(task, child).trials).collect()
}

/// Task, a message that begins its interview, what it needs.
const TASKS: &[(&str, &str, &[&str])] = &[
    ("rate-limit", "Please add rate limiting", &["python3"]),
    ("too-long", "`howlong::parse` should", &["cargo"]),
    ("shoebox", "This folder of scanned papers", &[]),
];

fn installed(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

fn agent(tag: &str) -> String {
    format!("without-{tag}")
}

/// Careful, and every ablation whose script for this interview differs from it.
fn agents(careful: &Script, opening: &str) -> Vec<String> {
    let part = |script: &Script| {
        let fits = |on: &evalrun::script::Pattern| on.is_in(opening);
        script.parts.iter().find(|part| part.on.as_ref().is_none_or(fits)).map(|part| part.turns.clone())
    };
    let changed = |tag: &String| part(&ablate(careful, tag)) != part(careful);
    std::iter::once("careful".to_owned())
        .chain(tags(careful).iter().filter(|tag| changed(tag)).map(|tag| agent(tag)))
        .collect()
}

/// The quickstart with other candidates: `evals/` and `fixtures/` as in the repository.
fn write_suite(folder: &Path, careful: &Script) {
    fs::create_dir_all(folder.join("evals")).unwrap();
    std::os::unix::fs::symlink(root().join("fixtures"), folder.join("fixtures")).unwrap();
    let mut suite: Value = serde_yaml::from_str(&read("evals/quickstart.yaml")).unwrap();
    let mut agents = serde_json::Map::new();
    let mut add = |name: String, script: &Script| {
        let file = format!("{name}.yaml");
        fs::write(folder.join("evals").join(&file), script.to_json().to_string()).unwrap();
        agents.insert(name, serde_json::json!({"driver": "scripted", "script": file}));
    };
    add("careful".to_owned(), careful);
    for tag in tags(careful) {
        add(agent(&tag), &ablate(careful, &tag));
    }
    suite["run"] = serde_json::json!(["careful"]);
    suite["agents"] = Value::Object(agents);
    for task in suite["tasks"].as_array_mut().unwrap() {
        shorten(task);
    }
    fs::write(folder.join("evals/ablations.yaml"), suite.to_string()).unwrap();
}

/// No twin, and at the end of each stage but the last only its first check and those that a stage hangs on: the rest is checked at the end.
fn shorten(task: &mut Value) {
    let interview = task["interview"].as_object_mut().unwrap();
    interview.remove("twin");
    let stages = interview["stages"].as_array_mut().unwrap();
    let hangs: BTreeSet<String> =
        stages.iter().filter_map(|stage| stage["when"]["check"].as_str()).map(str::to_owned).collect();
    let all_but_last = stages.len() - 1;
    for stage in &mut stages[..all_but_last] {
        let names = stage["expect"].as_array().unwrap();
        let kept = |(at, name): &(usize, &Value)| *at == 0 || hangs.contains(name.as_str().unwrap());
        stage["expect"] = names.iter().enumerate().filter(kept).map(|(_, name)| name.clone()).collect();
    }
}

fn start(folder: &Path, task: &str, agents: &[String]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evalrun"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache").join(task));
    command.args(["evals/ablations.yaml", "--json", "--sandbox", "none", "--task", task, "--out"]);
    command.arg(folder.join("runs").join(task));
    agents.iter().for_each(|agent| {
        command.args(["--agent", agent]);
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finish(task: &str, child: Child) -> Results {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{task}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
