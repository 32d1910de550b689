//! `evalrun grade` and `import` on recorded sessions, as a user calls them.

use assert_cmd::Command;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn evalrun(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evalrun"));
    command.current_dir(folder).env_remove("COLUMNS");
    command
}

fn traces(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces").join(format)
}

/// Sessions of one format, without the folder's README and licence.
fn sessions(format: &str) -> Vec<PathBuf> {
    let is_session = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "json" || ext == "jsonl");
    let mut found: Vec<PathBuf> = fs::read_dir(traces(format)).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(is_session);
    found.sort();
    assert!(!found.is_empty(), "no session in fixtures/traces/{format}");
    found
}

#[test]
fn every_format_gets_a_report_and_exit_0() {
    for format in ["codex_rollout", "claude_session", "swe_together"] {
        let folder = tempfile::tempdir().unwrap();
        let files = sessions(format);
        let run = evalrun(folder.path()).arg("grade").args(&files).args(["--out", "graded"]).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(0), "{format}: {said}");
        let results: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.path().join("graded/results.json")).unwrap()).unwrap();
        let trials = results["trials"].as_array().unwrap();
        assert!(!trials.is_empty() && trials.len() <= files.len(), "{format}: {} trials", trials.len());
        for trial in trials {
            assert!(
                trial["scores"].as_array().unwrap().iter().any(|score| score["outcome"] == "scored"),
                "{}",
                trial["id"]
            );
            let kinds = |dimension: &str| -> Vec<String> {
                let scores = trial["scores"].as_array().unwrap().iter().filter(|score| score["dimension"] == dimension);
                scores.map(|score| score["outcome"].as_str().unwrap().to_owned()).collect()
            };
            let not_scored = |kind: &String| kind == "not_applicable" || kind == "not_asked";
            assert!(kinds("outcome").iter().all(not_scored), "{}", trial["id"]);
            assert!(kinds("interview").iter().all(not_scored), "{}", trial["id"]);
        }
        assert!(folder.path().join("graded/report.html").exists());
    }
}

#[test]
fn files_that_nobody_knows_are_named_and_the_rest_graded() {
    let folder = tempfile::tempdir().unwrap();
    let mixed = folder.path().join("mixed");
    fs::create_dir(&mixed).unwrap();
    fs::copy(&sessions("claude_session")[0], mixed.join("known.jsonl")).unwrap();
    fs::write(mixed.join("notes.txt"), "buy milk\n").unwrap();
    fs::write(mixed.join("other.json"), "{\"a\": [1, 2]}\n").unwrap();
    let run = evalrun(folder.path()).args(["grade", "mixed", "--out", "graded", "--json"]).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    let results: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(results["trials"].as_array().unwrap().len(), 1);
    assert_eq!(results["exit"], 2);
    insta::assert_snapshot!(String::from_utf8(run.stderr).unwrap());
}

#[test]
fn an_import_is_a_trace_that_can_be_graded() {
    let folder = tempfile::tempdir().unwrap();
    let session = &sessions("claude_session")[0];
    let import = evalrun(folder.path()).arg("import").arg(session).args(["--out", "traces"]).output().unwrap();
    assert_eq!(import.status.code(), Some(0), "{}", String::from_utf8_lossy(&import.stderr));
    let again = evalrun(folder.path()).arg("import").arg(session).args(["--out", "traces"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "an import never overwrites");
    let grade = |what: &Path, out: &str| -> serde_json::Value {
        let run = evalrun(folder.path()).arg("grade").arg(what).args(["--out", out, "--json"]).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let native = grade(session, "native");
    let imported = grade(&folder.path().join("traces"), "imported");
    assert_eq!(native["trials"][0]["metrics"], imported["trials"][0]["metrics"]);
}

#[test]
fn a_run_is_graded_again_with_other_graders() {
    let folder = tempfile::tempdir().unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/suites/tiny.yaml");
    let run = evalrun(folder.path())
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .arg(suite)
        .args(["--out", "run", "--sandbox", "none", "--trials", "1"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    let again = evalrun(folder.path())
        .args(["grade", "run", "--graders", "planning,self_checking", "--json"])
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let results: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    let dimensions: std::collections::BTreeSet<&str> = results["trials"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|trial| trial["scores"].as_array().unwrap())
        .map(|score| score["dimension"].as_str().unwrap())
        .collect();
    assert_eq!(dimensions.into_iter().collect::<Vec<_>>(), ["planning", "self_checking"]);
}

#[test]
fn nothing_to_grade_is_said_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("blank.jsonl"), "").unwrap();
    let mut said = String::new();
    for what in ["empty", "blank.jsonl", "absent.jsonl"] {
        let run = evalrun(folder.path()).args(["grade", what]).output().unwrap();
        assert_eq!((run.status.code(), run.stdout.as_slice()), (Some(2), &b""[..]), "{what}");
        said.push_str(&format!("$ evalrun grade {what}\n{}", String::from_utf8(run.stderr).unwrap()));
    }
    insta::assert_snapshot!(said);
    assert!(!folder.path().join(".evalrun").exists());
}

/// Sessions of several models: who searches with `rg` and who with `grep`, in every report.
#[test]
fn habits_stand_beside_each_other_by_model_family() {
    let folder = tempfile::tempdir().unwrap();
    let formats = ["codex_rollout", "claude_session", "swe_together"].map(traces);
    let run = evalrun(folder.path()).arg("grade").args(formats).args(["--out", "graded"]).output().unwrap();
    let section = |text: &str, from: &str, to: &str| {
        let at = text.find(from).unwrap_or_else(|| panic!("no `{from}` in\n{text}"));
        text[at..].split(to).next().unwrap().to_owned()
    };
    let read = |path: &str| fs::read_to_string(folder.path().join("graded").join(path)).unwrap();
    let terminal = section(&String::from_utf8(run.stdout).unwrap(), "habits by model family", "\n\n");
    let summary = section(&read("summary.md"), "### Habits", "\n### ");
    let page = section(&read("report.html"), "<section id=\"habits\">", "</section>");
    assert!(terminal.lines().all(|line| line.chars().count() <= 100), "{terminal}");
    insta::assert_snapshot!(format!("{terminal}\n\n{summary}\n{page}"));
    let results: serde_json::Value = serde_json::from_str(&read("results.json")).unwrap();
    let sum = |id: &str| -> f64 {
        results["trials"].as_array().unwrap().iter().map(|trial| trial["metrics"][id].as_f64().unwrap()).sum()
    };
    let shown = |column: usize| -> f64 {
        let rows = summary.lines().filter(|line| line.starts_with("| ")).skip(2);
        rows.map(|row| row.split('|').nth(column).unwrap().trim().parse::<f64>().unwrap()).sum()
    };
    assert_eq!((shown(4), shown(5)), (sum("rg_searches"), sum("grep_searches")), "no search is lost or told twice");
}
