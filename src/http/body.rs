//! Bodies taken apart as their bytes come.
//!
//! ```
//! use evalrun::http::parts::{Body, Framing};
//! let (mut body, mut out) = (Body::new(Framing::Chunked), Vec::new());
//! assert_eq!(body.push(b"3\r\nabc\r\n0\r\n\r\nnext", &mut out), Ok(13));
//! assert!(body.is_done());
//! assert_eq!(out, b"abc");
//! ```

use super::{fault::Bad, head::header};

/// A line with a chunk's size may be this long, and so may all trailers together.
const LONGEST_SIZE: usize = 4 << 10;
const MOST_TRAILERS: usize = 16 << 10;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// By a chunk of length 0.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// A body on its way.
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
    /// The line of a chunk's size, or of a trailer, as far as it has come.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    Close,
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    Done,
}

impl Body {
    pub fn new(framing: Framing) -> Body {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::Close => State::Close,
        };
        Body { state, line: Vec::new(), trailers: 0 }
    }

    /// Nothing more belongs to it.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes bytes, puts what is content into `out` and says how many it took; it takes none behind its end.
    ///
    /// # Errors
    /// When the chunks are none.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Bad> {
        let mut at = 0;
        while at < input.len() && !self.is_done() {
            let rest = &input[at..];
            at += match self.state {
                State::Length(left) => self.content(rest, left, out),
                State::Chunk(left) => self.content(rest, left, out),
                State::Close => {
                    out.extend_from_slice(rest);
                    rest.len()
                }
                State::Size | State::ChunkEnd | State::Trailer => self.lines(rest)?,
                State::Done => 0,
            };
        }
        Ok(at)
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// When the body had not.
    pub fn end(&self) -> Result<(), Bad> {
        match self.state {
            State::Done | State::Close => Ok(()),
            State::Length(left) => Err(Bad::new(format!("{left} bytes are missing"))),
            State::Size | State::Chunk(_) | State::ChunkEnd | State::Trailer => {
                Err(Bad::new("the last chunk is missing"))
            }
        }
    }

    fn content(&mut self, rest: &[u8], left: u64, out: &mut Vec<u8>) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        out.extend_from_slice(&rest[..taken]);
        let left = left - taken as u64;
        self.state = match (self.state, left) {
            (State::Chunk(_), 0) => State::ChunkEnd,
            (State::Chunk(_), _) => State::Chunk(left),
            (_, 0) => State::Done,
            (_, _) => State::Length(left),
        };
        taken
    }

    /// Takes a part of a line, and the line itself once it is whole.
    fn lines(&mut self, rest: &[u8]) -> Result<usize, Bad> {
        let end = rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(rest.len());
        let most = if self.state == State::Trailer { MOST_TRAILERS } else { LONGEST_SIZE };
        if self.line.len() + taken > most {
            return Err(Bad::new("a line between chunks is too long"));
        }
        self.line.extend_from_slice(&rest[..taken]);
        if end.is_some() {
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r\n").ok_or_else(|| Bad::new("a bare line end between chunks"))?;
            self.line_ended(line)?;
        }
        Ok(taken)
    }

    fn line_ended(&mut self, line: &[u8]) -> Result<(), Bad> {
        self.state = match self.state {
            State::Size => match size(line)? {
                0 => State::Trailer,
                size => State::Chunk(size),
            },
            State::ChunkEnd if line.is_empty() => State::Size,
            State::ChunkEnd => return Err(Bad::new("a chunk is longer than it says")),
            State::Trailer if line.is_empty() => State::Done,
            State::Trailer => {
                self.trailers += line.len();
                if self.trailers > MOST_TRAILERS {
                    return Err(Bad::new("too many trailers"));
                }
                // Trailers are checked and left: nothing here needs one, and none may pass for a header.
                header(&String::from_utf8_lossy(line))?;
                State::Trailer
            }
            State::Length(_) | State::Close | State::Chunk(_) | State::Done => self.state,
        };
        Ok(())
    }
}

/// `1f` or `1f;name=value`.
fn size(line: &[u8]) -> Result<u64, Bad> {
    let bad = || Bad::new("the size of a chunk is no number");
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).map_err(|_| bad())?.trim_end_matches([' ', '\t']);
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad());
    }
    if line.iter().any(|byte| *byte != b'\t' && byte.is_ascii_control()) {
        return Err(bad());
    }
    u64::from_str_radix(digits, 16).map_err(|_| bad())
}
