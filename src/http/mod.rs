//! HTTP/1.1, small: a client for model APIs and judges, a server on this machine for the scripted model.
//!
//! It is kept small and behind these few functions, so that a library can take its place: this build speaks plain HTTP only. What it
//! does speak it speaks strictly, since the other side is not trusted: heads, bodies and times are bounded, a message whose length
//! could be told in two ways is refused, and whatever a server sends ends in an answer or a fault.
//!
//! ```text
//! post(request) -> Response | HttpFault              one exchange on a connection of its own
//! Client::post(request) -> Response | HttpFault      the same, on connections that are kept for the next call
//! stream(request) -> Streaming                       the reply piece by piece, line by line, or event by event
//! Server::start(port, limits, answer) -> Server      127.0.0.1 only
//! ```

mod body;
mod client;
mod connection;
mod fault;
mod head;
mod pool;
mod server;
mod sse;
mod streaming;
mod url;
mod wire;

pub use client::{Client, Request, Response, get, post, stream};
pub use fault::HttpFault;
pub use head::{Headers, reason};
pub use server::{Answer, Asked, Content, Limits, Piece, Respond, Server};
pub use sse::{Event, Events};
pub use streaming::Streaming;
pub use url::Url;

/// The parsers by themselves, for tests that feed them anything.
pub mod parts {
    pub use super::body::{Body, Framing};
    pub use super::head::{
        MOST_HEAD, RequestHead, ResponseHead, end_of_head, request_framing, request_head, response_framing,
        response_head,
    };
}
