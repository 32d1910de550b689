//! Judges in whole runs, from the command line.

use super::super::bed::{Bed, Ran};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// Two criteria of two graders, asked of a program.
fn bed(mode: &str, more: &str) -> Bed {
    let bed = Bed::tiny();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judges/judge.py");
    bed.write("suites/judge.py", fs::read(script).unwrap());
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    let suite = suite
        .replace("graders: [outcome, communication, interview]", "graders: [outcome, ./first.yaml, ./second.yaml]");
    let log = bed.path("calls.jsonl").display().to_string();
    let judges = format!("judges: {{main: {{votes: [{{command: [python3, ./judge.py, {mode}, '{log}'{more}]}}]}}}}\n");
    bed.write("suites/tiny.yaml", format!("{suite}\n{judges}"));
    bed.write("suites/first.yaml", criteria("first", "Does it say what was done?"));
    bed.write("suites/second.yaml", criteria("second", "Does it say where it was done?"));
    bed
}

fn criteria(name: &str, question: &str) -> String {
    format!(
        "grader: {name}\nabout: {question}\ncriteria:\n  - id: said\n    judge: {question}\n  - id: counted\n    rule: metric.final_message_words >= 0\n"
    )
}

fn calls(bed: &Bed) -> Vec<Value> {
    let text = fs::read_to_string(bed.path("calls.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(bed: &Bed, more: &[&str]) -> Ran {
    bed.run(&[&["suites/tiny.yaml", "--sandbox", "none"], more].concat())
}

/// Every judged score of a run: outcome by trial and criterion.
fn judged(results: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for trial in results["trials"].as_array().unwrap() {
        for score in trial["scores"].as_array().unwrap().iter().filter(|score| score["criterion"] == "said") {
            let name = format!("{} {}", trial["id"].as_str().unwrap(), score["dimension"].as_str().unwrap());
            found.insert(name, score["outcome"].as_str().unwrap().to_owned());
        }
    }
    found
}

fn dimensions(results: &Value) -> Vec<Value> {
    results["trials"].as_array().unwrap().iter().map(|trial| trial["dimensions"].clone()).collect()
}

#[test]
fn the_second_run_asks_nobody_and_comes_out_the_same() {
    let bed = bed("met", "");
    let cold = run(&bed, &["--out", "cold"]);
    assert_eq!(cold.code, Some(0), "{}", cold.err);
    let asked = calls(&bed).len();
    // Two of the four trials of a task are alike: they are asked about once, or once each, never more than once a trial and grader.
    assert!((4..=16).contains(&asked), "{asked}");
    let warm = run(&bed, &["--out", "warm"]);
    assert_eq!((warm.code, calls(&bed).len()), (Some(0), asked), "{}", warm.err);
    assert_eq!(bed.canonical("cold"), bed.canonical("warm"));
    assert!(
        judged(&bed.results("cold")).values().all(|outcome| outcome == "scored"),
        "{:?}",
        judged(&bed.results("cold"))
    );
    assert!(warm.err.contains("judge's replies: 0 asked, 16 kept"), "{}", warm.err);
    // Offline the same again.
    let offline = run(&bed, &["--out", "offline", "--offline"]);
    assert_eq!((offline.code, calls(&bed).len()), (Some(0), asked), "{}", offline.err);
    assert_eq!(bed.canonical("cold"), bed.canonical("offline"));
}

#[test]
fn a_changed_word_asks_again_only_what_holds_it() {
    let bed = bed("met", "");
    assert_eq!(run(&bed, &["--out", "before"]).code, Some(0));
    let before = calls(&bed).len();
    bed.write("suites/second.yaml", criteria("second", "Does it say exactly where it was done?"));
    assert_eq!(run(&bed, &["--out", "after"]).code, Some(0));
    let new = calls(&bed).split_off(before);
    assert_eq!(new.len(), before / 2);
    assert!(new.iter().all(|call| call["criteria"] == serde_json::json!(["second/said"])), "{new:?}");
    // Another question is another grading: results of the two are not the same grade.
    assert_ne!(bed.results("before")["graders"], bed.results("after")["graders"]);
}

/// Whatever becomes of a judge, no number moves.
#[test]
fn a_broken_judge_changes_no_score() {
    let bed = bed("exit", "");
    let without = run(&bed, &["--out", "without", "--no-judge"]);
    assert_eq!((without.code, calls(&bed).len()), (Some(0), 0), "{}", without.err);
    assert!(judged(&bed.results("without")).values().all(|outcome| outcome == "not_asked"));
    let broken = run(&bed, &["--out", "broken"]);
    assert!(judged(&bed.results("broken")).values().all(|outcome| outcome == "broken"), "{}", broken.err);
    let offline = run(&bed, &["--out", "offline", "--offline"]);
    assert!(judged(&bed.results("offline")).values().all(|outcome| outcome == "broken"), "{}", offline.err);
    let expected = dimensions(&bed.results("without"));
    assert_eq!(dimensions(&bed.results("broken")), expected);
    assert_eq!(dimensions(&bed.results("offline")), expected);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&broken.out).contains("the judge has a headache"), "{}", broken.out);
    assert!(words(&offline.out).contains("no reply is recorded"), "{}", offline.out);
}

#[test]
fn what_a_judge_could_not_answer_is_asked_again_and_the_old_grades_stay() {
    let bed = bed("exit", "");
    run(&bed, &["--out", "run"]);
    assert!(judged(&bed.results("run")).values().all(|outcome| outcome == "broken"));
    // Nothing better: nothing is moved.
    bed.run(&["grade", "run"]);
    assert_eq!(set_aside(&bed).len(), 0);
    let script = fs::read_to_string(bed.path("suites/judge.py")).unwrap();
    bed.write("suites/judge.py", script.replace("if mode == \"exit\":", "if mode == \"never\":"));
    bed.write(
        "suites/judge.py",
        fs::read_to_string(bed.path("suites/judge.py")).unwrap().replace("verdict\": mode", "verdict\": \"met\""),
    );
    let again = bed.run(&["grade", "run"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(judged(&bed.results("run")).values().all(|outcome| outcome == "scored"), "{}", again.out);
}

fn set_aside(bed: &Bed) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![bed.path("run/trials")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap().to_string_lossy().starts_with("scores.broken-") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn a_dry_run_says_what_would_be_asked_and_asks_nobody() {
    let bed = bed("met", "");
    let planned = run(&bed, &["--dry-run"]);
    assert!(
        planned.out.contains("judge main (command): at most 16 calls in the first round (2 per trial)"),
        "{}",
        planned.out
    );
    assert_eq!(run(&bed, &["--out", "run", "--no-judge"]).code, Some(0));
    let like = run(&bed, &["--dry-run", "--like", "run"]);
    assert!(like.out.contains("counted over 8 trials of run; 8 are planned"), "{}", like.out);
    let dry = bed.run(&["grade", "run", "--dry-run"]);
    assert_eq!((dry.code, calls(&bed).len()), (Some(0), 0), "{}", dry.err);
    let tokens = regex::Regex::new(r"about \d+ tokens").unwrap();
    insta::assert_snapshot!(tokens.replace_all(&dry.out, "about N tokens"));
    let nobody = bed.run(&["grade", "run", "--dry-run", "--no-judge"]);
    assert_eq!(nobody.code, Some(2));
}

#[test]
fn a_person_decides_what_waits() {
    let bed = bed("met", "");
    let first = run(&bed, &["--out", "run", "--judge", "human", "--task", "milk", "--agent", "tidy", "--trials", "1"]);
    assert!(judged(&bed.results("run")).values().all(|outcome| outcome == "broken"), "{}", first.err);
    assert!(first.out.contains("waits for a person"), "{}", first.out);
    let rows = bed.run(&["label", "run"]);
    let folder = bed.path("run").display().to_string();
    insta::assert_snapshot!(rows.out.replace(&folder, "RUN"));
    // One row is filled in with words that stand in no event, one properly.
    let trace = fs::read_to_string(bed.path("run/trials/milk/tidy/1/1/trace.jsonl")).unwrap();
    let said = trace
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .rfind(|event| event["kind"] == "agent_message")
        .unwrap();
    let words: String = said["body"]["text"].as_str().unwrap().split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let text = format!(
        "item,rater,label,event,quote,why,dimension\nmilk/tidy/1/said,ada,met,e{},\"{words}\",it says so,first\nmilk/tidy/1/said,,,,,,second\n",
        said["id"]
    );
    bed.write("labels.csv", text);
    let read = bed.run(&["label", "run", "--from", "labels.csv", "--record", "kept"]);
    assert_eq!(read.code, Some(0), "{}", read.err);
    assert!(read.err.contains("1 decisions kept, 1 still open"), "{}", read.err);
    let again = bed.run(&["grade", "run"]);
    let outcomes: Vec<String> = judged(&bed.results("run")).into_values().collect();
    assert_eq!(outcomes, ["scored", "broken"], "{}", again.out);
    assert_eq!(set_aside(&bed).len(), 1);
    // What was decided is a recording for others.
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    bed.write(
        "suites/tiny.yaml",
        suite.replace("judges: {main:", "judges: {kept: {votes: [{model: recorded, folder: ../kept}]}, main:"),
    );
    run(&bed, &["--out", "other", "--task", "milk", "--agent", "tidy", "--trials", "1"]);
    let outcomes: Vec<String> = judged(&bed.results("other")).into_values().collect();
    assert_eq!((outcomes, calls(&bed).len()), (vec!["scored".to_owned(), "broken".to_owned()], 0));
}

#[test]
fn labels_that_cannot_be_read_are_told_line_by_line_and_nothing_is_kept() {
    let bed = bed("met", "");
    run(&bed, &["--out", "run", "--judge", "human", "--task", "milk", "--agent", "tidy", "--trials", "1"]);
    let cases = [
        ("", "no row has a label"),
        ("item,rater,label\nmilk/tidy/1/said,ada,\n", "no row has a label"),
        ("item,rater,label\nmilk/tidy/1/said,ada,perhaps\n", "labels.csv:2: unknown label \"perhaps\""),
        ("item,rater,label\nmilk/tidy/9/said,ada,met\n", "labels.csv:2: the run has no item \"milk/tidy/9/said\""),
        ("item,rater,label\nmilk/tidy/1/said,,\nmilk/tidy/1/said,,met\n", "labels.csv:3: no `rater`"),
        ("item,rater,label,event\nmilk/tidy/1/said,ada,met,soon\n", "labels.csv:2: `event` is a number, not \"soon\""),
        ("{\"item\": 3", "labels.csv:1: is no JSON object"),
    ];
    for (text, said) in cases {
        bed.write("labels.csv", text);
        let read = bed.run(&["label", "run", "--from", "labels.csv"]);
        assert!(read.code == Some(2) && read.err.contains(said), "{text}: {}", read.err);
    }
    assert!(!bed.path("run/human/decisions").exists());
}

#[test]
fn what_judges_cost_counts_against_the_budget() {
    let bed = bed("met", ", '60000'");
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    bed.write(
        "suites/tiny.yaml",
        format!("{suite}budget: {{cost: 0.1 USD}}\nconcurrency: {{trials: 2, command: 1}}\n"),
    );
    let ran = run(&bed, &["--out", "run"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(calls(&bed).len(), 2, "{}", ran.err);
    assert!(ran.err.contains("budget reached: 0.10 USD"), "{}", ran.err);
}

#[test]
fn a_judge_that_cannot_be_asked_is_told_before_anything_runs() {
    let bed = bed("met", "");
    let cases: [(&[&str], &str); 5] = [
        (&["--judge", "openai:gpt-5.2"], "the variable OPENAI_API_KEY is not set, and openai:gpt-5.2 needs it"),
        (&["--judge", "maim"], "did you mean `main`?"),
        (&["--judge", "command"], "a judge that is a program stands in a suite"),
        (&["--judge", "nowhere.yaml:main"], "there is no file nowhere.yaml"),
        (&["--judge", "suites/tiny.yaml:other"], "has no judge `other`"),
    ];
    for (more, said) in cases {
        let ran = run(&bed, &[&["--out", "run"], more].concat());
        assert!(ran.code == Some(2) && ran.err.contains(said), "{more:?}: {}", ran.err);
        assert!(!bed.path("run/run.json").exists());
    }
}

/// The key reaches the server, and nothing that is written.
#[test]
fn a_key_is_written_nowhere() {
    let bed = bed("met", "");
    let suite = fs::read_to_string(bed.path("suites/tiny.yaml")).unwrap();
    let judge = "import os, sys; sys.stdin.read(); print('my key is ' + os.environ['TEAM_KEY']); sys.stderr.write(os.environ['TEAM_KEY']); sys.exit(int(sys.argv[1]))";
    for (out, exit) in [("works", "0"), ("fails", "1")] {
        let judges = format!(
            "judges: {{main: {{votes: [{{command: [python3, -c, \"{judge}\", '{exit}'], key_env: TEAM_KEY}}]}}}}\n"
        );
        bed.write("suites/keyed.yaml", suite.split("judges:").next().unwrap().to_owned() + &judges);
        let mut command = bed.evalrun(&[
            "suites/keyed.yaml",
            "--sandbox",
            "none",
            "--out",
            out,
            "--judge-cache",
            &format!("cache-{out}"),
            "--task",
            "count",
        ]);
        command.env("TEAM_KEY", "sk-hunter-hunter-2");
        let ran = super::super::bed::ran(command);
        assert!(!ran.out.contains("hunter-hunter") && !ran.err.contains("hunter-hunter"), "{}{}", ran.out, ran.err);
        for name in [out.to_owned(), format!("cache-{out}")] {
            if bed.path(&name).exists() {
                holds_no(&bed.path(&name), b"hunter-hunter");
            }
        }
    }
    assert!(bed.path("cache-works").exists());
}

fn holds_no(folder: &Path, word: &[u8]) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            holds_no(&path, word);
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(word.len()).any(|window| window == word), "{}", path.display());
        }
    }
}
