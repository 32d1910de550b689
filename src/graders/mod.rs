//! Graders: from facts and metrics to answers to binary questions, and from those to dimensions.
//!
//! A grader is a pure function of the evidence and of *all answers so far*: it either is done, or says what it needs (a command's output, a
//! judge's reply) and is asked again. Nothing here runs anything.
//!
//! ```text
//! self_checking.yaml   checks_after_last_edit   rule: metric.check_after_last_edit   ->  scored 1   "ran `pytest -q` after its last edit"   e41
//! outcome.yaml         expected                 check: expected                      ->  tests_pass@brief scored 1, limited@brief scored 0
//! ```
//!
//! A criterion comes out as a number, as *unknown* (the source cannot tell), *not applicable*, *not asked* (no judge), or *broken* (our fault, never
//! the agent's score). Criteria are data: `graders/*.yaml`.

mod check;
mod cites;
pub mod criteria;
mod describe;
mod dimension;
mod expression;
mod guardrail;
mod judge;
mod judged;
mod list;
mod node;
mod outcome;
pub mod program;
mod rounds;
mod rule;
mod says;
mod shipped;

pub use cites::{cited, event_text, quote_of};
pub use criteria::Criteria;
pub use dimension::{MET, dimension, dimensions};
pub use list::list_document;
pub use outcome::{interview_result, passed, stage_results};
pub use rounds::{first_needs, run_all};
pub use shipped::{SHIPPED, shipped};

use crate::{
    metrics::Facts,
    model::{
        fault::{Boundary, Fault},
        judge::{Bench, JudgeNeed, Replied},
        score::{Measured, Score},
        task::Task,
        trace::{End, Trace},
    },
};
use std::{borrow::Cow, collections::BTreeMap};

/// Rounds of needs after which a grader is broken: votes, their second tries, tie breakers, their second tries.
pub const ROUNDS: usize = 4;

/// Everything a grader may look at.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// `None`: a recorded session without a suite.
    pub task: Option<&'a Task>,
    pub trace: &'a Trace,
    pub facts: &'a Facts<'a>,
    pub end: &'a End,
    pub metrics: &'a [(&'static str, Measured)],
    /// `None`: no judge is configured, and what only a judge can answer is not asked.
    pub bench: Option<&'a Bench>,
}

impl Evidence<'_> {
    pub fn metric(&self, id: &str) -> Option<&Measured> {
        self.metrics.iter().find(|(name, _)| *name == id).map(|(_, measured)| measured)
    }
}

/// A need's name, unique within its grader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NeedId(pub Cow<'static, str>);

/// What a grader must be told before it can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    Command(CommandNeed),
    Judge(Box<JudgeNeed>),
}

/// A program to run: in the suite's folder, with this on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandNeed {
    pub argv: Vec<String>,
    pub stdin: String,
    pub timeout_ms: u64,
}

/// What a need came back with.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Output(Result<Output, Fault>),
    Reply(Replied),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// `None`: ended by a signal.
    pub exit: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub timed_out: bool,
}

pub type Answers = BTreeMap<NeedId, Answer>;

pub enum Step {
    Done(Vec<Score>),
    Needs(Vec<(NeedId, Need)>),
}

/// One file of criteria, or one program.
pub trait Grader: Send + Sync {
    /// The dimension it scores.
    fn name(&self) -> &str;
    fn step(&self, evidence: &Evidence<'_>, answers: &Answers) -> Step;
}

/// A kind of grader: the key under which a criterion (or a suite) names it.
pub struct Kind {
    pub word: &'static str,
    pub doc: &'static str,
    /// A whole criteria file, or a line of a suite; a test builds it.
    pub example: &'static str,
    pub build: Build,
}

#[derive(Clone, Copy)]
pub enum Build {
    /// From the value under the kind's key in a criterion.
    Criterion(fn(&node::Node, &mut node::Findings) -> Option<Box<dyn criteria::Asks>>),
    /// From a suite: the grader's name and its command line.
    Program(fn(&str, &[String]) -> Box<dyn Grader>),
}

/// Every kind of grader.
pub static GRADERS: &[Kind] =
    &[rule::RULE, check::CHECK, guardrail::GUARDRAIL, describe::DESCRIBE, judge::JUDGE, program::PROGRAM];

/// Asks a grader until it is done. `answer` is called once per need; after four rounds the grader is broken.
pub fn run(grader: &dyn Grader, evidence: &Evidence<'_>, answer: &mut dyn FnMut(&Need) -> Answer) -> Vec<Score> {
    let mut answers = Answers::new();
    for _ in 0..ROUNDS {
        match grader.step(evidence, &answers) {
            Step::Done(scores) => return scores,
            Step::Needs(needs) => {
                for (id, need) in needs {
                    answers.entry(id).or_insert_with(|| answer(&need));
                }
            }
        }
    }
    match grader.step(evidence, &answers) {
        Step::Done(scores) => scores,
        Step::Needs(_) => vec![criteria::broken(
            grader.name(),
            Fault::new(
                Boundary::Grader,
                "rounds",
                format!("grader `{}` still asked for more after {ROUNDS} rounds", grader.name()),
            ),
        )],
    }
}

/// Every grader's scores, for graders that need nothing from outside. What needs a command is broken here: use `run` for those.
pub fn grade(graders: &[Box<dyn Grader>], evidence: &Evidence<'_>) -> Vec<Score> {
    let mut nothing = |need: &Need| match need {
        Need::Command(command) => {
            let message = format!("`{}` was not run here", command.argv.join(" "));
            Answer::Output(Err(Fault::new(Boundary::Grader, "not_run", message)))
        }
        Need::Judge(_) => Answer::Reply(Err(Fault::new(Boundary::Judge, "not_asked", "no judge was asked here"))),
    };
    graders.iter().flat_map(|grader| run(grader.as_ref(), evidence, &mut nothing)).collect()
}
