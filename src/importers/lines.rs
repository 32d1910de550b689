//! The lines of a foreign file, read once from front to end in bounded memory.
//!
//! What a line may hold is hostile: bytes that are no UTF-8 (replaced, and said so), escapes of half a surrogate pair, which no
//! JSON reader takes (replaced, and counted), and a hundred megabytes without a newline (its first part is kept, the rest counted).

use super::value::source_fault;
use crate::model::{fault::Fault, import::Source};
use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Read},
};

/// Bytes of a line that are read; what is longer is no record of any agent.
pub(super) const LONGEST_LINE: usize = 32 << 20;

/// One line as far as it could be read.
pub(super) struct Line<'b> {
    /// 1-based.
    pub number: u64,
    pub text: Cow<'b, str>,
    /// Some bytes were no UTF-8.
    pub lossy: bool,
    /// Half surrogate pairs that became U+FFFD.
    pub surrogates: u64,
    /// Bytes beyond `LONGEST_LINE`.
    pub left_out: u64,
}

/// Stands on one line; `advance` goes to the next one that is not blank.
pub(super) struct Lines<'a> {
    reader: BufReader<Cursor<'a>>,
    line: Vec<u8>,
    left_out: u64,
    number: u64,
}

impl<'a> Lines<'a> {
    pub fn of(source: &'a dyn Source) -> Lines<'a> {
        let reader = BufReader::with_capacity(64 << 10, Cursor { source, at: 0 });
        Lines { reader, line: Vec::new(), left_out: 0, number: 0 }
    }

    /// # Errors
    /// What the source says.
    pub fn advance(&mut self) -> Result<bool, Fault> {
        while self.read_line().map_err(|error| source_fault(&error))? {
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub fn line(&self) -> Line<'_> {
        let kept = self.line.trim_ascii_end();
        let (text, lossy) = match std::str::from_utf8(kept) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (Cow::Owned(String::from_utf8_lossy(kept).into_owned()), true),
        };
        let (text, surrogates) = match mended(&text) {
            Some((mended, count)) => (Cow::Owned(mended), count),
            None => (text, 0),
        };
        Line { number: self.number, text, lossy, surrogates, left_out: self.left_out }
    }

    fn read_line(&mut self) -> std::io::Result<bool> {
        self.line.clear();
        self.left_out = 0;
        let most = LONGEST_LINE as u64;
        if self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.len() == LONGEST_LINE && self.line.last() != Some(&b'\n') {
            self.left_out = self.skip()?;
        }
        Ok(true)
    }

    /// Goes to the end of the line; says how many bytes were passed.
    fn skip(&mut self) -> std::io::Result<u64> {
        let (mut passed, mut part) = (0, Vec::new());
        loop {
            part.clear();
            let read = self.reader.by_ref().take(1 << 20).read_until(b'\n', &mut part)?;
            passed += read as u64;
            if read == 0 || part.last() == Some(&b'\n') {
                return Ok(passed);
            }
        }
    }
}

struct Cursor<'a> {
    source: &'a dyn Source,
    at: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read_at(self.at, into)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The whole of a source that is one document; `None` when it is longer than `most`.
///
/// # Errors
/// What the source says.
pub(super) fn whole(source: &dyn Source, most: u64) -> Result<Option<Vec<u8>>, Fault> {
    if source.len() > most {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match source.read_at(filled as u64, &mut bytes[filled..]).map_err(|error| source_fault(&error))? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// The text with every escape of half a surrogate pair replaced, and how many there were; `None` where there is none.
pub fn mended(text: &str) -> Option<(String, u64)> {
    if !text.contains("\\ud") && !text.contains("\\uD") {
        return None;
    }
    let (mut out, mut count, mut from, mut at) = (String::new(), 0, 0, 0);
    let bytes = text.as_bytes();
    while at + 1 < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str(&text[from..at]);
                out.push_str("\\ufffd");
                at += 6;
                (from, count) = (at, count + 1);
            }
            (Some(_), _) => at += 6,
            (None, _) => at += 2,
        }
    }
    if count == 0 {
        return None;
    }
    out.push_str(&text[from..]);
    Some((out, count))
}

/// The UTF-16 unit that an escape at this place stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_pairs_are_replaced_and_whole_ones_stay() {
        assert_eq!(mended(r"a \ud83d\ude00 b"), None);
        assert_eq!(mended(r"a \ud83d b \uDE00"), Some((r"a \ufffd b \ufffd".to_owned(), 2)));
        assert_eq!(mended(r"a \\ud83d b"), None);
        assert_eq!(mended(r"\ud83d\ud83d\ude00"), Some((r"\ufffd\ud83d\ude00".to_owned(), 1)));
        assert_eq!(mended(r"\ud8"), None);
    }
}
