//! What a message asks, and what is answered.

use super::{
    questions::questions,
    recorded::NO_MATCH,
    script::{Script, join},
    state::{Heard, Pending, State},
};
use crate::model::{
    ask::AskKind,
    interview::{By, Decided, Decision},
};

/// A sentence is quoted in a decision up to this length.
const QUOTED: usize = 400;

/// What a message asks, by what it deserves.
#[derive(Debug, Default)]
pub(super) struct Heed {
    pub questions: Vec<Heard>,
    pub go_ahead: Option<String>,
    pub offer: Option<String>,
}

/// Reads the message that ended a turn. A go-ahead or an offer that asks for a fact is a question for that fact.
pub(super) fn heed(script: &Script, message: &str) -> Heed {
    let mut heed = Heed::default();
    for asked in questions(message, &script.interview().language) {
        let facts = script.asked_for(&asked.sentence);
        match asked.kind {
            AskKind::Rhetoric => {}
            AskKind::GoAhead if facts.is_empty() => drop(heed.go_ahead.get_or_insert(asked.sentence)),
            AskKind::Offer if facts.is_empty() => drop(heed.offer.get_or_insert(asked.sentence)),
            AskKind::GoAhead | AskKind::Offer | AskKind::Question => heed.questions.push(heard(asked.sentence, facts)),
        }
    }
    heed
}

/// Reads what came through an ask tool: a question by its form. The options help to find what it is about when its text alone does not.
pub(super) fn heed_tool(script: &Script, text: &str, options: &[String]) -> Heed {
    let mut heed = heed(script, text);
    if heed.questions.is_empty() && heed.go_ahead.is_none() && heed.offer.is_none() {
        heed.questions.push(heard(text.trim().to_owned(), script.asked_for(text)));
    }
    if heed.questions.iter().all(|heard| heard.facts.is_empty())
        && let Some(last) = heed.questions.last_mut()
    {
        last.facts = script.asked_for(&format!("{text} {}", options.join(" ")));
    }
    heed
}

/// The reply to what was heard, and the decisions in it. Nothing that was not asked for is in it.
pub(super) fn reply(script: &Script, state: &mut State, pending: &Pending) -> (String, Vec<Decision>) {
    let tellable = script.tellable(state);
    let wanted = |id: &&String| pending.heard.iter().any(|heard| heard.facts.contains(id));
    let told: Vec<String> = tellable.iter().filter(wanted).cloned().collect();
    let nothing = |heard: &Heard| !heard.facts.iter().any(|id| told.contains(id));
    let mut parts: Vec<&str> = told.iter().filter_map(|id| script.text_of(id, state)).collect();
    if pending.heard.iter().any(nothing) {
        parts.push(&script.lines().otherwise);
    }
    let mut decisions: Vec<Decision> = pending.heard.iter().map(|heard| decision(heard, &told)).collect();
    if let Some(sentence) = &pending.go_ahead {
        parts.push(&script.lines().go_ahead);
        decisions.push(decide(Decided::GoAhead, sentence));
    }
    let text = join(&parts);
    state.tell(&told);
    (text, decisions)
}

/// A decision that the script takes by itself.
pub(super) fn decide(decision: Decided, why: &str) -> Decision {
    Decision { decision, facts: Vec::new(), by: By::Script, why: quote(why) }
}

fn decision(heard: &Heard, told: &[String]) -> Decision {
    let facts: Vec<String> = heard.facts.iter().filter(|id| told.contains(id)).cloned().collect();
    let why = heard.trouble.as_ref().map_or_else(
        || quote(&heard.sentence),
        |trouble| format!("{}{NO_MATCH}{})", quote(&heard.sentence), quote(trouble)),
    );
    let decision = if facts.is_empty() { Decided::Otherwise } else { Decided::Tell };
    Decision { decision, facts, by: heard.by, why }
}

fn heard(sentence: String, facts: Vec<String>) -> Heard {
    Heard { sentence, facts, by: By::Pattern, trouble: None }
}

fn quote(text: &str) -> String {
    let Some((cut, _)) = text.char_indices().nth(QUOTED) else { return text.to_owned() };
    format!("{}…", &text[..cut])
}
