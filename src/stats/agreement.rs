//! Agreement of two raters beyond chance: Cohen's kappa and what must be read beside it.
//!
//! Kappa depends on how common the labels are: two raters that agree on 91 of 100 items have a kappa of 0.13 when nearly all are of one
//! label. So raw agreement, prevalence and Gwet's AC1 always stand beside it. Where all items have one label kappa is `None`, not 1.

use super::table::Table;

/// The normal quantile of a two-sided 95 % interval.
pub const Z95: f64 = 1.959_963_984_540_054;

/// How much a disagreement costs, by the distance of the two labels in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Every disagreement costs the same.
    Nominal,
    /// The distance.
    Linear,
    /// The distance squared.
    Quadratic,
}

impl Weights {
    /// Agreement, 0..=1, of labels `first` and `second` of `labels`.
    pub fn of(self, (first, second): (usize, usize), labels: usize) -> f64 {
        let distance = first.abs_diff(second) as f64 / (labels - 1) as f64;
        match self {
            Weights::Nominal => f64::from(u8::from(first == second)),
            Weights::Linear => 1.0 - distance,
            Weights::Quadratic => 1.0 - distance * distance,
        }
    }
}

/// A kappa, -1..=1, with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kappa {
    pub kappa: f64,
    /// For intervals.
    pub error: f64,
    /// Under the hypothesis that kappa is 0, for tests of it.
    pub error_at_zero: f64,
}

impl Kappa {
    /// The 95 % interval; `None` where the standard error is 0 (both raters agree everywhere): a zero-width one would claim certainty.
    pub fn interval(&self) -> Option<(f64, f64)> {
        (self.error > 1e-12).then_some((self.kappa - Z95 * self.error, self.kappa + Z95 * self.error))
    }
}

/// Cohen's kappa, weighted or not, with the large-sample standard errors of Fleiss, Cohen and Everitt (1969).
///
/// `None` where chance alone would agree everywhere (both raters gave one label only).
pub fn kappa(table: &Table, weights: Weights) -> Option<Kappa> {
    let (first, second, labels) = (table.first(), table.second(), table.labels());
    let weight = |a: usize, b: usize| weights.of((a, b), labels);
    // Mean weight of a label of one rater over all labels of the other.
    let by_first: Vec<f64> = (0..labels).map(|a| (0..labels).map(|b| weight(a, b) * second[b]).sum()).collect();
    let by_second: Vec<f64> = (0..labels).map(|b| (0..labels).map(|a| weight(a, b) * first[a]).sum()).collect();
    let observed: f64 = table.shares().map(|(a, b, share)| weight(a, b) * share).sum();
    let expected: f64 = by_first.iter().zip(&first).map(|(mean, share)| mean * share).sum();
    let beyond = 1.0 - expected;
    if beyond <= 1e-12 {
        return None;
    }
    let kappa = (observed - expected) / beyond;
    let scale = beyond * beyond * table.items() as f64;
    let spread: f64 = table
        .shares()
        .map(|(a, b, share)| share * (weight(a, b) - (by_first[a] + by_second[b]) * (1.0 - kappa)).powi(2))
        .sum();
    let spread_at_zero: f64 = table
        .shares()
        .map(|(a, b, _)| first[a] * second[b] * (weight(a, b) - by_first[a] - by_second[b]).powi(2))
        .sum();
    let error = |spread: f64, less: f64| ((spread - less * less).max(0.0) / scale).sqrt();
    Some(Kappa {
        kappa,
        error: error(spread, kappa - expected * (1.0 - kappa)),
        error_at_zero: error(spread_at_zero, expected),
    })
}

/// Share of items on which both raters agree, 0..=1.
pub fn raw_agreement(table: &Table) -> f64 {
    table.agreed() as f64 / table.items() as f64
}

/// Gwet's AC1 (2008): agreement beyond chance where chance is `sum p(1-p) / (q-1)` with the labels' mean shares; steady where one label
/// is rare. Its labels are those of the table, used or not.
pub fn gwet_ac1(table: &Table) -> f64 {
    let labels = table.labels() as f64;
    let expected = mean_shares(table).iter().map(|share| share * (1.0 - share)).sum::<f64>() / (labels - 1.0);
    (raw_agreement(table) - expected) / (1.0 - expected)
}

/// Scott's pi (1955): chance from the labels' mean shares. `None` where one label was given throughout.
pub fn scott_pi(table: &Table) -> Option<f64> {
    let expected: f64 = mean_shares(table).iter().map(|share| share * share).sum();
    (expected < 1.0 - 1e-12).then(|| (raw_agreement(table) - expected) / (1.0 - expected))
}

/// Prevalence-adjusted, bias-adjusted kappa (Byrt, Bishop, Carlin 1993): every label equally likely by chance.
pub fn pabak(table: &Table) -> f64 {
    let chance = 1.0 / table.labels() as f64;
    (raw_agreement(table) - chance) / (1.0 - chance)
}

/// Agreement on one label (Cicchetti, Feinstein 1990): `2 n_ll / (n_l. + n_.l)`. `None` where nobody gave it.
pub fn agreement_on(table: &Table, label: usize) -> Option<f64> {
    let both = *table.counts().get(label)?.get(label)? as f64 / table.items() as f64;
    let either = table.first()[label] + table.second()[label];
    (either > 0.0).then(|| 2.0 * both / either)
}

fn mean_shares(table: &Table) -> Vec<f64> {
    table.first().iter().zip(table.second()).map(|(first, second)| (first + second) / 2.0).collect()
}
