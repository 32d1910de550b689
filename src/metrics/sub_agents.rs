//! Sub-agents: was the work that was handed out briefed, done once, brought back, and worth its tokens?
//!
//! A sub-agent knows only its brief. What the brief leaves out it cannot keep; what another lane had read already it reads again; two that edit
//! one file at a time undo each other; and what it brings back is worth something only if it shows in the work.

use super::{
    Metric,
    facts::{Facts, count, share, untold},
    marks::{Told, marks, unsaid, used, words},
    repeats::{Done, What},
};
use crate::model::{
    act::Act,
    id::EventId,
    interview::Decided,
    score::{Measured, Reading},
    task::Task,
    trace::{Body, SubAgentState, Trace},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const NONE: &str = "no sub-agent was started";
const UNTOLD: &str = "the source does not tell sub-agents, and one was called";

/// One sub-agent: what it was told, what it gave back, and when it was at work.
#[derive(Default)]
pub struct Sub<'a> {
    briefs: Vec<(EventId, &'a str)>,
    results: Vec<(EventId, &'a str)>,
    life: Option<(EventId, EventId)>,
}

/// By lane.
pub type Subs<'a> = BTreeMap<&'a str, Sub<'a>>;

/// Those of a trace, in one walk.
pub(super) fn gathered(trace: &Trace) -> Subs<'_> {
    let mut subs: Subs<'_> = BTreeMap::new();
    for event in trace.events.iter().filter(|event| !event.superseded) {
        let id = match &event.body {
            Body::SubAgent(sub) => sub.id.as_str(),
            _ if !event.lane.is_empty() => event.lane.as_str(),
            _ => continue,
        };
        let sub = subs.entry(id).or_default();
        sub.life = Some((sub.life.map_or(event.id, |(start, _)| start), event.id));
        if let Body::SubAgent(told) = &event.body {
            let (list, text) = match told.state {
                SubAgentState::Started => (&mut sub.briefs, told.brief.as_str()),
                SubAgentState::Ended => (&mut sub.results, told.result.as_str()),
            };
            if !text.trim().is_empty() {
                list.push((event.id, text));
            }
        }
    }
    subs
}

/// By lane; or why there is none.
fn subs<'f, 'a>(facts: &'f Facts<'a>) -> Result<&'f Subs<'a>, Measured> {
    if !facts.subs.is_empty() {
        return Ok(&facts.subs);
    }
    let called = facts.acts.iter().any(|act| act.deed.act == Act::Delegate);
    Err(if called { untold("sub-agents, and one was called") } else { Measured::Undefined(NONE.to_owned()) })
}

pub const SUBAGENT_BRIEF_COMPLETENESS: Metric = Metric {
    id: "subagent_brief_completeness",
    behaviour: "long_run",
    unit: "share",
    range: "0..1",
    doc: "Over sub-agents that edited: constraints put in force and facts told before a brief that show in it (one of the answer's or constraint's marks occurs, see answers_used) / such constraints and facts that have marks. The detail lists those left out.",
    undefined: "no sub-agent edited anything, there is no task, or nothing that can be recognised had been told before a brief",
    unknown: "the source does not tell sub-agents, or not the brief of one that edited",
    fails: "A promise that does not concern the part handed out need not be in the brief; a promise in other words is missed, and one shared word is enough to be found.",
    of: |facts| match subs(facts) {
        Ok(subs) => briefed(facts, subs),
        Err(why) => why,
    },
};

fn briefed(facts: &Facts<'_>, subs: &Subs<'_>) -> Measured {
    let Some(task) = facts.task else { return Measured::Undefined("there is no interview".to_owned()) };
    let (mut found, mut cites, mut left) = (0, Vec::new(), BTreeSet::new());
    let mut all = 0;
    let editors: BTreeSet<&str> = edits_by_lane(facts).into_keys().map(|(_, lane)| lane).collect();
    for (_, sub) in subs.iter().filter(|(lane, _)| editors.contains(*lane)) {
        let Some((event, _)) = sub.briefs.first() else { return untold("the brief of a sub-agent that edited") };
        let said: BTreeSet<String> = sub.briefs.iter().flat_map(|(_, text)| words(text)).collect();
        cites.push(*event);
        for (id, marks) in promised(task, facts, *event) {
            all += 1;
            if marks.is_disjoint(&said) {
                left.insert(id);
            } else {
                found += 1;
            }
        }
    }
    match share(found, all, "no sub-agent edited after something had been told that can be recognised", cites) {
        Measured::Value(reading) => Measured::Value(Reading { detail: json!({ "left_out": left }), ..reading }),
        other @ (Measured::Undefined(_) | Measured::Unknown(_)) => other,
    }
}

/// What had been told by then: id and marks.
fn promised<'t>(task: &'t Task, facts: &Facts<'_>, until: EventId) -> Vec<(&'t str, BTreeSet<String>)> {
    let constraints = task.interview.constraints.iter();
    let spoken = constraints.filter(|constraint| facts.said_at(&constraint.from).is_some_and(|event| event < until));
    let spoken = spoken.map(|constraint| (constraint.id.as_str(), marks(&constraint.text)));
    let told: BTreeSet<&str> = facts
        .decisions
        .iter()
        .filter(|(event, decision)| *event < until && decision.decision == Decided::Tell)
        .flat_map(|(_, decision)| decision.facts.iter().map(String::as_str))
        .collect();
    let told = task.interview.facts.iter().filter(|fact| told.contains(fact.id.as_str()));
    let told = told.map(|fact| {
        let texts: Vec<&str> = fact.say.iter().map(|wording| wording.text.as_str()).collect();
        (fact.id.as_str(), marks(&texts.join(" ")))
    });
    spoken.chain(told).filter(|(_, marks)| !marks.is_empty()).collect()
}

/// Path and lane -> the edits of each.
fn edits_by_lane<'f>(facts: &'f Facts<'_>) -> BTreeMap<(&'f str, &'f str), Vec<EventId>> {
    let mut found: BTreeMap<(&str, &str), Vec<EventId>> = BTreeMap::new();
    for step in &facts.steps.all {
        if let What::Edit(file) = step.what {
            found.entry((&facts.steps.files[file], step.lane)).or_default().push(step.at.0);
        }
    }
    found
}

pub const SUBAGENT_DUPLICATE_WORK: Metric = Metric {
    id: "subagent_duplicate_work",
    behaviour: "long_run",
    unit: "share",
    range: "0..1",
    doc: "Reads and searches of sub-agents that repeat what another lane had done before (80 % of the lines of a file unchanged since, or the same search), or that the root agent did again later / reads and searches of sub-agents. Cites the repeats.",
    undefined: "no sub-agent was started, or none read or searched",
    unknown: UNTOLD,
    fails: "A sub-agent shares no memory with the others, so reading again what it must know is often right; root checking what it was told counts as well.",
    of: |facts| match subs(facts) {
        Ok(_) => duplicated(facts),
        Err(why) => why,
    },
};

fn duplicated(facts: &Facts<'_>) -> Measured {
    let steps = &facts.steps.all;
    let looks = |what: What| matches!(what, What::Read(..) | What::Search(_));
    let mut done = Done::default();
    let mut twice: BTreeSet<usize> = BTreeSet::new();
    for (at, step) in steps.iter().enumerate() {
        let other = done.before(step.what, |other| steps[other].lane != step.lane).filter(|_| looks(step.what));
        if let Some(other) = other {
            twice.insert(if step.lane.is_empty() { other } else { at });
        }
        done.note(step.what, at);
    }
    let all = steps.iter().filter(|step| !step.lane.is_empty() && looks(step.what)).count();
    let cites = twice.iter().map(|at| steps[*at].at.0).collect();
    share(twice.len(), all, "no sub-agent read or searched", cites)
}

pub const SUBAGENT_RETURN_USED: Metric = Metric {
    id: "subagent_return_used",
    behaviour: "long_run",
    unit: "share",
    range: "0..1",
    doc: "Results of sub-agents of which a mark (see answers_used; what the user or the brief had said left out) occurs in a later tool call, plan, reported change or message of the root agent / results that have such marks. Cites the results that were used, or those that were not where none was.",
    undefined: "no sub-agent was started, or no result has a mark of its own",
    unknown: UNTOLD,
    fails: "One name in common is enough, so a result of many names is nearly always used; a result that rightly said `nothing found` has no mark and is left out.",
    of: |facts| match subs(facts) {
        Ok(subs) => {
            let mut given = unsaid(facts, subs.values().filter_map(given_back).collect());
            given.sort();
            let used = used(facts, &given, &|event| event.lane.is_empty());
            let cites = if used.is_empty() { given.iter().map(|(event, _)| *event).collect() } else { used.clone() };
            share(used.len(), given.len(), "no result of a sub-agent can be recognised", cites)
        }
        Err(why) => why,
    },
};

/// The marks of all that a sub-agent gave back, without those of its brief, at the last of it.
fn given_back(sub: &Sub<'_>) -> Option<Told> {
    let (event, _) = sub.results.last()?;
    let texts: Vec<&str> = sub.results.iter().map(|(_, text)| *text).collect();
    let mut marks = marks(&texts.join(" "));
    for word in sub.briefs.iter().flat_map(|(_, text)| words(text)) {
        marks.remove(&word);
    }
    Some((*event, marks))
}

pub const SUBAGENT_CONFLICTS: Metric = Metric {
    id: "subagent_conflicts",
    behaviour: "long_run",
    unit: "files",
    range: ">= 0",
    doc: "Files that two sub-agents edited whose times at work overlap (from start to end, as the events stand in the trace), or that the root agent edited while a sub-agent that edits it too was at work. Cites the first edit of each of them.",
    undefined: NONE,
    unknown: UNTOLD,
    fails: "Sub-agents that edit different parts of one file, or each in a working copy of its own, conflict only by this count; where the source writes each sub-agent's records in one piece, times do not overlap.",
    of: |facts| match subs(facts) {
        Ok(subs) => conflicts(facts, subs),
        Err(why) => why,
    },
};

fn conflicts(facts: &Facts<'_>, subs: &Subs<'_>) -> Measured {
    let mut by_path: BTreeMap<&str, Vec<(&str, Vec<EventId>)>> = BTreeMap::new();
    for ((path, lane), events) in edits_by_lane(facts) {
        by_path.entry(path).or_default().push((lane, events));
    }
    let (mut files, mut cites) = (Vec::new(), BTreeSet::new());
    for (path, lanes) in by_path.iter().filter(|(_, lanes)| lanes.len() > 1) {
        let mut lives: Vec<(EventId, EventId)> = lanes.iter().filter_map(|(lane, _)| subs.get(lane)?.life).collect();
        lives.sort_unstable();
        // The latest end of those that began so far: two cross if one begins before it.
        let ends: Vec<EventId> = lives
            .iter()
            .scan(EventId(0), |latest, (_, end)| {
                *latest = (*latest).max(*end);
                Some(*latest)
            })
            .collect();
        let overlap = lives.iter().skip(1).zip(&ends).any(|((start, _), until)| start < until);
        let root = lanes.iter().find(|(lane, _)| lane.is_empty()).map_or(&[][..], |(_, events)| events.as_slice());
        let within = |event: &EventId| {
            let begun = lives.partition_point(|(start, _)| start < event);
            begun > 0 && ends[begun - 1] > *event
        };
        if overlap || root.iter().any(within) {
            files.push(*path);
            cites.extend(lanes.iter().filter_map(|(_, events)| events.first().copied()));
        }
    }
    match count(files.len(), cites.into_iter().collect()) {
        Measured::Value(reading) => Measured::Value(Reading { detail: json!({ "files": files }), ..reading }),
        other @ (Measured::Undefined(_) | Measured::Unknown(_)) => other,
    }
}

pub const SUBAGENT_OVERHEAD: Metric = Metric {
    id: "subagent_overhead",
    behaviour: "long_run",
    unit: "share",
    range: "0..1",
    doc: "Input and output tokens of sub-agents / those of the whole session, cached ones included.",
    undefined: "no sub-agent was started, or no token was spent",
    unknown: "the source does not tell usage, or not that of its sub-agents",
    fails: "Says what was spent there, not whether it would have been cheaper at the root; cached tokens cost a fraction and count in full.",
    of: |facts| match subs(facts) {
        Ok(_) => {
            let usage = |event: &crate::model::trace::Event| match &event.body {
                Body::Usage(usage) if !event.superseded => Some(usage.input.saturating_add(usage.output) as f64),
                _ => None,
            };
            let told = || facts.trace.events.iter().filter_map(|event| Some((event.lane.is_empty(), usage(event)?)));
            if !told().any(|(root, _)| !root) {
                return untold("the usage of sub-agents");
            }
            let all: f64 = told().map(|(_, tokens)| tokens).sum();
            let own: f64 = told().filter(|(root, _)| !root).map(|(_, tokens)| tokens).sum();
            if all > 0.0 { Measured::value(own / all) } else { Measured::Undefined("no token was spent".to_owned()) }
        }
        Err(why) => why,
    },
};
