//! How a turn of Claude Code ended, and what it cost.
//!
//! `is_error` says whether it failed, not `subtype`: a turn whose model could not be reached ends with
//! `subtype: success, is_error: true`. Whose failure it was is told by the text and the status. Money and tokens per model are
//! running totals of the process, so that a turn is the difference.

use super::super::value::{number, some_text, text};
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    fault::{Boundary, Fault},
    trace::{Usage, UsageScope},
};
use serde_json::Value;

/// How a turn ended; with a fault where that was the model's provider and not the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub end: TurnEnd,
    pub fault: Option<Fault>,
}

impl Ended {
    pub fn is_done(&self) -> bool {
        self.end.how == TurnEnded::Done
    }
}

/// What was said before the end.
pub(super) struct Mark {
    /// The client's word for the failure of a model request.
    pub failed: Option<String>,
    /// It noted an interruption.
    pub noted: bool,
}

/// A failure of the provider: (what stands in the client's word or text, whether another try may help, what to do).
const PROVIDER: &[(&str, bool, &str)] = &[
    ("authentication_failed", false, LOGIN),
    ("Invalid API key", false, LOGIN),
    ("Not logged in", false, LOGIN),
    ("Please run /login", false, LOGIN),
    ("billing_error", false, "see the account's credit"),
    ("Credit balance is too low", false, "see the account's credit"),
    ("rate_limit", true, "lower `concurrency`, or wait"),
    ("overloaded", true, "wait, or lower `concurrency`"),
    ("Unable to connect to API", true, "see that the model's address can be reached"),
    ("Connection error", true, "see that the model's address can be reached"),
    ("Request timed out", true, "see that the model's address can be reached"),
    ("server_error", true, "see whether the provider is up"),
];

const LOGIN: &str = "see the agent's `auth`: a key by its variable, or `login`";

/// What the agent brought on itself, though it comes as an error of the model's API.
const OWN: &[&str] = &["Prompt is too long", "prompt is too long", "invalid_request", "max_output_tokens"];

pub(super) fn of(record: &Value, mark: &Mark) -> Ended {
    let subtype = text(record, "subtype");
    let failed = record.get("is_error").and_then(Value::as_bool).unwrap_or(subtype != "success");
    if !failed {
        return Ended { end: TurnEnd { how: TurnEnded::Done, why: String::new() }, fault: None };
    }
    let aborted = some_text(record, "terminal_reason").map_or(mark.noted, |reason| reason.starts_with("aborted"));
    if aborted && subtype != "success" {
        let why = some_text(record, "terminal_reason").unwrap_or("interrupted").to_owned();
        return Ended { end: TurnEnd { how: TurnEnded::Interrupted, why }, fault: None };
    }
    let why = why(record, subtype);
    let fault = provider(record, mark, &why);
    Ended { end: TurnEnd { how: TurnEnded::Failed, why }, fault }
}

fn why(record: &Value, subtype: &str) -> String {
    let errors = record.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let said = some_text(record, "result").map_or_else(|| errors.collect::<Vec<_>>().join("; "), str::to_owned);
    match (said.is_empty(), subtype) {
        (false, _) => said,
        (true, "success" | "") => "the turn failed and no reason is given".to_owned(),
        (true, subtype) => format!("Claude Code ended the turn: {subtype}"),
    }
}

fn provider(record: &Value, mark: &Mark, why: &str) -> Option<Fault> {
    let status = record.get("api_error_status").and_then(Value::as_u64);
    let word = mark.failed.as_deref().unwrap_or_default();
    let is_api = status.is_some() || !word.is_empty() || why.starts_with("API Error");
    let holds = |known: &str| word == known || why.contains(known);
    let known = PROVIDER.iter().find(|(known, ..)| holds(known));
    if !is_api && known.is_none() || OWN.iter().any(|own| holds(own)) {
        return None;
    }
    let (retryable, hint) = match (status, known) {
        (Some(401 | 403), _) => (false, LOGIN),
        (Some(400 | 413 | 422), None) => return None,
        (Some(404), _) => (false, "see the agent's `model`"),
        (_, Some((_, retryable, hint))) => (*retryable, *hint),
        (Some(408 | 409 | 429 | 500..), None) => (true, "wait, or see whether the provider is up"),
        (Some(_), None) => (false, "see what the provider says"),
        (None, None) => (true, "see that the model's address can be reached"),
    };
    let fault = Fault::new(Boundary::Provider, "model", why).hint(hint);
    Some(if retryable { fault.retryable() } else { fault })
}

/// Running totals of a process, and what of them was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Bill {
    total: Total,
    /// Tokens of this turn's responses.
    responses: Usage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    input: u64,
    cached: u64,
    output: u64,
    micro_usd: Option<u64>,
}

impl Bill {
    pub fn told(&mut self, usage: &Usage) {
        self.responses.add(usage);
    }

    /// What the turn used beyond what its responses told, and what all of it cost; `None` where the record says nothing new.
    pub fn of_turn(&mut self, record: &Value) -> Option<Usage> {
        let responses = std::mem::take(&mut self.responses);
        let now = total(record).unwrap_or(Total {
            input: self.total.input.saturating_add(responses.input),
            cached: self.total.cached.saturating_add(responses.cached),
            output: self.total.output.saturating_add(responses.output),
            micro_usd: None,
        });
        let cost = micro(record);
        let now = Total { micro_usd: cost.or(self.total.micro_usd), ..now };
        let before = std::mem::replace(&mut self.total, now);
        // A total that shrank is one that began anew.
        let before = if now.input < before.input { Total::default() } else { before };
        let more = |now: u64, before: u64, told: u64| now.saturating_sub(before).saturating_sub(told);
        let spent = |cost: u64| cost.checked_sub(before.micro_usd.unwrap_or(0)).unwrap_or(cost);
        let usage = Usage {
            scope: UsageScope::Turn,
            input: more(now.input, before.input, responses.input),
            cached: more(now.cached, before.cached, responses.cached),
            output: more(now.output, before.output, responses.output),
            reasoning: 0,
            model: None,
            micro_usd: cost.map(spent),
        };
        let says = usage.micro_usd.is_some() || usage.input > 0 || usage.output > 0;
        says.then_some(usage)
    }
}

/// The tokens of every model that the process has used so far.
fn total(record: &Value) -> Option<Total> {
    let models = record.get("modelUsage")?.as_object()?;
    Some(models.values().fold(Total::default(), |sum, model| {
        let cached = number(model, "cacheReadInputTokens");
        let input = number(model, "inputTokens").saturating_add(number(model, "cacheCreationInputTokens"));
        Total {
            input: sum.input.saturating_add(input).saturating_add(cached),
            cached: sum.cached.saturating_add(cached),
            output: sum.output.saturating_add(number(model, "outputTokens")),
            micro_usd: None,
        }
    }))
}

fn micro(record: &Value) -> Option<u64> {
    let usd = record.get("total_cost_usd")?.as_f64().filter(|usd| *usd >= 0.0 && *usd < 1e9)?;
    Some((usd * 1e6).round() as u64)
}
