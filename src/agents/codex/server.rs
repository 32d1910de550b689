//! One `codex app-server` for the whole conversation, spoken to in JSON-RPC on its stdin and stdout.

use super::{
    asks::{self, Wants},
    faults,
    flow::{Flow, mark, until},
    home::Home,
    items,
    map::{Heard, Map},
    program,
    questions::Questions,
    wire::{self, Message},
    words,
};
use crate::{
    agents::{Identity, Seat, Session},
    model::{
        agent::{AskId, Draft, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
    },
    process::{Cancel, Child, Line, Output, Stdin, open as open_program, redact::Redactor},
};
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until, timeout};

/// How long an interrupted turn has to end before Codex is ended itself.
const STOPPING: Duration = Duration::from_secs(5);
/// How long Codex has to write its rollout and end once its conversation is over.
const LEAVING: Duration = Duration::from_secs(5);
/// What is kept of a line that is too long to be read.
const KEPT_OF_LONG: usize = 1 << 10;

pub async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let approvals = words::approvals(&seat.spec, "on-request");
    let home = words::prepared(&seat, &approvals).await?;
    let mut spec = program(&seat, home.folder(), &["app-server"]);
    spec.stdin = Stdin::Piped;
    spec.timeout = None;
    let child = open_program(spec).await.map_err(words::blamed)?;
    let mut server = Server {
        child,
        home,
        map: Map::default(),
        flow: Flow::of(&seat),
        state: State::Idle,
        identity: Identity::default(),
        questions: Questions::default(),
        last_id: 0,
        turn_request: 0,
        outgoing: VecDeque::new(),
        cancel: seat.cancel.child(),
        redactor: Arc::clone(&seat.redactor),
    };
    server.greet(&seat, &approvals).await?;
    Ok(Box::new(server))
}

struct Server {
    child: Child,
    home: Home,
    map: Map,
    flow: Flow,
    state: State,
    identity: Identity,
    questions: Questions,
    last_id: u64,
    /// The request that started the running turn.
    turn_request: u64,
    outgoing: VecDeque<String>,
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
    /// Being ended; this is what is said then.
    Killing(Box<Last>),
    Gone(Box<Fault>),
}

#[derive(Clone, Debug)]
enum Last {
    TurnEnd(TurnEnd),
    Gone(Fault),
    /// How it ended.
    Left,
}

impl Session for Server {
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
            self.map.turn = None;
            // What failed between turns is not this turn's.
            self.flow.calm();
            let input = json!([{"type": "text", "text": message}]);
            self.turn_request = self.ask("turn/start", &json!({"threadId": self.map.thread, "input": input}));
            self.send().await;
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

    fn reply(&mut self, to: AskId, reply: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            if let Some(line) = self.questions.reply(to, reply)? {
                self.outgoing.push_back(line);
                self.send().await;
            }
            Ok(())
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            if !matches!(self.state, State::Turn) {
                return Ok(());
            }
            // What waits for a dead endpoint is not asked to stop: it may not listen, and the trial is broken anyway.
            if let Some(fault) = self.flow.take_trouble() {
                self.end_with(Last::Gone(fault));
            } else {
                self.state = State::Stopping(Instant::now() + STOPPING);
                self.questions.clear();
                self.stop_turn();
                self.send().await;
            }
            Ok(())
        })
    }

    fn close(mut self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            let mut notes = Vec::new();
            if timeout(LEAVING, self.child.wait()).await.is_err() {
                let note = "codex did not end when its input was closed and was ended";
                notes.push(match self.child.kill().await {
                    Ok(_) => note.to_owned(),
                    Err(fault) => format!("{note}: {fault}"),
                });
            }
            let Server { home, redactor, .. } = *self;
            notes.extend(words::left(home, redactor).await);
            notes
        })
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }
}

impl Server {
    /// Says hello and starts the thread.
    async fn greet(&mut self, seat: &Seat, approvals: &str) -> Result<(), Fault> {
        let client = json!({"name": "evalrun", "title": "evalrun", "version": env!("CARGO_PKG_VERSION")});
        let hello = json!({"clientInfo": client, "capabilities": {"experimentalApi": true}});
        let welcome = self.call("initialize", &hello).await?;
        self.outgoing.push_back(wire::notice("initialized"));
        let mut start = json!({
            "cwd": seat.workspace,
            "approvalPolicy": words::policy(&seat.spec, approvals),
            "sandbox": words::sandbox(&seat.spec),
        });
        if let Some(model) = &seat.spec.model {
            start["model"] = json!(model);
        }
        let started = self.call("thread/start", &start).await?;
        let thread = started.pointer("/thread/id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let thread =
            thread.ok_or_else(|| Fault::new(Boundary::Agent, "protocol", "codex started a thread without an id"))?;
        self.map.thread = thread.to_owned();
        self.map.cwd = seat.workspace.to_string_lossy().into_owned();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        self.identity = Identity {
            version: words::version(&welcome).or_else(|| text(started.pointer("/thread/cliVersion"))),
            model: text(started.get("model")).or_else(|| text(started.pointer("/thread/model"))),
            session: Some(thread.to_owned()),
        };
        Ok(())
    }

    /// Asks and waits for the answer; only before the first turn, where nobody else listens.
    async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Fault> {
        let id = self.ask(method, params);
        self.send().await;
        loop {
            let line = tokio::select! {
                line = self.child.next_line() => line,
                () = self.cancel.cancelled() => return Err(Fault::new(Boundary::Agent, "stopped", "the trial was stopped")),
            };
            let Some(line) = line else {
                let ended = match timeout(LEAVING, self.child.wait()).await {
                    Ok(ended) => ended,
                    Err(_) => self.child.kill().await,
                };
                return Err(self.farewell(ended));
            };
            match wire::read(&line.text().0) {
                Message::Answer { id: to, result } if to == id => {
                    return result.map_err(|why| {
                        let fault = faults::of_provider(&json!({"message": why}));
                        fault.unwrap_or_else(|| {
                            Fault::new(Boundary::Agent, "start", format!("codex refused {method}: {why}"))
                        })
                    });
                }
                _ => self.line(&line),
            }
            self.send().await;
        }
    }

    fn ask(&mut self, method: &str, params: &Value) -> u64 {
        self.last_id += 1;
        self.outgoing.push_back(wire::request(self.last_id, method, params));
        self.last_id
    }

    /// Writes what waits. A program that does not take it is about to be gone.
    async fn send(&mut self) {
        while let Some(line) = self.outgoing.pop_front() {
            if self.child.write_line(&line).await.is_err() && !matches!(self.state, State::Gone(_) | State::Killing(_))
            {
                self.state = State::Leaving(Instant::now() + LEAVING);
            }
        }
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        self.send().await;
        match self.state.clone() {
            State::Idle | State::Turn => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = self.cancel.cancelled() => self.end_with(Last::TurnEnd(interrupted("the trial was stopped"))),
                () = until(self.flow.deadline()) => self.endpoint_dead(),
            },
            State::Stopping(end) => tokio::select! {
                line = self.child.next_line() => self.heard(line),
                () = sleep_until(end) => {
                    self.end_with(Last::TurnEnd(interrupted("codex did not stop when asked and was ended")));
                }
            },
            State::Leaving(end) => tokio::select! {
                ended = self.child.wait() => self.gone(ended),
                () = sleep_until(end) => self.end_with(Last::Left),
            },
            State::Killing(last) => {
                let ended = self.child.kill().await;
                self.killed(*last, ended);
            }
            State::Gone(_) => std::future::pending().await,
        }
    }

    fn end_with(&mut self, last: Last) {
        self.state = State::Killing(Box::new(last));
    }

    fn endpoint_dead(&mut self) {
        if let Some(fault) = self.flow.take_trouble() {
            self.end_with(Last::Gone(fault));
        }
    }

    fn killed(&mut self, last: Last, ended: Result<Output, Fault>) {
        let trouble = self.flow.take_trouble();
        match (last, trouble) {
            (Last::Left, _) => self.gone(ended),
            (Last::Gone(fault), _) | (Last::TurnEnd(_), Some(fault)) => self.is_gone(fault),
            (Last::TurnEnd(end), None) => {
                self.cut_short();
                self.end_turn(end);
                self.state = State::Gone(Box::new(Fault::new(Boundary::Agent, "gone", "codex was ended")));
            }
        }
    }

    fn gone(&mut self, ended: Result<Output, Fault>) {
        let fault = self.farewell(ended);
        self.is_gone(fault);
    }

    fn is_gone(&mut self, fault: Fault) {
        self.cut_short();
        self.flow.note_left_out();
        self.state = State::Gone(Box::new(fault.clone()));
        self.flow.push(Signal::Gone(fault));
    }

    /// Why it is gone: its own doing, unless its endpoint failed until the end.
    fn farewell(&mut self, ended: Result<Output, Fault>) -> Fault {
        let own = match ended {
            Ok(output) => words::farewell(&output, &self.redactor),
            Err(fault) => words::blamed(fault),
        };
        self.flow.take_trouble().unwrap_or(own)
    }

    fn heard(&mut self, line: Option<Line>) {
        match line {
            Some(line) => self.line(&line),
            None => self.state = State::Leaving(Instant::now() + LEAVING),
        }
    }

    fn line(&mut self, line: &Line) {
        if line.bytes.iter().all(u8::is_ascii_whitespace) && line.cut == 0 {
            return;
        }
        let (text, lossy) = line.text();
        let length = line.bytes.len() as u64 + line.cut;
        if line.cut > 0 {
            let shown = crate::agents::cut::head(&text, KEPT_OF_LONG);
            let raw = format!("{shown} [{} more bytes]", length - shown.len() as u64);
            return self.flow.keep(items::kept("line_too_long", &Value::String(raw)), length);
        }
        match wire::read(&text) {
            Message::Notice { method, params } => self.notice(&method, &params, (length, lossy)),
            Message::Request { id, method, params } => self.request(id, method, params),
            Message::Answer { id, result } => self.answered(id, result),
            Message::Malformed => {
                let mut draft = items::kept("malformed", &Value::String(text));
                flag(&mut draft, lossy);
                self.flow.keep(draft, length);
            }
        }
    }

    fn notice(&mut self, method: &str, params: &Value, (length, lossy): (u64, bool)) {
        for heard in self.map.notice(method, params) {
            self.take(heard, (length, lossy));
        }
    }

    fn take(&mut self, heard: Heard, (length, lossy): (u64, bool)) {
        match heard {
            Heard::Event(mut draft) => {
                flag(&mut draft, lossy);
                self.flow.keep(*draft, length);
            }
            Heard::Progress => self.flow.calm(),
            Heard::Trouble(fault) => self.flow.troubled(fault),
            Heard::TurnEnd(end) => self.turn_ended(end),
            Heard::Broken(fault) => {
                self.flow.calm();
                self.end_with(Last::Gone(fault));
            }
            Heard::Resolved(id) => self.questions.resolved(&id),
            Heard::Model(model) => self.identity.model = Some(model),
        }
    }

    fn request(&mut self, id: Value, method: String, params: Value) {
        self.flow.calm();
        let wants = asks::read(&method, &params, self.map.wanted(&params));
        match wants {
            Wants::Known(result) => self.outgoing.push_back(wire::answer(&id, &result)),
            Wants::Unknown => {
                self.flow.keep(items::kept(&format!("codex.{method}"), &params), 0);
                self.outgoing.push_back(wire::refusal(&id, &format!("evalrun does not answer {method}")));
            }
            Wants::Permission(permit) => {
                let asked = self.questions.put((id, method, params), 1);
                asked.into_iter().for_each(|ask| self.flow.push(Signal::Permit(ask, permit.clone())));
            }
            Wants::Answers(all) => {
                let asked = self.questions.put((id, method, params), all.len());
                asked.into_iter().zip(all).for_each(|(ask, words)| self.flow.push(Signal::Ask(ask, words)));
            }
        }
    }

    fn answered(&mut self, id: u64, result: Result<Value, String>) {
        let ours = id == self.turn_request && matches!(self.state, State::Turn | State::Stopping(_));
        match result {
            Ok(result) if ours => {
                let turn = result.pointer("/turn/id").and_then(Value::as_str).map(str::to_owned);
                let first = self.map.turn.is_none();
                self.map.turn = turn.or(self.map.turn.take());
                if first && matches!(self.state, State::Stopping(_)) {
                    self.stop_turn();
                }
            }
            Err(why) if ours => {
                self.flow.keep(mark(why.clone()), 0);
                match faults::of_provider(&json!({"message": why})) {
                    Some(fault) => self.end_with(Last::Gone(fault)),
                    None => self.turn_ended(TurnEnd { how: TurnEnded::Failed, why }),
                }
            }
            Err(why) => self.flow.keep(mark(why), 0),
            Ok(_) => {}
        }
    }

    /// Asks for the end of the running turn, once its id is known.
    fn stop_turn(&mut self) {
        if let Some(turn) = self.map.turn.clone() {
            self.ask("turn/interrupt", &json!({"threadId": self.map.thread, "turnId": turn}));
        }
    }

    fn turn_ended(&mut self, end: TurnEnd) {
        match self.state {
            State::Stopping(_) => match self.flow.take_trouble() {
                Some(fault) => self.end_with(Last::Gone(fault)),
                None => self.end_turn(interrupted(&end.why)),
            },
            State::Turn => self.end_turn(end),
            // Said twice, or before anything was asked of it: kept, as a reader may wonder.
            State::Idle | State::Leaving(_) | State::Killing(_) | State::Gone(_) => {
                self.flow.keep(items::kept("turn_end", &Value::String(end.why)), 0);
            }
        }
    }

    fn end_turn(&mut self, end: TurnEnd) {
        self.flow.calm();
        self.flow.note_left_out();
        self.questions.clear();
        self.state = State::Idle;
        self.flow.push(Signal::TurnEnd(end));
    }

    fn cut_short(&mut self) {
        const WHOLE: (u64, bool) = (0, false);
        for heard in self.map.cut_short() {
            self.take(heard, WHOLE);
        }
    }
}

/// Marks the texts of a line that was no UTF-8.
fn flag(draft: &mut Draft, lossy: bool) {
    if lossy {
        draft.body.texts_mut().into_iter().for_each(|text| text.lossy = true);
    }
}

fn interrupted(why: &str) -> TurnEnd {
    TurnEnd { how: TurnEnded::Interrupted, why: why.to_owned() }
}
