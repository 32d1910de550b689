//! One step of the interview.

use super::{
    answer::{Heed, decide, heed, heed_tool, reply},
    script::Script,
    state::{Here, How, Passage, Pending, Phase, Place, Said, State},
};
use crate::model::{
    interview::{By, Decided, Decision, Finding, Input, Move},
    task::{Stage, When},
};

/// The model looks at no more sentences than this for one reply; a person would not go on either.
const MATCHES: usize = 8;

/// What comes of an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub state: State,
    pub next: Move,
    /// In the order taken; each is an event of the trace.
    pub decisions: Vec<Decision>,
}

/// Takes in what happened and says what to do.
pub fn step(script: &Script, state: State, input: &Input) -> Step {
    let mut turn = Turn { script, state, decisions: Vec::new() };
    let next = match input {
        Input::Opened => turn.opened(),
        Input::Asked { text, options } => turn.asked(text, options),
        Input::TurnEnded { message, called_tools } => turn.ended(message, *called_tools),
        Input::Matched(facts) => turn.matched(facts),
        Input::Checked(findings) => turn.checked(findings),
    };
    Step { state: turn.state, next, decisions: turn.decisions }
}

/// The whole interview over recorded inputs: same script, same inputs, same steps.
pub fn replay(script: &Script, inputs: &[Input]) -> Vec<Step> {
    let mut state = State::default();
    let mut steps = Vec::with_capacity(inputs.len());
    for input in inputs {
        let step = step(script, state, input);
        state = step.state.clone();
        steps.push(step);
    }
    steps
}

struct Turn<'s> {
    script: &'s Script,
    state: State,
    decisions: Vec<Decision>,
}

/// The lines that a suite may reword.
#[derive(Clone, Copy)]
enum Line {
    GoAhead,
    Offer,
    Enough,
    Remind,
}

/// What a condition comes to.
enum Holds {
    Yes,
    No(String),
    /// Nobody knows: the stage is skipped and the interview says nothing about the agent.
    CannotTell(String),
}

impl Turn<'_> {
    fn opened(&mut self) -> Move {
        match self.state.phase {
            Phase::Unopened => self.enter_from(0),
            Phase::Working | Phase::Matching(_) | Phase::Checking => Move::Wait,
            Phase::Done => Move::Stop,
        }
    }

    fn asked(&mut self, text: &str, options: &[String]) -> Move {
        match self.state.phase {
            Phase::Working | Phase::Matching(_) => {}
            Phase::Unopened | Phase::Checking => return Move::Wait,
            Phase::Done => return Move::Stop,
        }
        let heed = heed_tool(self.script, text, options);
        if !heed.questions.is_empty() {
            return self.hear(heed, Place::MidTurn);
        }
        if let Some(sentence) = &heed.go_ahead {
            return self.say(Place::MidTurn, Line::GoAhead, sentence);
        }
        self.say(Place::MidTurn, Line::Offer, &heed.offer.unwrap_or_default())
    }

    fn ended(&mut self, message: &str, called_tools: bool) -> Move {
        match &self.state.phase {
            Phase::Working => {}
            // The agent gave up waiting for the answer it asked for in the middle of its turn.
            Phase::Matching(pending) if pending.place == Place::MidTurn => self.state.phase = Phase::Working,
            Phase::Unopened | Phase::Matching(_) | Phase::Checking => return Move::Wait,
            Phase::Done => return Move::Stop,
        }
        if self.state.here.declined == Said::Yes {
            return self.end_stage("its offer was declined");
        }
        if self.state.here.over == Said::Yes {
            return self.end_stage("it went on asking after enough");
        }
        let heed = heed(self.script, message);
        if !heed.questions.is_empty() {
            self.hear(heed, Place::TurnEnd)
        } else if let Some(sentence) = &heed.go_ahead {
            self.go_ahead(sentence)
        } else if let Some(sentence) = &heed.offer {
            self.state.here.declined = Said::Yes;
            self.say(Place::TurnEnd, Line::Offer, sentence)
        } else if !called_tools && self.state.here.reminded == Said::No {
            self.state.here.reminded = Said::Yes;
            self.say(Place::TurnEnd, Line::Remind, "no question and no tool call")
        } else {
            self.end_stage("its turn ended without a question")
        }
    }

    fn matched(&mut self, facts: &Result<Vec<String>, String>) -> Move {
        let mut pending = match std::mem::replace(&mut self.state.phase, Phase::Working) {
            Phase::Matching(pending) => pending,
            Phase::Done => {
                self.state.phase = Phase::Done;
                return Move::Stop;
            }
            before @ (Phase::Unopened | Phase::Working | Phase::Checking) => {
                self.state.phase = before;
                return Move::Wait;
            }
        };
        let tellable = self.script.tellable(&self.state);
        if let Some(heard) = pending.queue.pop_front().and_then(|at| pending.heard.get_mut(at)) {
            heard.by = By::Model;
            match facts {
                // A model may select from the list and nothing else.
                Ok(ids) => heard.facts = tellable.into_iter().filter(|id| ids.contains(id)).collect(),
                Err(why) => heard.trouble = Some(why.clone()),
            }
        }
        self.match_or_answer(pending)
    }

    fn checked(&mut self, findings: &[Finding]) -> Move {
        match self.state.phase {
            Phase::Checking => {}
            Phase::Unopened | Phase::Working | Phase::Matching(_) => return Move::Wait,
            Phase::Done => return Move::Stop,
        }
        self.state.find(findings);
        self.enter_from(self.state.stage + 1)
    }

    /// Answers questions while there are replies left.
    fn hear(&mut self, heed: Heed, place: Place) -> Move {
        self.state.questions += u32::try_from(heed.questions.len()).unwrap_or(u32::MAX);
        for heard in &heed.questions {
            self.state.ask(&heard.facts);
        }
        let first = heed.questions.first().map(|heard| heard.sentence.clone()).unwrap_or_default();
        if self.state.here.replies >= self.script.interview().replies {
            return self.no_more(place, &first);
        }
        let busy = matches!(self.state.phase, Phase::Matching(_));
        let unmatched = |(at, heard): (usize, &super::state::Heard)| heard.facts.is_empty().then_some(at);
        let with_model =
            self.script.interview().model.is_some() && !busy && !self.script.tellable(&self.state).is_empty();
        let most = if with_model { MATCHES } else { 0 };
        let queue = heed.questions.iter().enumerate().filter_map(unmatched).take(most).collect();
        self.match_or_answer(Pending { place, heard: heed.questions, queue, go_ahead: heed.go_ahead })
    }

    fn match_or_answer(&mut self, pending: Pending) -> Move {
        if let Some(heard) = pending.queue.front().and_then(|at| pending.heard.get(*at)) {
            let next = Move::Match { question: heard.sentence.clone(), facts: self.script.tellable(&self.state) };
            self.state.phase = Phase::Matching(pending);
            return next;
        }
        for heard in &pending.heard {
            self.state.ask(&heard.facts);
        }
        let (text, decisions) = reply(self.script, &mut self.state, &pending);
        self.state.here.replies += 1;
        self.decisions.extend(decisions);
        spoken(pending.place, text)
    }

    fn no_more(&mut self, place: Place, sentence: &str) -> Move {
        match (self.state.here.said_enough, place) {
            (Said::No, _) => {}
            (Said::Yes, Place::TurnEnd) => return self.end_stage("it went on asking after enough"),
            (Said::Yes, Place::MidTurn) => self.state.here.over = Said::Yes,
        }
        self.state.here.said_enough = Said::Yes;
        self.say(place, Line::Enough, sentence)
    }

    /// Leave is given, but not for ever: an agent that only ever asks for it does not get on.
    fn go_ahead(&mut self, sentence: &str) -> Move {
        self.state.here.go_aheads += 1;
        if self.state.here.go_aheads > self.script.interview().replies.max(1) {
            return self.end_stage("it asked for leave again and again");
        }
        self.say(Place::TurnEnd, Line::GoAhead, sentence)
    }

    fn say(&mut self, place: Place, line: Line, why: &str) -> Move {
        let lines = self.script.lines();
        let (decision, text) = match line {
            Line::GoAhead => (Decided::GoAhead, &lines.go_ahead),
            Line::Offer => (Decided::DeclineOffer, &lines.offer),
            Line::Enough => (Decided::Enough, &lines.enough),
            Line::Remind => (Decided::Remind, &lines.remind),
        };
        self.decisions.push(decide(decision, why));
        spoken(place, text.clone())
    }

    fn end_stage(&mut self, why: &str) -> Move {
        self.state.phase = Phase::Checking;
        self.decisions.push(decide(Decided::EndStage, why));
        let Some(passage) = self.state.passages.last_mut() else { return Move::Wait };
        passage.how = How::Ended;
        Move::EndStage { stage: passage.stage.clone() }
    }

    /// Enters the first stage from here on whose condition holds.
    fn enter_from(&mut self, first: usize) -> Move {
        let script = self.script;
        for (at, stage) in script.stages().iter().enumerate().skip(first) {
            let why = match self.holds(stage) {
                Holds::Yes => return self.enter(at, stage),
                Holds::No(why) => why,
                Holds::CannotTell(why) => {
                    let void = format!("stage `{}` was skipped: {why}", stage.id);
                    self.state.void.get_or_insert(void);
                    why
                }
            };
            self.decisions.push(decide(Decided::SkipStage, &format!("{}: {why}", stage.id)));
            self.state.passages.push(Passage { stage: stage.id.clone(), how: How::Skipped(why) });
        }
        self.state.phase = Phase::Done;
        self.decisions.push(decide(Decided::Stop, "the script is done"));
        Move::Stop
    }

    fn enter(&mut self, at: usize, stage: &Stage) -> Move {
        self.state.stage = at;
        self.state.here = Here::default();
        self.state.phase = Phase::Working;
        self.state.passages.push(Passage { stage: stage.id.clone(), how: How::Entered });
        let (text, told) = self.script.brief(stage, &self.state);
        self.state.tell(&told);
        let why = format!("stage `{}`{}", stage.id, if stage.correction { ", a correction" } else { "" });
        self.decisions.push(Decision { decision: Decided::Brief, facts: told, by: By::Script, why });
        Move::Say(text)
    }

    fn holds(&self, stage: &Stage) -> Holds {
        match &stage.when {
            None => Holds::Yes,
            Some(When::Told { fact }) if self.state.was_told(fact) => Holds::Yes,
            Some(When::Told { fact }) => Holds::No(format!("`{fact}` was not told")),
            Some(When::Asked { fact }) if self.state.was_asked(fact) => Holds::Yes,
            Some(When::Asked { fact }) => Holds::No(format!("`{fact}` was not asked for")),
            Some(When::Check { name, passed }) => self.stands(name, *passed, [name, "passed", "failed"]),
            Some(When::Constraint { id, kept }) => {
                let constraints = &self.script.interview().constraints;
                match constraints.iter().find(|constraint| constraint.id == *id) {
                    Some(constraint) => self.stands(&constraint.check, *kept, [id, "kept", "violated"]),
                    None => Holds::CannotTell(format!("there is no constraint `{id}`")),
                }
            }
        }
    }

    fn stands(&self, check: &str, wanted: bool, [name, yes, no]: [&str; 3]) -> Holds {
        match self.state.findings.get(check) {
            Some(Ok(holds)) if *holds == wanted => Holds::Yes,
            Some(Ok(holds)) => Holds::No(format!("`{name}` is {}", if *holds { yes } else { no })),
            Some(Err(why)) => Holds::CannotTell(format!("check `{check}` could not run: {why}")),
            None => Holds::CannotTell(format!("check `{check}` has not run")),
        }
    }
}

fn spoken(place: Place, text: String) -> Move {
    match place {
        Place::TurnEnd => Move::Say(text),
        Place::MidTurn => Move::Reply(text),
    }
}
