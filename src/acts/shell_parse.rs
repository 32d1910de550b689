//! The grammar: lists, pipelines and simple commands. Groups are in `shell_groups`, redirects in `shell_redirect`.
//!
//! A recursive descent that never fails. What makes no sense is skipped or taken as a plain word, and the first reason is kept.

use std::ops::Range;

use crate::acts::shell::{Assign, MAX_DEPTH, Op, Word};
use crate::acts::shell_redirect::Pending;
use crate::acts::shell_tree::{Body, Item, List, Node, Pipeline, Simple};
use crate::acts::shell_words::{Draft, is_blank};

pub(super) struct Reader<'a> {
    pub(super) src: &'a [u8],
    pub(super) pos: usize,
    pub(super) end: usize,
    pub(super) depth: u32,
    /// Set where the text being read is not the line itself.
    pub(super) fixed: Option<Range<usize>>,
    /// Why the text could not be read to its end: the first reason that was met.
    pub(super) unread: Option<&'static str>,
    pub(super) bodies: Vec<Body>,
    pub(super) no_arithmetic: bool,
    pub(super) scans: usize,
    pub(super) pending: Vec<Pending>,
}

pub(super) const OPEN_QUOTE: &str = "a quote is never closed";
pub(super) const OPEN_BRACKET: &str = "a bracket is never closed";
pub(super) const OPEN_GROUP: &str = "a group is never closed";
pub(super) const OPEN_HEREDOC: &str = "a heredoc is never closed";
pub(super) const OPEN_END: &str = "it ends in the middle of a word";
pub(super) const NO_COMMAND: &str = "a command is missing";
pub(super) const MISPLACED: &str = "a closing word or sign stands where nothing was opened";
const TOO_DEEP: &str = "it is nested too deep";

/// What ends a list, besides the end of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    Paren,
    Words(&'static [&'static str]),
    /// `;;` and `esac`
    Arm,
}

impl<'a> Reader<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Reader {
            src: line.as_bytes(),
            pos: 0,
            end: line.len(),
            depth: 0,
            fixed: None,
            unread: None,
            bodies: Vec::new(),
            no_arithmetic: false,
            scans: line.len() * 4 + 64,
            pending: Vec::new(),
        }
    }

    /// The whole text.
    pub(super) fn script(&mut self) -> List {
        let whole = self.list(Stop::End);
        if !self.pending.is_empty() {
            self.lacks(OPEN_HEREDOC);
            self.heredoc_bodies();
        }
        whole
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        let at = self.pos + ahead;
        if at < self.end { self.src.get(at).copied() } else { None }
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Range<usize> {
        self.fixed.clone().unwrap_or(start..end)
    }

    /// Too deep: the rest of the text is left unread.
    pub(super) fn give_up(&mut self) {
        self.lacks(TOO_DEEP);
        self.pos = self.end;
    }

    pub(super) fn lacks(&mut self, why: &'static str) {
        self.unread = self.unread.or(Some(why));
    }

    fn lacks_if(&mut self, lacking: bool, why: &'static str) {
        if lacking {
            self.lacks(why);
        }
    }

    pub(super) fn list(&mut self, stop: Stop) -> List {
        let mut list = List::default();
        if self.depth >= MAX_DEPTH {
            self.give_up();
            return list;
        }
        self.depth += 1;
        loop {
            self.blanks_and_newlines();
            if self.at_stop(stop) {
                break;
            }
            let before = self.pos;
            let item = self.item();
            if !item.chain.is_empty() {
                list.items.push(item);
            }
            if self.pos == before {
                self.lacks(MISPLACED);
                self.pos += 1;
            }
        }
        self.depth -= 1;
        list
    }

    fn at_stop(&self, stop: Stop) -> bool {
        if self.pos >= self.end {
            return true;
        }
        match stop {
            Stop::End => false,
            Stop::Paren => self.peek() == Some(b')'),
            Stop::Words(words) => words.contains(&self.bare_word()),
            Stop::Arm => {
                self.src[self.pos..self.end].starts_with(b";;") || self.arm_fallthrough() || self.bare_word() == "esac"
            }
        }
    }

    fn arm_fallthrough(&self) -> bool {
        self.src[self.pos..self.end].starts_with(b";&")
    }

    fn item(&mut self) -> Item {
        let mut item = Item { chain: Vec::new(), end: Op::Semi };
        let mut join = Op::Start;
        loop {
            self.blanks();
            let pipeline = self.pipeline();
            if !pipeline.stages.is_empty() {
                item.chain.push((join, pipeline));
            }
            self.blanks();
            join = match (self.peek(), self.peek_at(1)) {
                (Some(b'&'), Some(b'&')) => Op::And,
                (Some(b'|'), Some(b'|')) => Op::Or,
                _ => break,
            };
            self.pos += 2;
            self.blanks_and_newlines();
            self.lacks_if(self.pos >= self.end, NO_COMMAND);
        }
        match self.peek() {
            Some(b'&') => {
                item.end = Op::Background;
                self.pos += 1;
            }
            Some(b';') if self.peek_at(1) != Some(b';') && !self.arm_fallthrough() => self.pos += 1,
            Some(b'\n') => item.end = Op::Newline,
            Some(b'(') => self.lacks(MISPLACED),
            _ => {}
        }
        item
    }

    fn pipeline(&mut self) -> Pipeline {
        let mut pipeline = Pipeline { negated: false, stages: Vec::new() };
        while self.peek() == Some(b'!') && self.peek_at(1).is_none_or(|next| is_blank(next) || next == b'(') {
            pipeline.negated = !pipeline.negated;
            self.pos += 1;
            self.blanks();
        }
        self.skip_time_of_group();
        loop {
            if let Some(node) = self.command() {
                pipeline.stages.push(node);
            }
            self.blanks();
            match (self.peek(), self.peek_at(1)) {
                (Some(b'|'), Some(b'|')) | (None, _) => break,
                (Some(b'|'), Some(b'&')) => self.pos += 2,
                (Some(b'|'), _) => self.pos += 1,
                _ => break,
            }
            self.blanks_and_newlines();
            self.lacks_if(self.pos >= self.end, NO_COMMAND);
        }
        pipeline
    }

    /// `time { ...; }`: before a plain command `time` is left to be unwrapped like any other wrapper.
    fn skip_time_of_group(&mut self) {
        if self.bare_word() != "time" {
            return;
        }
        let mut at = self.pos + 4;
        while at < self.end && is_blank(self.src[at]) {
            at += 1;
        }
        if matches!(self.src.get(at), Some(b'{' | b'(')) && at < self.end {
            self.pos = at;
        }
    }

    pub(super) fn command(&mut self) -> Option<Node> {
        if self.peek() == Some(b'(') {
            return Some(match self.arithmetic_end() {
                Some(close) => Node::Simple(self.arithmetic(close)),
                None => self.subshell(),
            });
        }
        let word = self.bare_word();
        let node = match word {
            "{" => self.brace(),
            "if" => self.conditional(),
            "while" | "until" => self.looped(),
            "for" | "select" => self.for_each(word.len()),
            "case" => self.case(),
            "function" => self.function_word(),
            "[[" => return Some(Node::Simple(self.bracket_test())),
            "}" | "fi" | "then" | "else" | "elif" | "do" | "done" | "esac" => {
                // It closes nothing that was opened.
                self.lacks(MISPLACED);
                return self.simple();
            }
            _ => return self.simple(),
        };
        Some(node)
    }

    fn arithmetic(&mut self, close: usize) -> Simple {
        let start = self.pos;
        self.pos += 2;
        let mut draft = Draft::default();
        self.expansions_until(close - 2, &mut draft);
        self.pos = close;
        let span = self.span(start, close);
        let word = Word { text: "((".to_owned(), span: span.clone(), dynamic: true, commands: false, quoted: false };
        Simple { words: vec![(word, draft.into_inner())], span, ..Simple::default() }
    }

    /// `[[ a && b ]]` is one command: its operators are its own.
    fn bracket_test(&mut self) -> Simple {
        let start = self.pos;
        let mut simple = Simple::default();
        loop {
            self.blanks_and_newlines();
            if self.pos >= self.end {
                self.lacks(OPEN_BRACKET);
                break;
            }
            let closing = self.bare_word() == "]]";
            let (word, inner) = self.word();
            if word.text.is_empty() && !word.quoted && inner.is_empty() {
                self.pos = (self.pos + 1).min(self.end);
                continue;
            }
            simple.words.push((word, inner));
            if closing {
                break;
            }
        }
        simple.span = self.span(start, self.pos);
        self.blanks();
        while let Some(redirect) = self.redirect() {
            simple.redirects.push(redirect);
            self.blanks();
        }
        simple
    }

    fn simple(&mut self) -> Option<Node> {
        let start = self.pos;
        let mut simple = Simple { span: self.span(start, start), ..Simple::default() };
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect() {
                simple.redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None | Some(b'\n' | b';' | b'&' | b'|' | b')') => break,
                Some(b'(') if self.names_function(&simple) => {
                    return Some(self.function_body(std::mem::take(&mut simple.words[0].0.text)));
                }
                Some(b'(') => break,
                Some(_) => {}
            }
            let before = self.pos;
            let (word, inner) = self.word();
            let end = self.pos;
            simple.span = self.span(start, end);
            let bare = !matches!(self.src[before], b'"' | b'\'' | b'\\');
            match as_assign(&word) {
                Some(assign) if bare && simple.words.is_empty() => simple.assigns.push((assign, inner)),
                _ => simple.words.push((word, inner)),
            }
        }
        let empty = simple.words.is_empty() && simple.assigns.is_empty() && simple.redirects.is_empty();
        (!empty).then_some(Node::Simple(simple))
    }

    /// `name ()`: steps over the brackets.
    fn names_function(&mut self, simple: &Simple) -> bool {
        if simple.words.len() != 1 || !simple.assigns.is_empty() {
            return false;
        }
        let mut at = self.pos + 1;
        while at < self.end && is_blank(self.src[at]) {
            at += 1;
        }
        let found = at < self.end && self.src[at] == b')';
        if found {
            self.pos = at + 1;
        }
        found
    }

    pub(super) fn blanks(&mut self) {
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(byte), _) if is_blank(byte) => self.pos += 1,
                (Some(b'\\'), Some(b'\n')) => self.pos += 2,
                (Some(b'#'), _) if self.at_word_start() => {
                    let rest = &self.src[self.pos..self.end];
                    self.pos += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn at_word_start(&self) -> bool {
        self.pos == 0
            || matches!(self.src[self.pos - 1], b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'`')
    }

    pub(super) fn blanks_and_newlines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return;
            }
            self.pos += 1;
            self.heredoc_bodies();
        }
    }

    /// The word at `pos` if it is plain, without moving.
    pub(super) fn bare_word(&self) -> &'a str {
        let rest = &self.src[self.pos.min(self.end)..self.end];
        let stop = rest
            .iter()
            .take(16)
            .position(|byte| is_blank(*byte) || matches!(byte, b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'))
            .unwrap_or(rest.len().min(16));
        std::str::from_utf8(&rest[..stop]).unwrap_or("")
    }

    pub(super) fn expect_byte(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.pos += 1;
        } else {
            self.lacks(OPEN_BRACKET);
        }
    }

    pub(super) fn expect_word(&mut self, word: &str) {
        if self.bare_word() == word {
            self.pos += word.len();
        } else {
            self.lacks(OPEN_GROUP);
        }
    }
}

fn as_assign(word: &Word) -> Option<Assign> {
    let (name, value) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let bare = name.split('[').next().unwrap_or(name);
    let good = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (bare.len() == name.len() || name.ends_with(']'));
    good.then(|| Assign { name: bare.to_owned(), value: value.to_owned() })
}
