//! Everything that happens in a trial goes through here: redacted, long texts into blobs, numbered, stamped, appended to live.jsonl.

use super::progress::{Progress, Watcher};
use crate::model::{
    agent::Draft,
    fault::{Boundary, Fault},
    id::{EventId, TrialKey},
    trace::{Body, Event, Header, INLINE, Text, Usage, change_strings},
};
use crate::process::redact::Redactor;
use crate::store::{Blobs, Sync, Writer};
use serde_json::Value;
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Instant};

/// What a recorder needs to know of its trial.
pub struct Place {
    pub writer: Writer,
    pub live: PathBuf,
    pub blobs: Blobs,
    pub redactor: Arc<Redactor>,
}

/// Writes the live log and keeps the counts that limits look at.
pub struct Recorder {
    place: Place,
    began: Instant,
    next: u32,
    turn: u32,
    stage: String,
    /// The agent's own ids of its calls.
    pub calls: HashMap<String, EventId>,
    open_calls: u32,
    turn_calls: u32,
    last_message: Option<String>,
    watched: Option<(Watcher, TrialKey)>,
    pub counts: Counts,
    pub events: Vec<Event>,
}

/// What the agent has used so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub tool_calls: u64,
    pub usage: Usage,
    /// Time spent in the agent's turns, setup and checks left out.
    pub agent_ms: u64,
}

impl Recorder {
    /// Writes the header line.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn start(place: Place, header: &Header) -> Result<Recorder, Fault> {
        let line = serde_json::to_string(header).map_err(|error| format_fault(&error))? + "\n";
        place.writer.append(&place.live, line.into_bytes(), Sync::Durable).await?;
        Ok(Recorder {
            place,
            began: Instant::now(),
            next: 0,
            turn: 0,
            stage: String::new(),
            calls: HashMap::new(),
            open_calls: 0,
            turn_calls: 0,
            last_message: None,
            watched: None,
            counts: Counts::default(),
            events: Vec::new(),
        })
    }

    /// Tells `watcher` what the agent does.
    pub fn watch(&mut self, watcher: Watcher, key: TrialKey) {
        self.watched = Some((watcher, key));
    }

    pub fn enter_stage(&mut self, id: &str) {
        id.clone_into(&mut self.stage);
    }

    pub fn stage(&self) -> &str {
        &self.stage
    }

    pub fn turns(&self) -> u32 {
        self.turn
    }

    /// Whether a tool of the agent is running: then silence is not idleness.
    pub fn tool_runs(&self) -> bool {
        self.open_calls > 0
    }

    /// The agent's last message of the running turn, and whether the turn called a tool.
    pub fn turn_so_far(&self) -> (String, bool) {
        (self.last_message.clone().unwrap_or_default(), self.turn_calls > 0)
    }

    /// Keeps an event of our own.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn ours(&mut self, body: Body) -> Result<EventId, Fault> {
        self.draft(Draft::of(body)).await
    }

    /// Keeps what an agent's session yielded.
    ///
    /// # Errors
    /// When the log or a blob cannot be written.
    pub async fn draft(&mut self, draft: Draft) -> Result<EventId, Fault> {
        let id = EventId(self.next);
        let body = self.clean(draft.body).await?;
        let body = self.count(id, body, draft.call);
        let event = Event {
            id,
            turn: self.turn,
            stage: self.stage.clone(),
            lane: draft.lane,
            at: Some(self.began.elapsed().as_millis() as u64),
            time: None,
            from: draft.from,
            superseded: false,
            body,
        };
        let line = event.to_line().map_err(|error| format_fault(&error))? + "\n";
        let bytes = match self.place.redactor.redact_bytes(line.as_bytes()) {
            std::borrow::Cow::Borrowed(_) => line.into_bytes(),
            std::borrow::Cow::Owned(bytes) => bytes,
        };
        self.place.writer.append(&self.place.live, bytes, Sync::Written).await?;
        self.next += 1;
        self.events.push(event);
        Ok(id)
    }

    async fn clean(&self, body: Body) -> Result<Body, Fault> {
        let mut body = if self.place.redactor.is_empty() {
            body
        } else {
            let redactor = Arc::clone(&self.place.redactor);
            let change = move |text: &str| match redactor.redact(text) {
                std::borrow::Cow::Borrowed(_) => None,
                std::borrow::Cow::Owned(text) => Some(text),
            };
            body.with_strings(&change).map_err(|error| format_fault(&error))?
        };
        if let Body::ToolCall(call) = &mut body {
            cut_long_strings(&mut call.input);
        }
        if body.texts_mut().iter().all(|text| text.inline.len() <= INLINE) {
            return Ok(body);
        }
        let blobs = self.place.blobs.clone();
        on_blocking(move || {
            for text in body.texts_mut() {
                *text = blobs.keep(std::mem::take(text))?;
            }
            Ok(body)
        })
        .await
    }

    fn count(&mut self, id: EventId, mut body: Body, call: Option<String>) -> Body {
        match &mut body {
            Body::UserMessage(_) => {
                self.turn += 1;
                self.turn_calls = 0;
                self.open_calls = 0;
                self.last_message = None;
            }
            Body::AgentMessage(message) => self.last_message = Some(message.text.inline.clone()),
            Body::ToolCall(tool) => {
                if let Some((watcher, key)) = &self.watched {
                    watcher.tell(Progress::Act(key.clone(), tool.name.clone()));
                }
                self.counts.tool_calls += 1;
                self.turn_calls += 1;
                self.open_calls += 1;
                if let Some(call) = call {
                    self.calls.insert(call, id);
                }
            }
            Body::ToolResult(result) => {
                self.open_calls = self.open_calls.saturating_sub(1);
                result.call = result.call.or_else(|| call.and_then(|call| self.calls.get(&call).copied()));
            }
            Body::FileChange(change) => {
                change.call = change.call.or_else(|| call.and_then(|call| self.calls.get(&call).copied()));
            }
            Body::Usage(usage) => self.counts.usage.add(usage),
            Body::Reasoning(_)
            | Body::Plan(_)
            | Body::Question(_)
            | Body::Permission(_)
            | Body::Interviewer(_)
            | Body::Stage(_)
            | Body::Snapshot(_)
            | Body::Check(_)
            | Body::Compaction(_)
            | Body::SubAgent(_)
            | Body::TurnEnd(_)
            | Body::Limit(_)
            | Body::Error(_)
            | Body::End(_)
            | Body::Unknown(_) => {}
        }
        body
    }
}

/// Runs blocking work off the async threads.
///
/// # Errors
/// What the work said, or that its thread could not be had.
pub async fn on_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Fault::new(Boundary::Store, "thread", format!("a worker thread ended early: {error}")))?
}

fn cut_long_strings(input: &mut Value) {
    change_strings(input, &|text| (text.len() > INLINE).then(|| Text::cut(text).inline));
}

fn format_fault(error: &serde_json::Error) -> Fault {
    Fault::new(Boundary::Store, "format", format!("cannot be written as JSON: {error}"))
}
