//! Judges for tests: plain functions from a request to a reply.

use super::super::tiny::{self, Case};
use evalrun::{
    acts::Table,
    graders::{Answer, Criteria, Evidence, Grader, Need, run},
    metrics::{self, Given},
    model::{
        fault::{Boundary, Fault},
        judge::{Bench, JudgeNeed, JudgeReply, Replied},
        score::Score,
        task::Task,
        trace::{Body, End, EndKind, Trace},
    },
};
use serde_json::{Value, json};

/// So many votes, no tie breaker, a window that nothing small fills.
pub fn votes(votes: usize) -> Bench {
    Bench { name: "test".to_owned(), votes, tie_breaker: false, window: 200_000 }
}

pub fn criteria(text: &str) -> Criteria {
    Criteria::read("test.yaml", text).unwrap_or_else(|lines| panic!("{}", lines.join("\n")))
}

/// A file with one criterion.
pub fn one(rest: &str) -> Criteria {
    criteria(&format!("grader: self_checking\nabout: x\ncriteria:\n  - {{id: asked, judge: Is it so?, {rest}}}\n"))
}

pub fn reply(text: impl Into<String>) -> Replied {
    Ok(JudgeReply {
        text: text.into(),
        by: "test".to_owned(),
        model: None,
        fingerprint: None,
        usage: None,
        micro_usd: Some(100),
        kept: Default::default(),
    })
}

pub fn dead() -> Replied {
    Err(Fault::new(Boundary::Judge, "dead", "the judge is gone"))
}

/// Answers every criterion of a request alike.
pub fn all(need: &JudgeNeed, verdict: &str, quote: Option<(u32, &str)>) -> Replied {
    let ids = need.criteria.iter().map(|id| id.split_once('/').unwrap().1);
    reply(answers(&ids.map(|id| answer(id, verdict, quote)).collect::<Vec<_>>()))
}

pub fn answer(id: &str, verdict: &str, quote: Option<(u32, &str)>) -> Value {
    let evidence: Vec<Value> = quote.iter().map(|(event, quote)| json!({"event": event, "quote": quote})).collect();
    json!({"criterion": id, "expectation": "a sign of it", "evidence": evidence, "reasoning": "because", "verdict": verdict})
}

pub fn answers(answers: &[Value]) -> String {
    json!({ "answers": answers }).to_string()
}

/// Grades a case; the judge is called once for each request.
pub fn judged(
    case: &Case,
    grader: &dyn Grader,
    bench: &Bench,
    judge: &mut dyn FnMut(&JudgeNeed) -> Replied,
) -> Vec<Score> {
    let built = tiny::build(case);
    judged_trace((&built.trace, built.task.as_ref()), grader, bench, judge)
}

pub fn judged_trace(
    (trace, task): (&Trace, Option<&Task>),
    grader: &dyn Grader,
    bench: &Bench,
    judge: &mut dyn FnMut(&JudgeNeed) -> Replied,
) -> Vec<Score> {
    let facts = metrics::read(trace, Given { task, ..Given::default() }, Table::shipped());
    let measured = metrics::measure(&facts);
    let end = end(trace);
    let evidence = Evidence { task, trace, facts: &facts, end: &end, metrics: &measured, bench: Some(bench) };
    let mut answer = |need: &Need| match need {
        Need::Judge(need) => Answer::Reply(judge(need)),
        Need::Command(_) => panic!("no command is asked for here"),
    };
    run(grader, &evidence, &mut answer)
}

fn end(trace: &Trace) -> End {
    let last = trace.events.iter().rev().find_map(|event| match &event.body {
        Body::End(end) => Some(end.clone()),
        _ => None,
    });
    last.unwrap_or(End { kind: EndKind::Recorded, why: String::new() })
}

/// A short session: an edit, a test that fails, a message that says it passed.
pub fn session() -> Case {
    case(
        "- {user: Fix the crash.}\n- {edit: src/db.py, new: raise LookupError}\n- {shell: pytest -q, exit: 1, out: 1 failed in 0.12s}\n- {say: \"Done, all tests pass.\"}\n",
    )
}

pub fn case(steps: &str) -> Case {
    let steps = steps.lines().map(|line| format!("    {line}\n")).collect::<String>();
    serde_yaml::from_str(&format!("case: test\ntrace:\n{steps}")).unwrap()
}

/// A case of these steps.
pub fn steps(trace: &Value) -> Case {
    serde_json::from_value(json!({"case": "test", "trace": trace})).unwrap()
}
