//! A reply as it comes: pieces, lines or server-sent events.

use super::{
    client::Request,
    connection::Reply,
    fault::HttpFault,
    head::Headers,
    sse::{Event, Events},
};
use std::{collections::VecDeque, time::Duration};

/// A line or event may be this large.
const LARGEST: usize = 16 << 20;

/// A reply on its way. Read it in one of the three ways; every wait is bounded by the request's `timeout`, all of it by `most_bytes`.
pub struct Streaming {
    pub status: u16,
    pub headers: Headers,
    reply: Reply,
    timeout: Duration,
    /// Read, and not given as a line yet.
    held: Vec<u8>,
    events: Events,
    ready: VecDeque<Event>,
}

impl Streaming {
    pub(super) fn new(reply: Reply, request: &Request) -> Streaming {
        Streaming {
            status: reply.head.status,
            headers: reply.head.headers.clone(),
            reply,
            timeout: request.timeout,
            held: Vec::new(),
            events: Events::new(LARGEST),
            ready: VecDeque::new(),
        }
    }

    /// Bytes as they come; `None`: the reply is over. Cancel-safe.
    ///
    /// # Errors
    /// See [`HttpFault`].
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, HttpFault> {
        let mut out = std::mem::take(&mut self.held);
        if !out.is_empty() || self.more(&mut out).await? { Ok(Some(out)) } else { Ok(None) }
    }

    /// The next line without its end; a last one without an end counts. Cancel-safe.
    ///
    /// # Errors
    /// See [`HttpFault`].
    pub async fn line(&mut self) -> Result<Option<String>, HttpFault> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.held[seen..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.held.drain(..=seen + at).collect();
                return Ok(Some(shown(&line)));
            }
            if self.held.len() > LARGEST {
                return Err(self.too_large());
            }
            seen = self.held.len();
            let mut more = Vec::new();
            if !self.more(&mut more).await? {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then(|| shown(&line)));
            }
            self.held.append(&mut more);
        }
    }

    /// The next server-sent event. Cancel-safe.
    ///
    /// # Errors
    /// See [`HttpFault`]; a stream that breaks off in the middle of an event is a fault or, where its length is not told, ends.
    pub async fn event(&mut self) -> Result<Option<Event>, HttpFault> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let mut more = Vec::new();
            if !self.more(&mut more).await? {
                return Ok(None);
            }
            let whole = self.events.push(&more);
            self.ready.extend(whole.map_err(|_| self.too_large())?);
        }
    }

    async fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, HttpFault> {
        let late = HttpFault::Timeout { at: self.reply.at.clone(), after: self.timeout };
        tokio::time::timeout(self.timeout, self.reply.more(out)).await.unwrap_or(Err(late))
    }

    fn too_large(&self) -> HttpFault {
        HttpFault::TooLarge { at: self.reply.at.clone(), most: LARGEST as u64 }
    }
}

fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}
