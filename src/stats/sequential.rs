//! Looking more than once without fooling oneself.

use super::quantile::{normal_cdf, normal_quantile};

/// Lan & DeMets 1983: how much of `alpha` may be spent when the share `t` in (0, 1] of the information is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// 2 - 2 Phi(z(alpha/2) / sqrt(t)): next to nothing early.
    OBrienFleming,
    /// alpha ln(1 + (e - 1) t): early looks count.
    Pocock,
}

impl Spending {
    /// `None` for `t` outside (0, 1] and `alpha` outside (0, 1).
    pub fn spent(self, t: f64, alpha: f64) -> Option<f64> {
        if !(t > 0.0 && t <= 1.0 && alpha > 0.0 && alpha < 1.0) {
            return None;
        }
        Some(match self {
            Spending::OBrienFleming => 2.0 * normal_cdf(-normal_quantile(1.0 - alpha / 2.0)? / t.sqrt()),
            Spending::Pocock => alpha * (1.0 + (std::f64::consts::E - 1.0) * t).ln(),
        })
    }
}

/// The one-sided level at which each planned look tests, such that all looks together err with chance `alpha` at most.
///
/// `times`: shares of the information at each look, rising, in (0, 1]. Boundaries by numerical integration over the paths that have not yet
/// crossed (Armitage, McPherson & Rowe 1969; Lan & DeMets 1983). Looks that have more in common than `times` says (shared baseline, tasks that
/// differ) err less. `None` for times that do not rise within (0, 1] and for `alpha` outside (0, 1).
pub fn levels(times: &[f64], alpha: f64, spending: Spending) -> Option<Vec<f64>> {
    let mut levels = Vec::new();
    let mut paths: Option<Paths> = None;
    let (mut before, mut spent) = (0.0, 0.0);
    for (nth, &time) in times.iter().enumerate() {
        if time <= before {
            return None;
        }
        let now = spending.spent(time, alpha)?;
        let step = (time - before).sqrt();
        let crossing = |bound: f64| match &paths {
            None => normal_cdf(-bound / step),
            Some(paths) => paths.sum(|at, weight| weight * normal_cdf((at - bound) / step)),
        };
        let bound = falls_to(now - spent, &crossing, 10.0 * time.sqrt());
        let density = |at: f64| match &paths {
            None => bell(at / step) / step,
            Some(paths) => paths.sum(|from, weight| weight * bell((at - from) / step) / step),
        };
        levels.push(normal_cdf(-bound / time.sqrt()));
        if nth + 1 < times.len() {
            paths = Some(Paths::below(bound, time, &density));
        }
        (before, spent) = (time, now);
    }
    Some(levels)
}

/// The sub-density of paths that have not crossed, on a grid with Simpson's weights.
struct Paths(Vec<(f64, f64)>);

impl Paths {
    fn below(bound: f64, time: f64, density: &impl Fn(f64) -> f64) -> Paths {
        const PIECES: usize = 120;
        let low = -8.0 * time.sqrt();
        let width = (bound - low) / PIECES as f64;
        let weight = |nth: usize| match nth {
            0 | PIECES => 1.0,
            odd if odd % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let point = |nth: usize| {
            let at = low + nth as f64 * width;
            (at, weight(nth) * width / 3.0 * density(at))
        };
        Paths((0..=PIECES).map(point).collect())
    }

    fn sum(&self, term: impl Fn(f64, f64) -> f64) -> f64 {
        self.0.iter().map(|(at, weight)| term(*at, *weight)).sum()
    }
}

fn bell(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Where a falling function comes down to `target`, in [-far, far].
fn falls_to(target: f64, falling: &impl Fn(f64) -> f64, far: f64) -> f64 {
    let (mut low, mut high) = (-far, far);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if falling(middle) > target { low = middle } else { high = middle }
    }
    high
}

/// Which way a bet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bet {
    Less,
    Greater,
}

/// Waudby-Smith & Ramdas 2024: the capital after each value of betting the share `lambda` against "the mean is `m`, or beyond it".
///
/// `values` in [0, 1]; whatever comes, the capital exceeds 1/alpha at any time with chance `alpha` at most (Ville 1939). `lambda` is kept within
/// what cannot go broke: 1/(1 - m) for `Less`, 1/m for `Greater`. Each value must be drawn afresh: one per task, not trials of the same task.
pub fn betting(values: &[f64], m: f64, lambda: f64, bet: Bet) -> Vec<f64> {
    let most = 1.0 / if bet == Bet::Less { 1.0 - m } else { m };
    let stake = lambda.clamp(0.0, most);
    let mut capital = 1.0;
    let grow = |value: &f64| {
        let gain = if bet == Bet::Less { m - value } else { value - m };
        capital *= 1.0 + stake * gain;
        capital
    };
    values.iter().map(grow).collect()
}

/// The same against "the mean difference is -`margin` or better"; differences in [-1, 1], new - baseline, one per task.
pub fn betting_paired(differences: &[f64], margin: f64, lambda: f64) -> Vec<f64> {
    let values: Vec<f64> = differences.iter().map(|d| (1.0 + d) / 2.0).collect();
    betting(&values, (1.0 - margin) / 2.0, lambda, Bet::Less)
}

/// Shares of the largest stake over which the capital is spread: nobody knows beforehand how large a disaster is.
const STAKES: [f64; 4] = [0.25, 0.5, 0.75, 0.95];

/// The capital of a bettor against "the mean is `m` in (0, 1), or better" who spreads it over several stakes: an average of e-processes is one.
/// `values` in [0, 1], each drawn afresh.
pub fn disaster(values: &[f64], m: f64) -> Vec<f64> {
    let most = 1.0 / (1.0 - m);
    let each: Vec<Vec<f64>> = STAKES.iter().map(|share| betting(values, m, share * most, Bet::Less)).collect();
    (0..values.len()).map(|nth| each.iter().map(|e| e[nth]).sum::<f64>() / STAKES.len() as f64).collect()
}

/// Likelihood ratio after each trial of a Beta(`a`, `b`) mixture against a pass rate of exactly `p0` in (0, 1).
pub fn beta_mixture(passed: &[bool], p0: f64, (a, b): (f64, f64)) -> Vec<f64> {
    let (mut yes, mut no, mut ratio) = (a, b, 1.0);
    let grow = |passed: &bool| {
        let total = yes + no;
        if *passed {
            ratio *= yes / total / p0;
            yes += 1.0;
        } else {
            ratio *= no / total / (1.0 - p0);
            no += 1.0;
        }
        ratio
    };
    passed.iter().map(grow).collect()
}

/// Half the width of a confidence sequence that holds at all times at once, when `n` values of deviation `sd` are in.
///
/// Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2021 (arXiv:2103.06476), Robbins' normal mixture; `rho` > 0 says where it is narrowest.
/// `None` for `n` = 0, `rho` <= 0 or `alpha` outside (0, 1).
pub fn sequence_half_width(n: u64, sd: f64, rho: f64, alpha: f64) -> Option<f64> {
    if n == 0 || !(rho > 0.0 && alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let scaled = n as f64 * rho * rho;
    let square = 2.0 * (scaled + 1.0) / (scaled * n as f64) * ((scaled + 1.0).sqrt() / alpha).ln();
    Some(sd * square.sqrt())
}

/// The `rho` that makes the sequence narrowest at `n`. `None` for `n` = 0 or `alpha` outside (0, 1).
pub fn best_rho(n: u64, alpha: f64) -> Option<f64> {
    let log = -2.0 * alpha.ln();
    (n > 0 && alpha > 0.0 && alpha < 1.0).then(|| ((log + log.ln() + 1.0) / n as f64).sqrt())
}
