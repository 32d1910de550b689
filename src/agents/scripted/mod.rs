//! A stand-in that plays a script for real: it reads, searches, edits and runs things in the workspace.
//!
//! It is the embedded default: no key, no network, and yet real commands and real diffs. The script is described in
//! `docs/scripts.md`; `suite: {agents: {careful: {driver: scripted, script: careful.yaml}}}` names one.

mod diff;
mod files;
mod search;
mod tools;

use super::{Driver, Field, Identity, Seat, Session, Word};
use crate::{
    model::{
        agent::{Ask, AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        suite::AgentSpec,
        trace::{AgentMessage, Body, Phase, Plan, Reasoning, ResultStatus, Tells, Text, ToolCall, ToolResult},
    },
    process::Cancel,
    script::{Op, Player, Response, Script},
};
use serde_json::{Value, json};
use std::{collections::VecDeque, path::Path, sync::Arc};
use tokio::task::JoinHandle;
use tools::{Bench, Done};

pub static DRIVER: Driver = Driver {
    name: "scripted",
    about: "plays a candidate script for real in the workspace; a stand-in",
    fields: &[Field { name: "script", about: "the candidate script", word: Word::Path, required: true }],
    stand_in: true,
    tells: |_| Tells {
        exit_codes: true,
        outputs: true,
        plans: true,
        reasoning: true,
        times: true,
        usage: false,
        failed_edits: true,
        sub_agents: false,
        snapshots: true,
    },
    check: |spec| load(spec).err().unwrap_or_default(),
    open: |seat| Box::pin(open(seat)),
};

/// Digits of the script's hash that stand for a version.
const VERSION_DIGITS: usize = 12;

async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let spec = Arc::clone(&seat.spec);
    let loaded = tokio::task::spawn_blocking(move || load(&spec)).await;
    let script =
        loaded.unwrap_or_else(|error| Err(vec![error.to_string()])).map_err(|mistakes| unreadable(&mistakes))?;
    let version = script.hash().chars().take(VERSION_DIGITS).collect();
    let stop = seat.cancel.child();
    Ok(Box::new(Scripted {
        player: Player::new(script),
        version,
        trial: seat.cancel.clone(),
        bench: Arc::new(Bench::new(seat)),
        stop,
        ready: VecDeque::new(),
        waiting: VecDeque::new(),
        doing: Doing::Nothing,
        calls: 0,
        batches: 0,
        asks: 0,
    }))
}

fn load(spec: &AgentSpec) -> Result<Script, Vec<String>> {
    let Some(path) = spec.rest.get("script").and_then(Value::as_str) else {
        return Err(vec![format!("agent {}: `script` names no file", spec.name)]);
    };
    let name = Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
    let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: cannot be read: {error}")])?;
    Script::from_yaml(&text, &name)
}

fn unreadable(mistakes: &[String]) -> Fault {
    // The candidate has done nothing wrong: who wrote or moved the script has.
    Fault::new(Boundary::Workspace, "script", mistakes.join("; "))
        .hint("`evalrun check` lists the mistakes of a suite and its scripts")
}

struct Scripted {
    player: Player,
    version: String,
    trial: Cancel,
    bench: Arc<Bench>,
    /// Ends the running turn.
    stop: Cancel,
    ready: VecDeque<Signal>,
    /// Calls of the response at hand that have not begun.
    waiting: VecDeque<Pending>,
    doing: Doing,
    calls: u32,
    batches: u32,
    asks: u32,
}

struct Pending {
    id: String,
    op: Op,
}

/// What the session waits for. A tool runs in a task of its own, so that nobody who stops listening stops it.
enum Doing {
    /// No turn runs.
    Nothing,
    /// The next call, or the next response.
    Turn,
    Tool(String, JoinHandle<Done>),
    Answer(String, AskId),
}

impl Session for Scripted {
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            if !matches!(self.doing, Doing::Nothing) {
                return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
            }
            self.player.user(message);
            self.stop = self.trial.child();
            self.doing = Doing::Turn;
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
            let Doing::Answer(id, asked) = &self.doing else {
                return Err(Fault::new(Boundary::Agent, "no_question", "no question waits for an answer"));
            };
            if *asked != to {
                return Err(Fault::new(
                    Boundary::Agent,
                    "no_question",
                    format!("question {} waits, not {}", asked.0, to.0),
                ));
            }
            let (status, text) = match reply {
                Reply::Text(text) => (ResultStatus::Ok, text),
                Reply::Allow => (ResultStatus::Ok, "yes".to_owned()),
                Reply::Deny(why) => (ResultStatus::Denied, why),
            };
            let (id, done) = (id.clone(), Done::said(status, text));
            self.finish(&id, done);
            Ok(())
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        self.stop.cancel();
        Box::pin(async { Ok(()) })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            self.stop.cancel();
            if let Doing::Tool(_, task) = &mut self.doing {
                // What it did is in nobody's interest any more; that it has ended is.
                let _ = task.await;
            }
            Vec::new()
        })
    }

    fn identity(&self) -> Identity {
        Identity { version: Some(self.version.clone()), ..Identity::default() }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Scripted {
    /// Goes on by one: always either waits or leaves a signal or another thing to do.
    async fn step(&mut self) {
        match &mut self.doing {
            Doing::Nothing => std::future::pending().await,
            Doing::Turn => self.go_on(),
            Doing::Tool(id, task) => {
                let ended = task.await;
                let (id, done) = (id.clone(), ended.unwrap_or_else(|error| Done::failed(error.to_string())));
                self.finish(&id, done);
            }
            Doing::Answer(id, _) => {
                self.stop.cancelled().await;
                let id = id.clone();
                self.finish(&id, Done::said(ResultStatus::Cancelled, String::new()));
            }
        }
    }

    fn go_on(&mut self) {
        if self.stop.is_cancelled() {
            while let Some(call) = self.waiting.pop_front() {
                self.finish(&call.id, Done::said(ResultStatus::Cancelled, String::new()));
            }
            return self.end_turn(TurnEnded::Interrupted);
        }
        if let Some(call) = self.waiting.pop_front() {
            return self.begin(call);
        }
        match self.player.next() {
            Some(response) => self.respond(response),
            None => self.end_turn(TurnEnded::Done),
        }
    }

    fn end_turn(&mut self, how: TurnEnded) {
        self.doing = Doing::Nothing;
        self.ready.push_back(Signal::TurnEnd(TurnEnd { how, why: String::new() }));
    }

    fn respond(&mut self, response: Response) {
        if !response.think.is_empty() {
            self.event(Body::Reasoning(Reasoning { text: Text::whole(response.think), encrypted: false }));
        }
        if !response.text.is_empty() {
            let phase = if response.calls.is_empty() { Phase::Final } else { Phase::Commentary };
            self.event(Body::AgentMessage(AgentMessage { text: Text::whole(response.text), phase: Some(phase) }));
        }
        self.batches += u32::from(!response.calls.is_empty());
        for call in response.calls {
            self.announce(call.op);
        }
    }

    fn announce(&mut self, op: Op) {
        if let Op::Plan(steps) = op {
            return self.event(Body::Plan(Plan { steps }));
        }
        self.calls += 1;
        let id = format!("call-{}", self.calls);
        let call = ToolCall { name: op.word().to_owned(), tool: None, input: input(&op), batch: Some(self.batches) };
        self.call_event(&id, Body::ToolCall(call));
        self.waiting.push_back(Pending { id, op });
    }

    fn begin(&mut self, call: Pending) {
        match call.op {
            Op::Ask { question, options } => {
                self.asks += 1;
                let ask = AskId(self.asks);
                self.ready.push_back(Signal::Ask(ask, Ask { text: question, options }));
                self.doing = Doing::Answer(call.id, ask);
            }
            op => {
                let bench = Arc::clone(&self.bench);
                let stop = self.stop.clone();
                self.doing = Doing::Tool(call.id, tokio::spawn(async move { bench.play(op, stop).await }));
            }
        }
    }

    fn finish(&mut self, id: &str, done: Done) {
        self.doing = Doing::Turn;
        let result = ToolResult {
            call: None,
            status: done.status,
            exit: done.exit,
            output: done.output,
            dropped_bytes: done.dropped,
            duration_ms: done.duration_ms,
        };
        self.call_event(id, Body::ToolResult(result));
        if let Some(change) = done.change {
            self.call_event(id, Body::FileChange(change));
        }
        if let Some(fault) = done.fault {
            self.doing = Doing::Nothing;
            self.ready.push_back(Signal::Gone(fault));
        }
    }

    fn event(&mut self, body: Body) {
        self.ready.push_back(Signal::Event(Box::new(Draft::of(body))));
    }

    fn call_event(&mut self, id: &str, body: Body) {
        let draft = Draft { call: Some(id.to_owned()), ..Draft::of(body) };
        self.ready.push_back(Signal::Event(Box::new(draft)));
    }
}

fn input(op: &Op) -> Value {
    match op {
        Op::Shell(line) => json!({"command": line}),
        Op::Plan(_) | Op::Read { .. } | Op::Search { .. } | Op::Edit { .. } | Op::Write { .. } | Op::Ask { .. } => {
            op.to_json()
        }
    }
}
