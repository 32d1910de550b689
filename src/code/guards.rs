//! Where a failing assertion would not be heard: the body of a `try` whose handler lets everything pass.

use super::{Language, tokens::Code};
use std::ops::Range;

/// Token ranges, in order, without overlaps.
pub(super) fn swallowed(code: &Code<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in 0..code.len() {
        let range = match (code.language, code.word(at)) {
            (Language::Python, "try") if code.word(at + 1) == ":" => python(code, at),
            (Language::Python, "suppress") if code.word(at + 1) == "(" => suppressed(code, at),
            (Language::Script | Language::Java, "try") => braced(code, at),
            (Language::Rust, "catch_unwind") => Some(code.group(at + 1)),
            (Language::Go, "recover") if found.last().is_none_or(|last: &Range<usize>| last.end <= at) => {
                recovered(code, at)
            }
            (_, _) => None,
        };
        found.extend(range);
    }
    merged(found)
}

fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in found {
        match out.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => out.push(range),
        }
    }
    out
}

/// The first token at or left of this column.
fn block_end(code: &Code<'_>, from: usize, column: u32) -> usize {
    let left = |at: &usize| code.tokens[*at].indent.is_some_and(|own| own <= column);
    (from..code.len()).find(left).unwrap_or(code.len())
}

fn python(code: &Code<'_>, at: usize) -> Option<Range<usize>> {
    let column = code.tokens[at].indent?;
    let body = at + 2..block_end(code, at + 2, column);
    if code.word(body.end) != "except" {
        return None;
    }
    let colon = code.find(body.end..code.len(), |word| word == ":")?;
    let caught = code.compact(body.end + 1..colon);
    let wide = caught.is_empty() || ["Exception", "AssertionError"].iter().any(|name| caught.contains(name));
    let handler = colon + 1..block_end(code, colon + 1, column);
    (wide && silent(code, handler)).then_some(body)
}

fn suppressed(code: &Code<'_>, at: usize) -> Option<Range<usize>> {
    let caught = code.compact(code.group(at + 1));
    let colon = code.after(at + 1);
    let line = (0..=at).rev().take(12).find_map(|at| code.tokens[at].indent)?;
    let wide = ["Exception", "AssertionError"].iter().any(|name| caught.contains(name));
    (wide && code.word(colon) == ":").then(|| colon + 1..block_end(code, colon + 1, line))
}

fn braced(code: &Code<'_>, at: usize) -> Option<Range<usize>> {
    let open = if code.word(at + 1) == "(" { code.after(at + 1) } else { at + 1 };
    if code.word(open) != "{" {
        return None;
    }
    let catch = code.after(open);
    if code.word(catch) != "catch" {
        return None;
    }
    let handler = if code.word(catch + 1) == "(" { code.after(catch + 1) } else { catch + 1 };
    (code.word(handler) == "{" && silent(code, code.group(handler))).then(|| code.group(open))
}

/// A handler that neither raises nor checks.
fn silent(code: &Code<'_>, handler: Range<usize>) -> bool {
    let speaks = |at: usize| {
        let word = code.word(at);
        matches!(word, "raise" | "throw" | "fail" | "expect" | "done" | "reject" | "exit" | "t")
            || word.starts_with("assert")
    };
    !handler.take(400).any(speaks)
}

/// `defer func() { recover() }()` hears nothing up to the end of its function.
fn recovered(code: &Code<'_>, at: usize) -> Option<Range<usize>> {
    let near = (at.saturating_sub(20)..at).any(|at| code.word(at) == "defer");
    let spoken =
        (at..(at + 12).min(code.len())).any(|at| matches!(code.word(at), "t" | "panic" | "assert" | "require"));
    let end = || {
        let next = |at: &usize| code.word(*at) == "func" && code.tokens[*at].indent == Some(0);
        (at..code.len()).find(next).unwrap_or(code.len())
    };
    (near && !spoken).then(|| at..end())
}
