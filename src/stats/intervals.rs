//! Intervals for one proportion: `k` of `n` independent tries. Every function: `None` for `n` = 0, `k` > `n` or a confidence outside (0, 1).
//!
//! Trials of several tasks are not independent tries: for those see `clusters`.

use super::quantile::{beta_quantile, normal_quantile};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// What is shown beside one task's pass rate: Wilson, and Clopper-Pearson where nothing or everything passed. Never of zero width.
pub fn pass_rate(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    if k == 0 || k == n { clopper_pearson(k, n, confidence) } else { wilson(k, n, confidence) }
}

/// Wilson 1927, the score interval.
pub fn wilson(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    let (p, n, z) = parts(k, n, confidence)?;
    let denominator = n + z * z;
    let center = (n * p + z * z / 2.0) / denominator;
    let half = z / denominator * (n * p * (1.0 - p) + z * z / 4.0).sqrt();
    Some(within(center - half, center + half))
}

/// Wilson with Newcombe's 1998 continuity correction.
pub fn wilson_corrected(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    let (p, n, z) = parts(k, n, confidence)?;
    let (q, denominator) = (1.0 - p, 2.0 * (n + z * z));
    let center = (2.0 * n * p + z * z) / denominator;
    let below = (1.0 + z * (z * z - 2.0 - 1.0 / n + 4.0 * p * (n * q + 1.0)).sqrt()) / denominator;
    let above = (1.0 + z * (z * z + 2.0 - 1.0 / n + 4.0 * p * (n * q - 1.0)).sqrt()) / denominator;
    let low = if p == 0.0 { 0.0 } else { center - below };
    let high = if q == 0.0 { 1.0 } else { center + above };
    Some(within(low, high))
}

/// Clopper & Pearson 1934: exact, wider than asked for.
pub fn clopper_pearson(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    parts(k, n, confidence)?;
    let (tail, passed, failed) = ((1.0 - confidence) / 2.0, k as f64, (n - k) as f64);
    let low = if k == 0 { 0.0 } else { beta_quantile(tail, passed, failed + 1.0)? };
    let high = if k == n { 1.0 } else { beta_quantile(1.0 - tail, passed + 1.0, failed)? };
    Some(within(low, high))
}

/// Equal tails of Beta(k + 1/2, n - k + 1/2) (Brown, Cai & DasGupta 2001).
pub fn jeffreys(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    parts(k, n, confidence)?;
    let (tail, a, b) = ((1.0 - confidence) / 2.0, k as f64 + 0.5, (n - k) as f64 + 0.5);
    Some(within(beta_quantile(tail, a, b)?, beta_quantile(1.0 - tail, a, b)?))
}

/// Agresti & Coull 1998.
pub fn agresti_coull(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    let (p, n, z) = parts(k, n, confidence)?;
    let more = n + z * z;
    let center = (n * p + z * z / 2.0) / more;
    let half = z * (center * (1.0 - center) / more).sqrt();
    Some(within(center - half, center + half))
}

/// The textbook interval, for comparison only: of zero width where nothing or everything passed, and too narrow beside it.
pub fn wald(k: u64, n: u64, confidence: f64) -> Option<Interval> {
    let (p, n, z) = parts(k, n, confidence)?;
    let half = z * (p * (1.0 - p) / n).sqrt();
    Some(within(p - half, p + half))
}

/// How large a rate may be of which `n` tries showed nothing: one-sided, 1 - alpha^(1/n). `None` for `n` = 0.
pub fn none_seen(n: u64, confidence: f64) -> Option<f64> {
    parts(0, n, confidence)?;
    Some(1.0 - (1.0 - confidence).powf(1.0 / n as f64))
}

/// The rule of three, 3/n, which `none_seen` is near to at 95 % (Hanley & Lippman-Hand 1983). `None` for `n` = 0.
pub fn rule_of_three(n: u64) -> Option<f64> {
    (n > 0).then(|| 3.0 / n as f64)
}

/// Rate, tries, two-sided normal quantile.
fn parts(k: u64, n: u64, confidence: f64) -> Option<(f64, f64, f64)> {
    if n == 0 || k > n || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    Some((k as f64 / n as f64, n as f64, normal_quantile(0.5 + confidence / 2.0)?))
}

fn within(low: f64, high: f64) -> Interval {
    Interval { low: low.clamp(0.0, 1.0), high: high.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_rate_never_has_zero_width() {
        for n in 1..40 {
            for k in 0..=n {
                let found = pass_rate(k, n, 0.95).unwrap();
                assert!(found.high - found.low > 0.05 && found.low >= 0.0 && found.high <= 1.0, "{k}/{n}: {found:?}");
                assert!(found.low <= k as f64 / n as f64 && found.high >= k as f64 / n as f64);
            }
        }
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        for interval in [wilson, wilson_corrected, clopper_pearson, jeffreys, agresti_coull, wald, pass_rate] {
            assert_eq!(interval(0, 0, 0.95), None);
            assert_eq!(interval(3, 2, 0.95), None);
            assert_eq!(interval(1, 2, 1.0), None);
            assert_eq!(interval(1, 2, f64::NAN), None);
        }
        assert_eq!((none_seen(0, 0.95), rule_of_three(0)), (None, None));
    }
}
