//! Citations: an event and a quote that stands in it. A citation that does not hold is dropped, and the score says so.

use super::Evidence;
use crate::model::{
    id::EventId,
    score::{Cite, Measured},
    trace::{Body, Trace},
};
use serde_json::Value;

/// Citations per criterion; the rest can be had from the metric itself.
const MOST: usize = 5;
/// Characters of a quote.
const LONGEST: usize = 160;

/// The events that made the metrics, each with its most telling line.
pub(super) fn cites_of(evidence: &Evidence<'_>, metrics: &[&'static str]) -> Vec<Cite> {
    let mut cites: Vec<Cite> = Vec::new();
    for measured in metrics.iter().filter_map(|id| evidence.metric(id)) {
        let Measured::Value(reading) = measured else { continue };
        let given = reading.detail.get("quote").and_then(Value::as_str);
        for (at, event) in reading.cites.iter().enumerate() {
            if cites.len() < MOST && !cites.iter().any(|cite| cite.event == *event) {
                let given = given.filter(|_| at == 0).unwrap_or_default();
                cites.push(quoted(evidence.trace, *event, given));
            }
        }
    }
    cites
}

/// An event with its most telling line.
pub fn cited(trace: &Trace, event: EventId) -> Cite {
    Cite { event, quote: trace.event(event).map(|event| quote_of(&event.body)).unwrap_or_default() }
}

/// An event with this quote, if it stands in it; else with its own line.
pub(super) fn quoted(trace: &Trace, event: EventId, quote: &str) -> Cite {
    let quote = short(quote);
    let holds = !quote.is_empty() && trace.event(event).is_some_and(|event| holds(&event_text(&event.body), &quote));
    if holds { Cite { event, quote } } else { cited(trace, event) }
}

/// Whether a citation's event exists and its quote stands in it, white space folded.
pub(super) fn valid(trace: &Trace, cite: &Cite) -> bool {
    trace
        .event(cite.event)
        .is_some_and(|event| !cite.quote.trim().is_empty() && holds(&event_text(&event.body), &cite.quote))
}

fn holds(text: &str, quote: &str) -> bool {
    folded(text).contains(&folded(quote))
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line of an event that tells a reader what it was.
pub fn quote_of(body: &Body) -> String {
    let text = match body {
        Body::ToolCall(call) => telling_field(&call.input).unwrap_or_else(|| call.name.clone()),
        Body::ToolResult(result) => last_line(result.output.as_str()),
        Body::Check(mark) if mark.why.is_empty() => mark.name.clone(),
        Body::Check(mark) => mark.why.clone(),
        Body::Stage(mark) => mark.id.clone(),
        Body::FileChange(change) => change.path.clone(),
        Body::Interviewer(decision) => decision.why.clone(),
        Body::Plan(plan) => {
            plan.steps.iter().map(|step| step.text.clone()).find(|text| !text.is_empty()).unwrap_or_default()
        }
        Body::Snapshot(mark) => mark.changes.first().map(|change| change.path.clone()).unwrap_or_default(),
        Body::UserMessage(_)
        | Body::AgentMessage(_)
        | Body::Reasoning(_)
        | Body::Question(_)
        | Body::Permission(_)
        | Body::Compaction(_)
        | Body::SubAgent(_)
        | Body::Usage(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::Error(_)
        | Body::End(_)
        | Body::Unknown(_) => event_text(body),
    };
    short(text.lines().find(|line| tells(line)).unwrap_or_default().trim())
}

/// Brackets alone and the head of a patch tell nothing.
fn tells(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric) && !line.starts_with("*** Begin Patch") && !line.starts_with("--- ")
}

fn telling_field(input: &Value) -> Option<String> {
    if let Value::String(line) = input {
        return Some(line.clone());
    }
    const FIELDS: &[&str] = &[
        "command",
        "cmd",
        "script",
        "pattern",
        "query",
        "path",
        "file_path",
        "filePath",
        "question",
        "patch",
        "input",
    ];
    FIELDS.iter().find_map(|field| match input.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => words.last().and_then(Value::as_str).map(str::to_owned),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    })
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// Cut at a character's border, without a mark: a quote must stand in its event.
fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect::<String>().trim().to_owned()
}

/// Every text of an event, as quotes are looked for in it.
pub fn event_text(body: &Body) -> String {
    let mut out = String::new();
    match body {
        Body::UserMessage(message) => out.push_str(message.text.as_str()),
        Body::AgentMessage(message) => out.push_str(message.text.as_str()),
        Body::Reasoning(reasoning) => out.push_str(reasoning.text.as_str()),
        Body::Plan(plan) => plan.steps.iter().for_each(|step| line(&mut out, &step.text)),
        Body::ToolCall(call) => {
            line(&mut out, &call.name);
            texts(&call.input, &mut out);
        }
        Body::ToolResult(result) => out.push_str(result.output.as_str()),
        Body::FileChange(change) => {
            line(&mut out, &change.path);
            out.push_str(change.diff.as_str());
        }
        Body::Question(question) => {
            line(&mut out, question.text.as_str());
            question.options.iter().for_each(|option| line(&mut out, option));
        }
        Body::Permission(permission) => out.push_str(&permission.asked),
        Body::Interviewer(decision) => {
            line(&mut out, &decision.why);
            decision.facts.iter().for_each(|fact| line(&mut out, fact));
        }
        Body::Stage(mark) => [&mark.id, &mark.why].into_iter().for_each(|text| line(&mut out, text)),
        Body::Snapshot(mark) => mark.changes.iter().for_each(|change| line(&mut out, &change.path)),
        Body::Check(mark) => {
            [&mark.name, &mark.why, &mark.output.inline].into_iter().for_each(|text| line(&mut out, text))
        }
        Body::Compaction(compaction) => out.push_str(compaction.summary.as_str()),
        Body::SubAgent(sub) => {
            [sub.brief.as_str(), sub.result.as_str()].into_iter().for_each(|text| line(&mut out, text))
        }
        Body::Limit(mark) => [&mark.limit, &mark.why].into_iter().for_each(|text| line(&mut out, text)),
        Body::Error(mark) => out.push_str(mark.message.as_str()),
        Body::End(end) => out.push_str(&end.why),
        Body::Unknown(unknown) => out.push_str(unknown.raw.as_str()),
        Body::Usage(_) | Body::TurnEnd(_) => {}
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn texts(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => line(out, text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Value::Object(map) => map.values().for_each(|item| texts(item, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
