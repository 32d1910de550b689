//! The suite language: every file of `fixtures/suites/` is a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use evalrun::suite::{DriverDoc, DriverField, FieldKind, Loaded, Names, Paint, Severity, load, render};
use std::{
    fs,
    path::{Path, PathBuf},
};

const fn field(name: &'static str, doc: &'static str, kind: FieldKind) -> DriverField<'static> {
    DriverField { name, doc, kind, path: false, required: false }
}

const DRIVERS: &[DriverDoc<'static>] = &[
    DriverDoc {
        name: "scripted",
        about: "plays a script for real in the workspace",
        fields: &[DriverField { path: true, required: true, ..field("script", "the script", FieldKind::Text) }],
    },
    DriverDoc {
        name: "command",
        about: "any program",
        fields: &[
            DriverField { required: true, ..field("command", "the command line of the first turn", FieldKind::Words) },
            field("next", "the command line of later turns", FieldKind::Words),
            field("json", "JSON lines on its standard input and output", FieldKind::Any),
        ],
    },
    DriverDoc {
        name: "replay",
        about: "a recorded trace",
        fields: &[DriverField { path: true, required: true, ..field("trace", "the trace", FieldKind::Text) }],
    },
];

const NAMES: Names<'static> = Names {
    drivers: DRIVERS,
    graders: &["outcome", "communication", "planning", "context_gathering", "self_checking", "interview", "guardrails"],
    later_drivers: &["codex", "claude", "acp", "gemini", "opencode", "chat"],
};

#[test]
fn good_suites_load() {
    for path in suites("good") {
        let loaded = load(&path, &NAMES);
        let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}", render(&loaded.findings, Paint::Plain));
        let suite = serde_json::to_string_pretty(&loaded.suite.unwrap()).unwrap();
        let home = env!("CARGO_MANIFEST_DIR");
        insta::assert_snapshot!(format!("good_{}", stem(&path)), suite.replace(home, "$HOME"));
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

/// Relative, as a user would type them: findings show the path as it was given.
fn suites(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("fixtures/suites").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
