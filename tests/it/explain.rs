//! `evalrun explain`: what it says of sessions, of a run, and of what it does not know.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::{
    bed::Bed,
    tiny::{self, Built, Case},
};
use evalrun::{
    metrics::{
        self, Facts, METRICS,
        explain::{Mark, explain},
        explain_rows::{Scene, rows},
        explain_table::{OWN, looks_at},
    },
    model::{score::Measured, trace::Trace},
    reporters::{
        explain::{self as words, Subject},
        explain_json::to_value,
        terminal::Colour,
    },
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn folder(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

fn sessions() -> Vec<(String, Case)> {
    let read = |path: &PathBuf| {
        let case = serde_yaml::from_str(&fs::read_to_string(path).unwrap());
        let case = case.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), case)
    };
    folder("explain").iter().map(read).collect()
}

/// Every small session that the metrics are tested with, and those written for this.
fn all_cases() -> Vec<Case> {
    let read = |path: &PathBuf| -> Vec<Case> { serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    let mut cases: Vec<Case> = folder("metrics").iter().flat_map(read).collect();
    cases.extend(sessions().into_iter().map(|(_, case)| case));
    cases
}

fn unsuperseded(trace: &Trace) -> Trace {
    let mut whole = trace.clone();
    whole.events.iter_mut().for_each(|event| event.superseded = false);
    whole
}

/// What is said of some metrics of a session.
fn said(built: &Built, ids: &[&str], width: usize) -> String {
    let whole = Built {
        trace: unsuperseded(&built.trace),
        task: built.task.clone(),
        twin: built.twin,
        names: built.names.clone(),
        diffs: built.diffs.clone(),
    };
    let (facts, whole) = (tiny::facts(built), tiny::facts(&whole));
    let case = case(built, &facts, &whole);
    let text = |id: &&str| words::text(&case, Subject::Metric(metrics::named(id).unwrap()), (width, Colour::No));
    ids.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn case<'a>(built: &'a Built, facts: &'a Facts<'a>, whole: &'a Facts<'a>) -> words::Case<'a> {
    words::Case {
        id: "tiny/tester/1",
        trace: &built.trace,
        facts,
        whole: Some(whole),
        scores: &[],
        criteria: &[],
        notes: &[],
    }
}

#[test]
fn every_session_is_explained_as_read() {
    let mut wrong = Vec::new();
    for (name, case) in sessions() {
        let built = tiny::build(&case);
        let facts = tiny::facts(&built);
        for (id, expected) in &case.expect {
            let metric = metrics::named(id).unwrap_or_else(|| panic!("{name}: no metric `{id}`"));
            let found = tiny::word(&(metric.of)(&facts));
            if &found != expected {
                wrong.push(format!("{name}: {id} is {found}, expected {expected}"));
            }
        }
        let ids: Vec<&str> = case.expect.keys().map(String::as_str).collect();
        insta::assert_snapshot!(name, said(&built, &ids, 100));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_has_a_class_and_every_entry_a_metric() {
    let ids: BTreeSet<&str> = METRICS.iter().map(|metric| metric.id).collect();
    let own: BTreeSet<&str> = OWN.iter().map(|(id, ..)| *id).collect();
    assert_eq!(own.len(), OWN.len(), "an entry stands twice");
    let strangers: Vec<&&str> = own.difference(&ids).collect();
    assert!(strangers.is_empty(), "no metric is called {strangers:?}");
    for metric in METRICS {
        assert!(!looks_at(metric).at.is_empty(), "{}", metric.id);
        assert!(looks_at(metric).at.iter().all(|(_, rest)| !rest.is_empty()), "{}", metric.id);
    }
}

/// A metric that nobody wrote an entry for is explained by what its behaviour looks at.
#[test]
fn a_new_metric_needs_no_entry() {
    let known = |behaviour: &'static str| metrics::Metric {
        id: "nobody_knows_it",
        behaviour,
        unit: "count",
        range: ">= 0",
        doc: "",
        undefined: "never",
        unknown: "never",
        fails: "",
        of: |_| Measured::value(0.0),
    };
    let behaviours: BTreeSet<&str> = METRICS.iter().map(|metric| metric.behaviour).collect();
    for behaviour in behaviours.into_iter().chain(["long_run", "unheard_of"]) {
        assert!(!looks_at(&known(behaviour)).at.is_empty(), "{behaviour}");
    }
}

/// A reason that an event which counted bears as well would explain nothing.
#[test]
fn no_event_that_counted_bears_a_reason_against_it() {
    let mut wrong = BTreeSet::new();
    for case in all_cases() {
        let built = tiny::build(&case);
        let facts = tiny::facts(&built);
        let scene = Scene::of(&facts);
        for metric in METRICS {
            let Measured::Value(reading) = (metric.of)(&facts) else { continue };
            let looks = looks_at(metric);
            let members: Vec<_> = looks.at.iter().flat_map(|(class, _)| rows(*class, &scene)).collect();
            // Nothing came before it: the first edit stands for what is missing.
            let missing = facts.first_edit().map(|edit| edit.at.0).filter(|_| reading.value == 0.0);
            for event in reading.cites.iter().filter(|event| Some(**event) != missing) {
                let own: Vec<_> = members.iter().filter(|row| row.event == *event).collect();
                let barred = |row: &&evalrun::metrics::explain_rows::Row| {
                    row.out.is_some() || row.bars.iter().any(|(bar, _)| looks.bars.contains(bar))
                };
                if !own.is_empty() && own.iter().all(barred) {
                    let bars: Vec<_> = own.iter().flat_map(|row| &row.bars).map(|(bar, _)| *bar).collect();
                    wrong.insert(format!("{}: {event} of `{}` bears {bars:?}", metric.id, case.case));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Counted are exactly the cited events, in order; every other one says why not.
#[test]
fn counted_is_what_is_cited() {
    for case in all_cases() {
        let built = tiny::build(&case);
        let whole = Built {
            trace: unsuperseded(&built.trace),
            task: built.task.clone(),
            twin: built.twin,
            names: built.names.clone(),
            diffs: built.diffs.clone(),
        };
        let (facts, whole) = (tiny::facts(&built), tiny::facts(&whole));
        for metric in METRICS {
            let explained = explain(metric, &facts, Some(&whole));
            let counted: Vec<_> =
                explained.seen.iter().filter(|seen| seen.mark == Mark::Counted).map(|seen| seen.event).collect();
            let cited: BTreeSet<_> = match &explained.measured {
                Measured::Value(reading) => reading.cites.iter().copied().collect(),
                Measured::Undefined(_) | Measured::Unknown(_) => BTreeSet::new(),
            };
            assert_eq!(counted, cited.into_iter().collect::<Vec<_>>(), "{}: {}", case.case, metric.id);
            for seen in explained.seen {
                if let Mark::Near(why) = seen.mark {
                    assert!(!why.is_empty(), "{}: {} {}", case.case, metric.id, seen.event);
                }
            }
        }
    }
}

const EVIL: &str = "\u{1b}[31mred\u{1b}]0;title\u{7} \u{202e}backwards\u{2066} \u{9b}2J\r\u{0}\u{feff}end";

fn hostile() -> Built {
    let step = |value: Value| value.as_object().unwrap().clone();
    let huge = "x".repeat(50_000);
    let trace = vec![
        step(serde_json::json!({ "user": EVIL })),
        step(serde_json::json!({ "say": format!("How many {EVIL}?") })),
        step(serde_json::json!({ "user": "go" })),
        step(serde_json::json!({ "edit": format!("src/{EVIL}.py"), "old": "a", "new": "b" })),
        step(serde_json::json!({ "edit": format!("src/{huge}.py"), "old": "a", "new": "b" })),
        step(serde_json::json!({ "shell": format!("pytest {EVIL} {huge}"), "out": EVIL })),
        step(serde_json::json!({ "plan": [format!("> {EVIL} {huge}"), format!("- {EVIL}")] })),
        step(serde_json::json!({ "shell": "git diff", "by": EVIL })),
        step(serde_json::json!({ "say": format!("Done {EVIL} {huge}") })),
    ];
    let case = serde_json::json!({ "case": "hostile", "trace": trace });
    tiny::build(&serde_json::from_value(case).unwrap())
}

fn is_safe(text: &str, width: usize) {
    let bad = |sign: &char| {
        sign.is_control() && *sign != '\n'
            || matches!(*sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(bad), None);
    let wide = text.lines().find(|line| line.chars().count() > width);
    assert_eq!(wide, None);
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let built = hostile();
    let ids: Vec<&str> = METRICS.iter().map(|metric| metric.id).collect();
    for width in [60, 100] {
        let text = said(&built, &ids, width);
        is_safe(&text, width);
        assert!(text.contains("␛[31mred␛]0;title"), "what is hidden is written out");
        assert!(text.len() < 400_000, "{} bytes", text.len());
    }
}

/// A session's file beside the binary.
fn bed_with(name: &str, trace: &Trace) -> Bed {
    let bed = Bed::new();
    evalrun::store::write_trace(&bed.path(name), trace).unwrap();
    bed
}

#[test]
fn a_recorded_session_is_explained_through_the_binary() {
    let (_, case) = sessions().into_iter().find(|(name, _)| name == "masked").unwrap();
    let bed = bed_with("masked.jsonl", &tiny::build(&case).trace);
    let ran = bed.run(&["explain", "masked.jsonl", "ends_green"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    insta::assert_snapshot!("binary_metric", ran.out);
    insta::assert_snapshot!("binary_dimension", bed.run(&["explain", "masked.jsonl", "self_checking"]).out);
    insta::assert_snapshot!(
        "binary_criterion",
        bed.run(&["explain", "masked.jsonl", "planning/plans_before_editing"]).out
    );
    let json: Value = serde_json::from_str(&bed.run(&["explain", "masked.jsonl", "ends_green", "--json"]).out).unwrap();
    assert_eq!((&json["trial"], &json["metric"], &json["value"]), (&"masked".into(), &"ends_green".into(), &1.into()));
    assert_eq!(json["counted"].as_array().unwrap().len(), 1);
    let why: Vec<&str> = json["near"].as_array().unwrap().iter().map(|near| near["why"].as_str().unwrap()).collect();
    for expected in [
        "a check, but its exit status is hidden by a pipe",
        "denied",
        "an edit of prose",
        "a file outside the workspace",
    ] {
        assert!(why.iter().any(|why| why.contains(expected)), "{expected}: {why:?}");
    }
    let undefined = bed.run(&["explain", "masked.jsonl", "plan_closure", "--json"]);
    let json: Value = serde_json::from_str(&undefined.out).unwrap();
    assert_eq!((undefined.code, &json["undefined"]), (Some(0), &"there was no plan".into()));
    assert!(!bed.path(".evalrun").exists(), "explain writes nothing");
    assert!(fs::read_dir(bed.path("tmp")).unwrap().next().is_none(), "explain leaves nothing");
}

#[test]
fn hostile_text_through_the_binary() {
    let bed = bed_with("evil.jsonl", &hostile().trace);
    for what in [
        &["explain", "evil.jsonl"][..],
        &["explain", "evil.jsonl", "check_after_last_edit"],
        &["explain", "evil.jsonl", "questions_asked"],
    ] {
        let ran = bed.run(what);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        is_safe(&ran.out, 100);
    }
    let refused = bed.run(&["explain", "evil.jsonl", "\u{1b}[31m\u{202e}"]);
    assert_eq!(refused.code, Some(2));
    is_safe(&refused.err, 400);
}

#[test]
fn a_trial_of_the_newest_run_is_explained() {
    let bed = Bed::tiny();
    let run = bed.run(&["suites/tiny.yaml", "--sandbox", "none", "--task", "milk"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let all = bed.run(&["explain", "milk/tidy/1"]);
    assert_eq!(all.code, Some(0), "{}", all.err);
    assert!(all.out.contains("\ninterview 1.00\n  = (3 x 1.00 + 1 x 1.00"), "{}", all.out);
    // The score of every dimension is that of the report.
    let json: Value = serde_json::from_str(&bed.run(&["explain", "milk/sloppy/2", "--json"]).out).unwrap();
    let folder = fs::read_dir(bed.path(".evalrun/runs")).unwrap().next().unwrap().unwrap().path();
    let results = bed.results(folder.to_str().unwrap());
    let trial = results["trials"].as_array().unwrap().iter().find(|trial| trial["id"] == "milk/sloppy/2").unwrap();
    let scores: usize =
        json["dimensions"].as_array().unwrap().iter().map(|found| found["criteria"].as_array().unwrap().len()).sum();
    assert_eq!(scores, trial["scores"].as_array().unwrap().len());
    for id in ["tool_calls", "final_message_words", "question_f1"] {
        let json: Value = serde_json::from_str(&bed.run(&["explain", "milk/sloppy/2", id, "--json"]).out).unwrap();
        assert!(trial["metrics"][id].is_number() && json["value"] == trial["metrics"][id], "{id}: {json}");
    }
    for typed in ["milk/tidy/1", "milk/t*/1", "milk/tidy/?"] {
        let ran = bed.run(&["explain", typed, "fact_recall"]);
        let fits_one = typed != "milk/tidy/?";
        assert_eq!(ran.code == Some(0), fits_one, "{typed}: {}", ran.err);
    }
    let named = bed.run(&["explain", "milk/tidy/2", "listed@tea", "--run", folder.to_str().unwrap()]);
    assert!(named.out.contains("listed@tea  1.00"), "{}{}", named.out, named.err);
    let mut said = String::new();
    for args in [
        &["milk"][..],
        &["cheese/tidy/1"],
        &["milk/tidy/1", "fact_recal"],
        &["milk/tidy/1", "quark"],
        &["milk/tidy/1", "question"],
    ] {
        let ran = bed.run(&[&["explain"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
        said.push_str(&format!("$ evalrun explain {}\n{}", args.join(" "), ran.err));
    }
    insta::assert_snapshot!("refused", said);
}

#[test]
fn graded_sessions_are_explained_by_name() {
    let (_, case) = sessions().into_iter().find(|(name, _)| name == "masked").unwrap();
    let bed = bed_with("masked.jsonl", &tiny::build(&case).trace);
    let graded = bed.run(&["grade", "masked.jsonl"]);
    assert_eq!(graded.code, Some(0), "{}", graded.err);
    let by_name = bed.run(&["explain", "masked", "ends_green"]);
    assert_eq!(by_name.out, bed.run(&["explain", "masked.jsonl", "ends_green"]).out);
    assert_eq!(by_name.code, Some(0), "{}", by_name.err);
}

#[test]
fn what_is_not_there_is_said() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("empty")).unwrap();
    bed.write("notes.txt", "buy milk\n");
    bed.write("two/a.jsonl", "{}\n");
    bed.write("two/b.jsonl", "{}\n");
    let mut said = String::new();
    for args in
        [&["milk/tidy/1"][..], &["absent.jsonl"], &["empty"], &["notes.txt"], &["two"], &["x", "--run", "empty"]]
    {
        let ran = bed.run(&[&["explain"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        let err = ran.err.replace(bed.path("").to_str().unwrap(), "BED/");
        said.push_str(&format!("$ evalrun explain {}\n{err}", args.join(" ")));
    }
    insta::assert_snapshot!("absent", said);
}

/// The JSON of every metric of a session has what is promised.
#[test]
fn the_json_has_what_is_promised() {
    let (_, case) = sessions().into_iter().find(|(name, _)| name == "asked").unwrap();
    let built = tiny::build(&case);
    let whole = Built {
        trace: unsuperseded(&built.trace),
        task: built.task.clone(),
        twin: built.twin,
        names: built.names.clone(),
        diffs: built.diffs.clone(),
    };
    let (facts, whole) = (tiny::facts(&built), tiny::facts(&whole));
    let shown = self::case(&built, &facts, &whole);
    for metric in METRICS {
        let json = to_value(&shown, Subject::Metric(metric));
        let values = ["value", "undefined", "unknown"].into_iter().filter(|key| !json[*key].is_null()).count();
        assert_eq!(values, 1, "{}", metric.id);
        for (list, words) in [("counted", "what"), ("near", "why")] {
            for row in json[list].as_array().unwrap() {
                assert!(row["event"].is_u64() && !row[words].as_str().unwrap().is_empty(), "{}: {row}", metric.id);
            }
        }
    }
}
