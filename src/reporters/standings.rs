//! Who did better at what, and whether the run can show it.
//!
//! Differences are paired by task: for each task the difference of two agents' means, over those differences a t interval. `careful beats hasty on
//! self-checking by 0.62 ± 0.11` is said only where the interval leaves zero out; with one task there is no interval, and the data do not suffice.

use super::names::{dimensions, spoken};
use super::words::{and, plural, score};
use crate::graders::dimension;
use crate::model::{
    fault::{Boundary, Fault},
    results::{Results, ScoreResult, TrialResult},
    score::{Outcome, Score},
};
use crate::stats::mean_interval;
use std::collections::BTreeMap;

/// Differences below this read as `0.00`.
const LEVEL: f64 = 0.005;

/// Two agents over every dimension that both have.
pub(super) struct Pair<'a> {
    pub ahead: &'a str,
    pub behind: &'a str,
    pub contrasts: Vec<Contrast<'a>>,
    /// Tasks that both have, and trials per task.
    pub tasks: usize,
    pub trials: (usize, usize),
}

/// One dimension of a pair: `by` is the mean over tasks of ahead minus behind.
pub(super) struct Contrast<'a> {
    pub dimension: &'a str,
    pub by: f64,
    pub half: Option<f64>,
    pub shown: Shown,
}

/// What a difference is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Its interval leaves zero out.
    Apart,
    /// The same on each of several tasks: there is no interval.
    Constant,
    /// Its interval holds zero.
    Within,
    /// One task.
    TooFew,
    Level,
}

impl Shown {
    pub fn words(self) -> &'static str {
        match self {
            Shown::Apart => "shown",
            Shown::Constant => "the same on every task: no interval",
            Shown::Within => "not shown: the interval holds zero",
            Shown::TooFew => "insufficient data: one task",
            Shown::Level => "level",
        }
    }
}

/// Task -> trials' scores.
type ByTask<'a> = BTreeMap<&'a str, Vec<f64>>;

/// The best agent against each other one; all pairs where there are at most three. Without a task in common there is nothing to compare.
pub(super) fn pairs(results: &Results) -> Vec<Pair<'_>> {
    let names = dimensions(results);
    let scores = scores(results);
    let ranked = ranked(results);
    let mut pairs = Vec::new();
    for (at, ahead) in ranked.iter().enumerate() {
        for behind in &ranked[at + 1..] {
            if at == 0 || ranked.len() <= 3 {
                pairs.extend(pair(&scores, &names, (ahead, behind)));
            }
        }
    }
    pairs
}

/// Agents by the mean of their dimensions, best first.
pub(super) fn ranked(results: &Results) -> Vec<&str> {
    let mean = |at: usize| {
        let means: Vec<f64> = results.agents[at].dimensions.values().filter_map(|dimension| dimension.mean).collect();
        if means.is_empty() { -1.0 } else { means.iter().sum::<f64>() / means.len() as f64 }
    };
    let mut order: Vec<usize> = (0..results.agents.len()).collect();
    order.sort_by(|a, b| mean(*b).total_cmp(&mean(*a)).then(a.cmp(b)));
    order.into_iter().map(|at| results.agents[at].agent.as_str()).collect()
}

/// A trial's score in one dimension, weighed and capped as graders do.
pub(super) fn of_trial(trial: &TrialResult, name: &str) -> Option<f64> {
    let scores: Vec<Score> = trial.scores.iter().filter(|score| score.dimension == name).map(as_score).collect();
    dimension(&scores).value
}

/// A pair in one sentence or two.
pub(super) fn sentence(pair: &Pair<'_>) -> String {
    let group = |shown: &[Shown]| -> Vec<&Contrast<'_>> {
        pair.contrasts.iter().filter(|it| shown.contains(&it.shown)).collect()
    };
    let mut parts = Vec::new();
    let solid = group(&[Shown::Apart, Shown::Constant]);
    let (won, lost): (Vec<&Contrast<'_>>, Vec<&Contrast<'_>>) = solid.into_iter().partition(|it| it.by > 0.0);
    if !won.is_empty() {
        parts.push(format!("{} beats {} {}", pair.ahead, pair.behind, on(&won)));
    }
    if !lost.is_empty() {
        parts.push(format!("{} beats {} {}", pair.behind, pair.ahead, on(&lost)));
    }
    let open = group(&[Shown::Within]);
    if !open.is_empty() {
        let subject =
            if parts.is_empty() { format!("between {} and {} ", pair.ahead, pair.behind) } else { String::new() };
        parts.push(format!("{subject}not shown: {}", listed(&open)));
    }
    let few = group(&[Shown::TooFew]);
    if !few.is_empty() {
        let subject = if parts.is_empty() { format!("{} minus {} ", pair.ahead, pair.behind) } else { String::new() };
        parts.push(format!("{subject}on one task each, insufficient data for an interval: {}", listed(&few)));
    }
    let level = group(&[Shown::Level]);
    if !level.is_empty() {
        let names: Vec<String> = level.iter().map(|it| spoken(it.dimension)).collect();
        let subject = if parts.is_empty() { format!("{} and {} are ", pair.ahead, pair.behind) } else { String::new() };
        parts.push(format!("{subject}level on {}", and(&names)));
    }
    format!("{} ({})", parts.join("; "), design(pair))
}

/// `3 tasks x 1`.
pub(super) fn design(pair: &Pair<'_>) -> String {
    let trials = match pair.trials {
        (least, most) if least == most => most.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    format!("{} x {trials}", plural(pair.tasks, "task"))
}

/// A score as graders had it.
pub(super) fn as_score(result: &ScoreResult) -> Score {
    let why = result.why.clone();
    let outcome = match (result.outcome.as_str(), result.value) {
        ("scored", Some(value)) => Outcome::Scored(value),
        ("not_applicable", _) => Outcome::NotApplicable(why),
        ("not_asked", _) => Outcome::NotAsked,
        ("broken", _) => Outcome::Broken(Fault::new(Boundary::Grader, "broken", why)),
        // `unknown`, and a word of a later version: open either way.
        (_, _) => Outcome::Unknown(why),
    };
    Score {
        dimension: result.dimension.clone(),
        criterion: result.criterion.clone(),
        outcome,
        weight: result.weight,
        cap: result.cap,
        why: result.why.clone(),
        cites: Vec::new(),
    }
}

fn scores(results: &Results) -> BTreeMap<(&str, &str), ByTask<'_>> {
    let names = dimensions(results);
    let mut found: BTreeMap<(&str, &str), ByTask<'_>> = BTreeMap::new();
    for trial in results.trials.iter().filter(|trial| !trial.twin) {
        for name in &names {
            if let Some(value) = of_trial(trial, name) {
                found.entry((&trial.agent, name)).or_default().entry(&trial.task).or_default().push(value);
            }
        }
    }
    found
}

fn pair<'a>(
    scores: &BTreeMap<(&str, &str), ByTask<'a>>,
    names: &[&'a str],
    (ahead, behind): (&'a str, &'a str),
) -> Option<Pair<'a>> {
    let mut pair = Pair { ahead, behind, contrasts: Vec::new(), tasks: 0, trials: (usize::MAX, 0) };
    for name in names {
        let (Some(a), Some(b)) = (scores.get(&(ahead, *name)), scores.get(&(behind, *name))) else { continue };
        let both: Vec<(&Vec<f64>, &Vec<f64>)> = a.iter().filter_map(|(task, a)| Some((a, b.get(task)?))).collect();
        let differences: Vec<f64> = both.iter().map(|(a, b)| mean(a) - mean(b)).collect();
        pair.contrasts.extend(contrast(name, &differences));
        pair.tasks = pair.tasks.max(both.len());
        for (a, b) in both {
            pair.trials = (pair.trials.0.min(a.len()).min(b.len()), pair.trials.1.max(a.len()).max(b.len()));
        }
    }
    pair.trials.0 = pair.trials.0.min(pair.trials.1);
    pair.contrasts.sort_by(|a, b| b.by.total_cmp(&a.by));
    (!pair.contrasts.is_empty()).then_some(pair)
}

fn contrast<'a>(dimension: &'a str, differences: &[f64]) -> Option<Contrast<'a>> {
    let found = mean_interval(differences)?;
    let half = found.interval.map(|(low, high)| (high - low) / 2.0);
    let shown = match half {
        None if found.mean.abs() < LEVEL => Shown::Level,
        None if found.tasks < 2 => Shown::TooFew,
        None => Shown::Constant,
        Some(half) if found.mean.abs() > half => Shown::Apart,
        Some(_) => Shown::Within,
    };
    Some(Contrast { dimension, by: found.mean, half, shown })
}

fn on(contrasts: &[&Contrast<'_>]) -> String {
    let items: Vec<String> =
        contrasts.iter().map(|it| format!("on {} by {}", spoken(it.dimension), amount(it))).collect();
    and(&items)
}

fn listed(contrasts: &[&Contrast<'_>]) -> String {
    let item = |it: &&Contrast<'_>| {
        let sign = if it.by < 0.0 { "-" } else { "+" };
        format!("{} {sign}{}", spoken(it.dimension), amount(it))
    };
    contrasts.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn amount(contrast: &Contrast<'_>) -> String {
    let by = score(contrast.by.abs());
    contrast.half.map(|half| format!("{by} ± {}", score(half))).unwrap_or(by)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
