//! Did the agent ask, and what kind of question was it?
//!
//! Of real messages that end a turn a third asks something. A quarter of those have no question mark ("let me know which one"), and many question marks
//! ask nothing (code, quotations, headings, closers). So sentences of running prose are looked at one by one, with a table of phrases by language
//! (`questions.yaml`) and the place where the sentence stands. `fixtures/questions` holds labelled messages and says how they were labelled;
//! the test `questions` prints precision and recall.
//!
//! ```
//! use evalrun::{interview::questions, model::ask::AskKind};
//! assert_eq!(questions::kind("Done. Want me to add docs too?", "en"), Some(AskKind::Offer));
//! assert_eq!(questions::kind("Tests pass. Let me know if you have questions.", "en"), None);
//! ```

use super::{
    filtered::Patterns,
    prose::{Block, Sentence, sentences},
};
use crate::model::ask::AskKind;
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

/// A question nobody is addressed in, with more statements than this after it, belongs to the explanation.
const FAR_FROM_THE_END: usize = 500;

/// One sentence that has the form of a question or asks without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As the agent wrote it, without list marks.
    pub sentence: String,
    pub kind: AskKind,
}

/// Every asking sentence of a message, in order, rhetoric included. A language without a table asks nothing.
pub fn questions(text: &str, language: &str) -> Vec<Asked> {
    let Some(table) = TABLES.get(language) else { return Vec::new() };
    let mut invited = false;
    let mut found = Vec::new();
    let all = sentences(text);
    for (at, sentence) in all.iter().enumerate() {
        invited = table.invites(sentence, invited);
        let next = all.get(at + 1).map_or("", |next| next.plain.as_str());
        if let Some(kind) = table.classify(sentence, next, invited) {
            found.push(Asked { sentence: sentence.text.to_owned(), kind });
        }
    }
    found
}

/// The strongest kind in a message: question, go-ahead, offer, rhetoric.
pub fn kind(text: &str, language: &str) -> Option<AskKind> {
    questions(text, language).into_iter().map(|asked| asked.kind).max()
}

/// Whether there is a table for this language.
pub fn speaks(language: &str) -> bool {
    TABLES.contains_key(language)
}

static TABLES: LazyLock<BTreeMap<String, Table>> = LazyLock::new(|| {
    let sources: BTreeMap<String, Source> = serde_yaml::from_str(include_str!("questions.yaml")).unwrap_or_default();
    sources.into_iter().map(|(language, source)| (language, Table::new(&source))).collect()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    closer: Vec<String>,
    go_ahead: Phrases,
    offer: Phrases,
    question: Asking,
    rhetoric: Vec<String>,
    addressed: Vec<String>,
    mentions: Vec<String>,
    title: Vec<String>,
    invites: Vec<String>,
    replied: Vec<String>,
    extra: Vec<String>,
    two_ways: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrases {
    mark: Vec<String>,
    plain: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    plain: Vec<String>,
    imperative: Vec<String>,
    lead: Vec<String>,
}

struct Table {
    /// All that makes a sentence without a mark ask; most sentences end here.
    asking: Patterns,
    closer: Patterns,
    go_ahead: [Patterns; 2],
    offer: [Patterns; 2],
    question: Patterns,
    imperative: Patterns,
    lead: Patterns,
    rhetoric: Patterns,
    addressed: Patterns,
    mentions: Patterns,
    title: Patterns,
    invites: Patterns,
    replied: Patterns,
    extra: Patterns,
    two_ways: Patterns,
}

impl Table {
    fn new(source: &Source) -> Table {
        let plain = [&source.closer, &source.go_ahead.plain, &source.offer.plain, &source.question.plain];
        Table {
            asking: Patterns::of(plain.into_iter().flatten().chain(&source.question.imperative)),
            closer: Patterns::of(&source.closer),
            go_ahead: [Patterns::of(&source.go_ahead.mark), Patterns::of(&source.go_ahead.plain)],
            offer: [Patterns::of(&source.offer.mark), Patterns::of(&source.offer.plain)],
            question: Patterns::of(&source.question.plain),
            imperative: Patterns::of(&source.question.imperative),
            lead: Patterns::of(&source.question.lead),
            rhetoric: Patterns::of(&source.rhetoric),
            addressed: Patterns::of(&source.addressed),
            mentions: Patterns::of(&source.mentions),
            title: Patterns::of(&source.title),
            invites: Patterns::of(&source.invites),
            replied: Patterns::of(&source.replied),
            extra: Patterns::of(&source.extra),
            two_ways: Patterns::of(&source.two_ways),
        }
    }

    /// Whether the list below this sentence, or the list it stands in, was announced as questions.
    fn invites(&self, sentence: &Sentence<'_>, before: bool) -> bool {
        let opens = sentence.block == Block::Heading || sentence.plain.ends_with(':');
        if opens {
            self.invites.any(&sentence.plain)
        } else {
            before && (sentence.block == Block::Item || sentence.marked)
        }
    }

    fn classify(&self, sentence: &Sentence<'_>, next: &str, invited: bool) -> Option<AskKind> {
        if sentence.lead && self.lead.any(&sentence.plain) {
            return Some(AskKind::Question);
        }
        if !sentence.marked && !self.asking.any(&sentence.plain) {
            return None;
        }
        let open = without(&self.closer, &sentence.plain);
        if sentence.marked {
            return Some(self.marked(sentence, (&open, next), invited));
        }
        self.unmarked(sentence, &open)
    }

    fn marked(&self, sentence: &Sentence<'_>, (open, next): (&str, &str), invited: bool) -> AskKind {
        let title = sentence.block == Block::Heading && sentence.after > 0;
        let closed = !open.contains(char::is_alphanumeric);
        if closed || self.rhetoric.any(open) || self.replied.any(next) {
            return AskKind::Rhetoric;
        }
        if let Some(kind) = self.permission(open) {
            return kind;
        }
        if invited {
            return AskKind::Question;
        }
        if title {
            return if self.title.any(open) { AskKind::Question } else { AskKind::Rhetoric };
        }
        if self.addressed.any(open) {
            return AskKind::Question;
        }
        if let Some(kind) = self.unmarked(sentence, open) {
            return kind;
        }
        let far = sentence.after > FAR_FROM_THE_END && !self.mentions.any(open);
        if sentence.answered || far { AskKind::Rhetoric } else { AskKind::Question }
    }

    /// Leave to go on, or an offer; between two ways either is a decision.
    fn permission(&self, open: &str) -> Option<AskKind> {
        let leave = self.go_ahead[0].any(open);
        if !leave && !self.offer[0].any(open) {
            None
        } else if self.two_ways.any(open) {
            Some(AskKind::Question)
        } else if leave && !self.extra.any(open) {
            Some(AskKind::GoAhead)
        } else {
            Some(AskKind::Offer)
        }
    }

    fn unmarked(&self, sentence: &Sentence<'_>, open: &str) -> Option<AskKind> {
        let after_leave = without(&self.go_ahead[1], open);
        let after_offer = without(&self.offer[1], &after_leave);
        let order = sentence.block == Block::Text && self.imperative.any(&after_offer);
        if order || self.question.any(&after_offer) {
            Some(AskKind::Question)
        } else if after_leave != open {
            Some(AskKind::GoAhead)
        } else if after_offer != after_leave {
            Some(AskKind::Offer)
        } else {
            None
        }
    }
}

fn without<'t>(patterns: &Patterns, text: &'t str) -> Cow<'t, str> {
    patterns.without(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use regex::Regex;

    /// Only the patterns whose texts stand in a sentence are tried: none of them may be one that matches.
    #[test]
    fn no_pattern_that_matches_is_passed_over() {
        let sources: BTreeMap<String, Source> = serde_yaml::from_str(include_str!("questions.yaml")).unwrap();
        let mut seen = 0;
        for list in sources.values().flat_map(Source::lists) {
            let patterns = Patterns::of(list);
            let each: Vec<Regex> = list.iter().map(|pattern| Regex::new(pattern).unwrap()).collect();
            for phrase in include_str!("../../fixtures/questions/phrases.txt").lines() {
                let spoiled =
                    [phrase.to_owned(), format!("é {phrase}"), phrase.replace(' ', " — "), phrase.replace(", ", "é")];
                for sentence in spoiled.iter().flat_map(|text| sentences(text)) {
                    let matches = each.iter().any(|pattern| pattern.is_match(&sentence.plain));
                    assert_eq!(patterns.any(&sentence.plain), matches, "{}", sentence.plain);
                    seen += usize::from(matches);
                }
            }
        }
        assert!(seen > 100, "only {seen} sentences say anything");
    }

    #[test]
    fn every_pattern_of_the_table_compiles() {
        let sources: BTreeMap<String, Source> = serde_yaml::from_str(include_str!("questions.yaml")).unwrap();
        for pattern in sources.values().flat_map(Source::lists).flatten() {
            Regex::new(pattern).unwrap();
        }
    }

    impl Source {
        fn lists(&self) -> Vec<&Vec<String>> {
            let asking = [&self.question.plain, &self.question.imperative, &self.question.lead];
            let leave = [&self.go_ahead.mark, &self.go_ahead.plain, &self.offer.mark, &self.offer.plain];
            let reader = [&self.rhetoric, &self.addressed, &self.mentions, &self.title, &self.invites, &self.replied];
            let rest = [&self.closer, &self.extra, &self.two_ways];
            asking.into_iter().chain(leave).chain(reader).chain(rest).collect()
        }
    }
}
