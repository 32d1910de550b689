//! Every case of the oracles' files, by name; a function that no list knows fails it.

mod agreement;
mod rates;

use serde_json::Value;
use std::{fs, path::Path};

type Function = fn(&Value) -> Value;

const FILES: &[&str] = &["agreement", "agreement_real", "calibration", "passk", "ranking", "flaky", "rubric"];

#[test]
fn every_case_holds() {
    let known: Vec<(&str, Function)> = [agreement::FUNCTIONS, rates::FUNCTIONS].concat();
    let (mut wrong, mut walked) = (Vec::new(), 0);
    for name in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/oracles/{name}.json"));
        let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            walked += 1;
            let called = case["fn"].as_str().unwrap();
            let Some((_, function)) = known.iter().find(|(name, _)| *name == called) else {
                panic!("{name}: no oracle is known for `{called}`");
            };
            let found = function(&case["input"]);
            differences(
                case["id"].as_str().unwrap(),
                (&case["expect"], &found),
                case["tol"].as_f64().unwrap(),
                &mut wrong,
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(walked, 51, "a file has lost or gained cases");
}

/// Everything that is expected must be found; what is found beyond it is not looked at.
fn differences(place: &str, (expected, found): (&Value, &Value), tolerance: f64, wrong: &mut Vec<String>) {
    match (expected, found) {
        (Value::Number(_), Value::Number(_)) => {
            let (wanted, got) = (expected.as_f64().unwrap(), found.as_f64().unwrap());
            if (wanted - got).abs() > tolerance {
                wrong.push(format!("{place}: {got}, expected {wanted}"));
            }
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            wanted
                .iter()
                .zip(got)
                .enumerate()
                .for_each(|(at, pair)| differences(&format!("{place}[{at}]"), pair, tolerance, wrong));
        }
        (Value::Object(fields), Value::Object(_)) => fields.iter().for_each(|(name, wanted)| {
            differences(&format!("{place}.{name}"), (wanted, &found[name]), tolerance, wrong)
        }),
        (wanted, got) if wanted == got => {}
        (wanted, got) => wrong.push(format!("{place}: {got}, expected {wanted}")),
    }
}
