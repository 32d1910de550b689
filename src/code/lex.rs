//! Text -> tokens: comments, strings of every kind, words, numbers, marks.
//!
//! Foreign text is often a piece of a file: it may begin in the middle of a string or end before one closes. A string that may run over
//! lines and never closes ends with its line; from then on no other is tried over lines, so that a text is walked once.

use super::Language;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
    /// 1-based.
    pub line: u32,
    /// Columns before it, if it is the first of its line and the line before does not go on.
    pub indent: Option<u32>,
}

/// Tokens, and the byte ranges of comments.
pub(super) struct Lexed {
    pub tokens: Vec<Token>,
    pub comments: Vec<std::ops::Range<usize>>,
}

pub(super) fn lex(language: Language, text: &str) -> Lexed {
    let mut lexer = Lexer {
        language,
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
        fresh: Some(0),
        torn: false,
        out: Lexed { tokens: Vec::new(), comments: Vec::new() },
    };
    while let Some(byte) = lexer.peek(0) {
        lexer.step(byte);
    }
    lexer.out
}

/// Longest first.
const MARKS: &[&str] = &[
    "===", "!==", "...", "..=", "**=", "==", "!=", ">=", "<=", "=>", "->", "::", "&&", "||", ":=", "?.", "??", "+=",
    "-=", "*=", "/=", "<-",
];
/// How far a regular expression or a nested quote is looked for.
const LOOK: usize = 500;
/// Nested templates.
const DEEP: usize = 32;

struct Lexer<'t> {
    language: Language,
    bytes: &'t [u8],
    at: usize,
    line: u32,
    fresh: Option<u32>,
    torn: bool,
    out: Lexed,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts(&self, mark: &str) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(mark.as_bytes()))
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.at += 1;
                self.line += 1;
                self.fresh = Some(0);
            }
            b' ' | b'\t' | b'\r' | 0x0c => {
                let wide = if byte == b'\t' { 8 } else { 1 };
                self.fresh = self.fresh.map(|columns| columns.saturating_add(wide));
                self.at += 1;
            }
            b'\\' if self.peek(1) == Some(b'\n') => {
                self.at += 2;
                self.line += 1;
                self.fresh = None;
            }
            _ => self.token(byte),
        }
    }

    fn token(&mut self, byte: u8) {
        if let Some(end) = self.comment() {
            self.out.comments.push(self.at..end);
            self.skip_to(end);
        } else if let Some(end) = self.string() {
            self.push(Kind::Text, end);
        } else if byte.is_ascii_digit() {
            let end = self.number();
            self.push(Kind::Number, end);
        } else if is_word(byte) {
            let end = self.while_from(self.at, is_word);
            self.push(Kind::Word, end);
        } else if byte == b'\'' && self.language == Language::Rust {
            let end = self.while_from(self.at + 1, is_word);
            self.push(Kind::Word, end);
        } else {
            // Most marks stand alone: only some can go on.
            let joins = self.peek(1).is_some_and(|next| b"=.&|>:?*-".contains(&next));
            let long = MARKS.iter().filter(|_| joins).find(|mark| self.starts(mark)).map_or(1, |mark| mark.len());
            self.push(Kind::Mark, self.at + long);
        }
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let token =
            Token { kind, start: narrow(self.at), end: narrow(end), line: self.line, indent: self.fresh.take() };
        self.out.tokens.push(token);
        self.skip_to(end);
    }

    fn skip_to(&mut self, end: usize) {
        let end = end.max(self.at + 1).min(self.bytes.len());
        let lines = self.bytes[self.at..end].iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at = end;
    }

    fn while_from(&self, from: usize, is: fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| is(**byte)).count()
    }

    fn line_end(&self) -> usize {
        self.while_from(self.at, |byte| byte != b'\n')
    }

    fn comment(&self) -> Option<usize> {
        match self.language {
            Language::Python => (self.peek(0) == Some(b'#')).then(|| self.line_end()),
            Language::Script | Language::Rust | Language::Go | Language::Java => {
                if self.starts("//") || self.at == 0 && self.starts("#!/") {
                    Some(self.line_end())
                } else if self.starts("/*") {
                    Some(self.block_comment())
                } else {
                    None
                }
            }
        }
    }

    fn block_comment(&self) -> usize {
        let (mut at, mut depth) = (self.at + 2, 1_u32);
        while let Some(byte) = self.bytes.get(at) {
            let next = self.bytes.get(at + 1);
            if *byte == b'*' && next == Some(&b'/') {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            } else if *byte == b'/' && next == Some(&b'*') && self.language == Language::Rust {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        self.bytes.len()
    }

    fn number(&self) -> usize {
        let hex = self.starts("0x") || self.starts("0X");
        let mut at = self.at + 1;
        while let Some(byte) = self.bytes.get(at) {
            let digit_next = self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            let exponent = !hex && matches!(self.bytes[at - 1], b'e' | b'E') && matches!(byte, b'+' | b'-');
            if !(is_word(*byte) || *byte == b'.' && digit_next || exponent && digit_next) {
                break;
            }
            at += 1;
        }
        at
    }

    fn string(&mut self) -> Option<usize> {
        let byte = self.peek(0)?;
        match self.language {
            Language::Python => self.python_string(),
            Language::Rust => self.rust_string(),
            Language::Go => match byte {
                b'"' | b'\'' => Some(self.line_string(self.at + 1, byte)),
                b'`' => Some(self.long_string(self.at + 1, "`", false)),
                _ => None,
            },
            Language::Java if self.starts("\"\"\"") => Some(self.long_string(self.at + 3, "\"\"\"", true)),
            Language::Java => matches!(byte, b'"' | b'\'').then(|| self.line_string(self.at + 1, byte)),
            Language::Script => match byte {
                b'"' | b'\'' => Some(self.line_string(self.at + 1, byte)),
                b'`' => Some(self.template()),
                b'/' => self.regex(),
                _ => None,
            },
        }
    }

    /// After the closing quote, or at the end of the line.
    fn line_string(&self, from: usize, quote: u8) -> usize {
        let mut at = from;
        while let Some(byte) = self.bytes.get(at) {
            match *byte {
                b'\\' => at += 2,
                b'\n' => return at,
                other if other == quote => return at + 1,
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    fn long_string(&mut self, from: usize, closing: &str, escapes: bool) -> usize {
        let mut at = from;
        while !self.torn {
            match self.bytes.get(at) {
                None => self.torn = true,
                Some(b'\\') if escapes => at += 2,
                Some(_) if self.bytes[at..].starts_with(closing.as_bytes()) => return at + closing.len(),
                Some(_) => at += 1,
            }
        }
        let line = self.line_end();
        let rest = self.bytes.get(from.min(line)..line).unwrap_or_default();
        let closed = rest.windows(closing.len()).position(|part| part == closing.as_bytes());
        closed.map_or(line, |at| from + at + closing.len())
    }

    fn python_string(&mut self) -> Option<usize> {
        let prefix = (0..=2).find(|ahead| matches!(self.peek(*ahead), Some(b'"' | b'\'')))?;
        let letters = &self.bytes[self.at..self.at + prefix];
        if !letters.iter().all(|byte| b"rRbBuUfFtT".contains(byte)) {
            return None;
        }
        let quote = self.peek(prefix)?;
        let from = self.at + prefix;
        if self.bytes.get(from + 1) == Some(&quote) && self.bytes.get(from + 2) == Some(&quote) {
            let closing = if quote == b'"' { "\"\"\"" } else { "'''" };
            return Some(self.long_string(from + 3, closing, true));
        }
        let formatted = letters.iter().any(|byte| b"fFtT".contains(byte));
        let nested = if formatted { self.formatted(from + 1, quote) } else { None };
        Some(nested.unwrap_or_else(|| self.line_string(from + 1, quote)))
    }

    /// `f"{x["a"]}"`: a quote within braces opens a string of its own, if the braces close on this line.
    fn formatted(&self, from: usize, quote: u8) -> Option<usize> {
        let (mut at, mut depth) = (from, 0_u32);
        let end = (from + LOOK).min(self.bytes.len());
        while at < end {
            match self.bytes[at] {
                b'\n' => return None,
                b'\\' => at += 1,
                b'{' if depth == 0 && self.bytes.get(at + 1) == Some(&b'{') => at += 1,
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                byte if byte == quote && depth == 0 => return Some(at + 1),
                byte if byte == quote => {
                    let close = self.bytes[at + 1..end].iter().position(|byte| *byte == quote || *byte == b'\n')?;
                    at += close + 1;
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn rust_string(&mut self) -> Option<usize> {
        let prefix = (0..=2).find(|ahead| !matches!(self.peek(*ahead), Some(b'b' | b'r' | b'c')))?;
        let from = self.at + prefix;
        let raw = self.bytes[self.at..from].contains(&b'r');
        let hashes = if raw { self.while_from(from, |byte| byte == b'#') - from } else { 0 };
        match self.bytes.get(from + hashes) {
            Some(b'"') if raw => {
                let closing = format!("\"{}", "#".repeat(hashes.min(255)));
                Some(self.long_string(from + hashes + 1, &closing, false))
            }
            Some(b'"') if hashes == 0 => Some(self.long_string(from + 1, "\"", true)),
            Some(b'\'') if hashes == 0 && !raw => self.char_literal(from),
            Some(_) | None => None,
        }
    }

    /// `'x'` and `'\n'` are characters, `'x` is a lifetime.
    fn char_literal(&self, from: usize) -> Option<usize> {
        let first = *self.bytes.get(from + 1)?;
        if first == b'\\' {
            return Some(self.line_string(from + 1, b'\''));
        }
        let wide = match first {
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        (first != b'\'' && self.bytes.get(from + 1 + wide) == Some(&b'\'')).then_some(from + 2 + wide)
    }

    /// A template with its `${ }`, which may hold templates.
    fn template(&mut self) -> usize {
        let mut depths: Vec<u32> = Vec::new();
        let (mut at, mut in_text) = (self.at + 1, true);
        let end = if self.torn { 0 } else { self.bytes.len() };
        while at < end {
            let byte = self.bytes.get(at).copied().unwrap_or_default();
            match (byte, in_text) {
                (b'\\', _) => at += 1,
                (b'`', true) if depths.is_empty() => return at + 1,
                (b'`', true) => in_text = false,
                (b'$', true) if self.bytes.get(at + 1) == Some(&b'{') && depths.len() < DEEP => {
                    depths.push(0);
                    (at, in_text) = (at + 1, false);
                }
                (b'`', false) => in_text = true,
                (b'{', false) => depths.iter_mut().next_back().into_iter().for_each(|depth| *depth += 1),
                (b'}', false) => match depths.last_mut() {
                    Some(0) => {
                        depths.pop();
                        in_text = true;
                    }
                    Some(depth) => *depth -= 1,
                    None => {}
                },
                (_, _) => {}
            }
            at += 1;
        }
        self.torn = true;
        self.line_string(self.at + 1, b'`')
    }

    /// A slash after an operator, a bracket or a keyword opens a regular expression if one ends on its line.
    fn regex(&self) -> Option<usize> {
        if let Some(last) = self.out.tokens.last() {
            let text = self.bytes.get(last.start as usize..last.end as usize).unwrap_or_default();
            let value = match last.kind {
                Kind::Word => ![&b"return"[..], b"typeof", b"case", b"in", b"of", b"await", b"yield"].contains(&text),
                Kind::Number | Kind::Text => true,
                Kind::Mark => matches!(text, b")" | b"]" | b"}"),
            };
            if value {
                return None;
            }
        }
        let mut in_class = false;
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let mut escaped = false;
        for (nth, byte) in rest.iter().take(LOOK).enumerate() {
            match *byte {
                b'\n' => return None,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => {
                    return Some(self.while_from(self.at + nth + 2, |byte| byte.is_ascii_alphabetic()));
                }
                _ => {}
            }
        }
        None
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
