//! The suite language: every file of `fixtures/suites/` is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::suite::{
    DriverDoc, DriverField, FieldKind, Finding, Loaded, Names, Paint, Severity, as_json, load, reference, render,
    schema, starter, to_json,
};
use proptest::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

const fn field(name: &'static str, doc: &'static str, kind: FieldKind) -> DriverField<'static> {
    DriverField { name, doc, kind, path: false, required: false }
}

const DRIVERS: &[DriverDoc<'static>] = &[
    DriverDoc {
        name: "scripted",
        about: "plays a script for real in the workspace",
        fields: &[DriverField { path: true, required: true, ..field("script", "The script.", FieldKind::Text) }],
    },
    DriverDoc {
        name: "command",
        about: "runs any program",
        fields: &[
            DriverField { required: true, ..field("command", "The command line of the first turn.", FieldKind::Words) },
            field("next", "The command line of later turns.", FieldKind::Words),
            field("json", "JSON lines on its standard input and output.", FieldKind::Any),
        ],
    },
    DriverDoc {
        name: "replay",
        about: "replays a recorded trace",
        fields: &[DriverField { path: true, required: true, ..field("trace", "The trace.", FieldKind::Text) }],
    },
];

const NAMES: Names<'static> = Names {
    drivers: DRIVERS,
    graders: &["outcome", "communication", "planning", "context_gathering", "self_checking", "interview", "guardrails"],
    later_drivers: &["codex", "claude", "acp", "gemini", "opencode", "chat"],
};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| jsonschema::validator_for(&schema(&NAMES)).unwrap());

#[test]
fn good_suites_load() {
    for path in suites("good") {
        let loaded = load(&path, &NAMES);
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
        let Loaded { suite, findings } = load(&path, &NAMES);
        assert!(suite.is_none(), "{} loads", path.display());
        insta::assert_snapshot!(format!("mistakes_{}", stem(&path)), render(&findings, Paint::Plain));
    }
}

/// The suites that ship with the project are without a finding, and name their schema in the first line.
#[test]
fn shipped_suites_check() {
    for path in yaml_files(Path::new("evals")) {
        let findings = load(&path, &NAMES).findings;
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
        agree(&path, &load(&path, &NAMES).findings);
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
        "gate: {rules: [{score: a, at_least: 2}]}",
        "gate: {rules: [{guardrails: high}]}",
        "gate: {}",
        "seed: -1",
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
        "concurrency: {trials: 8}",
        "run: [x]\nagents: {x: {driver: command, command: [sh], json: {a: 1}}}",
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
    let json = serde_json::to_string_pretty(&schema(&NAMES)).unwrap() + "\n";
    current("schema/suite.schema.json", &json);
    current("docs/suite.md", &reference(&NAMES));
}

#[test]
fn the_starter_checks_alone_in_a_folder() {
    let (_, findings) = check_text(starter());
    assert_eq!(render(&findings, Paint::Plain), "");
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
        let before = cpu_ms();
        let (_, findings) = check_text(&text);
        let took = cpu_ms() - before;
        assert!(findings.len() == 1 && findings[0].what.contains(limit), "{what}: {}", render(&findings, Paint::Plain));
        assert!(took < 4_500, "{what}: {took} ms of CPU, where 1500 are allowed");
    }
}

#[test]
fn what_is_no_file_or_no_text_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary.yaml");
    fs::write(&binary, b"version: 1\nsuite: \xff\n").unwrap();
    let whats = |path: &Path| load(path, &NAMES).findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>();
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
        let loaded = load(&path, &NAMES);
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
    fs::write(&path, starter()).unwrap();
    assert!(load(&path, &NAMES).suite.is_some());
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["suite.yaml"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

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
    fn values_swapped_for_others_are_survived(at in 0usize..400, with in prop::sample::select(vec!["3", "null", "[]", "{}", "yes", "[a, b]", "{a: b}", "\"\"", "-1", "1e99", ".nan", "'{{ row.x }}'"])) {
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
    let loaded = load(&path, &NAMES);
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
    (as_json(&path).unwrap_or_default(), load(&path, &NAMES).findings)
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
    assert!(
        have == want,
        "{path} is not what the tables say: run `EVALRUN_UPDATE=1 cargo test --test it suite::files`"
    );
}

/// CPU of this thread alone: other tests run beside it.
fn cpu_ms() -> i64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_THREAD).unwrap();
    let ms = |time: nix::sys::time::TimeVal| time.tv_sec() * 1000 + time.tv_usec() / 1000;
    ms(usage.user_time()) + ms(usage.system_time())
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
