//! Over the trials of one task: does the agent do the same thing twice?
//!
//! Definitions of HAL's reliability evaluation: outcomes `(2p - 1)^2`; acts by distribution `1 - mean pairwise Jensen-Shannon divergence (base 2)`;
//! acts by sequence `mean pairwise 1 - edit distance / longer length`; resources `exp(-coefficient of variation)`.

use std::collections::BTreeMap;

/// Acts of a trial that are compared, its first ones: edit distance costs the product of two lengths, for every pair of trials.
pub const ACTS: usize = 500;

/// 1 when all trials pass or all fail, 0 when half do.
pub fn outcome_consistency(successes: &[bool]) -> Option<f64> {
    if successes.is_empty() {
        return None;
    }
    let share = successes.iter().filter(|success| **success).count() as f64 / successes.len() as f64;
    Some((2.0 * share - 1.0).powi(2))
}

/// How alike the mixes of acts are, whatever their order.
pub fn act_distribution_consistency(trials: &[Vec<String>]) -> Option<f64> {
    let shares: Vec<BTreeMap<&str, f64>> =
        trials.iter().filter(|trial| !trial.is_empty()).map(|trial| distribution(trial)).collect();
    mean_over_pairs(&shares, |one, two| divergence(one, two)).map(|mean| 1.0 - mean)
}

/// How alike the sequences of acts are, up to `ACTS` of each.
pub fn act_sequence_consistency(trials: &[Vec<String>]) -> Option<f64> {
    mean_over_pairs(trials, |one, two| {
        let (one, two) = (&one[..one.len().min(ACTS)], &two[..two.len().min(ACTS)]);
        let longer = one.len().max(two.len());
        if longer == 0 { 1.0 } else { 1.0 - distance(one, two) as f64 / longer as f64 }
    })
}

/// How alike the resources used are (tokens, calls, seconds).
pub fn resource_consistency(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() < 2 || mean <= 0.0 {
        return None;
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some((-variance.sqrt() / mean).exp())
}

fn mean_over_pairs<T>(items: &[T], of: impl Fn(&T, &T) -> f64) -> Option<f64> {
    let (mut total, mut pairs) = (0.0, 0u32);
    for (at, one) in items.iter().enumerate() {
        for two in &items[at + 1..] {
            total += of(one, two);
            pairs += 1;
        }
    }
    (pairs > 0).then(|| total / f64::from(pairs))
}

fn distribution(trial: &[String]) -> BTreeMap<&str, f64> {
    let mut shares = BTreeMap::new();
    for act in trial {
        *shares.entry(act.as_str()).or_insert(0.0) += 1.0 / trial.len() as f64;
    }
    shares
}

/// Jensen-Shannon divergence, base 2: 0 for equal mixes, 1 for disjoint ones.
fn divergence(one: &BTreeMap<&str, f64>, two: &BTreeMap<&str, f64>) -> f64 {
    let part = |own: &BTreeMap<&str, f64>, other: &BTreeMap<&str, f64>| -> f64 {
        let term = |(act, share): (&&str, &f64)| {
            let middle = f64::midpoint(*share, other.get(act).copied().unwrap_or(0.0));
            share * (share / middle).log2()
        };
        own.iter().map(term).sum()
    };
    f64::midpoint(part(one, two), part(two, one))
}

fn distance(one: &[String], two: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let next = (corner + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[two.len()]
}
