//! What a judge's rates are worth: corrected by the items that people labelled too, and whether its probabilities are honest.

use super::agreement::Z95;

/// An estimate with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub error: f64,
}

impl Estimate {
    /// The normal 95 % interval; `None` where the standard error is 0: a zero-width one would claim certainty.
    pub fn interval(&self) -> Option<(f64, f64)> {
        (self.error > 1e-12).then_some((self.value - Z95 * self.error, self.value + Z95 * self.error))
    }
}

/// What people and the judge said of the same items, and what the judge said of further ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled<'a> {
    /// Any range; `judge[i]` is of the same item as `people[i]`.
    pub people: &'a [f64],
    pub judge: &'a [f64],
    /// The judge on items that nobody labelled.
    pub unlabelled: &'a [f64],
}

impl Labelled<'_> {
    fn usable(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let sizes = self.people.len() >= 2 && self.people.len() == self.judge.len() && !self.unlabelled.is_empty();
        sizes && finite(self.people) && finite(self.judge) && finite(self.unlabelled)
    }
}

/// The weight of the judge that makes the variance of [`ppi_mean`] smallest: `cov(people, judge) / ((1 + n/N) var(judge))`, with the
/// variance over all its items (Angelopoulos, Duchi, Zrnic 2023, "PPI++", arXiv 2311.01453, section 6). 0 where the judge says one thing
/// throughout. `None` for fewer than two labelled or no unlabelled items, lists of different lengths, or a value that is not finite.
pub fn ppi_weight(given: &Labelled<'_>) -> Option<f64> {
    if !given.usable() {
        return None;
    }
    let (labelled, others) = (given.people.len() as f64, given.unlabelled.len() as f64);
    let all: Vec<f64> = given.judge.iter().chain(given.unlabelled).copied().collect();
    let spread = variance(&all) * all.len() as f64 / (all.len() as f64 - 1.0);
    let (people, judge) = (mean(given.people), mean(given.judge));
    let together: f64 = given.people.iter().zip(given.judge).map(|(said, held)| (said - people) * (held - judge)).sum();
    let weight = together / (labelled - 1.0) / ((1.0 + labelled / others) * spread);
    Some(if spread > 0.0 { weight } else { 0.0 })
}

/// Prediction-powered mean (PPI++, as above): `weight * mean(unlabelled) + mean(people - weight * judge)`. Weight 0 uses people alone,
/// weight 1 is the first PPI; [`ppi_weight`] is the best one. The standard error is the large-sample one.
///
/// `None` as for [`ppi_weight`].
pub fn ppi_mean(given: &Labelled<'_>, weight: f64) -> Option<Estimate> {
    if !given.usable() || !weight.is_finite() {
        return None;
    }
    let rest: Vec<f64> = given.people.iter().zip(given.judge).map(|(said, held)| said - weight * held).collect();
    let value = weight * mean(given.unlabelled) + mean(&rest);
    let spread = weight * weight * variance(given.unlabelled) / given.unlabelled.len() as f64;
    Some(Estimate { value, error: (spread + variance(&rest) / rest.len() as f64).sqrt() })
}

/// A rate, 0..=1, seen on so many items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub share: f64,
    pub items: u64,
}

/// Rogan and Gladen's (1978) correction of an observed pass rate by sensitivity and specificity, with its delta-method standard error
/// (for judges: arXiv 2511.21140). May leave 0..=1; it is not clipped, since a clipped one hides that the judge does not fit the data.
///
/// `None` where sensitivity + specificity <= 1 (the judge is no better than a coin), a share is not in 0..=1, or items are 0.
pub fn rogan_gladen(observed: Rate, sensitivity: Rate, specificity: Rate) -> Option<Estimate> {
    let whole = |rate: &Rate| (0.0..=1.0).contains(&rate.share) && rate.items > 0;
    let gain = sensitivity.share + specificity.share - 1.0;
    if ![observed, sensitivity, specificity].iter().all(whole) || gain <= 1e-12 {
        return None;
    }
    let value = (observed.share + specificity.share - 1.0) / gain;
    let spread = |rate: Rate| rate.share * (1.0 - rate.share) / rate.items as f64;
    let all = spread(observed) + (1.0 - value).powi(2) * spread(specificity) + value * value * spread(sensitivity);
    Some(Estimate { value, error: all.sqrt() / gain })
}

/// Brier's score (1950): the mean squared distance of probability and outcome, 0 at best, 1 at worst.
///
/// `None` for no item or a probability that is not in 0..=1.
pub fn brier(said: &[(f64, bool)]) -> Option<f64> {
    let distance = |(share, came): &(f64, bool)| (share - f64::from(u8::from(*came))).powi(2);
    probabilities(said).then(|| said.iter().map(distance).sum::<f64>() / said.len() as f64)
}

/// Expected calibration error over `bins` of equal width (Guo and others 2017, arXiv 1706.04599): the mean distance of a bin's mean
/// probability and its share of outcomes, weighted by its items; 0 at best.
///
/// `None` for no item, no bin, or a probability that is not in 0..=1.
pub fn expected_calibration_error(said: &[(f64, bool)], bins: usize) -> Option<f64> {
    if !probabilities(said) || bins == 0 {
        return None;
    }
    let mut gaps = vec![0.0; bins];
    for (share, came) in said {
        let bin = ((share * bins as f64) as usize).min(bins - 1);
        gaps[bin] += share - f64::from(u8::from(*came));
    }
    Some(gaps.iter().map(|gap| gap.abs()).sum::<f64>() / said.len() as f64)
}

fn probabilities(said: &[(f64, bool)]) -> bool {
    !said.is_empty() && said.iter().all(|(share, _)| (0.0..=1.0).contains(share))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Over n, not n - 1.
fn variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / values.len() as f64
}
