//! One program for the whole conversation, spoken to in lines of JSON.

use super::{Filling, Template, blamed, session_id, wire};
use crate::{
    agents::{Identity, Seat, Session, cut::head, gone::left},
    model::{
        agent::{Ask, AskId, Draft, PermitAsk, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        trace::{Body, LimitMark},
    },
    process::{Cancel, Child, Line, Output, Stdin, open as open_program, redact::Redactor},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};
use wire::Said;

/// How long an interrupted program has to end its turn before it is ended itself.
const STOPPING: Duration = Duration::from_secs(5);

/// How long a program has to end once its conversation is over.
const LEAVING: Duration = Duration::from_secs(2);

/// What an event counts at least: a million empty ones would fill memory as well as a few large ones.
const LEAST_OF_AN_EVENT: u64 = 512;

/// What is kept of a line that is too long to be read.
const KEPT_OF_LONG: usize = 1 << 10;

pub(super) async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let session = session_id(&seat);
    let (workspace, home) = (seat.workspace.to_string_lossy(), seat.home.to_string_lossy());
    let filling = Filling { message: "", session: &session, workspace: &workspace, home: &home };
    let argv = Template::of(&seat.spec, "command").fill(&filling);
    let argv = argv.map_err(|why| Fault::new(Boundary::Workspace, "command", why))?;
    let mut spec = seat.program(argv);
    spec.stdin = Stdin::Piped;
    spec.timeout = None;
    let child = open_program(spec).await.map_err(blamed)?;
    Ok(Box::new(Lines {
        child,
        state: State::Idle,
        identity: Identity { session: Some(session), ..Identity::default() },
        asks: BTreeMap::new(),
        last_ask: 0,
        ready: VecDeque::new(),
        left: seat.limits.output_bytes,
        left_out: 0,
        cancel: seat.cancel.child(),
        redactor: seat.redactor,
    }))
}

struct Lines {
    child: Child,
    state: State,
    identity: Identity,
    /// Questions that wait, with the program's own ids.
    asks: BTreeMap<AskId, Value>,
    last_ask: u32,
    ready: VecDeque<Signal>,
    /// Bytes of events that may still be kept in this trial.
    left: u64,
    left_out: u64,
    cancel: Cancel,
    redactor: Arc<Redactor>,
}

#[derive(Clone, Debug)]
enum State {
    Idle,
    Turn,
    /// Interrupted: it may end its turn until then.
    Stopping(Instant),
    /// It no longer listens or speaks: it may end until then.
    Leaving(Instant),
    /// Being ended; this is how the turn ended for who listens.
    Killing(Box<Option<TurnEnd>>),
    Gone(Box<Fault>),
}

impl Session for Lines {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            match &self.state {
                State::Idle => {}
                State::Gone(fault) => return Err((**fault).clone()),
                State::Turn | State::Stopping(_) | State::Leaving(_) | State::Killing(_) => {
                    return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
                }
            }
            self.state = State::Turn;
            self.tell(&wire::user(message)).await;
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
            let Some(id) = self.asks.remove(&to) else {
                return Err(Fault::new(Boundary::Agent, "no_question", format!("question {} does not wait", to.0)));
            };
            self.tell(&wire::reply(&id, &reply)).await;
            Ok(())
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            if matches!(self.state, State::Turn) {
                self.state = State::Stopping(Instant::now() + STOPPING);
                self.asks.clear();
                self.tell(&wire::interrupt()).await;
            }
            Ok(())
        })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            if timeout(LEAVING, self.child.wait()).await.is_ok() {
                return Vec::new();
            }
            let note = "the agent did not end when its input was closed and was ended";
            match self.child.kill().await {
                Ok(_) => vec![note.to_owned()],
                Err(fault) => vec![format!("{note}: {fault}")],
            }
        })
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

impl Lines {
    /// Writes a line. A program that does not take it is about to be gone.
    async fn tell(&mut self, line: &str) {
        if self.child.write_line(line).await.is_err() {
            self.state = State::Leaving(Instant::now() + LEAVING);
        }
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        match self.state.clone() {
            State::Idle | State::Turn => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = self.cancel.cancelled() => self.state = State::Killing(Box::new(Some(interrupted("the trial was stopped")))),
            },
            State::Stopping(until) => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = sleep_until(until) => {
                    self.state = State::Killing(Box::new(Some(interrupted("the agent did not stop when asked and was ended"))));
                }
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
            Ok(output) => left(&output, &self.redactor),
            Err(fault) => blamed(fault),
        };
        self.note_left_out();
        self.state = State::Gone(Box::new(fault.clone()));
        self.ready.push_back(Signal::Gone(fault));
    }

    fn heard(&mut self, line: Option<Line>) {
        let Some(line) = line else {
            self.state = State::Leaving(Instant::now() + LEAVING);
            return;
        };
        if line.bytes.iter().all(u8::is_ascii_whitespace) && line.cut == 0 {
            return;
        }
        let length = line.bytes.len() as u64 + line.cut;
        match understood(&line) {
            Said::Hello { version, model, session } => {
                let session = session.or(self.identity.session.take());
                self.identity = Identity { version, model, session };
            }
            Said::Ask { id, text, options } => {
                let ask = self.asked(id);
                self.ready.push_back(Signal::Ask(ask, Ask { text, options }));
            }
            Said::Permit { id, what } => {
                let ask = self.asked(id);
                self.ready.push_back(Signal::Permit(ask, PermitAsk { what }));
            }
            Said::TurnEnd { how, why } => self.turn_ended(TurnEnd { how, why }),
            Said::Event(draft) => self.keep(*draft, length),
        }
    }

    fn asked(&mut self, id: Value) -> AskId {
        let ask = Said::numbered(&mut self.last_ask);
        self.asks.insert(ask, id);
        ask
    }

    fn turn_ended(&mut self, end: TurnEnd) {
        match self.state {
            State::Stopping(_) => self.end_turn(interrupted(&end.why)),
            State::Turn => self.end_turn(end),
            // Said twice, or before anything was asked of it: kept, as a reader may wonder.
            State::Idle | State::Leaving(_) | State::Killing(_) | State::Gone(_) => {
                if let Said::Event(draft) = wire::kept("turn_end", end.why) {
                    self.keep(*draft, 0);
                }
            }
        }
    }

    fn end_turn(&mut self, end: TurnEnd) {
        self.note_left_out();
        self.asks.clear();
        self.state = State::Idle;
        self.ready.push_back(Signal::TurnEnd(end));
    }

    fn keep(&mut self, draft: Draft, length: u64) {
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

fn understood(line: &Line) -> Said {
    let (text, lossy) = line.text();
    match (line.cut, lossy) {
        (0, false) => wire::read(&text),
        (0, true) => wire::kept("not_utf8", text),
        (cut, _) => {
            let shown = head(&text, KEPT_OF_LONG);
            let more = (text.len() - shown.len()) as u64 + cut;
            wire::kept("line_too_long", format!("{shown} [{more} more bytes]"))
        }
    }
}

fn interrupted(why: &str) -> TurnEnd {
    TurnEnd { how: TurnEnded::Interrupted, why: why.to_owned() }
}
