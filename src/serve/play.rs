//! Plays the script to a conversation: where it stands is read from the request alone, so the same request gets the same reply and
//! nothing is used up.
//!
//! ```text
//! user, [call, result]*, text, user, call, result   ->  Player: user, next.., next, user, next   ->  the next `next` is the reply
//! ```

use super::{
    table::TABLE,
    tools::Bench,
    turn::{Called, Heard, Reply, Takes, Tool, Turn, Usage, reply_of, tokens},
};
use crate::{
    model::trace::StepStatus,
    script::{Op, Player, Script},
};
use serde_json::{Map, Value, json};

/// Said where a script's turn is over and the agent asks on: a response without any content breaks some agents.
pub const NOTHING_MORE: &str = "(end of turn)";

/// The kind of a request for a summary.
const SUMMARY: &str = "compaction";

/// Stands in front of a position in a summary.
const MARK: &str = "[script position ";

/// What a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The conversation itself: the script answers.
    Main,
    /// Beside it: a title, a summary. Named in the log.
    Side(String),
}

/// What a script answers.
pub struct Answered {
    pub kind: Kind,
    pub reply: Reply,
}

/// The reply to a request. `id`: 12 hexadecimal digits that are the same for the same request; `bytes`: how large the request is.
pub fn answer(script: &Script, turn: &Turn, (workspace, id, bytes): (Option<&str>, &str, usize)) -> Answered {
    let bench = Bench::new(turn, workspace);
    let is_main = bench.is_main() && !wants_summary(turn);
    let (kind, reply) = if is_main { (Kind::Main, main(script, &bench, turn)) } else { side(script, turn) };
    let reply = Reply { id: id.to_owned(), ..reply };
    let usage = usage(&reply, bytes);
    Answered { kind, reply: Reply { usage, ..reply } }
}

fn main(script: &Script, bench: &Bench<'_>, turn: &Turn) -> Reply {
    let mut play = Play { player: fresh(script, bench), bench };
    play.hear(script, &turn.heard);
    play.next().unwrap_or_else(|| Reply { text: NOTHING_MORE.to_owned(), ..Reply::default() })
}

fn fresh(script: &Script, bench: &Bench<'_>) -> Player {
    let player = Player::new(script.clone());
    if bench.asks() { player } else { player.without_ask_tool() }
}

/// A player and the tools it has.
struct Play<'a> {
    player: Player,
    bench: &'a Bench<'a>,
}

impl Play<'_> {
    /// Goes through what was said so far.
    fn hear(&mut self, script: &Script, heard: &[Heard]) {
        let (from, resumed) = summary(script, heard);
        if let Some(player) = resumed {
            self.player = if self.bench.asks() { player } else { player.without_ask_tool() };
        }
        let mut group = Group::default();
        for heard in &heard[from..] {
            match heard {
                Heard::User(blocks) => {
                    if let Some(message) = message(blocks) {
                        self.player.user(&message);
                        group = Group::default();
                    } else {
                        group.open = false;
                    }
                }
                Heard::Model(said) if TABLE.beside.is_models(&said.text) => {}
                Heard::Model(said) => {
                    let reply = said.calls.iter().find_map(|call| reply_of(&call.id));
                    if group.begins(reply) {
                        self.next();
                    }
                }
                Heard::Result(_) => group.open = false,
            }
        }
    }

    /// The next response, in calls of the tools at hand. What no tool can do is said, in front of what comes next.
    fn next(&mut self) -> Option<Reply> {
        let mut reply = Reply::default();
        let mut any = false;
        while let Some(response) = self.player.next() {
            any = true;
            let (calls, words) = self.calls(response.calls.iter().map(|call| &call.op));
            reply.think = joined(&reply.think, &response.think);
            reply.text = joined(&reply.text, &response.text);
            reply.text = joined(&reply.text, &words);
            reply.calls = calls;
            if !reply.calls.is_empty() || response.calls.is_empty() {
                break;
            }
        }
        any.then_some(reply)
    }

    fn calls<'o>(&self, ops: impl Iterator<Item = &'o Op>) -> (Vec<Called>, String) {
        let (mut calls, mut words) = (Vec::new(), String::new());
        for op in ops {
            match self.bench.call(op) {
                Some(call) => calls.push(call),
                None => words = joined(&words, &prose(op)),
            }
        }
        (calls, words)
    }
}

/// The items of one response of the model, which may come back one by one, with results in between.
#[derive(Default)]
struct Group {
    /// Nothing but the model's own items came since it began.
    open: bool,
    reply: Option<String>,
}

impl Group {
    /// Whether this item begins another response.
    fn begins(&mut self, reply: Option<&str>) -> bool {
        let same = match (reply, &self.reply) {
            (Some(now), Some(before)) => now == before,
            (None, _) | (_, None) => self.open,
        };
        if same {
            self.reply = self.reply.take().or(reply.map(str::to_owned));
        } else {
            self.reply = reply.map(str::to_owned);
        }
        self.open = true;
        !same
    }
}

/// What the user said in these blocks, if anything.
fn message(blocks: &[String]) -> Option<String> {
    let said: Vec<&str> = blocks.iter().map(String::as_str).filter(|block| !TABLE.beside.is_users(block)).collect();
    let said = said.join("\n\n");
    (!said.trim().is_empty()).then_some(said)
}

/// Where the conversation goes on behind the last summary of ours, and what the player knows there.
fn summary(script: &Script, heard: &[Heard]) -> (usize, Option<Player>) {
    let position = |heard: &Heard| {
        let text = match heard {
            Heard::User(blocks) => blocks.join("\n"),
            Heard::Model(said) => said.text.clone(),
            Heard::Result(_) => return None,
        };
        let (_, rest) = text.rsplit_once(MARK)?;
        Player::resume(script.clone(), rest.split(']').next()?)
    };
    let found = heard.iter().enumerate().rev().find_map(|(at, heard)| Some((at + 1, position(heard)?)));
    found.map_or((0, None), |(from, player)| (from, Some(player)))
}

/// What no tool can do, in words.
fn prose(op: &Op) -> String {
    match op {
        Op::Plan(steps) => {
            let steps: Vec<String> =
                steps.iter().map(|step| format!("- {} ({})", step.text, status(step.status))).collect();
            format!("Plan:\n{}", steps.join("\n"))
        }
        Op::Ask { question, options } => {
            let options: String = options.iter().map(|option| format!("\n- {option}")).collect();
            format!("{question}{options}")
        }
        Op::Read { .. } | Op::Search { .. } | Op::Edit { .. } | Op::Write { .. } | Op::Shell(_) => {
            format!("(no tool for `{}`)", op.word())
        }
    }
}

fn status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "to do",
        StepStatus::InProgress => "at work",
        StepStatus::Completed => "done",
    }
}

/// A request that is not the conversation: a fixed answer, in the shape it asks for.
fn side(script: &Script, turn: &Turn) -> (Kind, Reply) {
    let texts = [last_words(turn), turn.system.clone()];
    let known = TABLE.side.iter().find(|(words, _)| texts.iter().any(|text| words.is_match(text)));
    let (kind, mut text) =
        known.map_or(("other", "OK".to_owned()), |(_, side)| (side.kind.as_str(), side.reply.clone()));
    if kind == SUMMARY {
        text += &format!("\n\n{MARK}{}]", position(script, turn));
    }
    if let Some(shape) = &turn.shape {
        text = instance(shape, (&text, 0)).to_string();
    }
    (Kind::Side(kind.to_owned()), Reply { text, ..Reply::default() })
}

/// A summary is asked for in the conversation's own clothes.
fn wants_summary(turn: &Turn) -> bool {
    let last = last_words(turn);
    // A summary itself may speak of summaries.
    matches!(turn.heard.last(), Some(Heard::User(_)))
        && !last.contains(MARK)
        && TABLE.side.iter().any(|(words, side)| side.kind == SUMMARY && words.is_match(&last))
}

/// What the last user message says.
fn last_words(turn: &Turn) -> String {
    let user = turn.heard.iter().rev().find_map(|heard| match heard {
        Heard::User(blocks) => Some(blocks.join("\n")),
        Heard::Model(_) | Heard::Result(_) => None,
    });
    user.unwrap_or_default()
}

/// How far the conversation that is summed up has come. The words that ask for the summary are no message of it, and it declares no
/// tools: which there are is told by the calls that were made.
fn position(script: &Script, turn: &Turn) -> String {
    let heard = match turn.heard.split_last() {
        Some((Heard::User(_), rest)) => rest,
        _ => &turn.heard,
    };
    let calls = heard.iter().flat_map(|heard| match heard {
        Heard::Model(said) => said.calls.as_slice(),
        Heard::User(_) | Heard::Result(_) => &[],
    });
    let arguments = Takes::Arguments(Value::Null);
    let tool = |name: &str| Tool { namespace: None, name: name.to_owned(), takes: arguments.clone() };
    let tools = calls.map(|call| tool(&call.name)).chain([tool("bash")]).collect();
    let before = Turn { tools, ..Turn::default() };
    let bench = Bench::new(&before, None);
    let mut play = Play { player: fresh(script, &bench), bench: &bench };
    play.hear(script, heard);
    play.player.position()
}

/// Something small that a schema allows, with these words where it wants some.
fn instance(schema: &Value, (words, depth): (&str, usize)) -> Value {
    const DEEPEST: usize = 16;
    let first = ["enum", "anyOf", "oneOf"].iter().find_map(|key| Some((key, schema.get(key)?.get(0)?)));
    match first {
        Some((&"enum", value)) => return value.clone(),
        Some((_, inner)) if depth < DEEPEST => return instance(inner, (words, depth + 1)),
        _ => {}
    }
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or("object").to_ascii_lowercase();
    match kind.as_str() {
        "string" => json!(words),
        "boolean" => json!(false),
        "integer" | "number" => json!(0),
        "array" => json!([]),
        "null" => Value::Null,
        _ => {
            let known = schema.get("properties").and_then(Value::as_object);
            let fields = known.into_iter().flatten().filter(|_| depth < DEEPEST);
            let map: Map<String, Value> =
                fields.map(|(name, schema)| (name.clone(), instance(schema, (words, depth + 1)))).collect();
            Value::Object(map)
        }
    }
}

fn usage(reply: &Reply, bytes: usize) -> Usage {
    let calls: usize = reply.calls.iter().map(|call| call.name.len() + call.input.written().len()).sum();
    let reasoning = tokens(reply.think.len());
    Usage { input: tokens(bytes), output: reasoning + tokens(reply.text.len() + calls), reasoning }
}

fn joined(first: &str, second: &str) -> String {
    match (first, second) {
        (first, "") => first.to_owned(),
        ("", second) => second.to_owned(),
        (first, second) => format!("{first}\n\n{second}"),
    }
}
