//! The server: whole requests in, answers out, on 127.0.0.1 alone.
//!
//! What answers gets a request whole and says what to send as data, pauses and torn ends included, so that a server which misbehaves
//! on purpose is a value like any other.

use super::{
    body::{Body, Framing},
    fault::Bad,
    head::{Headers, RequestHead, is_sound, reason, request_framing, request_head},
    wire::{Trouble, Wire},
};
use crate::model::run::Boxed;
use std::{
    io::Error,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    sync::{Semaphore, watch},
    task::{JoinHandle, JoinSet},
};

/// A request that was read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// As it came, without the query.
    pub path: String,
    /// Behind the `?`; empty where there is none.
    pub query: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What is sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Whole(Vec<u8>),
    /// Sent one by one, in chunks; the connection closes behind them.
    Pieces(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// Nothing more comes, and the connection stays open until the client or the server ends.
    Stall,
    /// The connection ends here, in the middle of the body.
    Tear,
}

/// What answers requests.
pub trait Respond: Send + Sync + 'static {
    fn respond(&self, asked: Asked) -> Boxed<'_, Answer>;
}

/// What one client may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: u64,
    /// Between two requests on one connection.
    pub idle: Duration,
    /// From the first byte of a request to its last, and for every piece of the answer.
    pub transfer: Duration,
    /// Connections at once; more wait.
    pub connections: usize,
    /// For answers on their way when the server stops.
    pub grace: Duration,
}

/// A running server. Dropped, it ends at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Default for Content {
    fn default() -> Content {
        Content::Whole(Vec::new())
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 64 << 20,
            idle: Duration::from_secs(120),
            transfer: Duration::from_secs(60),
            connections: 1_024,
            grace: Duration::from_secs(2),
        }
    }
}

impl Server {
    /// Listens on 127.0.0.1; port 0: any that is free.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(port: u16, limits: Limits, respond: Arc<dyn Respond>) -> Result<Server, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Shared { limits: Arc::new(limits), respond, stopped }));
        Ok(Server { address, stop, accepting })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets answers on their way end for as long as the limits give them, and returns when all is closed.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // It was not stopped before, so it ends by itself.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Shared {
    limits: Arc<Limits>,
    respond: Arc<dyn Respond>,
    stopped: watch::Receiver<bool>,
}

async fn accept(listener: TcpListener, mut shared: Shared) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    let mut open = JoinSet::new();
    let mut stopped = shared.stopped.clone();
    loop {
        while open.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let shared = shared.clone();
                open.spawn(async move {
                    let _place = place;
                    // A client that goes away has nobody to be told.
                    let _ = connection(Wire::new(stream), shared).await;
                });
            }
            // No free file numbers, most likely: they come back as connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    let grace = std::mem::take(&mut Arc::make_mut(&mut shared.limits).grace);
    let _ = tokio::time::timeout(grace, async { while open.join_next().await.is_some() {} }).await;
}

async fn connection(mut wire: Wire, mut shared: Shared) -> Result<(), Error> {
    loop {
        let (asked, keep) = match request(&mut wire, &mut shared).await? {
            Next::Asked(asked, keep) => (asked, keep),
            Next::Refused(status, why) => return refuse(&mut wire, &shared, (status, why)).await,
            Next::Nothing => return Ok(()),
        };
        let is_head = asked.method == "HEAD";
        let answer = shared.respond.respond(asked).await;
        let keep = keep && !*shared.stopped.borrow() && matches!(answer.content, Content::Whole(_));
        let mut sending = Sending { wire: &mut wire, stopped: shared.stopped.clone(), limit: shared.limits.transfer };
        if !sending.send(answer, (is_head, keep)).await? || !keep {
            return close(&mut wire).await;
        }
    }
}

enum Next {
    Asked(Asked, bool),
    Refused(u16, String),
    Nothing,
}

/// Reads one request whole.
async fn request(wire: &mut Wire, shared: &mut Shared) -> Result<Next, Error> {
    let limits = Arc::clone(&shared.limits);
    if wire.held.is_empty() {
        let begun = tokio::select! {
            _ = shared.stopped.wait_for(|stopped| *stopped) => return Ok(Next::Nothing),
            begun = tokio::time::timeout(limits.idle, wire.io.readable()) => begun,
        };
        if begun.is_err() {
            return Ok(Next::Nothing);
        }
    }
    let reading = tokio::time::timeout(limits.transfer, read(wire, limits.body)).await;
    match reading {
        Err(_) => Ok(Next::Refused(408, format!("no whole request within {} s", limits.transfer.as_secs_f64()))),
        Ok(Err(Trouble::Lost(error))) => Err(error),
        Ok(Err(Trouble::Ended(why))) => Ok(Next::Refused(400, format!("the connection ended: {why}"))),
        Ok(Err(Trouble::Bad(Bad(why)))) => Ok(Next::Refused(400, why)),
        Ok(Ok(next)) => Ok(next),
    }
}

async fn read(wire: &mut Wire, most: u64) -> Result<Next, Trouble> {
    let Some(bytes) = wire.head().await? else { return Ok(Next::Nothing) };
    let head = request_head(&bytes)?;
    let framing = request_framing(&head)?;
    let too_large = || Next::Refused(413, format!("a request's body may have {most} bytes"));
    if matches!(framing, Framing::Length(length) if length > most) {
        return Ok(too_large());
    }
    if let Some(expected) = head.headers.get("expect") {
        if !expected.eq_ignore_ascii_case("100-continue") {
            return Ok(Next::Refused(417, "what is expected is not known here".to_owned()));
        }
        wire.io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let (mut body, mut content) = (Body::new(framing), Vec::new());
    while wire.content(&mut body, &mut content).await? {
        if content.len() as u64 > most {
            return Ok(too_large());
        }
    }
    let keep = keeps(&head);
    Ok(Next::Asked(asked(head, content), keep))
}

fn keeps(head: &RequestHead) -> bool {
    if head.newer {
        !head.headers.has_word("connection", "close")
    } else {
        head.headers.has_word("connection", "keep-alive")
    }
}

fn asked(head: RequestHead, body: Vec<u8>) -> Asked {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    Asked { path: path.to_owned(), query: query.to_owned(), method: head.method, headers: head.headers, body }
}

async fn refuse(wire: &mut Wire, shared: &Shared, (status, why): (u16, String)) -> Result<(), Error> {
    let headers = vec![("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    let answer = Answer { status, headers, content: Content::Whole((why + "\n").into_bytes()) };
    let mut sending = Sending { wire, stopped: shared.stopped.clone(), limit: shared.limits.transfer };
    sending.send(answer, (false, false)).await?;
    close(wire).await
}

/// Ends a connection so that what was sent arrives: bytes that the client still sends would throw it away otherwise.
async fn close(wire: &mut Wire) -> Result<(), Error> {
    const PATIENCE: Duration = Duration::from_secs(1);
    const MOST: usize = 1 << 20;
    wire.io.shutdown().await?;
    let drain = async {
        let (mut sink, mut drained) = (vec![0; 16 << 10], 0);
        while drained < MOST {
            match tokio::io::AsyncReadExt::read(&mut wire.io, &mut sink).await {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count,
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, drain).await;
    Ok(())
}

/// An answer on its way out.
struct Sending<'a> {
    wire: &'a mut Wire,
    stopped: watch::Receiver<bool>,
    limit: Duration,
}

impl Sending<'_> {
    /// Says whether the answer was sent to its proper end.
    async fn send(&mut self, answer: Answer, (is_head, keep): (bool, bool)) -> Result<bool, Error> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
        for (name, value) in answer.headers.iter().filter(|(name, value)| is_sound(name, value)) {
            head += &format!("{name}: {value}\r\n");
        }
        head += if keep { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" };
        match answer.content {
            Content::Whole(body) => {
                let mut bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
                if !is_head {
                    bytes.extend_from_slice(&body);
                }
                self.write(&bytes).await?;
                Ok(true)
            }
            Content::Pieces(pieces) => {
                self.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await?;
                if is_head { Ok(true) } else { self.pieces(pieces).await }
            }
        }
    }

    async fn pieces(&mut self, pieces: Vec<Piece>) -> Result<bool, Error> {
        for piece in pieces {
            match piece {
                // A chunk of no bytes would end the body.
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Bytes(bytes) => {
                    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                    chunk.extend_from_slice(&bytes);
                    chunk.extend_from_slice(b"\r\n");
                    self.write(&chunk).await?;
                }
                Piece::Pause(time) => {
                    if self.wait(tokio::time::sleep(time)).await {
                        return Ok(false);
                    }
                }
                Piece::Stall => {
                    self.wait(std::future::pending()).await;
                    return Ok(false);
                }
                Piece::Tear => return Ok(false),
            }
        }
        self.write(b"0\r\n\r\n").await?;
        Ok(true)
    }

    /// Waits; says whether the client or the server ended before.
    async fn wait(&mut self, until: impl Future<Output = ()>) -> bool {
        let io = &mut self.wire.io;
        let gone = async {
            let mut sink = [0; 1 << 10];
            while let Ok(1..) = tokio::io::AsyncReadExt::read(io, &mut sink).await {}
        };
        tokio::select! {
            () = until => false,
            () = gone => true,
            _ = self.stopped.wait_for(|stopped| *stopped) => true,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let late = || Error::new(std::io::ErrorKind::TimedOut, "the client does not read");
        tokio::time::timeout(self.limit, self.wire.io.write_all(bytes)).await.map_err(|_| late())?
    }
}
