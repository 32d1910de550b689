//! What Claude Code waits to be told: permissions, and questions one after the other.
//!
//! One request may hold up to four questions; the interviewer is asked them in turn, and the request is answered with the last.

use super::say;
use crate::importers::claude_wire::Waits;
use crate::model::{
    agent::{Ask, AskId, PermitAsk, Reply, Signal},
    fault::{Boundary, Fault},
    trace::Question,
};
use std::collections::{BTreeMap, BTreeSet};

/// One request of the agent's.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    waits: Waits,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Permit(String),
    /// Questions, and the answers so far.
    Ask(Vec<Question>, Vec<(String, String)>),
}

impl Waiting {
    pub fn permit(waits: Waits, what: String) -> Waiting {
        Waiting { waits, what: What::Permit(what) }
    }

    pub fn ask(waits: Waits, questions: Vec<Question>) -> Waiting {
        Waiting { waits, what: What::Ask(questions, Vec::new()) }
    }

    pub fn call(&self) -> &str {
        &self.waits.call
    }

    pub fn refused(&self, why: &str) -> String {
        say::deny(&self.waits.request, why)
    }

    fn signal(&self, id: AskId) -> Signal {
        match &self.what {
            What::Permit(what) => Signal::Permit(id, PermitAsk { what: what.clone() }),
            What::Ask(questions, answers) => {
                let next = questions.get(answers.len());
                let text = next.map(|next| next.text.as_str().to_owned()).unwrap_or_default();
                let options = next.map(|next| next.options.clone()).unwrap_or_default();
                Signal::Ask(id, Ask { text, options })
            }
        }
    }
}

/// All that waits.
#[derive(Default)]
pub(super) struct Asked {
    open: BTreeMap<AskId, Waiting>,
    /// Not waited for any more: an answer to one is late and no mistake.
    withdrawn: BTreeSet<AskId>,
    last: u32,
}

/// What an answer leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Answered {
    /// What is said to the agent.
    Line(String),
    /// The same, and this call was refused.
    Denied(String, String),
    /// The next question of the same request.
    More(Signal),
    TooLate,
}

impl Asked {
    pub fn put(&mut self, waiting: Waiting) -> Signal {
        self.last += 1;
        let id = AskId(self.last);
        let signal = waiting.signal(id);
        self.open.insert(id, waiting);
        signal
    }

    /// # Errors
    /// When nothing of this id was ever asked, or was answered before.
    pub fn answer(&mut self, id: AskId, reply: Reply) -> Result<Answered, Fault> {
        let Some(Waiting { waits, what }) = self.open.remove(&id) else {
            if self.withdrawn.remove(&id) {
                return Ok(Answered::TooLate);
            }
            return Err(Fault::new(Boundary::Agent, "no_question", format!("question {} does not wait", id.0)));
        };
        Ok(match (what, reply) {
            (What::Ask(questions, mut answers), Reply::Text(said)) => {
                let asked = questions.get(answers.len()).map(|asked| asked.text.as_str().to_owned());
                answers.push((asked.unwrap_or_default(), said));
                if answers.len() < questions.len() {
                    return Ok(Answered::More(self.put(Waiting { waits, what: What::Ask(questions, answers) })));
                }
                Answered::Line(say::answer(&waits.request, &waits.input, &answers))
            }
            (_, Reply::Deny(why)) => Answered::Denied(waits.call, say::deny(&waits.request, &why)),
            (_, Reply::Allow | Reply::Text(_)) => Answered::Line(say::allow(&waits.request, &waits.input)),
        })
    }

    /// Takes back what waits by the agent's own id for it; says ours.
    pub fn withdraw(&mut self, request: &str) -> Option<AskId> {
        let id = self.open.iter().find(|(_, waiting)| waiting.waits.request == request).map(|(id, _)| *id)?;
        self.open.remove(&id);
        self.withdrawn.insert(id);
        Some(id)
    }

    pub fn clear(&mut self) {
        self.withdrawn.extend(std::mem::take(&mut self.open).into_keys());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::model::trace::Text;
    use serde_json::{Value, json};

    fn asks(request: &str, texts: &[&str]) -> Waiting {
        let of = |text: &&str| Question { text: Text::whole(*text), options: vec![], answer: None };
        let waits = Waits { request: request.into(), call: "toolu_1".into(), input: json!({"questions": texts}) };
        Waiting::ask(waits, texts.iter().map(of).collect())
    }

    fn text(signal: &Signal) -> (AskId, &str) {
        match signal {
            Signal::Ask(id, ask) => (*id, &ask.text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn several_questions_are_put_one_by_one_and_answered_at_once() {
        let mut asked = Asked::default();
        let first = asked.put(asks("r1", &["Which?", "How many?"]));
        let (id, words) = text(&first);
        assert_eq!(words, "Which?");
        let Answered::More(second) = asked.answer(id, Reply::Text("blue".into())).unwrap() else { panic!() };
        let (id, words) = text(&second);
        assert_eq!(words, "How many?");
        let Answered::Line(line) = asked.answer(id, Reply::Text("two".into())).unwrap() else { panic!() };
        let line: Value = serde_json::from_str(&line).unwrap();
        let answers = line.pointer("/response/response/updatedInput/answers").unwrap();
        assert_eq!(answers, &json!({"Which?": "blue", "How many?": "two"}));
        assert!(asked.answer(id, Reply::Allow).is_err(), "answered before");
    }

    #[test]
    fn an_answer_to_what_was_withdrawn_is_late_and_no_mistake() {
        let mut asked = Asked::default();
        let (first, second) = (asked.put(asks("r1", &["Which?"])), asked.put(asks("r2", &["Who?"])));
        assert_eq!(asked.withdraw("r1"), Some(text(&first).0));
        assert_eq!(asked.withdraw("r9"), None);
        assert_eq!(asked.answer(text(&first).0, Reply::Allow).unwrap(), Answered::TooLate);
        asked.clear();
        assert_eq!(asked.answer(text(&second).0, Reply::Allow).unwrap(), Answered::TooLate);
        assert!(asked.answer(AskId(9), Reply::Allow).is_err());
    }
}
