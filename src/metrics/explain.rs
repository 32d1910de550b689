//! How a number came about: the events that counted, and those that nearly did.
//!
//! Nothing is measured again here. A metric cites the events that made its number; beside it stands which classes of events it looks at
//! (`explain_table`). Every event of these classes that is not cited nearly counted, and its row of the facts says why it did not:
//!
//! ```text
//! check_after_last_edit = 1
//! near     e12  test, red, exit 1        not after the last code edit (e31)
//! counted  e31  edit src/db.py, code
//! near     e35  test, outcome hidden     a check, but its exit status is hidden by a pipe
//! counted  e41  test, green, exit 0
//! ```

use super::{
    Metric,
    explain_rows::{Row, Scene, rows},
    explain_table::{Looks, looks_at},
    facts::Facts,
};
use crate::model::{id::EventId, score::Measured};
use std::collections::{BTreeMap, BTreeSet};

/// A number and the events around it.
pub struct Explained {
    pub metric: &'static Metric,
    pub measured: Measured,
    /// In order of happening.
    pub seen: Vec<Seen>,
}

/// One event that a metric looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub event: EventId,
    /// As what it was looked at; empty where only the event itself can say. Foreign text may stand in it.
    pub what: String,
    pub mark: Mark,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Counted,
    /// It nearly did, and why not.
    Near(String),
}

/// Things that one event is shown as at most; a patch may touch a thousand files.
const THINGS: usize = 6;
/// Reasons given for one event at most.
const REASONS: usize = 2;

/// `whole` holds the facts of the same trace as if nothing in it were superseded, where something is.
pub fn explain(metric: &'static Metric, facts: &Facts<'_>, whole: Option<&Facts<'_>>) -> Explained {
    let measured = (metric.of)(facts);
    let looks = looks_at(metric);
    let cited: BTreeSet<EventId> = match &measured {
        Measured::Value(reading) => reading.cites.iter().copied().collect(),
        Measured::Undefined(_) | Measured::Unknown(_) => BTreeSet::new(),
    };
    let valued = matches!(measured, Measured::Value(_));
    let members = members(looks, facts, whole);
    let events: BTreeSet<EventId> = members.keys().chain(&cited).copied().collect();
    let strangers =
        if cited.iter().all(|event| members.contains_key(event)) { BTreeMap::new() } else { strangers(facts) };
    let seen = |event: EventId| {
        let rows = members.get(&event).map(Vec::as_slice).unwrap_or_default();
        if cited.contains(&event) {
            let what = if rows.is_empty() {
                strangers.get(&event).cloned().unwrap_or_default()
            } else {
                counted_as(looks, rows)
            };
            return Seen { event, what, mark: Mark::Counted };
        }
        Seen { event, what: joined(rows.iter().map(|(row, _)| row.what.clone())), mark: near(looks, rows, valued) }
    };
    Explained { metric, seen: events.into_iter().map(seen).collect(), measured }
}

type Member = (Row, &'static str);

/// Every event of the classes, with the words for one that has no reason of its own.
fn members(looks: Looks, facts: &Facts<'_>, whole: Option<&Facts<'_>>) -> BTreeMap<EventId, Vec<Member>> {
    let mut members: BTreeMap<EventId, Vec<Member>> = BTreeMap::new();
    let scene = Scene::of(facts);
    for (class, rest) in looks.at {
        for row in rows(*class, &scene) {
            members.entry(row.event).or_default().push((row, rest));
        }
    }
    let Some(whole) = whole else { return members };
    let gone = |event: EventId| facts.trace.event(event).is_some_and(|event| event.superseded);
    let scene = Scene::of(whole);
    for (class, rest) in looks.at {
        for row in rows(*class, &scene).into_iter().filter(|row| gone(row.event)) {
            let out = Some("superseded: the session was rolled back to before it");
            members.entry(row.event).or_default().push((Row { out, ..row }, rest));
        }
    }
    members
}

/// Of several things that one event did, those that could count.
fn counted_as(looks: Looks, rows: &[Member]) -> String {
    joined(fitting(looks, rows).map(|(row, _)| row.what.clone()))
}

/// Those of an event's rows that nothing is held against; all where something is against each.
fn fitting(looks: Looks, rows: &[Member]) -> impl Iterator<Item = &Member> {
    let fits = move |row: &Row| row.out.is_none() && row.bars.iter().all(|(bar, _)| !looks.bars.contains(bar));
    let some = rows.iter().any(|(row, _)| fits(row));
    rows.iter().filter(move |(row, _)| !some || fits(row))
}

/// What any event was, for those that are cited and of no class that the metric looks at: the edit that nothing came before.
fn strangers(facts: &Facts<'_>) -> BTreeMap<EventId, String> {
    use super::explain_rows::Class::{Calls, Decisions, Edits, Marks, Messages, Plans};
    let scene = Scene::of(facts);
    let mut known: BTreeMap<EventId, String> = BTreeMap::new();
    for row in [Edits, Calls, Messages, Plans, Decisions, Marks].into_iter().flat_map(|class| rows(class, &scene)) {
        known.entry(row.event).or_insert(row.what);
    }
    known
}

fn near(looks: Looks, rows: &[Member], valued: bool) -> Mark {
    let mut reasons: Vec<String> = Vec::new();
    for (row, rest) in fitting(looks, rows) {
        if let Some(out) = row.out {
            reasons.push(out.to_owned());
            continue;
        }
        let barred = looks.bars.iter().filter_map(|bar| row.bars.iter().find(|(own, _)| own == bar));
        let own: Vec<String> = barred.take(REASONS).map(|(_, why)| why.clone()).collect();
        let rest = if valued { *rest } else { "the metric has no value here" };
        reasons.push(if own.is_empty() { rest.to_owned() } else { own.join("; ") });
    }
    Mark::Near(joined(reasons.into_iter()))
}

/// Each once, in order, and how many more there are.
fn joined(words: impl Iterator<Item = String>) -> String {
    let mut known: BTreeSet<String> = BTreeSet::new();
    let all: Vec<String> = words.filter(|word| known.insert(word.clone())).collect();
    let mut text = all.iter().take(THINGS).cloned().collect::<Vec<_>>().join("; ");
    if all.len() > THINGS {
        text.push_str(&format!("; and {} more", all.len() - THINGS));
    }
    text
}
