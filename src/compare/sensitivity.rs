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
    let mut range: Option<(f64, f64)> = None;
    for changed in &columns {
        for factor in [0.5, 1.5] {
            let score = |agent: usize, task: usize| {
                let of = |tried: &Tried<'_>| reweighed(tried, &columns, (*changed, factor));
                mean(&panel.cells[agent][task].iter().filter_map(of).collect::<Vec<f64>>())
            };
            let by = |task| Some(score(a, task)? - score(b, task)?);
            let diff = mean(&(0..panel.tasks.len()).filter_map(by).collect::<Vec<f64>>())?;
            let (low, high) = range.unwrap_or((diff, diff));
            range = Some((low.min(diff), high.max(diff)));
        }
    }
    range
}

/// The dimension's score with one criterion's weight changed; caps hold as they are.
fn reweighed(tried: &Tried<'_>, columns: &[usize], (changed, factor): (usize, f64)) -> Option<f64> {
    let (mut total, mut weight, mut cap) = (0.0, 0.0, 1.0_f64);
    for at in columns {
        let Some(score) = tried.scores[*at] else { continue };
        let Some(value) = score.value else { continue };
        let own = if *at == changed { score.weight * factor } else { score.weight };
        total += own * value;
        weight += own;
        if value < 0.5 {
            cap = cap.min(score.cap.unwrap_or(1.0));
        }
    }
    (weight > 0.0).then(|| (total / weight).min(cap))
}
