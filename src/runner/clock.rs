//! The clock that everything else is handed.

use chrono::{DateTime, SecondsFormat, Utc};

/// Now, RFC 3339, UTC, to the millisecond.
pub fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A run's id: the time it started, and four digits so that two runs of one second differ. Ids sort by time.
pub fn run_id() -> String {
    let now = Utc::now();
    let noise = blake3::hash(format!("{}{}", now.timestamp_nanos_opt().unwrap_or(0), std::process::id()).as_bytes());
    format!("{}-{}", now.format("%Y%m%dt%H%M%S"), &noise.to_hex()[..4])
}

/// Milliseconds from one time to another, both RFC 3339; 0 where one of them is not.
pub fn between(from: &str, to: &str) -> u64 {
    let read = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let span = read(from).zip(read(to)).map(|(from, to)| (to - from).num_milliseconds());
    span.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}
