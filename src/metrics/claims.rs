//! What the agent claimed at each hand-over, held against what the record showed at that moment.
//!
//! "All tests pass." after a green run is a fact; without any run after the last edit it is *unverified*; after a red run it is *false*.

use super::{
    facts::{ActDone, At, CheckRun, Facts, Said},
    lexicon::Lexicon,
    results::Verdict,
};
use crate::model::{act::Act, id::EventId, task::TaskKind};

/// What the record shows about the work at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No code was edited yet (in a chore: nothing was).
    NoEdit,
    /// A check after the last code edit passed.
    Green(EventId),
    /// Checks after the last code edit ran, and what came of them is hidden.
    Hidden(EventId, &'static str),
    Red(EventId),
    /// Nothing checked the last code edit.
    Nothing(EventId),
}

/// The last message of each turn that no tool call followed.
pub fn hand_overs<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = &'f Said<'f>> {
    let messages = &facts.messages;
    let last = move |at: usize| messages.get(at + 1).is_none_or(|next| next.turn != messages[at].turn);
    messages.iter().enumerate().filter(move |(at, said)| said.ends_turn && last(*at)).map(|(_, said)| said)
}

/// Hand-overs that claim success, with the sentence.
pub fn claims<'f>(facts: &'f Facts<'_>, words: &'static Lexicon) -> impl Iterator<Item = (&'f Said<'f>, &'f str)> {
    hand_overs(facts).filter_map(|said| words.claim(said.text).map(|sentence| (said, sentence)))
}

/// What had been proven when a message was sent.
pub fn proof(facts: &Facts<'_>, when: EventId) -> Proof {
    let before = facts.edits_before(when).iter().rev();
    let Some(edit) = before.into_iter().find(|edit| edit.is_of_code()) else { return looked(facts, when) };
    let mut proof = Proof::Nothing(edit.at.0);
    for check in facts.checks_after(edit.at).take_while(|check| check.at.0 < when) {
        let event = check.at.0;
        proof = match (&check.verdict, proof) {
            (Verdict::Green, _) => return Proof::Green(event),
            (Verdict::Hidden(why), _) => Proof::Hidden(event, why),
            (Verdict::Red, Proof::Hidden(event, why)) => Proof::Hidden(event, why),
            (Verdict::Red, _) => Proof::Red(event),
        };
    }
    proof
}

/// In a chore nothing can be tested: there, a look at the result after the last edit is the proof.
fn looked(facts: &Facts<'_>, when: EventId) -> Proof {
    let chore = facts.task.and_then(|task| task.kind) == Some(TaskKind::Chore);
    let before = facts.edits_before(when).iter().rev();
    let Some(edit) = before.into_iter().find(|edit| chore && edit.applied) else { return Proof::NoEdit };
    let from = facts.acts.partition_point(|act| act.at <= edit.at);
    let until = facts.acts.partition_point(|act| act.at.0 < when);
    let looks =
        |act: &&ActDone| matches!(act.deed.act, Act::List | Act::Read | Act::Search | Act::Vcs | Act::Test | Act::Run);
    match facts.acts[from..until].iter().rev().find(looks) {
        Some(act) => Proof::Green(act.at.0),
        None => Proof::Nothing(edit.at.0),
    }
}

/// The last check before a message whose outcome is known: of the tests, where any ran.
pub fn last_known<'f>(facts: &'f Facts<'_>, when: EventId) -> Option<&'f CheckRun> {
    let end = facts.checks.partition_point(|check| check.at < At(when, 0));
    let known = || facts.checks[..end].iter().rev().filter(|check| !matches!(check.verdict, Verdict::Hidden(_)));
    known().find(|check| facts.act_of(check).deed.act == Act::Test).or_else(|| known().next())
}
