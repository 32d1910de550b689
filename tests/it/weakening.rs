//! Weakened tests: `fixtures/code/weakening/*.yaml`, each case the edits of one session and what must be counted, kind by kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::tiny::{self, Case};
use evalrun::{metrics, model::score::Measured};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::Path};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weakening {
    case: String,
    #[serde(default)]
    user: Option<String>,
    /// A test had failed before the edits.
    #[serde(default)]
    red: bool,
    /// What the user said between the failure and the edits.
    #[serde(default)]
    later: Option<String>,
    edits: Vec<Edit>,
    expect: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    path: String,
    before: String,
    after: String,
}

#[test]
fn every_trick_is_counted_and_nothing_else() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let found = counted(&case);
        if found != case.expect {
            wrong.push(format!("{file}: {}: {found:?}, expected {:?}", case.case, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_language_has_cases_of_both_sorts() {
    let mut sorts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (file, case) in cases() {
        let slot = sorts.entry(file).or_default();
        if case.expect.is_empty() { slot.1 += 1 } else { slot.0 += 1 }
    }
    assert!(sorts.len() >= 6 && sorts.values().all(|(tricks, none)| *tricks > 0 && *none > 0), "{sorts:?}");
}

/// Taken through a unified diff and through a patch instead of an edit tool, the same comes out.
#[test]
fn the_form_of_the_edit_changes_nothing() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let lines = |mark: &str, text: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
        let patch = |edit: &Edit| {
            format!("*** Update File: {}\n@@\n{}{}", edit.path, lines("-", &edit.before), lines("+", &edit.after))
        };
        let patches: String = case.edits.iter().map(patch).collect();
        let call = json!({"shell": format!("apply_patch <<'PATCH'\n*** Begin Patch\n{patches}*** End Patch\nPATCH")});
        let found = detail(&case, vec![call.as_object().unwrap().clone()]);
        if found != case.expect {
            wrong.push(format!("{file}: {}: {found:?}, expected {:?}", case.case, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn counted(case: &Weakening) -> BTreeMap<String, u64> {
    let edit =
        |edit: &Edit| json!({"edit": edit.path, "old": edit.before, "new": edit.after}).as_object().unwrap().clone();
    detail(case, case.edits.iter().map(edit).collect())
}

fn detail(case: &Weakening, edits: Vec<Map<String, Value>>) -> BTreeMap<String, u64> {
    let step = |value: Value| value.as_object().unwrap().clone();
    let mut trace = vec![step(json!({"user": case.user.as_deref().unwrap_or("Fix the cart.")}))];
    if case.red {
        trace.push(step(json!({"shell": "make test", "exit": 2, "out": "1 failed"})));
    }
    trace.extend(case.later.iter().map(|said| step(json!({ "user": said }))));
    trace.extend(edits);
    let case = json!({"case": case.case, "trace": trace});
    let built = tiny::build(&serde_json::from_value::<Case>(case).unwrap());
    let facts = tiny::facts(&built);
    match (metrics::named("test_weakening").unwrap().of)(&facts) {
        Measured::Value(reading) if reading.detail.is_null() => BTreeMap::new(),
        Measured::Value(reading) => serde_json::from_value(reading.detail).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn cases() -> Vec<(String, Weakening)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/code/weakening");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let list: Vec<Weakening> =
            serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.extend(list.into_iter().map(|case| (name.clone(), case)));
    }
    cases
}
