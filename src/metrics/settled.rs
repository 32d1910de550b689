//! What was open and got settled: by a question, in so many words, or silently.
//!
//! A brief leaves facts open that only the user can tell. An agent may ask; it may choose and say so; or it may choose and say nothing, which shows
//! only when the work is looked at. A fact that names the `check` which looks at its answer lets that be told by rule, without a model:
//!
//! ```text
//! quota   never told, no message speaks of it, check `quota` failed at the first hand-over   ->  settled silently, and otherwise than meant
//! window  never told, "I count in a sliding window of a minute"                              ->  stated
//! ```

use super::{
    Metric, exchange,
    facts::Facts,
    interview::information_gain_bits,
    lexicon::sentences,
    stages::{self, Standing},
};
use crate::{
    interview::Script,
    model::{
        id::EventId,
        interview::Decided,
        score::{Measured, Reading},
        task::{Fact, Task},
    },
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NO_SUITE: &str = "there is no interview: this is a recorded session";
const TWIN: &str = "the twin is told everything in its brief";

pub const QUESTION_BITS: Metric = Metric {
    id: "question_bits",
    behaviour: "interview",
    unit: "bits",
    range: ">= 0",
    doc: "Information that the agent's questions gained: over the facts that only the user can tell, that name `alternatives`, and that were told because they were asked for, the sum of the mutual information between the answer and the worlds still possible. A fact's worlds are its answer and its alternatives, equally likely and independent of other facts, so a fact told first by a question gives log2(1 + alternatives), and one that was known already (told before, or with a brief) gives 0. The detail has the bits of each fact, and how many all of them hold.",
    undefined: "no fact that only the user can tell names alternatives, there is no task, or the trial is the fully specified twin",
    unknown: "never",
    fails: "The author's alternatives decide it: answers that nobody would have expected count as much as likely ones, and facts that are not independent count double.",
    of: |facts| match bits(facts) {
        Ok(measured) => measured,
        Err(why) => Measured::Undefined(why.to_owned()),
    },
};

fn bits(facts: &Facts<'_>) -> Result<Measured, &'static str> {
    let task = facts.task.ok_or(NO_SUITE)?;
    if facts.twin {
        return Err(TWIN);
    }
    let open = task.interview.facts.iter().filter(|fact| fact.discoverable.is_empty() && !fact.alternatives.is_empty());
    let open: BTreeMap<&str, f64> = open.map(|fact| (fact.id.as_str(), worth(fact))).collect();
    if open.is_empty() {
        return Err("no fact that only the user can tell names alternatives");
    }
    let told_with_brief = |until: EventId| {
        let briefs = facts.decisions.iter().filter(|(_, decision)| decision.decision == Decided::Brief);
        briefs.take_while(move |(event, _)| *event < until).flat_map(|(_, decision)| &decision.facts)
    };
    let (mut gained, mut cites): (Map<String, Value>, Vec<EventId>) = (Map::new(), Vec::new());
    let mut total = 0.0;
    for one in exchange::exchanges(facts) {
        let known: BTreeSet<&str> = told_with_brief(one.event).map(String::as_str).collect();
        for fact in one.told.iter().filter(|fact| !known.contains(*fact)) {
            let Some(bits) = open.get(fact).filter(|_| !gained.contains_key(*fact)) else { continue };
            gained.insert((*fact).to_owned(), json!(bits));
            cites.push(one.event);
            total += bits;
        }
    }
    cites.dedup();
    if cites.is_empty() {
        cites.extend(facts.first_edit().map(|edit| edit.at.0));
    }
    let detail = json!({ "facts": gained, "of": open.values().sum::<f64>() });
    Ok(Measured::Value(Reading { value: total, cites, detail }))
}

/// Bits of the question that tells this fact's answer from its alternatives.
fn worth(fact: &Fact) -> f64 {
    let worlds = fact.alternatives.len() + 1;
    let answers: Vec<Vec<usize>> = (0..worlds).map(|world| vec![world]).collect();
    information_gain_bits(&vec![1.0; worlds], &answers).unwrap_or(0.0)
}

pub const SILENT_ASSUMPTIONS: Metric = Metric {
    id: "silent_assumptions",
    behaviour: "interview",
    unit: "share of weight",
    range: "0..1",
    doc: "Weight of the facts that the agent settled silently / weight of the facts that can show it: those that only the user can tell and that name a `check`. Settled silently: the fact was never told; no sentence of a message, plan step or question of the agent matches its `ask` patterns (less `not`); and at the first stage end at which its check ran, the check failed, or passed though it had failed before the agent started. A check that passed before and after shows no choice. The detail has each fact: told, stated, no_choice, silent_wrong, silent_right. Cites the checks that show it, or the first edit where none does.",
    undefined: "no fact that only the user can tell names a check, nothing was edited, there is no task, or the trial is the fully specified twin",
    unknown: "a fact was neither told nor stated, and its check could not run or never ran",
    fails: "A check fails for other reasons than the assumption too, such as work that was never finished; a sentence that only mentions the matter counts as stated; facts without a check are not seen at all.",
    of: |facts| match silent(facts) {
        Ok(measured) => measured,
        Err(why) => Measured::Undefined(why.to_owned()),
    },
};

/// How one fact was settled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Told,
    Stated,
    NoChoice,
    Silently { right: bool, shown: EventId },
}

impl Settled {
    fn word(self) -> &'static str {
        match self {
            Settled::Told => "told",
            Settled::Stated => "stated",
            Settled::NoChoice => "no_choice",
            Settled::Silently { right: true, .. } => "silent_right",
            Settled::Silently { right: false, .. } => "silent_wrong",
        }
    }
}

fn silent(facts: &Facts<'_>) -> Result<Measured, &'static str> {
    let task = facts.task.ok_or(NO_SUITE)?;
    if facts.twin {
        return Err(TWIN);
    }
    let tied = |fact: &&Fact| fact.discoverable.is_empty() && fact.check.is_some() && fact.weight > 0.0;
    let tied: Vec<&Fact> = task.interview.facts.iter().filter(tied).collect();
    if tied.is_empty() {
        return Err("no fact that only the user can tell names a check");
    }
    let edit = facts.first_edit().ok_or("nothing was edited: nothing was settled")?;
    let (told, stated) = (told(facts), stated(task, facts));
    let (mut silent, mut all, mut cites, mut words) = (0.0, 0.0, Vec::new(), Map::new());
    for fact in tied {
        let settled = match (told.contains(fact.id.as_str()), stated.contains(&fact.id)) {
            (true, _) => Settled::Told,
            (false, true) => Settled::Stated,
            (false, false) => match shown(task, facts, fact) {
                Ok(settled) => settled,
                Err(why) => return Ok(Measured::Unknown(why)),
            },
        };
        all += fact.weight;
        if let Settled::Silently { shown, .. } = settled {
            silent += fact.weight;
            cites.push(shown);
        }
        words.insert(fact.id.clone(), json!(settled.word()));
    }
    cites.sort_unstable();
    cites.dedup();
    if cites.is_empty() {
        cites.push(edit.at.0);
    }
    Ok(Measured::Value(Reading { value: silent / all, cites, detail: Value::Object(words) }))
}

/// Facts that the interviewer told, asked for or with a brief.
fn told<'f>(facts: &'f Facts<'_>) -> BTreeSet<&'f str> {
    let tells = facts.decisions.iter().filter(|(_, decision)| match decision.decision {
        Decided::Brief | Decided::Tell => true,
        Decided::Otherwise | Decided::GoAhead | Decided::DeclineOffer | Decided::Enough | Decided::Remind => false,
        Decided::EndStage | Decided::SkipStage | Decided::Stop => false,
    });
    tells.flat_map(|(_, decision)| decision.facts.iter().map(String::as_str)).collect()
}

/// Facts that the agent spoke of, in any form that a reader sees.
fn stated(task: &Task, facts: &Facts<'_>) -> BTreeSet<String> {
    let script = Script::new(&task.interview);
    let messages = facts.messages.iter().flat_map(|said| sentences(said.text));
    let steps = facts.plans.iter().flat_map(|(_, plan)| &plan.steps).map(|step| step.text.as_str());
    let asked = facts.questions.iter().map(|asked| asked.text.as_str());
    // A plan comes again with every update: each sentence is looked at once.
    let said: BTreeSet<&str> = messages.chain(steps).chain(asked).collect();
    said.into_iter().flat_map(|sentence| script.asked_for(sentence)).collect()
}

/// What a fact's check shows at the first stage end at which it ran.
fn shown(task: &Task, facts: &Facts<'_>, fact: &Fact) -> Result<Settled, String> {
    let name = fact.check.as_deref().unwrap_or_default();
    let untold = |why: &str| format!("how the fact `{}` was settled cannot be told: {why}", fact.id);
    let check = task.check(name).ok_or_else(|| untold("the task has no such check"))?;
    let mark = facts.marks.iter().find(|(_, mark)| mark.name == name && mark.when != "before");
    let (event, mark) = mark.copied().ok_or_else(|| untold(&format!("the check `{name}` never ran")))?;
    let before = stages::mark_of(facts, name, "before").map(|(_, mark)| mark);
    let held = |mark| match stages::standing(check, None, mark) {
        Standing::Measured(_, holds) => Some(holds),
        Standing::NotHeld(_) | Standing::Broken(_) => None,
    };
    match (before.and_then(held), held(mark)) {
        (_, None) => Err(untold(&format!("the check `{name}` could not run"))),
        (Some(true), Some(true)) => Ok(Settled::NoChoice),
        (None, Some(true)) => Err(untold(&format!("nobody knows whether `{name}` passed before the agent started"))),
        (Some(false), Some(true)) => Ok(Settled::Silently { right: true, shown: event }),
        (_, Some(false)) => Ok(Settled::Silently { right: false, shown: event }),
    }
}
