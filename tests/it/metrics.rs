//! Metrics: small traces written in YAML (`fixtures/metrics/*.yaml`), each with the numbers that must come out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod batching;
mod real;
mod recount;

use super::tiny::{self, Case};
use evalrun::{
    metrics::{self, METRICS, consistency, interview},
    model::score::Measured,
};
use serde_json::{Map, Value};
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let document = metrics::document();
    if std::env::var_os("EVALRUN_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &document).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == document, "docs/metrics.md is stale: run `cargo xtask schema`");
}

/// Every case of the oracle, by name; a function that is not known here fails it.
#[test]
fn oracle_cases_hold() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracles/trajectory_metrics.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let found = oracle(case["fn"].as_str().unwrap(), &case["input"]);
        let expected = match &case["expect"] {
            Value::Object(fields) => fields.clone(),
            number => Map::from_iter([("value".to_owned(), number.clone())]),
        };
        for (name, expected) in expected {
            let (found, expected) = (found[name.as_str()], expected.as_f64().unwrap());
            assert!(
                (found - expected).abs() <= case["tol"].as_f64().unwrap(),
                "{}: {name} is {found}, expected {expected}",
                case["id"]
            );
        }
    }
}

fn oracle(name: &str, input: &Value) -> BTreeMap<&'static str, f64> {
    let numbers =
        |list: &Value| -> Vec<f64> { list.as_array().unwrap().iter().map(|item| item.as_f64().unwrap()).collect() };
    let words = |list: &Value| -> Vec<Vec<String>> { serde_json::from_value(list.clone()).unwrap() };
    let one = |value: Option<f64>| BTreeMap::from([("value", value.unwrap())]);
    match name {
        "outcome_consistency" => {
            let successes: Vec<bool> = numbers(&input["successes"]).into_iter().map(|number| number > 0.5).collect();
            one(consistency::outcome_consistency(&successes))
        }
        "trajectory_distribution_consistency" => {
            one(consistency::act_distribution_consistency(&words(&input["trajectories"])))
        }
        "trajectory_sequence_consistency" => one(consistency::act_sequence_consistency(&words(&input["trajectories"]))),
        "resource_consistency" => one(consistency::resource_consistency(&numbers(&input["values"]))),
        "user_correction" => {
            let tags = words(&input["tags"]);
            let count = |word: &str| tags.iter().filter(|tags| tags.iter().any(|tag| tag == word)).count();
            one(Some(interview::user_corrections(count("correction"), count("nudge"))))
        }
        "information_gain_bits" => {
            let answers: Vec<Vec<usize>> = serde_json::from_value(input["answer_partition"].clone()).unwrap();
            one(interview::information_gain_bits(&numbers(&input["prior"]), &answers))
        }
        "elicitation" => {
            let slots: BTreeMap<String, f64> = serde_json::from_value(input["slots"].clone()).unwrap();
            let among = |field: &str| -> Vec<(f64, bool)> {
                let named: Vec<String> = serde_json::from_value(input[field].clone()).unwrap();
                slots.iter().map(|(slot, weight)| (*weight, named.contains(slot))).collect()
            };
            let number = |field: &str| input[field].as_f64().unwrap();
            let recall = interview::weighted_recall(&among("revealed_by_question")).unwrap();
            let precision = number("useful_questions") / number("questions");
            BTreeMap::from([
                ("weighted_recall", recall),
                ("question_precision", precision),
                ("f1", interview::f1(precision, recall)),
                ("discoverable_rate", number("discoverable_questions") / number("questions")),
                ("assumed_weight_share", interview::weighted_recall(&among("assumed")).unwrap()),
            ])
        }
        other => panic!("no oracle is known for `{other}`"),
    }
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
