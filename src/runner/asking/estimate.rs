//! What asking will take, before anybody is asked: the first round's calls are known exactly, the rest is a range.

use super::{Asking, judge_key, need_key};
use crate::judges::{cost, price_of};
use crate::judging::estimate;
use crate::model::{
    fault::Fault,
    judge::{JudgeNeed, Seat},
    trace::Usage,
};
use std::collections::BTreeMap;

/// Calls by grader, and how often each criterion is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    pub graders: BTreeMap<String, Line>,
    /// `dimension/criterion` -> calls of the first round that hold it.
    pub criteria: BTreeMap<String, u64>,
}

/// What the calls of one grader take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub first: First,
    /// Calls at most: every reply unreadable once, every vote split.
    pub most_calls: u64,
    /// Micro-USD at most, of the calls whose price is known.
    pub most_micro_usd: u64,
}

/// The first round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct First {
    /// Calls that will be made.
    pub calls: u64,
    /// Calls that are answered from what was kept.
    pub kept: u64,
    /// About: no tokenizer is asked.
    pub input_tokens: u64,
    /// Micro-USD for the input alone, of the calls whose price is known.
    pub micro_usd: u64,
    /// Calls to paid models without a known price.
    pub unpriced: u64,
}

impl Estimate {
    /// Adds a call of the first round.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn add(&mut self, need: &JudgeNeed, asking: &Asking) -> Result<(), Fault> {
        let judge = asking.judge();
        let Seat::Vote(at) = need.seat else { return Ok(()) };
        let Some(vote) = judge.votes.get(at) else { return Ok(()) };
        for criterion in &need.criteria {
            *self.criteria.entry(criterion.clone()).or_default() += 1;
        }
        let grader = need.criteria.first().and_then(|name| name.split_once('/')).map_or("", |(grader, _)| grader);
        let line = self.graders.entry(grader.to_owned()).or_default();
        let kept = asking.inner.chosen.cache.get(&need_key(need), &judge_key(vote))?.is_some();
        if kept || matches!(vote.provider.as_str(), "recorded" | "human") {
            line.first.kept += 1;
            return Ok(());
        }
        let prompt = &need.prompt;
        let input = estimate(&prompt.system) + estimate(&prompt.user) + estimate(&prompt.schema.to_string());
        line.first.calls += 1;
        line.first.input_tokens += input;
        // A tie breaker is asked once for all votes: its part of this vote, rounded up.
        let ties = judge.tie_breaker.as_ref().map(|_| 2_u64.div_ceil(judge.votes.len().max(1) as u64));
        line.most_calls += 2 + ties.unwrap_or(0);
        let priced = |input, output| {
            let usage = Usage { input, output, ..Usage::default() };
            price_of(vote).map(|price| cost(price, &usage))
        };
        match priced(input, 0).zip(priced(input, u64::from(need.prompt.most))) {
            Some((least, most)) => {
                line.first.micro_usd += least;
                line.most_micro_usd += most * (2 + ties.unwrap_or(0));
            }
            None if vote.is_paid() => line.first.unpriced += 1,
            None => {}
        }
        Ok(())
    }

    /// All graders together.
    pub fn total(&self) -> Line {
        self.graders.values().fold(Line::default(), |sum, line| Line {
            first: First {
                calls: sum.first.calls + line.first.calls,
                kept: sum.first.kept + line.first.kept,
                input_tokens: sum.first.input_tokens + line.first.input_tokens,
                micro_usd: sum.first.micro_usd + line.first.micro_usd,
                unpriced: sum.first.unpriced + line.first.unpriced,
            },
            most_calls: sum.most_calls + line.most_calls,
            most_micro_usd: sum.most_micro_usd + line.most_micro_usd,
        })
    }
}
