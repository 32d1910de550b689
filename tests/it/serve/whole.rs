//! The command, and a small agent that a script drives in place of a model.

use crate::bed::{Bed, Running};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

fn quickstart(bed: &Bed) -> std::path::PathBuf {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(root.join("evals/quickstart.yaml")).unwrap();
    text = text.replace("../fixtures/", &format!("{}/fixtures/", root.display()));
    let agent = format!(
        "agents:\n  looped:\n    driver: command\n    command: [python3, {0}/fixtures/serve/loop.py]\n    json: lines\n    tells: [usage]\n    \
         model_script: {0}/fixtures/agents/careful.yaml\n",
        root.display()
    );
    bed.write("quickstart.yaml", text.replacen("agents:\n", &agent, 1))
}

/// What a trial's workspace was at the end: files and the hashes of their contents.
fn workspace(bed: &Bed, agent: &str) -> Value {
    let folder = bed.path(&format!("run/trials/rate-limit/{agent}/1/1/snapshots"));
    let mut stages: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    stages.sort();
    let all: Vec<Value> =
        stages.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect();
    Value::from(all)
}

/// The same script once played for real, and once as the model of an agent that has nothing but a shell.
#[test]
fn an_agent_driven_by_the_script_leaves_the_workspace_that_the_stand_in_leaves() {
    let bed = Bed::new();
    let suite = quickstart(&bed);
    let mut args =
        vec!["--task", "rate-limit", "--agent", "careful", "--agent", "looped", "--sandbox", "none", "--out", "run"];
    let suite = suite.to_str().unwrap().to_owned();
    args.insert(0, &suite);
    let ran = bed.run(&args);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    assert_eq!(workspace(&bed, "careful"), workspace(&bed, "looped"));
    let log = fs::read_to_string(bed.path("run/trials/rate-limit/looped/1/1/model.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() > 10 && lines.iter().all(|line| line["kind"] == "main" && line["status"] == 200), "{log}");
    // What the agent was told of its usage is what the model counted.
    let sum = |key: &str| lines.iter().filter_map(|line| line["reply"]["usage"][key].as_u64()).sum::<u64>();
    let end: Value =
        serde_json::from_str(&fs::read_to_string(bed.path("run/trials/rate-limit/looped/1/trial.json")).unwrap())
            .unwrap();
    assert_eq!(
        (end["usage"]["input"].as_u64(), end["usage"]["output"].as_u64()),
        (Some(sum("input_tokens")), Some(sum("output_tokens")))
    );
}

#[test]
fn the_command_says_where_it_listens_and_ends_when_it_is_told_to() {
    let bed = Bed::new();
    let script = bed.write("x.yaml", "version: 1\ncandidate: x\nparts: [{turns: [{steps: [{say: hi}]}]}]\n");
    let mut command = bed.evalrun(&["serve-model", script.to_str().unwrap(), "--log", "log.jsonl"]);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let base = lines.next().unwrap();
    let shown: Vec<String> = lines.by_ref().take(7).map(|line| line.replace(&base, "BASE")).collect();
    insta::assert_snapshot!(shown.join("\n"));
    let port = base.rsplit(':').next().unwrap().to_owned();
    let taken = bed.run(&["serve-model", script.to_str().unwrap(), "--port", &port]);
    assert_eq!(taken.code, Some(2));
    assert!(taken.err.contains("cannot be had") && taken.err.contains("hint: leave `--port` away"), "{}", taken.err);
    let pid = nix::unistd::Pid::from_raw(running.0.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let bed = Bed::new();
    bed.write("bad.yaml", "version: 1\ncandidate: X\nparts: []\n");
    bed.write("good.yaml", "version: 1\ncandidate: x\nparts: [{turns: [{steps: [{say: hi}]}]}]\n");
    let cases: [&[&str]; 4] = [
        &["serve-model", "none.yaml"],
        &["serve-model", "bad.yaml", "--fault", "sometimes"],
        &["serve-model", "good.yaml", "--log", "no/such/folder/log"],
        &["serve-model", "good.yaml", "--port", "99999"],
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|args| {
            let ran = bed.run(args);
            assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
            format!("$ evalrun {}\n{}", args.join(" "), ran.err)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// A script that cannot be read breaks the trial, and is not the agent's doing; it is found before anything runs.
#[test]
fn a_model_script_is_checked_before_anything_runs() {
    let bed = Bed::tiny();
    bed.write("bad.yaml", "version: 1\ncandidate: X\nparts: []\n");
    let suite = bed.suite(
        "run: [a]\nagents: {a: {driver: command, command: [\"true\"], model_script: bad.yaml}}\n\
         tasks: [{id: t, workspace: {copy: repos/tiny}, say: Hello.}]\n",
    );
    let ran = bed.run(&[suite.to_str().unwrap(), "--sandbox", "none"]);
    assert!(ran.err.contains("bad.yaml") || ran.out.contains("bad.yaml"), "{}\n{}", ran.out, ran.err);
    assert_ne!(ran.code, Some(0));
}
