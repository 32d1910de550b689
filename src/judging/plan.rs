//! Which questions share a call, and how many parts it takes.
//!
//! Questions of one view share calls of at most eight, in the order of their ids, so that neither the order of a file nor that of replies changes
//! a prompt. While the whole record fits, what each of them selects does not matter. When not even what they select together fits, those that
//! select the same share a call.

use super::{
    Case, Proof, Question,
    fit::{self, Fitted},
    prompt::{Asked, Templates, most},
    record::Record,
    selection::View,
    stated,
    tokens::estimate,
};
use crate::model::{
    fault::{Boundary, Fault},
    id::EventId,
    judge::{Bench, LeftOut},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Criteria of one call at most.
pub const TOGETHER: usize = 8;
/// Tokens kept free for the nonce and for what was wrong with a first reply.
const SPARE: u64 = 700;

/// Requests about the same record to each seat.
pub struct Call<'q> {
    pub questions: Vec<&'q Question>,
    pub view: View,
    pub record: Rc<Record>,
    pub fitted: Fitted,
    pub facts: Vec<String>,
    pub most: u32,
    /// Of each question.
    pub left_out: Vec<LeftOut>,
}

impl Call<'_> {
    /// Events shown in some part that speak to a judge.
    pub fn suspects(&self) -> Vec<EventId> {
        let all: BTreeSet<EventId> = self.fitted.parts.iter().flat_map(|part| part.suspects.iter().copied()).collect();
        all.into_iter().collect()
    }
}

/// What is asked under one view: records are read once for each.
pub struct Planner<'a> {
    pub case: Case<'a>,
    pub bench: &'a Bench,
    pub dimension: &'a str,
    pub templates: &'a Templates,
    records: BTreeMap<(View, bool), Rc<Record>>,
}

impl<'a> Planner<'a> {
    pub fn new(case: Case<'a>, bench: &'a Bench, dimension: &'a str, templates: &'a Templates) -> Planner<'a> {
        Planner { case, bench, dimension, templates, records: BTreeMap::new() }
    }

    /// Every call, or the questions that fit into none, with the reason.
    pub fn calls<'q>(&mut self, questions: &'q [Question]) -> (Vec<Call<'q>>, Vec<(&'q Question, Fault)>) {
        let mut groups: BTreeMap<(View, bool), Vec<&'q Question>> = BTreeMap::new();
        for question in questions {
            let reasoning = question.selection.reasoning;
            let views: &[View] = match question.selection.view {
                View::Both => &[View::Full, View::Actions],
                View::Full => &[View::Full],
                View::Actions => &[View::Actions],
                View::Messages => &[View::Messages],
            };
            views.iter().for_each(|view| groups.entry((*view, reasoning)).or_default().push(question));
        }
        let (mut calls, mut not) = (Vec::new(), Vec::new());
        for (key, mut group) in groups {
            group.sort_by(|one, two| one.id.cmp(&two.id));
            let chunks = group.len().div_ceil(TOGETHER).max(1);
            for chunk in group.chunks(group.len().div_ceil(chunks).max(1)) {
                match self.fitted(key, chunk) {
                    Ok(found) => calls.extend(found),
                    Err(fault) => not.extend(chunk.iter().map(|question| (*question, fault.clone()))),
                }
            }
        }
        (calls, not)
    }

    fn fitted<'q>(&mut self, key: (View, bool), group: &[&'q Question]) -> Result<Vec<Call<'q>>, Fault> {
        let record = self.record(key);
        let wanted: Vec<BTreeSet<usize>> = group.iter().map(|question| self.wanted(&record, key, question)).collect();
        let union: BTreeSet<usize> = wanted.iter().flatten().copied().collect();
        let facts = self.facts(group);
        let most = most(group.len(), self.bench.window);
        let room = self.room(key.0, group, &facts)?;
        let alone = group.len() == 1 || wanted.iter().all(|one| *one == wanted[0]);
        let fitted = if alone { fit::fit(&record, &union, room) } else { fit::in_one(&record, &union, room) };
        match fitted {
            Some(fitted) => {
                let left_out = wanted.iter().map(|wanted| fitted.left_out(&record, wanted)).collect();
                Ok(vec![Call { questions: group.to_vec(), view: key.0, record, fitted, facts, most, left_out }])
            }
            None if alone => Err(self.too_small()),
            None => {
                let mut alike: BTreeMap<&super::Selection, Vec<&'q Question>> = BTreeMap::new();
                group.iter().for_each(|question| alike.entry(&question.selection).or_default().push(question));
                let parts =
                    alike.into_values().map(|alike| self.fitted(key, &alike)).collect::<Result<Vec<_>, Fault>>()?;
                Ok(parts.into_iter().flatten().collect())
            }
        }
    }

    fn record(&mut self, key: (View, bool)) -> Rc<Record> {
        let case = self.case;
        Rc::clone(self.records.entry(key).or_insert_with(|| Rc::new(Record::of(&case, key.0, key.1))))
    }

    /// Places of the blocks that a question selects.
    fn wanted(&self, record: &Record, (view, _): (View, bool), question: &Question) -> BTreeSet<usize> {
        let selection = super::Selection { view, ..question.selection.clone() };
        selection.of(&self.case).into_iter().filter_map(|event| record.place(event)).collect()
    }

    fn facts(&self, group: &[&Question]) -> Vec<String> {
        let mut facts = stated::facts(&self.case, self.dimension);
        for question in group.iter().filter(|question| question.proof == Proof::Either) {
            let flag = question.flag.as_deref().unwrap_or_default();
            let events: Vec<String> = question.selection.events.iter().map(EventId::to_string).collect();
            let flag = super::escape::escape_line(&super::normal(flag));
            facts.push(format!("flag {}: {flag} ({})", question.id, events.join(", ")));
        }
        facts
    }

    /// Tokens that the record of one request may take.
    fn room(&self, view: View, group: &[&Question], facts: &[String]) -> Result<u64, Fault> {
        let most = most(group.len(), self.bench.window);
        let empty = Asked {
            dimension: self.dimension,
            questions: group,
            view,
            record: "",
            facts,
            superseded: 1,
            part: (10, 10),
            mistakes: &[],
            most,
        };
        let prompt = self.templates.prompt(&empty).map_err(|why| Fault::new(Boundary::Grader, "template", why))?;
        let frame = estimate(&prompt.system) + estimate(&prompt.user) + estimate(&prompt.schema.to_string());
        let taken = frame + u64::from(most) + SPARE;
        self.bench.window.checked_sub(taken).filter(|room| *room > 0).ok_or_else(|| self.too_small())
    }

    fn too_small(&self) -> Fault {
        let (name, window) = (&self.bench.name, self.bench.window);
        let message = format!("the window of judge `{name}` ({window} tokens) cannot hold the criteria and one event");
        Fault::new(Boundary::Judge, "window", message).hint("name a judge with a larger window")
    }
}
