//! A program per turn: it gets the message, does its work, prints its answer and ends.

use super::{Filling, Template, blamed, last_words, session_id};
use crate::{
    agents::{Identity, Seat, Session},
    model::{
        agent::{AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        trace::{AgentMessage, Body, ErrorMark, Phase, Text},
    },
    process::{Cancel, Exit, Output, Spec, Stdin, run},
};
use std::collections::VecDeque;
use tokio::task::JoinHandle;

pub(super) fn open(seat: Seat) -> Box<dyn Session> {
    let first = Template::of(&seat.spec, "command");
    let later = Template::of(&seat.spec, "next");
    let session = session_id(&seat);
    let stop = seat.cancel.child();
    Box::new(Turns { seat, first, later, session, turns: 0, stop, running: None, ready: VecDeque::new() })
}

struct Turns {
    seat: Seat,
    first: Template,
    later: Template,
    session: String,
    turns: u32,
    /// Ends the running turn.
    stop: Cancel,
    /// In a task of its own, so that nobody who stops listening stops it.
    running: Option<JoinHandle<Result<Output, Fault>>>,
    ready: VecDeque<Signal>,
}

impl Session for Turns {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            if self.running.is_some() {
                return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
            }
            let spec = self.program(message)?;
            self.turns += 1;
            self.stop = self.seat.cancel.child();
            let stop = self.stop.clone();
            self.running = Some(tokio::spawn(async move { run(spec, &stop).await }));
            Ok(())
        })
    }

    fn next(&mut self) -> Boxed<'_, Signal> {
        Box::pin(async move {
            loop {
                if let Some(signal) = self.ready.pop_front() {
                    return signal;
                }
                match &mut self.running {
                    None => std::future::pending().await,
                    Some(task) => {
                        let ended = task.await;
                        self.running = None;
                        match ended {
                            Ok(Ok(output)) => self.ended(&output),
                            Ok(Err(fault)) => self.ready.push_back(Signal::Gone(blamed(fault))),
                            Err(error) => self.ready.push_back(Signal::Gone(task_lost(&error))),
                        }
                    }
                }
            }
        })
    }

    fn reply(&mut self, _: AskId, _: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async {
            Err(Fault::new(Boundary::Agent, "no_question", "a program per turn asks nothing in the middle"))
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        self.stop.cancel();
        Box::pin(async { Ok(()) })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            self.stop.cancel();
            if let Some(task) = self.running.take() {
                // What it printed is in nobody's interest any more; that it has ended is.
                let _ = task.await;
            }
            Vec::new()
        })
    }

    fn identity(&self) -> Identity {
        Identity { session: Some(self.session.clone()), ..Identity::default() }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Turns {
    fn program(&self, message: &str) -> Result<Spec, Fault> {
        let template = if self.turns == 0 || self.later.words.is_empty() { &self.first } else { &self.later };
        let (workspace, home) = (self.seat.workspace.to_string_lossy(), self.seat.home.to_string_lossy());
        let filling = Filling { message, session: &self.session, workspace: &workspace, home: &home };
        let argv = template.fill(&filling).map_err(|why| Fault::new(Boundary::Workspace, "command", why))?;
        let mut spec = self.seat.program(argv);
        if !template.names_message() {
            spec.stdin = Stdin::Bytes(format!("{message}\n").into_bytes());
        }
        Ok(spec)
    }

    fn ended(&mut self, output: &Output) {
        let said = output.stdout.redacted(&self.seat.redactor);
        let (text, lossy) = said.text();
        let text = text.trim_end();
        if !text.is_empty() {
            let text = Text { inline: text.to_owned(), lossy, ..Text::default() };
            self.event(Body::AgentMessage(AgentMessage { text, phase: Some(Phase::Final) }));
        }
        let (how, why) = match output.exit {
            Exit::Code(0) => (TurnEnded::Done, String::new()),
            Exit::Code(code) => (TurnEnded::Failed, format!("the program ended with exit code {code}")),
            Exit::Signal(signal) => (TurnEnded::Failed, format!("the program was ended by signal {signal}")),
            Exit::TimedOut => (TurnEnded::Failed, "the program was ended at the turn's time limit".to_owned()),
            Exit::Cancelled => (TurnEnded::Interrupted, String::new()),
        };
        let words = last_words(&output.stderr.redacted(&self.seat.redactor));
        if how == TurnEnded::Failed && !words.is_empty() {
            self.event(Body::Error(ErrorMark { message: Text::whole(words), fault: None }));
        }
        self.ready.push_back(Signal::TurnEnd(TurnEnd { how, why }));
    }

    fn event(&mut self, body: Body) {
        self.ready.push_back(Signal::Event(Box::new(Draft::of(body))));
    }
}

fn task_lost(error: &tokio::task::JoinError) -> Fault {
    Fault::new(Boundary::Sandbox, "thread", format!("the task that ran the program ended early: {error}"))
}
