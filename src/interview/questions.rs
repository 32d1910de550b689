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

use super::prose::{Block, Sentence, sentences};
use crate::model::ask::AskKind;
use regex::{Regex, RegexBuilder, RegexSet};
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

/// A list of patterns, seen in one pass; most sentences hold none of them.
struct Patterns {
    quick: Quick,
    all: RegexSet,
    each: Vec<Regex>,
}

/// One expression for a whole list: it sees whatever one of the patterns sees, and in a text that is not ASCII perhaps more.
///
/// A word border of Unicode sends every text that is not ASCII to a slow engine. Ours stand beside an ASCII letter, where ASCII has a
/// border wherever Unicode has one. `None`: it did not compile, and sees everything.
struct Quick(Option<Regex>);

struct Table {
    /// All that makes a sentence without a mark ask; most sentences end here.
    asking: Quick,
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
            asking: Quick::of(plain.into_iter().flatten().chain(&source.question.imperative)),
            closer: compile(&source.closer),
            go_ahead: [compile(&source.go_ahead.mark), compile(&source.go_ahead.plain)],
            offer: [compile(&source.offer.mark), compile(&source.offer.plain)],
            question: compile(&source.question.plain),
            imperative: compile(&source.question.imperative),
            lead: compile(&source.question.lead),
            rhetoric: compile(&source.rhetoric),
            addressed: compile(&source.addressed),
            mentions: compile(&source.mentions),
            title: compile(&source.title),
            invites: compile(&source.invites),
            replied: compile(&source.replied),
            extra: compile(&source.extra),
            two_ways: compile(&source.two_ways),
        }
    }

    /// Whether the list below this sentence, or the list it stands in, was announced as questions.
    fn invites(&self, sentence: &Sentence<'_>, before: bool) -> bool {
        let opens = sentence.block == Block::Heading || sentence.plain.ends_with(':');
        if opens {
            any(&self.invites, &sentence.plain)
        } else {
            before && (sentence.block == Block::Item || sentence.marked)
        }
    }

    fn classify(&self, sentence: &Sentence<'_>, next: &str, invited: bool) -> Option<AskKind> {
        if sentence.lead && any(&self.lead, &sentence.plain) {
            return Some(AskKind::Question);
        }
        if !sentence.marked && !self.asking.sees(&sentence.plain) {
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
        if closed || any(&self.rhetoric, open) || any(&self.replied, next) {
            return AskKind::Rhetoric;
        }
        if let Some(kind) = self.permission(open) {
            return kind;
        }
        if invited {
            return AskKind::Question;
        }
        if title {
            return if any(&self.title, open) { AskKind::Question } else { AskKind::Rhetoric };
        }
        if any(&self.addressed, open) {
            return AskKind::Question;
        }
        if let Some(kind) = self.unmarked(sentence, open) {
            return kind;
        }
        let far = sentence.after > FAR_FROM_THE_END && !any(&self.mentions, open);
        if sentence.answered || far { AskKind::Rhetoric } else { AskKind::Question }
    }

    /// Leave to go on, or an offer; between two ways either is a decision.
    fn permission(&self, open: &str) -> Option<AskKind> {
        let leave = any(&self.go_ahead[0], open);
        if !leave && !any(&self.offer[0], open) {
            None
        } else if any(&self.two_ways, open) {
            Some(AskKind::Question)
        } else if leave && !any(&self.extra, open) {
            Some(AskKind::GoAhead)
        } else {
            Some(AskKind::Offer)
        }
    }

    fn unmarked(&self, sentence: &Sentence<'_>, open: &str) -> Option<AskKind> {
        let after_leave = without(&self.go_ahead[1], open);
        let after_offer = without(&self.offer[1], &after_leave);
        let order = sentence.block == Block::Text && any(&self.imperative, &after_offer);
        if order || any(&self.question, &after_offer) {
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

/// Patterns that do not compile are left out; a test holds that there are none.
fn compile(patterns: &[String]) -> Patterns {
    let each: Vec<Regex> = patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let all = RegexSet::new(each.iter().map(Regex::as_str)).unwrap_or_else(|_| RegexSet::empty());
    Patterns { quick: Quick::of(patterns), all, each }
}

impl Quick {
    fn of<'p>(patterns: impl IntoIterator<Item = &'p String>) -> Quick {
        let ascii = |pattern: &String| format!("(?:{})", pattern.replace("\\b", "(?-u:\\b)"));
        let all: Vec<String> = patterns.into_iter().map(ascii).collect();
        Quick(RegexBuilder::new(&all.join("|")).dfa_size_limit(8 << 20).build().ok())
    }

    fn sees(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|one| one.is_match(text))
    }
}

fn any(patterns: &Patterns, text: &str) -> bool {
    patterns.quick.sees(text) && (text.is_ascii() && patterns.quick.0.is_some() || patterns.all.is_match(text))
}

fn without<'t>(patterns: &Patterns, text: &'t str) -> Cow<'t, str> {
    let mut left = Cow::Borrowed(text);
    if !any(patterns, text) {
        return left;
    }
    for pattern in &patterns.each {
        if pattern.is_match(&left) {
            left = Cow::Owned(pattern.replace_all(&left, " ").into_owned());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_set_of_the_table_compiles() {
        for table in TABLES.values() {
            let [go_ahead, offer] = [&table.go_ahead, &table.offer];
            let lists = [
                &table.closer,
                &go_ahead[0],
                &go_ahead[1],
                &offer[0],
                &offer[1],
                &table.question,
                &table.imperative,
                &table.lead,
            ];
            let more = [
                &table.rhetoric,
                &table.addressed,
                &table.mentions,
                &table.title,
                &table.invites,
                &table.replied,
                &table.extra,
            ];
            for list in lists.into_iter().chain(more).chain([&table.two_ways]) {
                assert_eq!(list.all.len(), list.each.len());
            }
        }
    }

    /// The quick look may see too much, never too little: not beside letters, dashes or quotes that are not ASCII either.
    #[test]
    fn the_quick_look_misses_nothing() {
        let table = TABLES.get("en").unwrap();
        let mut seen = 0;
        for phrase in include_str!("../../fixtures/questions/phrases.txt").lines() {
            for text in
                [phrase.to_owned(), format!("é {phrase}"), phrase.replace(' ', " — "), phrase.replace(", ", "é")]
            {
                for sentence in sentences(&text) {
                    let lists =
                        [&table.question, &table.imperative, &table.closer, &table.go_ahead[1], &table.offer[1]];
                    for list in lists.into_iter().filter(|list| list.all.is_match(&sentence.plain)) {
                        assert!(list.quick.sees(&sentence.plain) && table.asking.sees(&sentence.plain), "{text}");
                        seen += 1;
                    }
                    let marked =
                        [&table.go_ahead[0], &table.offer[0], &table.addressed, &table.rhetoric, &table.invites];
                    for list in marked.into_iter().filter(|list| list.all.is_match(&sentence.plain)) {
                        assert!(list.quick.sees(&sentence.plain), "{text}");
                    }
                }
            }
        }
        assert!(seen > 100, "only {seen} sentences say anything");
    }

    #[test]
    fn every_pattern_of_the_table_compiles() {
        let sources: BTreeMap<String, Source> = serde_yaml::from_str(include_str!("questions.yaml")).unwrap();
        for source in sources.values() {
            let lists = [
                &source.closer,
                &source.go_ahead.mark,
                &source.go_ahead.plain,
                &source.offer.mark,
                &source.offer.plain,
                &source.question.plain,
                &source.question.imperative,
                &source.question.lead,
                &source.rhetoric,
                &source.addressed,
                &source.mentions,
                &source.title,
                &source.invites,
                &source.replied,
                &source.extra,
                &source.two_ways,
            ];
            for pattern in lists.into_iter().flatten() {
                Regex::new(pattern).unwrap();
            }
        }
    }
}
