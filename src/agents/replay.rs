//! A recorded trace, played again turn by turn: to interview it anew, to grade it anew, to show how a run looks.
//!
//! The n-th message is answered by the n-th recorded turn, whatever the message says. What the interviewer, the checks and the
//! store had said is left out, since they speak for themselves again; a question or a permission that came in the middle of the turn
//! is asked again. Nothing is waited for.
//!
//! `{driver: replay, trace: trials/notes/careful/1/trace.jsonl}`

use super::{Driver, Field, Identity, Seat, Session, Word};
use crate::model::{
    agent::{Ask, AskId, Draft, PermitAsk, Reply, Signal, TurnEnd, TurnEnded},
    fault::{Boundary, Fault},
    run::Boxed,
    suite::AgentSpec,
    trace::{Body, End, EndKind, Event, Header, Tells, VERSION},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

pub static DRIVER: Driver = Driver {
    name: "replay",
    about: "plays a recorded trace again; a stand-in",
    fields: &[Field { name: "trace", about: "the recorded trace.jsonl", word: Word::Path, required: true }],
    stand_in: true,
    // The workspace does not follow, so its snapshots tell nothing.
    tells: |spec| header(spec).map_or_else(|_| Tells::default(), |header| Tells { snapshots: false, ..header.tells }),
    check: |spec| index(spec).err().into_iter().collect(),
    open: |seat| Box::pin(open(seat)),
};

/// A line that is longer is no event of ours: each text in one is at most 64 KiB.
const LONGEST_LINE: u64 = 64 << 20;

async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let spec = Arc::clone(&seat.spec);
    let recording = on_thread(move || index(&spec)).await.map_err(|why| {
        Fault::new(Boundary::Workspace, "trace", why)
            .hint("name a trace.jsonl of a run folder, or import the session first")
    })?;
    Ok(Box::new(Replay {
        recording: Arc::new(recording),
        turn: 0,
        state: State::Idle,
        coming: VecDeque::new(),
        last_ask: 0,
        interrupted: false,
    }))
}

/// Where each turn of a recording stands: the events themselves are read when their turn comes.
struct Recording {
    path: PathBuf,
    header: Header,
    /// For each turn, the lines of its events.
    turns: Vec<Vec<Span>>,
    /// How the recorded session ended, where it says.
    end: Option<End>,
    notes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    at: u64,
    bytes: u64,
}

struct Replay {
    recording: Arc<Recording>,
    turn: usize,
    state: State,
    coming: VecDeque<Signal>,
    last_ask: u32,
    interrupted: bool,
}

enum State {
    Idle,
    Turn,
    Answer(AskId),
    Gone,
}

impl Session for Replay {
    fn say<'a>(&'a mut self, _: &'a str) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            match self.state {
                State::Idle => {}
                State::Gone => return Err(self.over()),
                State::Turn | State::Answer(_) => {
                    return Err(Fault::new(Boundary::Agent, "busy", "a turn still runs; interrupt it first"));
                }
            }
            let (recording, turn) = (Arc::clone(&self.recording), self.turn);
            let read = on_thread(move || recording.read(turn).map_err(|error| error.to_string())).await;
            let events = read.map_err(|why| Fault::new(Boundary::Workspace, "trace", why))?;
            self.begin(events);
            Ok(())
        })
    }

    fn next(&mut self) -> Boxed<'_, Signal> {
        Box::pin(async move {
            if self.interrupted {
                self.interrupted = false;
                self.coming.clear();
                self.state = State::Idle;
                return Signal::TurnEnd(TurnEnd { how: TurnEnded::Interrupted, why: String::new() });
            }
            match self.state {
                State::Idle | State::Answer(_) | State::Gone => std::future::pending().await,
                State::Turn => self.go_on(),
            }
        })
    }

    fn reply(&mut self, to: AskId, _: Reply) -> Boxed<'_, Result<(), Fault>> {
        Box::pin(async move {
            match self.state {
                State::Answer(asked) if asked == to => {
                    self.state = State::Turn;
                    Ok(())
                }
                State::Answer(_) | State::Idle | State::Turn | State::Gone => {
                    Err(Fault::new(Boundary::Agent, "no_question", format!("question {} does not wait", to.0)))
                }
            }
        })
    }

    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>> {
        self.interrupted = matches!(self.state, State::Turn | State::Answer(_));
        Box::pin(async { Ok(()) })
    }

    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>> {
        let notes = self.recording.notes.clone();
        Box::pin(async { notes })
    }

    fn identity(&self) -> Identity {
        let header = &self.recording.header;
        Identity { version: header.version.clone(), model: header.model.clone(), session: header.session.clone() }
    }
}

impl Replay {
    fn begin(&mut self, events: Vec<Event>) {
        let recorded_end = events.iter().rev().find_map(|event| match &event.body {
            Body::TurnEnd(end) => Some(end.clone()),
            _ => None,
        });
        let is_past = self.turn >= self.recording.turns.len();
        let is_last = self.turn + 1 >= self.recording.turns.len();
        self.turn += 1;
        self.state = State::Turn;
        self.coming = events.into_iter().filter_map(|event| again(event, &mut self.last_ask)).collect();
        let last = match recorded_end {
            Some(end) => Signal::TurnEnd(end),
            None if is_past || (is_last && self.recording.left_by_itself()) => Signal::Gone(self.over()),
            None => Signal::TurnEnd(TurnEnd { how: TurnEnded::Done, why: String::new() }),
        };
        self.coming.push_back(last);
    }

    fn go_on(&mut self) -> Signal {
        let signal = self.coming.pop_front().unwrap_or_else(|| Signal::Gone(self.over()));
        match &signal {
            Signal::Event(_) => {}
            Signal::Ask(ask, _) | Signal::Permit(ask, _) => self.state = State::Answer(*ask),
            Signal::TurnEnd(_) => self.state = State::Idle,
            Signal::Gone(_) => self.state = State::Gone,
        }
        signal
    }

    fn over(&self) -> Fault {
        let turns = self.recording.turns.len();
        Fault::new(Boundary::Agent, "gone", format!("the recording ends after {turns} turns"))
    }
}

impl Recording {
    fn read(&self, turn: usize) -> io::Result<Vec<Event>> {
        let Some(spans) = self.turns.get(turn) else { return Ok(Vec::new()) };
        let mut file = File::open(&self.path)?;
        let mut events = Vec::with_capacity(spans.len());
        for span in spans {
            let mut line = String::new();
            file.seek(SeekFrom::Start(span.at))?;
            (&mut file).take(span.bytes).read_to_string(&mut line)?;
            events.push(Event::from_line(&line).map_err(io::Error::other)?);
        }
        Ok(events)
    }

    fn left_by_itself(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.kind == EndKind::AgentGone)
    }
}

/// A recorded event as it comes from a live session; nothing for what others say.
fn again(event: Event, last_ask: &mut u32) -> Option<Signal> {
    let name = format!("e{}", event.id.0);
    let mut draft = Draft { body: event.body, lane: event.lane, from: Some(name.clone()), call: None };
    match &mut draft.body {
        Body::ToolCall(_) => draft.call = Some(name),
        Body::ToolResult(result) => draft.call = result.call.take().map(|call| format!("e{}", call.0)),
        Body::FileChange(change) => draft.call = change.call.take().map(|call| format!("e{}", call.0)),
        Body::Question(question) => {
            let text = question.text.as_str().to_owned();
            return Some(Signal::Ask(numbered(last_ask), Ask { text, options: std::mem::take(&mut question.options) }));
        }
        Body::Permission(permission) => {
            let what = std::mem::take(&mut permission.asked);
            return Some(Signal::Permit(numbered(last_ask), PermitAsk { what }));
        }
        Body::AgentMessage(_)
        | Body::Reasoning(_)
        | Body::Plan(_)
        | Body::Compaction(_)
        | Body::SubAgent(_)
        | Body::Usage(_)
        | Body::Error(_)
        | Body::Unknown(_) => {}
        Body::UserMessage(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::End(_) => return None,
    }
    Some(Signal::Event(Box::new(draft)))
}

fn numbered(last: &mut u32) -> AskId {
    *last += 1;
    AskId(*last)
}

fn path_of(spec: &AgentSpec) -> Result<PathBuf, String> {
    let path = spec.rest.get("trace").and_then(Value::as_str);
    path.map(PathBuf::from).ok_or_else(|| format!("agent {}: `trace` names no file", spec.name))
}

fn header(spec: &AgentSpec) -> Result<Header, String> {
    let path = path_of(spec)?;
    let mut lines = Lines::open(&path)?;
    let first = lines.next_line()?.ok_or_else(|| format!("{}: is empty", path.display()))?;
    read_header(&first.0).map_err(|why| format!("{}: {why}", path.display()))
}

fn read_header(line: &str) -> Result<Header, String> {
    let header: Header = serde_json::from_str(line).map_err(|error| format!("its first line is no header: {error}"))?;
    if header.trace > VERSION {
        return Err(format!("is of version {}; this evalrun reads up to {VERSION}", header.trace));
    }
    Ok(header)
}

/// Walks the whole file once, keeping places only.
fn index(spec: &AgentSpec) -> Result<Recording, String> {
    let path = path_of(spec)?;
    let mut recording = Recording { header: header(spec)?, path, turns: Vec::new(), end: None, notes: Vec::new() };
    let mut lines = Lines::open(&recording.path)?;
    lines.next_line()?;
    let mut turns: BTreeMap<u32, Vec<Span>> = BTreeMap::new();
    let mut unread = 0_u64;
    while let Some((line, span)) = lines.next_line()? {
        match Event::from_line(&line) {
            Ok(Event { body: Body::End(end), .. }) => recording.end = Some(end),
            Ok(event) if event.superseded => {}
            // What came before the first message came with it.
            Ok(event) => turns.entry(event.turn.max(1)).or_default().push(span),
            Err(_) => unread += 1,
        }
    }
    if unread > 0 {
        recording.notes.push(format!("{unread} lines of the recording could not be read and were left out"));
    }
    // A turn in which nothing was recorded leaves no gap: the messages are counted as they come.
    recording.turns = turns.into_values().collect();
    Ok(recording)
}

struct Lines {
    file: BufReader<File>,
    name: String,
    at: u64,
}

impl Lines {
    fn open(path: &std::path::Path) -> Result<Lines, String> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
        Ok(Lines { file: BufReader::new(file), name, at: 0 })
    }

    /// The next line with its place; one that is too long or no UTF-8 is empty.
    fn next_line(&mut self) -> Result<Option<(String, Span)>, String> {
        let mut line = Vec::new();
        let read = (&mut self.file).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let mut bytes = read.map_err(|error| format!("{}: {error}", self.name))? as u64;
        if bytes == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && bytes == LONGEST_LINE {
            let skipped = self.file.skip_until(b'\n').map_err(|error| format!("{}: {error}", self.name))?;
            bytes += skipped as u64;
            line.clear();
        }
        let span = Span { at: self.at, bytes };
        self.at += bytes;
        Ok(Some((String::from_utf8(line).unwrap_or_default(), span)))
    }
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}
