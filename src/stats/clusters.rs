//! Values that come in clusters (the trials of a task, the rows of a family): errors that respect it.
//!
//! `clusters`: the values of each cluster, any range; empty clusters count for nothing.

use super::{
    Interval,
    moments::{mean, squares, standard_error},
    quantile::t_quantile,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clustered {
    /// Of all values, each counted alike.
    pub mean: f64,
    pub values: usize,
    pub clusters: usize,
    /// As if values were independent. `None` for one value.
    pub naive: Option<f64>,
    /// Miller 2024 (arXiv:2411.00640, appendix A).
    pub miller: f64,
    /// Miller's times sqrt(C/(C-1)), which few clusters need. `None` for one cluster.
    pub adjusted: Option<f64>,
}

impl Clustered {
    /// Two-sided t interval on C-1 degrees of freedom. `None` for one cluster, and where the error is 0: trials that vary within tasks and not
    /// between them (a negative intra-class correlation) do that, and an interval of zero width would claim certainty.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let error = self.adjusted.filter(|error| *error > 0.0)?;
        let half = t_quantile(0.5 + confidence / 2.0, (self.clusters - 1) as f64)? * error;
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }
}

/// The mean with its naive and its clustered errors. `None` for no value.
pub fn clustered(clusters: &[Vec<f64>]) -> Option<Clustered> {
    let all: Vec<f64> = clusters.iter().flatten().copied().collect();
    let center = mean(&all)?;
    let filled = clusters.iter().filter(|values| !values.is_empty());
    let sums: Vec<f64> = filled.map(|values| values.iter().map(|value| value - center).sum()).collect();
    let square: f64 = sums.iter().map(|sum| sum * sum).sum();
    let (values, count) = (all.len(), sums.len() as f64);
    // What rounding leaves of sums that are 0 is no error.
    let miller = if square <= 1e-24 * values as f64 { 0.0 } else { square.sqrt() / values as f64 };
    let adjusted = (sums.len() > 1).then(|| miller * (count / (count - 1.0)).sqrt());
    Some(Clustered { mean: center, values, clusters: sums.len(), naive: standard_error(&all), miller, adjusted })
}

/// How alike the values of a cluster are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// ICC(1), at most 1; below 0 where values vary more within clusters than between.
    pub icc: f64,
    /// The mean size of a cluster, corrected for unequal sizes.
    pub size: f64,
    pub between: f64,
    pub within: f64,
    /// Kish 1965: 1 + (mean size - 1) * ICC.
    pub design_effect: f64,
    /// So many independent values would tell as much.
    pub effective: f64,
}

/// One-way analysis of variance. `None` for fewer than two clusters, where no cluster has two values, or where all values are equal.
pub fn correlation(clusters: &[Vec<f64>]) -> Option<Correlation> {
    let filled: Vec<&Vec<f64>> = clusters.iter().filter(|values| !values.is_empty()).collect();
    let all: Vec<f64> = clusters.iter().flatten().copied().collect();
    let (count, n) = (filled.len(), all.len());
    if count < 2 || n == count {
        return None;
    }
    let inner: f64 = filled.iter().map(|values| squares(values)).sum();
    let within = inner / (n - count) as f64;
    let between = (squares(&all) - inner) / (count - 1) as f64;
    let sizes: f64 = filled.iter().map(|values| (values.len() * values.len()) as f64).sum();
    let size = (n as f64 - sizes / n as f64) / (count - 1) as f64;
    let total = between + (size - 1.0) * within;
    if total <= 0.0 {
        return None;
    }
    let icc = (between - within) / total;
    let design_effect = 1.0 + (n as f64 / count as f64 - 1.0) * icc;
    Some(Correlation { icc, size, between, within, design_effect, effective: n as f64 / design_effect })
}
