//! Plays a script: user messages in, model responses out. Pure, so that the whole state can be rebuilt from a conversation.
//!
//! ```text
//! user("Please add rate limiting")  ->  part and turn chosen
//! next() -> {text: "Let me look.", calls: [read]}   next() -> {text: "How many?"}   next() -> None: the turn is over
//! ```
//!
//! A scripted model rebuilds the player from the conversation it is sent: for each user message `user`, then `next` as often as the
//! agent had a response to it. The next `next` is its answer.

use super::{Op, Part, Script, Step, What};
use std::collections::VecDeque;

/// Where a conversation with a scripted candidate stands.
#[derive(Clone, Debug)]
pub struct Player {
    script: Script,
    /// Index of the part, once the first message has been heard; `None` in it: the script does not know this interview.
    part: Option<Option<usize>>,
    used: Vec<bool>,
    asks: Asks,
    /// Responses of the running turn that are still to come.
    coming: VecDeque<Response>,
    /// What is left of a turn that asked in prose.
    held: VecDeque<Response>,
    /// The turn that answers, and how many of its responses were given; `None`: `otherwise` does.
    turn: Option<usize>,
    given: usize,
}

/// How the candidate can ask in the middle of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    ByTool,
    InProse,
}

/// One response of a model: reasoning, words and calls. Without calls it ends the turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub think: String,
    pub text: String,
    pub calls: Vec<Call>,
}

/// One tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub op: Op,
}

impl Player {
    pub fn new(script: Script) -> Player {
        Player {
            script,
            part: None,
            used: Vec::new(),
            asks: Asks::ByTool,
            coming: VecDeque::new(),
            held: VecDeque::new(),
            turn: None,
            given: 0,
        }
    }

    /// For an agent that offers no ask tool: `ask` ends the turn, and the next message is answered by the rest of it.
    pub fn without_ask_tool(mut self) -> Player {
        self.asks = Asks::InProse;
        self
    }

    /// A user message was heard: a turn is chosen, and what is left of the turn before is forgotten.
    pub fn user(&mut self, message: &str) {
        self.coming = if self.held.is_empty() { self.answer(message) } else { std::mem::take(&mut self.held) };
    }

    /// The next response of the running turn; `None`: the turn is over.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Response> {
        let mut response = self.coming.pop_front()?;
        self.given += 1;
        if self.asks == Asks::InProse
            && let Some((question, options)) = asked(&response)
        {
            response = Response {
                text: joined(&response.text, &prose(question, options)),
                think: response.think,
                calls: Vec::new(),
            };
            self.held = std::mem::take(&mut self.coming);
        }
        Some(response)
    }

    /// Where the conversation stands, in a few words that can stand in any text: `part 0, used 0 2, turn 2, given 3, waits`.
    pub fn position(&self) -> String {
        let number = |number: Option<usize>| number.map_or("-".to_owned(), |number| number.to_string());
        let part = self.part.map_or("?".to_owned(), number);
        let used: Vec<String> = (0..self.used.len()).filter(|at| self.used[*at]).map(|at| at.to_string()).collect();
        let waits = if self.held.is_empty() { "" } else { ", waits" };
        format!("part {part}, used {}, turn {}, given {}{waits}", used.join(" "), number(self.turn), self.given)
    }

    /// A player that stands where `position` says; `None` where that is no position in this script.
    pub fn resume(script: Script, position: &str) -> Option<Player> {
        let words: Vec<&str> = position.split(", ").collect();
        let (words, waits) = match words[..] {
            [part, used, turn, given] => ([part, used, turn, given], false),
            [part, used, turn, given, "waits"] => ([part, used, turn, given], true),
            _ => return None,
        };
        let number = |text: &str| if text == "-" { Some(None) } else { text.parse::<usize>().ok().map(Some) };
        let part = match words[0].strip_prefix("part ")? {
            "?" => None,
            part => Some(number(part)?),
        };
        let turn = number(words[2].strip_prefix("turn ")?)?;
        let given = words[3].strip_prefix("given ")?.parse().ok()?;
        let mut player = Player { part, turn, given, ..Player::new(script) };
        let turns = match player.part.flatten() {
            Some(at) => player.script.parts.get(at)?.turns.as_slice(),
            None => &[],
        };
        player.used = vec![false; turns.len()];
        for at in words[1].strip_prefix("used ")?.split_whitespace() {
            *player.used.get_mut(at.parse::<usize>().ok()?)? = true;
        }
        let rest: VecDeque<Response> = match turn {
            Some(at) => responses(&turns.get(at)?.steps).into_iter().skip(given).collect(),
            None if player.part.is_some() => VecDeque::from([player.otherwise()]).into_iter().skip(given).collect(),
            None => VecDeque::new(),
        };
        if waits {
            player.held = rest;
        } else {
            player.coming = rest;
        }
        Some(player)
    }

    fn answer(&mut self, message: &str) -> VecDeque<Response> {
        let at = *self.part.get_or_insert_with(|| choose_part(&self.script.parts, message));
        let turns = at.map_or(&[][..], |at| &self.script.parts[at].turns);
        self.used.resize(turns.len(), false);
        let free = |at: &usize| !self.used[*at];
        let matching = |at: &usize| turns[*at].on.as_ref().is_some_and(|on| on.is_in(message));
        let matched = (0..turns.len()).filter(free).find(matching);
        let chosen = matched.or_else(|| (0..turns.len()).filter(free).find(|at| turns[*at].on.is_none()));
        (self.turn, self.given) = (chosen, 0);
        match chosen {
            Some(at) => {
                let answer = responses(&turns[at].steps);
                self.used[at] = true;
                answer
            }
            None => VecDeque::from([self.otherwise()]),
        }
    }

    fn otherwise(&self) -> Response {
        Response { text: self.script.otherwise.clone(), ..Response::default() }
    }
}

fn choose_part(parts: &[Part], message: &str) -> Option<usize> {
    parts.iter().position(|part| part.on.as_ref().is_none_or(|on| on.is_in(message)))
}

fn responses(steps: &[Step]) -> VecDeque<Response> {
    let mut all = VecDeque::new();
    let mut open = Response::default();
    for step in steps {
        match &step.what {
            What::Say(text) => open.text = joined(&open.text, text),
            What::Think(text) => open.think = joined(&open.think, text),
            What::Do(op) => open.calls = vec![Call { op: op.clone() }],
            What::Together(calls) => open.calls = batch(calls),
        }
        if !open.calls.is_empty() {
            all.push_back(std::mem::take(&mut open));
        }
    }
    if open != Response::default() {
        all.push_back(open);
    }
    all
}

fn batch(steps: &[Step]) -> Vec<Call> {
    let op = |step: &Step| match &step.what {
        What::Do(op) => Some(Call { op: op.clone() }),
        What::Say(_) | What::Think(_) | What::Together(_) => None,
    };
    steps.iter().filter_map(op).collect()
}

fn asked(response: &Response) -> Option<(&str, &[String])> {
    response.calls.iter().find_map(|call| match &call.op {
        Op::Ask { question, options } => Some((question.as_str(), options.as_slice())),
        Op::Plan(_) | Op::Read { .. } | Op::Search { .. } | Op::Edit { .. } | Op::Write { .. } | Op::Shell(_) => None,
    })
}

fn prose(question: &str, options: &[String]) -> String {
    let options: String = options.iter().map(|option| format!("\n- {option}")).collect();
    format!("{question}{options}")
}

fn joined(first: &str, second: &str) -> String {
    if first.is_empty() { second.to_owned() } else { format!("{first}\n\n{second}") }
}
