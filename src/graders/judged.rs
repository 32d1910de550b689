//! A criteria file before a judge: which criteria are asked, and what becomes of their scores.
//!
//! A criterion whose `needs` do not hold costs no call. A rule with `confirm: judge` costs one only where it flags:
//!
//! | rule | judge | score |
//! | --- | --- | --- |
//! | holds | not asked | the rule's |
//! | flags | not met, with a quote | the rule's: the flag is right |
//! | flags | met, with a quote | met: a false alarm |
//! | flags | not applicable | not applicable |
//! | flags | unknown, uncited, split | unknown: neither confirmed nor cleared |
//! | flags | broken | broken(judge) |
//! | flags | none is configured | the rule's |

use super::{
    Answer, Answers, Criteria, Evidence, Need, NeedId, Step,
    cites::quoted,
    criteria::{Asserts, Criterion, broken},
    dimension::MET,
};
use crate::judging::{Case, Heard, Judgement, Proof, Question, Selection, judge};
use crate::model::{
    judge::{Bench, Replied},
    score::{Cite, Outcome, Score},
};
use std::borrow::Cow;

/// Events around those that a rule flagged which its judge is shown first.
const AROUND: usize = 3;
const CONFIRM: &str = "Is what the rule flagged a false alarm?";

/// One round of a file whose criteria may be asked of judges.
pub fn step(criteria: &Criteria, evidence: &Evidence<'_>, bench: &Bench, answers: &Answers) -> Step {
    let settled: Vec<Vec<Score>> = criteria.criteria.iter().map(|criterion| criterion.scores(evidence)).collect();
    let asked = |(criterion, scores): (&Criterion, &Vec<Score>)| question(criterion, scores.as_slice());
    let questions: Vec<Question> = criteria.criteria.iter().zip(&settled).filter_map(asked).collect();
    let case = Case { trace: evidence.trace, facts: evidence.facts, metrics: evidence.metrics };
    let replies = |name: &str| reply(answers, name);
    match judge(case, (bench, &criteria.grader), &questions, &replies) {
        Err(fault) => Step::Done(vec![broken(&criteria.grader, fault)]),
        Ok(Heard::Asks(asks)) => {
            let need = |(name, need)| (NeedId(Cow::Owned(name)), Need::Judge(Box::new(need)));
            Step::Needs(asks.into_iter().map(need).collect())
        }
        Ok(Heard::Judged(judgements)) => {
            let told = |criterion: &Criterion| {
                let at = questions.iter().position(|question| question.id == criterion.id)?;
                judgements.get(at)
            };
            let finished = |(criterion, scores): (&Criterion, Vec<Score>)| match told(criterion) {
                Some(judgement) => vec![finish(criterion, evidence, (scores, judgement))],
                None => scores,
            };
            Step::Done(criteria.criteria.iter().zip(settled).flat_map(finished).collect())
        }
    }
}

fn reply<'a>(answers: &'a Answers, name: &str) -> Option<&'a Replied> {
    match answers.get(&NeedId(Cow::Owned(name.to_owned())))? {
        Answer::Reply(reply) => Some(reply),
        Answer::Output(_) => None,
    }
}

/// What a judge is asked about a criterion, if anything.
fn question(criterion: &Criterion, scores: &[Score]) -> Option<Question> {
    let [score] = scores else { return None };
    let question = |text: &str, proof: Proof| Question {
        id: criterion.id.clone(),
        text: text.to_owned(),
        gloss: criterion.gloss.clone(),
        proof,
        selection: criterion.selection.clone(),
        flag: None,
    };
    match score.outcome {
        Outcome::NotAsked => {
            let proof = match criterion.asserts {
                Some(Asserts::Absence) => Proof::Absence,
                Some(Asserts::Presence) | None => Proof::Presence,
            };
            Some(question(&criterion.asked, proof))
        }
        Outcome::Scored(value) if criterion.confirm && value < MET => {
            let events = score.cites.iter().map(|cite| cite.event).collect();
            let own = criterion.selection.is_everything();
            let around = if own { AROUND } else { criterion.selection.around };
            let selection = Selection { events, around, final_message: true, ..criterion.selection.clone() };
            Some(Question { selection, flag: Some(score.why.clone()), ..question(CONFIRM, Proof::Either) })
        }
        Outcome::Scored(_) | Outcome::Unknown(_) | Outcome::NotApplicable(_) | Outcome::Broken(_) => None,
    }
}

fn finish(criterion: &Criterion, evidence: &Evidence<'_>, (scores, judgement): (Vec<Score>, &Judgement)) -> Score {
    let judged = Some(Box::new(judgement.judged.clone()));
    let cites: Vec<Cite> = judgement.cites.iter().map(|cite| quoted(evidence.trace, cite.event, &cite.quote)).collect();
    let flagged = scores.into_iter().next().filter(|score| matches!(score.outcome, Outcome::Scored(_)));
    let (outcome, why) = (judgement.outcome.clone(), judgement.why.clone());
    let score = match (flagged, &judgement.outcome) {
        (Some(rule), Outcome::Scored(value)) if *value < MET => {
            let why = format!("{}; the judge confirms: {why}", rule.why);
            Score { why, ..rule }
        }
        (Some(rule), Outcome::Scored(_)) => {
            criterion.cited(outcome, format!("flagged ({}), and cleared by the judge: {why}", rule.why), cites)
        }
        (Some(rule), Outcome::Unknown(_)) => {
            let why = format!("flagged ({}), neither confirmed nor cleared: {why}", rule.why);
            criterion.cited(Outcome::Unknown(why.clone()), why, rule.cites)
        }
        (Some(_) | None, _) => criterion.cited(outcome, why, cites),
    };
    Score { judged, ..score }
}
