//! The command line as a user meets it: what it prints, where, and the exit code.

use assert_cmd::Command;
use std::{fs, path::Path};

fn evalrun(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evalrun"));
    command.current_dir(folder).env_remove("COLUMNS").env("XDG_CACHE_HOME", folder.join("cache"));
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    )
}

#[test]
fn help_shows_the_verbs_that_work() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("--help")));
}

#[test]
fn a_suite_that_is_not_there_is_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("nothing.yaml")));
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("resume")));
    insta::assert_snapshot!(said(&mut evalrun(folder.path())));
}

#[test]
fn init_writes_a_suite_that_runs_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("init")));
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("init")));
    insta::assert_snapshot!(said(evalrun(folder.path()).args(["check", "evals/first.yaml"])));
    let run = evalrun(folder.path()).args(["evals/first.yaml", "--json", "--sandbox", "none"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let results: serde_json::Value = serde_json::from_slice(&run.stdout).expect("stdout is the JSON alone");
    assert_eq!(results["trials"][0]["passed"], true);
    let runs = said(evalrun(folder.path()).args(["list", "runs"]));
    assert!(runs.contains("1 trials  first"), "{runs}");
}

#[test]
fn check_finds_everything_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.yaml"), "version: 1\nsuite: bad\nruns: [a]\ntasks: 3\n").unwrap();
    insta::assert_snapshot!(said(evalrun(folder.path()).args(["check", "bad.yaml"])));
    insta::assert_snapshot!(said(evalrun(folder.path()).arg("bad.yaml")));
    let left: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["bad.yaml"]);
}

#[test]
fn a_dry_run_says_what_would_be_run_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/quickstart.yaml");
    insta::assert_snapshot!(said(evalrun(folder.path()).arg(suite).args(["--dry-run", "--agent", "hasty"])));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn unknown_names_are_refused_with_those_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/suites/tiny.yaml");
    insta::assert_snapshot!(said(evalrun(folder.path()).arg(&suite).args(["--agent", "nobody"])));
    insta::assert_snapshot!(said(evalrun(folder.path()).arg(&suite).args(["--task", "x*"])));
    insta::assert_snapshot!(said(evalrun(folder.path()).arg(&suite).args(["--to", "pdf"])));
}
