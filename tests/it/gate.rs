//! The gate: every file of `fixtures/gate` decides as written; what must hold whatever the scores are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::gate::{GateError, Gated, Given, Must, Plan, ScoreRule, Shares, TaskScores, Verdict, gate};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, path::Path};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "about")]
    _about: String,
    given: Value,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    verdict: Verdict,
    exit: i32,
    rules: Vec<Verdict>,
    /// Parts of the notes, in order.
    #[serde(default)]
    notes: Vec<String>,
    /// Beginnings of the rules' reasons.
    #[serde(default)]
    why: Vec<String>,
    #[serde(default)]
    buy: Vec<String>,
    /// The tasks of the first `next`.
    #[serde(default)]
    look: Vec<String>,
}

#[test]
fn every_case_decides_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gate");
    let mut wrong = Vec::new();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "yaml"));
    assert!(!files.is_empty());
    for path in files {
        let case: Case = serde_yaml::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found = gate(&spelled_out(case.given)).unwrap();
        if let Err(why) = as_written(&found, &case.expect) {
            wrong.push(format!("{}: {why}\n{found:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn as_written(found: &Gated, expect: &Expect) -> Result<(), String> {
    let same = |name: &str, found: Value, expected: Value| {
        if found == expected { Ok(()) } else { Err(format!("{name} is {found}, expected {expected}")) }
    };
    same("verdict", json!(found.verdict), json!(expect.verdict))?;
    same("exit", json!(found.exit), json!(expect.exit))?;
    same("rules", found.rules.iter().map(|rule| json!(rule.verdict)).collect(), json!(expect.rules))?;
    same("buy", found.next.iter().map(|next| json!(next.buy)).collect(), json!(expect.buy))
        .or_else(|why| if expect.buy.is_empty() { Ok(()) } else { Err(why) })?;
    let look: Vec<String> =
        found.next.first().and_then(|next| next.look.clone()).map(|look| look.tasks).unwrap_or_default();
    same("look", json!(look), json!(expect.look))?;
    let notes = found.notes.len() == expect.notes.len();
    if !notes || found.notes.iter().zip(&expect.notes).any(|(note, part)| !note.contains(part.as_str())) {
        return Err(format!("notes are {:?}, expected {:?}", found.notes, expect.notes));
    }
    let begins = |(rule, why): (&evalrun::gate::RuleVerdict, &String)| rule.why.starts_with(why.as_str());
    if found.rules.iter().zip(&expect.why).all(begins) { Ok(()) } else { Err("another reason".to_owned()) }
}

/// `t01: [[1], [0]]` is a task with its new and baseline scores.
fn spelled_out(mut given: Value) -> Given {
    for rule in given.get_mut("scores").and_then(Value::as_array_mut).into_iter().flatten() {
        let tasks = rule["tasks"].as_object().unwrap().iter();
        let long: Vec<Value> =
            tasks.map(|(task, sides)| json!({"task": task, "new": sides[0], "baseline": sides[1]})).collect();
        rule["tasks"] = long.into();
    }
    serde_json::from_value(given).unwrap()
}

/// What people and programs read, whole.
#[test]
fn the_verdict_as_data() {
    let tasks = [([1.0, 1.0, 0.0], [1.0; 3]), ([0.0; 3], [1.0, 0.0, 1.0]), ([1.0; 3], [1.0; 3]), ([1.0; 3], [0.0; 3])];
    let rule = ScoreRule {
        rule: "outcome no worse by 0.1".to_owned(),
        must: Must::NoWorseBy { margin: 0.1, strict: false },
        tasks: tasks.iter().enumerate().map(|(nth, (new, old))| task(nth, new, old)).collect(),
    };
    insta::assert_json_snapshot!(gate(&given(vec![rule])).unwrap());
}

#[test]
fn what_is_no_gate_is_refused() {
    let with = |must: Must, score: f64| {
        given(vec![ScoreRule {
            rule: "r".to_owned(),
            must,
            tasks: vec![task(0, &[score], &[1.0]), task(1, &[1.0], &[1.0])],
        }])
    };
    let usual = Must::NoWorseBy { margin: 0.1, strict: false };
    assert!(gate(&with(usual, 1.0)).is_ok());
    assert!(matches!(gate(&with(usual, f64::NAN)), Err(GateError::Score { .. })));
    assert!(matches!(gate(&with(usual, 1.5)), Err(GateError::Score { .. })));
    assert!(matches!(gate(&with(Must::NoWorseBy { margin: 0.0, strict: true }, 1.0)), Err(GateError::Line { .. })));
    assert!(matches!(gate(&with(Must::AtLeast(f64::NAN), 1.0)), Err(GateError::Line { .. })));
    for plan in [vec![], vec![0], vec![2, 2], vec![1, 2, 3, 4]] {
        let refused = Given { plan: Plan { alpha: 0.05, looks: plan, at: 0 }, ..with(usual, 1.0) };
        assert!(matches!(gate(&refused), Err(GateError::Looks(_))));
    }
    let unplanned = Given { plan: Plan { alpha: 0.05, looks: vec![2], at: 1 }, ..with(usual, 1.0) };
    assert!(matches!(gate(&unplanned), Err(GateError::Unplanned { at: 2, planned: 1 })));
    let alpha = Given { plan: Plan { alpha: 0.0, looks: vec![2], at: 0 }, ..with(usual, 1.0) };
    assert!(matches!(gate(&alpha), Err(GateError::Alpha(_))));
}

fn task(nth: usize, new: &[f64], baseline: &[f64]) -> TaskScores {
    TaskScores { task: format!("t{nth}"), new: new.to_vec(), baseline: baseline.to_vec() }
}

fn given(scores: Vec<ScoreRule>) -> Given {
    Given {
        measured: Shares { valid_trials: Some(1.0), coverage: Some(1.0) },
        floors: Shares::default(),
        hard: Vec::new(),
        scores,
        plan: Plan { alpha: 0.05, looks: vec![3], at: 0 },
        inconclusive: None,
    }
}

fn tasks() -> impl Strategy<Value = Vec<TaskScores>> {
    let side = || prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64], 0..4);
    prop::collection::vec((side(), side()), 0..12)
        .prop_map(|tasks| tasks.iter().enumerate().map(|(nth, (new, old))| task(nth, new, old)).collect())
}

/// Failed, undecided, passed: the larger the better.
fn place(verdict: Verdict) -> Option<u8> {
    match verdict {
        Verdict::Failed => Some(0),
        Verdict::Inconclusive => Some(1),
        Verdict::Passed => Some(2),
        Verdict::InsufficientData | Verdict::MeasurementBroken | Verdict::NoBaseline => None,
    }
}

fn decided(must: Must, tasks: &[TaskScores], looks: &[u32]) -> Gated {
    let rule = ScoreRule { rule: "r".to_owned(), must, tasks: tasks.to_vec() };
    gate(&Given { plan: Plan { alpha: 0.05, looks: looks.to_vec(), at: 0 }, ..given(vec![rule]) }).unwrap()
}

proptest! {
    /// A wider margin never makes a verdict worse.
    #[test]
    fn the_verdict_is_monotone_in_the_margin(tasks in tasks(), a in 0.01..0.9f64, b in 0.01..0.9f64, strict: bool) {
        let (narrow, wide) = (a.min(b), a.max(b));
        for looks in [&[3][..], &[2, 3][..]] {
            let at = |margin: f64| place(decided(Must::NoWorseBy { margin, strict }, &tasks, looks).verdict);
            prop_assert!(at(narrow) <= at(wide));
            let line = |line: f64| place(decided(Must::AtLeast(line), &tasks, looks).verdict);
            prop_assert!(line(wide) <= line(narrow));
        }
    }

    /// The order of tasks decides nothing where there is one look, and what comes out is a number or nothing.
    #[test]
    fn order_does_not_matter_and_nothing_is_nan(tasks in tasks(), by in 0usize..12) {
        let must = Must::NoWorseBy { margin: 0.1, strict: false };
        let mut turned = tasks.clone();
        turned.rotate_left(if tasks.is_empty() { 0 } else { by % tasks.len() });
        let (one, other) = (decided(must, &tasks, &[3]), decided(must, &turned, &[3]));
        prop_assert_eq!((one.verdict, one.exit), (other.verdict, other.exit));
        for rule in &one.rules {
            let numbers = [rule.estimate, rule.low, rule.high, rule.margin, rule.alpha_used];
            prop_assert!(numbers.into_iter().flatten().all(f64::is_finite));
            if let (Some(low), Some(high)) = (rule.low, rule.high) {
                prop_assert!(low < high);
            }
        }
        let again: Gated = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
        prop_assert_eq!(again, one);
    }

    /// Changes by task are listed and decide nothing: one task that fell beside many that stayed does not fail a gate.
    #[test]
    fn one_task_never_fails_a_gate(n in 8usize..30) {
        let tasks: Vec<TaskScores> = (0..n).map(|nth| task(nth, &[f64::from(u8::from(nth > 0)); 3], &[1.0; 3])).collect();
        let found = decided(Must::NoWorseBy { margin: 0.02, strict: true }, &tasks, &[3]);
        prop_assert_ne!(found.verdict, Verdict::Failed);
        prop_assert_eq!(found.changes.len(), 1);
    }
}
