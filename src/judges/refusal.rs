//! What a provider's refusal says: whether to try again, and when.

use super::{Failed, Response, fault};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Duration;

/// Characters of a provider's words that are kept.
const LONGEST: usize = 300;

/// A reply whose status is not 2xx, as a fault of the judge.
pub fn refused(by: &str, response: &Response, now: DateTime<Utc>) -> Failed {
    let said = words(response);
    let (status, said) = (response.status, if said.is_empty() { String::new() } else { format!(": {said}") });
    let message = format!("{by} answered {status}{said}");
    let found = match status {
        429 if is_quota(response) => {
            fault("quota", message).hint("the account has nothing left; top it up, or name another judge")
        }
        429 => fault("rate_limit", message).hint("`concurrency` in the suite limits requests at once").retryable(),
        401 | 403 => fault("key", message).hint("check the key in the environment"),
        408 | 409 | 425 | 500..=599 => fault("provider", message).retryable(),
        404 => fault("not_found", message).hint("check the model's name and `base_url`"),
        413 => fault("too_large", message).hint("`window` of the vote is how many tokens it can read"),
        _ => fault("provider", message),
    };
    Failed { fault: found, after: wait_of(response, now) }
}

/// How long a provider asks to be left alone: `Retry-After`, else the latest of its reset times.
pub fn wait_of(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    let asked = response.header("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    if let Some(ms) = asked.filter(|ms| (0.0..1e9).contains(ms)) {
        return Some(Duration::from_secs_f64(ms / 1000.0));
    }
    if let Some(text) = response.header("retry-after") {
        return seconds(text).or_else(|| until(DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc(), now));
    }
    let reset = |(name, value): &(String, String)| {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-ratelimit-reset-") {
            span(value)
        } else if name.starts_with("anthropic-ratelimit-") && name.ends_with("-reset") {
            until(DateTime::parse_from_rfc3339(value.trim()).ok()?.to_utc(), now)
        } else {
            None
        }
    };
    response.headers.iter().filter_map(reset).max()
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse::<f64>().ok().filter(|value| (0.0..1e9).contains(value)).map(Duration::from_secs_f64)
}

fn until(then: DateTime<Utc>, now: DateTime<Utc>) -> Option<Duration> {
    Some((then - now).to_std().unwrap_or(Duration::ZERO))
}

/// `6m0s`, `1.5s`, `20ms`: as OpenAI writes spans.
fn span(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text.trim(), 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        total += number
            * match &after[..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &after[unit..];
    }
    (0.0..1e9).contains(&total).then(|| Duration::from_secs_f64(total))
}

/// A refusal for want of money does not pass by waiting.
fn is_quota(response: &Response) -> bool {
    let json = response.json();
    let named = |field: &str| json["error"][field].as_str().unwrap_or_default() == "insufficient_quota";
    named("code") || named("type")
}

/// What the provider said, on one line, without control characters.
fn words(response: &Response) -> String {
    let json = response.json();
    let error = &json["error"];
    let said = error["message"].as_str().or_else(|| error.as_str()).or_else(|| json["message"].as_str());
    let text = match (said, &json) {
        (Some(said), _) => said.to_owned(),
        (None, Value::Null) => {
            String::from_utf8_lossy(&response.body[..response.body.len().min(4 * LONGEST)]).into_owned()
        }
        (None, _) => json.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    fn response(headers: Headers) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { status: 429, headers, body: Vec::new() }
    }

    #[test]
    fn the_time_to_wait_is_read_from_what_each_provider_writes() {
        let now = DateTime::parse_from_rfc3339("2026-11-24T12:00:00Z").unwrap().to_utc();
        let cases: [(Headers, Option<u64>); 12] = [
            (&[], None),
            (&[("retry-after", "7")], Some(7000)),
            (&[("Retry-After", "0.5")], Some(500)),
            (&[("retry-after-ms", "250"), ("retry-after", "1")], Some(250)),
            (&[("retry-after", "Tue, 24 Nov 2026 12:00:30 GMT")], Some(30_000)),
            (&[("retry-after", "Tue, 24 Nov 2026 11:00:00 GMT")], Some(0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")], Some(360_000)),
            (&[("x-ratelimit-reset-tokens", "20ms")], Some(20)),
            (&[("x-ratelimit-reset-tokens", "1 fortnight")], None),
            (&[("anthropic-ratelimit-requests-reset", "2026-11-24T12:00:05Z")], Some(5000)),
        ];
        for (headers, expected) in cases {
            assert_eq!(wait_of(&response(headers), now), expected.map(Duration::from_millis), "{headers:?}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let now = DateTime::<Utc>::MIN_UTC;
        let said = |status, body: &str| {
            refused("openai:m", &Response { status, headers: Vec::new(), body: body.into() }, now).fault
        };
        let cases = [
            (429, "", true, "rate_limit"),
            (429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded your quota"}}"#, false, "quota"),
            (500, "<html>oops</html>", true, "provider"),
            (503, "", true, "provider"),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true, "provider"),
            (401, "", false, "key"),
            (400, r#"{"error":{"message":"bad schema"}}"#, false, "provider"),
            (404, "", false, "not_found"),
        ];
        for (status, body, retryable, kind) in cases {
            let fault = said(status, body);
            assert_eq!((fault.retryable, fault.kind.as_str()), (retryable, kind), "{status} {body}");
        }
        assert_eq!(
            said(400, r#"{"error":{"message":"bad \n schema\u0007"}}"#).message,
            "openai:m answered 400: bad schema"
        );
        assert!(said(500, &"x".repeat(1 << 20)).message.len() < 400);
    }
}
