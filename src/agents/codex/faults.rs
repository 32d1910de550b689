//! Whose fault an error of Codex is: the model's provider, or the agent itself. Pure.
//!
//! Codex tries a dead endpoint again for ever, and says a missing key, a full quota and a failing stream all as a failed turn. None
//! of these says anything about the agent, so they break the trial instead of failing it.

use super::items::text;
use crate::model::fault::{Boundary, Fault};
use serde_json::Value;

/// Kinds of `codexErrorInfo` of the provider's side, and whether trying again may help.
const INFOS: &[(&str, bool)] = &[
    ("httpConnectionFailed", true),
    ("responseStreamConnectionFailed", true),
    ("responseStreamDisconnected", true),
    ("responseTooManyFailedAttempts", true),
    ("serverOverloaded", true),
    ("rateLimitExceeded", true),
    ("internalServerError", true),
    ("flexUnavailable", true),
    ("policyCapacityUnavailable", true),
    ("usageLimitExceeded", false),
    ("unauthorized", false),
    ("modelNotFound", false),
    ("badRequest", false),
];

/// The same by words, for what says no more than a sentence.
const WORDS: &[(&str, bool)] = &[
    ("waiting for network", true),
    ("stream disconnected before completion", true),
    ("error sending request", true),
    ("Connection failed", true),
    ("exceeded retry limit", true),
    ("429 Too Many Requests", true),
    ("unexpected status 5", true),
    ("Missing environment variable", false),
    ("unexpected status 401", false),
    ("unexpected status 403", false),
    ("unexpected status 404", false),
    ("usage limit", false),
];

/// The provider's fault in an error, where it is one. `error` is `{message, codexErrorInfo}`.
pub fn of_provider(error: &Value) -> Option<Fault> {
    let message = text(error, "message");
    let info = error.get("codexErrorInfo").unwrap_or(&Value::Null);
    let kind = info.as_str().or_else(|| info.as_object()?.keys().next().map(String::as_str));
    let by_info = INFOS.iter().find(|(name, _)| kind == Some(name));
    let (kind, again) = match by_info {
        Some((name, again)) => (*name, *again),
        None => {
            let (_, again) = WORDS.iter().find(|(words, _)| message.contains(words))?;
            (if *again { "endpoint" } else { "refused" }, *again)
        }
    };
    let fault = Fault::new(Boundary::Provider, kind, message)
        .hint("see that the model's endpoint answers and that the agent's `auth` is right");
    Some(if again { fault.retryable() } else { fault })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_providers_faults_are_told_from_the_agents() {
        let cases = [
            (json!({"message": "x", "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": null}}}), Some(true)),
            (json!({"message": "x", "codexErrorInfo": "serverOverloaded"}), Some(true)),
            (json!({"message": "x", "codexErrorInfo": "unauthorized"}), Some(false)),
            (json!({"message": "x", "codexErrorInfo": "contextWindowExceeded"}), None),
            (json!({"message": "x", "codexErrorInfo": "cyberPolicy"}), None),
            (
                json!({"message": "Reconnecting... waiting for network (Connection failed: error sending request)"}),
                Some(true),
            ),
            (json!({"message": "Missing environment variable: `MOCK_KEY`."}), Some(false)),
            (json!({"message": "stream disconnected before completion: error sending request"}), Some(true)),
            (json!({"message": "something else"}), None),
            (json!(null), None),
        ];
        for (error, expected) in cases {
            let fault = of_provider(&error);
            assert_eq!(fault.as_ref().map(|fault| fault.retryable), expected, "{error}");
            assert!(fault.is_none_or(|fault| fault.boundary == Boundary::Provider));
        }
    }
}
