//! When to ask again.

use super::Failed;
use crate::model::canon::{Domain, hash_bytes};
use std::time::Duration;

/// Further tries where the suite says nothing.
pub const MOST_RETRIES: u32 = 4;

/// A provider that asks for more is not waited for.
const LONGEST: Duration = Duration::from_secs(120);

/// How long to wait before try `tried` + 1 (`tried` from 1 on); `None`: this was the last. What the provider asks for is honoured; else the
/// wait doubles from half a second, with jitter from the seed, so that calls that failed together do not come back together.
pub fn next_wait(failed: &Failed, tried: u32, most: u32, seed: &str) -> Option<Duration> {
    if !failed.fault.retryable || tried > most {
        return None;
    }
    match failed.after {
        Some(after) if after > LONGEST => None,
        Some(after) => Some(after + after.mul_f64(0.1 * share(seed, tried))),
        None => {
            let base = Duration::from_millis(500u64 << tried.saturating_sub(1).min(6));
            Some(base + base.mul_f64(share(seed, tried)))
        }
    }
}

/// 0..1, the same for the same seed and try.
fn share(seed: &str, tried: u32) -> f64 {
    let hash = hash_bytes(Domain::Run, format!("{seed}\0{tried}").as_bytes());
    u32::from_str_radix(&hash[..8], 16).map_or(0.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judges::fault;

    fn failed(after: Option<u64>) -> Failed {
        Failed { fault: fault("x", "x").retryable(), after: after.map(Duration::from_millis) }
    }

    #[test]
    fn waits_double_with_jitter_from_the_seed_and_end() {
        let waits: Vec<Option<u128>> =
            (1..=6).map(|tried| next_wait(&failed(None), tried, 4, "a").map(|wait| wait.as_millis())).collect();
        for (at, wait) in waits.iter().take(4).enumerate() {
            let base = 500u128 << at;
            assert!(wait.is_some_and(|wait| (base..=2 * base).contains(&wait)), "{waits:?}");
        }
        assert_eq!(waits[4..], [None, None]);
        assert_eq!(next_wait(&failed(None), 1, 4, "a"), next_wait(&failed(None), 1, 4, "a"));
        assert_ne!(next_wait(&failed(None), 1, 4, "a"), next_wait(&failed(None), 1, 4, "b"));
    }

    #[test]
    fn what_the_provider_asks_for_is_honoured_within_reason() {
        assert_eq!(next_wait(&failed(Some(0)), 1, 4, "a"), Some(Duration::ZERO));
        let wait = next_wait(&failed(Some(1000)), 1, 4, "a").unwrap();
        assert!((1000..=1100).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(next_wait(&failed(Some(3_600_000)), 1, 4, "a"), None);
        let for_good = Failed { fault: fault("key", "no"), after: None };
        assert_eq!(next_wait(&for_good, 1, 4, "a"), None);
    }
}
