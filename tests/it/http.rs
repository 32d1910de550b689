//! The HTTP room: parsers fed anything, a client against servers that misbehave, a server against clients that do, and both against
//! Python's own `http.server` and `http.client`.

mod client;
mod python;
mod server;

use evalrun::http::parts::{
    Body, Framing, MOST_HEAD, end_of_head, request_framing, request_head, response_framing, response_head,
};
use proptest::prelude::*;

/// Takes a body apart in pieces that end at the cuts; the content, how much was taken, and whether it was over.
fn taken_apart(framing: Framing, bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, usize, bool), String> {
    let (mut body, mut out, mut taken) = (Body::new(framing), Vec::new(), 0);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        let piece = &bytes[pair[0]..pair[1]];
        let count = body.push(piece, &mut out).map_err(|bad| bad.0)?;
        assert!(count <= piece.len());
        assert!(count == piece.len() || body.is_done(), "bytes are left only behind the end");
        taken += count;
    }
    Ok((out, taken, body.is_done()))
}

fn chunked(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
        bytes.extend_from_slice(format!("{:x};why=not\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\nDone: yes\r\n\r\n");
    bytes
}

proptest! {
    #[test]
    fn chunks_come_apart_however_they_come(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
        behind in prop::collection::vec(any::<u8>(), 0..20),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut bytes = chunked(&chunks);
        let length = bytes.len();
        bytes.extend_from_slice(&behind);
        prop_assert_eq!(taken_apart(Framing::Chunked, &bytes, &cuts), Ok((chunks.concat(), length, true)));
        let short = &bytes[..length - 1];
        prop_assert_eq!(taken_apart(Framing::Chunked, short, &cuts).map(|(_, _, done)| done), Ok(false));
    }

    #[test]
    fn what_is_nearly_chunked_ends_the_same_however_it_comes(
        bytes in "([0-9a-f]{1,3}|0|\r\n|\r|\n|x{1,3}|;|: |a:b| ){0,14}",
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        // The whole may be refused where a part was not looked at yet; what was taken is the same.
        let (whole, parts) = (taken_apart(Framing::Chunked, bytes.as_bytes(), &[]), taken_apart(Framing::Chunked, bytes.as_bytes(), &cuts));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn a_body_of_a_told_length_takes_no_more(
        length in 0u64..30,
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let most = bytes.len().min(length as usize);
        let expected = (bytes[..most].to_vec(), most, bytes.len() as u64 >= length);
        prop_assert_eq!(taken_apart(Framing::Length(length), &bytes, &cuts), Ok(expected));
    }

    #[test]
    fn any_bytes_make_a_head_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let ended = [bytes.as_slice(), b"\r\n\r\n"].concat();
        let end = end_of_head(&ended, 0).unwrap();
        for seen in 0..end {
            prop_assert_eq!(end_of_head(&ended, seen), Some(end));
        }
        if let Ok(head) = request_head(&ended[..end]) {
            let _ = request_framing(&head);
        }
        if let Ok(head) = response_head(&ended[..end]) {
            let _ = response_framing(&head, "POST");
        }
    }

    #[test]
    fn a_head_that_is_read_says_what_was_written(
        method in "[A-Z]{1,7}",
        path in "/[!-~]{0,20}",
        headers in prop::collection::vec(("[a-zA-Z-]{1,10}", "([!-~]([ -~]{0,10}[!-~])?)?"), 0..5),
    ) {
        let own = |name: &String| ["host", "content-length", "transfer-encoding"].iter().any(|own| name.eq_ignore_ascii_case(own));
        prop_assume!(!headers.iter().any(|(name, _)| own(name)));
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value} \r\n")).collect();
        let head = request_head(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n").as_bytes()).unwrap();
        prop_assert_eq!((head.method, head.target), (method, path));
        prop_assert_eq!(&head.headers.0[1..], &headers[..]);
    }
}

/// Every way that is known of telling two readers of one request two different things.
#[test]
fn requests_that_could_be_understood_in_two_ways_are_refused() {
    let cases = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n folded: yes\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "POST  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/2.0\r\nHost: a\r\n\r\n",
        "POST /\r\nHost: a\r\n\r\n",
        "P\u{e4}ST / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let told = cases.map(|bytes| {
        let head = request_head(bytes.as_bytes()).and_then(|head| request_framing(&head));
        format!("{bytes:?}\n  {}", head.expect_err("two ways").0)
    });
    insta::assert_snapshot!(told.join("\n"));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(300));
    assert!(many.len() < MOST_HEAD);
    assert_eq!(request_head(many.as_bytes()).unwrap_err().0, "more than 200 headers");
}
