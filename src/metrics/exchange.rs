//! Exchanges: what the agent asked at one point, and what the interviewer made of it.

use super::{
    facts::{Facts, share},
    marks::{Told, marks, unsaid, used},
};
use crate::model::{ask::AskKind, id::EventId, interview::Decided, score::Measured};

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
    let mut told: Vec<Told> = Vec::new();
    for (event, decision) in facts.decisions.iter().filter(|(_, decision)| decision.decision == Decided::Tell) {
        for fact in task.interview.facts.iter().filter(|fact| decision.facts.contains(&fact.id)) {
            let texts: Vec<&str> = fact.say.iter().map(|wording| wording.text.as_str()).collect();
            told.push((*event, marks(&texts.join(" "))));
        }
    }
    let told = unsaid(facts, told);
    let used = used(facts, &told, &|_| true);
    let cites = if used.is_empty() { told.iter().map(|(event, _)| *event).collect() } else { used.clone() };
    share(used.len(), told.len(), "no fact was told whose answer can be recognised", cites)
}
