//! Agreement of any number of raters, some of whom left items out: Krippendorff's alpha, Fleiss' kappa, Gwet's AC1 and AC2.
//!
//! `ratings[rater][item]`: a finite value, or `None` where this rater did not rate the item. Rows may differ in length: what is missing
//! at the end was not rated. Items with fewer than two ratings say nothing of agreement.

use super::{agreement::Weights, table::Table};

pub type Ratings = [Vec<Option<f64>>];

/// What differences of values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Nominal,
    Ordinal,
    Interval,
    /// For values above 0.
    Ratio,
}

/// How many raters gave each item which value: `counts[item][value]`.
struct Counted {
    /// Distinct, ascending.
    values: Vec<f64>,
    counts: Vec<Vec<f64>>,
}

impl Counted {
    /// `None` where a value is not finite.
    fn of(ratings: &Ratings) -> Option<Counted> {
        let mut values: Vec<f64> = ratings.iter().flatten().flatten().copied().collect();
        if values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        let items = ratings.iter().map(Vec::len).max().unwrap_or(0);
        let mut counts = vec![vec![0.0; values.len()]; items];
        for row in ratings {
            for (item, value) in row.iter().enumerate().filter_map(|(item, value)| Some((item, (*value)?))) {
                // Zero has two signs and stands once.
                if let Some(at) = values.iter().position(|known| *known == value) {
                    counts[item][at] += 1.0;
                }
            }
        }
        counts.retain(|item| item.iter().sum::<f64>() > 0.0);
        Some(Counted { values, counts })
    }
}

/// Krippendorff's alpha (2011, "Computing Krippendorff's alpha-reliability"): 1 minus observed over expected disagreement.
///
/// 1 at best, 0 by chance, below 0 for worse. `None` where no item has two ratings, all values are equal, or one is not finite.
pub fn krippendorff_alpha(ratings: &Ratings, level: Level) -> Option<f64> {
    let Counted { values, counts } = Counted::of(ratings)?;
    let mut pairs = vec![vec![0.0; values.len()]; values.len()];
    for item in &counts {
        let raters: f64 = item.iter().sum();
        if raters < 2.0 {
            continue;
        }
        for (a, row) in pairs.iter_mut().enumerate() {
            for (b, cell) in row.iter_mut().enumerate() {
                let own = if a == b { 1.0 } else { 0.0 };
                *cell += item[a] * (item[b] - own) / (raters - 1.0);
            }
        }
    }
    alpha(&pairs, &values, level)
}

/// Krippendorff's alpha of two raters from their table; `values[label]` is the value of each label, ascending.
///
/// `None` as for [`krippendorff_alpha`], and where there is not one value for each label.
pub fn krippendorff_alpha_table(table: &Table, values: &[f64], level: Level) -> Option<f64> {
    let counts = table.counts();
    let ascending = values.windows(2).all(|two| two[0] < two[1]);
    if values.len() != table.labels() || !ascending || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let both = |a: usize, b: usize| (counts[a][b] + counts[b][a]) as f64;
    let pairs: Vec<Vec<f64>> = (0..values.len()).map(|a| (0..values.len()).map(|b| both(a, b)).collect()).collect();
    alpha(&pairs, values, level)
}

/// From the matrix of coincidences: pairable values by the values they were paired with.
fn alpha(pairs: &[Vec<f64>], values: &[f64], level: Level) -> Option<f64> {
    let totals: Vec<f64> = pairs.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = totals.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for a in 0..values.len() {
        for b in 0..values.len() {
            let distance = distance((a, b), (values, &totals), level);
            observed += pairs[a][b] * distance;
            expected += totals[a] * totals[b] * distance;
        }
    }
    (expected > 0.0).then(|| 1.0 - (all - 1.0) * observed / expected)
}

fn distance((a, b): (usize, usize), (values, totals): (&[f64], &[f64]), level: Level) -> f64 {
    if a == b {
        return 0.0;
    }
    let difference = values[a] - values[b];
    match level {
        Level::Nominal => 1.0,
        Level::Interval => difference * difference,
        Level::Ratio => {
            let sum = values[a] + values[b];
            if sum == 0.0 { 0.0 } else { (difference / sum).powi(2) }
        }
        Level::Ordinal => {
            let (low, high) = (a.min(b), a.max(b));
            let between: f64 = totals[low..=high].iter().sum();
            (between - (totals[a] + totals[b]) / 2.0).powi(2)
        }
    }
}

/// Fleiss' kappa (1971). `None` where items have different numbers of ratings or fewer than two, or all values are equal.
pub fn fleiss_kappa(ratings: &Ratings) -> Option<f64> {
    let Counted { values, counts } = Counted::of(ratings)?;
    let raters: f64 = counts.first()?.iter().sum();
    if raters < 2.0 || counts.iter().any(|item| item.iter().sum::<f64>() != raters) {
        return None;
    }
    let items = counts.len() as f64;
    let agreed =
        |item: &Vec<f64>| item.iter().map(|count| count * (count - 1.0)).sum::<f64>() / raters / (raters - 1.0);
    let observed = counts.iter().map(agreed).sum::<f64>() / items;
    let share = |at: usize| counts.iter().map(|item| item[at]).sum::<f64>() / items / raters;
    let expected: f64 = (0..values.len()).map(|at| share(at).powi(2)).sum();
    (expected < 1.0 - 1e-12).then(|| (observed - expected) / (1.0 - expected))
}

/// Gwet's AC1 or AC2 with what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gwet {
    /// At most 1.
    pub value: f64,
    /// Observed and expected agreement, 0..=1.
    pub observed: f64,
    pub expected: f64,
    /// Standard error over items; `None` for fewer than two items, or where it is 0.
    pub error: Option<f64>,
}

/// Gwet's AC1 (`Weights::Nominal`) or AC2 ("Handbook of Inter-Rater Reliability", 4th ed., 2014; as the package irrCAC has it).
/// Weights go by the values, not by their rank.
///
/// `None` where fewer than two values occur, no item has two ratings, or a value is not finite.
pub fn gwet(ratings: &Ratings, weights: Weights) -> Option<Gwet> {
    let Counted { values, counts } = Counted::of(ratings)?;
    let (labels, items) = (values.len() as f64, counts.len() as f64);
    if values.len() < 2 {
        return None;
    }
    let weight =
        |a: usize, b: usize| value_weight((values[a], values[b]), values[values.len() - 1] - values[0], weights);
    let rated = |item: &[f64]| item.iter().sum::<f64>();
    let paired = counts.iter().filter(|item| rated(item) >= 2.0).count() as f64;
    if paired == 0.0 {
        return None;
    }
    let agreed: Vec<f64> = counts.iter().map(|item| item_agreement(item, &weight)).collect();
    let observed = agreed.iter().sum::<f64>() / paired;
    let shares: Vec<f64> =
        (0..values.len()).map(|at| counts.iter().map(|item| item[at] / rated(item)).sum::<f64>() / items).collect();
    let all: f64 =
        (0..values.len()).flat_map(|a| (0..values.len()).map(move |b| (a, b))).map(|(a, b)| weight(a, b)).sum();
    let scale = all / labels / (labels - 1.0);
    let expected = scale * shares.iter().map(|share| share * (1.0 - share)).sum::<f64>();
    let value = (observed - expected) / (1.0 - expected);
    let part = |(item, agreed): (&Vec<f64>, &f64)| {
        let here = if rated(item) >= 2.0 { items / paired * (agreed - expected) / (1.0 - expected) } else { 0.0 };
        let chance =
            scale * item.iter().zip(&shares).map(|(count, share)| count * (1.0 - share)).sum::<f64>() / rated(item);
        here - 2.0 * (1.0 - value) * (chance - expected) / (1.0 - expected)
    };
    let spread: f64 = counts.iter().zip(&agreed).map(part).map(|part| (part - value).powi(2)).sum();
    let error = (items >= 2.0).then(|| (spread / items / (items - 1.0)).sqrt()).filter(|error| *error > 1e-12);
    Some(Gwet { value, observed, expected, error })
}

/// Share of the pairs of an item's ratings that agree; 0 for fewer than two.
fn item_agreement(item: &[f64], weight: &dyn Fn(usize, usize) -> f64) -> f64 {
    let raters: f64 = item.iter().sum();
    if raters < 2.0 {
        return 0.0;
    }
    let of_value = |(a, count): (usize, &f64)| {
        let near: f64 = item.iter().enumerate().map(|(b, count)| weight(a, b) * count).sum();
        count * (near - 1.0)
    };
    item.iter().enumerate().map(of_value).sum::<f64>() / raters / (raters - 1.0)
}

fn value_weight((a, b): (f64, f64), range: f64, weights: Weights) -> f64 {
    let distance = (a - b).abs() / range;
    match weights {
        Weights::Nominal => f64::from(u8::from(a == b)),
        Weights::Linear => 1.0 - distance,
        Weights::Quadratic => 1.0 - distance * distance,
    }
}
