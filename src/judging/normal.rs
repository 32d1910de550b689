//! What differs between two machines and says nothing about the work becomes a word: a recorded verdict then holds on another machine.
//!
//! `4 passed in 0.12s` -> `4 passed in <duration>`; `Python 3.12.3` -> `Python <version>`; dates with a time, pids, addresses in memory, temporary
//! folders and local ports likewise. Numbers that say something (counts, exit statuses, sizes) stay. What a read or a search showed is left as
//! it is: it is the workspace's content.

use regex::{Captures, Regex};
use std::{borrow::Cow, sync::LazyLock};

static VOLATILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<date>\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|\s?[+-]\d{2}:?\d{2}|\sUTC)?",
        r"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?(?:\d{1,2}\s+)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+\d{1,2}(?:,?\s+\d{4})?,?\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s+(?:UTC|GMT|CES?T|[ECMP][SD]T)\b)?(?:\s+\d{4}\b)?(?:\s+[+-]\d{4})?)",
        r"|(?P<time>\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b)",
        r"|(?P<duration>\b\d+(?:[.,]\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|mins?|minutes?)\b)",
        r"|(?P<pid>\b(?i:pid|process id|ppid)[ =:#]{1,3}\d+)",
        r"|(?P<address>\b0x[0-9a-f]{6,16}\b)",
        r"|(?P<tool>\b(?i:python|pytest|pluggy|node|npm|yarn|pnpm|bun|deno|ruby|rustc|cargo|go|java|javac|gradle|maven|gcc|g\+\+|clang|cmake|make|git|pip|uv|poetry|vitest|jest|mocha|tsc|typescript|eslint|ruff|mypy|black|platform \w+ -- Python)[ /@-](?:version )?v?)\d+(?:\.\d+)+[0-9A-Za-z.+-]*",
        r"|(?P<temporary>(?:/private)?(?:/var/folders|/tmp|/var/tmp)/[A-Za-z0-9._+-]+)",
        r"|(?P<port>\b(?:127\.0\.0\.1|localhost|0\.0\.0\.0):)\d{4,5}\b"
    ))
    .ok()
});

/// The text with such parts as words.
pub fn normal(text: &str) -> Cow<'_, str> {
    let Some(volatile) = VOLATILE.as_ref() else { return Cow::Borrowed(text) };
    volatile.replace_all(text, |found: &Captures<'_>| {
        let kept = |name: &str| found.name(name).map(|kept| kept.as_str());
        match (kept("tool"), kept("port")) {
            (Some(tool), _) => format!("{tool}<version>"),
            (_, Some(host)) => format!("{host}<port>"),
            (None, None) => {
                const WORDS: [&str; 6] = ["date", "time", "duration", "pid", "address", "temporary"];
                let word = WORDS.into_iter().find(|word| found.name(word).is_some()).unwrap_or("volatile");
                format!("<{word}>")
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_machines_becomes_words() {
        let cases = [
            ("4 passed in 0.12s", "4 passed in <duration>"),
            ("platform linux -- Python 3.12.3, pytest-8.3.1", "platform linux -- Python <version>, pytest-<version>"),
            ("2026-11-24T20:14:01Z start", "<date> start"),
            ("-rw-r--r-- 1 root root 346 Nov 24 20:14 README.md", "-rw-r--r-- 1 root root 346 <date> README.md"),
            ("listening on 127.0.0.1:43121 (pid 4411)", "listening on 127.0.0.1:<port> (<pid>)"),
            ("wrote /tmp/tmpab12/x.txt at 0x7f3a2b1c", "wrote <temporary>/x.txt at <address>"),
            ("exit 2, 14 tests, 3 files, line 120", "exit 2, 14 tests, 3 files, line 120"),
        ];
        for (text, expected) in cases {
            assert_eq!(normal(text), expected);
        }
    }
}
