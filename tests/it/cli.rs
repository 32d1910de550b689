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

/// The free texts of a suite, a candidate's words, file names and file contents, all hostile, through the real binary to the pages.
#[test]
fn a_suite_of_hostile_texts_is_a_report_of_texts() {
    const EVIL: &str = "</script><script>document.title=1</script><img src=x onerror=alert(1)>";
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("repo")).unwrap();
    fs::write(at("repo").join("<script>alert(1)<"), EVIL).unwrap();
    fs::write(at("repo/new\nline"), EVIL).unwrap();
    let evil = serde_json::to_string(EVIL).unwrap();
    let suite = format!(
        "version: 1\nsuite: {evil}\nabout: {evil}\ngraders: [outcome, communication, planning, context_gathering, self_checking, interview]\n\
         agents:\n  it: {{driver: scripted, script: it.yaml}}\n\
         tasks:\n  - id: job\n    about: {evil}\n    workspace: {{copy: repo}}\n    interview:\n      stages:\n\
         \x20       - {{id: one, say: {evil}, expect: [c]}}\n      facts:\n\
         \x20       - {{id: f, ask: [\"how many\"], about: {evil}, say: {evil}}}\n      constraints:\n\
         \x20       - {{id: k, from: one, spoken: with_stage, text: {evil}, check: c}}\n    checks:\n\
         \x20     c: {{run: \"printf '%s' '{EVIL}'; exit 1\"}}\n"
    );
    fs::write(at("suite.yaml"), suite).unwrap();
    let script = format!(
        "version: 1\ncandidate: it\nparts:\n  - turns:\n      - steps: [{{say: {ask}}}]\n      - steps:\n\
         \x20         - plan: [{{text: {evil}, status: completed}}]\n          - write: {{path: \"b<script>.txt\", text: {evil}}}\n\
         \x20         - shell: \"printf '%s' '{EVIL}' | tee \\\"x\\\\ny<img src=x>\\\"\"\n          - say: {evil}\n",
        ask = serde_json::to_string(&format!("{EVIL} How many?")).unwrap()
    );
    fs::write(at("it.yaml"), script).unwrap();
    let run = evalrun(folder.path()).args(["suite.yaml", "--out", "run", "--sandbox", "none"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let page = |path: &str| fs::read_to_string(at("run").join(path)).unwrap();
    for name in ["report.html", "report/trials/job.it.1.html"] {
        let html = page(name);
        assert!(html.contains("&lt;script&gt;document.title"), "{name} shows the text");
        for raw in ["<script>document", "<script>alert", "<img src=x", "</script><script"] {
            assert!(!html.contains(raw), "{name} holds a raw {raw}");
        }
    }
    let summary = page("summary.md");
    assert!(!summary.contains("<script>") && !summary.contains("<img"), "{summary}");
}
