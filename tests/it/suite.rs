//! The suite language: every file of `fixtures/suites/` is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    cli::names::names,
    suite::{Finding, Loaded, Paint, Severity, as_json, load, reference, render, schema, to_json},
};
use proptest::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

const EVALRUN: &str = env!("CARGO_BIN_EXE_evalrun");

/// The registries, but for the graders: fixtures name these, however many more ship.
static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&schema(&names())).unwrap());

#[test]
fn good_suites_load() {
    for path in suites("good") {
        let loaded = load(&path, &names());
        let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}", render(&loaded.findings, Paint::Plain));
        let suite = serde_json::to_string_pretty(&loaded.suite.unwrap()).unwrap();
        let shown = format!("{}\n{suite}", render(&loaded.findings, Paint::Plain));
        insta::assert_snapshot!(format!("good_{}", stem(&path)), shown.replace(env!("CARGO_MANIFEST_DIR"), "$HOME"));
    }
}

#[test]
fn mistakes_are_found_each_once() {
    for path in suites("mistakes") {
        let Loaded { suite, findings } = load(&path, &names());
        assert!(suite.is_none(), "{} loads", path.display());
        insta::assert_snapshot!(format!("mistakes_{}", stem(&path)), render(&findings, Paint::Plain));
    }
}

/// The suites that ship with the project, and the one that `evalrun init` writes, are without a finding.
#[test]
fn shipped_suites_check() {
    let first = PathBuf::from("src/cli/init/first.yaml");
    assert_eq!(render(&load(&first, &names()).findings, Paint::Plain), "");
    for path in yaml_files(Path::new("evals")) {
        let findings = load(&path, &names()).findings;
        assert_eq!(render(&findings, Paint::Plain), "");
        assert!(SCHEMA.is_valid(&as_json(&path).unwrap()), "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema="), "{}", path.display());
    }
}

/// What a schema can see, decoder and schema see alike.
#[test]
fn decoder_and_schema_agree() {
    for path in suites("good").into_iter().chain(suites("mistakes")) {
        agree(&path, &load(&path, &names()).findings);
    }
}

fn agree(path: &Path, findings: &[Finding]) {
    let Some(json) = as_json(path) else { return };
    let structural: Vec<&Finding> = findings.iter().filter(|finding| finding.code.in_schema()).collect();
    let refused: Vec<String> =
        SCHEMA.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    let name = path.display();
    assert!(structural.is_empty() || !refused.is_empty(), "{name}: only the decoder refuses it: {structural:#?}");
    assert!(refused.is_empty() || failed, "{name}: only the schema refuses it: {refused:#?}");
}

/// Each structural mistake by itself is one that the schema refuses: taken out of its file, the rest passes or not alike.
#[test]
fn every_kind_of_shape_is_refused_by_both() {
    let base = "version: 1\nsuite: x\ntasks:\n- {id: a, say: Hello., expect: [t], checks: {t: {run: 'true'}}}\n";
    let wrong = [
        "nonsense: 1",
        "trials: 0",
        "trials: many",
        "limits: {turn: 10}",
        "limits: {turn: 10 min}",
        "limits: {turns: 1.5}",
        "limits: {output: 16}",
        "budget: {cost: 5}",
        "budget: {cost: 5 EUR}",
        "sandbox: docker",
        "sandbox: nosuch",
        "permissions: yes",
        "concurrency: {trials: fast}",
        "run: careful",
        "run: []",
        "graders: [{program: x}]",
        "graders: [1]",
        "acts: {tools: {x: fly}}",
        "agents: {x: {}}",
        "agents: {X: {like: y}}",
        "agents: {x: {driver: scripted}}",
        "agents: {x: {driver: replay, trace: a, script: b}}",
        "agents: {x: {driver: command, command: a}}",
        "agents: {x: {driver: command, command: [a], auth: logout}}",
        "interviewer: {lines: {nothing: x}}",
        "interviewer: {lines: {offer: {fil: x}}}",
        "judges: {m: {}}",
        "judges: {m: {votes: []}}",
        "judges: {m: {votes: [{model: human, nonsense: 1}]}}",
        "judges: {m: {votes: [{command: judge}]}}",
        "judges: {m: {votes: [{command: [sh], input: xml}]}}",
        "judges: {m: {votes: [{model: 'openai:a', window: 0}]}}",
        "judges: {m: {votes: [{model: 'openai:a', price: {input: 1, output: 2 USD}}]}}",
        "gate: {rules: [{score: a, at_least: 2}]}",
        "gate: {rules: [{guardrails: high}]}",
        "gate: {}",
        "seed: -1",
        "limits: {turn: 0s}",
        "limits: {turns: 0}",
        "limits: {output: 0.0MiB}",
        "limits: {turns: 0k}",
        "limits: {turn: ' 3m'}",
        "about: [x]",
        "about:",
    ];
    for line in wrong {
        let (json, findings) = check_text(&format!("{base}{line}\n"));
        let seen = findings.iter().any(|finding| finding.severity == Severity::Error);
        assert!(seen && !SCHEMA.is_valid(&json), "{line}: decoder {seen}, schema {}", !SCHEMA.is_valid(&json));
    }
    let right = [
        "trials: 3",
        "limits: {turn: 1.5h, turns: 2M, tokens: 20k, cost: 0.25 USD, output: 64 KiB}",
        "seed: 7",
        "about: {file: x.yaml}",
        "concurrency: {trials: 8, openai: adaptive, command: 2}",
        "judges: {m: {votes: ['openai:a', human, {command: [sh], timeout: 90s}], tie_breaker: recorded}}",
        "run: [x]\nagents: {x: {driver: command, command: [sh], json: lines}}",
        "sandbox: none",
        "agents: {y: {like: x, settings: {a: [1]}}, x: {driver: command, command: [sh], next: [sh], auth: {env: [KEY]}}}",
    ];
    for line in right {
        let (json, findings) = check_text(&format!("{base}{line}\n"));
        let shown = render(&findings, Paint::Plain);
        assert!(findings.is_empty() && SCHEMA.is_valid(&json), "{line}: {shown}");
    }
}

#[test]
fn files_written_from_the_tables_are_current() {
    let json = serde_json::to_string_pretty(&schema(&names())).unwrap() + "\n";
    current("schema/suite.schema.json", &json);
    current("docs/suite.md", &reference(&names()));
}

/// Whole suites that the documentation shows are suites.
#[test]
fn suites_of_the_documentation_check() {
    let text = fs::read_to_string("docs/suite.md").unwrap();
    let whole: Vec<&str> = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let whole: Vec<&str> = whole.into_iter().filter(|block| block.starts_with("version: 1")).collect();
    assert_eq!(whole.len(), 2);
    for block in whole {
        let (_, findings) = check_text(&block.replace("../fixtures", concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
        assert_eq!(render(&findings, Paint::Plain), "");
    }
}

#[test]
fn too_large_too_deep_and_too_many_are_refused_by_name() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"]) {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(", ")));
    }
    let anchors = format!("a: {}{}{}\n", "&x [".repeat(60), "y, ".repeat(6000), "]".repeat(60));
    let chain: String = (1..40).map(|n| format!("k{n}: &k{n} [[*k{}]]\n", n - 1)).collect();
    let cases = [
        ("a file", format!("version: 1\nabout: {}\n", "x".repeat(4 << 20)), "over the limit of 4 MiB"),
        ("nesting", format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)), "the limit of 64 levels"),
        ("block nesting", (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect(), "the limit of 64 levels"),
        ("aliases", bomb, "the limit of 50000 nodes"),
        ("anchors", anchors, "anchors hold more than the limit of 250000 nodes"),
        ("a chain of aliases", format!("k0: &k0 [x]\n{chain}"), "the limit of 64 levels"),
        ("nodes", format!("a: [{}]\n", "x, ".repeat(260_000)), "the limit of 250000 nodes"),
    ];
    for (what, text, limit) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("suite.yaml"), text).unwrap();
        // Seconds of CPU and KiB of memory: whoever needs more is ended by the kernel.
        let line = format!("ulimit -t 4; ulimit -d 102400; exec '{}' check suite.yaml", EVALRUN);
        let output = Command::new("sh").args(["-c", &line]).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.contains(limit) && said.contains("1 error,"),
            "{what}: {said}{:?}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(2), "{what}");
    }
}

/// From the command line: every finding, exit 2, nothing created.
#[test]
fn check_refuses_mistakes_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for path in suites("mistakes") {
        let path = fs::canonicalize(path).unwrap();
        let output = Command::new(EVALRUN).arg("check").arg(&path).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with(&render(&load(&path, &names()).findings, Paint::Plain)), "{said}");
        assert_eq!(output.status.code(), Some(2), "{}", path.display());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_file_or_no_text_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary.yaml");
    fs::write(&binary, b"version: 1\nsuite: \xff\n").unwrap();
    let whats = |path: &Path| load(path, &names()).findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>();
    assert_eq!(whats(&binary), ["it is not UTF-8 (byte 18 is wrong)"]);
    assert_eq!(whats(folder.path()), ["it is a folder or a device, not a file"]);
    assert_eq!(whats(Path::new("/dev/zero")), ["it is a folder or a device, not a file"]);
    assert_eq!(whats(&folder.path().join("none.yaml")), ["there is no such file"]);
}

#[test]
fn a_task_hash_follows_bytes_and_not_words_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let (work, hidden) = (folder.path().join("work"), folder.path().join("hidden"));
    fs::create_dir_all(work.join("src")).unwrap();
    fs::create_dir_all(&hidden).unwrap();
    fs::write(work.join("src/a.py"), "a = 1\n").unwrap();
    fs::write(hidden.join("t.py"), "t\n").unwrap();
    let hash = |extra: &str| {
        let path = folder.path().join("suite.yaml");
        let text = format!(
            "version: 1\nsuite: x\ntasks:\n- id: a\n  say: Hello.\n  expect: [t]\n  workspace: {{copy: work}}\n  checks: {{t: {{run: 'true', with: hidden}}}}\n{extra}"
        );
        fs::write(&path, text).unwrap();
        let loaded = load(&path, &names());
        loaded.suite.unwrap_or_else(|| panic!("{}", render(&loaded.findings, Paint::Plain))).tasks.remove(0).hash
    };
    let first = hash("");
    assert_eq!(first, hash("  about: for people\n  tags: [x]\n  trials: 9\n# a comment\n"));
    assert_ne!(first, hash("  limits: {turns: 3}\n"));
    fs::write(work.join("src/a.py"), "a = 2\n").unwrap();
    let second = hash("");
    assert_ne!(first, second);
    fs::write(hidden.join("t.py"), "u\n").unwrap();
    let third = hash("");
    assert_ne!(second, third);
    std::os::unix::fs::symlink("/nowhere", work.join("link")).unwrap();
    let fourth = hash("");
    assert_ne!(third, fourth);
    fs::write(work.join("src/a.py"), "a = 1\n").unwrap();
    fs::write(hidden.join("t.py"), "t\n").unwrap();
    fs::remove_file(work.join("link")).unwrap();
    assert_eq!(first, hash(""));
}

#[test]
fn findings_have_a_form_for_machines_and_colours_on_request() {
    let (_, findings) = check_text("version: 1\nsuite: x\ntasks: [{id: a, say: \"\\e[31mred\", trails: 2}]\n");
    insta::assert_json_snapshot!("json", to_json(&strip(&findings)));
    let painted = render(&strip(&findings), Paint::Colour);
    assert_eq!(painted.matches("\u{1b}[1;31m").count(), 2, "{painted:?}");
    assert!(!render(&findings, Paint::Plain).contains('\u{1b}'));
}

/// Loading writes nothing.
#[test]
fn loading_leaves_the_folder_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.yaml");
    fs::copy("fixtures/suites/good/parts/alone.yaml", &path).unwrap();
    assert!(load(&path, &names()).suite.is_some());
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["suite.yaml"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the file: findings, never a panic, never a suite beside an error, and the schema agrees.
    #[test]
    fn any_text_is_survived(text in "[ -~\n\u{e9}\u{1f600}]{0,400}") {
        survives(&text);
    }

    #[test]
    fn broken_suites_are_survived(cut in 0usize..4000, length in 0usize..60, put in "[]{}&*<:,|>'\"#%@!?\\- a1\n\t]{0,8}", which in 0usize..4) {
        let name = ["everything", "one_turn", "rows_json", "smallest"][which];
        let mut text: Vec<char> = fs::read_to_string(format!("fixtures/suites/good/{name}.yaml")).unwrap().chars().collect();
        let from = cut % text.len();
        let to = (from + length).min(text.len());
        text.splice(from..to, put.chars());
        survives(&text.into_iter().collect::<String>());
    }

    /// A scalar of another kind in any place.
    #[test]
    fn values_swapped_for_others_are_survived(at in 0usize..400, with in prop::sample::select(vec!["3", "null", "[]", "{}", "yes", "[a, b]", "{a: b}", "\"\"", "-1", "0", "0s", "3m", "0x10", "1e3", "2M", "!!str 3", "&a x", "*a", "~", "1e99", ".nan", "'{{ row.x }}'"])) {
        let text = fs::read_to_string("fixtures/suites/good/everything.yaml").unwrap();
        let places: Vec<usize> = text.match_indices(": ").map(|(place, _)| place + 2).collect();
        let from = places[at % places.len()];
        let to = text[from..].find([',', '}', '\n']).map_or(text.len(), |end| from + end);
        survives(&format!("{}{with}{}", &text[..from], &text[to..]));
    }
}

fn survives(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.yaml");
    fs::write(&path, text).unwrap();
    let loaded = load(&path, &names());
    let failed = loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(loaded.suite.is_none(), failed);
    agree(&path, &loaded.findings);
    assert!(render(&loaded.findings, Paint::Plain).chars().all(|c| c == '\n' || !c.is_control()));
}

fn check_text(text: &str) -> (serde_json::Value, Vec<Finding>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.yaml");
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("x.yaml"), "a text").unwrap();
    (as_json(&path).unwrap_or_default(), load(&path, &names()).findings)
}

/// Without the temporary folder's name.
fn strip(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().map(|finding| Finding { file: "suite.yaml".to_owned(), ..finding.clone() }).collect()
}

/// With `EVALRUN_UPDATE` set, writes the file; else it must be as it is written.
fn current(path: &str, want: &str) {
    if std::env::var_os("EVALRUN_UPDATE").is_some() {
        fs::write(path, want).unwrap();
    }
    let have = fs::read_to_string(path).unwrap_or_default();
    assert!(have == want, "{path} is not what the tables say: run `cargo xtask schema`");
}

/// Relative, as a user would type them: findings show the path as it was given.
fn suites(folder: &str) -> Vec<PathBuf> {
    yaml_files(&Path::new("fixtures/suites").join(folder))
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
