//! Planned looks of a gate, played by the real binary: when a run goes on, when it stops, and what a kill between two looks changes (nothing).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::{
    bed::{Bed, files, until},
    gates::project,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Eight tasks, one trial at first: with a baseline of four that is too little for a margin of 0.15, and two trials are enough.
fn planned() -> Bed {
    let bed = project();
    let text = fs::read_to_string(bed.path("evals/list.yaml")).unwrap();
    let text = text
        .replace("  floors:", "  trials: {start: 1, most: 4}\n  floors:")
        .replace("no_worse_by: 0.2", "no_worse_by: 0.15");
    bed.write("evals/list.yaml", text);
    let first = bed.run(&["evals/list.yaml", "--trials", "4", "--out", "runs/first"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(bed.run(&["baseline", "accept", "runs/first"]).code, Some(0));
    bed
}

const RUN: &str = "runs/looked";
const ARGS: &[&str] = &["evals/list.yaml", "--out", RUN];

fn look(bed: &Bed, nth: u32) -> Value {
    let path = bed.path(&format!("{RUN}/looks/lister/{nth}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_goes_on_to_the_look_that_decides() {
    let bed = planned();
    assert!(!bed.path("runs/first/looks").exists(), "whoever types the number of trials looks once");
    let ran = bed.run(ARGS);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.err.contains("8 trials of 1 agent, 1 of each task; where the gate is undecided, up to 2 or 4"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("lister: inconclusive at look 1 of 3 (1 trial per task); went on to the next"),
        "{}",
        ran.err
    );
    let results = bed.results(RUN);
    assert_eq!(results["trials"].as_array().unwrap().len(), 16);
    let expected = json!([
        {"agent": "lister", "look": 1, "of": 3, "trials": 1, "verdict": "inconclusive"},
        {"agent": "lister", "look": 2, "of": 3, "trials": 2, "verdict": "passed", "saved": 16},
    ]);
    assert_eq!(results["looks"], expected);
    let decided = "lister: passed at look 2 of 3 (2 trials per task); 16 trials of later looks were not needed";
    for said in [ran.out, text(&bed, "report.html"), text(&bed, "summary.md")] {
        let folded = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(folded.contains(decided), "{said}");
    }
    assert_eq!(look(&bed, 1)["gated"]["verdict"], "inconclusive");
    assert_eq!(
        (look(&bed, 1)["more"].as_array().unwrap().len(), look(&bed, 2)["more"].as_array().unwrap().len()),
        (8, 0)
    );
    assert!(!bed.path(&format!("{RUN}/looks/lister/3.json")).exists());
    insta::assert_snapshot!("gate_of_a_look", bed.run(&["gate", RUN]).out);
    // There is nothing left to do.
    let before = files(&bed.path(RUN).join("trials"));
    assert_eq!(bed.run(&["resume", RUN]).code, Some(0));
    assert!(files(&bed.path(RUN).join("trials")) == before);
}

fn text(bed: &Bed, name: &str) -> String {
    fs::read_to_string(bed.path(RUN).join(name)).unwrap()
}

#[test]
fn a_worse_agent_fails_at_the_first_look() {
    let bed = planned();
    bed.write("agents/lister.yaml", fs::read(bed.path("agents/sloppy.yaml")).unwrap());
    let ran = bed.run(ARGS);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let results = bed.results(RUN);
    assert_eq!(
        results["looks"],
        json!([{"agent": "lister", "look": 1, "of": 3, "trials": 1, "verdict": "failed", "saved": 24}])
    );
    assert_eq!(results["newly_failing"].as_array().unwrap().len(), 8);
    assert_eq!(
        results["newly_failing"][0],
        json!({"agent": "lister", "task": "count@anna", "baseline": {"passed": 4, "decided": 4}, "new": {"passed": 0, "decided": 1},
            "trial": "count@anna/lister/1"})
    );
    let summary = text(&bed, "summary.md");
    assert!(summary.contains("### Newly failing") && summary.contains("count\\@\u{200b}anna"), "{summary}");
    assert!(text(&bed, "report.html").contains("Newly failing"));
}

/// Every state that a kill can leave between two looks: files that count come whole or not at all.
#[test]
fn cut_off_between_two_looks_it_goes_on_with_the_same_ones() {
    let bed = planned();
    assert_eq!(bed.run(ARGS).code, Some(0));
    let (whole, kept) = (bed.canonical(RUN), files(&bed.path(RUN)));
    let second = |path: &Path| path.ends_with("lister/2") || path.components().any(|part| part.as_os_str() == "2");
    let of_trial = |path: &Path| path.starts_with("trials");
    type Lost<'a> = &'a dyn Fn(&Path) -> bool;
    let look_1 = |path: &Path| path.ends_with("looks/lister/1.json");
    let look_2 = |path: &Path| path.ends_with("looks/lister/2.json");
    let states: [(&str, Lost<'_>); 4] = [
        ("before the first look was written", &|path| look_1(path) || look_2(path) || of_trial(path) && second(path)),
        ("after it was, before any trial of the next", &|path| look_2(path) || of_trial(path) && second(path)),
        ("in the middle of the second look", &|path| {
            look_2(path)
                || of_trial(path)
                    && second(path)
                    && ["anna", "ben"].iter().any(|name| path.to_str().unwrap().contains(name))
        }),
        ("before the second look was written", &|path| look_2(path)),
    ];
    for (how, lost) in states {
        fs::remove_dir_all(bed.path(RUN)).unwrap();
        for (path, bytes) in kept.iter().filter(|(path, _)| !lost(path)) {
            bed.write(&format!("{RUN}/{}", path.display()), bytes);
        }
        let cut = bed.run(&["gate", RUN]);
        // With fewer trials than its floor asks for, a look cannot be decided.
        let expected = if how.contains("middle") { 4 } else { cut.code.unwrap() };
        assert_eq!(cut.code, Some(expected), "{how}: {}", cut.out);
        let resumed = bed.run(&["resume", RUN]);
        assert_eq!(resumed.code, Some(0), "{how}: {resumed:?}");
        assert_eq!(bed.canonical(RUN), whole, "{how}");
    }
}

#[test]
fn killed_as_soon_as_a_look_is_there_it_ends_like_any_other() {
    let bed = planned();
    assert_eq!(bed.run(ARGS).code, Some(0));
    let whole = bed.canonical(RUN);
    fs::rename(bed.path(RUN), bed.path("runs/whole")).unwrap();
    let mut child = bed.start(ARGS);
    until("the first look is decided", || bed.path(RUN).join("looks/lister/1.json").exists());
    // One that has ended is killed no more.
    let _ = child.0.kill();
    child.0.wait().unwrap();
    let first = fs::read(bed.path(RUN).join("looks/lister/1.json")).unwrap();
    assert_eq!(bed.run(&["resume", RUN]).code, Some(0));
    let (mut now, mut then): (Value, Value) =
        (serde_json::from_str(&bed.canonical(RUN)).unwrap(), serde_json::from_str(&whole).unwrap());
    for results in [&mut now, &mut then] {
        results.as_object_mut().unwrap().remove("run");
    }
    assert_eq!(now, then);
    assert_eq!(fs::read(bed.path(RUN).join("looks/lister/1.json")).unwrap(), first, "a look is decided once");
}

/// What was decided stands, whatever is done to the trials afterwards; with another baseline it is another question.
#[test]
fn a_look_is_not_decided_twice() {
    let bed = planned();
    assert_eq!(bed.run(ARGS).code, Some(0));
    for path in files(&bed.path(RUN)).keys().filter(|path| path.ends_with("scores.json")) {
        let text = fs::read_to_string(bed.path(RUN).join(path)).unwrap();
        bed.write(&format!("{RUN}/{}", path.display()), text.replace("\"scored\": 1.0", "\"scored\": 0.0"));
    }
    assert_eq!(bed.run(&["gate", RUN]).code, Some(0));
    let other = bed.run(&["gate", RUN, "--baseline", "baselines/lister.json"]);
    assert_eq!(other.code, Some(1), "who names a baseline asks anew: {}", other.out);
    let baseline = fs::read_to_string(bed.path("baselines/lister.json")).unwrap();
    bed.write("baselines/lister.json", baseline + "\n");
    let again = bed.run(&["gate", RUN]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    assert!(
        again.out.contains("decided again: graders or baseline are not those that look 2 was decided with"),
        "{}",
        again.out
    );
}
