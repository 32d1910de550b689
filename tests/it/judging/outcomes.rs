//! What replies come to.

use super::bench::*;
use evalrun::model::{
    judge::{Seat, Verdict},
    score::{Outcome, Score},
};

fn word(score: &Score) -> String {
    match &score.outcome {
        Outcome::Scored(value) => format!("{value}"),
        Outcome::Unknown(why) => format!("unknown {}", why.split(':').next().unwrap()),
        Outcome::NotApplicable(_) => "n/a".to_owned(),
        Outcome::NotAsked => "not asked".to_owned(),
        Outcome::Broken(fault) => format!("broken({})", fault.boundary.word()),
    }
}

#[test]
fn one_vote_with_its_quote_is_a_verdict() {
    let mut calls = 0;
    let scores = judged(&session(), &one("weight: 2"), &votes(1), &mut |need| {
        calls += 1;
        all(need, "met", Some((4, "1   failed")))
    });
    assert_eq!((calls, scores.len(), word(&scores[0]).as_str()), (1, 1, "1"));
    let judged = scores[0].judged.as_ref().unwrap();
    assert_eq!((judged.votes[0].seat, judged.votes[0].verdict), (Seat::Vote(0), Some(Verdict::Met)));
    assert_eq!(scores[0].cites[0].event.0, 4);
}
