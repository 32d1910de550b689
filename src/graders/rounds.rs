//! All graders of a trial together, round by round: what is open in a round is asked at once, whoever needs it.

use super::{Answer, Answers, Evidence, Grader, Need, NeedId, ROUNDS, Step, criteria::broken};
use crate::model::{
    fault::{Boundary, Fault},
    score::Score,
};
use std::collections::BTreeSet;

/// Asks every grader until it is done; the scores are in the order of the graders. `ask` is called at most once per round, with every need that
/// is new in it, and gives as many answers in the same order. After four rounds a grader is broken.
pub fn run_all(
    graders: &[Box<dyn Grader>],
    evidence: &Evidence<'_>,
    ask: &mut dyn FnMut(Vec<Need>) -> Vec<Answer>,
) -> Vec<Score> {
    let mut open: Vec<Open> = graders.iter().map(|grader| Open::new(grader.as_ref())).collect();
    for _ in 0..ROUNDS {
        let (mut whose, mut needs): (Vec<(usize, NeedId)>, Vec<Need>) = (Vec::new(), Vec::new());
        for (at, grader) in open.iter_mut().enumerate().filter(|(_, grader)| grader.done.is_none()) {
            for (id, need) in grader.step(evidence) {
                whose.push((at, id));
                needs.push(need);
            }
        }
        if open.iter().all(|grader| grader.done.is_some()) {
            break;
        }
        let answers = if needs.is_empty() { Vec::new() } else { ask(needs) };
        for ((at, id), answer) in whose.into_iter().zip(answers) {
            open[at].answers.insert(id, answer);
        }
    }
    open.into_iter().flat_map(|grader| grader.ended(evidence)).collect()
}

/// What every grader asks first, when nothing is known yet.
pub fn first_needs(graders: &[Box<dyn Grader>], evidence: &Evidence<'_>) -> Vec<Need> {
    graders.iter().flat_map(|grader| Open::new(grader.as_ref()).step(evidence)).map(|(_, need)| need).collect()
}

struct Open<'a> {
    grader: &'a dyn Grader,
    answers: Answers,
    done: Option<Vec<Score>>,
}

impl<'a> Open<'a> {
    fn new(grader: &'a dyn Grader) -> Open<'a> {
        Open { grader, answers: Answers::new(), done: None }
    }

    /// What is new in this round.
    fn step(&mut self, evidence: &Evidence<'_>) -> Vec<(NeedId, Need)> {
        match self.grader.step(evidence, &self.answers) {
            Step::Done(scores) => {
                self.done = Some(scores);
                Vec::new()
            }
            Step::Needs(needs) => {
                let mut seen = BTreeSet::new();
                let new = |(id, _): &(NeedId, Need)| !self.answers.contains_key(id) && seen.insert(id.clone());
                needs.into_iter().filter(new).collect()
            }
        }
    }

    fn ended(self, evidence: &Evidence<'_>) -> Vec<Score> {
        if let Some(scores) = self.done {
            return scores;
        }
        match self.grader.step(evidence, &self.answers) {
            Step::Done(scores) => scores,
            Step::Needs(_) => {
                let name = self.grader.name();
                let message = format!("grader `{name}` still asked for more after {ROUNDS} rounds");
                vec![broken(name, Fault::new(Boundary::Grader, "rounds", message))]
            }
        }
    }
}
