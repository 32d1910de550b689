//! The trace: what happened, once, in one vocabulary. Live runs, replays and imported sessions end in this type.

mod body;
mod line;
mod text;

pub use body::*;
pub use text::{INLINE, Text};

use super::id::EventId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version of the format. A reader takes any older one.
pub const VERSION: u32 = 1;

/// The first line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Format version.
    pub trace: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The agent's name in the suite, or the product for a recorded session.
    pub agent: String,
    /// The version that the agent itself reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The importer or driver it came through.
    pub source: String,
    /// A session's own id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub clock: Clock,
    pub tells: Tells,
    /// The agent's working folder as its records name it: paths in calls are relative to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// UTC of the first event, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// `en` unless the suite says otherwise.
    #[serde(default = "english")]
    pub language: String,
}

fn english() -> String {
    "en".to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    Receipt,
    Source,
    None,
}

/// What this source can tell at all. A metric that needs what is `false` here is unknown, never a low number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Tells {
    pub exit_codes: bool,
    pub outputs: bool,
    pub plans: bool,
    pub reasoning: bool,
    pub times: bool,
    pub usage: bool,
    pub failed_edits: bool,
    pub sub_agents: bool,
    /// Snapshots of the workspace exist, so that diffs are the truth.
    pub snapshots: bool,
}

/// One event of a sealed trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// 1-based; 0 before the first user message.
    pub turn: u32,
    /// The interview's stage, empty where there is none.
    pub stage: String,
    /// Empty for the root agent, else the sub-agent's path.
    pub lane: String,
    /// ms since the trial began.
    pub at: Option<u64>,
    /// UTC, RFC 3339, where the source says.
    pub time: Option<String>,
    /// The live line or native record it came from.
    pub from: Option<String>,
    /// Kept, and skipped by graders.
    pub superseded: bool,
    pub body: Body,
}

/// A whole trace in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub header: Header,
    pub events: Vec<Event>,
}

impl Trace {
    pub fn event(&self, id: EventId) -> Option<&Event> {
        self.events.get(id.0 as usize)
    }
}

/// How an event stands in a line: `kind` and raw `body` are read first, then matched.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    id: EventId,
    turn: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stage: String,
    #[serde(default, rename = "by", skip_serializing_if = "String::is_empty")]
    lane: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    superseded: bool,
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

impl Event {
    /// One line of JSON, without the newline.
    ///
    /// # Errors
    /// Never for the bodies of this version; serde_json's type asks for it.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let (kind, body) = self.body.to_raw()?;
        serde_json::to_string(&Line {
            id: self.id,
            turn: self.turn,
            stage: self.stage.clone(),
            lane: self.lane.clone(),
            at: self.at,
            time: self.time.clone(),
            from: self.from.clone(),
            superseded: self.superseded,
            kind: kind.into(),
            body: &body,
        })
    }

    /// Reads one line. A kind of a later version becomes `unknown`.
    ///
    /// # Errors
    /// When the line is not an event at all.
    pub fn from_line(line: &str) -> Result<Event, serde_json::Error> {
        match serde_json::from_str(line) {
            Ok(line::Straight(event)) => Ok(event),
            Err(_) => Event::from_any_line(line),
        }
    }

    fn from_any_line(line: &str) -> Result<Event, serde_json::Error> {
        let line: Line<'_> = serde_json::from_str(line)?;
        Ok(Event {
            id: line.id,
            turn: line.turn,
            stage: line.stage,
            lane: line.lane,
            at: line.at,
            time: line.time,
            from: line.from,
            superseded: line.superseded,
            body: Body::from_raw(&line.kind, line.body),
        })
    }
}
