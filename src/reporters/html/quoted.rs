//! Text in pieces: what a verdict quotes is marked where it stands.

use serde::Serialize;
use std::borrow::Cow;

/// A piece of text with its class: empty, `mark` where a verdict quotes it, or the class of a patch's lines.
#[derive(Clone, Serialize, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub class: &'static str,
    pub text: Cow<'a, str>,
}

/// The text with the first place of each quote marked.
pub(super) fn pieces<'a>(text: Cow<'a, str>, quotes: &[&str]) -> Vec<Piece<'a>> {
    let mut spans: Vec<(usize, usize)> = quotes.iter().filter_map(|quote| place(&text, quote)).collect();
    if spans.is_empty() {
        return vec![Piece { class: "", text }];
    }
    spans.sort_unstable();
    let (mut out, mut from) = (Vec::new(), 0);
    for (start, end) in spans {
        if start >= from {
            out.push(part(&text, "", (from, start)));
            out.push(part(&text, "mark", (start, end)));
            from = end;
        }
    }
    out.push(part(&text, "", (from, text.len())));
    out.retain(|piece| !piece.text.is_empty());
    out
}

fn part(text: &str, class: &'static str, (from, to): (usize, usize)) -> Piece<'static> {
    Piece { class, text: Cow::Owned(text[from..to].to_owned()) }
}

/// Where a quote stands: as it is, or else its longest line.
fn place(text: &str, quote: &str) -> Option<(usize, usize)> {
    let quote = quote.trim();
    let line = quote.lines().map(str::trim).max_by_key(|line| line.len())?;
    let found = |what: &str| if what.is_empty() { None } else { text.find(what).map(|at| (at, at + what.len())) };
    found(quote).or_else(|| found(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_marked_once_each() {
        let found = pieces("one two one".into(), &["one", "two"]);
        let words: Vec<(&str, &str)> = found.iter().map(|piece| (piece.class, piece.text.as_ref())).collect();
        assert_eq!(words, [("mark", "one"), ("", " "), ("mark", "two"), ("", " one")]);
        assert_eq!(pieces("x".into(), &["", "y"]), [Piece { class: "", text: "x".into() }]);
        assert_eq!(pieces("aé b".into(), &["é b", "b"]).len(), 2);
    }
}
