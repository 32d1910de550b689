//! What a scripted model does wrong on purpose. The driver `scripted` asks no model, so nothing goes wrong there.
//!
//! `429 first 2 retry-after 1`, `529 at 3`, `slow always by 50ms`, `stalled at 2`, `torn at 2`, `malformed at 2`, `wrong-type at 2`,
//! `closed at 1`. Requests of the conversation are counted as they come, retries included, from 1; those beside it (titles,
//! summaries, token counts) are never hit.

use std::time::Duration;

/// One thing that goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misdeed {
    pub what: Wrong,
    when: When,
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// An error of the provider's, with the seconds of `Retry-After`.
    Status(u16, Option<u64>),
    /// So long before every event.
    Slow(Duration),
    /// Half of the reply, and nothing more.
    Stalled,
    /// Half of the reply, and the connection ends.
    Torn,
    /// JSON that breaks off.
    Malformed,
    /// A page in place of JSON.
    WrongType,
    /// The connection ends behind the headers.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(u64),
    First(u64),
    From(u64),
}

/// What is understood, for help and mistakes.
pub const FAULTS: &str = "`429 first 2 retry-after 1`, `500 at 3`, `slow always by 50ms`, and `stalled`, `torn`, `malformed`, `wrong-type`, `closed` with `at N`, `first N`, `from N` or `always`";

impl Misdeed {
    /// Reads one; says what is wrong with it.
    ///
    /// # Errors
    /// When it is not understood.
    pub fn parse(text: &str) -> Result<Misdeed, String> {
        let shown: String = text.chars().take(80).collect();
        let bad = || format!("fault `{shown}` is not understood; known are {FAULTS}");
        let mut words = text.split_whitespace();
        let kind = words.next().ok_or_else(bad)?;
        let (mut when, mut after, mut by) = (When::At(1), None, None);
        while let Some(word) = words.next() {
            let mut number = || words.next()?.parse::<u64>().ok().filter(|number| *number > 0);
            match word {
                "always" => when = When::From(1),
                "at" => when = When::At(number().ok_or_else(bad)?),
                "first" => when = When::First(number().ok_or_else(bad)?),
                "from" => when = When::From(number().ok_or_else(bad)?),
                "retry-after" => after = Some(number().ok_or_else(bad)?),
                "by" => by = Some(words.next().and_then(time).ok_or_else(bad)?),
                _ => return Err(bad()),
            }
        }
        let what = what(kind, after, by).ok_or_else(bad)?;
        Ok(Misdeed { what, when, source: text.to_owned() })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it hits this request, counted from 1.
    pub fn hits(&self, request: u64) -> bool {
        match self.when {
            When::At(at) => request == at,
            When::First(count) => request <= count,
            When::From(from) => request >= from,
        }
    }
}

fn what(kind: &str, after: Option<u64>, by: Option<Duration>) -> Option<Wrong> {
    let plain = after.is_none() && by.is_none();
    match kind {
        "slow" if after.is_none() => Some(Wrong::Slow(by.unwrap_or(Duration::from_millis(100)))),
        "stalled" if plain => Some(Wrong::Stalled),
        "torn" if plain => Some(Wrong::Torn),
        "malformed" if plain => Some(Wrong::Malformed),
        "wrong-type" if plain => Some(Wrong::WrongType),
        "closed" if plain => Some(Wrong::Closed),
        _ if by.is_none() => {
            kind.parse().ok().filter(|status| (400..600).contains(status)).map(|status| Wrong::Status(status, after))
        }
        _ => None,
    }
}

/// `50ms` or `2s`; at most ten minutes.
fn time(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let number = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    (number <= 600_000).then(|| Duration::from_millis(number))
}

impl Wrong {
    /// As the log names it.
    pub fn word(&self) -> String {
        match self {
            Wrong::Status(status, _) => status.to_string(),
            Wrong::Slow(_) => "slow".to_owned(),
            Wrong::Stalled => "stalled".to_owned(),
            Wrong::Torn => "torn".to_owned(),
            Wrong::Malformed => "malformed".to_owned(),
            Wrong::WrongType => "wrong-type".to_owned(),
            Wrong::Closed => "closed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn faults_are_read_and_what_is_none_says_what_is() {
        let hit = |text: &str| (1..=4).map(|at| Misdeed::parse(text).unwrap().hits(at)).collect::<Vec<_>>();
        assert_eq!(hit("429 first 2 retry-after 7"), [true, true, false, false]);
        assert_eq!(hit("529 at 3"), [false, false, true, false]);
        assert_eq!(hit("slow from 2 by 50ms"), [false, true, true, true]);
        assert_eq!(hit("torn"), [true, false, false, false]);
        assert_eq!(Misdeed::parse("429 always retry-after 7").unwrap().what, Wrong::Status(429, Some(7)));
        for text in [
            "",
            "99 at 1",
            "200",
            "429 at",
            "429 at 0",
            "429 at x",
            "torn by 1s",
            "slow retry-after 1",
            "slow by 1h",
            "slow by 99999s",
            "broken",
            "torn at 1 again",
        ] {
            assert!(Misdeed::parse(text).unwrap_err().contains("429 first 2"), "{text}");
        }
    }
}
