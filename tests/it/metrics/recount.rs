//! Metrics counted a second time by `tests/recount.py`, which was written from docs/metrics.md alone.
//!
//! Without `python3` on PATH this is skipped, unless CI is set.

use super::{
    super::tiny,
    real::{SESSIONS, every_fixture},
};
use evalrun::{
    acts::Table,
    metrics::{self, Given},
    model::{score::Measured, trace::Trace},
    store::write_trace,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// metric -> a number, `undefined` or `unknown`.
type Counted = BTreeMap<String, Value>;

#[test]
fn a_second_count_in_python_comes_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut traces: Vec<(String, Trace)> = every_fixture();
    assert!(SESSIONS.iter().all(|session| traces.iter().any(|(name, _)| name.starts_with(session))));
    let specimen = ["rate-limit.careful.1", "rate-limit.hasty.1", "too-long.careful.1", "too-long.hasty.1"];
    traces.extend(specimen.map(|name| (name.to_owned(), specimen_of(name))));
    traces.extend(
        super::cases().into_iter().map(|(file, case)| (format!("{file}: {}", case.case), tiny::build(&case).trace)),
    );
    let paths: Vec<_> = (0..traces.len()).map(|at| folder.path().join(format!("{at}.jsonl"))).collect();
    for ((_, trace), path) in traces.iter().zip(&paths) {
        write_trace(path, trace).unwrap();
    }
    let Some(counted) = recount(&paths) else { return };
    let (mut wrong, mut numbers): (Vec<String>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    for ((name, trace), path) in traces.iter().zip(&paths) {
        let facts = metrics::read(trace, Given::default(), Table::shipped());
        for (id, theirs) in &counted[path.to_str().unwrap()] {
            let ours = (metrics::named(id).unwrap().of)(&facts);
            numbers.extend(ours.number().map(|_| id.clone()));
            if !same(&ours, theirs) {
                wrong.push(format!("{name}: {id} is {ours:?}, recounted {theirs}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(numbers.len() >= 20, "only {numbers:?} had a number anywhere");
}

fn specimen_of(name: &str) -> Trace {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("reports/specimen/traces/{name}.jsonl"));
    evalrun::store::read_trace(&path).unwrap()
}

fn same(ours: &Measured, theirs: &Value) -> bool {
    match (ours, theirs.as_f64()) {
        (Measured::Value(reading), Some(theirs)) => (reading.value - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
        (Measured::Undefined(_), None) => theirs == "undefined",
        (Measured::Unknown(_), None) => theirs == "unknown",
        (Measured::Value(_), None) | (Measured::Undefined(_) | Measured::Unknown(_), Some(_)) => false,
    }
}

fn recount(paths: &[std::path::PathBuf]) -> Option<BTreeMap<String, Counted>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recount.py");
    match Command::new("python3").arg("-I").arg(script).args(paths).output() {
        Ok(run) => {
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            Some(serde_json::from_slice(&run.stdout).unwrap())
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "python3 does not run ({error}), and CI must not skip this");
            println!("skipped: python3 does not run: {error}");
            None
        }
    }
}
