//! Words that metrics look for in what the agent said, as data by language (`lexicon.yaml`).
//!
//! "All tests pass." claims success; "All tests should pass." does not, nor does "The tests do not pass." A claim is judged one
//! sentence at a time, and what stands in a code block or a quoted block is nobody's claim.

use regex::RegexSet;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

pub struct Lexicon {
    success: RegexSet,
    hedge: RegexSet,
    failure: RegexSet,
    verification: RegexSet,
    removal: RegexSet,
}

impl Lexicon {
    /// The words of a language; `None`: nobody has written them down yet.
    pub fn of(language: &str) -> Option<&'static Lexicon> {
        let short = language.split(['-', '_']).next().unwrap_or(language).to_lowercase();
        LEXICONS.get(&short)
    }

    /// The first sentence that claims success without a hedge.
    pub fn claim<'t>(&self, text: &'t str) -> Option<&'t str> {
        sentences(text).find(|sentence| self.success.is_match(sentence) && !self.hedge.is_match(sentence))
    }

    /// The first sentence that owns up to something that does not work.
    pub fn disclosure<'t>(&self, text: &'t str) -> Option<&'t str> {
        sentences(text).find(|sentence| self.failure.is_match(sentence) && !NO_FAILURE.is_match(sentence))
    }

    /// Sentences that ask for something to be taken away.
    pub fn removals<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        sentences(text).filter(|sentence| self.removal.is_match(sentence) && !KEPT.is_match(sentence))
    }

    pub fn verifies(&self, step: &str) -> bool {
        self.verification.is_match(step)
    }
}

/// "0 failed", "no failures": the words of failure, and none of it.
static NO_FAILURE: LazyLock<RegexSet> =
    LazyLock::new(|| pattern(r"(?i)\b(0|no|zero|without|nothing)\s+(\w+\s+)?(fail\w*|errors?|crash\w*|broken)\b"));

/// "Do not remove the tests."
static KEPT: LazyLock<RegexSet> = LazyLock::new(|| pattern(r"(?i)\b(don't|do not|never|without|not to|rather than)\b"));

/// A pattern of our own; one that does not compile matches nothing, and the tests find it.
pub fn pattern(text: &str) -> RegexSet {
    RegexSet::new([text]).unwrap_or_else(|_| RegexSet::empty())
}

/// Sentences outside code blocks and quoted blocks, with list marks cut off.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    let lines = text.lines().filter(move |line| {
        let start = line.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
            return false;
        }
        !fenced && !start.starts_with('>')
    });
    lines.flat_map(of_line).map(bare).filter(|sentence| !sentence.is_empty())
}

fn of_line(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = sentence_end(rest);
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

/// After the first full stop, mark or semicolon that a blank follows, or the whole line.
fn sentence_end(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mark = |at: &usize| matches!(bytes[*at], b'.' | b'!' | b'?' | b';');
    let blank = |at: &usize| bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
    (0..bytes.len()).find(|at| mark(at) && blank(at)).map_or(line.len(), |at| at + 1)
}

fn bare(sentence: &str) -> &str {
    sentence.trim().trim_start_matches(['-', '*', '#', '+', '>', '✅', '✓', ' ', '_']).trim()
}

#[derive(Deserialize)]
struct Words {
    success: Vec<String>,
    hedge: Vec<String>,
    failure: Vec<String>,
    verification: Vec<String>,
    #[serde(default)]
    removal: Vec<String>,
}

static LEXICONS: LazyLock<BTreeMap<String, Lexicon>> = LazyLock::new(|| {
    let words: BTreeMap<String, Words> = serde_yaml::from_str(include_str!("lexicon.yaml")).unwrap_or_default();
    words.into_iter().map(|(language, words)| (language, lexicon(&words))).collect()
});

fn lexicon(words: &Words) -> Lexicon {
    let set = |list: &[String]| {
        let patterns = list.iter().map(|pattern| format!("(?i){pattern}"));
        RegexSet::new(patterns).unwrap_or_else(|_| RegexSet::empty())
    };
    Lexicon {
        success: set(&words.success),
        hedge: set(&words.hedge),
        failure: set(&words.failure),
        verification: set(&words.verification),
        removal: set(&words.removal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_compiles() {
        for (language, lexicon) in LEXICONS.iter() {
            for set in [&lexicon.success, &lexicon.hedge, &lexicon.failure, &lexicon.verification, &lexicon.removal] {
                assert!(!set.is_empty(), "{language}");
            }
        }
        assert!(Lexicon::of("en-GB").is_some());
        assert!(Lexicon::of("tlh").is_none());
    }
}
