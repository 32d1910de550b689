//! Whole prompts, and the templates they are made from.

use super::{super::metrics::session_of, bench::*};
use evalrun::{
    graders::shipped,
    judging::{PROMPTS, Templates},
    model::judge::{JudgeNeed, NONCE},
};
use insta::assert_snapshot;

fn whole(need: &JudgeNeed) -> String {
    let prompt = &need.prompt;
    let user = prompt.user.replace(NONCE, "NONCE");
    let (ids, most) = (need.criteria.join(" "), prompt.most);
    format!(
        "{:?}, {ids}, at most {most} tokens\n\nSYSTEM\n{}\n\nUSER\n{user}\n\nSCHEMA\n{}\n",
        need.seat, prompt.system, prompt.schema
    )
}

#[test]
fn a_whole_prompt_of_a_small_session() {
    let grader = one("gloss: It is so if it is., evidence: {acts: [edit, test], around: 1, always: [final_message]}");
    let mut seen = Vec::new();
    judged(&session(), &grader, &votes(1), &mut |need| {
        seen.push(whole(need));
        all(need, "met", Some((4, "1 failed")))
    });
    assert_snapshot!(seen.concat());
}

#[test]
fn templates_are_checked_when_they_are_read() {
    Templates::read(PROMPTS).unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let with = |user: &str| Templates::read(&[PROMPTS[0], ("graders/prompts/user.j2", user)]).unwrap_err().join("\n");
    assert_snapshot!(
        [
            with("{{ record }}\n\n{{ recrod }}"),
            with("{% for question in questions %}\n{{ question.glos }}\n{% endfor %}"),
            with("{{ record "),
            with("{% if part > 1 %}{{ part }}{% endif %}\n{{ dimension.name.first }}"),
        ]
        .join("\n")
    );
}

/// The record of a real session, and every shipped criterion asked about it in one go.
#[test]
fn a_whole_prompt_of_a_real_session() {
    let trace = session_of("claude_session/8b1ca142-1dd7-4611-a111-58be218a82fc.jsonl");
    let grader = shipped("self_checking").unwrap().unwrap();
    let mut seen = Vec::new();
    judged_trace((&trace, None), &grader, &votes(1), &mut |need| {
        seen.push(whole(need));
        all(need, "unknown", None)
    });
    assert_snapshot!(seen.join("\n=====\n"));
}
