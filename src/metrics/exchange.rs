//! Exchanges: what the agent asked at one point, and what the interviewer made of it.

use super::facts::{Facts, share};
use crate::model::{ask::AskKind, id::EventId, interview::Decided, score::Measured, trace::Body, trace::Event};
use serde_json::Value;
use std::collections::BTreeSet;

/// Questions of one message or call, with the facts they brought.
pub struct Exchange<'f> {
    /// The first question, else the decision.
    pub event: EventId,
    pub asked: usize,
    /// Ids as the decision has them: facts, and constraints told when asked for.
    pub told: Vec<&'f str>,
}

/// In order. Questions that nobody answered are exchanges too.
pub fn exchanges<'f>(facts: &'f Facts<'_>) -> Vec<Exchange<'f>> {
    let mut questions =
        facts.questions.iter().filter(|asked| asked.answerable && asked.kind == AskKind::Question).peekable();
    let mut found: Vec<Exchange<'f>> = Vec::new();
    let mut open_until: Option<EventId> = None;
    for (event, decision) in &facts.decisions {
        let answers = match decision.decision {
            Decided::Tell | Decided::Otherwise | Decided::Enough => true,
            Decided::Brief | Decided::GoAhead | Decided::DeclineOffer | Decided::Remind => false,
            Decided::EndStage | Decided::SkipStage | Decided::Stop => false,
        };
        if !answers {
            continue;
        }
        let mut asked: Vec<EventId> = Vec::new();
        while let Some(question) = questions.next_if(|question| question.event < *event) {
            asked.push(question.event);
        }
        let told = decision.facts.iter().map(String::as_str);
        let same = asked.is_empty() && open_until.is_some_and(|until| !spoken(facts, until, *event));
        match found.last_mut().filter(|_| same) {
            Some(last) => last.told.extend(told),
            None => found.push(Exchange {
                event: asked.first().copied().unwrap_or(*event),
                asked: asked.len().max(1),
                told: told.collect(),
            }),
        }
        open_until = Some(*event);
    }
    found.extend(questions.map(|question| Exchange { event: question.event, asked: 1, told: Vec::new() }));
    found
}

/// Whether the agent said something or called an ask tool between two decisions.
fn spoken(facts: &Facts<'_>, from: EventId, until: EventId) -> bool {
    let said = facts.messages.partition_point(|said| said.event <= from);
    let called = facts.calls.partition_point(|call| call.event <= from);
    facts.messages.get(said).is_some_and(|said| said.event < until)
        || facts.calls.get(called).is_some_and(|call| call.event < until)
}

/// See the metric `answers_used`.
pub fn answers_used(facts: &Facts<'_>) -> Measured {
    let Some(task) = facts.task else { return Measured::Undefined("there is no interview".to_owned()) };
    let tells = facts.decisions.iter().filter(|(_, decision)| decision.decision == Decided::Tell);
    let mut told: Vec<(EventId, BTreeSet<String>)> = Vec::new();
    for (event, decision) in tells {
        let known = said_before(facts, *event);
        for fact in task.interview.facts.iter().filter(|fact| decision.facts.contains(&fact.id)) {
            let texts: Vec<&str> = fact.say.iter().map(|wording| wording.text.as_str()).collect();
            let marks: BTreeSet<String> = marks(&texts.join(" ")).difference(&known).cloned().collect();
            if !marks.is_empty() {
                told.push((*event, marks));
            }
        }
    }
    let (used, all) = (used(facts, &told, &|_| true), told.len());
    let cites = if used.is_empty() { told.iter().map(|(event, _)| *event).collect() } else { used.clone() };
    share(used.len(), all, "no fact was told whose answer can be recognised", cites)
}

fn said_before(facts: &Facts<'_>, event: EventId) -> BTreeSet<String> {
    facts.users.iter().take_while(|(user, _)| *user < event).flat_map(|(_, text)| words(text)).collect()
}

/// Which of what was told, in order, shows in the work after it (the events that count); one walk from the end, words gathered on the way.
pub(super) fn used(
    facts: &Facts<'_>,
    told: &[(EventId, BTreeSet<String>)],
    counts: &dyn Fn(&Event) -> bool,
) -> Vec<EventId> {
    let mut later: BTreeSet<String> = BTreeSet::new();
    let mut used = Vec::new();
    let mut open = told.iter().rev().peekable();
    for event in facts.trace.events.iter().rev().filter(|event| !event.superseded) {
        while let Some((told, marks)) = open.next_if(|(told, _)| *told >= event.id) {
            if !marks.is_disjoint(&later) {
                used.push(*told);
            }
        }
        if open.peek().is_none() {
            break;
        }
        if !counts(event) {
            continue;
        }
        match &event.body {
            Body::ToolCall(call) => gather(&call.input, &mut later),
            Body::AgentMessage(said) => later.extend(words(said.text.as_str())),
            Body::Plan(plan) => plan.steps.iter().for_each(|step| later.extend(words(&step.text))),
            Body::FileChange(change) => later.extend(words(change.diff.as_str())),
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
    used.reverse();
    used
}

fn gather(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => into.extend(words(text)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        Value::Object(map) => map.values().for_each(|item| gather(item, into)),
        Value::Number(number) => {
            into.insert(number.to_string());
        }
        Value::Null | Value::Bool(_) => {}
    }
}

pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let split = text.split(|mark: char| !(mark.is_alphanumeric() || mark == '_' || mark == '.'));
    split.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty() && word.len() < 80).map(str::to_lowercase)
}

/// What an answer can be recognised by.
pub(super) fn marks(text: &str) -> BTreeSet<String> {
    let quoted: BTreeSet<String> = text.split('`').skip(1).step_by(2).flat_map(words).collect();
    let named = |word: &&str| {
        let inner =
            word.chars().skip(1).any(|mark| mark.is_uppercase() || mark.is_ascii_digit() || mark == '_' || mark == '.');
        inner || word.chars().all(|mark| mark.is_ascii_digit())
    };
    let split = || {
        text.split(|mark: char| !(mark.is_alphanumeric() || mark == '_' || mark == '.'))
            .map(|word| word.trim_matches('.'))
    };
    let named = split().filter(|word| !word.is_empty()).filter(named).map(str::to_lowercase);
    let strong: BTreeSet<String> = quoted.into_iter().chain(named).collect();
    if strong.is_empty() { words(text).filter(|word| word.chars().count() >= 6).collect() } else { strong }
}
