//! A list of patterns of which hardly any says something about a given text.
//!
//! Every match of `let me know( please)? (which|what)` holds one of a few texts (`let me know which`, `let me know please what`, ...). Those texts
//! are taken from the patterns themselves; one pass over a sentence finds which of them stand in it, and only the patterns they belong to are tried.
//! One automaton for all patterns would do the same work, but its states are too many to be kept: lists of phrases with gaps multiply.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// More texts than this are not told apart for one pattern.
const MOST: usize = 64;
/// Texts longer than this are as rare as they need to be.
const LONG: usize = 8;
/// Bits of a set of patterns; a longer list is tried whole.
const SET: usize = 128;

pub(super) struct Patterns {
    each: Vec<Pattern>,
    needles: Option<AhoCorasick>,
    /// By needle, the patterns it belongs to.
    owners: Vec<u128>,
    /// Patterns that no needle speaks for.
    always: u128,
}

struct Pattern {
    exact: Regex,
    /// Sees whatever `exact` sees, and in a text that is not ASCII perhaps more.
    ///
    /// A word border of Unicode sends every text that is not ASCII to a slow engine. Ours stand beside an ASCII letter, where ASCII has a border
    /// wherever Unicode has one.
    quick: Option<Regex>,
}

impl Patterns {
    /// Patterns that do not compile are left out; a test holds that there are none.
    pub(super) fn of<'p>(patterns: impl IntoIterator<Item = &'p String>) -> Patterns {
        let (mut each, mut needles, mut owners, mut always) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (pattern, exact) in patterns.into_iter().filter_map(|pattern| Some((pattern, Regex::new(pattern).ok()?))) {
            let bit = 1_u128.checked_shl(u32::try_from(each.len()).unwrap_or(u32::MAX)).unwrap_or(0);
            match regex_syntax::parse(pattern).ok().and_then(|hir| held(&hir)) {
                Some(texts) => {
                    owners.extend(texts.iter().map(|_| bit));
                    needles.extend(texts);
                }
                None => always |= bit,
            }
            let quick = Regex::new(&pattern.replace("\\b", "(?-u:\\b)")).ok();
            each.push(Pattern { exact, quick });
        }
        let needles = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(needles);
        Patterns { needles: needles.ok().filter(|_| each.len() <= SET), each, owners, always }
    }

    /// Whether one of the patterns matches.
    pub(super) fn any(&self, text: &str) -> bool {
        self.first(text, 0).is_some()
    }

    /// The text with every match of every pattern, one after the other, replaced by a blank; `None`: nothing matches.
    pub(super) fn without(&self, text: &str) -> Option<String> {
        let mut at = self.first(text, 0)?;
        let mut left = self.each[at].exact.replace_all(text, " ").into_owned();
        while let Some(next) = self.first(&left, at + 1) {
            left = self.each[next].exact.replace_all(&left, " ").into_owned();
            at = next;
        }
        Some(left)
    }

    /// The first pattern from a place in the list on that matches.
    fn first(&self, text: &str, from: usize) -> Option<usize> {
        let likely = self.likely(text);
        (from..self.each.len()).find(|at| likely.is_none_or(|set| set >> at & 1 == 1) && self.each[*at].is_match(text))
    }

    /// Patterns that may match, as bits; `None`: all of them.
    fn likely(&self, text: &str) -> Option<u128> {
        let hits = self.needles.as_ref()?.find_overlapping_iter(text);
        Some(hits.fold(self.always, |set, hit| set | self.owners[hit.pattern().as_usize()]))
    }
}

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        match &self.quick {
            Some(quick) => quick.is_match(text) && (text.is_ascii() || self.exact.is_match(text)),
            None => self.exact.is_match(text),
        }
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
            let letters: Vec<char> = class.ranges().iter().flat_map(|range| (range.start()..=range.end()).take(9)).collect();
            (letters.len() <= 8).then(|| letters.into_iter().map(String::from).collect())?
        }
        HirKind::Class(Class::Bytes(_)) => return None,
        HirKind::Repetition(again) if again.min == 0 && again.max == Some(1) => {
            std::iter::once(String::new()).chain(whole(&again.sub)?).collect()
        }
        HirKind::Repetition(_) => return None,
        HirKind::Capture(group) => whole(&group.sub)?,
        HirKind::Concat(parts) => parts.iter().try_fold(vec![String::new()], |run, part| joined(&run, &whole(part)?))?,
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
        let list = ["b+".to_owned(), "^ c".to_owned(), "q".to_owned()];
        let patterns = Patterns::of(&list);
        assert_eq!(patterns.without("bbcd").as_deref(), Some(" d"));
        assert_eq!(patterns.without("cd"), None);
        assert!(patterns.any("aq") && !patterns.any("a c"));
    }
}
