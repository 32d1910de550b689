//! `codex exec --json`, a process per turn: for a Codex whose app-server does not work. It asks nothing and shows less.

use super::{
    faults,
    flow::{Flow, until},
    home::Home,
    items, program, words,
};
use crate::{
    agents::{Identity, Seat, Session},
    importers::codex_exec::{Stream, Told},
    model::{
        agent::{AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        trace::Body,
    },
    process::{Cancel, Child, Exit, Line, Output, Stdin, open as open_program},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long an interrupted process has to end by itself.
const STOPPING: Duration = Duration::from_secs(5);
/// Longer messages are given on stdin: one word of a command line cannot hold them.
const LONGEST_WORD: usize = 100 << 10;

pub async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let home = words::prepared(&seat, &words::approvals(&seat.spec, "never")).await?;
    let flow = Flow::of(&seat);
    let stop = seat.cancel.child();
    let model = seat.spec.model.clone();
    let identity = Identity { model, ..Identity::default() };
    let (stream, state, end) = (Stream::default(), State::Idle, None);
    Ok(Box::new(Exec { seat, home, flow, stream, state, end, stop, identity }))
}

struct Exec {
    seat: Seat,
    home: Home,
    flow: Flow,
    stream: Stream,
    state: State,
    /// How the stream said that the turn ended.
    end: Option<TurnEnd>,
    stop: Cancel,
    identity: Identity,
}

enum State {
    Idle,
    Turn(Box<Child>),
    /// Told to end: it may do so until then.
    Stopping(Box<Child>, Instant),
    Gone(Box<Fault>),
}

impl Session for Exec {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            match &self.state {
                State::Idle => {}
                State::Gone(fault) => return Err((**fault).clone()),
                State::Turn(_) | State::Stopping(..) => {
                    return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
                }
            }
            let mut argv = vec!["exec"];
            let thread = self.identity.session.clone();
            argv.extend(thread.as_ref().map(|_| "resume"));
            argv.extend(["--json", "--skip-git-repo-check"]);
            argv.extend(thread.as_deref());
            let long = message.len() > LONGEST_WORD;
            // A message that reads as an option or as the name of a command is none.
            argv.extend(
                (message.starts_with('-') || !message.contains(char::is_whitespace)).then_some("--").filter(|_| !long),
            );
            argv.push(if long { "-" } else { message });
            let mut spec = program(&self.seat, self.home.folder(), &argv);
            if long {
                spec.stdin = Stdin::Bytes(message.as_bytes().to_vec());
            }
            spec.timeout = None;
            self.end = None;
            match open_program(spec).await {
                Ok(child) => self.state = State::Turn(Box::new(child)),
                Err(fault) => self.is_gone(words::blamed(fault)),
            }
            Ok(())
        })
    }

    fn next(&mut self) -> Boxed<'_, Signal> {
        Box::pin(async move {
            loop {
                if let Some(signal) = self.flow.pop() {
                    return signal;
                }
                self.step().await;
            }
        })
    }

    fn reply(&mut self, _: AskId, _: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async { Err(Fault::new(Boundary::Agent, "no_question", "codex exec asks nothing in the middle")) })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        self.stopping();
        Box::pin(async { Ok(()) })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            if let State::Turn(mut child) | State::Stopping(mut child, _) =
                std::mem::replace(&mut self.state, State::Idle)
            {
                // What it still said is in nobody's interest any more; that it has ended is.
                let _ = child.kill().await;
            }
            let Exec { home, seat, .. } = *self;
            words::left(home, seat.redactor).await
        })
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

/// What a wait brought.
enum Came {
    Line(Option<Line>),
    Stop,
    Dead,
    Late,
}

impl Exec {
    fn stopping(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Turn(child) => {
                child.interrupt();
                // What waits for a dead endpoint may not listen.
                let patience = if self.flow.deadline().is_some() { Duration::ZERO } else { STOPPING };
                State::Stopping(child, Instant::now() + patience)
            }
            other => other,
        };
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        let deadline = self.flow.deadline();
        let came = match &mut self.state {
            State::Idle | State::Gone(_) => return std::future::pending().await,
            State::Turn(child) => tokio::select! {
                line = child.next_line() => Came::Line(line),
                () = self.stop.cancelled() => Came::Stop,
                () = until(deadline) => Came::Dead,
            },
            State::Stopping(child, end) => tokio::select! {
                line = child.next_line() => Came::Line(line),
                () = sleep_until(*end) => Came::Late,
            },
        };
        match came {
            Came::Line(Some(line)) => self.line(&line),
            Came::Line(None) => self.ended().await,
            Came::Stop => self.stopping(),
            Came::Dead | Came::Late => self.kill().await,
        }
    }

    async fn kill(&mut self) {
        if let State::Turn(child) | State::Stopping(child, _) = &mut self.state {
            // Its output ends with it, and then how it ended is asked.
            let _ = child.kill().await;
        }
        self.ended().await;
    }

    /// Its output has ended: so has the turn.
    async fn ended(&mut self) {
        let output = match &mut self.state {
            State::Turn(child) | State::Stopping(child, _) => child.wait().await,
            State::Idle | State::Gone(_) => return,
        };
        let stopped = matches!(self.state, State::Stopping(..));
        self.state = State::Idle;
        let trouble = self.flow.take_trouble();
        let output = match (output, trouble) {
            (_, Some(fault)) => return self.is_gone(fault),
            (Err(fault), None) => return self.is_gone(words::blamed(fault)),
            (Ok(output), None) => output,
        };
        let end = self.end.take();
        let broken = end.as_ref().and_then(|end| faults::of_provider(&json!({"message": end.why})));
        match (stopped, broken, end) {
            (true, _, end) => {
                let why = end.map(|end| end.why).unwrap_or_default();
                self.end_turn(TurnEnd { how: TurnEnded::Interrupted, why });
            }
            (false, Some(fault), _) => self.is_gone(fault),
            (false, None, Some(end)) => self.end_turn(end),
            (false, None, None) => self.without_an_end(&output),
        }
    }

    /// A process that ended without saying that its turn had: it could not even start where it named no thread.
    fn without_an_end(&mut self, output: &Output) {
        match output.exit {
            Exit::Cancelled => self.end_turn(TurnEnd { how: TurnEnded::Interrupted, why: String::new() }),
            Exit::Code(_) | Exit::Signal(_) | Exit::TimedOut => {
                let own = words::farewell(output, &self.seat.redactor);
                let fault = faults::of_provider(&json!({"message": own.message}));
                self.is_gone(fault.unwrap_or(own));
            }
        }
    }

    fn end_turn(&mut self, end: TurnEnd) {
        self.flow.note_left_out();
        self.flow.push(Signal::TurnEnd(end));
    }

    fn is_gone(&mut self, fault: Fault) {
        self.flow.note_left_out();
        self.state = State::Gone(Box::new(fault.clone()));
        self.flow.push(Signal::Gone(fault));
    }

    fn line(&mut self, line: &Line) {
        let (text, lossy) = line.text();
        let length = line.bytes.len() as u64 + line.cut;
        if text.trim().is_empty() && line.cut == 0 {
            return;
        }
        let told = if line.cut > 0 { Err("too long".to_owned()) } else { self.stream.line(&text) };
        let Ok(told) = told else {
            let shown = crate::agents::cut::head(&text, 1 << 10);
            return self.flow.keep(items::kept("malformed", &Value::String(shown.to_owned())), length);
        };
        for one in told {
            self.take(one, (length, lossy));
        }
    }

    fn take(&mut self, told: Told, (length, lossy): (u64, bool)) {
        match told {
            Told::Thread(thread) => self.identity.session = Some(thread),
            Told::Turn | Told::Nothing => {}
            Told::End(end) => self.end = Some(end),
            Told::Event(body, call) => {
                if let Body::Error(error) = &*body
                    && let Some(fault) =
                        faults::of_provider(&json!({"message": error.message.as_str()})).filter(|fault| fault.retryable)
                {
                    return self.flow.troubled(fault);
                }
                if !matches!(&*body, Body::Error(_)) {
                    self.flow.calm();
                }
                let mut draft = Draft { call, ..Draft::of(*body) };
                if lossy {
                    draft.body.texts_mut().into_iter().for_each(|text| text.lossy = true);
                }
                self.flow.keep(draft, length);
            }
        }
    }
}
