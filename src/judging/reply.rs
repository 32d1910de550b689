//! A judge's reply, read defensively: the last complete JSON object of the right form wins, whatever stands around it.
//!
//! ```text
//! prose, ```json fences, an earlier draft      ignored
//! {"answers": [{criterion, ...}, ...]}          the last one that is complete
//! {"<criterion>": {...}}, or bare answers       taken too, a later one before an earlier
//! a number, true, `mostly met` for a verdict    no verdict: asked again
//! two different verdicts for one criterion      no verdict: asked again
//! a criterion that was not asked                ignored
//! cut off in the middle                         the answers that are complete count, the others are asked again
//! over 1 MiB                                    the last MiB is read
//! ```
//!
//! Linear in the length of the reply.

use crate::model::{id::EventId, judge::Verdict};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Range};

/// Bytes of a reply that are read, from its end.
pub const READ: usize = 1 << 20;
/// Characters kept of one text, and quotes of one answer.
const LONGEST: usize = 2_000;
const QUOTES: usize = 20;
/// How deep an object is looked for inside one that is none.
const LEVELS: usize = 4;

/// What a judge said about one criterion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub expectation: String,
    pub evidence: Vec<(Option<EventId>, String)>,
    pub reasoning: String,
    pub verdict: Verdict,
}

/// A reply as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub said: BTreeMap<String, Said>,
    /// What was wrong, for each asked criterion that has no verdict.
    pub wrong: BTreeMap<String, String>,
}

/// Reads a reply to these criteria.
pub fn read(text: &str, criteria: &[&str]) -> Read {
    let text = tail(text);
    let answers = answers(text, criteria);
    let mut read = Read::default();
    for criterion in criteria {
        let own: Vec<&Map<String, Value>> =
            answers.iter().filter(|(id, _)| id == criterion).map(|(_, answer)| answer).collect();
        match of(&own) {
            Ok(said) => read.said.insert((*criterion).to_owned(), said).map(|_| ()),
            Err(wrong) => {
                let wrong = if answers.is_empty() {
                    "no complete JSON object with `answers` was found".to_owned()
                } else {
                    wrong
                };
                read.wrong.insert((*criterion).to_owned(), wrong).map(|_| ())
            }
        };
    }
    read
}

fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(READ);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

fn of(answers: &[&Map<String, Value>]) -> Result<Said, String> {
    let mut verdicts = Vec::new();
    for answer in answers {
        verdicts.push(verdict(answer.get("verdict"))?);
    }
    let (Some(answer), Some(last)) = (answers.last(), verdicts.last()) else {
        return Err("it has no answer".to_owned());
    };
    if verdicts.iter().any(|verdict| verdict != last) {
        return Err("it has two different verdicts".to_owned());
    }
    Ok(Said {
        expectation: text(answer.get("expectation")),
        evidence: evidence(answer.get("evidence")),
        reasoning: text(answer.get("reasoning")),
        verdict: *last,
    })
}

fn verdict(value: Option<&Value>) -> Result<Verdict, String> {
    const WORDS: &str = "`met`, `not_met`, `unknown` or `not_applicable`";
    let word = match value {
        Some(Value::String(word)) => word,
        Some(Value::Number(_)) => return Err(format!("its verdict is a number, not {WORDS}")),
        Some(Value::Bool(_)) => return Err(format!("its verdict is true or false, not {WORDS}")),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => {
            return Err(format!("its verdict is missing: {WORDS}"));
        }
    };
    let folded: String = word.trim().to_lowercase().replace([' ', '-'], "_");
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.word() == folded)
        .or((folded == "n/a").then_some(Verdict::NotApplicable))
        .ok_or_else(|| format!("its verdict is none of {WORDS}"))
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().chars().take(LONGEST).collect()
}

fn evidence(value: Option<&Value>) -> Vec<(Option<EventId>, String)> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = |item: &Value| (event(item.get("event")), text(item.get("quote").or(item.as_str().map(|_| item))));
    items.iter().take(QUOTES).map(one).collect()
}

/// 12, "12", "e12", "[e12]".
fn event(value: Option<&Value>) -> Option<EventId> {
    let number = match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.and_then(|number| u32::try_from(number).ok()).map(EventId)
}

/// Criterion and answer, in the order in which they stand.
fn answers(text: &str, criteria: &[&str]) -> Vec<(String, Map<String, Value>)> {
    let mut objects = Vec::new();
    let pairs = pairs(text.as_bytes());
    let top = outermost(&pairs, 0..text.len());
    for span in top {
        complete(text, &pairs, (span, LEVELS), &mut objects);
    }
    if objects.is_empty() {
        objects.extend(after_an_open_quote(text));
    }
    let whole = objects.iter().rev().map(|object| listed(object, criteria)).find(|found| !found.is_empty());
    whole.unwrap_or_else(|| {
        let bare = |object: &Map<String, Value>| Some((object.get("criterion")?.as_str()?.to_owned(), object.clone()));
        let mut last: Vec<(String, Map<String, Value>)> = Vec::new();
        for (id, answer) in objects.iter().filter_map(bare) {
            last.retain(|(known, _)| *known != id);
            last.push((id, answer));
        }
        last
    })
}

/// The last object with `answers`, where a quote that never closes in the prose before it hides its braces.
fn after_an_open_quote(text: &str) -> Option<Map<String, Value>> {
    let start = text[..text.rfind("\"answers\"")?].rfind('{')?;
    match serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>().next() {
        Some(Ok(Value::Object(object))) => Some(object),
        Some(Ok(_) | Err(_)) | None => None,
    }
}

/// The answers of an object that holds several.
fn listed(object: &Map<String, Value>, criteria: &[&str]) -> Vec<(String, Map<String, Value>)> {
    if let Some(list) = object.get("answers").and_then(Value::as_array) {
        let one = |item: &Value| {
            let answer = item.as_object()?;
            Some((answer.get("criterion")?.as_str()?.to_owned(), answer.clone()))
        };
        return list.iter().filter_map(one).collect();
    }
    let named = object.get("answers").and_then(Value::as_object).unwrap_or(object);
    let one = |criterion: &&str| Some(((*criterion).to_owned(), named.get(*criterion)?.as_object()?.clone()));
    criteria.iter().filter_map(one).collect()
}

/// The objects that stand complete in a span: the span itself, or what it holds if it is none.
fn complete(
    text: &str,
    pairs: &[Range<usize>],
    (span, levels): (Range<usize>, usize),
    objects: &mut Vec<Map<String, Value>>,
) {
    if let Ok(Value::Object(object)) = serde_json::from_str(&text[span.clone()]) {
        objects.push(object);
        return;
    }
    if levels > 0 {
        for inner in outermost(pairs, span.start + 1..span.end - 1) {
            complete(text, pairs, (inner, levels - 1), objects);
        }
    }
}

/// Every matched pair of braces outside of strings, by its start. A string ends with its line: JSON has no line breaks in one, prose has
/// apostrophes and quotes that never close.
fn pairs(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut open, mut found, mut string, mut escaped) = (Vec::new(), Vec::new(), false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match (byte, string) {
            (b'\n', _) => (string, escaped) = (false, false),
            _ if escaped => escaped = false,
            (b'\\', true) => escaped = true,
            (b'"', _) => string = !string,
            (b'{', false) => open.push(at),
            (b'}', false) => found.extend(open.pop().map(|start| start..at + 1)),
            _ => {}
        }
    }
    found.sort_by_key(|pair: &Range<usize>| pair.start);
    found
}

/// Those within a span that stand in no other one of it.
fn outermost(pairs: &[Range<usize>], span: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let first = pairs.partition_point(|pair| pair.start < span.start);
    for pair in pairs[first..].iter().take_while(|pair| pair.start < span.end) {
        if pair.end <= span.end && found.last().is_none_or(|last| pair.start >= last.end) {
            found.push(pair.clone());
        }
    }
    found
}
