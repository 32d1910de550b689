//! Signal detection: telling apart is one thing, being quick to say yes another.

use statrs::distribution::{ContinuousCDF, Normal};

/// Sensitivity d' = z(hit rate) - z(false alarm rate), in standard deviations, with the log-linear correction (Hautus 1995): rates are
/// (count + 0.5) / (n + 1), so that none is 0 or 1. Each pair is a count and its n. `None` where either n is below 2: with one trial of a kind the
/// correction would be all there is to see; or where a count exceeds its n.
pub fn d_prime((hits, open): (u32, u32), (false_alarms, closed): (u32, u32)) -> Option<f64> {
    if open < 2 || closed < 2 || hits > open || false_alarms > closed {
        return None;
    }
    let normal = Normal::new(0.0, 1.0).ok()?;
    let z = |count: u32, n: u32| normal.inverse_cdf((f64::from(count) + 0.5) / (f64::from(n) + 1.0));
    Some(z(hits, open) - z(false_alarms, closed))
}

#[cfg(test)]
mod tests {
    use super::d_prime;

    /// Values from Python's `statistics.NormalDist().inv_cdf`.
    #[test]
    fn as_the_normal_distribution_has_it() {
        let rows = [
            ((20, 25), (10, 25), 1.044498707093),
            ((2, 2), (0, 2), 1.934843132203),
            ((3, 6), (3, 6), 0.0),
            ((0, 4), (4, 4), -2.563103131089),
        ];
        for (hits, alarms, expected) in rows {
            assert!((d_prime(hits, alarms).unwrap_or(f64::NAN) - expected).abs() < 1e-9, "{hits:?} {alarms:?}");
        }
        assert_eq!([d_prime((1, 1), (0, 5)), d_prime((1, 5), (0, 1)), d_prime((3, 2), (0, 2))], [None, None, None]);
    }
}
