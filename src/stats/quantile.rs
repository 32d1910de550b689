//! Quantiles and tails, from `statrs`; an argument outside the range gives `None`, never a panic or NaN.

use statrs::distribution::{Beta, Binomial, ChiSquared, ContinuousCDF, DiscreteCDF, StudentsT};
use statrs::function::erf::{erfc, erfc_inv};

/// The standard normal quantile; `p` in (0, 1).
pub fn normal_quantile(p: f64) -> Option<f64> {
    open(p).then(|| -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p) + 0.0)
}

/// P(Z <= z) of the standard normal.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// Student's t quantile; `p` in (0, 1), `df` > 0.
pub fn t_quantile(p: f64, df: f64) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, df).ok()?;
    let guess = open(p).then(|| t.inverse_cdf(p)).filter(|guess| guess.is_finite())?;
    // The inverse of `statrs` is good to 1e-8 or so; one Newton step makes it as good as its cdf.
    let density = statrs::distribution::Continuous::pdf(&t, guess);
    let better = guess - (t.cdf(guess) - p) / density;
    Some(if better.is_finite() { better } else { guess })
}

/// P(T > t) of Student's t with `df` > 0.
pub fn t_tail(t: f64, df: f64) -> Option<f64> {
    let law = StudentsT::new(0.0, 1.0, df).ok()?;
    (!t.is_nan()).then(|| law.cdf(-t))
}

/// The beta quantile; `p` in (0, 1), both shapes > 0.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> Option<f64> {
    let law = Beta::new(a, b).ok()?;
    let guess = open(p).then(|| law.inverse_cdf(p)).filter(|guess| (0.0..=1.0).contains(guess))?;
    let better = guess - (law.cdf(guess) - p) / statrs::distribution::Continuous::pdf(&law, guess);
    Some(if (0.0..=1.0).contains(&better) { better } else { guess })
}

/// P(X <= k) of the binomial with `n` draws; `p` in [0, 1].
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> Option<f64> {
    Binomial::new(p, n).ok().map(|law| law.cdf(k))
}

/// P(X > x) of chi squared with `df` > 0; `x` >= 0.
pub fn chi_squared_tail(x: f64, df: f64) -> Option<f64> {
    let law = ChiSquared::new(df).ok()?;
    (x >= 0.0).then(|| law.sf(x))
}

fn open(p: f64) -> bool {
    p > 0.0 && p < 1.0
}
