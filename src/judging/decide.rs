//! From what was said to a verdict: quotes first, then parts, then what was not shown, then votes.
//!
//! | said | becomes |
//! | --- | --- |
//! | a verdict that has to be quoted, no quote stands in the record | unknown(uncited) |
//! | a verdict that rests on absence, something asked for was not shown | unknown(not shown) |
//! | all votes agree | that verdict |
//! | they differ, the tie breaker makes a majority | that verdict |
//! | they differ otherwise | unknown(split), for a person to decide |
//! | a reply that cannot be read twice, or a fault of the judge | broken, unless the tie breaker stands in |

use super::{Judgement, Proof, Question, hear::Ballots, reply, selection::Reduce};
use crate::model::{
    fault::{Boundary, Fault},
    judge::{JudgeReply, Judged, Kept, LeftOut, Quoted, Seat, Verdict, Vote},
    score::{Cite, Outcome},
};

/// Citations that a score keeps.
const CITES: usize = 5;
/// Characters of the sentence that a score shows.
const WHY: usize = 400;

/// What one seat said about one question on one part of the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub verdict: Option<Verdict>,
    pub why: String,
    pub expectation: String,
    pub quotes: Vec<Quoted>,
    pub reasoning: String,
    pub by: String,
    pub model: Option<String>,
    pub kept: Kept,
    pub requests: u32,
    pub micro_usd: Option<u64>,
    /// Why there is no verdict in the reply.
    pub mistake: Option<String>,
    pub fault: Option<Fault>,
}

/// A seat's ballot on a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballot {
    pub vote: Vote,
    pub fault: Option<Fault>,
}

/// How ballots come out together.
#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    Verdict(Verdict),
    Split(String),
    Broken(Fault),
}

impl Decided {
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Decided::Verdict(verdict) => Some(*verdict),
            Decided::Split(_) | Decided::Broken(_) => None,
        }
    }
}

impl Said {
    fn empty(reply: Option<&JudgeReply>, cost: Option<u64>) -> Said {
        Said {
            verdict: None,
            why: String::new(),
            expectation: String::new(),
            quotes: Vec::new(),
            reasoning: String::new(),
            by: reply.map(|reply| reply.by.clone()).unwrap_or_default(),
            model: reply.and_then(|reply| reply.model.clone()),
            kept: reply.map(|reply| reply.kept).unwrap_or_default(),
            requests: 1,
            micro_usd: cost,
            mistake: None,
            fault: None,
        }
    }

    pub fn broken(fault: Fault) -> Said {
        Said { why: fault.to_string(), fault: Some(fault), ..Said::empty(None, None) }
    }

    pub fn unread(reply: &JudgeReply, cost: Option<u64>, wrong: String) -> Said {
        Said { mistake: Some(wrong), ..Said::empty(Some(reply), cost) }
    }

    /// A verdict that has to be quoted and is not becomes unknown.
    pub fn of(
        reply: &JudgeReply,
        cost: Option<u64>,
        (answer, quotes): (&reply::Said, Vec<Quoted>),
        proof: Proof,
    ) -> Said {
        let cited = quotes.iter().any(|quote| quote.valid);
        let (verdict, why) = if needs_quote(proof, answer.verdict) && !cited {
            let given = if quotes.is_empty() { "gave no quote" } else { "gave no quote that stands in the record" };
            (Verdict::Unknown, format!("uncited: the judge said `{}` and {given}", answer.verdict.word()))
        } else if answer.verdict == Verdict::Unknown {
            let why = short(&answer.reasoning);
            let why = if why.is_empty() { "it gave no reason".to_owned() } else { why };
            (Verdict::Unknown, format!("the judge could not tell: {why}"))
        } else {
            (answer.verdict, String::new())
        };
        Said {
            verdict: Some(verdict),
            why,
            expectation: answer.expectation.clone(),
            quotes,
            reasoning: answer.reasoning.clone(),
            ..Said::empty(Some(reply), cost)
        }
    }

    /// Adds what the first try cost; a second that cannot be read either is the judge's fault.
    pub fn after(&mut self, first: &Said) {
        self.requests += first.requests;
        self.micro_usd = sum(self.micro_usd, first.micro_usd);
        if let Some(mistake) = self.mistake.take() {
            let message = format!("the judge's reply could not be read, twice: {mistake}");
            self.why.clone_from(&message);
            self.fault = Some(Fault::new(Boundary::Judge, "reply", message));
        }
    }
}

fn needs_quote(proof: Proof, verdict: Verdict) -> bool {
    match (proof, verdict) {
        (Proof::Presence | Proof::Either, Verdict::Met) | (Proof::Absence | Proof::Either, Verdict::NotMet) => true,
        (Proof::Presence, Verdict::NotMet) | (Proof::Absence, Verdict::Met) => false,
        (_, Verdict::Unknown | Verdict::NotApplicable) => false,
    }
}

/// Both costs, as far as they are known.
pub fn sum(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.saturating_add(two)),
        (one, two) => one.or(two),
    }
}

impl Ballot {
    pub fn broken(seat: Seat, fault: Fault) -> Ballot {
        by_one(seat, Said::broken(fault))
    }
}

fn by_one(seat: Seat, said: Said) -> Ballot {
    let vote = Vote {
        seat,
        verdict: said.verdict.filter(|_| said.fault.is_none()),
        why: said.why,
        expectation: said.expectation,
        quotes: said.quotes,
        reasoning: said.reasoning,
        by: said.by,
        model: said.model,
        kept: said.kept,
        requests: said.requests,
        micro_usd: said.micro_usd,
    };
    Ballot { vote, fault: said.fault }
}

/// The verdicts on the parts of a record as one.
pub fn by_parts(seat: Seat, question: &Question, parts: Vec<Said>) -> Ballot {
    let requests = parts.iter().map(|said| said.requests).sum();
    let micro_usd = parts.iter().fold(None, |total, said| sum(total, said.micro_usd));
    let decides = deciding(question, &parts);
    let mut ballot = match parts.into_iter().enumerate().find(|(at, _)| *at == decides) {
        Some((_, said)) => by_one(seat, said),
        None => Ballot::broken(seat, Fault::new(Boundary::Grader, "parts", "the record has no parts")),
    };
    ballot.vote.requests = requests;
    ballot.vote.micro_usd = micro_usd;
    ballot
}

/// The part whose verdict stands for all.
fn deciding(question: &Question, parts: &[Said]) -> usize {
    let default = match question.proof {
        Proof::Presence => Reduce::Any,
        // A flag that is right anywhere is right.
        Proof::Absence | Proof::Either => Reduce::All,
    };
    let find = |verdict: Verdict| parts.iter().position(|said| said.verdict == Some(verdict));
    if let Some(broken) = parts.iter().position(|said| said.fault.is_some()) {
        return broken;
    }
    let order = match question.selection.reduce.unwrap_or(default) {
        Reduce::Any => [Verdict::Met, Verdict::Unknown, Verdict::NotMet, Verdict::NotApplicable],
        Reduce::All => [Verdict::NotMet, Verdict::Unknown, Verdict::Met, Verdict::NotApplicable],
        Reduce::Last => {
            return parts.iter().rposition(|said| said.verdict != Some(Verdict::NotApplicable)).unwrap_or(0);
        }
    };
    order.into_iter().find_map(find).unwrap_or(0)
}

/// A verdict that rests on absence is unknown where something asked for was not shown.
pub fn proven(mut ballot: Ballot, left_out: LeftOut, question: &Question) -> Ballot {
    let Some(verdict) = ballot.vote.verdict else { return ballot };
    let rests_on_absence = verdict != Verdict::Unknown && !needs_quote(question.proof, verdict);
    if rests_on_absence && left_out.wanted > 0 {
        ballot.vote.verdict = Some(Verdict::Unknown);
        ballot.vote.why = format!(
            "not shown: the judge said `{}`, and {} of the events that the criterion asks for were not shown or only in part",
            verdict.word(),
            left_out.wanted
        );
    }
    ballot
}

/// Votes, and the tie breaker's where there is one.
pub fn decide(votes: &[Ballot], tie: Option<&Ballot>) -> Decided {
    let verdicts: Vec<Verdict> = votes.iter().chain(tie).filter_map(|ballot| ballot.vote.verdict).collect();
    let fault = votes.iter().chain(tie).find_map(|ballot| ballot.fault.clone());
    if let (Some(fault), true) = (fault, verdicts.len() < votes.len()) {
        return Decided::Broken(fault);
    }
    let count = |verdict: Verdict| verdicts.iter().filter(|one| **one == verdict).count();
    // Without a tie breaker all must agree; with one, more than half.
    let enough = if tie.is_none() { verdicts.len() } else { verdicts.len() / 2 + 1 };
    if let Some(verdict) = Verdict::ALL.into_iter().find(|verdict| count(*verdict) >= enough.max(1)) {
        return Decided::Verdict(verdict);
    }
    let told: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {}", count(verdict), verdict.word()))
        .collect();
    Decided::Split(format!("split: the judges differ ({})", told.join(", ")))
}

/// What a score keeps of all that.
pub fn judgement(question: &Question, heard: &Ballots) -> Judgement {
    let decided = decide(&heard.ballots, heard.tie.as_ref());
    let all = || heard.ballots.iter().chain(&heard.tie);
    let agreeing = |verdict: Verdict| all().find(move |ballot| ballot.vote.verdict == Some(verdict));
    let said = |verdict: Verdict| agreeing(verdict).map(|ballot| short(&ballot.vote.reasoning)).unwrap_or_default();
    let (outcome, mut why) = match &decided {
        Decided::Verdict(Verdict::Met) => (Outcome::Scored(1.0), said(Verdict::Met)),
        Decided::Verdict(Verdict::NotMet) => (Outcome::Scored(0.0), said(Verdict::NotMet)),
        Decided::Verdict(Verdict::NotApplicable) => {
            let why = said(Verdict::NotApplicable);
            (Outcome::NotApplicable(why.clone()), why)
        }
        Decided::Verdict(Verdict::Unknown) => {
            let why = agreeing(Verdict::Unknown).map(|ballot| ballot.vote.why.clone()).unwrap_or_default();
            (Outcome::Unknown(why.clone()), why)
        }
        Decided::Split(why) => (Outcome::Unknown(why.clone()), why.clone()),
        Decided::Broken(fault) => (Outcome::Broken(fault.clone()), fault.to_string()),
    };
    if why.is_empty() {
        why = format!("the judge gave no reason for `{}`", question.id);
    }
    if let Some(first) = heard.suspects.first() {
        why = format!("{why} (text in the record speaks to a judge, first at {first})");
    }
    let cites = decided
        .verdict()
        .map(|verdict| cites(all().filter(|ballot| ballot.vote.verdict == Some(verdict))))
        .unwrap_or_default();
    let judged = Judged {
        votes: all().map(|ballot| ballot.vote.clone()).collect(),
        split: matches!(decided, Decided::Split(_)),
        injection_suspected: heard.suspects.clone(),
        left_out: heard.left_out,
        actions: None,
    };
    Judgement { outcome, why, cites, judged }
}

/// Quotes that stand in the record, each once.
fn cites<'b>(ballots: impl Iterator<Item = &'b Ballot>) -> Vec<Cite> {
    let mut cites: Vec<Cite> = Vec::new();
    for quote in ballots.flat_map(|ballot| &ballot.vote.quotes).filter(|quote| quote.valid) {
        let Some(event) = quote.event else { continue };
        let cite = Cite { event, quote: quote.quote.clone() };
        if cites.len() < CITES && !cites.contains(&cite) {
            cites.push(cite);
        }
    }
    cites
}

fn short(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WHY).collect()
}
