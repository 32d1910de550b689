//! Who did better at what, and whether the run can show it.
//!
//! The numbers are those of `compare`: differences paired by task. `careful beats hasty on self-checking by 0.62 ± 0.11` is said only where the
//! interval leaves zero out; with one task there is no interval, and the data do not suffice.

use super::Report;
use super::names::spoken;
use super::words::{and, plural, score};
use crate::compare::{Panel, compare};
use crate::graders::dimension;
use crate::model::{
    comparison::{Comparison, PairRow, Verdict},
    fault::{Boundary, Fault},
    results::{Results, ScoreResult, TrialResult},
    score::{Outcome, Score},
};
use std::collections::BTreeMap;

/// Differences below this read as `0.00`.
const LEVEL: f64 = 0.005;

/// Two agents over every dimension that both have.
pub(super) struct Pair {
    pub ahead: String,
    pub behind: String,
    pub contrasts: Vec<Contrast>,
    /// Tasks that both have, and trials per task.
    pub tasks: usize,
    pub trials: (usize, usize),
}

/// One dimension of a pair: `by` is the mean over tasks of ahead minus behind.
pub(super) struct Contrast {
    pub dimension: String,
    pub by: f64,
    pub half: Option<f64>,
    /// The smallest true difference that so many tasks would show four times out of five.
    pub visible: Option<f64>,
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

/// The agents of one run side by side; `None` where nothing may be compared, as in a run of trials that had failed before.
pub(super) fn side_by_side(results: &Results) -> Option<Comparison> {
    let runs = std::slice::from_ref(results);
    Panel::of(runs, &[]).ok().map(|panel| compare(panel, runs))
}

/// The best agent against each other one; all pairs where there are at most three. Without a task in common there is nothing to compare.
pub(super) fn pairs(report: &Report<'_>) -> Vec<Pair> {
    let (results, names) = (report.results, report.dimensions());
    let Some(found) = report.comparison() else { return Vec::new() };
    let ranked = ranked(results);
    let mut pairs = Vec::new();
    for (at, ahead) in ranked.iter().enumerate() {
        for behind in &ranked[at + 1..] {
            if at == 0 || ranked.len() <= 3 {
                let contrasts = contrasts(found, names, (ahead, behind));
                pairs.extend(pair(results, (ahead, behind), contrasts));
            }
        }
    }
    pairs
}

/// Agents by the mean of their dimensions, best first.
fn ranked(results: &Results) -> Vec<&str> {
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
pub(super) fn sentence(pair: &Pair) -> String {
    let group =
        |shown: &[Shown]| -> Vec<&Contrast> { pair.contrasts.iter().filter(|it| shown.contains(&it.shown)).collect() };
    let mut parts = Vec::new();
    let solid = group(&[Shown::Apart, Shown::Constant]);
    let (won, lost): (Vec<&Contrast>, Vec<&Contrast>) = solid.into_iter().partition(|it| it.by > 0.0);
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
        let names: Vec<String> = level.iter().map(|it| spoken(&it.dimension)).collect();
        let subject = if parts.is_empty() { format!("{} and {} are ", pair.ahead, pair.behind) } else { String::new() };
        parts.push(format!("{subject}level on {}", and(&names)));
    }
    format!("{} ({})", parts.join("; "), design(pair))
}

/// `3 tasks x 1`.
pub(super) fn design(pair: &Pair) -> String {
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
        judged: None,
    }
}

/// Every dimension that both have a score in on some task, the largest lead first.
fn contrasts(found: &Comparison, names: &[&str], (ahead, behind): (&str, &str)) -> Vec<Contrast> {
    let of = |row: &PairRow| {
        let sign = match (row.a.as_str(), row.b.as_str()) {
            two if two == (ahead, behind) => 1.0,
            two if two == (behind, ahead) => -1.0,
            _ => return None,
        };
        names.contains(&row.dimension.as_str()).then_some(())?;
        let half = row.low.zip(row.high).map(|(low, high)| (high - low) / 2.0);
        let by = sign * row.diff?;
        let visible = found.mde.get(&row.dimension).copied().flatten();
        Some(Contrast { dimension: row.dimension.clone(), by, half, visible, shown: shown(row) })
    };
    let mut contrasts: Vec<Contrast> = found.pairs.iter().filter_map(of).collect();
    let place = |it: &Contrast| names.iter().position(|name| *name == it.dimension);
    contrasts.sort_by(|a, b| b.by.total_cmp(&a.by).then(place(a).cmp(&place(b))));
    contrasts
}

fn shown(row: &PairRow) -> Shown {
    match row.verdict {
        Verdict::Better | Verdict::Worse => Shown::Apart,
        _ if row.low.is_none() && row.diff.is_some_and(|diff| diff.abs() < LEVEL) => Shown::Level,
        Verdict::NotShown => Shown::Within,
        Verdict::Constant => Shown::Constant,
        Verdict::InsufficientData => Shown::TooFew,
    }
}

fn pair(results: &Results, (ahead, behind): (&str, &str), contrasts: Vec<Contrast>) -> Option<Pair> {
    let mut trials: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for trial in results.trials.iter().filter(|trial| !trial.twin && !trial.scores.is_empty()) {
        let of = trials.entry(&trial.task).or_default();
        of.0 += usize::from(trial.agent == ahead);
        of.1 += usize::from(trial.agent == behind);
    }
    let both: Vec<(usize, usize)> = trials.into_values().filter(|(a, b)| *a > 0 && *b > 0).collect();
    let least = both.iter().map(|(a, b)| *a.min(b)).min()?;
    let most = both.iter().map(|(a, b)| *a.max(b)).max()?;
    let (ahead, behind) = (ahead.to_owned(), behind.to_owned());
    (!contrasts.is_empty()).then_some(Pair { ahead, behind, contrasts, tasks: both.len(), trials: (least, most) })
}

fn on(contrasts: &[&Contrast]) -> String {
    let items: Vec<String> =
        contrasts.iter().map(|it| format!("on {} by {}", spoken(&it.dimension), amount(it))).collect();
    and(&items)
}

fn listed(contrasts: &[&Contrast]) -> String {
    let item = |it: &&Contrast| {
        let sign = if it.by < 0.0 { "-" } else { "+" };
        format!("{} {sign}{}", spoken(&it.dimension), amount(it))
    };
    contrasts.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn amount(contrast: &Contrast) -> String {
    let by = score(contrast.by.abs());
    contrast.half.map(|half| format!("{by} ± {}", score(half))).unwrap_or(by)
}
