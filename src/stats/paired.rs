//! Two agents, or now against baseline, on the same tasks. `a` and `b` hold one value per task in the same order; differences are a - b.
//! `None` for unequal lengths and fewer than two tasks.

use super::{
    Interval,
    moments::{mean, squares, standard_error, variance},
    quantile::{normal_cdf, t_quantile, t_tail},
};

/// The t test of paired differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedT {
    pub mean: f64,
    /// More than 0.
    pub error: f64,
    pub t: f64,
    pub df: f64,
    /// Two-sided.
    pub p: f64,
}

impl PairedT {
    /// Two-sided interval for the mean difference; `confidence` in (0, 1).
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let half = t_quantile(0.5 + confidence / 2.0, self.df)? * self.error;
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }
}

/// Student 1908, as Miller 2024 section 4.2 recommends it. `None` also for differences that are all equal: they have no error.
pub fn paired_t(a: &[f64], b: &[f64]) -> Option<PairedT> {
    one_sample_t(&differences(a, b)?)
}

/// The same from the differences.
pub fn one_sample_t(differences: &[f64]) -> Option<PairedT> {
    let (mean, error) = (mean(differences)?, standard_error(differences).filter(|error| *error > 0.0)?);
    let (t, df) = (mean / error, (differences.len() - 1) as f64);
    Some(PairedT { mean, error, t, df, p: 2.0 * t_tail(t.abs(), df)? })
}

/// Welch's test, which forgets the pairs: shown only to say how much pairing gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unpaired {
    pub error: f64,
    pub t: f64,
    /// Welch & Satterthwaite.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
}

/// Welch 1947. `a` and `b` may differ in length. `None` for fewer than two values a side or no variance at all.
pub fn unpaired(a: &[f64], b: &[f64]) -> Option<Unpaired> {
    let (left, right) = (standard_error(a)?.powi(2), standard_error(b)?.powi(2));
    let error = Some((left + right).sqrt()).filter(|error| *error > 0.0)?;
    let parts = left.powi(2) / (a.len() - 1) as f64 + right.powi(2) / (b.len() - 1) as f64;
    let (t, df) = ((mean(a)? - mean(b)?) / error, (left + right).powi(2) / parts);
    Some(Unpaired { error, t, df, p: 2.0 * t_tail(t.abs(), df)? })
}

/// Pearson's correlation, in [-1, 1]. `None` also where a side does not vary.
pub fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    differences(a, b)?;
    let (left, right) = (mean(a)?, mean(b)?);
    let product: f64 = a.iter().zip(b).map(|(a, b)| (a - left) * (b - right)).sum();
    let scale = (squares(a) * squares(b)).sqrt();
    (scale > 0.0).then(|| (product / scale).clamp(-1.0, 1.0))
}

/// Cliff 1993: P(a > b) - P(a < b) over all pairs, in [-1, 1]. Lengths may differ; `None` if a side is empty.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    let pairs = a.len() * b.len();
    let sum: i64 = a.iter().flat_map(|a| b.iter().map(move |b| i64::from(a > b) - i64::from(a < b))).sum();
    (pairs > 0).then(|| sum as f64 / pairs as f64)
}

/// Mean difference in standard deviations of the differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSize {
    pub dz: f64,
    /// Hedges 1981: times this, dz is unbiased; 1 - 3/(4 df - 1).
    pub correction: f64,
}

/// Cohen's d_z. `None` also for differences that are all equal.
pub fn effect_size(a: &[f64], b: &[f64]) -> Option<EffectSize> {
    let differences = differences(a, b)?;
    let deviation = variance(&differences)?.sqrt();
    let df = (differences.len() - 1) as f64;
    let dz = mean(&differences)? / deviation;
    (deviation > 0.0).then_some(EffectSize { dz, correction: 1.0 - 3.0 / (4.0 * df - 1.0) })
}

/// Wilcoxon's signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// The smaller of the two rank sums.
    pub w: f64,
    /// Two-sided, from the normal approximation without continuity correction.
    pub p: f64,
}

/// Wilcoxon 1945: differences of 0 are left out, ties share their rank. `None` also where all differences are 0.
/// Differences that differ by rounding alone are not tied: round before where that matters.
pub fn signed_rank(a: &[f64], b: &[f64]) -> Option<SignedRank> {
    let mut moved: Vec<f64> = differences(a, b)?.into_iter().filter(|d| *d != 0.0).collect();
    if moved.is_empty() {
        return None;
    }
    moved.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut below, mut above, mut ties, mut before) = (0.0, 0.0, 0.0, 0.0);
    for tied in moved.chunk_by(|a, b| a.abs() == b.abs()) {
        let count = tied.len() as f64;
        let rank = before + (count + 1.0) / 2.0;
        let negative = tied.iter().filter(|d| **d < 0.0).count() as f64;
        below += rank * negative;
        above += rank * (count - negative);
        ties += count.powi(3) - count;
        before += count;
    }
    let n = moved.len() as f64;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0).sqrt();
    let w = f64::min(below, above);
    let z = (w - n * (n + 1.0) / 4.0) / deviation;
    Some(SignedRank { w, p: (2.0 * normal_cdf(z)).min(1.0) })
}

/// a - b, task by task. `None` for unequal lengths and fewer than two tasks.
pub fn differences(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    (a.len() == b.len() && a.len() > 1).then(|| a.iter().zip(b).map(|(a, b)| a - b).collect())
}
