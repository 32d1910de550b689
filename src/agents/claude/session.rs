//! The conversation with one process of Claude Code.
//!
//! ```text
//! open:   initialize ->                 <- control_response            only then is the agent ready
//! turn:   user ->                       <- assistant, user, system ..  <- result
//! asked:                                <- control_request             control_response ->
//! stop:   control_request interrupt ->  <- control_response, result    the conversation goes on
//! ```

use super::{
    argv, environment, furnish,
    login::Lent,
    native,
    say::{self, INITIALIZE},
    waiting::{Answered, Asked, Waiting},
};
use crate::agents::{
    Identity, Seat, Session,
    cut::{head, tail},
};
use crate::importers::{
    claude_wire::{Heard, Init, Wire},
    mended,
};
use crate::model::{
    agent::{AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
    fault::{Boundary, Fault},
    run::Boxed,
    trace::{Body, LimitMark, Text, Unknown},
};
use crate::process::{Cancel, Child, Exit, Line, Output, Stdin, open as open_program};
use serde_json::Value;
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// How long an interrupted turn has to end before the agent is ended itself.
const STOPPING: Duration = Duration::from_secs(5);

/// How long the agent has to end once its conversation is over: it writes its session file then.
const LEAVING: Duration = Duration::from_secs(5);

/// What an event counts at least: a million empty ones would fill memory as well as a few large ones.
const LEAST_OF_AN_EVENT: u64 = 512;

/// What is kept of a line that is too long to be read.
const KEPT_OF_LONG: usize = 1 << 10;

pub(super) async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = super::check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "claude", mistakes.join("; "))
            .hint("`evalrun check` lists the mistakes of a suite"));
    }
    let furnishing = seat.clone();
    let lent = tokio::task::spawn_blocking(move || furnish(&furnishing)).await.map_err(|error| lost(&error))??;
    let mut spec = seat.program(argv(&seat.spec));
    spec.env = environment(&seat);
    spec.stdin = Stdin::Piped;
    spec.timeout = None;
    let child = open_program(spec).await.map_err(unstarted)?;
    let mut claude = Claude {
        child,
        wire: Wire::default(),
        state: State::Opening,
        init: None,
        asked: Asked::default(),
        ready: VecDeque::new(),
        outgoing: VecDeque::new(),
        interrupts: 0,
        left: seat.limits.output_bytes,
        left_out: 0,
        lent,
        cancel: seat.cancel.child(),
        seat,
    };
    claude.outgoing.push_back(say::initialize());
    while matches!(claude.state, State::Opening | State::Leaving(_) | State::Killing(_)) {
        claude.step().await;
    }
    match claude.state {
        State::Gone(ref fault) => {
            let fault = unstarted((**fault).clone());
            // One that has ended is ended no more.
            let _ = claude.child.kill().await;
            Err(fault)
        }
        _ => Ok(Box::new(claude)),
    }
}

struct Claude {
    child: Child,
    wire: Wire,
    state: State,
    /// What it said of itself at the beginning of the last turn.
    init: Option<Init>,
    asked: Asked,
    ready: VecDeque<Signal>,
    /// Answers that are not written yet.
    outgoing: VecDeque<String>,
    interrupts: u32,
    /// Bytes of events that may still be kept in this trial.
    left: u64,
    left_out: u64,
    lent: Option<Lent>,
    cancel: Cancel,
    seat: Seat,
}

#[derive(Clone, Debug)]
enum State {
    /// Not yet ready for a message.
    Opening,
    Idle,
    Turn,
    Stopping(Box<Stopping>),
    /// It no longer listens or speaks: it may end until then.
    Leaving(Instant),
    /// Being ended; this is how the turn ended for who listens.
    Killing(Box<Option<TurnEnd>>),
    Gone(Box<Fault>),
}

/// A turn that was interrupted: it is over when the agent has both ended it and answered, since one that ended by itself meanwhile
/// answers later, and that answer is not to be met in the next turn.
#[derive(Clone, Debug)]
struct Stopping {
    until: Instant,
    ended: Option<TurnEnd>,
    answered: bool,
}

impl Session for Claude {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            match &self.state {
                State::Idle => {}
                State::Gone(fault) => return Err((**fault).clone()),
                State::Opening | State::Turn | State::Stopping(_) | State::Leaving(_) | State::Killing(_) => {
                    return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
                }
            }
            self.state = State::Turn;
            self.tell(&say::user(message)).await;
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

    fn reply(&mut self, to: AskId, reply: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            match self.asked.answer(to, reply)? {
                Answered::Line(line) => self.tell(&line).await,
                Answered::Denied(call, line) => {
                    self.wire.deny(&call);
                    self.tell(&line).await;
                }
                Answered::More(signal) => self.ready.push_back(signal),
                Answered::TooLate => {}
            }
            Ok(())
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            if matches!(self.state, State::Turn) {
                let until = Instant::now() + STOPPING;
                self.state = State::Stopping(Box::new(Stopping { until, ended: None, answered: false }));
                self.asked.clear();
                self.wire.stop();
                self.interrupts += 1;
                self.tell(&say::interrupt(&self.interruption())).await;
            }
            Ok(())
        })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            let mut notes = Vec::new();
            if timeout(LEAVING, self.child.wait()).await.is_err() {
                let note = "the agent did not end when its input was closed and was ended";
                notes.push(match self.child.kill().await {
                    Ok(_) => note.to_owned(),
                    Err(fault) => format!("{note}: {fault}"),
                });
            }
            notes.extend(self.settle().await);
            notes
        })
    }

    fn identity(&self) -> Identity {
        let Some(init) = &self.init else { return Identity::default() };
        Identity { version: init.version.clone(), model: init.model.clone(), session: init.session.clone() }
    }
}

impl Claude {
    /// What is left to do when the agent has ended: its own files kept, the login taken back.
    async fn settle(&mut self) -> Vec<String> {
        let (seat, lent) = (self.seat.clone(), self.lent.take());
        let Some(init) = self.init.take() else {
            drop(lent);
            return Vec::new();
        };
        let settled = tokio::task::spawn_blocking(move || {
            drop(lent);
            let session = init.session.as_deref().unwrap_or_default();
            let files = native::Files { home: &seat.home, native: &seat.native, session, redactor: &seat.redactor };
            let mut notes = files.keep();
            notes.push(format!("tools it had: {}", init.tools.join(", ")));
            notes
        });
        settled.await.unwrap_or_else(|error| vec![lost(&error).to_string()])
    }

    /// Writes a line. An agent that does not take it is about to be gone.
    async fn tell(&mut self, line: &str) {
        if self.child.write_line(line).await.is_err() {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.state = State::Leaving(Instant::now() + LEAVING);
    }

    fn interruption(&self) -> String {
        format!("evalrun-interrupt-{}", self.interrupts)
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        if let Some(line) = self.outgoing.pop_front() {
            // The child takes the whole line before the first wait.
            return self.tell(&line).await;
        }
        match self.state.clone() {
            State::Opening => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = self.cancel.cancelled() => self.state = State::Killing(Box::default()),
            },
            State::Idle | State::Turn => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = self.cancel.cancelled() => self.state = State::Killing(Box::new(Some(interrupted("the trial was stopped")))),
            },
            State::Stopping(stopping) => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = sleep_until(stopping.until) => match stopping.ended {
                    // It ended its turn and only never said that it heard.
                    Some(end) => self.end_turn(end),
                    None => {
                        let why = "the agent did not stop when asked and was ended";
                        self.state = State::Killing(Box::new(Some(interrupted(why))));
                    }
                },
            },
            State::Leaving(until) => tokio::select! {
                ended = self.child.wait() => self.gone(ended),
                () = sleep_until(until) => self.state = State::Killing(Box::default()),
            },
            State::Killing(turn) => {
                let ended = self.child.kill().await;
                match *turn {
                    Some(end) => {
                        self.end_turn(end);
                        self.state = State::Gone(Box::new(Fault::new(Boundary::Agent, "gone", "the agent was ended")));
                    }
                    None => self.gone(ended),
                }
            }
            State::Gone(_) => std::future::pending().await,
        }
    }

    fn gone(&mut self, ended: Result<Output, Fault>) {
        let fault = match ended {
            Ok(output) => self.left_with(&output),
            Err(fault) => fault,
        };
        let rest = self.wire.finish();
        rest.into_iter().for_each(|draft| self.keep(draft));
        self.note_left_out();
        self.go(fault);
    }

    fn go(&mut self, fault: Fault) {
        self.state = State::Gone(Box::new(fault.clone()));
        self.ready.push_back(Signal::Gone(fault));
    }

    fn left_with(&self, output: &Output) -> Fault {
        const SHOWN: usize = 2 << 10;
        let how = match output.exit {
            Exit::Code(code) => format!("exit code {code}"),
            Exit::Signal(signal) => format!("signal {signal}"),
            Exit::TimedOut => "its time limit".to_owned(),
            Exit::Cancelled => "being ended".to_owned(),
        };
        let (words, _) = output.stderr.redacted(&self.seat.redactor).text();
        let words = tail(words.trim_end(), SHOWN);
        let more = if words.is_empty() { String::new() } else { format!(": {words}") };
        Fault::new(Boundary::Agent, "gone", format!("the agent left with {how}{more}"))
    }

    fn heard(&mut self, line: Option<Line>) {
        let Some(line) = line else { return self.leave() };
        if line.bytes.iter().all(u8::is_ascii_whitespace) && line.cut == 0 {
            return;
        }
        let record = match record(&line) {
            Ok(record) => record,
            Err(unknown) => return self.keep(Draft::of(Body::Unknown(unknown))),
        };
        let read = self.wire.record(record, None);
        read.drafts.into_iter().for_each(|draft| self.keep(draft));
        self.meant(read.heard);
    }

    /// What a record means beyond its events.
    fn meant(&mut self, heard: Heard) {
        match heard {
            Heard::Init(init) => self.init = Some(init),
            Heard::Permit(waits, what) => self.ask(Waiting::permit(waits, what)),
            Heard::Ask(waits, questions) => {
                self.wire.put(&waits.call);
                self.ask(Waiting::ask(waits, questions));
            }
            Heard::Withdrawn(request) => {
                let gone = self.asked.withdraw(&request);
                self.ready.retain(
                    |signal| !matches!(signal, Signal::Ask(id, _) | Signal::Permit(id, _) if Some(*id) == gone),
                );
            }
            Heard::Request(request, kind) => self.outgoing.push_back(say::refuse(&request, &kind)),
            Heard::Response(request, refused) => self.responded(&request, refused),
            Heard::End(ended) => self.ended(ended.end, ended.fault),
            Heard::Nothing | Heard::User(..) => {}
        }
    }

    fn ask(&mut self, waiting: Waiting) {
        if matches!(self.state, State::Stopping(_)) {
            // Nobody answers any more; a refusal lets the turn end.
            self.wire.deny(waiting.call());
            self.outgoing.push_back(waiting.refused("The turn was interrupted."));
            return;
        }
        let signal = self.asked.put(waiting);
        self.ready.push_back(signal);
    }

    fn responded(&mut self, request: &str, refused: Option<String>) {
        let interruption = self.interruption();
        match (&mut self.state, refused) {
            (State::Opening, None) if request == INITIALIZE => self.state = State::Idle,
            (State::Opening, Some(why)) if request == INITIALIZE => {
                let fault = Fault::new(Boundary::Agent, "initialize", format!("the agent cannot be spoken to: {why}"));
                self.state = State::Gone(Box::new(fault));
            }
            (State::Stopping(stopping), _) if request == interruption => {
                stopping.answered = true;
                self.stopped();
            }
            (_, _) => {}
        }
    }

    fn ended(&mut self, end: TurnEnd, fault: Option<Fault>) {
        match (&mut self.state, fault) {
            (State::Turn, Some(fault)) => {
                self.note_left_out();
                self.asked.clear();
                self.go(fault);
            }
            (State::Turn, None) => self.end_turn(end),
            (State::Stopping(stopping), _) => {
                stopping.ended = Some(interrupted(&end.why));
                self.stopped();
            }
            // A turn that nobody asked for, as when a task in the background ends: kept, as a reader may wonder.
            (State::Opening | State::Idle | State::Leaving(_) | State::Killing(_) | State::Gone(_), _) => {
                let raw = Text::whole(end.why);
                self.keep(Draft::of(Body::Unknown(Unknown { kind: "result".to_owned(), raw })));
            }
        }
    }

    fn stopped(&mut self) {
        if let State::Stopping(stopping) = &mut self.state
            && stopping.answered
            && let Some(end) = stopping.ended.take()
        {
            self.end_turn(end);
        }
    }

    fn end_turn(&mut self, end: TurnEnd) {
        let rest = self.wire.finish();
        rest.into_iter().for_each(|draft| self.keep(draft));
        self.note_left_out();
        self.asked.clear();
        self.state = State::Idle;
        self.ready.push_back(Signal::TurnEnd(end));
    }

    fn keep(&mut self, mut draft: Draft) {
        let length = length_of(&mut draft);
        if self.left == 0 {
            self.left_out += length;
            return;
        }
        self.left = self.left.saturating_sub(length.max(LEAST_OF_AN_EVENT));
        self.ready.push_back(Signal::Event(Box::new(draft)));
    }

    fn note_left_out(&mut self) {
        if self.left_out > 0 {
            let why = format!("{} bytes of the agent's events were left out", std::mem::take(&mut self.left_out));
            let mark = LimitMark { limit: "output".to_owned(), why };
            self.ready.push_back(Signal::Event(Box::new(Draft::of(Body::Limit(mark)))));
        }
    }
}

/// Bytes of what is kept: a record holds much besides, such as the whole file that was edited.
fn length_of(draft: &mut Draft) -> u64 {
    let input = if let Body::ToolCall(call) = &draft.body { call.input.to_string().len() } else { 0 };
    let texts: usize = draft.body.texts_mut().iter().map(|text| text.inline.len()).sum();
    (input + texts) as u64
}

/// A line as a record, or as what is kept of one that is none.
fn record(line: &Line) -> Result<Value, Unknown> {
    let unknown = |kind: &str, raw: String| Unknown { kind: kind.to_owned(), raw: Text::whole(raw) };
    let (text, _) = line.text();
    if line.cut > 0 {
        let shown = head(&text, KEPT_OF_LONG);
        let more = (text.len() - shown.len()) as u64 + line.cut;
        return Err(unknown("line_too_long", format!("{shown} [{more} more bytes]")));
    }
    let text = mended(&text).map_or(text, |(mended, _)| mended);
    match serde_json::from_str::<Value>(&text) {
        Ok(record) if record.is_object() => Ok(record),
        Ok(_) | Err(_) => Err(unknown("malformed", text)),
    }
}

fn interrupted(why: &str) -> TurnEnd {
    TurnEnd { how: TurnEnded::Interrupted, why: why.to_owned() }
}

/// One that never came to be ready: nothing was measured.
fn unstarted(fault: Fault) -> Fault {
    let hint = "see that `claude` is on PATH and starts, or name its command line in the agent's `command`";
    let boundary = if fault.kind == "spawn" { Boundary::Agent } else { fault.boundary };
    let hint = fault.hint.clone().unwrap_or_else(|| hint.to_owned());
    Fault { boundary, ..fault }.hint(hint)
}

fn lost(error: &tokio::task::JoinError) -> Fault {
    Fault::new(Boundary::Sandbox, "thread", format!("a thread ended early: {error}"))
}
