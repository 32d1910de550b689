//! What a verdict hangs on: one task left out, one criterion weighing half as much or half as much again.

use super::{
    Of, Panel, Tried, mean,
    pairs::{Differences, differences, interval, verdict},
};
use crate::model::comparison::{PairRow, Sensitivity, Verdict};

pub(super) fn of_pairs(panel: &Panel<'_>, pairs: &[PairRow]) -> Vec<Sensitivity> {
    pairs.iter().filter(|row| row.n >= 3).map(|row| of_pair(panel, row)).collect()
}

fn of_pair(panel: &Panel<'_>, row: &PairRow) -> Sensitivity {
    let place = |name: &str| panel.agents.iter().position(|agent| agent == name).unwrap_or_default();
    let two = (place(&row.a), place(&row.b));
    let found = differences(panel, two, &Of::Dimension(&row.dimension));
    let (mut least, mut most, mut hangs_on) = (f64::INFINITY, f64::NEG_INFINITY, Vec::new());
    for left_out in 0..found.by.len() {
        let without = without(&found, left_out);
        let Some(diff) = mean(&without.by) else { continue };
        (least, most) = (least.min(diff), most.max(diff));
        if changes(row, &without) {
            hangs_on.push(panel.tasks[found.tasks[left_out]].id.clone());
        }
    }
    Sensitivity {
        a: row.a.clone(),
        b: row.b.clone(),
        dimension: row.dimension.clone(),
        drop_one: (least <= most).then_some((least, most)),
        hangs_on,
        weights: weights(panel, two, &row.dimension),
    }
}

fn without<'p>(found: &Differences<'p>, left_out: usize) -> Differences<'p> {
    let keep = |at: &usize| *at != left_out;
    let places: Vec<usize> = (0..found.by.len()).filter(keep).collect();
    Differences {
        by: places.iter().map(|at| found.by[*at]).collect(),
        tasks: places.iter().map(|at| found.tasks[*at]).collect(),
        clusters: places.iter().map(|at| found.clusters[*at]).collect(),
        names: places.iter().map(|at| found.names[*at]).collect(),
    }
}

fn changes(row: &PairRow, without: &Differences<'_>) -> bool {
    if !matches!(row.verdict, Verdict::Better | Verdict::Worse) {
        return false;
    }
    let interval = interval(without);
    let other = PairRow {
        n: without.by.len() as u32,
        diff: mean(&without.by),
        low: interval.as_ref().map(|it| it.low),
        high: interval.as_ref().map(|it| it.high),
        ..row.clone()
    };
    !matches!((row.verdict, verdict(&other)), (was, is) if was == is || is == Verdict::Constant)
}

/// The smallest and largest difference over every criterion of the dimension, weighing half and half as much again.
fn weights(panel: &Panel<'_>, (a, b): (usize, usize), dimension: &str) -> Option<(f64, f64)> {
    let places = panel.criteria.iter().enumerate().filter(|(_, (of, _))| *of == dimension);
    let columns: Vec<usize> = places.map(|(at, _)| at).collect();
    let of_agent = |agent: usize| -> Vec<Vec<Weighed>> {
        let task = |trials: &Vec<Tried<'_>>| trials.iter().map(|tried| Weighed::of(tried, &columns)).collect();
        panel.cells[agent].iter().map(task).collect()
    };
    let (one, other) = (of_agent(a), of_agent(b));
    let mut range: Option<(f64, f64)> = None;
    for changed in 0..columns.len() {
        for factor in [0.5, 1.5] {
            let score = |trials: &Vec<Weighed>| {
                mean(&trials.iter().filter_map(|trial| trial.reweighed(changed, factor)).collect::<Vec<f64>>())
            };
            let by = |(a, b): (&Vec<Weighed>, &Vec<Weighed>)| Some(score(a)? - score(b)?);
            let diff = mean(&one.iter().zip(&other).filter_map(by).collect::<Vec<f64>>())?;
            let (low, high) = range.unwrap_or((diff, diff));
            range = Some((low.min(diff), high.max(diff)));
        }
    }
    range
}

/// One dimension of a trial: what a change of one weight needs, close together in memory.
struct Weighed {
    total: f64,
    weight: f64,
    cap: f64,
    /// Beside the dimension's criteria: value and weight.
    parts: Vec<Option<(f64, f64)>>,
}

impl Weighed {
    fn of(tried: &Tried<'_>, columns: &[usize]) -> Weighed {
        let mut sum = Weighed { total: 0.0, weight: 0.0, cap: 1.0, parts: vec![None; columns.len()] };
        for (part, at) in sum.parts.iter_mut().zip(columns) {
            let Some((score, value)) = tried.scores[*at].and_then(|score| Some((score, score.value?))) else {
                continue;
            };
            *part = Some((value, score.weight));
            sum.total += score.weight * value;
            sum.weight += score.weight;
            if value < 0.5 {
                sum.cap = sum.cap.min(score.cap.unwrap_or(1.0));
            }
        }
        sum
    }

    /// The dimension's score with one criterion's weight changed; caps hold as they are.
    fn reweighed(&self, changed: usize, factor: f64) -> Option<f64> {
        let (value, own) = self.parts[changed].unwrap_or_default();
        let more = own * (factor - 1.0);
        let (total, weight) = (self.total + more * value, self.weight + more);
        // What rounding leaves of nothing is nothing.
        (weight > 1e-12).then(|| (total / weight).min(self.cap))
    }
}
