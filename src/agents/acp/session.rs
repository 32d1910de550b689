//! The conversation with one agent: its process, its requests, the turn that runs.

use super::{command, files, setup, wire};
use crate::{
    agents::{
        Identity, Seat, Session,
        cut::head,
        gone::{blamed, left},
    },
    importers::{
        acp_ask::Form,
        acp_updates::{Acp, Moment},
    },
    model::{
        agent::{AskId, Draft, PermitAsk, Reply, Signal, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        trace::{Body, ErrorMark, LimitMark, Tells, Text, Unknown},
    },
    process::{Cancel, Child, Line, Output, Stdin, open as open_program, redact::Redactor},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use wire::Said;

/// How long an agent has to end a cancelled turn before it is ended itself.
const STOPPING: Duration = Duration::from_secs(5);

/// How long it has to leave once its input is closed: some never do.
const LEAVING: Duration = Duration::from_secs(2);

/// What an event counts at least: a million empty ones would fill memory as well as a few large ones.
const LEAST_OF_AN_EVENT: u64 = 512;

/// What is kept of a line that is no message.
const KEPT_OF_A_LINE: usize = 1 << 10;

/// Requests for files that are worked on at once.
const MOST_AT_ONCE: usize = 16;

pub(super) struct Conversation {
    pub(super) child: Child,
    pub(super) state: State,
    pub(super) acp: Acp,
    /// The session's id, as the agent gave it.
    pub(super) session: String,
    pub(super) version: Option<String>,
    asks: BTreeMap<AskId, Waiting>,
    last_ask: u32,
    pub(super) last_request: u64,
    /// The prompt that runs.
    prompt: Option<u64>,
    /// The one answer that is waited for while the conversation opens.
    pub(super) awaited: Option<(u64, Option<Result<Value, Value>>)>,
    /// Lines that are still to be said.
    outbox: VecDeque<String>,
    files: JoinSet<(Value, Result<Value, files::No>)>,
    workspace: PathBuf,
    ready: VecDeque<Signal>,
    /// Bytes of events that may still be kept in this trial.
    left: u64,
    left_out: u64,
    cancel: Cancel,
    redactor: Arc<Redactor>,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Opening,
    Idle,
    Turn,
    /// Cancelled: it may end its turn until then.
    Stopping(Instant),
    /// It no longer listens or speaks: it may end until then.
    Leaving(Instant),
    /// Being ended; this is how the turn ended for who listens.
    Killing(Box<Option<TurnEnd>>),
    Gone(Box<Fault>),
}

/// A request of the agent that waits for an answer.
enum Waiting {
    Permit { id: Value, params: Value },
    Form { id: Value, form: Form },
}

impl Conversation {
    /// Starts the agent, and a session in the workspace.
    pub(super) async fn open(seat: Seat) -> Result<Conversation, Fault> {
        let mut spec = seat.program(command(&seat.spec));
        spec.env = setup::env(&seat);
        spec.stdin = Stdin::Piped;
        spec.timeout = None;
        let child = open_program(spec).await.map_err(blamed)?;
        let mut conversation = Conversation {
            child,
            state: State::Opening,
            acp: Acp::default(),
            session: String::new(),
            version: None,
            asks: BTreeMap::new(),
            last_ask: 0,
            last_request: 0,
            prompt: None,
            awaited: None,
            outbox: VecDeque::new(),
            files: JoinSet::new(),
            workspace: seat.workspace.clone(),
            ready: VecDeque::new(),
            left: seat.limits.output_bytes,
            left_out: 0,
            cancel: seat.cancel.child(),
            redactor: Arc::clone(&seat.redactor),
        };
        setup::shake_hands(&mut conversation, &seat).await?;
        conversation.state = State::Idle;
        Ok(conversation)
    }

    /// Asks the agent something while the conversation opens, and waits for the answer.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Result<Result<Value, Value>, Fault> {
        let id = self.request(method, &params);
        self.awaited = Some((id, None));
        loop {
            if let Some((_, Some(_))) = &self.awaited
                && let Some((_, Some(outcome))) = self.awaited.take()
            {
                return Ok(outcome);
            }
            if let State::Gone(fault) = &self.state {
                return Err((**fault).clone());
            }
            self.step().await;
        }
    }

    fn request(&mut self, method: &str, params: &Value) -> u64 {
        self.last_request += 1;
        self.outbox.push_back(wire::request(self.last_request, method, params));
        self.last_request
    }

    /// Writes what is still to be said. An agent that does not take it is about to be gone.
    async fn say_all(&mut self) {
        while let Some(line) = self.outbox.pop_front() {
            if self.child.write_line(&line).await.is_err() {
                self.state = State::Leaving(Instant::now() + LEAVING);
                self.outbox.clear();
            }
        }
    }

    /// Waits for one thing to happen. Cancel-safe: nothing is held across a wait.
    async fn step(&mut self) {
        match self.state.clone() {
            State::Opening | State::Idle | State::Turn => {
                self.say_all().await;
                tokio::select! {
                    line = self.child.next_line() => self.heard(line),
                    Some(done) = self.files.join_next(), if !self.files.is_empty() => self.file_done(done.ok()),
                    () = self.cancel.cancelled() => {
                        self.state = State::Killing(Box::new(Some(interrupted("the trial was stopped"))));
                    }
                }
            }
            State::Stopping(until) => tokio::select! {
                () = self.say_all() => tokio::select! {
                    line = self.child.next_line() => self.heard(line),
                    Some(done) = self.files.join_next(), if !self.files.is_empty() => self.file_done(done.ok()),
                    () = sleep_until(until) => self.lost_patience(),
                },
                () = sleep_until(until) => self.lost_patience(),
            },
            State::Leaving(until) => tokio::select! {
                ended = self.child.wait() => self.gone(ended),
                () = sleep_until(until) => self.state = State::Killing(Box::default()),
            },
            State::Killing(turn) => {
                let ended = self.child.kill().await;
                match *turn {
                    Some(end) => {
                        self.acp.prompt_ended(&json!({"stopReason": "cancelled"}));
                        self.end_turn(end);
                        self.state = State::Gone(Box::new(Fault::new(Boundary::Agent, "gone", "the agent was ended")));
                    }
                    None => self.gone(ended),
                }
            }
            State::Gone(_) => std::future::pending().await,
        }
    }

    fn lost_patience(&mut self) {
        let end = interrupted("the agent did not stop when asked and was ended");
        self.state = State::Killing(Box::new(Some(end)));
    }

    fn gone(&mut self, ended: Result<Output, Fault>) {
        let fault = match ended {
            Ok(output) => left(&output, &self.redactor),
            Err(fault) => blamed(fault),
        };
        self.acp.flush();
        self.keep_drafts();
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
        self.acp.moment(Moment { bytes: line.bytes.len(), ..Moment::default() });
        let (text, lossy) = line.text();
        match if line.cut > 0 || lossy { Said::Other } else { wire::read(&text) } {
            Said::Request { id, method, params } => self.asked(id, &method, params),
            Said::Notification { method, params } => self.told(&method, &params),
            Said::Response { id, outcome } => self.answered(id, outcome),
            Said::Other => self.odd(&line, &text, lossy),
        }
        self.keep_drafts();
    }

    /// A line that is no message: what a program prints on stdout by mistake, or worse.
    fn odd(&mut self, line: &Line, text: &str, lossy: bool) {
        let (shown, kind) = (head(text, KEPT_OF_A_LINE), if line.cut > 0 { "line_too_long" } else { "malformed" });
        let more = (text.len() - shown.len()) as u64 + line.cut;
        let raw = if more > 0 { format!("{shown} [{more} more bytes]") } else { shown.to_owned() };
        let raw = Text { lossy, ..Text::whole(raw) };
        self.keep_drafts();
        self.keep(Draft::of(Body::Unknown(Unknown { kind: kind.to_owned(), raw })));
    }

    fn told(&mut self, method: &str, params: &Value) {
        if method != "session/update" {
            // Extensions are the agent's own business with its own client.
            if !method.starts_with('_') && !method.starts_with("$/") {
                self.acp.keep(method, params);
            }
            return;
        }
        let session = params.get("sessionId").and_then(Value::as_str).unwrap_or_default();
        match params.get("update") {
            // While the session opens, its id may come after its first update.
            Some(update) if self.session.is_empty() || session == self.session => self.acp.update(update),
            Some(_) | None => self.acp.keep("update of another session", params),
        }
    }

    fn asked(&mut self, id: Value, method: &str, params: Value) {
        match method {
            "session/request_permission" => {
                let what = self.acp.permission(params.get("toolCall").unwrap_or(&Value::Null));
                self.keep_drafts();
                if !matches!(self.state, State::Turn) {
                    return self.outbox.push_back(wire::result(&id, &wire::chosen(None)));
                }
                let ask = self.next_ask(Waiting::Permit { id, params });
                self.ready.push_back(Signal::Permit(ask, PermitAsk { what }));
            }
            "elicitation/create" => {
                let form = Form::of(&params);
                if !matches!(self.state, State::Turn) || form.elsewhere {
                    self.acp.keep(method, &params);
                    return self.outbox.push_back(wire::result(&id, &Form::declined()));
                }
                self.acp.flush();
                self.keep_drafts();
                let asked = form.ask();
                let ask = self.next_ask(Waiting::Form { id, form });
                self.ready.push_back(Signal::Ask(ask, asked));
            }
            "fs/read_text_file" | "fs/write_text_file" if self.files.len() < MOST_AT_ONCE => {
                let (workspace, write) = (self.workspace.clone(), method == "fs/write_text_file");
                self.files.spawn_blocking(move || {
                    let act = if write { files::write } else { files::read };
                    (id, act(&workspace, &params))
                });
            }
            _ => {
                self.acp.keep(method, &params);
                self.outbox.push_back(wire::error(&id, wire::NO_METHOD, "evalrun does not do this"));
            }
        }
    }

    fn file_done(&mut self, done: Option<(Value, Result<Value, files::No>)>) {
        // Work that was lost has lost its number as well: the agent's own limits end the wait.
        let Some((id, outcome)) = done else { return };
        let line = match outcome {
            Ok(result) => wire::result(&id, &result),
            Err(files::No::Failed(why)) => wire::error(&id, wire::INVALID, &why),
            Err(files::No::Outside(why)) => {
                let message = Text::whole(format!("the agent asked evalrun for a file: {why}; refused"));
                self.acp.flush();
                self.keep_drafts();
                self.keep(Draft::of(Body::Error(ErrorMark { message, fault: None })));
                wire::error(&id, wire::INVALID, &why)
            }
        };
        self.outbox.push_back(line);
    }

    fn answered(&mut self, id: u64, outcome: Result<Value, Value>) {
        if let Some((awaited, answer @ None)) = &mut self.awaited
            && *awaited == id
        {
            *answer = Some(outcome);
            return;
        }
        if self.prompt != Some(id) {
            let raw = outcome.unwrap_or_else(|error| error);
            return self.acp.keep("answer to nothing", &raw);
        }
        let end = match outcome {
            Ok(result) => self.acp.prompt_ended(&result),
            Err(error) => self.acp.prompt_failed(&error),
        };
        match self.state {
            State::Stopping(_) => self.end_turn(interrupted(&end.why)),
            _ => self.end_turn(end),
        }
    }

    fn next_ask(&mut self, waiting: Waiting) -> AskId {
        self.last_ask += 1;
        self.asks.insert(AskId(self.last_ask), waiting);
        AskId(self.last_ask)
    }

    fn end_turn(&mut self, end: TurnEnd) {
        self.keep_drafts();
        self.note_left_out();
        self.asks.clear();
        self.prompt = None;
        self.state = State::Idle;
        self.ready.push_back(Signal::TurnEnd(end));
    }

    fn keep_drafts(&mut self) {
        for (draft, _) in self.acp.drain() {
            self.keep(draft);
        }
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

    fn note_left_out(&mut self) {
        if self.left_out > 0 {
            let why = format!("{} bytes of the agent's events were left out", std::mem::take(&mut self.left_out));
            let mark = LimitMark { limit: "output".to_owned(), why };
            self.ready.push_back(Signal::Event(Box::new(Draft::of(Body::Limit(mark)))));
        }
    }

    /// Withdraws what the agent waits for: its turn is cancelled.
    fn withdraw(&mut self) {
        for waiting in std::mem::take(&mut self.asks).into_values() {
            let line = match waiting {
                Waiting::Permit { id, .. } => wire::result(&id, &wire::chosen(None)),
                Waiting::Form { id, .. } => wire::result(&id, &json!({"action": "cancel"})),
            };
            self.outbox.push_back(line);
        }
    }

    fn reply_line(&mut self, waiting: Waiting, reply: &Reply) -> String {
        match waiting {
            Waiting::Permit { id, params } => {
                let granted = matches!(reply, Reply::Allow);
                let option = wire::option(&params, granted);
                let call = params.pointer("/toolCall/toolCallId").and_then(Value::as_str).unwrap_or_default();
                self.acp.answered(call, granted && option.is_some());
                wire::result(&id, &wire::chosen(option.as_deref()))
            }
            Waiting::Form { id, form } => {
                let response = match reply {
                    Reply::Text(text) => form.filled(text),
                    Reply::Allow | Reply::Deny(_) => Form::declined(),
                };
                wire::result(&id, &response)
            }
        }
    }
}

impl Session for Conversation {
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
            let prompt = json!({"sessionId": self.session, "prompt": [{"type": "text", "text": message}]});
            self.prompt = Some(self.request("session/prompt", &prompt));
            self.say_all().await;
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
            let Some(waiting) = self.asks.remove(&to) else {
                return Err(Fault::new(Boundary::Agent, "no_question", format!("question {} does not wait", to.0)));
            };
            let line = self.reply_line(waiting, &reply);
            self.outbox.push_back(line);
            self.say_all().await;
            Ok(())
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            if matches!(self.state, State::Turn) {
                self.state = State::Stopping(Instant::now() + STOPPING);
                self.outbox.push_back(wire::notification("session/cancel", &json!({"sessionId": self.session})));
                self.withdraw();
                self.say_all().await;
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
        Identity {
            version: self.version.clone(),
            model: self.acp.model().map(str::to_owned),
            session: Some(self.session.clone()).filter(|session| !session.is_empty()),
        }
    }

    fn tells(&self) -> Option<Tells> {
        Some(self.acp.tells())
    }
}

fn interrupted(why: &str) -> TurnEnd {
    TurnEnd { how: TurnEnded::Interrupted, why: why.to_owned() }
}
