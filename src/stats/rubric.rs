//! Scores of rubrics, and verdicts of several votes.

use std::collections::BTreeMap;

/// Points of the criteria met over the sum of positive points (HealthBench, simple-evals): points may be negative, so the score may be
/// below 0 or, clipped, at 0. `criteria`: (points, met).
///
/// `None` where no criterion has positive points, or points are not finite.
pub fn points_score(criteria: &[(f64, bool)]) -> Option<f64> {
    let possible: f64 = criteria.iter().map(|(points, _)| points.max(0.0)).sum();
    let reached: f64 = criteria.iter().filter(|(_, met)| *met).map(|(points, _)| points).sum();
    (possible > 0.0 && possible.is_finite() && reached.is_finite()).then(|| reached / possible)
}

/// A rubric of which some criteria could not be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded {
    /// Over the criteria that were answered; `None` where none was.
    pub answered: Option<f64>,
    /// If every unknown were not met, and if every one were met.
    pub low: f64,
    pub high: f64,
    /// Weight answered over weight asked, 0..=1.
    pub coverage: f64,
}

/// `criteria`: (weight above 0, met, or `None` where it could not be told).
///
/// `None` for no criterion, or a weight that is not finite and above 0.
pub fn bounded_score(criteria: &[(f64, Option<bool>)]) -> Option<Bounded> {
    if criteria.is_empty() || criteria.iter().any(|(weight, _)| !(weight.is_finite() && *weight > 0.0)) {
        return None;
    }
    let sum = |wanted: &dyn Fn(Option<bool>) -> bool| -> f64 {
        criteria.iter().filter(|(_, met)| wanted(*met)).map(|(weight, _)| weight).sum()
    };
    let all = sum(&|_| true);
    let (met, answered) = (sum(&|met| met == Some(true)), sum(&|met| met.is_some()));
    Some(Bounded {
        answered: (answered > 0.0).then(|| met / answered),
        low: met / all,
        high: (all - answered + met) / all,
        coverage: answered / all,
    })
}

/// A rubric in levels (PaperBench): each inner node is the weighted mean of its children.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A score, 0..=1.
    Leaf(f64),
    /// (weight, child).
    Node(Vec<(f64, Tree)>),
}

/// `None` where a node has no children, or its weights are below 0, not finite, or sum to 0.
pub fn tree_score(tree: &Tree) -> Option<f64> {
    match tree {
        Tree::Leaf(score) => score.is_finite().then_some(*score),
        Tree::Node(children) => {
            let (mut reached, mut all) = (0.0, 0.0);
            for (weight, child) in children {
                if !(weight.is_finite() && *weight >= 0.0) {
                    return None;
                }
                reached += weight * tree_score(child)?;
                all += weight;
            }
            (all > 0.0).then(|| reached / all)
        }
    }
}

/// What several votes come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Majority {
    /// The verdict of more than half of those decided; `None` where there is none.
    pub verdict: Option<String>,
    /// Votes for the most frequent verdict, among the decided and among all.
    pub share_of_decided: f64,
    pub share_of_all: f64,
    /// Shannon's entropy of the decided votes in bits: 0 where all agree.
    pub entropy: f64,
}

/// `votes`: a verdict each, `None` for one that could not decide. `None` where nobody decided.
pub fn majority(votes: &[Option<&str>]) -> Option<Majority> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for vote in votes.iter().flatten() {
        *counts.entry(vote).or_default() += 1;
    }
    let decided: u64 = counts.values().sum();
    let (verdict, most) = counts.iter().max_by_key(|(_, count)| **count)?;
    let part = |count: &u64| {
        let share = *count as f64 / decided as f64;
        -share * share.log2()
    };
    Some(Majority {
        verdict: (2 * most > decided).then(|| (*verdict).to_owned()),
        share_of_decided: *most as f64 / decided as f64,
        share_of_all: *most as f64 / votes.len() as f64,
        entropy: counts.values().map(part).sum(),
    })
}

/// Verdicts on pairs that were shown in both orders, in the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct Swapped {
    /// Share of the pairs that came out alike, 0..=1.
    pub consistent: f64,
    /// The verdict of each pair; `None` (a tie) where the order decided it (MT-bench, arXiv 2306.05685).
    pub verdicts: Vec<Option<String>>,
}

/// `pairs`: (as shown first, as shown swapped). `None` for no pair.
pub fn swapped(pairs: &[(&str, &str)]) -> Option<Swapped> {
    let verdicts: Vec<Option<String>> =
        pairs.iter().map(|(first, second)| (first == second).then(|| (*first).to_owned())).collect();
    let alike = verdicts.iter().flatten().count() as f64;
    (!pairs.is_empty()).then(|| Swapped { consistent: alike / pairs.len() as f64, verdicts })
}
