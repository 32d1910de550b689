//! Judges that are people: a question waits until it is answered.

use super::{Bench, ask, need};
use evalrun::{
    judges::Decision,
    model::{judge::Kept, judge_spec::VoteSpec},
    runner::asking::Decided,
};

fn decided(criterion: &str, verdict: &str) -> Decided {
    let decision = Decision {
        criterion: criterion.to_owned(),
        verdict: verdict.to_owned(),
        event: Some(4),
        quote: "Done".to_owned(),
        why: "it says so".to_owned(),
        rater: "ada".to_owned(),
    };
    Decided { item: "limit/careful/1".to_owned(), decision }
}

#[test]
fn a_question_waits_until_a_person_has_answered_all_of_it() {
    let bench = Bench::of(vec![VoteSpec { provider: "human".to_owned(), ..VoteSpec::default() }]);
    let (asking, need) = (bench.live(), need("It works."));
    assert_eq!(ask(&asking, &need).unwrap_err().kind, "waiting");
    ask(&asking, &need).unwrap_err();
    let questions = asking.queue().questions().unwrap();
    assert_eq!(questions.len(), 1);
    assert_eq!((questions[0].item.as_str(), &questions[0].criteria), ("limit/careful/1", &need.criteria));
    asking.queue().decide(&[decided("planning/names_risks", "met")]).unwrap();
    assert_eq!(ask(&asking, &need).unwrap_err().kind, "waiting");
    asking
        .queue()
        .decide(&[decided("planning/proportionate", "met"), decided("planning/names_risks", "not_met")])
        .unwrap();
    let reply = ask(&asking, &need).unwrap();
    let verdicts: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(verdicts["answers"][0]["verdict"], "not_met");
    assert_eq!(verdicts["answers"][1]["evidence"], serde_json::json!([{"event": 4, "quote": "Done"}]));
    assert_eq!((reply.by.as_str(), reply.model.as_deref(), reply.kept), ("human", Some("ada"), Kept::Recorded));
}
