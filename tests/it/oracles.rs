//! Every case of `fixtures/oracles/*.json`, by name: a function that is not registered here, or a number outside its tolerance, fails.
//! `EVALRUN_ORACLES` names a second folder with files of the same shape.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod agreement;
mod comparisons;
mod laws;
mod plans;
mod rates;
mod trajectories;

use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

/// From a case's `input` to what its `expect` is compared with. Fields that `expect` does not name are not compared.
pub type Oracle = fn(&Value) -> Value;

/// One list per topic: (the case's `fn`, what computes it).
const ORACLES: &[&[(&str, Oracle)]] = &[
    agreement::FUNCTIONS,
    comparisons::FUNCTIONS,
    laws::FUNCTIONS,
    plans::FUNCTIONS,
    rates::FUNCTIONS,
    trajectories::FUNCTIONS,
];

#[test]
fn oracles() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracles");
    let other = std::env::var_os("EVALRUN_ORACLES").map(PathBuf::from);
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for folder in std::iter::once(own).chain(other) {
        let files = files(&folder);
        assert!(!files.is_empty(), "{}: no oracle file", folder.display());
        for file in files {
            walk(&file, &mut used, &mut wrong);
        }
    }
    wrong.extend(
        names().filter(|name| !used.contains(*name)).map(|name| format!("{name}: registered, and no case uses it")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_function_is_registered_once() {
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = names().filter(|name| !seen.insert(*name)).collect();
    assert_eq!(twice, Vec::<&str>::new());
}

#[test]
fn what_differs_is_seen() {
    let different = |found: Value, expected: Value| compare(&found, &expected, 1e-9).is_err();
    assert!(different(1.0.into(), 1.1.into()));
    assert!(different(Value::Null, 0.0.into()));
    assert!(different(0.0.into(), Value::Null));
    assert!(different(vec![1.0].into(), vec![1.0, 2.0].into()));
    assert!(different(serde_json::json!({"a": 1}), serde_json::json!({"b": 1})));
    assert!(different(true.into(), false.into()));
    assert!(!different(serde_json::json!({"a": [1, 2.0], "c": 1}), serde_json::json!({"a": [1.0, 2]})));
}

fn names() -> impl Iterator<Item = &'static str> {
    ORACLES.iter().flat_map(|list| list.iter()).map(|(name, _)| *name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "json"));
    files.sort();
    files
}

fn walk(path: &Path, used: &mut BTreeSet<String>, wrong: &mut Vec<String>) {
    let text = fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_stem().unwrap().to_string_lossy();
    let cases = file["cases"].as_array().filter(|cases| !cases.is_empty());
    for case in cases.unwrap_or_else(|| panic!("{}: no cases", path.display())) {
        let function = case["fn"].as_str().unwrap_or_default();
        used.insert(function.to_owned());
        if let Err(why) = check(function, case) {
            wrong.push(format!("{name}: {}: {function}: {why}", case["id"]));
        }
    }
}

fn check(function: &str, case: &Value) -> Result<(), String> {
    let known = ORACLES.iter().flat_map(|list| list.iter()).find(|(name, _)| *name == function);
    let (_, oracle) = known.ok_or("no such function is registered in tests/it/oracles")?;
    let found = catch_unwind(|| oracle(&case["input"])).map_err(|_| "the input has another shape than its function")?;
    compare(&found, &case["expect"], case["tol"].as_f64().ok_or("no `tol`")?)
}

fn compare(found: &Value, expected: &Value, tol: f64) -> Result<(), String> {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            let near = (found - expected).abs() <= tol;
            if near { Ok(()) } else { Err(format!("is {found}, expected {expected} within {tol}")) }
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            let pairs = found.iter().zip(expected).enumerate();
            pairs.into_iter().try_for_each(|(nth, (f, e))| compare(f, e, tol).map_err(|why| format!("[{nth}] {why}")))
        }
        (Value::Object(found), Value::Object(expected)) => expected.iter().try_for_each(|(key, value)| {
            let found = found.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
            compare(found, value, tol).map_err(|why| format!("{key} {why}"))
        }),
        (found, expected) if found == expected => Ok(()),
        (found, expected) => Err(format!("is {found}, expected {expected}")),
    }
}

/// `input[name]` as a number.
pub fn number(input: &Value, name: &str) -> f64 {
    input[name].as_f64().unwrap_or_else(|| panic!("`{name}` is no number"))
}

/// `input[name]` as a count.
pub fn whole(input: &Value, name: &str) -> u64 {
    input[name].as_u64().unwrap_or_else(|| panic!("`{name}` is no count"))
}

/// `input[name]` as numbers.
pub fn numbers(input: &Value, name: &str) -> Vec<f64> {
    serde_json::from_value(input[name].clone()).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

/// `input[name]` as words.
pub fn words(input: &Value, name: &str) -> Vec<String> {
    serde_json::from_value(input[name].clone()).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}
