//! Interview: does the agent ask for what it cannot know, and keep what it was told?
//!
//! Read from the interviewer's own decisions, which stand in the trace: which facts it told because they were asked for, what it could not
//! answer, where it only gave leave. A fact that the workspace answers is *discoverable*: asking for it costs precision and earns nothing.

use super::{
    Metric,
    exchange::{self, Exchange},
    facts::{Facts, count, share},
    stages::{self, Cell},
};
use crate::model::{
    ask::AskKind,
    id::EventId,
    interview::Decided,
    results::StageReached,
    score::Measured,
    task::{Fact, Task},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NO_SUITE: &str = "there is no interview: this is a recorded session";
const NO_FACTS: &str = "the task has no fact that only the user can tell";
const NEVER: &str = "never";
const NO_TABLE: &str = "the language has no table of questions, and a message ends a turn";

/// Weighted recall of what was worth asking: told weight / all weight.
pub fn weighted_recall(facts: &[(f64, bool)]) -> Option<f64> {
    let all: f64 = facts.iter().map(|(weight, _)| weight).sum();
    let told: f64 = facts.iter().filter(|(_, told)| *told).map(|(weight, _)| weight).sum();
    (all > 0.0).then(|| told / all)
}

/// Harmonic mean; 0 where both are 0.
pub fn f1(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

/// Bits that a question tells about which world is the true one: the entropy before, less the mean entropy after an answer. `answers` groups the
/// worlds (indexes into `prior`) by the answer they would give; the prior need not sum to 1.
pub fn information_gain_bits(prior: &[f64], answers: &[Vec<usize>]) -> Option<f64> {
    let all: f64 = prior.iter().sum();
    let weights = |worlds: &[usize]| worlds.iter().filter_map(|world| prior.get(*world).copied()).collect::<Vec<f64>>();
    let after = |worlds: &Vec<usize>| {
        let weights = weights(worlds);
        weights.iter().sum::<f64>() / all * entropy_bits(&weights)
    };
    (all > 0.0).then(|| entropy_bits(prior) - answers.iter().map(after).sum::<f64>())
}

fn entropy_bits(weights: &[f64]) -> f64 {
    let all: f64 = weights.iter().sum();
    let term = |weight: &f64| -weight / all * (weight / all).log2();
    weights.iter().filter(|weight| **weight > 0.0).map(term).sum()
}

/// Corrections that the user had to make, and a fifth of a correction for each reminder.
pub fn user_corrections(corrections: usize, reminders: usize) -> f64 {
    corrections as f64 + 0.2 * reminders as f64
}

pub const QUESTIONS_ASKED: Metric = Metric {
    id: "questions_asked",
    behaviour: "interview",
    unit: "questions",
    range: ">= 0",
    doc: "Questions (not go-aheads, not offers) in messages that end a turn and through ask tools. Where the interviewer answered and the sentence was not recognised as a question, it counts as one.",
    undefined: NEVER,
    unknown: NO_TABLE,
    fails: "Several questions in one sentence count as one; a question that the table does not know counts only where the interviewer answered.",
    of: |facts| {
        if let Some(why) = facts.unread_questions() {
            return Measured::Unknown(why);
        }
        let exchanges = exchange::exchanges(facts);
        count(
            exchanges.iter().map(|one| one.asked).sum(),
            exchanges.iter().filter(|one| one.asked > 0).map(|one| one.event).collect(),
        )
    },
};

pub const FACT_RECALL: Metric = Metric {
    id: "fact_recall",
    behaviour: "interview",
    unit: "share of weight",
    range: "0..1",
    doc: "Weight of the non-discoverable facts that were told because they were asked for / weight of all non-discoverable facts of the task. The detail lists those never asked for.",
    undefined: "the task has no such fact, there is no task, or the trial is the fully specified twin",
    unknown: NEVER,
    fails: "Patterns decide what counts as asked for: a good question in unforeseen words is missed, and one lucky word counts. Read the decisions beside it.",
    of: |facts| match recall(facts) {
        Ok((value, cites, missed)) => {
            let weights = || facts.task.into_iter().flat_map(hidden);
            let whole: f64 = weights().map(|fact| fact.weight).sum();
            let told: f64 = weights().filter(|fact| !missed.contains(&fact.id.as_str())).map(|fact| fact.weight).sum();
            let detail = json!({ "part": told, "whole": whole, "never_asked": missed });
            Measured::cited(value, cites).with_detail(detail)
        }
        Err(why) => Measured::Undefined(why.to_owned()),
    },
};

type Recall<'f> = (f64, Vec<EventId>, Vec<&'f str>);

fn recall<'f>(facts: &'f Facts<'_>) -> Result<Recall<'f>, &'static str> {
    let task = facts.task.ok_or(NO_SUITE)?;
    if facts.twin {
        return Err("the twin is told everything in its brief");
    }
    let hidden: Vec<&Fact> = hidden(task).collect();
    let exchanges = exchange::exchanges(facts);
    let told = |fact: &&Fact| told_at(&exchanges, &fact.id);
    let rows: Vec<(f64, bool)> = hidden.iter().map(|fact| (fact.weight, told(fact).is_some())).collect();
    let value = weighted_recall(&rows).ok_or(NO_FACTS)?;
    let missed = hidden.iter().filter(|fact| told(fact).is_none()).map(|fact| fact.id.as_str()).collect();
    let mut cites: Vec<EventId> = hidden.iter().filter_map(told).collect();
    cites.sort_unstable();
    cites.dedup();
    if cites.is_empty() {
        cites.extend(facts.first_edit().map(|edit| edit.at.0));
    }
    Ok((value, cites, missed))
}

/// Facts that only the user can tell.
fn hidden(task: &Task) -> impl Iterator<Item = &Fact> {
    task.interview.facts.iter().filter(|fact| fact.discoverable.is_empty())
}

/// The question that a fact was told for.
fn told_at(exchanges: &[Exchange<'_>], fact: &str) -> Option<EventId> {
    exchanges.iter().find(|one| one.told.contains(&fact)).map(|one| one.event)
}

pub const QUESTION_PRECISION: Metric = Metric {
    id: "question_precision",
    behaviour: "interview",
    unit: "share",
    range: "0..1",
    doc: "Useful questions / questions asked. In one exchange (the agent's questions and what the interviewer answered), as many questions are useful as new non-discoverable facts were told, at most all of them. Cites the exchanges that brought too little, or all where none did.",
    undefined: "no question was asked, or there is no task",
    unknown: NO_TABLE,
    fails: "A useful question about something that the suite's author did not think of counts as useless.",
    of: |facts| match (precision(facts), facts.unread_questions()) {
        (Err(why), _) if facts.task.is_none() => Measured::Undefined(why.to_owned()),
        (_, Some(why)) => Measured::Unknown(why),
        (Ok((useful, asked, cites)), None) => share(useful, asked, "no question was asked", cites),
        (Err(why), None) => Measured::Undefined(why.to_owned()),
    },
};

/// Useful questions, questions, and the exchanges that brought nothing; all of them where each brought something.
fn precision(facts: &Facts<'_>) -> Result<(usize, usize, Vec<EventId>), &'static str> {
    let task = facts.task.ok_or(NO_SUITE)?;
    let hidden: BTreeSet<&str> = hidden(task).map(|fact| fact.id.as_str()).collect();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let (mut useful, mut asked, mut wasted) = (0, 0, Vec::new());
    let exchanges: Vec<Exchange<'_>> = exchange::exchanges(facts);
    for one in &exchanges {
        let new = one.told.iter().filter(|fact| hidden.contains(*fact) && known.insert(fact)).count();
        useful += new.min(one.asked);
        asked += one.asked;
        if new < one.asked {
            wasted.push(one.event);
        }
    }
    if wasted.is_empty() {
        wasted.extend(exchanges.iter().filter(|one| one.asked > 0).map(|one| one.event));
    }
    if asked == 0 { Err("no question was asked") } else { Ok((useful, asked, wasted)) }
}

pub const QUESTION_F1: Metric = Metric {
    id: "question_f1",
    behaviour: "interview",
    unit: "F1",
    range: "0..1",
    doc: "Harmonic mean of fact_recall and question_precision; 0 where nothing was asked and there was something to ask.",
    undefined: "fact_recall is undefined",
    unknown: NO_TABLE,
    fails: "Inherits what misleads fact_recall and question_precision, and hides which of the two is low.",
    of: |facts| {
        let (recall, cites) = match recall(facts) {
            Ok((recall, cites, _)) => (recall, cites),
            Err(why) => return Measured::Undefined(why.to_owned()),
        };
        if let Some(why) = facts.unread_questions() {
            return Measured::Unknown(why);
        }
        let precision = precision(facts).map_or(0.0, |(useful, asked, _)| useful as f64 / asked as f64);
        Measured::cited(f1(precision, recall), cites)
    },
};

pub const DISCOVERABLE_QUESTIONS: Metric = Metric {
    id: "discoverable_questions",
    behaviour: "interview",
    unit: "facts",
    range: ">= 0",
    doc: "Distinct discoverable facts that were asked for although the workspace answers them.",
    undefined: "the task has no discoverable fact, or there is no task",
    unknown: NEVER,
    fails: "The author says what is discoverable; a file that says it only in passing makes an honest question look lazy.",
    of: |facts| {
        let open: Vec<&Fact> = facts
            .task
            .map(|task| &task.interview.facts)
            .into_iter()
            .flatten()
            .filter(|fact| !fact.discoverable.is_empty())
            .collect();
        if open.is_empty() {
            return Measured::Undefined("the task has no fact that the workspace answers".to_owned());
        }
        let exchanges = exchange::exchanges(facts);
        let cites: Vec<EventId> = open.iter().filter_map(|fact| told_at(&exchanges, &fact.id)).collect();
        count(cites.len(), cites)
    },
};

pub const GO_AHEADS: Metric = Metric {
    id: "go_aheads",
    behaviour: "interview",
    unit: "count",
    range: ">= 0",
    doc: "Times the agent stopped to ask for leave to go on (interviewer decisions; in a recorded session, turns that end with such a sentence).",
    undefined: NEVER,
    unknown: NO_TABLE,
    fails: "An agent that is set up to ask for leave is counted for its set-up, not for its judgement.",
    of: |facts| decided(facts, Decided::GoAhead, AskKind::GoAhead),
};

pub const OFFERS: Metric = Metric {
    id: "offers",
    behaviour: "interview",
    unit: "count",
    range: ">= 0",
    doc: "Offers of further work that the interviewer declined (in a recorded session, offers in messages that end a turn).",
    undefined: NEVER,
    unknown: NO_TABLE,
    fails: "An offer at the end is often mere politeness; the count says nothing of whether the work was complete.",
    of: |facts| decided(facts, Decided::DeclineOffer, AskKind::Offer),
};

fn decided(facts: &Facts<'_>, decided: Decided, kind: AskKind) -> Measured {
    if let Some(why) = facts.unread_questions() {
        return Measured::Unknown(why);
    }
    let cites: Vec<EventId> = if facts.task.is_some() {
        facts.decisions.iter().filter(|(_, decision)| decision.decision == decided).map(|(event, _)| *event).collect()
    } else {
        facts.questions.iter().filter(|asked| asked.answerable && asked.kind == kind).map(|asked| asked.event).collect()
    };
    count(cites.len(), cites)
}

pub const OVER_ASKING: Metric = Metric {
    id: "over_asking",
    behaviour: "interview",
    unit: "questions",
    range: ">= 0",
    doc: "Questions asked (see questions_asked) where there was nothing to ask: on the fully specified twin, or on a task without facts. Over trials it makes the false alarms, and fact_recall the hits, of d' (`agents[].asking` of results.json).",
    undefined: "the task has facts to ask for, or there is no task",
    unknown: NO_TABLE,
    fails: "One clever question about a real gap in the brief counts as over-asking; one twin a task is a small sample.",
    of: |facts| match facts.task {
        Some(task) if facts.twin || task.interview.facts.is_empty() => (QUESTIONS_ASKED.of)(facts),
        Some(_) => Measured::Undefined("the task has facts to ask for".to_owned()),
        None => Measured::Undefined(NO_SUITE.to_owned()),
    },
};

pub const TURNS_TO_CLARIFY: Metric = Metric {
    id: "turns_to_clarify",
    behaviour: "interview",
    unit: "exchanges",
    range: ">= 1",
    doc: "Largest number of exchanges of questions and answers within one stage, up to the one that told that stage's last new fact: 1 when everything was asked at once.",
    undefined: "no fact was told",
    unknown: NEVER,
    fails: "A question that only an answer could give rise to needs another round by nature.",
    of: |facts| {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut open: BTreeMap<&str, Vec<EventId>> = BTreeMap::new();
        let mut most: Vec<EventId> = Vec::new();
        for one in exchange::exchanges(facts) {
            let stage = facts.trace.event(one.event).map_or("", |event| event.stage.as_str());
            let asked = open.entry(stage).or_default();
            asked.push(one.event);
            let new = one.told.iter().filter(|fact| known.insert(fact)).count() > 0;
            if new && asked.len() > most.len() {
                most.clone_from(asked);
            }
        }
        if most.is_empty() { Measured::Undefined("no fact was told".to_owned()) } else { count(most.len(), most) }
    },
};

pub const ANSWERS_USED: Metric = Metric {
    id: "answers_used",
    behaviour: "interview",
    unit: "share",
    range: "0..1",
    doc: "Facts told whose answer shows in the work after it / facts told whose answer can be recognised. An answer shows if one of its marks occurs in a later tool call, plan or message; its marks are its numbers, words in code quotes and names with an inner capital, digit, dot or underscore, else its words of six letters or more; marks that the user had already said are left out.",
    undefined: "no fact was told, or no answer has a mark of its own",
    unknown: NEVER,
    fails: "Matches words: an answer that was followed without naming it looks unused, one that was only repeated looks used.",
    of: exchange::answers_used,
};

pub const CONSTRAINTS_KEPT: Metric = Metric {
    id: "constraints_kept",
    behaviour: "interview",
    unit: "share",
    range: "0..1",
    doc: "Cells of the constraint-by-stage matrix that are kept / cells that are kept or violated. Cites the violations, or what was kept where there are none; the detail is the matrix (not_yet, kept, violated, unknown, not_applicable).",
    undefined: "the task has no constraints, no stage with one in force was finished, or there is no task",
    unknown: "every cell in force is unknown: its check could not run",
    fails: "As good as the checks behind the constraints; a stage in which nothing was at risk counts as kept.",
    of: |facts| {
        let Some(task) = facts.task.filter(|task| !task.interview.constraints.is_empty()) else {
            return Measured::Undefined("there are no constraints".to_owned());
        };
        let rows = stages::constraints(task, facts);
        let cells = || rows.iter().flat_map(|row| row.cells.iter().copied());
        let kept = cells().filter(|cell| matches!(cell, Cell::Kept(_))).count();
        let broken: Vec<EventId> = cells().filter_map(violated).collect();
        if kept + broken.len() == 0 && cells().any(|cell| cell == Cell::Unknown) {
            return Measured::Unknown("the checks of the constraints could not run".to_owned());
        }
        let all = kept + broken.len();
        let cites = if broken.is_empty() { cells().filter_map(held).collect() } else { broken };
        share(kept, all, "no stage with a constraint in force was finished", cites)
            .with_detail(json!({ "matrix": matrix(task, facts, &rows) }))
    },
};

fn held(cell: Cell) -> Option<EventId> {
    match cell {
        Cell::Kept(event) => Some(event),
        Cell::Violated(_) | Cell::NotYet | Cell::Unknown | Cell::NotApplicable => None,
    }
}

fn violated(cell: Cell) -> Option<EventId> {
    match cell {
        Cell::Violated(event) => Some(event),
        Cell::Kept(_) | Cell::NotYet | Cell::Unknown | Cell::NotApplicable => None,
    }
}

fn matrix(task: &Task, facts: &Facts<'_>, rows: &[stages::Row]) -> Value {
    let stages = stages::stages(task, facts);
    let row = |row: &stages::Row| {
        let cells: Map<String, Value> =
            stages.iter().zip(&row.cells).map(|(stage, cell)| (stage.id.clone(), json!(cell.word()))).collect();
        (row.constraint.clone(), Value::Object(cells))
    };
    Value::Object(rows.iter().map(row).collect())
}

pub const VIOLATION_PERSISTENCE: Metric = Metric {
    id: "violation_persistence",
    behaviour: "interview",
    unit: "stages",
    range: ">= 0",
    doc: "Longest run of stages (those decided, in order) over which one constraint stayed violated; 0 if none ever was.",
    undefined: "no cell of the constraint matrix was decided",
    unknown: NEVER,
    fails: "Counts stages, which differ in length, and only those that were decided; a violation at the last stage has no time to persist.",
    of: |facts| {
        let rows = facts.task.map(|task| stages::constraints(task, facts)).unwrap_or_default();
        let (mut longest, mut decided): (Vec<EventId>, bool) = (Vec::new(), false);
        for row in &rows {
            let mut run: Vec<EventId> = Vec::new();
            for cell in &row.cells {
                match cell {
                    Cell::Violated(event) => run.push(*event),
                    Cell::Kept(_) => run.clear(),
                    Cell::NotYet | Cell::Unknown | Cell::NotApplicable => continue,
                }
                decided = true;
                if run.len() > longest.len() {
                    longest.clone_from(&run);
                }
            }
        }
        if decided {
            count(longest.len(), longest)
        } else {
            Measured::Undefined("no constraint was decided at any stage".to_owned())
        }
    },
};

pub const USER_CORRECTIONS: Metric = Metric {
    id: "user_corrections",
    behaviour: "interview",
    unit: "corrections",
    range: ">= 0",
    doc: "Stages that count as a correction and were entered + 0.2 x reminders.",
    undefined: "there is no task",
    unknown: NEVER,
    fails: "Counts what the script foresees: a mistake without a correction stage costs nothing, and reminders depend on how the agent ends its turns.",
    of: |facts| {
        let Some(task) = facts.task else { return Measured::Undefined(NO_SUITE.to_owned()) };
        let stages = stages::stages(task, facts);
        let seen = stages.iter().zip(&task.interview.stages).filter(|(_, stage)| stage.correction);
        let corrections: Vec<Option<EventId>> = seen
            .filter(|(seen, _)| {
                matches!(seen.state, StageReached::Done | StageReached::Unreached) && seen.event.is_some()
            })
            .map(|(seen, _)| facts.said_at(&seen.id).or(seen.event))
            .collect();
        let reminders = facts.decisions.iter().filter(|(_, decision)| decision.decision == Decided::Remind);
        let reminders: Vec<EventId> = reminders.map(|(event, _)| *event).collect();
        let value = user_corrections(corrections.len(), reminders.len());
        Measured::cited(value, corrections.into_iter().flatten().chain(reminders).collect())
    },
};

pub const REGRESSIONS: Metric = Metric {
    id: "regressions",
    behaviour: "interview",
    unit: "share",
    range: "0..1",
    doc: "Checks that held at the end of one stage, were still in force at the next finished stage at whose end they ran, and no longer held there / checks that held at one and ran at the other.",
    undefined: "no check that held ran again at a later stage",
    unknown: NEVER,
    fails: "A check that a later stage rightly makes obsolete counts as lost unless the suite says `until`; flaky checks look like regressions.",
    of: |facts| {
        let Some(task) = facts.task else { return Measured::Undefined(NO_SUITE.to_owned()) };
        let (held, lost) = held_and_lost(task, facts);
        let name = lost.first().and_then(|lost| facts.marks.iter().find(|(event, _)| event == lost));
        let quote = name.map(|(_, mark)| mark.name.as_str());
        share(lost.len(), held, "no check that held ran again at a later stage", lost)
            .with_detail(json!({ "quote": quote }))
    },
};

fn held_and_lost(task: &Task, facts: &Facts<'_>) -> (usize, Vec<EventId>) {
    let seen = stages::stages(task, facts);
    let (mut held, mut lost) = (0, Vec::new());
    for check in &task.checks {
        let until = check.until.as_deref().and_then(|until| task.stage_index(until)).unwrap_or(usize::MAX);
        let before = stages::mark_of(facts, &check.name, "before").map(|(_, mark)| mark);
        let mut last: Option<bool> = None;
        for stage in seen.iter().take(until).filter(|stage| stage.state == StageReached::Done) {
            let Some((event, mark)) = stages::mark_of(facts, &check.name, &stage.id) else { continue };
            let stages::Standing::Measured(_, holds) = stages::standing(check, before, mark) else { continue };
            if last == Some(true) {
                held += 1;
                if !holds {
                    lost.push(event);
                }
            }
            last = Some(holds);
        }
    }
    (held, lost)
}
