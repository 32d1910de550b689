//! A stream taken line by line, with a bound on how long a line may be.
//!
//! A program that speaks in JSON lines may also print a gigabyte without a newline. The first `cap` bytes of such a line are kept
//! and the rest is counted in `cut`.

use std::collections::VecDeque;

use super::Keeper;

/// One line without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub bytes: Vec<u8>,
    /// Bytes of the line that were not kept.
    pub cut: u64,
}

impl Line {
    /// The line as text, and whether bytes that are not UTF-8 were replaced.
    pub fn text(&self) -> (String, bool) {
        let text = String::from_utf8_lossy(&self.bytes);
        let lossy = std::str::from_utf8(&self.bytes).is_err();
        (text.into_owned(), lossy)
    }
}

/// Lines that are complete, and the one that is not yet.
#[derive(Debug)]
pub(super) struct Inbox {
    cap: usize,
    ready: VecDeque<Line>,
    ready_bytes: usize,
    open: Line,
}

impl Inbox {
    pub fn new(cap: u64) -> Inbox {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        Inbox { cap, ready: VecDeque::new(), ready_bytes: 0, open: Line::default() }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            self.extend(piece);
            if pieces.peek().is_some() {
                self.complete();
            }
        }
    }

    pub fn pop(&mut self) -> Option<Line> {
        let line = self.ready.pop_front()?;
        self.ready_bytes -= line.bytes.len() + 1;
        Some(line)
    }

    /// The last line, where the stream ended without a newline.
    pub fn rest(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.open);
        if line == Line::default() { None } else { Some(line) }
    }

    /// Everything that waits, the incomplete line too, as bytes.
    pub fn drain_into(&mut self, keeper: &mut Keeper) {
        while let Some(line) = self.pop() {
            keeper.push(&line.bytes);
            keeper.lose(line.cut);
            keeper.push(b"\n");
        }
        if let Some(open) = self.rest() {
            keeper.push(&open.bytes);
            keeper.lose(open.cut);
        }
    }

    /// Whether complete lines wait in such a number that no more should be read for now.
    pub fn is_full(&self) -> bool {
        self.ready_bytes > self.cap.max(1 << 20)
    }

    fn extend(&mut self, piece: &[u8]) {
        let kept = piece.len().min(self.cap - self.open.bytes.len());
        self.open.bytes.extend_from_slice(&piece[..kept]);
        self.open.cut += (piece.len() - kept) as u64;
    }

    fn complete(&mut self) {
        let mut line = std::mem::take(&mut self.open);
        if line.cut == 0 && line.bytes.last() == Some(&b'\r') {
            line.bytes.pop();
        }
        self.ready_bytes += line.bytes.len() + 1;
        self.ready.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_from_any_pieces_and_long_ones_are_cut() {
        let text = b"one\r\n\ntoo long a line\nend";
        for size in 1..text.len() {
            let mut inbox = Inbox::new(8);
            text.chunks(size).for_each(|piece| inbox.push(piece));
            let mut lines: Vec<(String, u64)> = Vec::new();
            while let Some(line) = inbox.pop().or_else(|| inbox.rest()) {
                lines.push((line.text().0, line.cut));
            }
            let expected = [("one", 0), ("", 0), ("too long", 7), ("end", 0)].map(|(text, cut)| (text.to_owned(), cut));
            assert_eq!(lines, expected);
        }
    }
}
