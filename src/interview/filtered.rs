//! A list of patterns of which hardly any says something about a given text.
//!
//! Every match of `let me know( please)? (which|what)` holds one of a few texts (`let me know which`, `let me know please what`, ...). Those texts
//! are taken from the patterns themselves; one pass over a sentence finds which of them stand in it, and only the patterns they belong to are tried.
//! One automaton for all patterns would do the same work, but its states are too many to be kept: lists of phrases with gaps multiply.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use std::{borrow::Cow, ops::Range, sync::OnceLock};

/// More texts than this are not told apart for one pattern.
const MOST: usize = 64;
/// Texts longer than this are as rare as they need to be.
const LONG: usize = 8;
/// Patterns told apart as bits; those of a longer list are tried whole.
const BITS: usize = 256;

/// Patterns in lists, numbered through.
pub(super) struct Patterns {
    each: Vec<Pattern>,
    needles: Option<AhoCorasick>,
    /// By needle, the pattern it belongs to.
    owners: Vec<usize>,
    /// Patterns that no needle speaks for.
    always: Set,
}

/// Places of the patterns of one list, or of several that stand side by side.
pub(super) type List = Range<usize>;

/// A text, and which patterns may match in it.
pub(super) struct Sight<'t> {
    pub text: Cow<'t, str>,
    likely: Option<Set>,
}

#[derive(Clone, Copy, Default)]
struct Set([u64; BITS / 64]);

struct Pattern {
    source: String,
    /// Compiled when it is needed: for texts that are not ASCII, and for what is taken out.
    exact: OnceLock<Option<Regex>>,
    /// Sees whatever the pattern as it stands sees, and in a text that is not ASCII perhaps more.
    ///
    /// A word border of Unicode sends every text that is not ASCII to a slow engine. Ours stand beside an ASCII letter, where ASCII has a border
    /// wherever Unicode has one.
    quick: Option<Regex>,
}

impl Patterns {
    /// Lists are added one after the other. A pattern that does not compile matches nothing; a test holds that there are none.
    pub(super) fn of(patterns: &[&String]) -> Patterns {
        let (mut needles, mut owners, mut always) = (Vec::new(), Vec::new(), Set::default());
        for (at, pattern) in patterns.iter().enumerate() {
            match regex_syntax::parse(pattern).ok().and_then(|hir| held(&hir)) {
                Some(texts) => {
                    owners.extend(texts.iter().map(|_| at));
                    needles.extend(texts);
                }
                None => always.add(at),
            }
        }
        let needles = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(needles);
        let needles = needles.ok().filter(|_| patterns.len() <= BITS);
        Patterns { each: patterns.iter().map(|source| Pattern::of(source)).collect(), needles, owners, always }
    }

    pub(super) fn look<'t>(&self, text: impl Into<Cow<'t, str>>) -> Sight<'t> {
        let text = text.into();
        let likely = self.needles.as_ref().map(|needles| {
            let mut likely = self.always;
            for hit in needles.find_overlapping_iter(text.as_bytes()) {
                likely.add(self.owners[hit.pattern().as_usize()]);
            }
            likely
        });
        Sight { text, likely }
    }

    /// Whether one of the list matches.
    pub(super) fn any(&self, list: &List, sight: &Sight<'_>) -> bool {
        self.first(list.clone(), sight).is_some()
    }

    /// The text with every match of each of the list, one after the other, replaced by a blank; `None`: nothing matches.
    pub(super) fn without(&self, list: &List, sight: &Sight<'_>) -> Option<Sight<'static>> {
        let mut at = self.first(list.clone(), sight)?;
        let mut left = self.look(self.each[at].taken_out(&sight.text));
        while let Some(next) = self.first(at + 1..list.end, &left) {
            left = self.look(self.each[next].taken_out(&left.text));
            at = next;
        }
        Some(left)
    }

    /// The first of the list that matches.
    fn first(&self, mut list: List, sight: &Sight<'_>) -> Option<usize> {
        list.find(|at| sight.likely.is_none_or(|set| set.has(*at)) && self.each[*at].is_match(&sight.text))
    }
}

impl Set {
    /// Numbers beyond the set are left out: then there are no needles, and nobody asks.
    fn add(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

impl Pattern {
    fn of(source: &str) -> Pattern {
        let quick = Regex::new(&source.replace("\\b", "(?-u:\\b)")).ok();
        Pattern { source: source.to_owned(), exact: OnceLock::new(), quick }
    }

    fn exact(&self) -> Option<&Regex> {
        self.exact.get_or_init(|| Regex::new(&self.source).ok()).as_ref()
    }

    fn is_match(&self, text: &str) -> bool {
        let quick = self.quick.as_ref();
        if text.is_ascii()
            && let Some(quick) = quick
        {
            return quick.is_match(text);
        }
        quick.is_none_or(|quick| quick.is_match(text)) && self.exact().is_some_and(|exact| exact.is_match(text))
    }

    fn taken_out(&self, text: &str) -> String {
        self.exact().map_or_else(|| text.to_owned(), |exact| exact.replace_all(text, " ").into_owned())
    }
}

/// Texts of which every match holds one: the rarest such list, by the length of its shortest text. `None`: there is none.
fn held(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => better(None, whole(hir)),
        HirKind::Capture(group) => held(&group.sub),
        HirKind::Repetition(again) if again.min > 0 => held(&again.sub),
        HirKind::Repetition(_) => None,
        HirKind::Alternation(ways) => {
            let all: Option<Vec<Vec<String>>> = ways.iter().map(held).collect();
            all.map(|lists| lists.concat())
        }
        HirKind::Concat(parts) => {
            let (mut best, mut run) = (None, vec![String::new()]);
            for part in parts {
                match whole(part).and_then(|texts| joined(&run, &texts)) {
                    Some(longer) => run = longer,
                    None => {
                        best = better(best, Some(std::mem::replace(&mut run, vec![String::new()])));
                        match whole(part) {
                            Some(texts) => run = texts,
                            None => best = better(best, held(part)),
                        }
                    }
                }
            }
            better(best, Some(run))
        }
    }
}

/// All texts that match, where they are few.
fn whole(hir: &Hir) -> Option<Vec<String>> {
    let texts = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(text) => vec![String::from_utf8(text.0.to_vec()).ok()?],
        HirKind::Class(Class::Unicode(class)) => {
            let letters: Vec<char> =
                class.ranges().iter().flat_map(|range| (range.start()..=range.end()).take(9)).collect();
            (letters.len() <= 8).then(|| letters.into_iter().map(String::from).collect())?
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Repetition(again) if again.min == 0 && again.max == Some(1) => {
            std::iter::once(String::new()).chain(whole(&again.sub)?).collect()
        }
        HirKind::Repetition(_) => return None,
        HirKind::Capture(group) => whole(&group.sub)?,
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![String::new()], |run, part| joined(&run, &whole(part)?))?
        }
        HirKind::Alternation(ways) => ways.iter().map(whole).collect::<Option<Vec<_>>>()?.concat(),
    };
    (texts.len() <= MOST).then_some(texts)
}

fn joined(starts: &[String], ends: &[String]) -> Option<Vec<String>> {
    let all = || starts.iter().flat_map(|start| ends.iter().map(move |end| format!("{start}{end}"))).collect();
    (starts.len() * ends.len() <= MOST).then(all)
}

fn better(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    let worth = |texts: &Vec<String>| {
        let shortest = texts.iter().map(String::len).min().unwrap_or(0).min(LONG);
        (shortest, std::cmp::Reverse(texts.len()))
    };
    one.into_iter().chain(other).filter(|texts| worth(texts).0 > 0).max_by_key(worth)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(pattern: &str) -> Option<Vec<String>> {
        held(&regex_syntax::parse(pattern).unwrap())
    }

    #[test]
    fn every_match_holds_one_of_the_texts() {
        let rows: [(&str, Option<&[&str]>); 6] = [
            (r"\bsay which\b", Some(&["say which"])),
            (r"\blet me know( now)? [^.]*(why|who)$", Some(&["let me know ", "let me know now "])),
            ("(yes|no) [^.]{0,9}(sure|fine)", Some(&["sure", "fine"])),
            (r"\b(any )?more?\b", Some(&["mor", "more", "any mor", "any more"])),
            ("a*", None),
            ("[a-z]+", None),
        ];
        for (pattern, expected) in rows {
            let mut found = texts(pattern);
            found.iter_mut().for_each(|texts| texts.sort());
            let mut expected = expected.map(|texts| texts.iter().map(ToString::to_string).collect::<Vec<_>>());
            expected.iter_mut().for_each(|texts| texts.sort());
            assert_eq!(found, expected, "{pattern}");
        }
    }

    #[test]
    fn matches_are_taken_out_one_pattern_after_the_other() {
        let list = ["zz", "b+", "^ c", "q"].map(str::to_owned);
        let patterns = Patterns::of(&list.iter().collect::<Vec<_>>());
        let without = |text: &'static str| patterns.without(&(1..4), &patterns.look(text)).map(|left| left.text);
        assert_eq!(without("bbcd").as_deref(), Some(" d"));
        assert!(without("cd").is_none() && without("zz").is_none());
        let any = |text: &'static str| patterns.any(&(1..4), &patterns.look(text));
        assert!(any("aq") && !any("a c") && !any("zz"));
    }
}
