//! The tree between the bytes of a line and its segments.
//!
//! What a failure does to the exit of the line depends on what surrounds a command, so the reader builds this small tree
//! first and [`shell_flow`](super::shell_flow) flattens it.

use std::ops::Range;

use crate::acts::shell::{Assign, Op, RedirectKind, Word};

#[derive(Debug, Default)]
pub(super) struct List {
    pub items: Vec<Item>,
}

/// Pipelines joined by `&&` and `||`, up to `;`, `&` or a newline.
#[derive(Debug)]
pub(super) struct Item {
    pub chain: Vec<(Op, Pipeline)>,
    /// `;`, newline or `&`.
    pub end: Op,
}

#[derive(Debug)]
pub(super) struct Pipeline {
    pub negated: bool,
    pub stages: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum Node {
    Simple(Simple),
    Group(Group),
}

#[derive(Debug, Default)]
pub(super) struct Simple {
    pub assigns: Vec<(Assign, Vec<Inner>)>,
    pub words: Vec<(Word, Vec<Inner>)>,
    pub redirects: Vec<RawRedirect>,
    pub span: Range<usize>,
}

#[derive(Debug)]
pub(super) struct RawRedirect {
    pub fd: Option<u32>,
    pub kind: RedirectKind,
    pub target: Word,
    pub inner: Vec<Inner>,
    /// Index into the bodies that the reader met.
    pub body: Option<usize>,
}

/// `$(...)`, backticks, `<(...)` inside a word.
#[derive(Debug)]
pub(super) struct Inner {
    pub process: bool,
    pub list: List,
}

#[derive(Debug)]
pub(super) struct Body {
    pub text: String,
    pub inner: Vec<Inner>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub kind: GroupKind,
    pub parts: Vec<(Role, List)>,
    /// Substitutions in the words of `for` and `case`.
    pub inner: Vec<Inner>,
    pub redirects: Vec<RawRedirect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    Brace,
    Subshell,
    If,
    Loop,
    For,
    Case,
    Func(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Condition,
    Body,
}
