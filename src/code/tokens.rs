//! Tokens with their brackets matched, so that a walker can step over a group in one go.

use super::{
    Language,
    lex::{Kind, Token, lex},
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

/// Brackets deeper than this are not matched.
const DEEP: usize = 128;

pub(super) struct Code<'t> {
    pub language: Language,
    pub text: &'t str,
    pub tokens: Vec<Token>,
    pub comments: Vec<Range<usize>>,
    /// For a bracket the token that closes or opens it; for one that is torn off the end of what it holds; else the token itself.
    mates: Vec<usize>,
}

impl<'t> Code<'t> {
    pub fn read(language: Language, text: &'t str) -> Code<'t> {
        let lexed = lex(language, text);
        let mut code = Code {
            language,
            text,
            mates: (0..lexed.tokens.len()).collect(),
            tokens: lexed.tokens,
            comments: lexed.comments,
        };
        code.pair();
        code
    }

    fn pair(&mut self) {
        let mut open: Vec<(usize, &str)> = Vec::new();
        let mut over = 0_usize;
        for at in 0..self.tokens.len() {
            // A definition at the margin cannot stand in a bracket of Python: what is open was cut off.
            let margin = self.language == Language::Python && self.tokens[at].indent == Some(0);
            if margin && !open.is_empty() && matches!(self.word(at), "def" | "class" | "@" | "import" | "from") {
                open.drain(..).for_each(|(opener, _)| self.mates[opener] = at);
                over = 0;
            }
            match self.word(at) {
                "(" | "[" | "{" if open.len() >= DEEP => over += 1,
                "(" => open.push((at, ")")),
                "[" => open.push((at, "]")),
                "{" => open.push((at, "}")),
                ")" | "]" | "}" if over > 0 => over -= 1,
                close @ (")" | "]" | "}") => self.close(&mut open, (at, close)),
                _ => {}
            }
        }
        let end = self.tokens.len();
        open.into_iter().for_each(|(opener, _)| self.mates[opener] = end);
    }

    /// A bracket closes what it fits, if that is near; what was opened within ends with it.
    fn close(&mut self, open: &mut Vec<(usize, &str)>, (at, close): (usize, &str)) {
        let Some(depth) = open.iter().rev().take(4).position(|(_, wants)| *wants == close) else { return };
        for _ in 0..=depth {
            let Some((opener, _)) = open.pop() else { return };
            self.mates[opener] = at;
            self.mates[at] = opener;
        }
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The text of a token; empty beyond the end.
    pub fn word(&self, at: usize) -> &'t str {
        let Some(token) = self.tokens.get(at) else { return "" };
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    pub fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    pub fn is_word(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Word)
    }

    pub fn before(&self, at: usize) -> &'t str {
        at.checked_sub(1).map_or("", |at| self.word(at))
    }

    pub fn opens(&self, at: usize) -> bool {
        matches!(self.word(at), "(" | "[" | "{")
    }

    pub fn mate(&self, at: usize) -> usize {
        self.mates.get(at).copied().unwrap_or(at)
    }

    /// The token after this one, or after the group that it opens.
    pub fn after(&self, at: usize) -> usize {
        if self.opens(at) { self.mate(at).saturating_add(1).max(at + 1).min(self.len()) } else { at + 1 }
    }

    /// The tokens of the group that opens here, without its brackets.
    pub fn group(&self, at: usize) -> Range<usize> {
        if !self.opens(at) {
            return at..at;
        }
        at + 1..self.mate(at).max(at + 1).min(self.len())
    }

    /// The first token from here on, groups stepped over, that satisfies; looked for at most so many steps.
    pub fn find(&self, range: Range<usize>, is: impl Fn(&str) -> bool) -> Option<usize> {
        let mut at = range.start;
        for _ in 0..400 {
            if at >= range.end || at >= self.len() {
                return None;
            }
            if is(self.word(at)) {
                return Some(at);
            }
            at = self.after(at);
        }
        None
    }

    /// The end of `a.b(c).d` that starts here.
    pub fn chain_end(&self, at: usize) -> usize {
        let mut end = at + 1;
        while end < self.len() {
            end = match self.word(end) {
                "." | "?." | "::" if self.is_word(end + 1) => end + 2,
                "(" | "[" => self.after(end),
                _ => break,
            };
        }
        end.min(self.len())
    }

    /// Where the logical line or statement ends that starts here.
    pub fn line_end(&self, at: usize) -> usize {
        let mut end = self.after(at);
        for _ in 0..300 {
            if end >= self.len() || self.tokens[end].indent.is_some() || self.word(end) == ";" {
                break;
            }
            end = self.after(end);
        }
        end.min(self.len())
    }

    /// Parts between commas.
    pub fn split(&self, range: Range<usize>, comma: &str) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut from, mut at) = (range.start, range.start);
        while at < range.end && parts.len() < 200 {
            if self.word(at) == comma {
                parts.push(from..at);
                from = at + 1;
            }
            at = self.after(at);
        }
        if from < range.end {
            parts.push(from..range.end);
        }
        parts
    }

    /// Tokens with one blank between; quotes of one kind, no comma before a bracket that closes, no semicolons.
    pub fn normal(&self, range: Range<usize>) -> String {
        let mut out = String::new();
        self.each(range, |word| {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        });
        out
    }

    /// A hash of the normal text.
    pub fn key(&self, range: Range<usize>) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.each(range, |word| word.hash(&mut hasher));
        hasher.finish()
    }

    fn each(&self, range: Range<usize>, mut take: impl FnMut(&str)) {
        for at in range.start..range.end.min(self.len()) {
            let word = self.word(at);
            let trailing = word == "," && matches!(self.word(at + 1), ")" | "]" | "}");
            if trailing || word == ";" {
                continue;
            }
            let single = self.kind(at) == Some(Kind::Text) && word.len() >= 2 && word.starts_with('\'');
            match word.get(1..word.len().saturating_sub(1)).filter(|inner| single && !inner.contains('"')) {
                Some(inner) if word.ends_with('\'') => {
                    take("\"");
                    take(inner);
                    take("\"");
                }
                Some(_) | None if self.kind(at) == Some(Kind::Text) && word.len() >= 2 && word.starts_with('"') => {
                    take("\"");
                    take(word.get(1..word.len() - 1).unwrap_or_default());
                    take("\"");
                }
                Some(_) | None => take(word),
            }
        }
    }

    /// Without any blank: `pytest.mark.skip(reason="x")`.
    pub fn compact(&self, range: Range<usize>) -> String {
        (range.start..range.end.min(self.len())).map(|at| self.word(at)).collect()
    }

    pub fn line(&self, at: usize) -> u32 {
        self.tokens.get(at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    /// The bytes of some tokens.
    pub fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.tokens.get(range.start).map_or(self.text.len(), |token| token.start as usize);
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
        let end = last.and_then(|last| self.tokens.get(last)).map_or(start, |token| token.end as usize);
        start..end.max(start)
    }

    /// The text of a string token without its quotes.
    pub fn unquoted(&self, at: usize) -> &'t str {
        let word = self.word(at).trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        word.trim_matches(['"', '\'', '`'])
    }
}
