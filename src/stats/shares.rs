//! The interval of one share: `passes` of `n`.

use super::agreement::Z95;

/// Wilson's score interval (1927), 95 %, within 0..=1. `None` for n = 0 or more passes than n.
pub fn wilson(passes: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 || passes > n {
        return None;
    }
    let (count, share, z2) = (n as f64, passes as f64 / n as f64, Z95 * Z95);
    let middle = (share + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let half = Z95 / (1.0 + z2 / count) * (share * (1.0 - share) / count + z2 / (4.0 * count * count)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

/// Wilson's interval, and Clopper and Pearson's (1934) where none or all of n passed: there Wilson's is too short.
pub fn share_interval(passes: u64, n: u64) -> Option<(f64, f64)> {
    let end = 0.025_f64.powf(1.0 / n.max(1) as f64);
    match passes {
        _ if n == 0 => None,
        0 => Some((0.0, 1.0 - end)),
        _ if passes == n => Some((end, 1.0)),
        _ => wilson(passes, n),
    }
}
