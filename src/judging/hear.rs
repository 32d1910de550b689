//! Asking every seat and listening: which replies are still to come, and what those that came say.

use super::{
    Case, Judgement, Question, citing,
    decide::{Ballot, Said, by_parts, decide, judgement, proven, sum},
    plan::{Call, Planner},
    prompt::{Asked, Templates},
    reply,
    selection::View,
};
use crate::model::{
    fault::{Boundary, Fault},
    id::EventId,
    judge::{Bench, JudgeNeed, JudgeReply, LeftOut, Replied, Seat},
};

/// What came of a round.
pub enum Heard {
    /// One for each question, in their order.
    Judged(Vec<Judgement>),
    /// Requests that are still to be made, by a name that is the same in every round.
    Asks(Vec<(String, JudgeNeed)>),
}

/// Judges these questions of a dimension with the replies that have come so far.
///
/// # Errors
/// When the shipped templates cannot be read: ours.
pub fn judge<'a>(
    case: Case<'a>,
    (bench, dimension): (&'a Bench, &'a str),
    questions: &[Question],
    replies: &dyn Fn(&str) -> Option<&'a Replied>,
) -> Result<Heard, Fault> {
    let templates = Templates::shipped().map_err(|wrong| Fault::new(Boundary::Grader, "template", wrong.join("; ")))?;
    let mut planner = Planner::new(case, bench, dimension, templates);
    let (calls, unfit) = planner.calls(questions);
    let mut panel = Panel { planner: &planner, replies, asks: Vec::new(), wrong: None };
    let heard: Vec<Vec<Option<Ballots>>> = calls.iter().enumerate().map(|(at, call)| panel.call(call, at)).collect();
    if let Some(why) = panel.wrong {
        return Err(Fault::new(Boundary::Grader, "template", why));
    }
    if !panel.asks.is_empty() {
        return Ok(Heard::Asks(panel.asks));
    }
    let one = |question: &Question| {
        if let Some((_, fault)) = unfit.iter().find(|(unfit, _)| unfit.id == question.id) {
            return judgement(question, &Ballots::broken(fault.clone()));
        }
        let of = |view: Option<View>| {
            let found = calls.iter().zip(&heard).filter(|(call, _)| view.is_none_or(|view| call.view == view));
            let mut own = found
                .flat_map(|(call, heard)| call.questions.iter().zip(heard))
                .filter(|(asked, _)| asked.id == question.id);
            own.find_map(|(_, heard)| heard.as_ref())
        };
        let lost = || Ballots::broken(Fault::new(Boundary::Grader, "lost", "the question was asked in no call"));
        if question.selection.view == View::Both {
            let full = judgement(question, of(Some(View::Full)).unwrap_or(&lost()));
            return match of(Some(View::Actions)) {
                Some(actions) => beside(full, actions),
                None => full,
            };
        }
        judgement(question, of(None).unwrap_or(&lost()))
    };
    Ok(Heard::Judged(questions.iter().map(one).collect()))
}

/// The verdict in full with that on the actions alone beside it, and what both cost.
fn beside(mut full: Judgement, actions: &Ballots) -> Judgement {
    full.judged.actions = decide(&actions.ballots, actions.tie.as_ref()).verdict();
    for ballot in actions.ballots.iter().chain(&actions.tie) {
        if let Some(vote) = full.judged.votes.iter_mut().find(|vote| vote.seat == ballot.vote.seat) {
            vote.requests += ballot.vote.requests;
            vote.micro_usd = sum(vote.micro_usd, ballot.vote.micro_usd);
        }
    }
    full
}

/// All ballots about one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballots {
    pub ballots: Vec<Ballot>,
    pub tie: Option<Ballot>,
    pub left_out: LeftOut,
    pub suspects: Vec<EventId>,
}

impl Ballots {
    fn broken(fault: Fault) -> Ballots {
        let ballots = vec![Ballot::broken(Seat::Vote(0), fault)];
        Ballots { ballots, tie: None, left_out: LeftOut::default(), suspects: Vec::new() }
    }
}

struct Panel<'p, 'a> {
    planner: &'p Planner<'a>,
    replies: &'p dyn Fn(&str) -> Option<&'a Replied>,
    asks: Vec<(String, JudgeNeed)>,
    /// A template failed.
    wrong: Option<String>,
}

/// One request: its part of the call's record, its seat, and which of the call's questions.
#[derive(Clone, Copy)]
struct Request<'r> {
    part: usize,
    seat: Seat,
    subset: &'r [usize],
    mistakes: &'r [String],
}

impl<'a> Panel<'_, 'a> {
    /// What all seats said about a call's questions; `None` for those that are still asked.
    fn call(&mut self, call: &Call<'_>, at: usize) -> Vec<Option<Ballots>> {
        let all: Vec<usize> = (0..call.questions.len()).collect();
        let votes: Vec<Option<Vec<Ballot>>> =
            (0..self.planner.bench.votes.max(1)).map(|vote| self.seat(call, (at, Seat::Vote(vote)), &all)).collect();
        let Some(votes) = votes.into_iter().collect::<Option<Vec<_>>>() else { return vec![None; all.len()] };
        let ballots = |question: usize| votes.iter().map(|vote| vote[question].clone()).collect::<Vec<Ballot>>();
        let open: Vec<usize> =
            all.iter().copied().filter(|question| decide(&ballots(*question), None).verdict().is_none()).collect();
        let ties = if self.planner.bench.tie_breaker && !open.is_empty() {
            match self.seat(call, (at, Seat::TieBreaker), &open) {
                Some(ties) => ties,
                None => return vec![None; all.len()],
            }
        } else {
            Vec::new()
        };
        let tie = |question: usize| open.iter().position(|at| *at == question).and_then(|at| ties.get(at).cloned());
        let heard = |question: usize| Ballots {
            ballots: ballots(question),
            tie: tie(question),
            left_out: call.left_out[question],
            suspects: call.suspects(),
        };
        all.iter().map(|question| Some(heard(*question))).collect()
    }

    /// One seat's ballots about a subset of a call's questions, over all parts.
    fn seat(&mut self, call: &Call<'_>, (at, seat): (usize, Seat), subset: &[usize]) -> Option<Vec<Ballot>> {
        let request = |part: usize| Request { part, seat, subset, mistakes: &[] };
        let parts: Vec<Option<Vec<Said>>> =
            (0..call.fitted.parts.len()).map(|part| self.part(call, at, request(part))).collect();
        let parts: Vec<Vec<Said>> = parts.into_iter().collect::<Option<_>>()?;
        let one = |(place, question): (usize, &usize)| {
            let said: Vec<Said> = parts.iter().map(|part| part[place].clone()).collect();
            proven(by_parts(seat, call.questions[*question], said), call.left_out[*question], call.questions[*question])
        };
        Some(subset.iter().enumerate().map(one).collect())
    }

    /// One seat on one part: what it says of each question of the subset, asked a second time about those it gave no verdict on.
    fn part(&mut self, call: &Call<'_>, at: usize, request: Request<'_>) -> Option<Vec<Said>> {
        let first = self.reply(call, at, request)?;
        let mut said = self.said(call, request, first);
        let open: Vec<usize> = (0..said.len()).filter(|place| said[*place].mistake.is_some()).collect();
        if open.is_empty() {
            return Some(said);
        }
        let mistakes: Vec<String> = open
            .iter()
            .map(|place| {
                let id = &call.questions[request.subset[*place]].id;
                format!("criterion `{id}`: {}", said[*place].mistake.as_deref().unwrap_or_default())
            })
            .collect();
        let subset: Vec<usize> = open.iter().map(|place| request.subset[*place]).collect();
        let again = Request { subset: &subset, mistakes: &mistakes, ..request };
        let second = self.reply(call, at, again)?;
        for (place, new) in open.into_iter().zip(self.said(call, again, second)) {
            let before = std::mem::replace(&mut said[place], new);
            said[place].after(&before);
        }
        Some(said)
    }

    /// The reply to a request, or the request itself put on the list.
    fn reply(&mut self, call: &Call<'_>, at: usize, request: Request<'_>) -> Option<&'a Replied> {
        let again = u32::from(!request.mistakes.is_empty());
        let seat = match request.seat {
            Seat::Vote(vote) => format!("vote{vote}"),
            Seat::TieBreaker => "tie".to_owned(),
        };
        let name = format!("judge/{at}/{}/{seat}/{again}", request.part);
        if let Some(reply) = (self.replies)(&name) {
            return Some(reply);
        }
        let questions: Vec<&Question> = request.subset.iter().map(|place| call.questions[*place]).collect();
        let asked = Asked {
            dimension: self.planner.dimension,
            questions: &questions,
            view: call.view,
            record: &call.fitted.parts[request.part].text,
            facts: &call.facts,
            superseded: call.record.superseded,
            part: (request.part + 1, call.fitted.parts.len()),
            mistakes: request.mistakes,
            most: call.most,
        };
        match self.planner.templates.prompt(&asked) {
            Ok(prompt) => {
                let criteria =
                    questions.iter().map(|question| format!("{}/{}", asked.dimension, question.id)).collect();
                self.asks.push((name, JudgeNeed { seat: request.seat, prompt, criteria, again }));
            }
            Err(why) => self.wrong = Some(why),
        }
        None
    }

    /// A reply read, its quotes checked; one of each question of the subset.
    fn said(&self, call: &Call<'_>, request: Request<'_>, replied: &Replied) -> Vec<Said> {
        let reply = match replied {
            Ok(reply) => reply,
            Err(fault) => return vec![Said::broken(fault.clone()); request.subset.len()],
        };
        let questions: Vec<&Question> = request.subset.iter().map(|place| call.questions[*place]).collect();
        let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        let read = reply::read(&reply.text, &ids);
        let one = |(place, question): (usize, &&Question)| {
            let cost = share(reply, place, questions.len());
            let Some(answer) = read.said.get(&question.id) else {
                let wrong = read.wrong.get(&question.id).cloned().unwrap_or_default();
                return Said::unread(reply, cost, wrong);
            };
            let quote =
                |(event, quote): &(Option<_>, String)| citing::checked(&self.planner.case, &call.record, *event, quote);
            Said::of(reply, cost, (answer, answer.evidence.iter().map(quote).collect()), question.proof)
        };
        questions.iter().enumerate().map(one).collect()
    }
}

/// A criterion's part of a request's cost: the parts sum to the whole.
fn share(reply: &JudgeReply, place: usize, of: usize) -> Option<u64> {
    let (cost, of) = (reply.micro_usd?, of.max(1) as u64);
    Some(cost / of + u64::from((place as u64) < cost % of))
}
