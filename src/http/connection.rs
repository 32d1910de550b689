//! One exchange: a request written, the head of its reply read, its body on the way.

use super::{
    body::Body,
    client::Request,
    fault::{Bad, HttpFault},
    head::{self, Headers, ResponseHead, is_sound, response_framing, response_head},
    pool::Pool,
    url::Url,
    wire::{self, Trouble, Wire},
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// So many `100 Continue` and the like may come before the reply.
const MOST_INTERIM: usize = 8;

/// Headers that say how a message is sent; they are written here and nowhere else.
const OURS: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade", "keep-alive"];

/// A reply whose head is there.
pub struct Reply {
    pub head: ResponseHead,
    pub at: String,
    wire: Option<Wire>,
    body: Body,
    /// The connection may be used again once the body is over.
    keep: bool,
    got: u64,
    most: u64,
    pool: Option<Pool>,
}

/// Sends and waits for the head.
pub async fn begin(method: &str, request: &Request, pool: Option<&Pool>) -> Result<Reply, HttpFault> {
    let url = Url::parse(&request.url)?;
    let at = url.authority();
    let bytes = written(method, request, (&url, pool.is_some()))?;
    let kept = pool.and_then(|pool| pool.take(&at));
    let io = match kept {
        Some(io) => io,
        None => connect(&url).await?,
    };
    let mut wire = Wire::new(io);
    let (head, sent) = exchange(&mut wire, &bytes).await.map_err(|trouble| fault(trouble, &at))?;
    let malformed = |Bad(why)| HttpFault::Malformed { at: at.clone(), why };
    let framing = response_framing(&head, method).map_err(malformed)?;
    if let super::body::Framing::Length(length) = framing
        && length > request.most_bytes
    {
        return Err(HttpFault::TooLarge { at, most: request.most_bytes });
    }
    if head.headers.all("content-encoding").any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(malformed(Bad::new("it is compressed, which was not asked for")));
    }
    let keep = sent && head.newer && !head.headers.has_word("connection", "close");
    Ok(Reply {
        head,
        at,
        wire: Some(wire),
        body: Body::new(framing),
        keep,
        got: 0,
        most: request.most_bytes,
        pool: pool.cloned(),
    })
}

impl Reply {
    /// Some more of the body into `out`; `false`: it is over. Cancel-safe.
    pub async fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, HttpFault> {
        let Some(wire) = &mut self.wire else { return Ok(false) };
        let before = out.len();
        let more = wire.content(&mut self.body, out).await.map_err(|trouble| fault(trouble, &self.at))?;
        self.got += (out.len() - before) as u64;
        if self.got > self.most {
            self.wire = None;
            return Err(HttpFault::TooLarge { at: self.at.clone(), most: self.most });
        }
        if self.body.is_done() || !more {
            self.give_back();
        }
        Ok(more)
    }

    fn give_back(&mut self) {
        let Some(wire) = self.wire.take() else { return };
        // Bytes behind the body belong to nothing that was asked for.
        if self.keep
            && self.body.is_done()
            && wire.held.is_empty()
            && let Some(pool) = &self.pool
        {
            pool.put(&self.at, wire.io);
        }
    }
}

async fn connect(url: &Url) -> Result<TcpStream, HttpFault> {
    let connected = TcpStream::connect((url.host.as_str(), url.port)).await;
    connected.map_err(|error| HttpFault::Connect { at: url.authority(), why: error.to_string() })
}

/// Writes and reads at once: a server may answer before it has read everything. Says whether all was written.
async fn exchange(wire: &mut Wire, bytes: &[u8]) -> Result<(ResponseHead, bool), Trouble> {
    let (mut from, mut to) = wire.io.split();
    let held = &mut wire.held;
    let writing = to.write_all(bytes);
    let reading = reply_head(&mut from, held);
    tokio::pin!(writing, reading);
    let (mut ended, mut sent) = (false, false);
    loop {
        tokio::select! {
            // A server that stops reading may still have said why.
            done = &mut writing, if !ended => (ended, sent) = (true, done.is_ok()),
            head = &mut reading => return head.map(|head| (head, sent)),
        }
    }
}

async fn reply_head(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    held: &mut Vec<u8>,
) -> Result<ResponseHead, Trouble> {
    for _ in 0..=MOST_INTERIM {
        let bytes = wire::head(from, held).await?;
        let bytes = bytes.ok_or_else(|| Trouble::Ended("before its first byte".to_owned()))?;
        let head = response_head(&bytes)?;
        if head.status == 101 {
            return Err(Trouble::Bad(Bad::new("it switches to another protocol, which was not asked for")));
        }
        if head.status >= 200 {
            return Ok(head);
        }
    }
    Err(Trouble::Bad(Bad::new("it goes on without ever replying")))
}

fn written(method: &str, request: &Request, (url, keep): (&Url, bool)) -> Result<Vec<u8>, HttpFault> {
    let headers = Headers(request.headers.clone());
    let connection = if keep { "keep-alive" } else { "close" };
    let mut out =
        format!("{method} {} HTTP/1.1\r\nHost: {}\r\nConnection: {connection}\r\n", url.target, url.authority());
    if headers.get("user-agent").is_none() {
        out += concat!("User-Agent: evalrun/", env!("CARGO_PKG_VERSION"), "\r\n");
    }
    if method == "POST" || !request.body.is_empty() {
        out += &format!("Content-Length: {}\r\n", request.body.len());
    }
    for (name, value) in &headers.0 {
        if !is_sound(name, value) {
            let shown = if is_sound(name, "") { name } else { "?" };
            return Err(HttpFault::Request(format!("the header `{shown}` has a character that cannot stand there")));
        }
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return Err(HttpFault::Request(format!("the header `{name}` is written by the client itself")));
        }
        out += &format!("{name}: {value}\r\n");
    }
    out += "\r\n";
    if out.len() > head::MOST_HEAD {
        return Err(HttpFault::Request(format!("its headers are longer than {} KiB", head::MOST_HEAD >> 10)));
    }
    let mut out = out.into_bytes();
    out.extend_from_slice(&request.body);
    Ok(out)
}

fn fault(trouble: Trouble, at: &str) -> HttpFault {
    let at = at.to_owned();
    match trouble {
        Trouble::Lost(error) => HttpFault::Closed { at, why: error.to_string() },
        Trouble::Ended(why) => HttpFault::Closed { at, why },
        Trouble::Bad(Bad(why)) => HttpFault::Malformed { at, why },
    }
}
