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
    filtered::{List, Patterns, Sight},
    prose::{Block, Sentence, sentences},
};
use crate::model::ask::AskKind;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

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
    let sights: Vec<Sight<'_>> = all.iter().map(|sentence| table.phrases.look(&sentence.plain)).collect();
    for (at, sentence) in all.iter().enumerate() {
        let sight = &sights[at];
        invited = table.invites(sentence, sight, invited);
        if let Some(kind) = table.classify(sentence, (sight, sights.get(at + 1)), invited) {
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
    phrases: Patterns,
    /// All that makes a sentence without a mark ask; most sentences end here.
    asking: List,
    closer: List,
    go_ahead: [List; 2],
    offer: [List; 2],
    question: List,
    imperative: List,
    lead: List,
    rhetoric: List,
    addressed: List,
    mentions: List,
    title: List,
    invites: List,
    replied: List,
    extra: List,
    two_ways: List,
}

impl Table {
    fn new(source: &Source) -> Table {
        let mut all = Vec::new();
        // The first five stand side by side: together they are what asks.
        let [closer, leave, offer, question, imperative] = [
            &source.closer,
            &source.go_ahead.plain,
            &source.offer.plain,
            &source.question.plain,
            &source.question.imperative,
        ]
        .map(|list| added(&mut all, list));
        Table {
            asking: closer.start..imperative.end,
            closer,
            go_ahead: [added(&mut all, &source.go_ahead.mark), leave],
            offer: [added(&mut all, &source.offer.mark), offer],
            question,
            imperative,
            lead: added(&mut all, &source.question.lead),
            rhetoric: added(&mut all, &source.rhetoric),
            addressed: added(&mut all, &source.addressed),
            mentions: added(&mut all, &source.mentions),
            title: added(&mut all, &source.title),
            invites: added(&mut all, &source.invites),
            replied: added(&mut all, &source.replied),
            extra: added(&mut all, &source.extra),
            two_ways: added(&mut all, &source.two_ways),
            phrases: Patterns::of(&all),
        }
    }

    fn any(&self, list: &List, sight: &Sight<'_>) -> bool {
        self.phrases.any(list, sight)
    }

    /// Whether the list below this sentence, or the list it stands in, was announced as questions.
    fn invites(&self, sentence: &Sentence<'_>, sight: &Sight<'_>, before: bool) -> bool {
        let opens = sentence.block == Block::Heading || sentence.plain.ends_with(':');
        if opens {
            self.any(&self.invites, sight)
        } else {
            before && (sentence.block == Block::Item || sentence.marked)
        }
    }

    fn classify(
        &self,
        sentence: &Sentence<'_>,
        (sight, next): (&Sight<'_>, Option<&Sight<'_>>),
        invited: bool,
    ) -> Option<AskKind> {
        if sentence.lead && self.any(&self.lead, sight) {
            return Some(AskKind::Question);
        }
        if !sentence.marked && !self.any(&self.asking, sight) {
            return None;
        }
        let without = self.phrases.without(&self.closer, sight);
        let open = without.as_ref().unwrap_or(sight);
        if sentence.marked {
            return Some(self.marked(sentence, (open, next), invited));
        }
        self.unmarked(sentence, open)
    }

    fn marked(
        &self,
        sentence: &Sentence<'_>,
        (open, next): (&Sight<'_>, Option<&Sight<'_>>),
        invited: bool,
    ) -> AskKind {
        let title = sentence.block == Block::Heading && sentence.after > 0;
        let closed = !open.text.contains(char::is_alphanumeric);
        let replied = || next.is_some_and(|next| self.any(&self.replied, next));
        if closed || self.any(&self.rhetoric, open) || replied() {
            return AskKind::Rhetoric;
        }
        if let Some(kind) = self.permission(open) {
            return kind;
        }
        if invited {
            return AskKind::Question;
        }
        if title {
            return if self.any(&self.title, open) { AskKind::Question } else { AskKind::Rhetoric };
        }
        if self.any(&self.addressed, open) {
            return AskKind::Question;
        }
        if let Some(kind) = self.unmarked(sentence, open) {
            return kind;
        }
        let far = sentence.after > FAR_FROM_THE_END && !self.any(&self.mentions, open);
        if sentence.answered || far { AskKind::Rhetoric } else { AskKind::Question }
    }

    /// Leave to go on, or an offer; between two ways either is a decision.
    fn permission(&self, open: &Sight<'_>) -> Option<AskKind> {
        let leave = self.any(&self.go_ahead[0], open);
        if !leave && !self.any(&self.offer[0], open) {
            None
        } else if self.any(&self.two_ways, open) {
            Some(AskKind::Question)
        } else if leave && !self.any(&self.extra, open) {
            Some(AskKind::GoAhead)
        } else {
            Some(AskKind::Offer)
        }
    }

    fn unmarked(&self, sentence: &Sentence<'_>, open: &Sight<'_>) -> Option<AskKind> {
        let leave = self.phrases.without(&self.go_ahead[1], open);
        let after_leave = leave.as_ref().unwrap_or(open);
        let offer = self.phrases.without(&self.offer[1], after_leave);
        let after_offer = offer.as_ref().unwrap_or(after_leave);
        let order = sentence.block == Block::Text && self.any(&self.imperative, after_offer);
        if order || self.any(&self.question, after_offer) {
            Some(AskKind::Question)
        } else if after_leave.text != open.text {
            Some(AskKind::GoAhead)
        } else if after_offer.text != after_leave.text {
            Some(AskKind::Offer)
        } else {
            None
        }
    }
}

/// Adds a list to all patterns, and says where it stands among them.
fn added<'s>(all: &mut Vec<&'s String>, list: &'s [String]) -> List {
    all.extend(list);
    all.len() - list.len()..all.len()
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
            let patterns = Patterns::of(&list.iter().collect::<Vec<_>>());
            let each: Vec<Regex> = list.iter().map(|pattern| Regex::new(pattern).unwrap()).collect();
            for phrase in include_str!("../../fixtures/questions/phrases.txt").lines() {
                let spoiled =
                    [phrase.to_owned(), format!("é {phrase}"), phrase.replace(' ', " — "), phrase.replace(", ", "é")];
                for sentence in spoiled.iter().flat_map(|text| sentences(text)) {
                    let matches = each.iter().any(|pattern| pattern.is_match(&sentence.plain));
                    assert_eq!(
                        patterns.any(&(0..list.len()), &patterns.look(&sentence.plain)),
                        matches,
                        "{}",
                        sentence.plain
                    );
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
