//! Redirects, heredocs and here strings.

use crate::acts::shell::RedirectKind;
use crate::acts::shell_parse::{OPEN_HEREDOC, Reader};
use crate::acts::shell_tree::{Body, RawRedirect};
use crate::acts::shell_words::Draft;

/// A heredoc whose body has not been met yet.
pub(super) struct Pending {
    tag: String,
    literal: bool,
    strip_tabs: bool,
    body: usize,
}

impl Reader<'_> {
    pub(super) fn redirect(&mut self) -> Option<RawRedirect> {
        let mut at = self.pos;
        while at < self.end && at < self.pos + 4 && self.src[at].is_ascii_digit() {
            at += 1;
        }
        let digits = self.pos..at;
        let rest = &self.src[at..self.end];
        let both = rest.starts_with(b"&>") && digits.is_empty();
        let (kind, length) = if both { both_streams(rest) } else { redirect_operator(rest)? };
        let fd = std::str::from_utf8(&self.src[digits]).ok().and_then(|text| text.parse().ok());
        self.pos = at + length;
        if kind == RedirectKind::Heredoc {
            return Some(self.heredoc(fd, rest.starts_with(b"<<-")));
        }
        self.blanks();
        let (target, inner) = self.word();
        let body = (kind == RedirectKind::HereString).then(|| {
            self.bodies.push(Body { text: target.text.clone(), inner: Vec::new() });
            self.bodies.len() - 1
        });
        let dup = kind == RedirectKind::Dup && !target.text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let kind = if dup { RedirectKind::Write } else { kind };
        Some(RawRedirect { fd, kind, target, inner, body })
    }

    fn heredoc(&mut self, fd: Option<u32>, strip_tabs: bool) -> RawRedirect {
        self.blanks();
        let (target, inner) = self.word();
        self.bodies.push(Body { text: String::new(), inner: Vec::new() });
        let body = self.bodies.len() - 1;
        self.pending.push(Pending { tag: target.text.clone(), literal: target.quoted, strip_tabs, body });
        RawRedirect { fd, kind: RedirectKind::Heredoc, target, inner, body: Some(body) }
    }

    /// Reads the bodies of the heredocs of the line that just ended, in order.
    pub(super) fn heredoc_bodies(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let start = self.pos;
            let stop = self.heredoc_end(&pending);
            let text = String::from_utf8_lossy(&self.src[start..stop]).into_owned();
            let after = self.pos;
            let mut inner = Vec::new();
            if !pending.literal && (text.contains('$') || text.contains('`')) {
                self.pos = start;
                let mut draft = Draft::default();
                self.expansions_until(stop, &mut draft);
                inner = draft.into_inner();
                self.pos = after.max(self.pos.min(self.end));
            }
            self.bodies[pending.body] = Body { text, inner };
        }
    }

    /// Moves behind the closing tag; gives the end of the body.
    fn heredoc_end(&mut self, pending: &Pending) -> usize {
        while self.pos < self.end {
            let start = self.pos;
            let rest = &self.src[start..self.end];
            let stop = rest.iter().position(|byte| *byte == b'\n').map_or(self.end, |at| start + at);
            let mut line = &self.src[start..stop];
            while pending.strip_tabs && line.first() == Some(&b'\t') {
                line = &line[1..];
            }
            let bare = line.strip_suffix(b"\r").unwrap_or(line);
            if bare == pending.tag.as_bytes() {
                self.pos = (stop + 1).min(self.end);
                return start;
            }
            // `EOF)` closes a heredoc in a substitution; bash warns and accepts it.
            if self.depth > 1 && line.strip_prefix(pending.tag.as_bytes()).is_some_and(|rest| rest.starts_with(b")")) {
                self.pos = stop - (line.len() - pending.tag.len());
                return start;
            }
            self.pos = (stop + 1).min(self.end);
        }
        self.lacks(OPEN_HEREDOC);
        self.end
    }
}

fn both_streams(rest: &[u8]) -> (RedirectKind, usize) {
    if rest.starts_with(b"&>>") { (RedirectKind::Append, 3) } else { (RedirectKind::Write, 2) }
}

fn redirect_operator(rest: &[u8]) -> Option<(RedirectKind, usize)> {
    let found = match rest {
        [b'<', b'<', b'<', ..] => (RedirectKind::HereString, 3),
        [b'<', b'<', b'-', ..] => (RedirectKind::Heredoc, 3),
        [b'<', b'<', ..] => (RedirectKind::Heredoc, 2),
        [b'<', b'>', ..] => (RedirectKind::Both, 2),
        [b'<', b'&', ..] | [b'>', b'&', ..] => (RedirectKind::Dup, 2),
        [b'<', b'(', ..] | [b'>', b'(', ..] => return None,
        [b'<', ..] => (RedirectKind::Read, 1),
        [b'>', b'>', ..] => (RedirectKind::Append, 2),
        [b'>', b'|', ..] => (RedirectKind::Write, 2),
        [b'>', ..] => (RedirectKind::Write, 1),
        _ => return None,
    };
    Some(found)
}
