//! `evalrun calibrate`, as a user calls it: what it says of the files in `fixtures/labels` is what the oracles say.

use super::bed::Bed;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The bed's folder holds the files of `fixtures/labels`.
fn bed() -> Bed {
    let bed = Bed::new();
    for entry in fs::read_dir(fixture("labels")).unwrap().map(Result::unwrap) {
        bed.write(entry.file_name().to_str().unwrap(), fs::read(entry.path()).unwrap());
    }
    bed
}

fn numbers(args: &[&str]) -> Value {
    let ran = bed().run(&[&["calibrate", "--json"], args].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

fn oracle(file: &str, id: &str) -> Value {
    let file: Value =
        serde_json::from_str(&fs::read_to_string(fixture(&format!("oracles/{file}.json"))).unwrap()).unwrap();
    file["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap()["expect"].clone()
}

fn near(found: &Value, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

#[test]
fn three_kappas_as_the_oracle_has_them() {
    let found = numbers(&["--labels", "five-levels.csv", "--judge", "bot", "--scale", "1,2,3,4,5", "--pass-at", "4"]);
    let (agreement, expected) = (&found["whole"]["agreement"], oracle("agreement", "kappa_5x5"));
    near(&agreement["kappa"]["value"], &expected["kappa"], 1e-9);
    near(&agreement["kappa_linear"]["value"], &expected["linear"], 1e-9);
    near(&agreement["kappa_quadratic"]["value"], &expected["quadratic"], 1e-9);
    let half = expected["se_kappa"].as_f64().unwrap() * 1.959_963_984_540_054;
    near(&agreement["kappa"]["low"], &json!(expected["kappa"].as_f64().unwrap() - half), 1e-9);
    near(&agreement["raw"]["value"], &oracle("agreement", "rank_corr_5x5")["exact_agreement"], 1e-9);
    assert_eq!(found["pass_at"], "4");
    assert_eq!(found["people"], json!(["ann"]));
    assert_eq!(found["whole"]["ceiling"], Value::Null);
    assert_eq!(found["whole"]["light"]["colour"], "amber");
    let notes = found["notes"].to_string();
    assert!(notes.contains("no item was decided by two people"), "{notes}");
}

#[test]
fn a_rare_label_shows_why_kappa_never_stands_alone() {
    let found = numbers(&["--labels", "rare-label.csv", "--judge", "bot"]);
    let (agreement, expected) = (&found["whole"]["agreement"], oracle("agreement", "kappa_paradox_90_4_5_1"));
    near(&agreement["raw"]["value"], &expected["po"], 1e-9);
    near(&agreement["kappa"]["value"], &expected["kappa"], 1e-9);
    near(&agreement["kappa"]["low"], &expected["ci95"][0], 1e-9);
    near(&agreement["kappa"]["high"], &expected["ci95"][1], 1e-9);
    near(&agreement["gwet_ac1"]["value"], &expected["gwet_ac1"], 1e-9);
    near(&agreement["krippendorff_alpha"], &oracle("agreement", "kripp_paradox_2"), 1e-9);
    near(&agreement["prevalence"][0], &json!(0.94), 1e-9);
    assert_eq!(found["whole"]["light"]["colour"], "red");
}

#[test]
fn verdicts_may_stand_elsewhere_and_splits_are_read_on_their_own() {
    let found = numbers(&["--labels", "confusion.people.csv", "--verdicts", "confusion.judge.jsonl"]);
    let (confusion, expected) = (&found["whole"]["confusion"], oracle("agreement", "confusion"));
    let counts = ["true_pass", "false_pass", "false_fail", "true_fail"].map(|name| confusion[name].as_u64().unwrap());
    assert_eq!(counts, [42, 6, 8, 44]);
    for name in ["sensitivity", "specificity", "balanced_accuracy"] {
        near(&confusion[name]["value"], &expected[name], 1e-9);
        assert!(confusion[name]["low"].as_f64() < confusion[name]["value"].as_f64());
    }
    for name in ["precision", "f1", "macro_f1", "mcc"] {
        near(&confusion[name], &expected[name], 1e-9);
    }
    near(&found["whole"]["agreement"]["bias"], &json!(-0.02), 1e-9);
    // 0.1^2 * 42, 0.9^2 * 6, 0.8^2 * 8, 0.2^2 * 44 over 100.
    near(&found["whole"]["probabilities"]["brier"], &json!(0.1216), 1e-9);
    let compared = |split: &str| found["splits"][split]["items"]["compared"].as_u64().unwrap();
    assert_eq!((compared("dev"), compared("test")), (50, 50));
    assert!(found["splits"]["dev"]["agreement"]["kappa"]["low"].is_number());
}

#[test]
fn the_corrected_rate_stands_beside_the_raw_one() {
    let found = numbers(&["--labels", "rate.people.csv", "--verdicts", "rate.judge.csv"]);
    let (rates, expected) = (&found["whole"]["rates"], oracle("calibration", "ppi_mean"));
    near(&rates["corrected"]["value"], &expected["ppi_plus"]["theta"], 1e-9);
    near(&rates["corrected"]["low"], &expected["ppi_plus"]["ci95"][0], 1e-9);
    near(&rates["corrected"]["high"], &expected["ppi_plus"]["ci95"][1], 1e-9);
    near(&rates["corrected"]["weight"], &expected["lam_opt_closed_form"], 1e-9);
    near(&rates["people"]["value"], &expected["human_only_mean"], 1e-9);
    near(&rates["raw"]["value"], &json!((9.0 + 70.0) / 112.0), 1e-9);
    let alone = numbers(&["--labels", "rare-label.csv", "--judge", "bot"]);
    assert_eq!(alone["whole"]["rates"]["corrected"], Value::Null);
    assert!(alone["whole"]["rates"]["why_not"].as_str().unwrap().contains("people labelled all"));
}

#[test]
fn people_agree_with_each_other_as_the_oracle_says() {
    let found = numbers(&["--labels", "four-people.csv", "--judge", "bot", "--scale", "1,2,3,4,5"]);
    let ceiling = &found["whole"]["ceiling"];
    near(&ceiling["krippendorff_alpha"], &oracle("agreement", "kripp_nominal_canonical"), 1e-9);
    near(&ceiling["gwet_ac1"], &oracle("agreement", "ac1_canonical_missing")["est"], 6e-6);
    assert_eq!((&ceiling["raters"], &ceiling["items"]), (&json!(4), &json!(11)));
    // One item is labelled 1, 2, 3 and 4; one has a single label.
    assert_eq!(found["whole"]["items"]["people_undecided"], 1);
    assert_eq!(found["whole"]["items"]["compared"], 11);
    assert!(ceiling["judge_kappa"].is_number() && ceiling["kappa"].is_number());
}

#[test]
fn the_first_error_and_the_order_of_things_are_looked_at_where_given() {
    let found = numbers(&["--labels", "steps.csv", "--judge", "bot"]);
    let first = &found["whole"]["first_error"];
    assert_eq!((&first["same"]["value"], &first["same"]["of"]), (&json!(0.5), &json!(4)));
    assert_eq!((&first["too_early"], &first["too_late"]), (&json!(1), &json!(1)));
    assert_eq!(found["whole"]["items"]["compared"], 14);
    let found = numbers(&["--labels", "swapped.jsonl", "--judge", "bot"]);
    let swap = &found["whole"]["swap_consistency"];
    assert_eq!((&swap["value"], &swap["of"]), (&json!(0.8), &json!(5)));
    assert_eq!(found["whole"]["items"]["judge_undecided"], 1);
}

#[test]
fn the_light_goes_by_the_lower_bound() {
    let bed = Bed::new();
    let light = |cells: [usize; 4]| {
        let said = [("pass", "pass"), ("fail", "pass"), ("pass", "fail"), ("fail", "fail")];
        let pairs = cells.iter().zip(said).flat_map(|(count, pair)| std::iter::repeat_n(pair, *count));
        let row = |(at, (truth, verdict)): (usize, (&str, &str))| format!("i{at},ann,{truth}\ni{at},bot,{verdict}\n");
        let rows: String = pairs.enumerate().map(row).collect();
        bed.write("labels.csv", format!("item,rater,label\n{rows}"));
        let ran = bed.run(&["calibrate", "--labels", "labels.csv", "--judge", "bot", "--json"]);
        let found: Value = serde_json::from_str(&ran.out).unwrap();
        found["whole"]["light"]["colour"].as_str().unwrap().to_owned()
    };
    assert_eq!(light([100, 5, 5, 90]), "green");
    assert_eq!(light([50, 0, 0, 50]), "green", "perfect agreement has a bound all the same");
    assert_eq!(light([10, 0, 0, 10]), "amber", "but not on so few items");
    assert_eq!(light([42, 6, 8, 44]), "amber");
    assert_eq!(light([20, 10, 5, 15]), "red");
    assert_eq!(light([50, 50, 0, 0]), "red", "a judge that passes everything");
    assert_eq!(light([50, 0, 0, 0]), "none");
}

#[test]
fn what_a_person_reads() {
    let bed = bed();
    let mut text = String::new();
    for args in [
        &["--labels", "confusion.people.csv", "--verdicts", "confusion.judge.jsonl"][..],
        &["--labels", "rate.people.csv", "--verdicts", "rate.judge.csv", "--judge", "judge"],
        &["--labels", "four-people.csv", "--judge", "bot", "--scale", "1,2,3,4,5"],
        &["--labels", "steps.csv", "--judge", "bot"],
    ] {
        let ran = bed.run(&[&["calibrate"], args].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
        text.push_str(&format!("$ evalrun calibrate {}\n{}\n", args.join(" "), ran.out));
    }
    insta::assert_snapshot!("calibrate", text);
}

#[test]
fn everything_wrong_is_said_at_once_with_its_line() {
    let bed = bed();
    bed.write("no-column.csv", "item,label\ni1,pass\n");
    bed.write("not-json.jsonl", "{\"item\": \"a\", \"rater\": \"ann\", \"label\": 1}\n[1]\n{\"item\": \"b\"}\n");
    bed.write("other.csv", "item,rater,label\nelsewhere,bot,pass\n");
    bed.write("empty.csv", "");
    bed.write("header.csv", "item,rater,label\n");
    bed.write("bytes.csv", b"item,rater,label\ni1,ann,\xff\n");
    bed.write("two.csv", "item,rater,label\ni1,ann,pass\ni1,bob,pass\n");
    let mut text = String::new();
    for args in [
        &["--labels", "wrong.csv", "--judge", "bot"][..],
        &["--labels", "no-column.csv", "--judge", "bot"],
        &["--labels", "not-json.jsonl", "--judge", "bot"],
        &["--labels", "empty.csv", "--judge", "bot"],
        &["--labels", "header.csv", "--judge", "bot"],
        &["--labels", "bytes.csv", "--judge", "bot"],
        &["--labels", "gone.csv", "--judge", "bot"],
        &["--labels", "two.csv"],
        &["--labels", "two.csv", "--judge", "bot"],
        &["--labels", "two.csv", "--verdicts", "two.csv"],
        &["--labels", "two.csv", "--verdicts", "other.csv"],
        &["--labels", "two.csv", "--judge", "bob", "--scale", "one"],
        &["--labels", "two.csv", "--judge", "bob", "--scale", "fail,pass", "--pass-at", "fail"],
        &["--labels", "two.csv", "--judge", "bob", "--pass-at", "fail"],
        &["--labels", "two.csv", "--judge", "bob", "--scale=-1,0,1"],
    ] {
        let ran = bed.run(&[&["calibrate"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        text.push_str(&format!("$ evalrun calibrate {}\n{}\n", args.join(" "), ran.err));
    }
    insta::assert_snapshot!("calibrate_wrong", text);
}

#[test]
fn verdicts_of_a_run_are_its_judge_criteria() {
    let score = |criterion: &str, outcome: &str, value: Value| json!({"dimension": "communication", "criterion": criterion, "outcome": outcome, "value": value, "weight": 1.0, "why": "", "cites": []});
    let trial = |n: u32, scores: Value| {
        json!({"id": format!("bugfix/ann/{n}"), "task": "bugfix", "agent": "ann", "trial": n, "twin": false, "passed": null,
               "end": {"kind": "done"}, "stages": [], "metrics": {}, "scores": scores, "interview": null,
               "usage": {"scope": "turn", "input": 0, "output": 0}, "wall_ms": 0})
    };
    let (judged, ruled) = judge_and_rule_criteria();
    let trials = [("scored", json!(1.0)), ("scored", json!(0.0)), ("unknown", Value::Null), ("not_asked", Value::Null)];
    let trials: Vec<Value> = (1..)
        .zip(trials)
        .map(|(n, (outcome, value))| {
            trial(n, json!([score(&judged, outcome, value), score(&ruled, "scored", json!(1.0))]))
        })
        .collect();
    let results = json!({"version": 1, "run": "r", "suite": "s", "started": "", "finished": "", "exit": 0, "agents": [],
                         "trials": trials, "not_run": [], "gates": []});
    let bed = Bed::new();
    bed.write("run/results.json", results.to_string());
    let label = |n: u32, label: &str| format!("bugfix/ann/{n}/{judged},ann,{label}\n");
    bed.write("labels.csv", format!("item,rater,label\n{}{}{}", label(1, "met"), label(2, "not_met"), label(3, "met")));
    let ran = bed.run(&["calibrate", "--labels", "labels.csv", "--verdicts", "run", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let items = json!({"compared": 2, "people_undecided": 0, "judge_undecided": 1, "not_judged": 0, "unlabelled": 0});
    assert_eq!(found["whole"]["items"], items);
    bed.write("rules/results.json", results.to_string().replace(&judged, "no_such_criterion"));
    let ran = bed.run(&["calibrate", "--labels", "labels.csv", "--verdicts", "rules"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("holds no verdict of a judge"), "{}", ran.err);
}

/// The first criterion of each kind in the shipped `communication`.
fn judge_and_rule_criteria() -> (String, String) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("graders/communication.yaml")).unwrap();
    let file: Value = serde_yaml::from_str(&text).unwrap();
    let first = |key: &str| {
        let criteria = file["criteria"].as_array().unwrap();
        criteria.iter().find(|one| one.get(key).is_some()).unwrap()["id"].as_str().unwrap().to_owned()
    };
    (first("judge"), first("rule"))
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// Whatever stands in a file: it is read, or its mistakes are told by line; and what is read comes to finite numbers.
    #[test]
    fn no_file_of_labels_does_harm(text in "(item,rater,label(,score|,step|,order|,split)?\n)?([a-c\"{},\u{1b}0-9. ]{0,6},(ann|bot|bob),(pass|fail|unknown|[01])(,[0-9a-z.]{0,3})?\n){0,12}") {
        use evalrun::calibrate::{Scale, Whose, calibrate, rows, units, words};
        let scale = Scale::pass_fail();
        match rows(&text, &scale, Whose::People) {
            Err(mistakes) => proptest::prop_assert!(!mistakes.is_empty() && mistakes.iter().all(|one| one.line >= 1)),
            Ok(rows) => {
                let (judge, people): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.rater == "bot");
                let found = calibrate(&units(&people, &judge), "bot", &scale);
                let (json, said) = (serde_json::to_string(&found).unwrap(), words(&found));
                let harm = ["NaN", "inf", "\u{1b}"].into_iter().find(|sign| said.contains(sign));
                proptest::prop_assert_eq!(harm, None);
                proptest::prop_assert!(serde_json::from_str::<Value>(&json).is_ok());
            }
        }
    }
}
