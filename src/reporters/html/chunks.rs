//! The conversation in chunks of rows, so that a browser lays out only what is looked at, and a page is written piece by piece.

use super::event::{Lane, Row, row};
use super::verdicts::Back;
use crate::metrics::Facts;
use crate::model::{
    act::Act,
    trace::{Body, Event, Trace},
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows of a chunk.
const ROWS: usize = 100;

/// Some rows of one turn.
#[derive(Serialize)]
pub(super) struct Chunk<'a> {
    /// Where the chunk begins a turn.
    turn: Option<Turn<'a>>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Turn<'a> {
    number: u32,
    stage: &'a str,
}

/// What of a trace can be filtered, counted.
#[derive(Default)]
pub(super) struct Counts {
    pub kinds: BTreeMap<&'static str, usize>,
    pub acts: BTreeMap<Act, usize>,
    pub lanes: Vec<String>,
    pub superseded: usize,
}

/// Everything about a trace's events that no single event tells.
pub(super) struct Conversation<'a> {
    trace: &'a Trace,
    cited: HashMap<u32, Vec<Back<'a>>>,
    /// Call -> its first result, shown beside it.
    results: HashMap<u32, &'a Event>,
    beside: HashSet<u32>,
    acts: HashMap<u32, Vec<Act>>,
    lanes: HashMap<&'a str, usize>,
    pub counts: Counts,
}

impl<'a> Conversation<'a> {
    pub fn new(trace: &'a Trace, facts: &Facts<'_>, cited: HashMap<u32, Vec<Back<'a>>>) -> Conversation<'a> {
        let mut acts: HashMap<u32, Vec<Act>> = HashMap::new();
        for done in &facts.acts {
            let of_call = acts.entry(done.at.0.0).or_default();
            if !of_call.contains(&done.deed.act) {
                of_call.push(done.deed.act);
            }
        }
        let mut conversation = Conversation {
            trace,
            cited,
            results: HashMap::new(),
            beside: HashSet::new(),
            acts,
            lanes: HashMap::new(),
            counts: Counts::default(),
        };
        trace.events.iter().for_each(|event| conversation.count(event));
        conversation
    }

    fn count(&mut self, event: &'a Event) {
        *self.counts.kinds.entry(event.body.kind()).or_default() += 1;
        self.counts.superseded += usize::from(event.superseded);
        for act in self.acts.get(&event.id.0).into_iter().flatten() {
            *self.counts.acts.entry(*act).or_default() += 1;
        }
        if !event.lane.is_empty() && !self.lanes.contains_key(event.lane.as_str()) {
            self.lanes.insert(&event.lane, self.lanes.len());
            self.counts.lanes.push(event.lane.clone());
        }
        if let Body::ToolResult(result) = &event.body {
            let call = result.call.filter(|call| *call < event.id);
            let of_call = call.and_then(|call| self.trace.event(call));
            let is_call = of_call
                .is_some_and(|call| matches!(call.body, Body::ToolCall(_)) && call.superseded == event.superseded);
            if let Some(call) = call.filter(|call| is_call && !self.results.contains_key(&call.0)) {
                self.results.insert(call.0, event);
                self.beside.insert(event.id.0);
            }
        }
    }

    /// Calls `write` with one chunk after the other.
    ///
    /// # Errors
    /// The first that `write` gives.
    pub fn each<E>(&self, mut write: impl FnMut(Chunk<'a>) -> Result<(), E>) -> Result<(), E> {
        let mut chunk = Chunk { turn: None, rows: Vec::new() };
        let (mut turn, mut lane): (Option<u32>, &str) = (None, "");
        for event in self.trace.events.iter().filter(|event| !self.beside.contains(&event.id.0)) {
            let begins = turn != Some(event.turn);
            if (begins || chunk.rows.len() >= ROWS) && !(chunk.rows.is_empty() && chunk.turn.is_none()) {
                write(std::mem::replace(&mut chunk, Chunk { turn: None, rows: Vec::new() }))?;
            }
            if begins {
                chunk.turn = Some(Turn { number: event.turn, stage: &event.stage });
                turn = Some(event.turn);
            }
            let mut row = self.row(event);
            row.lane = self.lane(event, lane != event.lane);
            lane = &event.lane;
            chunk.rows.push(row);
        }
        if chunk.rows.is_empty() { Ok(()) } else { write(chunk) }
    }

    fn row(&self, event: &'a Event) -> Row<'a> {
        let backs = |event: &Event| self.cited.get(&event.id.0).cloned().unwrap_or_default();
        let mut made = row(event, backs(event));
        if matches!(event.body, Body::UserMessage(_)) && self.trace.header.task.is_none() {
            made.label = "user".into();
        }
        made.acts = self.acts.get(&event.id.0).into_iter().flatten().map(|act| act.word()).collect();
        made.result = self.results.get(&event.id.0).map(|result| Box::new(row(result, backs(result))));
        made
    }

    fn lane(&self, event: &'a Event, begins: bool) -> Option<Lane<'a>> {
        let colour = self.lanes.get(event.lane.as_str())? % 6 + 1;
        Some(Lane { colour, name: begins.then_some(event.lane.as_str()) })
    }
}
