//! The server against clients made of bytes.

use evalrun::{
    http::{Answer, Asked, Content, HttpFault, Limits, Piece, Request, Respond, Server, post, stream},
    model::run::Boxed,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Says what it was asked; `/pieces`, `/stall` and `/tear` are sent piece by piece.
pub struct Echo;

impl Respond for Echo {
    fn respond(&self, asked: Asked) -> Boxed<'_, Answer> {
        let bytes = |text: &str| Piece::Bytes(text.as_bytes().to_vec());
        let content = match asked.path.as_str() {
            "/pieces" => Content::Pieces(vec![
                bytes("data: 1\n\n"),
                bytes(""),
                Piece::Pause(Duration::ZERO),
                bytes("data: 2\n\n"),
            ]),
            "/stall" => Content::Pieces(vec![bytes("data: 1\n\n"), Piece::Stall, bytes("data: 2\n\n")]),
            "/tear" => Content::Pieces(vec![bytes("data: 1\n\nda"), Piece::Tear, bytes("data: 2\n\n")]),
            _ => {
                let said =
                    format!("{} {} {} {}", asked.method, asked.path, asked.query, String::from_utf8_lossy(&asked.body));
                Content::Whole(said.into_bytes())
            }
        };
        let headers =
            vec![("Content-Type".to_owned(), "text/plain".to_owned()), ("Bad".to_owned(), "a\r\nb".to_owned())];
        Box::pin(async { Answer { status: 200, headers, content } })
    }
}

pub async fn echo(limits: Limits) -> Server {
    Server::start(0, limits, Arc::new(Echo)).await.unwrap()
}

/// All that a server says to these bytes; then it has closed.
async fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut io = TcpStream::connect(server.address()).await.unwrap();
    io.write_all(bytes).await.unwrap();
    io.shutdown().await.unwrap();
    let mut all = Vec::new();
    io.read_to_end(&mut all).await.unwrap();
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn requests_are_answered_and_what_is_none_is_refused() {
    let server = echo(Limits { body: 20, ..Limits::default() }).await;
    let cases = [
        "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.0\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: miracles\r\n\r\nhi",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 21\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n1\r\nx\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhi",
        "GET / HTTP/1.1\r\n",
        "hello\r\n\r\n",
        "",
        "GET /pieces HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /tear HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    let mut told = Vec::new();
    for bytes in cases {
        told.push(format!(
            "> {}\n{}",
            bytes.escape_debug(),
            exchange(&server, bytes.as_bytes()).await.replace('\r', "")
        ));
    }
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(100 << 10));
    told.push(format!("> a long head\n{}", exchange(&server, long.as_bytes()).await.replace('\r', "")));
    insta::assert_snapshot!(told.join("\n"));
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_end_its_request_is_let_go() {
    let limits = Limits { idle: Duration::from_millis(50), transfer: Duration::from_millis(50), ..Limits::default() };
    let server = echo(limits).await;
    for (bytes, said) in [
        ("", ""),
        ("GET", "HTTP/1.1 408"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhi", "HTTP/1.1 408"),
    ] {
        let mut io = TcpStream::connect(server.address()).await.unwrap();
        io.write_all(bytes.as_bytes()).await.unwrap();
        let mut all = String::new();
        io.read_to_string(&mut all).await.unwrap();
        assert!(all.starts_with(said) && all.is_empty() == said.is_empty(), "{bytes:?}: {all:?}");
    }
    server.stop().await;
}

/// The client asks for more than it reads: the server gives it up and serves the next.
#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    struct Much;
    impl Respond for Much {
        fn respond(&self, _: Asked) -> Boxed<'_, Answer> {
            let content = Content::Whole(vec![b'x'; 64 << 20]);
            Box::pin(async { Answer { status: 200, headers: Vec::new(), content } })
        }
    }
    let limits = Limits { transfer: Duration::from_millis(100), connections: 1, ..Limits::default() };
    let server = Server::start(0, limits, Arc::new(Much)).await.unwrap();
    let mut deaf = TcpStream::connect(server.address()).await.unwrap();
    deaf.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let url = format!("http://{}/", server.address());
    // There is but one place, so an answer shows that it was given up.
    let next = tokio::spawn(stream(Request { url, most_bytes: 1 << 30, ..Request::default() }));
    assert_eq!(next.await.unwrap().unwrap().status, 200);
    drop(deaf);
}

#[tokio::test]
async fn a_stop_ends_what_stalls_and_closes_the_port() {
    let server = echo(Limits::default()).await;
    let request = |path: &str| Request { url: format!("http://{}{path}", server.address()), ..Request::default() };
    let (stalled, other) = (request("/stall"), request("/"));
    let mut events = stream(stalled).await.unwrap();
    assert_eq!(events.event().await.unwrap().unwrap().data, "1");
    let stopping = tokio::spawn(server.stop());
    assert_eq!(events.event().await.unwrap_err().kind(), "closed");
    stopping.await.unwrap();
    assert!(matches!(post(other).await, Err(HttpFault::Connect { .. })));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let server = echo(Limits::default()).await;
    let again = Server::start(server.address().port(), Limits::default(), Arc::new(Echo)).await;
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn many_at_once_are_each_answered_with_their_own() {
    let server = echo(Limits { connections: 8, ..Limits::default() }).await;
    let client = evalrun::http::Client::new();
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (client, url) = (client.clone(), format!("http://{}/n?{n}", server.address()));
        let body = vec![b'x'; n * 100];
        asked.spawn(async move { (n, client.post(Request { url, body, ..Request::default() }).await.unwrap()) });
    }
    while let Some(done) = asked.join_next().await {
        let (n, response) = done.unwrap();
        assert_eq!(String::from_utf8(response.body).unwrap(), format!("POST /n {n} {}", "x".repeat(n * 100)));
    }
}
