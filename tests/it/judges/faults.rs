//! A model server that fails in every way it can: a scripted one, over real HTTP. No failure becomes a verdict.

use super::{Bench, OneLine, model, need};
use evalrun::{
    http::{Answer, Asked, Content, Limits, Piece, Respond, Server},
    model::{
        judge::{JudgeNeed, Replied},
        judge_spec::VoteSpec,
        run::Boxed,
        suite::Permits,
    },
    runner::asking::{About, Asking, Wire},
};
use std::sync::{Arc, Mutex};

/// Answers by the list, one after the other; the last for ever.
struct Script {
    answers: Vec<Answer>,
    asked: Mutex<Vec<Asked>>,
}

impl Respond for Script {
    fn respond(&self, asked: Asked) -> Boxed<'_, Answer> {
        let mut all = self.asked.lock().unwrap();
        all.push(asked);
        let answer = self.answers[(all.len() - 1).min(self.answers.len() - 1)].clone();
        Box::pin(async { answer })
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Answer { status, headers, content: Content::Whole(body.as_bytes().to_vec()) }
}

/// A refusal that asks to be asked again at once.
fn refusal(status: u16) -> Answer {
    answer(status, &[("Retry-After", "0")], r#"{"error": {"message": "not now"}}"#)
}

fn good() -> Answer {
    let body = serde_json::json!({"model": "m-1", "choices": [{"message": {"content": "{\"verdicts\": []}"}}], "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    answer(200, &[], &body.to_string())
}

fn pieces(pieces: Vec<Piece>) -> Answer {
    Answer { status: 200, headers: Vec::new(), content: Content::Pieces(pieces) }
}

struct Outcome {
    replies: Vec<Replied>,
    asked: Vec<Asked>,
    asking: Asking,
}

/// Asks every question at once.
fn served(answers: Vec<Answer>, vote: VoteSpec, needs: &[JudgeNeed]) -> Outcome {
    with_permits(answers, vote, (needs, Permits::Adaptive))
}

fn with_permits(answers: Vec<Answer>, vote: VoteSpec, (needs, permits): (&[JudgeNeed], Permits)) -> Outcome {
    super::runtime().block_on(async {
        let script = Arc::new(Script { answers, asked: Mutex::default() });
        let server = Server::start(0, Limits::default(), Arc::clone(&script) as Arc<dyn Respond>).await.unwrap();
        let vote = VoteSpec { base_url: Some(format!("http://{}/v1", server.address())), ..vote };
        let mut bench = Bench::of(vec![vote]);
        bench.permits.insert("openai".to_owned(), permits);
        let asking = bench.asking(false, Box::new(Wire));
        let mut open = tokio::task::JoinSet::new();
        for need in needs {
            let (asking, need) = (asking.clone(), need.clone());
            open.spawn(async move { asking.ask(&need, About { item: "limit/careful/1", scene: &OneLine }).await });
        }
        let replies = open.join_all().await;
        let asked = script.asked.lock().unwrap().clone();
        Outcome { replies, asked, asking }
    })
}

fn judge() -> VoteSpec {
    model("openai", "m")
}

#[test]
fn what_passes_is_tried_again_and_counted() {
    let answers = vec![refusal(429), refusal(500), refusal(503), good()];
    let outcome = served(answers, judge(), &[need("It works.")]);
    let reply = outcome.replies[0].clone().unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.by.as_str(), reply.model.as_deref()),
        ("{\"verdicts\": []}", "openai:m", Some("m-1"))
    );
    let spent = outcome.asking.spent();
    assert_eq!((outcome.asked.len(), spent.calls, spent.tries), (4, 1, 4));
    assert_eq!(outcome.asked[0].path, "/v1/chat/completions");
}

#[test]
fn a_storm_of_refusals_ends_and_breaks_the_judge_alone() {
    let needs: Vec<JudgeNeed> = (0..12).map(|n| need(&format!("Question {n}."))).collect();
    let outcome = served(vec![refusal(429)], VoteSpec { retries: Some(2), ..judge() }, &needs);
    assert_eq!(outcome.asked.len(), 12 * 3);
    for replied in outcome.replies {
        let fault = replied.unwrap_err();
        assert_eq!((fault.boundary.word(), fault.kind.as_str(), fault.retryable), ("judge", "rate_limit", false));
        assert_eq!(fault.message, "openai:m answered 429: not now (tried 3 times)");
    }
}

#[test]
fn what_does_not_pass_is_asked_once() {
    let long = "x".repeat(9 << 20);
    let cases = [
        (answer(401, &[], r#"{"error": {"message": "bad key"}}"#), "key"),
        (answer(400, &[], "<html>no</html>"), "provider"),
        (answer(404, &[], ""), "not_found"),
        (answer(429, &[], r#"{"error": {"code": "insufficient_quota"}}"#), "quota"),
        (answer(429, &[("Retry-After", "3600")], ""), "rate_limit"),
        (answer(200, &[], &long), "too_large"),
        (answer(302, &[("Location", "http://127.0.0.1:1/")], ""), "provider"),
    ];
    for (answer, kind) in cases {
        let outcome = served(vec![answer], judge(), &[need("It works.")]);
        let fault = outcome.replies[0].clone().unwrap_err();
        assert_eq!((fault.kind.as_str(), outcome.asked.len()), (kind, 1), "{}", fault.message);
    }
}

#[test]
fn replies_that_never_end_end_early_or_are_none_break_the_judge() {
    let started = || Piece::Bytes(b"{\"choices\": [".to_vec());
    let cases = [
        (pieces(vec![started(), Piece::Stall]), "timeout"),
        (pieces(vec![started(), Piece::Tear]), "closed"),
        (answer(200, &[], ""), "no_json"),
        (answer(200, &[], "{\"choices\": [{\"message\": {\"content\": \"\"}}]}"), "empty"),
        (answer(200, &[], "data: {}\n\n"), "no_json"),
    ];
    for (answer, kind) in cases {
        let timeout = if kind == "timeout" { 300 } else { 120_000 };
        let vote = VoteSpec { retries: Some(0), timeout_ms: Some(timeout), ..judge() };
        let outcome = served(vec![answer], vote, &[need("It works.")]);
        let fault = outcome.replies[0].clone().unwrap_err();
        assert_eq!((fault.boundary.word(), fault.kind.as_str()), ("judge", kind), "{}", fault.message);
    }
}

#[test]
fn no_more_requests_are_out_than_the_suite_allows() {
    let needs: Vec<JudgeNeed> = (0..40).map(|n| need(&format!("Question {n}."))).collect();
    let outcome = with_permits(vec![good()], judge(), (&needs, Permits::Fixed(3)));
    assert!(outcome.replies.iter().all(Result::is_ok));
    let out = outcome.asking.most_out("openai");
    assert!((1..=3).contains(&out), "{out}");
}

#[test]
fn nothing_is_asked_once_the_budget_is_spent() {
    let bench = Bench::program("met");
    let asking = bench.live();
    asking.stop();
    let fault = super::ask(&asking, &need("It works.")).unwrap_err();
    assert_eq!((fault.kind.as_str(), bench.calls().len()), ("budget", 0));
}

#[test]
fn https_is_refused_before_anything_is_sent() {
    let bench = Bench::of(vec![VoteSpec { base_url: Some("https://models.example/v1".to_owned()), ..judge() }]);
    let obstacles = bench.asking(false, Box::new(Wire)).obstacles();
    assert_eq!(obstacles.len(), 1);
    assert!(
        obstacles[0].message.starts_with("openai:m: this build speaks plain HTTP only"),
        "{}",
        obstacles[0].message
    );
}
