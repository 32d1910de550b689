//! Metrics: small traces written in YAML (`fixtures/metrics/*.yaml`), each with the numbers that must come out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod batching;
mod real;
mod recount;
mod work;
pub use real::session_of;

use super::tiny::{self, Case};
use evalrun::{
    metrics::{self, METRICS},
    model::score::Measured,
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

#[test]
fn every_case_measures_as_written() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let built = tiny::build(&case);
        let facts = tiny::facts(&built);
        for (id, expected) in &case.expect {
            let metric = metrics::named(id).unwrap_or_else(|| panic!("{file}: {}: no metric `{id}`", case.case));
            let measured = (metric.of)(&facts);
            let found = tiny::word(&measured);
            let (number, cites) = tiny::expected(expected);
            if &found != number {
                wrong.push(format!("{file}: {}: {id} is {found}, expected {number}", case.case));
            }
            let cited = built.cited(&measured);
            if cites.as_ref().is_some_and(|cites| *cites != cited) {
                wrong.push(format!("{file}: {}: {id} cites {cited:?}, expected {cites:?}", case.case));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_has_cases_for_all_it_can_say() {
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, case) in cases() {
        for (id, expected) in case.expect {
            let (expected, _) = tiny::expected(&expected);
            let word = expected.as_str().map_or_else(|| format!("= {expected}"), str::to_owned);
            said.entry(id).or_default().insert(word);
        }
    }
    let missing = METRICS.iter().flat_map(|metric| {
        let words = said.remove(metric.id).unwrap_or_default();
        let values = words.iter().filter(|word| word.starts_with('=')).count();
        let lacks = |word: &str, when: &str| !when.starts_with("never") && !words.contains(word);
        [
            (values < 2).then(|| format!("{}: two values that differ ({values} there)", metric.id)),
            lacks("undefined", metric.undefined).then(|| format!("{}: undefined: {}", metric.id, metric.undefined)),
            lacks("unknown", metric.unknown).then(|| format!("{}: unknown: {}", metric.id, metric.unknown)),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
    });
    let missing: Vec<String> = missing.collect();
    assert!(missing.is_empty(), "no case for\n{}", missing.join("\n"));
    let never = METRICS.iter().filter(|metric| metric.undefined.is_empty() || metric.unknown.is_empty());
    assert_eq!(never.count(), 0, "say when it is undefined and when unknown, or `never`");
}

/// What says `never` never is: over every case, no matter what it was written for.
#[test]
fn never_is_never() {
    for (file, case) in cases() {
        let built = tiny::build(&case);
        for (id, measured) in metrics::measure(&tiny::facts(&built)) {
            let metric = metrics::named(id).unwrap();
            let broke = match measured {
                Measured::Value(_) => false,
                Measured::Undefined(_) => metric.undefined.starts_with("never"),
                Measured::Unknown(_) => metric.unknown.starts_with("never"),
            };
            assert!(!broke, "{file}: {}: {id} is {measured:?}", case.case);
        }
    }
}

#[test]
fn values_are_finite_and_cite_events_that_exist() {
    for (file, case) in cases() {
        let built = tiny::build(&case);
        let facts = tiny::facts(&built);
        for (id, measured) in metrics::measure(&facts) {
            if let Measured::Value(reading) = measured {
                assert!(reading.value.is_finite(), "{file}: {}: {id}", case.case);
                assert!(
                    reading.cites.iter().all(|event| built.trace.event(*event).is_some()),
                    "{file}: {}: {id}",
                    case.case
                );
            }
        }
    }
}

#[test]
fn ids_are_unique_and_the_document_is_current() {
    let ids: BTreeSet<&str> = METRICS.iter().map(|metric| metric.id).collect();
    assert_eq!(ids.len(), METRICS.len());
    let said: BTreeSet<&str> = METRICS.iter().map(|metric| metric.fails).collect();
    assert_eq!(said.len(), METRICS.len(), "each metric says in words of its own when it misleads");
    for metric in METRICS {
        assert!(metric.fails.len() > 40 && metric.fails.ends_with('.'), "{}: {:?}", metric.id, metric.fails);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let document = metrics::document();
    if std::env::var_os("EVALRUN_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &document).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == document, "docs/metrics.md is stale: run `cargo xtask schema`");
}

/// A long session costs one pass: this one ends long before a quadratic walk would.
#[test]
fn a_hundred_thousand_events_are_measured() {
    let round = |nth: usize| {
        let path = format!("src/m{}/f{}.py", nth % 97, nth % 1009);
        let line = |yaml: String| -> Map<String, Value> { serde_yaml::from_str(&yaml).unwrap() };
        vec![
            line(format!("{{say: 'Step {nth}: I look at {path} and change it next.'}}")),
            line(format!("{{shell: 'rg -n name{nth} src', out: '{path}:3: name{nth}'}}")),
            line(format!("{{read: {path}}}")),
            line(format!("{{edit: {path}, old: a, new: b}}")),
            line("{shell: pytest -q | tail -3, out: '3 passed in 0.1s'}".to_owned()),
        ]
    };
    let mut trace: Vec<Map<String, Value>> = vec![serde_yaml::from_str("{user: Go.}").unwrap()];
    (0..11_200).for_each(|nth| trace.extend(round(nth)));
    let case = Case {
        case: "long".to_owned(),
        tells: None,
        language: None,
        task: Some(Map::new()),
        twin: false,
        diffs: Vec::new(),
        trace,
        expect: BTreeMap::new(),
    };
    let built = tiny::build(&case);
    assert!(built.trace.events.len() > 100_000);
    let facts = tiny::facts(&built);
    let measured = metrics::measure(&facts);
    let number = |id: &str| measured.iter().find(|(name, _)| *name == id).unwrap().1.number();
    assert_eq!(number("tool_calls"), Some(44_800.0));
    assert_eq!(number("read_before_edit"), Some(1.0));
    assert_eq!(number("ends_green"), Some(1.0));
}

/// A hundred thousand calls of one agent that goes round and round, fails, and sends out sub-agents: still one pass.
#[test]
fn a_hundred_thousand_calls_in_circles_are_measured() {
    let mut trace: Vec<Map<String, Value>> = Vec::new();
    let mut step = |value: Value| trace.push(value.as_object().unwrap().clone());
    step(json!({"user": "Go."}));
    let lane = |nth: usize| format!("lane{}", nth % 300);
    (0..300).for_each(|nth| step(json!({"delegate": lane(nth), "brief": format!("Part {nth} of src/a.py")})));
    for nth in 0..50_000 {
        step(json!({"shell": if nth % 2 == 0 { "make" } else { "make test" }, "exit": 2}));
    }
    for nth in 0..20_000 {
        step(json!({"read": "src/a.py", "by": lane(nth)}));
        step(json!({"edit": "src/a.py", "old": nth.to_string(), "new": "b", "by": lane(nth)}));
        if nth % 100 == 0 {
            step(json!({"compaction": "again"}));
            step(json!({"shell": format!("rg -n look{nth}")}));
        }
    }
    (0..9_800).for_each(|nth| step(json!({"shell": format!("rg -n name{}", nth % 7)})));
    (0..300).for_each(|nth| step(json!({"returned": lane(nth), "result": format!("`part_{nth}` is done")})));
    step(json!({"say": "part_3 and part_4 are in place."}));
    let case = Case {
        case: "circles".to_owned(),
        tells: None,
        language: None,
        task: Some(Map::new()),
        twin: false,
        diffs: Vec::new(),
        trace,
        expect: BTreeMap::new(),
    };
    let built = tiny::build(&case);
    let facts = tiny::facts(&built);
    assert_eq!(facts.calls.len(), 100_000);
    let number = |id: &str| (metrics::named(id).unwrap().of)(&facts).number();
    assert_eq!(number("longest_loop"), Some(25_000.0));
    assert_eq!(number("retried_failures"), Some(49_998.0));
    assert_eq!(number("subagent_conflicts"), Some(1.0));
    assert_eq!(number("subagent_duplicate_work"), Some(0.0), "each read follows an edit of the file");
    assert_eq!(number("subagent_return_used").map(|share| (share * 300.0).round()), Some(2.0));
    assert!(number("rework_after_compaction").is_some());
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metrics");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "yaml"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let cases: Vec<Case> =
            serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.into_iter().map(move |case| (name.clone(), case)).collect::<Vec<_>>()
    };
    files.iter().flat_map(read).collect()
}
