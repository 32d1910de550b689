//! A program per turn that tells its events in lines as it works: Gemini CLI, opencode.
//!
//! Each is a `Tongue`: its command lines, and its lines as events. What they share stands here: starting, listening, stopping, ending.
//! The turn's end is the program's end. A program that failed has failed its turn; the conversation may go on.

use super::{
    Identity, Seat, Session,
    cut::head,
    gone::{blamed, last_words, went},
};
use crate::{
    model::{
        agent::{AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        trace::{Body, ErrorMark, LimitMark, Tells, Text, Unknown},
    },
    process::{Cancel, Child, Exit, Line, Output, Spec, open as open_program},
};
use serde_json::Value;
use std::{collections::VecDeque, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// How long an interrupted program has to end by itself.
const STOPPING: Duration = Duration::from_secs(5);

/// How long it may stay once it has closed its output.
const LEAVING: Duration = Duration::from_secs(5);

/// What an event counts at least: a million empty ones would fill memory as well as a few large ones.
const LEAST_OF_AN_EVENT: u64 = 512;

/// What is kept of a line that is no record.
const KEPT_OF_A_LINE: usize = 1 << 10;

/// What one agent's program is asked with, and what its lines mean.
pub(super) trait Tongue: Send {
    /// The program of the next turn.
    fn program(&mut self, message: &str) -> Spec;
    /// Takes a record that it printed.
    fn record(&mut self, record: &Value) -> Vec<Draft>;
    /// The program has ended: what was still held back, and how the turn ended where the agent has said it.
    fn ended(&mut self) -> (Vec<Draft>, Option<TurnEnd>);
    fn identity(&self) -> Identity;
    fn tells(&self) -> Option<Tells> {
        None
    }
    /// Keeps the session's own files, and clears up. Says what a reader should know.
    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>>;
}

pub(super) struct PerTurn {
    tongue: Box<dyn Tongue>,
    state: State,
    ready: VecDeque<Signal>,
    /// Bytes of events that may still be kept in this trial.
    left: u64,
    left_out: u64,
    /// Why the running turn is being ended.
    stopped: Option<String>,
    seat: Seat,
    cancel: Cancel,
}

enum State {
    Idle,
    /// In a task of its own, so that nobody who stops listening stops it.
    Starting(JoinHandle<Result<Child, Fault>>),
    Turn(Box<Child>),
    /// It was asked to end, or has closed its output: it may end until then.
    Leaving(Box<Child>, Instant),
    Killing(Box<Child>),
}

impl PerTurn {
    pub fn new(tongue: Box<dyn Tongue>, seat: Seat) -> PerTurn {
        let (left, cancel) = (seat.limits.output_bytes, seat.cancel.child());
        PerTurn { tongue, state: State::Idle, ready: VecDeque::new(), left, left_out: 0, stopped: None, seat, cancel }
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        match &mut self.state {
            State::Idle => std::future::pending().await,
            State::Starting(task) => {
                let started = task.await;
                self.state = match started {
                    Ok(Ok(child)) if self.stopped.is_none() => State::Turn(Box::new(child)),
                    Ok(Ok(child)) => State::Killing(Box::new(child)),
                    Ok(Err(fault)) => return self.gone(blamed(fault)),
                    Err(error) => {
                        let what = format!("the task that starts the program ended early: {error}");
                        return self.gone(Fault::new(Boundary::Sandbox, "thread", what));
                    }
                };
            }
            State::Turn(child) => tokio::select! {
                line = child.next_line() => self.heard(line),
                () = self.cancel.cancelled() => {
                    self.stopped = Some("the trial was stopped".to_owned());
                    self.become_(State::Killing);
                }
            },
            State::Leaving(child, until) => {
                let until = *until;
                tokio::select! {
                    line = child.next_line() => match line {
                        Some(line) => self.heard(Some(line)),
                        None => tokio::select! {
                            ended = child.wait() => self.over(ended),
                            () = sleep_until(until) => self.become_(State::Killing),
                        },
                    },
                    () = sleep_until(until) => self.become_(State::Killing),
                }
            }
            State::Killing(child) => {
                let ended = child.kill().await;
                self.over(ended);
            }
        }
    }

    fn become_(&mut self, next: fn(Box<Child>) -> State) {
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Turn(child) | State::Leaving(child, _) | State::Killing(child) => next(child),
            other @ (State::Idle | State::Starting(_)) => other,
        };
    }

    fn heard(&mut self, line: Option<Line>) {
        let Some(line) = line else {
            return self.become_(|child| State::Leaving(child, Instant::now() + LEAVING));
        };
        if line.bytes.iter().all(u8::is_ascii_whitespace) && line.cut == 0 {
            return;
        }
        let (text, lossy) = line.text();
        let record = if line.cut > 0 || lossy { None } else { serde_json::from_str::<Value>(&text).ok() };
        let drafts = match record.filter(Value::is_object) {
            Some(record) => self.tongue.record(&record),
            None => vec![odd(&line, &text, lossy)],
        };
        drafts.into_iter().for_each(|draft| self.keep(draft));
    }

    /// The program has ended, and the turn with it.
    fn over(&mut self, ended: Result<Output, Fault>) {
        let (drafts, said) = self.tongue.ended();
        drafts.into_iter().for_each(|draft| self.keep(draft));
        let output = match ended {
            Ok(output) => output,
            Err(fault) => return self.gone(blamed(fault)),
        };
        let end = match (self.stopped.take(), output.exit, said) {
            (Some(why), ..) => TurnEnd { how: TurnEnded::Interrupted, why },
            (None, Exit::Code(0), said) => said.unwrap_or(TurnEnd { how: TurnEnded::Done, why: String::new() }),
            (None, exit, _) => {
                TurnEnd { how: TurnEnded::Failed, why: format!("the program ended with {}", went(exit)) }
            }
        };
        let words = last_words(&output.stderr.redacted(&self.seat.redactor));
        if end.how == TurnEnded::Failed && !words.is_empty() {
            self.keep(Draft::of(Body::Error(ErrorMark { message: Text::whole(words), fault: None })));
        }
        if self.left_out > 0 {
            let why = format!("{} bytes of the agent's events were left out", std::mem::take(&mut self.left_out));
            let mark = LimitMark { limit: "output".to_owned(), why };
            self.ready.push_back(Signal::Event(Box::new(Draft::of(Body::Limit(mark)))));
        }
        self.state = State::Idle;
        self.ready.push_back(Signal::TurnEnd(end));
    }

    fn gone(&mut self, fault: Fault) {
        self.state = State::Idle;
        self.ready.push_back(Signal::Gone(fault));
    }

    fn keep(&mut self, mut draft: Draft) {
        let texts: usize = draft.body.texts_mut().iter().map(|text| text.inline.len()).sum();
        let input = if let Body::ToolCall(call) = &draft.body { call.input.to_string().len() } else { 0 };
        let cost = (texts + input) as u64;
        if self.left == 0 {
            self.left_out += cost;
            return;
        }
        self.left = self.left.saturating_sub(cost.max(LEAST_OF_AN_EVENT));
        self.ready.push_back(Signal::Event(Box::new(draft)));
    }
}

impl Session for PerTurn {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            if !matches!(self.state, State::Idle) {
                return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
            }
            let spec = self.tongue.program(message);
            self.stopped = None;
            self.state = State::Starting(tokio::spawn(open_program(spec)));
            Ok(())
        })
    }

    fn next(&mut self) -> Boxed<'_, Signal> {
        Box::pin(async move {
            loop {
                if let Some(signal) = self.ready.pop_front() {
                    return signal;
                }
                self.step().await;
            }
        })
    }

    fn reply(&mut self, _: AskId, _: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async {
            Err(Fault::new(Boundary::Agent, "no_question", "a program per turn asks nothing in the middle"))
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        if !matches!(self.state, State::Idle) {
            self.stopped.get_or_insert_default();
        }
        if let State::Turn(child) = &self.state {
            child.interrupt();
            self.become_(|child| State::Leaving(child, Instant::now() + STOPPING));
        }
        Box::pin(async { Ok(()) })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            if !matches!(self.state, State::Idle) {
                self.stopped.get_or_insert_default();
                self.become_(State::Killing);
            }
            // What it printed is in nobody's interest any more; that it has ended is.
            while !matches!(self.state, State::Idle) {
                self.step().await;
            }
            self.tongue.close().await
        })
    }

    fn identity(&self) -> Identity {
        self.tongue.identity()
    }

    fn tells(&self) -> Option<Tells> {
        self.tongue.tells()
    }
}

/// A message that begins with a dash would be taken for an option.
pub(super) fn as_word(message: &str) -> String {
    if message.starts_with('-') { format!(" {message}") } else { message.to_owned() }
}

/// Lays one map of settings over another, maps field by field.
pub(super) fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => base.clone_from(over),
    }
}

/// A line that is no record: what a program prints on stdout by mistake, or worse.
fn odd(line: &Line, text: &str, lossy: bool) -> Draft {
    let (shown, kind) = (head(text, KEPT_OF_A_LINE), if line.cut > 0 { "line_too_long" } else { "malformed" });
    let more = (text.len() - shown.len()) as u64 + line.cut;
    let raw = if more > 0 { format!("{shown} [{more} more bytes]") } else { shown.to_owned() };
    Draft::of(Body::Unknown(Unknown { kind: kind.to_owned(), raw: Text { lossy, ..Text::whole(raw) } }))
}
