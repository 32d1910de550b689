//! Words: quotes, escapes, expansions and the commands inside them.
//!
//! Nothing is expanded. A word keeps its text with quotes removed (`"a b"c` is `a bc`, `$x` stays `$x`), the bytes it came
//! from, and the scripts inside it (`$(...)`, backticks, `<(...)`), which are read where they stand.

use std::ops::Range;

use crate::acts::shell::{MAX_DEPTH, Word};
use crate::acts::shell_parse::{OPEN_BRACKET, OPEN_END, OPEN_QUOTE, Reader, Stop};
use crate::acts::shell_tree::{Inner, List};

/// A word under construction.
#[derive(Default)]
pub(super) struct Draft {
    text: Vec<u8>,
    dynamic: bool,
    quoted: bool,
    inner: Vec<Inner>,
}

impl Draft {
    pub(super) fn into_inner(self) -> Vec<Inner> {
        self.inner
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn ends_word(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Reader<'_> {
    pub(super) fn word(&mut self) -> (Word, Vec<Inner>) {
        let start = self.pos;
        let mut draft = Draft::default();
        while let Some(byte) = self.peek() {
            if ends_word(byte) && !self.inside_word(byte, &draft) {
                break;
            }
            self.word_part(byte, &mut draft);
        }
        let text = String::from_utf8_lossy(&draft.text).into_owned();
        let word = Word {
            text,
            span: self.span(start, self.pos),
            dynamic: draft.dynamic,
            commands: !draft.inner.is_empty(),
            quoted: draft.quoted,
        };
        (word, draft.inner)
    }

    /// `a=(`, `@(`, `<(`: a bracket that belongs to the word.
    fn inside_word(&self, byte: u8, draft: &Draft) -> bool {
        match byte {
            b'<' | b'>' => self.peek_at(1) == Some(b'('),
            b'(' => draft.text.last().is_some_and(|last| matches!(last, b'=' | b'@' | b'?' | b'*' | b'+' | b'!')),
            _ => false,
        }
    }

    fn word_part(&mut self, byte: u8, draft: &mut Draft) {
        match byte {
            b'\\' => self.escape(draft),
            b'\'' => self.single(draft),
            b'"' => self.double(draft),
            b'$' => self.dollar(draft),
            b'`' => self.backticks(draft),
            b'<' | b'>' => self.process(draft),
            b'(' => self.bracket(draft),
            _ => {
                draft.text.push(byte);
                self.pos += 1;
            }
        }
    }

    fn escape(&mut self, draft: &mut Draft) {
        self.pos += 1;
        match self.peek() {
            Some(b'\n') => self.pos += 1,
            Some(byte) => {
                draft.text.push(byte);
                draft.quoted = true;
                self.pos += 1;
            }
            None => self.lacks(OPEN_END),
        }
    }

    fn single(&mut self, draft: &mut Draft) {
        draft.quoted = true;
        let start = self.pos + 1;
        let close = self.src[start..self.end].iter().position(|byte| *byte == b'\'');
        let stop = close.map_or(self.end, |at| start + at);
        draft.text.extend_from_slice(&self.src[start..stop]);
        if close.is_none() {
            self.lacks(OPEN_QUOTE);
        }
        self.pos = (stop + 1).min(self.end);
    }

    fn double(&mut self, draft: &mut Draft) {
        draft.quoted = true;
        self.pos += 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.pos += 1;
                    return;
                }
                b'\\' => self.escape_in_quotes(draft),
                b'$' if matches!(self.peek_at(1), Some(b'\'' | b'"')) => {
                    draft.text.push(b'$');
                    self.pos += 1;
                }
                b'$' => self.dollar(draft),
                b'`' => self.backticks(draft),
                _ => {
                    draft.text.push(byte);
                    self.pos += 1;
                }
            }
        }
        self.lacks(OPEN_QUOTE);
    }

    fn escape_in_quotes(&mut self, draft: &mut Draft) {
        match self.peek_at(1) {
            Some(b'\n') => {}
            Some(byte @ (b'$' | b'`' | b'"' | b'\\')) => draft.text.push(byte),
            Some(byte) => draft.text.extend([b'\\', byte]),
            None => self.lacks(OPEN_END),
        }
        self.pos = (self.pos + 2).min(self.end);
    }

    fn dollar(&mut self, draft: &mut Draft) {
        match self.peek_at(1) {
            Some(b'\'') => return self.ansi(draft),
            Some(b'"') => {
                self.pos += 1;
                return self.double(draft);
            }
            Some(b'(') => return self.substitution(draft),
            Some(b'{') => return self.parameter(draft),
            _ => {}
        }
        let start = self.pos;
        self.pos += 1;
        match self.peek() {
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                while self.peek().is_some_and(is_name) {
                    self.pos += 1;
                }
                draft.dynamic = true;
            }
            Some(b'0'..=b'9' | b'?' | b'!' | b'#' | b'@' | b'*' | b'$' | b'-') => {
                self.pos += 1;
                draft.dynamic = true;
            }
            _ => {}
        }
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }

    /// `$'a\nb'`
    fn ansi(&mut self, draft: &mut Draft) {
        draft.quoted = true;
        self.pos += 2;
        while let Some(byte) = self.peek() {
            self.pos += 1;
            match byte {
                b'\'' => return,
                b'\\' => {
                    let Some(next) = self.peek() else { break };
                    self.pos += 1;
                    match next {
                        b'n' => draft.text.push(b'\n'),
                        b't' => draft.text.push(b'\t'),
                        b'r' => draft.text.push(b'\r'),
                        b'\\' | b'\'' | b'"' => draft.text.push(next),
                        _ => draft.text.extend([b'\\', next]),
                    }
                }
                _ => draft.text.push(byte),
            }
        }
        self.lacks(OPEN_QUOTE);
    }

    /// `$(...)` and `$((...))`
    fn substitution(&mut self, draft: &mut Draft) {
        let start = self.pos;
        draft.dynamic = true;
        self.pos += 1;
        if let Some(close) = self.arithmetic_end() {
            self.pos += 2;
            self.expansions_until(close - 2, draft);
            self.pos = close;
        } else {
            self.pos += 1;
            let list = self.bracketed();
            draft.inner.push(Inner { process: false, list });
        }
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }

    /// `<(...)`, `>(...)`
    fn process(&mut self, draft: &mut Draft) {
        let start = self.pos;
        draft.dynamic = true;
        self.pos += 2;
        let list = self.bracketed();
        draft.inner.push(Inner { process: true, list });
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }

    /// A list up to its `)`, with `pos` behind the opening one.
    fn bracketed(&mut self) -> List {
        let list = self.list(Stop::Paren);
        match self.peek() {
            Some(b')') => self.pos += 1,
            _ => self.lacks(OPEN_BRACKET),
        }
        list
    }

    /// Where a `((` at `pos` ends with `))`. A budget keeps repeated scans linear.
    pub(super) fn arithmetic_end(&mut self) -> Option<usize> {
        if self.peek() != Some(b'(') || self.peek_at(1) != Some(b'(') || self.no_arithmetic {
            return None;
        }
        let mut open = 0_u32;
        let mut at = self.pos;
        while at < self.end {
            if self.scans == 0 {
                self.no_arithmetic = true;
                return None;
            }
            self.scans -= 1;
            match self.src[at] {
                b'(' => open += 1,
                b')' if open == 2 => {
                    return (self.src.get(at + 1) == Some(&b')') && at + 1 < self.end).then_some(at + 2);
                }
                b')' => open = open.saturating_sub(1),
                _ => {}
            }
            at += 1;
        }
        self.no_arithmetic = true;
        None
    }

    /// Reads only the expansions in what is otherwise plain text: arithmetic, heredoc bodies.
    pub(super) fn expansions_until(&mut self, stop: usize, draft: &mut Draft) {
        let limit = stop.min(self.end);
        let end = std::mem::replace(&mut self.end, limit);
        let mut ignored = Draft::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => self.pos = (self.pos + 2).min(self.end),
                b'$' if self.peek_at(1) == Some(b'\'') => self.pos += 2,
                b'$' => self.dollar(&mut ignored),
                b'`' => self.backticks(&mut ignored),
                _ => self.pos += 1,
            }
        }
        draft.inner.append(&mut ignored.inner);
        self.end = end;
    }

    /// `${x:-default}`
    fn parameter(&mut self, draft: &mut Draft) {
        let start = self.pos;
        draft.dynamic = true;
        self.pos += 2;
        if self.depth >= MAX_DEPTH {
            return self.give_up();
        }
        self.depth += 1;
        let mut ignored = Draft::default();
        loop {
            match self.peek() {
                Some(b'}') => {
                    self.pos += 1;
                    break;
                }
                Some(b'\\') => self.pos = (self.pos + 2).min(self.end),
                Some(b'"') => self.double(&mut ignored),
                Some(b'$') => self.dollar(&mut ignored),
                Some(b'`') => self.backticks(&mut ignored),
                Some(_) => self.pos += 1,
                None => {
                    self.lacks(OPEN_BRACKET);
                    break;
                }
            }
        }
        self.depth -= 1;
        draft.inner.append(&mut ignored.inner);
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }

    fn backticks(&mut self, draft: &mut Draft) {
        let start = self.pos;
        draft.dynamic = true;
        let mut at = self.pos + 1;
        let mut escaped = false;
        while at < self.end && self.src[at] != b'`' {
            if self.src[at] == b'\\' {
                escaped = true;
                at += 1;
            }
            at += 1;
        }
        if at >= self.end {
            self.lacks(OPEN_QUOTE);
        }
        let stop = at.min(self.end);
        self.pos += 1;
        let list = if escaped { self.unescaped(stop) } else { self.within(stop) };
        draft.inner.push(Inner { process: false, list });
        self.pos = (stop + 1).min(self.end);
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }

    fn within(&mut self, stop: usize) -> List {
        let end = std::mem::replace(&mut self.end, stop);
        let list = self.list(Stop::End);
        self.end = end;
        list
    }

    /// A command in backticks with escapes is another text: it is read on its own, and its spans are those of the
    /// whole substitution.
    fn unescaped(&mut self, stop: usize) -> List {
        let mut text = Vec::with_capacity(stop - self.pos);
        let mut at = self.pos;
        while at < stop {
            if self.src[at] == b'\\' && matches!(self.src.get(at + 1), Some(b'`' | b'\\' | b'$')) && at + 1 < stop {
                at += 1;
            }
            text.push(self.src[at]);
            at += 1;
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let whole: Range<usize> = self.span(self.pos - 1, (stop + 1).min(self.end));
        let mut child = Reader::new(&text);
        child.fixed = Some(whole);
        child.depth = self.depth;
        child.bodies = std::mem::take(&mut self.bodies);
        let list = child.list(Stop::End);
        self.unread = self.unread.or(child.unread);
        self.bodies = std::mem::take(&mut child.bodies);
        list
    }

    /// `a=(1 2)`, `@(a|b)`: kept in the word; commands inside are read.
    fn bracket(&mut self, draft: &mut Draft) {
        let start = self.pos;
        let mut open = 0_u32;
        let mut ignored = Draft::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'(' => {
                    open += 1;
                    self.pos += 1;
                }
                b')' => {
                    open -= 1;
                    self.pos += 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => self.pos = (self.pos + 2).min(self.end),
                b'\'' => self.single(&mut ignored),
                b'"' => self.double(&mut ignored),
                b'$' => self.dollar(&mut ignored),
                b'`' => self.backticks(&mut ignored),
                b'<' | b'>' if self.peek_at(1) == Some(b'(') => self.process(&mut ignored),
                _ => self.pos += 1,
            }
        }
        if open != 0 {
            self.lacks(OPEN_BRACKET);
        }
        draft.inner.append(&mut ignored.inner);
        draft.text.extend_from_slice(&self.src[start..self.pos]);
    }
}
