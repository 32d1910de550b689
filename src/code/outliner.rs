//! The items of a text as a walker meets them.

use super::{Item, ItemKind, tokens::Code};
use std::ops::Range;

/// Items deeper than this are not told.
const DEEP: usize = 32;

/// An item and the tokens it was told from.
pub(super) struct Draft {
    pub item: Item,
    pub span: Range<usize>,
    pub inner: Range<usize>,
}

/// What a walker says of an item.
pub(super) struct New {
    pub kind: ItemKind,
    pub name: String,
    pub public: bool,
    /// Tokens, attributes included.
    pub start: usize,
    pub inner: Range<usize>,
    pub skip: Option<String>,
    pub cases: usize,
}

impl New {
    pub fn plain(kind: ItemKind, name: &str, (start, inner): (usize, Range<usize>)) -> New {
        New { kind, name: name.to_owned(), public: false, start, inner, skip: None, cases: 0 }
    }
}

pub(super) struct Outliner<'c, 't> {
    pub code: &'c Code<'t>,
    drafts: Vec<Draft>,
    /// Open items: which, and the token or the column that ends them.
    open: Vec<(usize, usize)>,
}

impl<'c, 't> Outliner<'c, 't> {
    pub fn new(code: &'c Code<'t>) -> Outliner<'c, 't> {
        Outliner { code, drafts: Vec::new(), open: Vec::new() }
    }

    /// The innermost open item.
    pub fn scope(&self) -> Option<&Item> {
        self.open.last().map(|(at, _)| &self.drafts[*at].item)
    }

    pub fn in_kind(&self, kinds: &[ItemKind]) -> bool {
        self.scope().is_some_and(|item| kinds.contains(&item.kind))
    }

    /// Closes what ends at or before this token.
    pub fn leave(&mut self, at: usize) {
        while self.open.last().is_some_and(|(_, end)| *end <= at) {
            self.open.pop();
        }
    }

    pub fn enter(&mut self, new: New) {
        let end = new.inner.end;
        self.push(new, end);
    }

    /// Closes what stands at this column or to the right of it, up to this token.
    pub fn dedent(&mut self, column: usize, at: usize) {
        while let Some((open, _)) = self.open.last().copied().filter(|(_, own)| *own >= column) {
            self.open.pop();
            self.end(open, at);
        }
    }

    /// An item whose end is told by indentation.
    pub fn indent(&mut self, new: New, column: usize) {
        self.push(new, column);
    }

    pub fn finish(mut self, by_indentation: bool) -> Vec<Draft> {
        if by_indentation {
            self.dedent(0, self.code.len());
        }
        self.drafts
    }

    fn push(&mut self, new: New, until: usize) {
        let code = self.code;
        if self.open.len() >= DEEP {
            return;
        }
        let closed = matches!(code.word(new.inner.end), "}" | ")" | "]" | ";");
        let span = new.start..new.inner.end + usize::from(closed);
        let head = new.start..new.inner.start;
        let item = Item {
            kind: new.kind,
            name: new.name,
            scope: self.open.last().map(|(at, _)| *at),
            public: new.public,
            lines: code.line(span.start)..code.line(span.end.saturating_sub(1)) + 1,
            head: code.bytes(&head),
            body: code.bytes(&new.inner),
            skip: new.skip,
            cases: new.cases,
            head_key: code.key(head),
            body_key: code.key(new.inner.clone()),
        };
        self.drafts.push(Draft { item, span, inner: new.inner });
        self.open.push((self.drafts.len() - 1, until));
    }

    fn end(&mut self, open: usize, at: usize) {
        let code = self.code;
        let draft = &mut self.drafts[open];
        draft.span.end = at;
        draft.inner.end = at.max(draft.inner.start);
        draft.item.lines.end = code.line(at.saturating_sub(1)) + 1;
        draft.item.body = code.bytes(&draft.inner);
        draft.item.body_key = code.key(draft.inner.clone());
    }
}

/// Rows of the widest table in some tokens: elements of a list that are groups or literals themselves.
pub(super) fn rows(code: &Code<'_>, range: Range<usize>) -> usize {
    let mut most = 0;
    let mut at = range.start;
    while at < range.end {
        if matches!(code.word(at), "[" | "{") {
            let parts = code.split(code.group(at), ",");
            let literal = |part: &Range<usize>| {
                code.opens(part.start)
                    || matches!(code.kind(part.start), Some(super::lex::Kind::Number | super::lex::Kind::Text))
            };
            if parts.len() >= 2 && parts.iter().all(literal) {
                most = most.max(parts.len());
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    most
}
