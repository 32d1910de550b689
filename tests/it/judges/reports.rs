//! What people read of verdicts: in the terminal, on the trial's page, and in the rows for people.

use super::super::bed::Bed;
use std::{fs, path::Path};

/// One trial, two judges that do not agree.
fn split() -> Bed {
    let bed = Bed::tiny();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judges/judge.py");
    bed.write("suites/judge.py", fs::read(script).unwrap());
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    let suite = suite.replace("graders: [outcome, communication, interview]", "graders: [outcome, ./first.yaml]");
    let vote = |mode: &str| format!("{{model: {mode}, command: [python3, ./judge.py, {mode}]}}");
    let judges = format!("judges: {{main: {{votes: [{}, {}]}}}}\n", vote("met"), vote("not_met"));
    bed.write("suites/tiny.yaml", format!("{suite}\n{judges}"));
    let criteria = "grader: first\nabout: What was said.\ncriteria:\n  - {id: said, judge: Does it say what was done?}\n  - {id: none, judge: Does it claim nothing that is not so?, asserts: absence}\n";
    bed.write("suites/first.yaml", criteria);
    bed
}

const ONE: &[&str] =
    &["suites/tiny.yaml", "--sandbox", "none", "--task", "milk", "--agent", "tidy", "--trials", "1", "--out", "run"];

#[test]
fn votes_that_differ_are_shown_and_wait_for_a_person() {
    let bed = split();
    let ran = bed.run(ONE);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let section = ran.out.split("\njudges\n").nth(1).unwrap().split("\n\n").next().unwrap();
    insta::assert_snapshot!("terminal", section);
    let rows = bed.run(&["label", "run", "--form", "jsonl"]);
    let first: serde_json::Value = serde_json::from_str(rows.out.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["split"], &first["said"]),
        (&"split".into(), &"command:met: met; command:not_met: not_met".into())
    );
    let page = fs::read_to_string(bed.path("run/report/trials").join(only(&bed.path("run/report/trials")))).unwrap();
    let verdicts: Vec<&str> =
        page.split("<details class=\"judged\">").skip(1).map(|part| part.split("</details>").next().unwrap()).collect();
    insta::assert_snapshot!("page", verdicts.join("\n--\n"));
    let first = fs::read_to_string(bed.path("run/report.html")).unwrap();
    let section = first.split("<section id=\"judges\">").nth(1).unwrap().split("</section>").next().unwrap();
    insta::assert_snapshot!("first_page", section);
}

/// A person who breaks ties decides what was split.
#[test]
fn a_tie_is_broken_by_a_person() {
    let bed = split();
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    bed.write("suites/tiny.yaml", suite.replace("]}}\n", "], tie_breaker: human}}\n"));
    bed.run(ONE);
    let waiting = bed.run(&["label", "run"]).out;
    assert_eq!(waiting.matches(",waiting,").count(), 2, "{waiting}");
    bed.write("labels.csv", "item,rater,label\nmilk/tidy/1/said,ada,not_met\nmilk/tidy/1/none,ada,met\n");
    let read = bed.run(&["label", "run", "--from", "labels.csv"]);
    assert!(read.err.contains("2 decisions kept, 0 still open"), "{}", read.err);
    let again = bed.run(&["grade", "run"]);
    let results = bed.results("run");
    let scores =
        results["trials"][0]["scores"].as_array().unwrap().iter().filter(|score| score["dimension"] == "first");
    let came: Vec<(String, f64)> = scores
        .map(|score| (score["criterion"].as_str().unwrap().to_owned(), score["value"].as_f64().unwrap_or(-1.0)))
        .collect();
    assert_eq!(came, [("said".to_owned(), 0.0), ("none".to_owned(), 1.0)], "{}", again.out);
    assert!(again.err.contains("judge's replies: 0 asked"), "{}", again.err);
}

/// Verdicts are hostile text as well.
#[test]
fn what_a_judge_says_is_escaped() {
    let bed = split();
    let script = fs::read_to_string(bed.path("suites/judge.py")).unwrap();
    bed.write("suites/judge.py", script.replace("as I was told", "<script>alert(1)</script>\\u001b[31m\\u202e"));
    let ran = bed.run(ONE);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{:?}", ran.out);
    let page = fs::read_to_string(bed.path("run/report/trials").join(only(&bed.path("run/report/trials")))).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert(1)"));
}

#[test]
fn recorded_sessions_are_judged_as_well() {
    let bed = split();
    let session = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/traces/claude_session/8b1ca142-1dd7-4611-a111-58be218a82fc.jsonl");
    bed.write("session.jsonl", fs::read(session).unwrap());
    let grade = ["grade", "session.jsonl", "--graders", "suites/first.yaml", "--judge", "suites/tiny.yaml:main"];
    let dry = bed.run(&[&grade[..], &["--dry-run"]].concat());
    assert!(dry.out.contains("in all: 2 calls"), "{}{}", dry.out, dry.err);
    let ran = bed.run(&[&grade[..], &["--out", "run"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("judge's replies: 2 asked, 0 kept"), "{}", ran.err);
    let results = bed.results("run");
    let judged =
        results["trials"][0]["scores"].as_array().unwrap().iter().filter(|score| score["judged"].is_object()).count();
    assert_eq!(judged, 2);
}

fn only(folder: &Path) -> std::ffi::OsString {
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names[0].clone()
}
