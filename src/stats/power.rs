//! What a comparison can show: the smallest effect it would find, and what it takes to find a given one.
//!
//! Effects and variances are of paired differences, both in (0, 1] for scores in [0, 1]; `power` and `alpha` lie in (0, 1).

use super::quantile::{normal_cdf, normal_quantile, t_quantile};
use statrs::function::gamma::ln_gamma;

/// How often one may err.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    pub alpha: f64,
    pub power: f64,
    pub sides: Sides,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    One,
    Two,
}

impl Aim {
    pub const USUAL: Aim = Aim { alpha: 0.05, power: 0.8, sides: Sides::Two };

    fn tail(&self) -> f64 {
        if self.sides == Sides::One { self.alpha } else { self.alpha / 2.0 }
    }

    fn quantiles(&self) -> Option<f64> {
        Some(normal_quantile(1.0 - self.tail())? + normal_quantile(self.power)?)
    }
}

/// Where the variance of a paired comparison comes from (Miller 2024, section 5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Variance over tasks of the true difference: only more tasks help.
    pub omega2: f64,
    /// Variance of one trial around its task's mean, one side each.
    pub sigma2: (f64, f64),
    /// Trials per task, one side each; at least 1.
    pub trials: (f64, f64),
}

impl Noise {
    /// Variance of one task's difference of means.
    pub fn per_task(&self) -> f64 {
        self.omega2 + self.sigma2.0 / self.trials.0 + self.sigma2.1 / self.trials.1
    }
}

/// Tasks needed to find `delta` > 0; not rounded. Miller 2024 equation 9.
pub fn tasks_needed(delta: f64, noise: &Noise, aim: &Aim) -> Option<f64> {
    let root = aim.quantiles()? / delta;
    (delta > 0.0).then(|| root * root * noise.per_task())
}

/// The minimum detectable effect of `tasks` > 0. Miller 2024 equation 10.
pub fn detectable(tasks: f64, noise: &Noise, aim: &Aim) -> Option<f64> {
    let quantiles = aim.quantiles()?;
    (tasks > 0.0).then(|| quantiles * (noise.per_task() / tasks).sqrt())
}

/// Trials per task and side needed to find `delta` with these tasks; `noise.trials` is not looked at.
/// `None` where no number of trials can do it: more tasks are needed.
pub fn trials_needed(delta: f64, tasks: f64, noise: &Noise, aim: &Aim) -> Option<u64> {
    let room = tasks * (delta / aim.quantiles()?).powi(2) - noise.omega2;
    let trials = (noise.sigma2.0 + noise.sigma2.1) / room;
    (room > 0.0 && trials < 1e9).then(|| (trials.ceil() as u64).max(1))
}

/// The chance that a t test over `n` >= 2 values finds an effect of `d` standard deviations (noncentral t, by integration).
/// `n` need not be whole. One-sided: that the mean is above 0.
pub fn t_power(d: f64, n: f64, aim: &Aim) -> Option<f64> {
    if n.is_nan() || n < 2.0 || !d.is_finite() {
        return None;
    }
    let (df, shift) = (n - 1.0, d * n.sqrt());
    let critical = t_quantile(1.0 - aim.tail(), df)?;
    let above = over_chi(df, |s| normal_cdf(shift - critical * s));
    let below = over_chi(df, |s| normal_cdf(-critical * s - shift));
    Some(if aim.sides == Sides::One { above } else { above + below })
}

/// Mean of `of(s)` where s^2 is chi squared over its `df`: Simpson's rule over all but 1e-15 of it.
fn over_chi(df: f64, of: impl Fn(f64) -> f64) -> f64 {
    const PIECES: usize = 2000;
    let (low, high) = (f64::max(0.0, 1.0 - 9.0 / (2.0 * df).sqrt()), 1.0 + 9.0 / df.sqrt());
    let width = (high - low) / PIECES as f64;
    let log = (df / 2.0) * (df / 2.0).ln() - ln_gamma(df / 2.0) + std::f64::consts::LN_2;
    let density = |s: f64| (log + (df - 1.0) * s.max(f64::MIN_POSITIVE).ln() - df * s * s / 2.0).exp();
    let term = |nth: usize| {
        let s = low + nth as f64 * width;
        let weight = if nth == 0 || nth == PIECES { 1.0 } else { 2.0 + 2.0 * (nth % 2) as f64 };
        weight * density(s) * of(s)
    };
    (0..=PIECES).map(term).sum::<f64>() * width / 3.0
}

/// Pairs that a t test needs to find an effect of `d` > 0 standard deviations of the differences; not rounded. `None` above a million.
pub fn pairs_needed(d: f64, aim: &Aim) -> Option<f64> {
    rises_to(aim.power, (2.0, 1e6), |n| t_power(d, n, aim))
}

/// Cohen's h of two rates in [0, 1], and the tries per side that find it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoRates {
    pub h: f64,
    pub each: f64,
}

/// Two independent rates (Cohen 1988, arcsine; both tails counted); not rounded. `None` for equal rates and above 10^9.
pub fn two_rates(p: f64, q: f64, aim: &Aim) -> Option<TwoRates> {
    if !(0.0..=1.0).contains(&p) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let h = 2.0 * (p.sqrt().asin() - q.sqrt().asin());
    let critical = normal_quantile(1.0 - aim.tail())?;
    let both = if aim.sides == Sides::Two { 1.0 } else { 0.0 };
    let power = |n: f64| {
        let shift = h.abs() * (n / 2.0).sqrt();
        Some(normal_cdf(shift - critical) + both * normal_cdf(-shift - critical))
    };
    Some(TwoRates { h, each: rises_to(aim.power, (1.0, 1e9), power)? })
}

/// Tasks that McNemar's test needs when shares `only_one` and `only_other` of the tasks differ; not rounded (Connor 1987).
/// `None` for equal shares and shares outside [0, 1].
pub fn mcnemar_needed(only_one: f64, only_other: f64, aim: &Aim) -> Option<f64> {
    let (differ, gap) = (only_one + only_other, only_one - only_other);
    if gap == 0.0 || only_one < 0.0 || only_other < 0.0 || differ > 1.0 {
        return None;
    }
    let (z_alpha, z_beta) = (normal_quantile(1.0 - aim.tail())?, normal_quantile(aim.power)?);
    let root = (z_alpha * differ.sqrt() + z_beta * (differ - gap * gap).sqrt()) / gap;
    Some(root * root)
}

/// Where a rising function reaches `target`. `None` if it does not within the range.
fn rises_to(target: f64, (mut low, mut high): (f64, f64), rising: impl Fn(f64) -> Option<f64>) -> Option<f64> {
    if rising(high)? < target {
        return None;
    }
    while high - low > 1e-9 * high {
        let middle = f64::midpoint(low, high);
        if rising(middle)? < target { low = middle } else { high = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi's density integrates to 1 at all sizes, so that powers are chances.
    #[test]
    fn the_integral_holds_at_all_sizes() {
        for df in [1.0, 2.0, 3.5, 9.0, 40.0, 1000.0, 1e5] {
            assert!((over_chi(df, |_| 1.0) - 1.0).abs() < 1e-6, "{df}: {}", over_chi(df, |_| 1.0));
        }
        let none = t_power(0.0, 20.0, &Aim::USUAL).unwrap();
        assert!((none - 0.05).abs() < 1e-8, "{none}");
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        let noise = Noise { omega2: 0.1, sigma2: (0.2, 0.2), trials: (1.0, 1.0) };
        assert_eq!(tasks_needed(0.0, &noise, &Aim::USUAL), None);
        assert_eq!(detectable(0.0, &noise, &Aim::USUAL), None);
        assert_eq!(trials_needed(0.05, 10.0, &noise, &Aim::USUAL), None);
        assert_eq!(t_power(0.5, 1.0, &Aim::USUAL), None);
        assert_eq!(pairs_needed(0.0, &Aim::USUAL), None);
        assert_eq!(two_rates(0.5, 0.5, &Aim::USUAL), None);
        assert_eq!(mcnemar_needed(0.1, 0.1, &Aim::USUAL), None);
    }
}
