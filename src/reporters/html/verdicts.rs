//! The verdicts of one trial, and which events they cite.

use super::super::names::{safe, spoken};
use super::super::standings::{as_score, of_trial};
use super::super::words::{bytes, figure, plural, score, usd};
use super::figure::level;
use crate::graders::dimension;
use crate::model::{
    judge::{Judged, Kept, Verdict as Judge, Vote},
    results::TrialResult,
    score::Score,
};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
pub(super) struct Group<'a> {
    name: String,
    anchor: String,
    text: String,
    class: &'static str,
    /// `between 0.60 and 0.80, whatever the unknown ones are`
    bounds: Option<String>,
    /// Something in it was not met.
    open: bool,
    verdicts: Vec<Verdict<'a>>,
    /// Criteria that only a judge could answer, where there is none.
    unasked: Vec<&'a str>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    anchor: String,
    criterion: &'a str,
    text: String,
    class: &'static str,
    weight: String,
    why: &'a str,
    cites: Vec<(String, &'a str)>,
    judged: Option<JudgedView<'a>>,
}

/// What judges said, whole.
#[derive(Serialize)]
struct JudgedView<'a> {
    votes: Vec<VoteView<'a>>,
    split: bool,
    /// What was not shown, in words.
    left_out: Option<String>,
    injected: Vec<String>,
    actions: Option<&'static str>,
}

#[derive(Serialize)]
struct VoteView<'a> {
    by: &'a str,
    model: Option<&'a str>,
    verdict: &'static str,
    class: &'static str,
    why: &'a str,
    expectation: &'a str,
    /// Event, quote, whether it stands there.
    quotes: Vec<(Option<String>, &'a str, bool)>,
    reasoning: &'a str,
    /// "recorded", "2 requests, 0.01 USD".
    how: String,
}

/// A verdict as an event that it cites points back to it.
#[derive(Clone, Serialize)]
pub(super) struct Back<'a> {
    anchor: String,
    name: &'a str,
    class: &'static str,
    #[serde(skip)]
    pub quote: &'a str,
}

/// By dimension, in reading order; in each what was met least comes first.
pub(super) fn groups<'a>(trial: &'a TrialResult, names: &[&str]) -> Vec<Group<'a>> {
    names
        .iter()
        .map(|name| group(trial, name))
        .filter(|group| !group.verdicts.is_empty() || !group.unasked.is_empty())
        .collect()
}

fn group<'a>(trial: &'a TrialResult, name: &str) -> Group<'a> {
    let all = trial.scores.iter().enumerate().filter(|(_, score)| score.dimension == name);
    let (unasked, mut asked): (Vec<_>, Vec<_>) =
        all.partition(|(_, score)| score.outcome == "not_asked" && score.cites.is_empty());
    asked.sort_by(|(_, a), (_, b)| a.value.unwrap_or(2.0).total_cmp(&b.value.unwrap_or(2.0)));
    let value = of_trial(trial, name);
    Group {
        name: spoken(name),
        anchor: format!("d-{}", safe(name)),
        text: value.map_or("-".to_owned(), score),
        class: level(value),
        bounds: bounds(trial, name),
        open: asked.iter().any(|(_, score)| score.value.is_some_and(|value| value < 1.0)),
        verdicts: asked.into_iter().map(|(at, score)| verdict(at, score)).collect(),
        unasked: unasked.into_iter().map(|(_, score)| score.criterion.as_str()).collect(),
    }
}

/// Event -> the verdicts that cite it.
pub(super) fn cited(trial: &TrialResult) -> HashMap<u32, Vec<Back<'_>>> {
    let mut found: HashMap<u32, Vec<Back<'_>>> = HashMap::new();
    for (at, score) in trial.scores.iter().enumerate() {
        for cite in &score.cites {
            let back = Back {
                anchor: format!("v{at}"),
                name: &score.criterion,
                class: level(score.value),
                quote: &cite.quote,
            };
            found.entry(cite.event.0).or_default().push(back);
        }
    }
    found
}

fn verdict(at: usize, result: &crate::model::results::ScoreResult) -> Verdict<'_> {
    Verdict {
        anchor: format!("v{at}"),
        criterion: &result.criterion,
        text: result.value.map_or_else(|| result.outcome.replace('_', " "), score),
        class: level(result.value),
        weight: figure(result.weight),
        why: &result.why,
        cites: result.cites.iter().map(|cite| (cite.event.to_string(), unsaid(&result.why, &cite.quote))).collect(),
        judged: result.judged.as_deref().map(judged),
    }
}

fn judged(judged: &Judged) -> JudgedView<'_> {
    let left = &judged.left_out;
    let words = || {
        let skeleton = plural(left.events as usize, "event");
        let cut = plural(left.cut as usize, "event");
        let wanted = if left.wanted > 0 { format!("; {} of them asked for", left.wanted) } else { String::new() };
        format!("{skeleton} shown by one line each, {cut} in part ({} left out){wanted}", bytes(left.bytes))
    };
    JudgedView {
        votes: judged.votes.iter().map(vote).collect(),
        split: judged.split,
        left_out: (!left.is_nothing()).then(words),
        injected: judged.injection_suspected.iter().map(ToString::to_string).collect(),
        actions: judged.actions.map(spoken_verdict),
    }
}

fn vote(vote: &Vote) -> VoteView<'_> {
    let kept = match vote.kept {
        Kept::Live => None,
        Kept::Cache => Some("kept".to_owned()),
        Kept::Recorded => Some("recorded".to_owned()),
    };
    let requests = (vote.requests > 1).then(|| plural(vote.requests as usize, "request"));
    let how: Vec<String> = kept.into_iter().chain(requests).chain(vote.micro_usd.map(usd)).collect();
    VoteView {
        by: &vote.by,
        model: vote.model.as_deref(),
        verdict: vote.verdict.map_or("no reply", spoken_verdict),
        class: match vote.verdict {
            Some(Judge::Met) => "met",
            Some(Judge::NotMet) => "unmet",
            Some(Judge::Unknown | Judge::NotApplicable) | None => "none",
        },
        why: &vote.why,
        expectation: &vote.expectation,
        quotes: vote
            .quotes
            .iter()
            .map(|it| (it.event.map(|event| event.to_string()), it.quote.as_str(), it.valid))
            .collect(),
        reasoning: &vote.reasoning,
        how: how.join(", "),
    }
}

fn spoken_verdict(verdict: Judge) -> &'static str {
    match verdict {
        Judge::Met => "met",
        Judge::NotMet => "not met",
        Judge::Unknown => "unknown",
        Judge::NotApplicable => "not applicable",
    }
}

/// A quote that its sentence does not hold already.
fn unsaid<'a>(why: &str, quote: &'a str) -> &'a str {
    if super::findings_view::repeats(why, quote) { "" } else { quote }
}

fn bounds(trial: &TrialResult, name: &str) -> Option<String> {
    let scores: Vec<Score> = trial.scores.iter().filter(|score| score.dimension == name).map(as_score).collect();
    let (low, high) = dimension(&scores).bounds?;
    (high - low > 0.005).then(|| format!("between {} and {}, whatever the unknown ones are", score(low), score(high)))
}
