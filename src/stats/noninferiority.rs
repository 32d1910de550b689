//! Is the new one worse by less than a margin? Differences are new - baseline, margins are more than 0: a verdict needs a bound, not a lucky mean.

use super::{
    Interval,
    intervals::wilson,
    moments::{mean, standard_error},
    quantile::{normal_cdf, normal_quantile, t_quantile, t_tail},
};

/// An estimate with its error and degrees of freedom; what one-sided tests and bounds are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub mean: f64,
    /// More than 0.
    pub error: f64,
    pub df: f64,
}

impl Estimate {
    /// Mean and standard error of one value per task. `None` for fewer than two tasks and for values that are all equal.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        let error = standard_error(values).filter(|error| *error > 0.0)?;
        Some(Estimate { mean: mean(values)?, error, df: (values.len() - 1) as f64 })
    }

    /// One-sided p value of "the true mean is above `value`".
    pub fn p_above(&self, value: f64) -> Option<f64> {
        t_tail((self.mean - value) / self.error, self.df)
    }

    /// One-sided p value of "the true mean is below `value`".
    pub fn p_below(&self, value: f64) -> Option<f64> {
        t_tail((value - self.mean) / self.error, self.df)
    }

    /// One-sided bounds: the true mean is below the lower one with chance `alpha` at most, and so above the upper one. `alpha` in (0, 1).
    pub fn bounds(&self, alpha: f64) -> Option<Interval> {
        let half = t_quantile(1.0 - alpha, self.df)? * self.error;
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }
}

/// The least variance of one trial that may be assumed after `trials` of them: 1/2 over (trials + 1), as if half a trial, not made yet, had
/// strayed by the whole scale (Jeffreys' rate for nothing seen). Our own convention: without it 10 tasks that all pass, twice, would prove anything.
pub fn unseen_variance(trials: usize) -> f64 {
    0.5 / (trials + 1) as f64
}

/// The error that a mean of task means has even where no trial strayed, one side; `trials` per task, none 0. 0 for no task.
pub fn unseen_error(trials: &[usize]) -> f64 {
    let shares: f64 = trials.iter().map(|count| 1.0 / *count as f64).sum();
    (unseen_variance(trials.iter().sum()) * shares).sqrt() / trials.len().max(1) as f64
}

/// The paired test of non-inferiority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonInferiority {
    pub estimate: Estimate,
    pub t: f64,
    /// That the drop is below the margin.
    pub p: f64,
    pub bounds: Interval,
    /// The lower bound is above -margin.
    pub non_inferior: bool,
    /// The upper bound is below -margin.
    pub worse: bool,
}

/// Schuirmann 1987, one of the two one-sided t tests; `differences` one per task. `None` as for `Estimate::of`.
pub fn noninferiority(differences: &[f64], margin: f64, alpha: f64) -> Option<NonInferiority> {
    let estimate = Estimate::of(differences)?;
    let bounds = estimate.bounds(alpha)?;
    Some(NonInferiority {
        estimate,
        t: (estimate.mean + margin) / estimate.error,
        p: estimate.p_above(-margin)?,
        bounds,
        non_inferior: bounds.low > -margin,
        worse: bounds.high < -margin,
    })
}

/// `passed` of `tries`, independent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub passed: u64,
    pub tries: u64,
}

impl Rate {
    fn share(self) -> f64 {
        self.passed as f64 / self.tries as f64
    }
}

/// Newcombe 1998, method 10, for `new` - `old`: two Wilson intervals made one. `None` as for `wilson`.
pub fn newcombe(new: Rate, old: Rate, confidence: f64) -> Option<Interval> {
    let (first, second) = (wilson(new.passed, new.tries, confidence)?, wilson(old.passed, old.tries, confidence)?);
    let (p, q) = (new.share(), old.share());
    let below = ((p - first.low).powi(2) + (second.high - q).powi(2)).sqrt();
    let above = ((first.high - p).powi(2) + (q - second.low).powi(2)).sqrt();
    Some(Interval { low: p - q - below, high: p - q + above })
}

/// A score and its one-sided p value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pub z: f64,
    pub p: f64,
}

/// Which rates that differ by exactly the margin stand for the null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restricted {
    /// The likeliest ones (Miettinen & Nurminen 1985, Farrington & Manning 1990).
    Likeliest,
    /// As statsmodels has them: its cubic holds a count where the papers hold a number of tries. Near the likeliest; for comparison.
    Statsmodels,
}

/// Farrington & Manning 1990, the score test that `new` is worse than `old` by less than `margin` in (0, 1); rates of independent tries.
/// `None` for no tries and where the variance under the null is 0.
pub fn farrington_manning(new: Rate, old: Rate, margin: f64, restricted: Restricted) -> Option<Score> {
    if new.tries == 0 || old.tries == 0 || !(margin > 0.0 && margin < 1.0) {
        return None;
    }
    let (n, m, passed) = (new.tries as f64, old.tries as f64, old.passed as f64);
    let (delta, all) = (-margin, n + m);
    let linear = if restricted == Restricted::Likeliest { m } else { passed };
    // x^3 + b x^2 + c x + d, whose middle root is the baseline's rate, in closed form.
    let b = ((n + 2.0 * m) * delta - all - new.passed as f64 - passed) / all;
    let c = ((linear * delta - all - 2.0 * passed) * delta + new.passed as f64 + passed) / all;
    let d = passed * delta * (1.0 - delta) / all;
    let v = (b / 3.0).powi(3) - b * c / 6.0 + d / 2.0;
    let u = v.signum() * ((b / 3.0).powi(2) - c / 3.0).max(0.0).sqrt();
    let angle = if u == 0.0 { 0.0 } else { (v / u.powi(3)).clamp(-1.0, 1.0).acos() };
    let base = 2.0 * u * ((std::f64::consts::PI + angle) / 3.0).cos() - b / 3.0;
    let moved = base + delta;
    let error = (moved * (1.0 - moved) / n + base * (1.0 - base) / m).max(0.0).sqrt();
    let z = (new.share() - old.share() - delta) / error;
    z.is_finite().then(|| Score { z, p: normal_cdf(-z) })
}

/// Tango 1998: the score interval of a paired difference of pass rates, one trial a task. `b` tasks of `n` pass only new, `c` only in the
/// baseline. `None` for `n` = 0, `b` + `c` > `n` or a confidence outside (0, 1).
pub fn tango(b: u64, c: u64, n: u64, confidence: f64) -> Option<Interval> {
    if n == 0 || b + c > n || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let z = normal_quantile(0.5 + confidence / 2.0)?;
    let (b, c, n) = (b as f64, c as f64, n as f64);
    let score = |delta: f64| {
        let linear = -b - c + (2.0 * n - b + c) * delta;
        let constant = -c * delta * (1.0 - delta);
        let only_old = ((linear * linear - 8.0 * n * constant).max(0.0).sqrt() - linear) / (4.0 * n);
        let variance = n * (2.0 * only_old + delta * (1.0 - delta));
        (b - c - n * delta) / variance.max(f64::MIN_POSITIVE).sqrt()
    };
    let seen = (b - c) / n;
    Some(Interval { low: crossing(&score, z, (-1.0, seen)), high: crossing(&score, -z, (seen, 1.0)) })
}

/// Where a falling function passes `level`.
fn crossing(falling: &impl Fn(f64) -> f64, level: f64, between: (f64, f64)) -> f64 {
    let (mut low, mut high) = between;
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if falling(middle) > level { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_none() {
        assert_eq!(noninferiority(&[0.1], 0.05, 0.05), None);
        assert_eq!(noninferiority(&[0.1, 0.1, 0.1], 0.05, 0.05), None);
        let none = Rate { passed: 0, tries: 0 };
        assert_eq!(newcombe(none, none, 0.9), None);
        assert_eq!(farrington_manning(none, none, 0.1, Restricted::Likeliest), None);
        assert_eq!(tango(0, 0, 0, 0.9), None);
    }

    /// With nothing that differs, Tango's interval still has a width.
    #[test]
    fn equal_pairs_do_not_make_certainty() {
        let found = tango(0, 0, 20, 0.9).unwrap();
        assert!(found.low < -0.1 && found.high > 0.1, "{found:?}");
    }

    /// The rates that make the data likeliest among those that differ by the margin, looked for one by one.
    #[test]
    fn the_cubic_finds_the_likeliest_rates() {
        for (new, old, n, m, margin) in [(180, 186, 200, 200, 0.1), (20, 47, 40, 60, 0.2), (9, 10, 10, 10, 0.05)] {
            let likelihood = |base: f64| {
                let term = |count: u64, chance: f64| if count == 0 { 0.0 } else { count as f64 * chance.ln() };
                let moved = base - margin;
                term(old, base) + term(m - old, 1.0 - base) + term(new, moved) + term(n - new, 1.0 - moved)
            };
            let steps = (1..1_000_000).map(|nth| margin + (1.0 - margin) * f64::from(nth) / 1e6);
            let base = steps.max_by(|a, b| likelihood(*a).total_cmp(&likelihood(*b))).unwrap();
            let moved = base - margin;
            let (new, old) = (Rate { passed: new, tries: n }, Rate { passed: old, tries: m });
            let error = (moved * (1.0 - moved) / n as f64 + base * (1.0 - base) / m as f64).sqrt();
            let z = (new.share() - old.share() + margin) / error;
            let found = farrington_manning(new, old, margin, Restricted::Likeliest).unwrap();
            assert!((found.z - z).abs() < 1e-3, "{found:?} {z}");
        }
    }
}
