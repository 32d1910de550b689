//! Judges that are programs: the contract, and every way to break it.

use super::{Bench, need};
use evalrun::model::{
    judge::Kept,
    judge_spec::{JudgeInput, VoteSpec},
};
use std::path::Path;

#[test]
fn a_program_reads_the_contract_and_its_reply_is_carried_unread() {
    let bench = Bench::program("met");
    let reply = bench.ask(&need("It works.")).unwrap();
    let verdicts: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    let first = &verdicts["answers"][0];
    assert_eq!((&first["criterion"], &first["verdict"]), (&"names_risks".into(), &"met".into()));
    assert_eq!(first["evidence"], serde_json::json!([{"event": 4, "quote": "Done"}]));
    assert_eq!((reply.by.as_str(), reply.model.as_deref(), reply.kept), ("command", Some("judge.py"), Kept::Live));
    assert_eq!(reply.usage.unwrap().output, 10);
    let call = &bench.calls()[0];
    assert_eq!(call["item"], "limit/careful/1");
    assert_eq!(call["criteria"], serde_json::json!(["planning/names_risks", "planning/proportionate"]));
    assert_eq!(call["seat"], serde_json::json!({"vote": 0}));
    assert_eq!(call["seen"], serde_json::json!(["trace.jsonl", "workspace"]));
}

#[test]
fn what_a_program_does_wrong_is_a_fault_of_the_judge_that_is_not_kept() {
    let cases = [
        ("exit", "exit", "judge command ended with 3: the judge has a headache"),
        ("empty", "empty", "the reply is empty"),
        ("huge", "too_long", "judge command wrote 10485760 bytes, more than the 1048576 that are read"),
        ("hang", "timeout", "judge command did not answer in 0.5 s"),
    ];
    for (mode, kind, message) in cases {
        let mut bench = Bench::program(mode);
        bench.judge.votes[0].timeout_ms = Some(if mode == "hang" { 500 } else { 120_000 });
        let fault = bench.ask(&need("It works.")).unwrap_err();
        assert_eq!((fault.boundary.word(), fault.kind.as_str(), fault.message.as_str()), ("judge", kind, message));
        assert!(!fault.retryable && fault.hint.is_some(), "{fault:?}");
        assert!(!bench.path("cache").exists(), "{mode}: nothing was kept");
    }
}

/// Whether a reply can be read is for its reader to say.
#[test]
fn nonsense_is_carried_as_it_is() {
    let bench = Bench::program("garbage");
    assert_eq!(bench.ask(&need("It works.")).unwrap().text, "I would rather talk about the weather.\n");
}

#[test]
fn a_program_that_knows_no_contract_reads_the_prompt() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judges/plain.sh");
    let vote = VoteSpec {
        provider: "command".to_owned(),
        model: Some("plain".to_owned()),
        command: vec!["sh".to_owned(), script.display().to_string()],
        input: JudgeInput::Text,
        ..VoteSpec::default()
    };
    let reply = Bench::of(vec![vote]).ask(&need("It works.")).unwrap();
    assert!(reply.text.starts_with("I read \"You judge. Fences carry "), "{}", reply.text);
    assert!(reply.text.ends_with("{\"verdicts\": []}\n"), "{}", reply.text);
    assert_eq!(reply.by, "command:plain");
}

#[test]
fn a_program_that_is_not_there_is_told_before_anything_is_asked() {
    let vote =
        VoteSpec { provider: "command".to_owned(), command: vec!["no-such-judge".to_owned()], ..VoteSpec::default() };
    let bench = Bench::of(vec![vote]);
    let obstacles = bench.live().obstacles();
    assert_eq!(obstacles.len(), 1);
    assert_eq!(obstacles[0].message, "the judge's program `no-such-judge` is not on PATH");
    let offline = bench.asking(true, Box::new(super::Nowhere));
    assert_eq!(offline.obstacles(), []);
}

#[test]
fn a_program_has_the_environment_of_a_trial_and_the_one_variable_that_is_named() {
    let script = "import os, sys; sys.stdin.read(); print(sorted(os.environ))";
    let vote = VoteSpec {
        provider: "command".to_owned(),
        command: ["python3", "-c", script].map(str::to_owned).to_vec(),
        key_env: Some("CARGO_PKG_NAME".to_owned()),
        ..VoteSpec::default()
    };
    let reply = Bench::of(vec![vote]).ask(&need("It works.")).unwrap();
    assert!(reply.text.contains("'CARGO_PKG_NAME'") && reply.text.contains("'EVALRUN_SEED'"), "{}", reply.text);
    assert!(!reply.text.contains("CARGO_MANIFEST_DIR"), "{}", reply.text);
}
