//! `http://host:port/path?query`, and nothing cleverer.

use super::fault::HttpFault;

/// Longer addresses are refused.
const LONGEST: usize = 8 << 10;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub target: String,
}

impl Url {
    /// # Errors
    /// For `https://` (this build has no TLS), for other schemes, for names and passwords in the address, and for what is no address.
    pub fn parse(text: &str) -> Result<Url, HttpFault> {
        let rest = after_scheme(text)?;
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad(text, "an address is at most 8 KiB of visible ASCII; percent-encode the rest"));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(cut);
        if authority.contains('@') {
            return Err(HttpFault::Url("an address with a name or password in it is refused: use a header".to_owned()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| bad(text, "the host or port cannot be read"))?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Url { host: host.to_owned(), port, target })
    }

    /// As it stands in a `Host` header, and in messages: `host:port`.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn after_scheme(text: &str) -> Result<&str, HttpFault> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(bad(text, "it has to begin with http://"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(rest),
        "https" => Err(HttpFault::Url(
            "this build speaks plain HTTP only: https needs TLS, which it does not have; \
             put a proxy on this machine in front of the server and give its http:// address"
                .to_owned(),
        )),
        _ => Err(bad(text, "it has to begin with http://")),
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    if host.is_empty() || !host.bytes().all(named) {
        return None;
    }
    let port = match port {
        None | Some("") => 80,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok().filter(|port| *port != 0)?,
        Some(_) => return None,
    };
    Some((host, port))
}

fn bad(text: &str, why: &str) -> HttpFault {
    // What stands before an `@` may be a password, and queries may carry keys.
    let shown: String = text.split(['?', '#', '@']).next().unwrap_or_default().chars().take(80).collect();
    HttpFault::Url(format!("`{}` is no address that can be used: {why}", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let url = Url::parse(text).unwrap();
        (url.authority(), url.target)
    }

    #[test]
    fn addresses_are_read() {
        let cases = [
            ("http://127.0.0.1:8080/v1/x?a=b#c", "127.0.0.1:8080", "/v1/x?a=b"),
            ("HTTP://localhost", "localhost:80", "/"),
            ("http://a.b?q", "a.b:80", "/?q"),
            ("http://[::1]:9/x", "[::1]:9", "/x"),
            ("http://[::1]", "[::1]:80", "/"),
            ("http://a:", "a:80", "/"),
        ];
        for (text, authority, target) in cases {
            assert_eq!(parsed(text), (authority.to_owned(), target.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_refused_says_why_and_shows_no_secret() {
        let cases = [
            "https://api.openai.com/v1",
            "ftp://a/b",
            "localhost:80",
            "http://",
            "http://:80/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:+80/",
            "http://a b/",
            "http://[::1/",
            "http://[::zz]/",
            "http://[::1]80/",
            "http://user:hunter2@a/",
            "http://a:x/?key=hunter2",
            "http://a/\r\nX: y",
        ];
        let said: Vec<String> = cases.map(|text| format!("{text:?}\n  {}", Url::parse(text).unwrap_err())).to_vec();
        let said = said.join("\n");
        assert!(!said.lines().filter(|line| line.starts_with(' ')).any(|line| line.contains("hunter2")));
        insta::assert_snapshot!(said);
    }
}
