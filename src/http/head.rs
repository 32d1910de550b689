//! Heads of messages: first line and headers, read strictly and bounded.
//!
//! Whatever two readers could understand in two ways is refused, since one of them may stand in between: bare line ends, folded
//! headers, spaces before the colon, two lengths, a length beside a transfer coding.

use super::{body::Framing, fault::Bad};

/// A head may be this long in bytes, first line and all headers together.
pub const MOST_HEAD: usize = 64 << 10;

/// And have so many headers.
const MOST_HEADERS: usize = 200;

/// Names and values in the order they came; names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a list header (`Connection`) has this word.
    pub fn has_word(&self, name: &str, word: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|have| have.trim().eq_ignore_ascii_case(word))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub method: String,
    /// As it came: path and query, or `*`.
    pub target: String,
    /// 1.1, not 1.0.
    pub newer: bool,
    pub headers: Headers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    pub newer: bool,
    pub headers: Headers,
}

/// Where the head ends, behind its empty line. `seen` bytes were looked at before.
pub fn end_of_head(bytes: &[u8], seen: usize) -> Option<usize> {
    let from = seen.saturating_sub(3).min(bytes.len());
    bytes[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4)
}

/// A head up to and including its empty line.
///
/// # Errors
/// For everything that is not plainly a request of HTTP/1.0 or 1.1.
pub fn request_head(bytes: &[u8]) -> Result<RequestHead, Bad> {
    let (first, headers) = lines(bytes)?;
    let parts: Vec<&str> = first.split(' ').collect();
    let [method, target, version] = parts[..] else { return Err(Bad::new("the request line has not three words")) };
    if method.is_empty() || method.len() > 32 || !method.bytes().all(is_token) {
        return Err(Bad::new("the method is no word"));
    }
    if !(target.starts_with('/') || target == "*") || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Bad::new("the target is no path"));
    }
    let head = RequestHead { method: method.to_owned(), target: target.to_owned(), newer: newer(version)?, headers };
    if head.headers.all("host").count() > 1 || (head.newer && head.headers.get("host").is_none()) {
        return Err(Bad::new("there has to be one Host header"));
    }
    Ok(head)
}

/// A head up to and including its empty line.
///
/// # Errors
/// For everything that is not plainly a response of HTTP/1.0 or 1.1.
pub fn response_head(bytes: &[u8]) -> Result<ResponseHead, Bad> {
    let (first, headers) = lines(bytes)?;
    let (version, rest) = first.split_once(' ').ok_or_else(|| Bad::new("the first line is no status line"))?;
    let newer = newer(version)?;
    let status = rest.split(' ').next().unwrap_or_default();
    if status.len() != 3 || !status.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::new("the status is no number of three digits"));
    }
    let status: u16 = status.parse().map_err(|_| Bad::new("the status is no number"))?;
    if status < 100 {
        return Err(Bad::new("a status below 100"));
    }
    Ok(ResponseHead { status, newer, headers })
}

/// How a request's body is told.
///
/// # Errors
/// When its length could be understood in two ways.
pub fn request_framing(head: &RequestHead) -> Result<Framing, Bad> {
    Ok(declared(&head.headers, head.newer)?.unwrap_or(Framing::Length(0)))
}

/// How the body of a response to `method` is told.
///
/// # Errors
/// When its length could be understood in two ways.
pub fn response_framing(head: &ResponseHead, method: &str) -> Result<Framing, Bad> {
    let declared = declared(&head.headers, head.newer)?;
    if method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304 {
        return Ok(Framing::Length(0));
    }
    Ok(declared.unwrap_or(Framing::Close))
}

/// The words that stand behind a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        529 => "Overloaded",
        _ => "Status",
    }
}

/// Whether a header can be written without becoming something else.
pub fn is_sound(name: &str, value: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_value)
}

fn declared(headers: &Headers, newer: bool) -> Result<Option<Framing>, Bad> {
    let codings: Vec<&str> = headers.all("transfer-encoding").collect();
    let lengths: Vec<&str> = headers.all("content-length").collect();
    match (&codings[..], &lengths[..]) {
        ([], []) => Ok(None),
        ([], [length]) => digits(length).map(|length| Some(Framing::Length(length))),
        ([coding], []) if newer && coding.eq_ignore_ascii_case("chunked") => Ok(Some(Framing::Chunked)),
        ([_, ..], [_, ..]) => Err(Bad::new("Content-Length and Transfer-Encoding stand together")),
        ([], _) => Err(Bad::new("more than one Content-Length")),
        (_, []) => Err(Bad::new("a Transfer-Encoding other than chunked")),
    }
}

fn digits(text: &str) -> Result<u64, Bad> {
    let good = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| good).ok_or_else(|| Bad::new("Content-Length is no number"))
}

fn newer(version: &str) -> Result<bool, Bad> {
    match version {
        "HTTP/1.1" => Ok(true),
        "HTTP/1.0" => Ok(false),
        _ => Err(Bad::new("neither HTTP/1.1 nor HTTP/1.0")),
    }
}

/// The first line and the headers.
fn lines(bytes: &[u8]) -> Result<(String, Headers), Bad> {
    let Some(text) = bytes.strip_suffix(b"\r\n\r\n") else { return Err(Bad::new("the head has no end")) };
    let text = String::from_utf8_lossy(text);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    if first.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(Bad::new("a control character in the first line"));
    }
    let mut headers = Vec::new();
    for line in lines {
        if headers.len() == MOST_HEADERS {
            return Err(Bad::new(format!("more than {MOST_HEADERS} headers")));
        }
        headers.push(header(line)?);
    }
    Ok((first, Headers(headers)))
}

/// One header line; also a trailer.
pub fn header(line: &str) -> Result<(String, String), Bad> {
    let (name, value) = line.split_once(':').ok_or_else(|| Bad::new("a header without a colon"))?;
    let value = value.trim_matches([' ', '\t']);
    if !is_sound(name, value) {
        return Err(Bad::new("a header with a character that cannot stand there"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_value(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}
