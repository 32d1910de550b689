//! Planning: does the agent say what it will do, keep the plan true, and do what it says?
//!
//! Looks at plan events (a plan tool, a todo list) and at enumerated steps in messages; reasoning does not count, nobody else can read it.

use super::{
    Metric,
    facts::{At, Facts, count, share, untold, yes_no},
    lexicon::pattern,
    paths,
};
use crate::model::{
    id::EventId,
    score::{Measured, Reading},
    trace::{Plan, StepStatus},
};
use regex::{Regex, RegexSet};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

const NO_PLAN: &str = "there was no plan";

pub const PLAN_BEFORE_EDIT: Metric = Metric {
    id: "plan_before_edit",
    behaviour: "planning",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if a plan event with at least two steps, or a message with at least two enumerated steps, came before the first edit. Questions and findings (`1. The cache is empty`) are no steps. Cites it, else the first edit.",
    undefined: "nothing was edited",
    unknown: "never: a source without plan events still has messages",
    fails: "A list of two steps about anything counts as a plan; an agent that plans in its reasoning, where nobody can read it, gets 0.",
    of: |facts| {
        let Some(edit) = facts.first_edit() else { return Measured::Undefined("nothing was edited".to_owned()) };
        match first_plan(facts, edit.at) {
            Some(event) => yes_no(true, vec![event]),
            None => yes_no(false, vec![edit.at.0]),
        }
    },
};

fn first_plan(facts: &Facts<'_>, edit: At) -> Option<EventId> {
    let told =
        facts.plans.iter().find(|(event, plan)| *event < edit.0 && plan.steps.len() >= 2).map(|(event, _)| *event);
    let said =
        || facts.messages.iter().take_while(|said| said.event < edit.0).find(|said| steps_said(said.text).len() >= 2);
    told.or_else(|| said().map(|said| said.event))
}

static STEP: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(
        r"^\s*(\d{1,2}[.)]|[-*+] \[[ xX]\]|(?i:step \d+\b)[:.)]?|(?i:first|second|third|then|next|finally|lastly)[,:])\s+\S",
    )
});

/// How a finding starts, and no step: `1. Never checks the result`, `2. The cache is empty`.
static FINDING: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(
        r"(?i)^\s*\d{1,2}[.)]\W+(the|a|an|this|that|these|it|its|there|only|never|no|not|none|is|are|was|has|have|had|you|they)\b",
    )
});

/// Lines that enumerate steps; a line that asks is a question, and one that states what is, a finding.
pub fn steps_said(text: &str) -> Vec<&str> {
    let is_step = |line: &&str| STEP.is_match(line) && !line.trim_end().ends_with('?') && !FINDING.is_match(line);
    text.lines().filter(is_step).collect()
}

pub const PLAN_STEPS: Metric = Metric {
    id: "plan_steps",
    behaviour: "planning",
    unit: "steps",
    range: ">= 1",
    doc: "Steps of the first plan: of the first plan event, or, where there is none, enumerated steps of the first message that has at least two.",
    undefined: NO_PLAN,
    unknown: "never",
    fails: "The number of steps says nothing of their worth; agents cut the same work into more or fewer.",
    of: |facts| {
        let event = facts.plans.iter().find(|(_, plan)| !plan.steps.is_empty());
        if let Some((event, plan)) = event {
            return count(plan.steps.len(), vec![*event]);
        }
        match facts.messages.iter().map(|said| (said.event, steps_said(said.text).len())).find(|(_, steps)| *steps >= 2)
        {
            Some((event, steps)) => count(steps, vec![event]),
            None => Measured::Undefined(NO_PLAN.to_owned()),
        }
    },
};

pub const PLAN_UPDATES: Metric = Metric {
    id: "plan_updates",
    behaviour: "planning",
    unit: "updates",
    range: ">= 0",
    doc: "Plan events after the first one that change a step or its status.",
    undefined: NO_PLAN,
    unknown: NEEDS_PLANS,
    fails: "An update that only changes words counts like one that ticks off a step.",
    of: |facts| {
        planned(facts, |plans| {
            let changed = plans.windows(2).filter(|pair| pair[0].1.steps != pair[1].1.steps);
            let cites: Vec<EventId> = changed.map(|pair| pair[1].0).collect();
            count(cites.len(), cites)
        })
    },
};

const NEEDS_PLANS: &str = "the source does not tell plan events, and none is there";

/// Of plan events: unknown where the source does not tell them, undefined where there is none.
fn planned<'a>(facts: &Facts<'a>, of: impl FnOnce(&[(EventId, &'a Plan)]) -> Measured) -> Measured {
    match (facts.plans.is_empty(), facts.tells().plans) {
        (false, _) => of(&facts.plans),
        (true, true) => Measured::Undefined(NO_PLAN.to_owned()),
        (true, false) => untold("plans"),
    }
}

pub const PLAN_STALENESS: Metric = Metric {
    id: "plan_staleness",
    behaviour: "planning",
    unit: "tool calls",
    range: ">= 0",
    doc: "Largest number of the root agent's tool calls (the plan's own left out) between two plan events, or after the last, while a step was in progress; in a plan that never marks any step so, while one was not completed. Cites the plan event that went stale.",
    undefined: NO_PLAN,
    unknown: NEEDS_PLANS,
    fails: "One long but honest step looks stale; calls are counted, not the time or work in them.",
    of: |facts| {
        planned(facts, |plans| {
            let calls: Vec<EventId> = working_calls(facts);
            // Some plan tools know no step in progress: there, an open step is one.
            let marks = plans.iter().any(|(_, plan)| in_progress(plan));
            let open = |plan: &Plan| if marks { in_progress(plan) } else { !is_done(plan) };
            let spans = plans.iter().enumerate().filter(|(_, (_, plan))| open(plan)).map(|(at, (event, _))| {
                let start = calls.partition_point(|call| call < event);
                let end = plans.get(at + 1).map_or(calls.len(), |(next, _)| calls.partition_point(|call| call < next));
                (end - start, *event)
            });
            match spans.max_by_key(|(calls, event)| (*calls, std::cmp::Reverse(*event))) {
                Some((calls, event)) => count(calls, vec![event]),
                None => count(0, Vec::new()),
            }
        })
    },
};

fn working_calls(facts: &Facts<'_>) -> Vec<EventId> {
    use crate::model::act::Act;
    let works = |call: &&super::facts::Call<'_>| {
        let acts = &facts.acts[call.acts.clone()];
        call.root && (acts.is_empty() || acts.iter().any(|act| act.deed.act != Act::Plan))
    };
    facts.calls.iter().filter(works).map(|call| call.event).collect()
}

fn in_progress(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.status == StepStatus::InProgress)
}

fn is_done(plan: &Plan) -> bool {
    plan.steps.iter().all(|step| step.status == StepStatus::Completed)
}

pub const PLAN_CLOSURE: Metric = Metric {
    id: "plan_closure",
    behaviour: "planning",
    unit: "share",
    range: "0..1",
    doc: "Completed steps of the last plan event / its steps.",
    undefined: NO_PLAN,
    unknown: NEEDS_PLANS,
    fails: "An agent can tick off what it never did; read it beside plan_rubber_stamps and the outcome.",
    of: |facts| {
        planned(facts, |plans| match plans.last() {
            Some((event, plan)) => {
                let done = plan.steps.iter().filter(|step| step.status == StepStatus::Completed).count();
                share(done, plan.steps.len(), NO_PLAN, vec![*event])
            }
            None => Measured::Undefined(NO_PLAN.to_owned()),
        })
    },
};

pub const PLAN_SINGLE_FOCUS: Metric = Metric {
    id: "plan_single_focus",
    behaviour: "planning",
    unit: "share",
    range: "0..1",
    doc: "Plan events with at most one step in progress / plan events. Cites those with more, or all where none has.",
    undefined: NO_PLAN,
    unknown: NEEDS_PLANS,
    fails: "Steps that are rightly worked on together, for example by sub-agents, count against it.",
    of: |facts| {
        planned(facts, |plans| {
            let active = |plan: &Plan| plan.steps.iter().filter(|step| step.status == StepStatus::InProgress).count();
            let wide: Vec<EventId> =
                plans.iter().filter(|(_, plan)| active(plan) > 1).map(|(event, _)| *event).collect();
            let narrow = plans.len() - wide.len();
            let cites = if wide.is_empty() { plans.iter().map(|(event, _)| *event).collect() } else { wide };
            share(narrow, plans.len(), NO_PLAN, cites)
        })
    },
};

pub const PLAN_RUBBER_STAMPS: Metric = Metric {
    id: "plan_rubber_stamps",
    behaviour: "planning",
    unit: "updates",
    range: ">= 0",
    doc: "Plan events that newly complete two or more steps with no edit and no check since the plan event before.",
    undefined: "there was no second plan event",
    unknown: NEEDS_PLANS,
    fails: "Steps that need neither an edit nor a check, such as reading or deciding, may rightly be ticked off together.",
    of: |facts| {
        planned(facts, |plans| {
            if plans.len() < 2 {
                return Measured::Undefined("there was no second plan event".to_owned());
            }
            let stamped = plans
                .windows(2)
                .filter(|pair| newly_done(pair[0].1, pair[1].1) >= 2 && !worked(facts, pair[0].0, pair[1].0));
            let cites: Vec<EventId> = stamped.map(|pair| pair[1].0).collect();
            count(cites.len(), cites)
        })
    },
};

fn newly_done(before: &Plan, after: &Plan) -> usize {
    let done = |plan: &Plan| -> BTreeSet<String> {
        plan.steps.iter().filter(|step| step.status == StepStatus::Completed).map(|step| step.text.clone()).collect()
    };
    done(after).difference(&done(before)).count()
}

fn worked(facts: &Facts<'_>, from: EventId, until: EventId) -> bool {
    let inside = |at: At| at.0 > from && at.0 < until;
    let edit = facts.edits.partition_point(|edit| edit.at.0 <= from);
    let check = facts.checks.partition_point(|check| check.at.0 <= from);
    facts.edits[edit..].iter().take_while(|edit| edit.at.0 < until).any(|edit| edit.applied)
        || facts.checks.get(check).is_some_and(|check| inside(check.at))
}

pub const PLAN_ADHERENCE: Metric = Metric {
    id: "plan_adherence",
    behaviour: "planning",
    unit: "share",
    range: "0..1",
    doc: "Paths that a plan named before the first edit (in a plan event's steps or in enumerated steps of a message) and that were edited / paths so named. A path is a word with a file extension, matched by its end.",
    undefined: "no plan before the first edit named a path, or nothing was edited",
    unknown: "never",
    fails: "Only plans that name files can be compared; a path named to say that it stays as it is counts as planned.",
    of: |facts| {
        let planned = planned_paths(facts);
        let edited = edited(facts);
        if edited.is_empty() {
            return Measured::Undefined("nothing was edited".to_owned());
        }
        let done = planned.keys().filter(|path| edited.iter().any(|edited| names(path, edited))).count();
        share(done, planned.len(), "no plan before the first edit named a path", first_events(&planned))
    },
};

pub const UNPLANNED_EDITS: Metric = Metric {
    id: "unplanned_edits",
    behaviour: "planning",
    unit: "share",
    range: "0..1",
    doc: "Edited files that no plan before the first edit named / edited files. The detail lists them.",
    undefined: "no plan before the first edit named a path, or nothing was edited",
    unknown: "never",
    fails: "New needs that come up at a later stage are unplanned by nature; generated and lock files count as edited files.",
    of: |facts| {
        let planned = planned_paths(facts);
        let edited = edited(facts);
        if planned.is_empty() || edited.is_empty() {
            return Measured::Undefined("no plan before the first edit named a path, or nothing was edited".to_owned());
        }
        let loose: Vec<&&str> =
            edited.iter().filter(|edited| !planned.keys().any(|path| names(path, edited))).collect();
        Measured::Value(Reading {
            value: loose.len() as f64 / edited.len() as f64,
            cites: first_events(&planned),
            detail: json!({ "part": loose.len(), "whole": edited.len(), "unplanned": loose }),
        })
    },
};

fn edited<'f>(facts: &'f Facts<'_>) -> BTreeSet<&'f str> {
    facts.applied().map(|edit| edit.path.as_str()).filter(|path| !path.is_empty()).collect()
}

static PATH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\w.@-]*(?:/[\w.@-]+)*[\w@-]\.[A-Za-z][A-Za-z0-9]{0,5}\b").ok());

/// Paths named by plans before the first edit, with the event that named each first.
fn planned_paths(facts: &Facts<'_>) -> BTreeMap<String, EventId> {
    let mut found = BTreeMap::new();
    let (Some(edit), Some(path)) = (facts.first_edit(), PATH.as_ref()) else { return found };
    let mut take = |event: EventId, text: &str| {
        for hit in
            path.find_iter(text).map(|hit| hit.as_str()).filter(|hit| hit.contains('/') || !hit.starts_with("e.g"))
        {
            found.entry(paths::place(None, None, hit)).or_insert(event);
        }
    };
    for (event, plan) in facts.plans.iter().take_while(|(event, _)| *event < edit.at.0) {
        plan.steps.iter().for_each(|step| take(*event, &step.text));
    }
    for said in facts.messages.iter().take_while(|said| said.event < edit.at.0) {
        let steps = steps_said(said.text);
        if steps.len() >= 2 {
            steps.into_iter().for_each(|step| take(said.event, step));
        }
    }
    found
}

fn first_events(planned: &BTreeMap<String, EventId>) -> Vec<EventId> {
    let events: BTreeSet<EventId> = planned.values().copied().collect();
    events.into_iter().collect()
}

fn names(planned: &str, edited: &str) -> bool {
    edited == planned || edited.strip_suffix(planned).is_some_and(|rest| rest.ends_with('/'))
}

pub const PLAN_CHURN: Metric = Metric {
    id: "plan_churn",
    behaviour: "planning",
    unit: "ratio",
    range: ">= 0",
    doc: "Steps added and steps removed (by their text) over all consecutive plan events / steps of the first plan event.",
    undefined: NO_PLAN,
    unknown: NEEDS_PLANS,
    fails: "A step whose wording alone changed counts as one removed and one added; a plan that rightly follows new evidence churns.",
    of: |facts| {
        planned(facts, |plans| {
            let texts = |plan: &Plan| -> BTreeSet<String> { plan.steps.iter().map(|step| step.text.clone()).collect() };
            let changed = |pair: &[(EventId, &Plan)]| texts(pair[0].1).symmetric_difference(&texts(pair[1].1)).count();
            let total: usize = plans.windows(2).map(changed).sum();
            let moved = plans.windows(2).filter(|pair| changed(pair) > 0).map(|pair| pair[1].0).collect();
            share(total, plans.first().map_or(0, |(_, plan)| plan.steps.len()), "the first plan had no step", moved)
        })
    },
};

pub const PLAN_ORDER: Metric = Metric {
    id: "plan_order",
    behaviour: "planning",
    unit: "Kendall's tau-b",
    range: "-1..1",
    doc: "Kendall's tau-b between the places of the first plan's steps and the plan events at which each was first completed; steps never completed are left out, steps completed at one event are ties. At most the first 500 steps are compared.",
    undefined: "fewer than two steps of the first plan were completed, or all at once",
    unknown: NEEDS_PLANS,
    fails: "With few completed steps it jumps between extremes; steps ticked off together are ties and say nothing.",
    of: |facts| {
        planned(facts, |plans| {
            let Some((first, plan)) = plans.first() else { return Measured::Undefined(NO_PLAN.to_owned()) };
            let mut done: BTreeMap<&str, usize> = BTreeMap::new();
            for (at, (_, plan)) in plans.iter().enumerate() {
                for step in plan.steps.iter().filter(|step| step.status == StepStatus::Completed) {
                    done.entry(&step.text).or_insert(at);
                }
            }
            let order: Vec<usize> =
                plan.steps.iter().take(500).filter_map(|step| done.get(step.text.as_str()).copied()).collect();
            match tau_b(&order) {
                Some(tau) => Measured::cited(tau, vec![*first]),
                None => Measured::Undefined(
                    "fewer than two steps of the first plan were completed, or all at once".to_owned(),
                ),
            }
        })
    },
};

/// Kendall's tau-b of a sequence against its own places, which have no ties.
fn tau_b(values: &[usize]) -> Option<f64> {
    let (mut more, mut less, mut tied) = (0u64, 0u64, 0u64);
    for (at, one) in values.iter().enumerate() {
        for two in &values[at + 1..] {
            match one.cmp(two) {
                std::cmp::Ordering::Less => more += 1,
                std::cmp::Ordering::Greater => less += 1,
                std::cmp::Ordering::Equal => tied += 1,
            }
        }
    }
    let pairs = more + less + tied;
    (more + less > 0).then(|| (more as f64 - less as f64) / ((pairs as f64) * (more + less) as f64).sqrt())
}
