//! Two agents paired by task: the difference, its interval, and what two tests say of it.

use super::{Of, PASSED, Panel, every_two, mean};
use crate::model::comparison::{PairRow, Verdict};
use crate::stats::{bootstrap, clusters, contingency, multiplicity, paired, permutation, quantile::t_tail};
use std::collections::BTreeMap;

/// Sign patterns drawn where there are too many to count.
const DRAWS: u64 = 10_000;
const SEED: u64 = 20_261_124;
const CONFIDENCE: f64 = 0.95;
/// Tasks up to which the many tests of criteria count every sign pattern.
const FEW: usize = 12;

/// Differences below this are rounding.
const SAME: f64 = 1e-12;

/// Differences by task, and the cluster of each.
pub(super) struct Differences<'p> {
    pub by: Vec<f64>,
    /// Places of the tasks in the panel.
    pub tasks: Vec<usize>,
    pub clusters: Vec<&'p str>,
    pub names: Vec<&'p str>,
}

pub(super) fn on_dimensions(panel: &Panel<'_>, dimensions: &[String]) -> Vec<PairRow> {
    let pair = |(a, b)| dimensions.iter().map(move |name| row(panel, (a, b), (&Of::Dimension(name), name, None)));
    every_two(panel.agents.len()).flat_map(pair).collect()
}

/// Every criterion of every two agents, with Benjamini-Hochberg over each pair's table.
pub(super) fn on_criteria(panel: &Panel<'_>) -> Vec<PairRow> {
    let mut rows = Vec::new();
    for two in every_two(panel.agents.len()) {
        let of = |(at, (dimension, criterion)): (usize, &(&str, &str))| {
            row(panel, two, (&Of::Criterion(at), dimension, Some(criterion)))
        };
        let mut table: Vec<PairRow> = panel.criteria.iter().enumerate().map(of).filter(|row| row.n > 0).collect();
        let ps: Vec<f64> = table.iter().filter_map(|row| row.p).collect();
        let mut adjusted = multiplicity::benjamini_hochberg(&ps).into_iter();
        for row in table.iter_mut().filter(|row| row.p.is_some()) {
            row.q = adjusted.next();
        }
        rows.extend(table);
    }
    rows
}

fn row(
    panel: &Panel<'_>,
    (a, b): (usize, usize),
    (of, dimension, criterion): (&Of<'_>, &str, Option<&str>),
) -> PairRow {
    let found = differences(panel, (a, b), of);
    let mut row = PairRow {
        a: panel.agents[a].clone(),
        b: panel.agents[b].clone(),
        dimension: dimension.to_owned(),
        criterion: criterion.map(str::to_owned),
        n: found.by.len() as u32,
        diff: mean(&found.by),
        low: None,
        high: None,
        p: None,
        p_signflip: None,
        p_mcnemar: None,
        bootstrap: None,
        q: None,
        verdict: Verdict::InsufficientData,
    };
    if found.by.len() < 2 {
        return row;
    }
    infer(&mut row, &found);
    if dimension == PASSED && criterion.is_none() {
        row.p_mcnemar = mcnemar(panel, (a, b), &found);
    }
    row.verdict = verdict(&row);
    row
}

fn infer(row: &mut PairRow, found: &Differences<'_>) {
    if let Some(interval) = interval(found) {
        (row.low, row.high, row.p) = (Some(interval.low), Some(interval.high), Some(interval.p));
    }
    let exact = if row.criterion.is_some() { FEW } else { permutation::MOST_EXACT };
    let flipped = if found.by.len() <= exact {
        permutation::sign_flip(&found.by)
    } else {
        permutation::sign_flip_drawn(&found.by, DRAWS, SEED)
    };
    row.p_signflip = flipped.map(|it| it.two_sided);
    if row.criterion.is_none() && found.by.len() >= bootstrap::FEWEST_TASKS {
        let by: Vec<Vec<f64>> = found.by.iter().map(|by| vec![*by]).collect();
        row.bootstrap = bootstrap::interval(&by, CONFIDENCE, SEED).map(|it| (it.low, it.high));
    }
}

/// A difference with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub low: f64,
    pub high: f64,
    pub p: f64,
}

/// The t interval over tasks, or over clusters of tasks where there are some; `None` where all differences are the same.
pub(super) fn interval(found: &Differences<'_>) -> Option<Interval> {
    if found.by.iter().all(|by| (by - found.by[0]).abs() <= SAME) {
        return None;
    }
    if found.clusters.iter().all(|cluster| cluster.is_empty()) {
        let test = paired::one_sample_t(&found.by)?;
        let interval = test.interval(CONFIDENCE)?;
        return Some(Interval { low: interval.low, high: interval.high, p: test.p });
    }
    let mut by_cluster: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (by, (cluster, task)) in found.by.iter().zip(found.clusters.iter().zip(&found.names)) {
        // A task without a cluster stands for itself.
        by_cluster.entry(if cluster.is_empty() { task } else { cluster }).or_default().push(*by);
    }
    let test = clusters::clustered(&by_cluster.into_values().collect::<Vec<_>>())?;
    let interval = test.interval(CONFIDENCE)?;
    let error = test.adjusted.filter(|error| *error > 0.0)?;
    let p = 2.0 * t_tail((test.mean / error).abs(), (test.clusters - 1) as f64)?;
    Some(Interval { low: interval.low, high: interval.high, p })
}

pub(super) fn verdict(row: &PairRow) -> Verdict {
    match (row.n, row.low, row.high, row.diff) {
        (0 | 1, ..) => Verdict::InsufficientData,
        (_, Some(low), _, _) if low > 0.0 => Verdict::Better,
        (_, _, Some(high), _) if high < 0.0 => Verdict::Worse,
        (_, Some(_), Some(_), _) => Verdict::NotShown,
        (_, _, _, Some(diff)) if diff.abs() > SAME => Verdict::Constant,
        _ => Verdict::NotShown,
    }
}

/// Means of `a` minus means of `b` on the tasks that both have a score on.
pub(super) fn differences<'p>(panel: &'p Panel<'_>, (a, b): (usize, usize), of: &Of<'_>) -> Differences<'p> {
    let mut found = Differences { by: Vec::new(), tasks: Vec::new(), clusters: Vec::new(), names: Vec::new() };
    for (at, task) in panel.tasks.iter().enumerate() {
        if let (Some(one), Some(other)) = (mean(&panel.scores(a, at, of)), mean(&panel.scores(b, at, of))) {
            found.by.push(one - other);
            found.tasks.push(at);
            found.clusters.push(task.cluster.as_deref().unwrap_or_default());
            found.names.push(&task.id);
        }
    }
    found
}

/// Only where every task has one trial: repeats of a task are no independent pairs.
fn mcnemar(panel: &Panel<'_>, (a, b): (usize, usize), found: &Differences<'_>) -> Option<f64> {
    let of = Of::Dimension(PASSED);
    let once = |agent: usize| found.tasks.iter().all(|task| panel.scores(agent, *task, &of).len() == 1);
    if !once(a) || !once(b) {
        return None;
    }
    let count = |wanted: f64| found.by.iter().filter(|by| (*by - wanted).abs() < SAME).count() as u64;
    contingency::mcnemar(count(1.0), count(-1.0)).map(|test| test.two_sided)
}
