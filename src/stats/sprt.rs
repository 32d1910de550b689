//! Wald's sequential probability ratio test of one pass rate: `good` against a lower `bad`.

use super::quantile::normal_quantile;

/// What is tested and how often one may err.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprt {
    pub good: f64,
    pub bad: f64,
    /// Chance of crying regression when all is good.
    pub alpha: f64,
    /// Chance of missing it.
    pub beta: f64,
}

/// Wald 1945.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Log likelihood ratio of `bad` against `good` at which a regression is called.
    pub upper: f64,
    pub lower: f64,
    pub step_passed: f64,
    pub step_failed: f64,
    /// Trials in a row that settle it.
    pub all_passed: u64,
    pub all_failed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Good,
    Regression,
    Undecided,
}

/// Trials that Wald's test takes on average (his approximation), and those of a fixed plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    pub if_good: f64,
    pub if_bad: f64,
    pub fixed: f64,
}

impl Sprt {
    /// `None` unless 0 < bad < good < 1 and both errors lie in (0, 1/2).
    pub fn bounds(&self) -> Option<Bounds> {
        let half = |error: f64| error > 0.0 && error < 0.5;
        if !(self.bad > 0.0 && self.bad < self.good && self.good < 1.0 && half(self.alpha) && half(self.beta)) {
            return None;
        }
        let (upper, lower) = (((1.0 - self.beta) / self.alpha).ln(), (self.beta / (1.0 - self.alpha)).ln());
        let (step_passed, step_failed) = ((self.bad / self.good).ln(), ((1.0 - self.bad) / (1.0 - self.good)).ln());
        let (all_passed, all_failed) = ((lower / step_passed).ceil() as u64, (upper / step_failed).ceil() as u64);
        Some(Bounds { upper, lower, step_passed, step_failed, all_passed, all_failed })
    }

    /// The ratio after each trial up to the decision. `None` as for `bounds`.
    pub fn run(&self, passed: &[bool]) -> Option<(Decision, Vec<f64>)> {
        let bounds = self.bounds()?;
        let (mut ratio, mut path) = (0.0, Vec::new());
        for &passed in passed {
            ratio += if passed { bounds.step_passed } else { bounds.step_failed };
            path.push(ratio);
            if ratio >= bounds.upper {
                return Some((Decision::Regression, path));
            }
            if ratio <= bounds.lower {
                return Some((Decision::Good, path));
            }
        }
        Some((Decision::Undecided, path))
    }

    /// `None` as for `bounds`.
    pub fn expected(&self) -> Option<Expected> {
        let bounds = self.bounds()?;
        let drift = |rate: f64| rate * bounds.step_passed + (1.0 - rate) * bounds.step_failed;
        let end = |wrong_way: f64| (1.0 - wrong_way) * bounds.lower + wrong_way * bounds.upper;
        let deviation = |rate: f64| (rate * (1.0 - rate)).sqrt();
        let (z_alpha, z_beta) = (normal_quantile(1.0 - self.alpha)?, normal_quantile(1.0 - self.beta)?);
        let root = (z_alpha * deviation(self.good) + z_beta * deviation(self.bad)) / (self.good - self.bad);
        Some(Expected {
            if_good: end(self.alpha) / drift(self.good),
            if_bad: end(1.0 - self.beta) / drift(self.bad),
            fixed: root * root,
        })
    }
}
