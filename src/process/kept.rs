//! The first and the last bytes of a stream of any length.
//!
//! A build log is explained by its beginning and its end. With a cap of 10 bytes, `0123456789abcdef` keeps `01234` and
//! `bcdef` and counts 6 dropped.

use super::redact::Redactor;

/// What was kept of a stream. Where nothing was dropped `tail` simply continues `head`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub head: Vec<u8>,
    pub tail: Vec<u8>,
    pub dropped: u64,
}

impl Kept {
    /// Everything, where a stream was never cut.
    pub fn whole(bytes: &[u8]) -> Kept {
        Kept { head: bytes.to_vec(), tail: Vec::new(), dropped: 0 }
    }

    /// The bytes that were written, kept or not.
    pub fn written(&self) -> u64 {
        self.head.len() as u64 + self.tail.len() as u64 + self.dropped
    }

    /// The bytes as they stand in a file, a line of their own saying what was dropped.
    pub fn bytes(&self) -> Vec<u8> {
        if self.dropped == 0 {
            return [self.head.as_slice(), &self.tail].concat();
        }
        let gap = if self.head.last().is_none_or(|&last| last == b'\n') { "" } else { "\n" };
        let line = format!("{gap}[... {} bytes dropped ...]\n", self.dropped);
        [self.head.as_slice(), line.as_bytes(), &self.tail].concat()
    }

    /// The same as text, and whether bytes that are not UTF-8 were replaced.
    pub fn text(&self) -> (String, bool) {
        match String::from_utf8(self.on_characters().bytes()) {
            Ok(text) => (text, false),
            Err(bad) => (String::from_utf8_lossy(bad.as_bytes()).into_owned(), true),
        }
    }

    /// Without secrets. At a cut, bytes that may be a part of one are dropped as well.
    pub fn redacted(&self, redactor: &Redactor) -> Kept {
        if self.dropped == 0 {
            let whole = [self.head.as_slice(), &self.tail].concat();
            return Kept { head: redactor.redact_bytes(&whole).into_owned(), tail: Vec::new(), dropped: 0 };
        }
        let (head, lost_of_head) = redactor.redact_before_cut(&self.head);
        let (tail, lost_of_tail) = redactor.redact_after_cut(&self.tail);
        Kept { head, tail, dropped: self.dropped + lost_of_head + lost_of_tail }
    }

    /// The cut moved to where characters begin, so that it alone makes no text lossy.
    fn on_characters(&self) -> Kept {
        if self.dropped == 0 {
            return self.clone();
        }
        let split = split_character(&self.head);
        let rest = self.tail.iter().take(3).take_while(|&&byte| byte & 0xC0 == 0x80).count();
        Kept {
            head: self.head[..self.head.len() - split].to_vec(),
            tail: self.tail[rest..].to_vec(),
            dropped: self.dropped + (split + rest) as u64,
        }
    }
}

/// Takes a stream in pieces and never holds more than its cap.
#[derive(Debug)]
pub struct Keeper {
    head: Vec<u8>,
    head_cap: usize,
    /// A ring once it is full; the oldest byte is at `oldest`.
    tail: Vec<u8>,
    tail_cap: usize,
    oldest: usize,
    dropped: u64,
}

impl Keeper {
    pub fn new(cap: u64) -> Keeper {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let head_cap = cap / 2;
        Keeper { head: Vec::new(), head_cap, tail: Vec::new(), tail_cap: cap - head_cap, oldest: 0, dropped: 0 }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let to_head = bytes.len().min(self.head_cap - self.head.len());
        extend(&mut self.head, &bytes[..to_head], self.head_cap);
        let bytes = &bytes[to_head..];
        let to_tail = bytes.len().min(self.tail_cap - self.tail.len());
        extend(&mut self.tail, &bytes[..to_tail], self.tail_cap);
        self.turn(&bytes[to_tail..]);
    }

    /// Counts bytes that were lost before they came here.
    pub fn lose(&mut self, bytes: u64) {
        self.dropped += bytes;
    }

    /// What is kept so far.
    pub fn kept(&self) -> Kept {
        let (newer, older) = self.tail.split_at(self.oldest);
        Kept { head: self.head.clone(), tail: [older, newer].concat(), dropped: self.dropped }
    }

    pub fn finish(mut self) -> Kept {
        self.tail.rotate_left(self.oldest);
        Kept { head: self.head, tail: self.tail, dropped: self.dropped }
    }

    /// Writes over the oldest bytes of the full ring.
    fn turn(&mut self, bytes: &[u8]) {
        self.dropped += bytes.len() as u64;
        let mut last = &bytes[bytes.len().saturating_sub(self.tail_cap)..];
        while !last.is_empty() {
            let run = last.len().min(self.tail_cap - self.oldest);
            self.tail[self.oldest..self.oldest + run].copy_from_slice(&last[..run]);
            self.oldest = (self.oldest + run) % self.tail_cap;
            last = &last[run..];
        }
    }
}

/// Grows by doubling, but never past `cap`: a plain `extend` may reserve twice what is kept.
fn extend(into: &mut Vec<u8>, bytes: &[u8], cap: usize) {
    let needed = into.len() + bytes.len();
    if needed > into.capacity() {
        let wanted = needed.max(into.capacity().saturating_mul(2)).min(cap);
        into.reserve_exact(wanted - into.len());
    }
    into.extend_from_slice(bytes);
}

/// How many bytes at the end begin a character that is not complete.
fn split_character(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let wide = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            0x00..=0x7F | 0xF8..=0xFF => return 0,
        };
        return if wide > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_and_the_last_bytes_are_kept_and_the_rest_counted() {
        let mut keeper = Keeper::new(10);
        keeper.push(b"0123456789abcdef");
        let kept = keeper.finish();
        assert_eq!(kept, Kept { head: b"01234".to_vec(), tail: b"bcdef".to_vec(), dropped: 6 });
        assert_eq!(kept.text(), ("01234\n[... 6 bytes dropped ...]\nbcdef".to_owned(), false));
    }

    #[test]
    fn a_cut_through_a_character_does_not_make_the_text_lossy() {
        let mut keeper = Keeper::new(8);
        keeper.push("aaa\u{e9}xxxxxxxx\u{e9}bbb".as_bytes());
        assert_eq!(keeper.kept().text(), ("aaa\n[... 12 bytes dropped ...]\nbbb".to_owned(), false));
        assert_eq!(Kept::whole(b"a\xffb").text(), ("a\u{fffd}b".to_owned(), true));
    }

    proptest! {
        #[test]
        fn any_pieces_keep_what_the_whole_keeps(bytes in proptest::collection::vec(any::<u8>(), 0..200), cap in 0_u64..64, cuts in proptest::collection::vec(1_usize..40, 1..20)) {
            let mut keeper = Keeper::new(cap);
            let mut rest = bytes.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                keeper.push(piece);
                rest = more;
            }
            let head = bytes.len().min(usize::try_from(cap).unwrap() / 2);
            let tail = (bytes.len() - head).min(usize::try_from(cap).unwrap().div_ceil(2));
            let expected = Kept { head: bytes[..head].to_vec(), tail: bytes[bytes.len() - tail..].to_vec(), dropped: (bytes.len() - head - tail) as u64 };
            prop_assert_eq!(&keeper.kept(), &expected);
            prop_assert_eq!(keeper.finish(), expected);
        }
    }
}
