//! Secrets replaced by their names before anything is written.
//!
//! With `API_KEY=hunter-2-hunter-2`, the text `token: hunter-2-hunter-2` becomes `token: [API_KEY]`, and so does its base64, its
//! percent-encoded and its JSON-escaped form. Overlapping finds become one marker, so that no end of a secret is left beside
//! another.
//!
//! A value under 6 bytes is refused: replacing every `1234` of a trace would tell more than it hides and change what is graded.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::forms::forms;
use crate::model::fault::{Boundary, Fault};

/// Shorter values are refused.
pub const SHORTEST_SECRET: usize = 6;

/// Too short to hold a secret itself.
const PLAIN_MARKER: &str = "[***]";

/// Knows the secrets of a run. Cheap to clone.
#[derive(Clone)]
pub struct Redactor {
    search: Option<Arc<Search>>,
}

impl Redactor {
    /// Takes (name, value) pairs. A fault names the variable, never its value.
    pub fn new(secrets: &[(String, String)]) -> Result<Redactor, Fault> {
        for (name, value) in secrets {
            // Spaces alone are no secret, and every text is full of them.
            let length = value.trim().len();
            if length < SHORTEST_SECRET {
                return Err(too_short(name, length));
            }
        }
        if secrets.is_empty() {
            return Ok(Redactor::none());
        }
        let search = Search::new(secrets).map_err(|error| {
            Fault::new(Boundary::Workspace, "secrets", format!("cannot look for the secrets: {error}"))
                .hint("pass fewer or shorter secrets")
        })?;
        Ok(Redactor { search: Some(Arc::new(search)) })
    }

    /// Nothing to hide.
    pub fn none() -> Redactor {
        Redactor { search: None }
    }

    pub fn is_empty(&self) -> bool {
        self.search.is_none()
    }

    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Finds begin and end at characters: every form of a secret is text.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(search) = &self.search else { return Cow::Borrowed(bytes) };
        let finds = search.finds(bytes);
        if finds.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(search.replace(bytes, &finds)) }
    }

    /// For bytes that come in pieces.
    pub fn stream(&self) -> Stream {
        let state = self.search.as_ref().map(|search| search.start);
        Stream { search: self.search.clone(), state, ..Stream::default() }
    }

    /// The beginning of something cut: what may be the beginning of a secret goes too. Gives the bytes lost.
    pub(super) fn redact_before_cut(&self, head: &[u8]) -> (Vec<u8>, u64) {
        let Some(search) = &self.search else { return (head.to_vec(), 0) };
        let mut finds = search.finds(head);
        let mut end = head.len().saturating_sub(search.longest - 1);
        if let Some(last) = finds.iter().find(|find| find.start < end && find.end > end) {
            end = last.start;
        }
        finds.retain(|find| find.end <= end);
        (search.replace(&head[..end], &finds), (head.len() - end) as u64)
    }

    /// The end of something cut: what may be the end of a secret goes too. Gives the bytes lost.
    pub(super) fn redact_after_cut(&self, tail: &[u8]) -> (Vec<u8>, u64) {
        let Some(search) = &self.search else { return (tail.to_vec(), 0) };
        let mut finds = search.finds(tail);
        let mut start = tail.len().min(search.longest - 1);
        if let Some(first) = finds.iter().find(|find| find.start < start && find.end > start) {
            start = first.end;
        }
        finds.retain(|find| find.start >= start);
        let moved: Vec<Find> = finds
            .iter()
            .map(|find| Find { start: find.start - start, end: find.end - start, pattern: find.pattern })
            .collect();
        (search.replace(&tail[start..], &moved), start as u64)
    }
}

/// Redacts bytes as they come, holding back no more than the longest form of a secret.
#[derive(Default)]
pub struct Stream {
    search: Option<Arc<Search>>,
    state: Option<StateID>,
    held: VecDeque<u8>,
    /// Where in the stream `held` begins.
    given: usize,
    /// Up to here the stream was replaced by a marker already given.
    covered: usize,
    finds: Vec<Find>,
}

impl Stream {
    /// Takes more and gives what can no longer become a part of a secret.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let (Some(search), Some(mut state)) = (self.search.clone(), self.state) else { return chunk.to_vec() };
        let mut at = self.given + self.held.len();
        for &byte in chunk {
            at += 1;
            state = search.next(state, byte);
            if let Some(find) = search.find_ending(state, at) {
                self.add(find);
            }
        }
        self.state = Some(state);
        self.held.extend(chunk);
        self.give(&search, at.saturating_sub(search.longest - 1))
    }

    /// The rest, at the end of the stream.
    pub fn finish(mut self) -> Vec<u8> {
        let end = self.given + self.held.len();
        match self.search.clone() {
            Some(search) => self.give(&search, end),
            None => Vec::new(),
        }
    }

    fn add(&mut self, find: Find) {
        if find.start < self.covered {
            // It ends after all that wait, and they begin after it.
            self.finds.clear();
            self.covered = find.end;
        } else {
            merge(&mut self.finds, find);
        }
    }

    /// Gives the stream up to `until`, with markers for the finds that begin before it.
    fn give(&mut self, search: &Search, until: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let due = self.finds.iter().take_while(|find| find.start < until).count();
        for find in self.finds.drain(..due).collect::<Vec<Find>>() {
            self.give_plain(find.start, &mut out);
            out.extend_from_slice(search.marker(find.pattern));
            self.covered = find.end;
        }
        self.give_plain(until, &mut out);
        out
    }

    /// Moves held bytes up to `until` out, those under a marker into nothing.
    fn give_plain(&mut self, until: usize, out: &mut Vec<u8>) {
        let until = until.max(self.given);
        let hidden = self.covered.clamp(self.given, until) - self.given;
        let bytes = self.held.drain(..until - self.given);
        out.extend(bytes.skip(hidden));
        self.given = until;
    }
}

/// A stretch that is replaced, and by the marker of which pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Find {
    start: usize,
    end: usize,
    pattern: usize,
}

/// All forms of all secrets as one automaton.
struct Search {
    automaton: NFA,
    start: StateID,
    longest: usize,
    markers: Vec<Vec<u8>>,
}

impl Search {
    fn new(secrets: &[(String, String)]) -> Result<Search, String> {
        let patterns: Vec<(Vec<u8>, &str)> = secrets
            .iter()
            .flat_map(|(name, value)| forms(value).into_iter().map(move |form| (form, name.as_str())))
            .collect();
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|(form, _)| form))
            .map_err(|error| error.to_string())?;
        let start = automaton.start_state(Anchored::No).map_err(|error| error.to_string())?;
        let longest = automaton.max_pattern_len().max(1);
        let mut search = Search { automaton, start, longest, markers: Vec::new() };
        let markers = patterns.iter().map(|(_, name)| search.safe_marker(name)).collect();
        search.markers = markers;
        Ok(search)
    }

    /// A name may itself be a secret's value: `TOKEN=TOKEN`.
    fn safe_marker(&self, name: &str) -> Vec<u8> {
        let marker = format!("[{name}]").into_bytes();
        if self.finds(&marker).is_empty() { marker } else { PLAIN_MARKER.as_bytes().to_vec() }
    }

    fn marker(&self, pattern: usize) -> &[u8] {
        self.markers.get(pattern).map_or(PLAIN_MARKER.as_bytes(), Vec::as_slice)
    }

    fn next(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// The longest form that ends here.
    fn find_ending(&self, state: StateID, end: usize) -> Option<Find> {
        if !self.automaton.is_match(state) {
            return None;
        }
        let ending = (0..self.automaton.match_len(state)).map(|index| self.automaton.match_pattern(state, index));
        let longest = ending.max_by_key(|&pattern| self.automaton.pattern_len(pattern))?;
        Some(Find { start: end - self.automaton.pattern_len(longest), end, pattern: longest.as_usize() })
    }

    fn finds(&self, bytes: &[u8]) -> Vec<Find> {
        let mut finds = Vec::new();
        let mut state = self.start;
        for (at, &byte) in bytes.iter().enumerate() {
            state = self.next(state, byte);
            if let Some(find) = self.find_ending(state, at + 1) {
                merge(&mut finds, find);
            }
        }
        finds
    }

    fn replace(&self, bytes: &[u8], finds: &[Find]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for find in finds {
            out.extend_from_slice(&bytes[at..find.start]);
            out.extend_from_slice(self.marker(find.pattern));
            at = find.end;
        }
        out.extend_from_slice(&bytes[at..]);
        out
    }
}

/// Adds a find that ends after all others. One that holds earlier ones replaces them; one that overlaps lengthens the last.
fn merge(finds: &mut Vec<Find>, find: Find) {
    while finds.last().is_some_and(|last| last.start >= find.start) {
        finds.pop();
    }
    match finds.last_mut() {
        Some(last) if last.end > find.start => last.end = find.end,
        Some(_) | None => finds.push(find),
    }
}

fn too_short(name: &str, length: usize) -> Fault {
    let message = format!("the value of {name} has {length} bytes, too few to be replaced as a secret");
    Fault::new(Boundary::Workspace, "secret_too_short", message)
        .hint(format!("use a value of at least {SHORTEST_SECRET} bytes, or pass {name} as a plain variable"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let owned: Vec<_> = secrets.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Redactor::new(&owned).unwrap()
    }

    fn in_pieces(redactor: &Redactor, bytes: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut stream = redactor.stream();
        let (mut out, mut rest) = (Vec::new(), bytes);
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            out.extend(stream.push(piece));
            rest = more;
        }
        out.extend(stream.finish());
        out
    }

    #[test]
    fn every_form_becomes_the_name() {
        let value = "p\u{e4}ss/w\"ord+1 \\ \n2";
        let redactor = redactor(&[("KEY", value)]);
        let once = serde_json::to_string(value).unwrap();
        let twice = serde_json::to_string(&once).unwrap();
        let ascii = "p\\u00e4ss/w\\\"ord+1 \\\\ \\n2";
        let cases = [
            (value.to_owned(), "[KEY]".to_owned()),
            (once, "\"[KEY]\"".to_owned()),
            (twice, "\"\\\"[KEY]\\\"\"".to_owned()),
            (ascii.to_owned(), "[KEY]".to_owned()),
            (STANDARD.encode(value), "[KEY]".to_owned()),
            (URL_SAFE_NO_PAD.encode(value), "[KEY]".to_owned()),
            ("p%C3%A4ss%2Fw%22ord%2B1%20%5C%20%0A2".to_owned(), "[KEY]".to_owned()),
            ("p%c3%a4ss%2fw%22ord%2b1+%5c+%0a2".to_owned(), "[KEY]".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(redactor.redact(&text), expected, "{text}");
        }
    }

    #[test]
    fn base64_is_found_wherever_the_value_stands_in_it() {
        let redactor = redactor(&[("KEY", "hunter-2-hunter-2")]);
        for before in 0..7 {
            for after in 0..4 {
                let text = STANDARD.encode(format!("{}hunter-2-hunter-2{}", "u".repeat(before), ":".repeat(after)));
                let redacted = redactor.redact(&text).into_owned();
                assert!(redacted.contains("[KEY]"), "{before} before, {after} after: {redacted}");
            }
        }
    }

    #[test]
    fn a_value_from_a_file_is_found_without_its_newline_and_line_by_line() {
        let redactor =
            redactor(&[("KEY", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASCB\n-----END KEY-----\n")]);
        let shown = "-----BEGIN KEY-----\n 1  MIIEvQIBADANBgkqh\n 2  kiG9w0BAQEFAASCB\n";
        assert_eq!(redactor.redact(shown), "-----BEGIN KEY-----\n 1  [KEY]\n 2  [KEY]\n");
        assert_eq!(self::redactor(&[("PIN", "123456\n")]).redact("is 123456."), "is [PIN].");
    }

    #[test]
    fn base64_that_a_program_broke_into_lines_is_found() {
        let value = "k".repeat(164);
        let encoded = STANDARD.encode(&value);
        let broken: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        assert_eq!(redactor(&[("KEY", &value)]).redact(&broken.join("\n")), "[KEY]\n[KEY]\n[KEY]");
    }

    #[test]
    fn overlapping_secrets_leave_no_end() {
        let redactor = redactor(&[("A", "abcdef"), ("B", "defghi"), ("LONG", "xxabcdefxx")]);
        assert_eq!(redactor.redact("1abcdefghi2"), "1[A]2");
        assert_eq!(redactor.redact("1xxabcdefxx2"), "1[LONG]2");
        assert_eq!(redactor.redact("abcdefabcdef"), "[A][A]");
        assert_eq!(redactor.redact("nothing"), Cow::Borrowed("nothing"));
    }

    #[test]
    fn a_marker_never_holds_a_secret() {
        assert_eq!(redactor(&[("PASSWORD", "PASSWORD")]).redact("is PASSWORD."), "is [***].");
    }

    #[test]
    fn a_short_value_is_refused_by_name() {
        let fault = Redactor::new(&[("PIN".to_owned(), "12345".to_owned())]).err().unwrap();
        assert_eq!(fault.message, "the value of PIN has 5 bytes, too few to be replaced as a secret");
        assert!(!format!("{fault:?}").contains("12345"));
        assert!(Redactor::new(&[("SPACE".to_owned(), " ".repeat(40))]).is_err());
    }

    #[test]
    fn no_part_of_a_secret_stays_at_a_cut() {
        let redactor = redactor(&[("KEY", "hunter-2-hunter-2")]);
        let text =
            format!("{}hunter-2-hunter-2{}hunter-2-hunter-2{}", "a".repeat(100), "b".repeat(300), "c".repeat(100));
        for cap in 200..280 {
            let mut keeper = super::super::Keeper::new(cap);
            keeper.push(text.as_bytes());
            let kept = keeper.finish().redacted(&redactor);
            let (shown, _) = kept.text();
            assert!(!shown.contains("hun") && !shown.contains("r-2"), "cap {cap}: {shown}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_what_the_whole_gives_and_no_secret_survives(
            secrets in proptest::collection::vec("[ab/+][ab/+ \"]{4,7}[ab\"]", 1..4),
            parts in proptest::collection::vec((0_usize..6, "[ab/+ \"%\\\\]{0,12}"), 0..12),
            sizes in proptest::collection::vec(1_usize..9, 1..6),
        ) {
            let named: Vec<_> = secrets.iter().enumerate().map(|(n, value)| (format!("S{n}"), value.clone())).collect();
            let redactor = Redactor::new(&named).unwrap();
            let mut text = String::new();
            for (form, plain) in &parts {
                text.push_str(plain);
                let value = &secrets[form % secrets.len()];
                match form {
                    0 | 1 => text.push_str(value),
                    2 => text.push_str(&STANDARD.encode(value)),
                    3 => text.push_str(&serde_json::to_string(value).unwrap()),
                    4 => text.push_str(&value[..4]),
                    _ => {}
                }
            }
            let whole = redactor.redact_bytes(text.as_bytes()).into_owned();
            prop_assert_eq!(&in_pieces(&redactor, text.as_bytes(), &sizes), &whole);
            prop_assert_eq!(redactor.redact_bytes(&whole), Cow::Borrowed(whole.as_slice()));
            for value in &secrets {
                prop_assert!(!String::from_utf8_lossy(&whole).contains(value.as_str()));
            }
        }

        #[test]
        fn a_stream_holds_back_no_more_than_the_longest_form(chunks in proptest::collection::vec("[a-c]{0,40}", 0..20)) {
            let redactor = redactor(&[("KEY", "abcabcabc")]);
            let longest = redactor.search.as_ref().unwrap().longest;
            let mut stream = redactor.stream();
            for chunk in &chunks {
                stream.push(chunk.as_bytes());
                prop_assert!(stream.held.len() < longest);
            }
        }
    }
}
