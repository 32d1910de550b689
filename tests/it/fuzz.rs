//! The inputs that fuzzing keeps, `fixtures/fuzz/<target>/`, through the same functions that are fuzzed. A file dropped there is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

// Where an input comes from matters to the fuzzer alone.
#[allow(dead_code)]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::{fs, path::Path};
use targets::{TARGETS, Target};

fn replay(name: &str) {
    let target: &Target = TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty() && files.len() <= 60, "{name}: {} inputs", files.len());
    let mut bytes = 0;
    for path in &files {
        let input = fs::read(path).unwrap();
        bytes += input.len();
        // Its name is what a failure should say first.
        assert!(input.len() <= target.most, "{}: longer than any input", path.display());
        let outcome = std::panic::catch_unwind(|| (target.run)(&input));
        assert!(outcome.is_ok(), "{} fails", path.display());
    }
    assert!(bytes <= 220_000, "{name}: {bytes} bytes");
}

macro_rules! replayed {
    ($($name:ident),*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_target_is_replayed() {
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), [$(stringify!($name)),*]);
            assert!(TARGETS.iter().all(|target| !target.words.is_empty() && !target.seeds.is_empty()));
        }
    };
}

replayed!(shell, trace, codex_rollout, claude_session, swe_together, questions, suite);

/// What a line runs inside a script that it hands on is told once.
#[test]
fn substitutions_of_a_script_in_a_script_are_told_once() {
    let deeds = |line| {
        let deeds = evalrun::acts::deeds_of_line(line, evalrun::acts::Table::shipped());
        deeds.into_iter().map(|deed| deed.program).collect::<Vec<_>>()
    };
    assert_eq!(deeds(r#"bash -c "rg x $(git diff)""#), ["rg", "git"]);
    assert_eq!(deeds(r#"bash -c 'rg x $(git diff)'"#), ["rg", "git"]);
}
