//! Marks: the words that an answer can be recognised by, and where they were said.
//!
//! "Use `port_file`, not 8080" has the marks `port_file` and `8080`; "please keep it plain" has none of that kind and is known by its long words.
//! Whoever looks for marks walks a trace once and looks each word of its texts up; the words themselves are not kept.

use super::{facts::Facts, split::Marks};
use crate::model::{
    id::EventId,
    trace::{Body, Event},
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Longer words are no words.
const LONGEST: usize = 80;

/// What was told at an event, by its marks.
pub type Told = (EventId, BTreeSet<String>);

/// Words in lower case: letters, digits, `_` and inner full stops.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    pieces(text).filter(|word| word.len() < LONGEST).map(str::to_lowercase)
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    static BETWEEN: Marks = Marks::but(b"_.");
    BETWEEN.split(text).map(|word| word.trim_matches('.')).filter(|word| !word.is_empty())
}

/// What an answer can be recognised by.
pub fn marks(text: &str) -> BTreeSet<String> {
    let quoted: BTreeSet<String> = text.split('`').skip(1).step_by(2).flat_map(words).collect();
    let named = |word: &&str| {
        let inner =
            word.chars().skip(1).any(|mark| mark.is_uppercase() || mark.is_ascii_digit() || mark == '_' || mark == '.');
        inner || word.chars().all(|mark| mark.is_ascii_digit())
    };
    let strong: BTreeSet<String> =
        quoted.into_iter().chain(pieces(text).filter(named).map(str::to_lowercase)).collect();
    if strong.is_empty() { words(text).filter(|word| word.chars().count() >= 6).collect() } else { strong }
}

/// What was told, without the marks that the user had said before, and without what has none left.
pub fn unsaid(facts: &Facts<'_>, mut told: Vec<Told>) -> Vec<Told> {
    let mut sought = Sought::new(&told);
    for (event, text) in &facts.users {
        sought.text(text, &mut |first| *first = first.or(Some(*event)));
    }
    let first = sought.found();
    for (event, marks) in &mut told {
        marks.retain(|mark| first.get(mark).is_none_or(|first| first >= event));
    }
    told.retain(|(_, marks)| !marks.is_empty());
    told
}

/// Which of what was told shows in the work after it: in calls, messages, plans and changes, of the events that count.
pub fn used(facts: &Facts<'_>, told: &[Told], counts: &dyn Fn(&Event) -> bool) -> Vec<EventId> {
    let Some(start) = told.iter().map(|(event, _)| *event).min() else { return Vec::new() };
    let mut sought = Sought::new(told);
    let later = facts.trace.events.iter().skip(start.0 as usize + 1);
    for event in later.filter(|event| !event.superseded && counts(event)) {
        sought.work(event);
    }
    let last = sought.found();
    let shows = |(event, marks): &&Told| marks.iter().any(|mark| last.get(mark).is_some_and(|last| last > event));
    told.iter().filter(shows).map(|(event, _)| *event).collect()
}

/// Marks that are looked for, each with an event at which it was said.
struct Sought<'m> {
    at: HashMap<&'m str, Option<EventId>>,
    /// By length in bytes: most words of a text are as long as no mark.
    lengths: [bool; LONGEST],
    /// The word that is looked up, in lower case.
    word: String,
}

impl<'m> Sought<'m> {
    fn new(told: &'m [Told]) -> Sought<'m> {
        let at: HashMap<&str, _> = told.iter().flat_map(|(_, marks)| marks).map(|mark| (mark.as_str(), None)).collect();
        let mut lengths = [false; LONGEST];
        for mark in at.keys().filter(|mark| mark.len() < LONGEST) {
            lengths[mark.len()] = true;
        }
        Sought { at, lengths, word: String::new() }
    }

    fn text(&mut self, text: &str, note: &mut dyn FnMut(&mut Option<EventId>)) {
        for piece in pieces(text).filter(|piece| piece.len() < LONGEST) {
            if !piece.is_ascii() {
                // Lower case can be longer or shorter.
                self.at.get_mut(piece.to_lowercase().as_str()).into_iter().for_each(&mut *note);
            } else if self.lengths[piece.len()] {
                self.word.clear();
                self.word.push_str(piece);
                self.word.make_ascii_lowercase();
                self.at.get_mut(self.word.as_str()).into_iter().for_each(&mut *note);
            }
        }
    }

    /// What the agent did and said at an event; the last one stays.
    fn work(&mut self, event: &Event) {
        let note = &mut |last: &mut Option<EventId>| *last = Some(event.id);
        match &event.body {
            Body::ToolCall(call) => self.value(&call.input, note),
            Body::AgentMessage(said) => self.text(said.text.as_str(), note),
            Body::Plan(plan) => plan.steps.iter().for_each(|step| self.text(&step.text, note)),
            Body::FileChange(change) => self.text(change.diff.as_str(), note),
            Body::UserMessage(_)
            | Body::Reasoning(_)
            | Body::ToolResult(_)
            | Body::Question(_)
            | Body::Permission(_) => {}
            Body::Interviewer(_) | Body::Stage(_) | Body::Snapshot(_) | Body::Check(_) | Body::Compaction(_) => {}
            Body::SubAgent(_) | Body::Usage(_) | Body::TurnEnd(_) | Body::Limit(_) | Body::Error(_) => {}
            Body::End(_) | Body::Unknown(_) => {}
        }
    }

    fn value(&mut self, value: &Value, note: &mut dyn FnMut(&mut Option<EventId>)) {
        match value {
            Value::String(text) => self.text(text, note),
            Value::Array(items) => items.iter().for_each(|item| self.value(item, note)),
            Value::Object(map) => map.values().for_each(|item| self.value(item, note)),
            Value::Number(number) => {
                self.at.get_mut(number.to_string().as_str()).into_iter().for_each(note);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn found(self) -> HashMap<String, EventId> {
        self.at.into_iter().filter_map(|(mark, at)| Some((mark.to_owned(), at?))).collect()
    }
}
