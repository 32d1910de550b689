//! The client: a request in, a whole reply or a fault out.
//!
//! Redirects are replies like others: a key is never sent on to where a server points.

use super::{
    connection::{Reply, begin},
    fault::HttpFault,
    head::Headers,
    pool::Pool,
    streaming::Streaming,
};
use std::time::Duration;

/// What is asked. `Default` gives the limits.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `http://host:port/path`.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// For the whole exchange; of a stream: for its head and then for each piece.
    pub timeout: Duration,
    /// The body of the reply may be this large.
    pub most_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// Keeps connections for the next request. Cheap to clone; a clone shares them. Belongs to one tokio runtime.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pool: Pool,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            url: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(600),
            most_bytes: 32 << 20,
        }
    }
}

/// Headers carry keys, so they are not shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Request({} headers, {} bytes)", self.headers.len(), self.body.len())
    }
}

impl Request {
    /// A request with a JSON body.
    pub fn json(url: impl Into<String>, body: &serde_json::Value) -> Request {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Request { url: url.into(), headers, body: body.to_string().into_bytes(), ..Request::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Response {
    /// The first value of that header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// Posts on a connection of its own. Any status is a response; a fault is where there is none.
///
/// # Errors
/// See [`HttpFault`].
pub async fn post(request: Request) -> Result<Response, HttpFault> {
    whole("POST", &request, None).await
}

/// Gets on a connection of its own.
///
/// # Errors
/// See [`HttpFault`].
pub async fn get(request: Request) -> Result<Response, HttpFault> {
    whole("GET", &request, None).await
}

/// Posts and gives the reply as it comes.
///
/// # Errors
/// See [`HttpFault`].
pub async fn stream(request: Request) -> Result<Streaming, HttpFault> {
    begun("POST", &request, None).await.map(|reply| Streaming::new(reply, &request))
}

impl Client {
    pub fn new() -> Client {
        Client::default()
    }

    /// Posts on a kept connection, if there is one.
    ///
    /// A kept connection that the server closes just as it is used is a fault (`Closed`): a request that may have been read is
    /// never sent twice from here.
    ///
    /// # Errors
    /// See [`HttpFault`].
    pub async fn post(&self, request: Request) -> Result<Response, HttpFault> {
        whole("POST", &request, Some(&self.pool)).await
    }

    /// Posts and gives the reply as it comes.
    ///
    /// # Errors
    /// See [`HttpFault`].
    pub async fn stream(&self, request: Request) -> Result<Streaming, HttpFault> {
        begun("POST", &request, Some(&self.pool)).await.map(|reply| Streaming::new(reply, &request))
    }
}

async fn whole(method: &str, request: &Request, pool: Option<&Pool>) -> Result<Response, HttpFault> {
    let exchange = async {
        let mut reply = begin(method, request, pool).await?;
        let mut body = Vec::new();
        while reply.more(&mut body).await? {}
        Ok(Response { status: reply.head.status, headers: reply.head.headers, body })
    };
    let done = tokio::time::timeout(request.timeout, exchange).await;
    done.unwrap_or_else(|_| Err(late(request)))
}

async fn begun(method: &str, request: &Request, pool: Option<&Pool>) -> Result<Reply, HttpFault> {
    let done = tokio::time::timeout(request.timeout, begin(method, request, pool)).await;
    done.unwrap_or_else(|_| Err(late(request)))
}

fn late(request: &Request) -> HttpFault {
    let at = super::url::Url::parse(&request.url).map_or_else(|_| "?".to_owned(), |url| url.authority());
    HttpFault::Timeout { at, after: request.timeout }
}
