//! The client against servers made of bytes.

use evalrun::http::{Client, Event, HttpFault, Request, post, stream};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Mutex,
    task::JoinHandle,
};

/// What a server made of bytes does once it has read a request.
#[derive(Clone, Copy)]
enum Then {
    Close,
    /// Holds the connection open until the client goes.
    Hold,
    /// Sends the last bytes over and over until the client goes.
    Repeat,
}

/// A server that answers every request of every connection with these bytes. Gives its address and what it has read.
async fn server(bytes: Vec<u8>, then: Then) -> (String, Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/x?a=b", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    let task = tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            let (bytes, noted) = (bytes.clone(), Arc::clone(&noted));
            tokio::spawn(async move {
                let mut all = Vec::new();
                while !all.windows(4).any(|four| four == b"\r\n\r\n") {
                    if io.read_buf(&mut all).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                noted.lock().await.push(String::from_utf8_lossy(&all).into_owned());
                let _ = io.write_all(&bytes).await;
                match then {
                    Then::Close => {}
                    Then::Hold => while io.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {},
                    Then::Repeat => while io.write_all(&bytes).await.is_ok() {},
                }
            });
        }
    });
    (url, heard, task)
}

fn request(url: &str) -> Request {
    Request { url: url.to_owned(), body: b"hi".to_vec(), most_bytes: 1_000, ..Request::default() }
}

fn said(outcome: Result<evalrun::http::Response, HttpFault>, url: &str) -> String {
    let at = url.trim_start_matches("http://").split('/').next().unwrap();
    match outcome {
        Ok(response) => format!("{} {:?}", response.status, String::from_utf8_lossy(&response.body)),
        Err(fault) => format!("{}: {}", fault.kind(), fault.to_string().replace(at, "AT")),
    }
}

/// The same whether the server closes or not, but where the end of the connection is the end of the body.
#[tokio::test]
async fn replies_are_read_and_what_is_none_is_a_fault() {
    let long = "x".repeat(2_000);
    let cases = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc and more".to_owned(),
        "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: v\r\n\r\n".to_owned(),
        "HTTP/1.1 204 No Content\r\n\r\nwhatever".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!".to_owned(),
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(50),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\na\r\n0\r\n\r\n", long.repeat(3)),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{long}\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", long.repeat(50)),
        "HTTP/1.1 20 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 099 OK\r\n\r\n".to_owned(),
        "HTTP/3 200 OK\r\n\r\n".to_owned(),
        "<html>hello</html>\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n".to_owned(),
    ];
    let mut told = Vec::new();
    for bytes in &cases {
        let (url, _, hold) = server(bytes.clone().into_bytes(), Then::Hold).await;
        let held = said(post(request(&url)).await, &url);
        let (url, _, close) = server(bytes.clone().into_bytes(), Then::Close).await;
        let closed = said(post(request(&url)).await, &url);
        assert_eq!(held, closed, "{bytes}");
        let shown: String = bytes.chars().take(160).collect();
        told.push(format!("{shown:?}\n  {held}"));
        [hold, close].iter().for_each(JoinHandle::abort);
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_connection_that_ends_ends_some_bodies_and_breaks_others() {
    let cases = [
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nConte",
    ];
    let mut told = Vec::new();
    for bytes in cases {
        let (url, _, task) = server(bytes.as_bytes().to_vec(), Then::Close).await;
        told.push(format!("{bytes:?}\n  {}", said(post(request(&url)).await, &url)));
        task.abort();
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_server_that_says_nothing_or_goes_on_and_on_is_left_in_time() {
    let quick = |url: &str| Request { timeout: Duration::from_millis(100), ..request(url) };
    for bytes in
        ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "HTTP/1.1 200 OK\r\n\r\nabc"]
    {
        let (url, _, task) = server(bytes.as_bytes().to_vec(), Then::Hold).await;
        assert_eq!(post(quick(&url)).await.unwrap_err().kind(), "timeout", "{bytes:?}");
        task.abort();
    }
    for (bytes, kind) in [
        ("HTTP/1.1 200 OK\r\n\r\nabc", "too_large"),
        ("X: y\r\n", "malformed"),
        ("HTTP/1.1 100 Go\r\n\r\n", "malformed"),
    ] {
        let (url, _, task) = server(bytes.as_bytes().to_vec(), Then::Repeat).await;
        assert_eq!(post(request(&url)).await.unwrap_err().kind(), kind, "{bytes:?}");
        task.abort();
    }
}

#[tokio::test]
async fn what_is_sent_is_one_request_and_a_key_is_in_no_fault() {
    let (url, heard, task) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), Then::Hold).await;
    post(request(&url).header("Authorization", "Bearer k")).await.unwrap();
    let at = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let sent = heard.lock().await.concat().replace(&at, "AT").replace(version, "VERSION");
    insta::assert_snapshot!(sent.escape_default());
    for (name, value) in [
        ("X", "a\r\nY: b"),
        ("X\r\nY", "b"),
        ("", "b"),
        ("Content-Length", "9"),
        ("transfer-encoding", "x"),
        ("Host", "b"),
    ] {
        let fault = post(request(&url).header(name, value)).await.unwrap_err();
        assert_eq!(fault.kind(), "request", "{fault}");
    }
    let bare = Request::default().header("Authorization", "Bearer hunter2");
    assert!(!format!("{bare:?}").contains("hunter2"));
    task.abort();
    let _ = task.await;
    assert_eq!(post(request(&url)).await.unwrap_err().kind(), "connect");
}

/// A server that has seen enough answers before it has read the whole request, and does not read on.
#[tokio::test]
async fn an_early_answer_to_a_large_request_is_read() {
    let bytes = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno".to_vec();
    let (url, _, task) = server(bytes, Then::Repeat).await;
    let large = Request { body: vec![b'x'; 32 << 20], ..request(&url) };
    assert_eq!(said(post(large).await, &url), "413 \"no\"");
    task.abort();
}

#[tokio::test]
async fn a_stream_is_read_as_pieces_lines_or_events() {
    let reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
        9\r\ndata: one\r\n9\r\n\n\nevent: \r\n10\r\nend\ndata: [DONE]\r\n2\r\n\n\n\r\n0\r\n\r\n";
    let (url, _, task) = server(reply.as_bytes().to_vec(), Then::Hold).await;
    let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
    let mut events = stream(request(&url)).await.unwrap();
    assert_eq!((events.status, events.headers.get("content-type")), (200, Some("text/event-stream")));
    assert_eq!(events.event().await, Ok(Some(event("", "one"))));
    assert_eq!(events.event().await, Ok(Some(event("end", "[DONE]"))));
    assert_eq!(events.event().await, Ok(None));
    let mut lines = stream(request(&url)).await.unwrap();
    for line in ["data: one", "", "event: end", "data: [DONE]", ""] {
        assert_eq!(lines.line().await, Ok(Some(line.to_owned())));
    }
    assert_eq!(lines.line().await, Ok(None));
    let (mut pieces, mut all) = (stream(request(&url)).await.unwrap(), Vec::new());
    while let Some(piece) = pieces.piece().await.unwrap() {
        all.extend(piece);
    }
    assert_eq!(all, b"data: one\n\nevent: end\ndata: [DONE]\n\n");
    task.abort();
}

#[tokio::test]
async fn a_stream_that_stalls_or_tears_or_never_ends_is_a_fault_behind_what_came() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let begun = format!("{head}b\r\ndata: one\n\n\r\n5\r\ndata:");
    for (then, kind) in [(Then::Hold, "timeout"), (Then::Close, "closed")] {
        let (url, _, task) = server(begun.clone().into_bytes(), then).await;
        let mut events = stream(Request { timeout: Duration::from_millis(200), ..request(&url) }).await.unwrap();
        assert_eq!(events.event().await.unwrap().unwrap().data, "one");
        assert_eq!(events.event().await.unwrap_err().kind(), kind);
        task.abort();
    }
    let (url, _, task) = server(b"HTTP/1.1 200 OK\r\n\r\ndata: x\n".to_vec(), Then::Repeat).await;
    assert_eq!(stream(request(&url)).await.unwrap().event().await.unwrap_err().kind(), "too_large");
    let mut lines = stream(request(&url)).await.unwrap();
    let fault = loop {
        match lines.line().await {
            Ok(line) => assert!(line.is_some()),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind(), "too_large");
    task.abort();
}

/// Answers every request on its connection with the same bytes, and counts connections and requests.
async fn patient(bytes: &'static [u8]) -> (String, Arc<Mutex<(u32, u32)>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let counts = Arc::new(Mutex::new((0, 0)));
    let counted = Arc::clone(&counts);
    let task = tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            counted.lock().await.0 += 1;
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut all = Vec::new();
                while io.read_buf(&mut all).await.is_ok_and(|count| count > 0) {
                    if all.ends_with(b"\r\n\r\nhi") {
                        counted.lock().await.1 += 1;
                        all.clear();
                        let _ = io.write_all(bytes).await;
                    }
                }
            });
        }
    });
    (url, counts, task)
}

#[tokio::test]
async fn connections_are_kept_only_where_nothing_is_left_on_them() {
    let cases: [(&'static [u8], u32); 5] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 5),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 5),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 5),
    ];
    for (bytes, connections) in cases {
        let (url, counts, task) = patient(bytes).await;
        let client = Client::new();
        for _ in 0..5 {
            assert_eq!(said(client.post(request(&url)).await, &url), "200 \"ok\"");
        }
        assert_eq!(*counts.lock().await, (connections, 5), "{}", String::from_utf8_lossy(bytes));
        task.abort();
    }
    let (url, counts, task) = patient(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    for _ in 0..3 {
        post(request(&url)).await.unwrap();
    }
    assert_eq!(*counts.lock().await, (3, 3));
    task.abort();
}
