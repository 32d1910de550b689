//! Which events a criterion asks to see, and which side of them.
//!
//! ```yaml
//! evidence: {acts: [edit, test], around: 2, messages: questions, plans: all, always: [final_message], view: actions, reduce: all}
//! ```
//!
//! What a criterion selects is what its verdict may rest on: when not everything fits, the rest is left out first, and only what was selected
//! and not shown makes a verdict unknown. A criterion that selects nothing asks for everything.

use super::Case;
use crate::model::{
    act::Act,
    id::EventId,
    trace::{Body, Event},
};
use std::collections::BTreeSet;

/// A criterion's `evidence`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    pub acts: Vec<Act>,
    /// Events before and after each one selected by its act, message or plan.
    pub around: usize,
    pub messages: Vec<Messages>,
    pub plans: bool,
    pub final_message: bool,
    /// Events named by a rule that flagged something.
    pub events: Vec<EventId>,
    pub view: View,
    /// The agent's own reasoning is shown too.
    pub reasoning: bool,
    /// How verdicts on segments become one; `None`: `any` for a presence, `all` for an absence.
    pub reduce: Option<Reduce>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Messages {
    All,
    User,
    Questions,
    LastOfTurn,
}

impl Messages {
    pub const ALL: [(&'static str, Messages); 4] = [
        ("all", Messages::All),
        ("user", Messages::User),
        ("questions", Messages::Questions),
        ("last_of_turn", Messages::LastOfTurn),
    ];
}

/// Which side of the run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// What was done and what was said.
    #[default]
    Full,
    /// What was done; of what the agent said, only that it spoke.
    Actions,
    /// What was said; of what was done, only the skeleton.
    Messages,
    /// Asked twice, in full and by actions alone: the difference is talk inflation.
    Both,
}

impl View {
    pub const ALL: [(&'static str, View); 4] =
        [("full", View::Full), ("actions", View::Actions), ("messages", View::Messages), ("both", View::Both)];
}

/// How verdicts on segments become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reduce {
    /// Met where any segment is.
    Any,
    /// Not met where any segment is not.
    All,
    /// The last segment that has a verdict.
    Last,
}

impl Reduce {
    pub const ALL: [(&'static str, Reduce); 3] = [("any", Reduce::Any), ("all", Reduce::All), ("last", Reduce::Last)];
}

/// Whether a view shows what an event of this kind says; its line in the skeleton is always there.
pub fn shows(view: View, reasoning: bool, body: &Body) -> bool {
    let (done, said) = match view {
        View::Full | View::Both => (true, true),
        View::Actions => (true, false),
        View::Messages => (false, true),
    };
    match body {
        Body::UserMessage(_) => true,
        // A decision of the interviewer quotes what the agent said; a compaction's summary is the agent's account of itself.
        Body::AgentMessage(_) | Body::Question(_) | Body::Plan(_) | Body::Interviewer(_) | Body::Compaction(_) => said,
        Body::Reasoning(_) => reasoning,
        Body::ToolCall(_)
        | Body::ToolResult(_)
        | Body::FileChange(_)
        | Body::Permission(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::SubAgent(_)
        | Body::Limit(_)
        | Body::Error(_) => done,
        // It may be anything.
        Body::Unknown(_) => said && done,
        // Their line says all there is.
        Body::Stage(_) | Body::Usage(_) | Body::TurnEnd(_) | Body::End(_) => false,
    }
}

impl Selection {
    /// Whether it asks for everything that its view shows.
    pub fn is_everything(&self) -> bool {
        self.acts.is_empty() && self.messages.is_empty() && !self.plans && !self.final_message && self.events.is_empty()
    }

    /// The events that it asks for, of those that its view shows.
    pub fn of(&self, case: &Case<'_>) -> BTreeSet<EventId> {
        let shown = |event: &&Event| !event.superseded && shows(self.view, self.reasoning, &event.body);
        let all: Vec<&Event> = case.trace.events.iter().filter(shown).collect();
        if self.is_everything() {
            return all.iter().map(|event| event.id).collect();
        }
        let seeds = self.seeds(case);
        let mut found = BTreeSet::new();
        for (at, event) in all.iter().enumerate() {
            if seeds.contains(&event.id) {
                let near = &all[at.saturating_sub(self.around)..(at + self.around + 1).min(all.len())];
                found.extend(near.iter().map(|event| event.id));
            }
        }
        let asked = |event: &&&Event| matches!(event.body, Body::UserMessage(_)) && event.lane.is_empty();
        found.extend(all.iter().filter(asked).map(|event| event.id));
        found.extend(self.last_words(case).filter(|id| all.iter().any(|event| event.id == *id)));
        found
    }

    fn last_words(&self, case: &Case<'_>) -> impl Iterator<Item = EventId> {
        let last = case.facts.messages.last().map(|said| said.event);
        last.filter(|_| self.final_message).into_iter()
    }

    /// What the keys name themselves, without what stands around it.
    fn seeds(&self, case: &Case<'_>) -> BTreeSet<EventId> {
        let facts = case.facts;
        let mut found: BTreeSet<EventId> = self.events.iter().copied().collect();
        for act in facts.acts.iter().filter(|act| self.acts.contains(&act.deed.act)) {
            let call = facts.call_of(act);
            found.insert(call.event);
            found.extend(call.result);
        }
        if self.acts.contains(&Act::Edit) {
            found.extend(facts.reported.iter().map(|change| change.event));
        }
        if self.plans {
            found.extend(facts.plans.iter().map(|(event, _)| *event));
        }
        for messages in &self.messages {
            match messages {
                Messages::All => found.extend(facts.messages.iter().map(|said| said.event)),
                Messages::User => found.extend(facts.users.iter().map(|(event, _)| *event)),
                Messages::Questions => {
                    found.extend(facts.questions.iter().filter(|asked| asked.answerable).map(|asked| asked.event));
                }
                Messages::LastOfTurn => {
                    found.extend(facts.messages.iter().filter(|said| said.ends_turn).map(|said| said.event));
                }
            }
        }
        found
    }
}
