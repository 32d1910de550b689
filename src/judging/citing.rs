//! Whether a quote stands in the event it names, as the judge was shown it or as the trace has it.

use super::{
    Case,
    escape::{is_hidden, read_back},
    record::{Record, said},
};
use crate::model::{
    id::EventId,
    judge::Quoted,
    trace::{Body, Event},
};

/// Characters that are not white space in a quote that proves anything, unless the whole text is shorter.
const SHORTEST: usize = 4;

/// A quote as the judge gave it, checked. One that stands in the result of the call it names (or the other way round) is moved there.
pub fn checked(case: &Case<'_>, record: &Record, event: Option<EventId>, quote: &str) -> Quoted {
    let of = |event: Option<EventId>, valid: bool| Quoted { event, quote: quote.to_owned(), valid };
    let Some(found) = event.and_then(|event| case.trace.event(event)).filter(|event| !event.superseded) else {
        return of(None, false);
    };
    let stands = |event: &Event| stands(record, event, quote);
    if stands(found) {
        return of(Some(found.id), true);
    }
    match partner(case, found).and_then(|id| case.trace.event(id)).filter(|partner| stands(partner)) {
        Some(partner) => of(Some(partner.id), true),
        None => of(Some(found.id), false),
    }
}

/// A call's result, a result's call.
fn partner(case: &Case<'_>, event: &Event) -> Option<EventId> {
    match &event.body {
        Body::ToolCall(_) => case.facts.calls.iter().find(|call| call.event == event.id)?.result,
        Body::ToolResult(result) => result.call,
        _ => None,
    }
}

fn stands(record: &Record, event: &Event, quote: &str) -> bool {
    let shown = record.block(event.id).map(|block| comparable(&format!("{}\n{}", block.head, block.body)));
    let raw = comparable(&said(&event.body));
    let pieces = pieces(quote);
    let long = pieces.iter().map(|piece| dense(piece)).sum::<usize>();
    if pieces.is_empty() || (long < SHORTEST && pieces.concat() != raw) {
        return false;
    }
    shown.iter().chain([&raw]).any(|text| in_order(text, &pieces))
}

/// What a judge left out of its quote with dots.
fn pieces(quote: &str) -> Vec<String> {
    let quote = quote.replace("\n| ", "\n").replace('\u{2026}', "...");
    let quote = quote.strip_prefix("| ").unwrap_or(&quote);
    quote.split("...").map(comparable).filter(|piece| !piece.is_empty()).collect()
}

fn in_order(text: &str, pieces: &[String]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| match rest.find(piece.as_str()) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

fn dense(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

/// White space folded, what was written out read back, hidden characters gone.
fn comparable(text: &str) -> String {
    let read: String = read_back(text).chars().filter(|character| !is_hidden(*character)).collect();
    let mut folded = String::with_capacity(read.len());
    for word in read.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}
