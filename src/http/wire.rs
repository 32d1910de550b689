//! A connection and what has come over it but is not taken yet.

use super::{
    body::Body,
    fault::Bad,
    head::{MOST_HEAD, end_of_head},
};
use std::io::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpStream,
};

/// Read at once.
const PIECE: usize = 16 << 10;

/// Why nothing more can be read.
#[derive(Debug)]
pub enum Trouble {
    Lost(Error),
    /// It ended where it must not.
    Ended(String),
    Bad(Bad),
}

impl From<Bad> for Trouble {
    fn from(bad: Bad) -> Trouble {
        Trouble::Bad(bad)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Lost(error)
    }
}

pub struct Wire {
    pub io: TcpStream,
    pub held: Vec<u8>,
}

impl Wire {
    pub fn new(io: TcpStream) -> Wire {
        // Heads and small bodies go out in one write: waiting for more only costs time. A line that refuses this works as well.
        let _ = io.set_nodelay(true);
        Wire { io, held: Vec::new() }
    }

    /// The next head; `None`: the other side ended between two messages. Cancel-safe.
    pub async fn head(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        head(&mut self.io, &mut self.held).await
    }

    /// Some more content of a body; `false`: it was over. Cancel-safe.
    pub async fn content(&mut self, body: &mut Body, out: &mut Vec<u8>) -> Result<bool, Trouble> {
        let before = out.len();
        while !body.is_done() && out.len() == before {
            if self.held.is_empty() && more(&mut self.io, &mut self.held).await? == 0 {
                body.end().map_err(|Bad(why)| Trouble::Ended(why))?;
                return Ok(false);
            }
            let taken = body.push(&self.held, out)?;
            self.held.drain(..taken);
        }
        Ok(out.len() > before)
    }
}

/// The next head of what comes from `io`, `held` being what has come before. Cancel-safe.
pub async fn head(io: &mut (impl AsyncRead + Unpin), held: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Trouble> {
    let mut seen = 0;
    loop {
        if let Some(end) = end_of_head(held, seen) {
            if end > MOST_HEAD {
                return Err(too_long());
            }
            return Ok(Some(held.drain(..end).collect()));
        }
        if held.len() >= MOST_HEAD {
            return Err(too_long());
        }
        seen = held.len();
        if more(io, held).await? == 0 {
            return if held.is_empty() { Ok(None) } else { Err(Trouble::Ended("in the middle of a head".to_owned())) };
        }
    }
}

async fn more(io: &mut (impl AsyncRead + Unpin), held: &mut Vec<u8>) -> Result<usize, Error> {
    held.reserve(PIECE);
    io.read_buf(held).await
}

fn too_long() -> Trouble {
    Trouble::Bad(Bad::new(format!("a head longer than {} KiB", MOST_HEAD >> 10)))
}
