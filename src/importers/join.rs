//! The agent's own session files joined into the live log of the same session. Pure.
//!
//! Live streams drop things: failed patches, compactions, thoughts, exit codes, what sub-agents did. The agent's own files have
//! them, but no interviewer, no stages, no permissions, and they lie where the agent may write. So the live log is the truth, and
//! the files only add to it:
//!
//! ```text
//! live     user  message  call c1 .............  result c1  message            stage  snapshot
//! native   user  message  call c1  call c2!  result c2!  result c1  message
//! sealed   user  message  call c1  call c2   result c2   result c1  message    stage  snapshot
//! ```
//!
//! 1. **Matching.** A call by the source's own id in its lane, or, where the two know no id in common, by its order among calls of
//!    the same tool in the turn that came out alike; a result and a file change by their call; a message, a thought, a
//!    plan, a question, an error by its words, first within the same turn and then anywhere; a sub-agent's mark by its id; a
//!    compaction and a count of tokens by their order in the turn, then in the lane. One native event matches one live event.
//! 2. **A matched event stays the live one**: its place, its time, its words, its status. What it lacks is filled in from the native
//!    one (an exit code, a duration, an output, a batch, a summary, the answer to a question), and `from` names both.
//! 3. **A native event without a match is added**, with `from` = `native:..`, behind the last matched event before it; in another
//!    lane than the root's by its time, between the matched events of that lane. Its time is the agent's, shifted by what matched events show of the two clocks.
//! 4. **Only what an agent says of itself is added**: messages, thoughts, plans, calls, results, changes, compactions, sub-agents,
//!    errors. Never what the user, the interviewer, a check or the store say, and no question, since one that did not come live
//!    was put to nobody. Tokens are added only in lanes of which the live log counted none. Superseded and unknown records stay
//!    in the file.
//! 5. **A live event without a match is kept** and counted.
//! 6. Files that tell of another session, of no message that was said live, or of far too much are left alone: the live log then
//!    stands by itself, with a note.
//!
//! A driver takes part by giving its calls the ids that its importer finds in the files (`Draft::call`; in a sub-agent's lane with
//! `<lane>:` before it where ids may repeat there) and by naming sub-agents' lanes as the importer does.

use super::{collect::Imported, join_pairs::pairs};
use crate::model::{
    id::EventId,
    trace::{Body, Event, Header, ResultStatus, Tells, Text},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// The live log of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    pub header: Header,
    /// In the order they were received; ids are places in this list.
    pub events: Vec<Event>,
    /// The agent's own ids of its calls.
    pub calls: HashMap<String, EventId>,
}

/// A live log to which the agent's own files were added.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    pub header: Header,
    /// In their order; ids are unique and not dense, as `seal` takes them.
    pub events: Vec<Event>,
    /// What a reader should know of the joining.
    pub notes: Vec<String>,
}

/// More than an agent does in a day.
const MOST_ADDED: usize = 50_000;

/// Joins a session's own files into its live log.
///
/// # Errors
/// Why the files were left alone; the live log comes back as it was.
pub fn join(live: Live, native: &Imported) -> Result<Joined, Box<(Live, String)>> {
    let theirs = native.trace.header.session.as_deref();
    if let (Some(ours), Some(theirs)) = (live.header.session.as_deref(), theirs)
        && ours != theirs
    {
        let why = format!("the agent's own files tell of another session ({theirs}, not {ours})");
        return Err(Box::new((live, why)));
    }
    let matched = pairs(&live, native);
    let said = |body: &Body| matches!(body, Body::UserMessage(_));
    let tells_of_users = native.trace.events.iter().any(|event| said(&event.body));
    let knows_one = native.trace.events.iter().zip(&matched).any(|(event, at)| at.is_some() && said(&event.body));
    if tells_of_users && !knows_one {
        return Err(Box::new((live, "the agent's own files tell of another conversation".to_owned())));
    }
    let added = added(&live, native, &matched);
    if added.len() > MOST_ADDED {
        let why =
            format!("the agent's own files tell of {} events that did not come live, which is too much", added.len());
        return Err(Box::new((live, why)));
    }
    let batches = live.events.iter().filter_map(batch).max().unwrap_or(0);
    Ok(Join { live, native, matched, batches }.done(added))
}

fn batch(event: &Event) -> Option<u32> {
    if let Body::ToolCall(call) = &event.body { call.batch } else { None }
}

/// The native events that are added, with the live event each stands behind.
type Added = Vec<(usize, Option<usize>)>;

fn added(live: &Live, native: &Imported, matched: &[Option<usize>]) -> Added {
    let counted: std::collections::HashSet<&str> = live
        .events
        .iter()
        .filter(|event| matches!(event.body, Body::Usage(_)))
        .map(|event| event.lane.as_str())
        .collect();
    let clock = Clock::of(live, native, matched);
    let ends = ends(native, matched);
    let mut place = Place { live, clock, last: None, lanes: HashMap::new() };
    let mut added = Vec::new();
    for (at, (event, found)) in native.trace.events.iter().zip(matched).enumerate() {
        match found {
            Some(found) => place.met(event, *found),
            None if event.superseded || !may_add(&event.body) => {}
            None if matches!(event.body, Body::Usage(_)) && counted.contains(event.lane.as_str()) => {}
            None => added.push((at, place.behind(event, ends[at]))),
        }
    }
    added
}

/// For each native event the live one that the next event of its lane is: it stands before that.
fn ends(native: &Imported, matched: &[Option<usize>]) -> Vec<usize> {
    let mut next: HashMap<&str, usize> = HashMap::new();
    let mut ends = vec![usize::MAX; matched.len()];
    for (at, (event, found)) in native.trace.events.iter().zip(matched).enumerate().rev() {
        ends[at] = next.get(event.lane.as_str()).copied().unwrap_or(usize::MAX);
        if let Some(found) = found {
            next.insert(&event.lane, *found);
        }
    }
    ends
}

/// What an agent says of itself.
fn may_add(body: &Body) -> bool {
    match body {
        Body::AgentMessage(_)
        | Body::Reasoning(_)
        | Body::Plan(_)
        | Body::ToolCall(_)
        | Body::ToolResult(_)
        | Body::FileChange(_)
        | Body::Compaction(_)
        | Body::SubAgent(_)
        | Body::Usage(_)
        | Body::Error(_) => true,
        Body::UserMessage(_)
        | Body::Question(_)
        | Body::Permission(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::End(_)
        | Body::Unknown(_) => false,
    }
}

/// Finds where native events stand among the live ones.
struct Place<'a> {
    live: &'a Live,
    clock: Clock,
    /// The last live event that was met, in any lane.
    last: Option<usize>,
    lanes: HashMap<&'a str, usize>,
}

impl<'a> Place<'a> {
    fn met(&mut self, event: &'a Event, found: usize) {
        // Tokens are counted at other moments than they are used.
        if matches!(event.body, Body::Usage(_)) {
            return;
        }
        let lane = self.lanes.entry(&event.lane).or_insert(found);
        *lane = (*lane).max(found);
        self.last = self.last.max(Some(found));
    }

    fn behind(&mut self, event: &'a Event, end: usize) -> Option<usize> {
        let from = self.lanes.get(event.lane.as_str()).copied().or(self.last)?;
        if event.lane.is_empty() {
            return Some(from);
        }
        // Another lane goes on beside the root's: how far the root had come, only the time says.
        let mut behind = from;
        if let Some(at) = self.clock.here(event) {
            let passed = |event: &Event| event.at.is_some_and(|other| other <= at);
            while behind.saturating_add(1) < end && self.live.events.get(behind + 1).is_some_and(passed) {
                behind += 1;
            }
        }
        self.lanes.insert(&event.lane, behind);
        Some(behind)
    }
}

/// How far the agent's clock is from ours, ms.
#[derive(Clone, Copy)]
struct Clock(Option<i64>);

impl Clock {
    /// The middle of what the matched events show: single ones may have been held up anywhere.
    fn of(live: &Live, native: &Imported, matched: &[Option<usize>]) -> Clock {
        let apart = |(event, found): (&Event, &Option<usize>)| {
            let (here, there) = (live.events[(*found)?].at?, event.at?);
            i64::try_from(here).ok()?.checked_sub(i64::try_from(there).ok()?)
        };
        let mut all: Vec<i64> = native.trace.events.iter().zip(matched).filter_map(apart).collect();
        all.sort_unstable();
        Clock(all.get(all.len() / 2).copied())
    }

    fn here(self, event: &Event) -> Option<u64> {
        Some(event.at?.saturating_add_signed(self.0?))
    }
}

struct Join<'n> {
    live: Live,
    native: &'n Imported,
    matched: Vec<Option<usize>>,
    /// The last number of a batch that the live log gave; those of the files come behind.
    batches: u32,
}

impl Join<'_> {
    fn done(mut self, added: Added) -> Joined {
        let clock = Clock::of(&self.live, self.native, &self.matched);
        let ids = self.ids(&added);
        let notes = self.notes(&added);
        for (at, found) in self.matched.iter().enumerate() {
            if let Some(found) = found {
                fill(&mut self.live.events[*found], &self.native.trace.events[at], (&ids, self.batches));
            }
        }
        let mut behind: BTreeMap<Option<usize>, Vec<Event>> = BTreeMap::new();
        for (at, place) in added {
            let event = self.new_event(at, place, (&ids, clock));
            behind.entry(place).or_default().push(event);
        }
        let mut events = behind.remove(&None).unwrap_or_default();
        for (at, event) in self.live.events.into_iter().enumerate() {
            events.push(event);
            events.append(&mut behind.remove(&Some(at)).unwrap_or_default());
        }
        let header = header(self.live.header, &self.native.trace.header);
        Joined { header, events, notes }
    }

    /// Native ids as they are after the joining.
    fn ids(&self, added: &Added) -> HashMap<EventId, EventId> {
        let events = &self.native.trace.events;
        let matched =
            self.matched.iter().enumerate().filter_map(|(at, found)| Some((at, self.live.events[(*found)?].id)));
        let next = self.live.events.iter().map(|event| event.id.0 + 1).max().unwrap_or(0);
        let new = added.iter().zip(next..).map(|((at, _), id)| (*at, EventId(id)));
        matched.chain(new).map(|(at, id)| (events[at].id, id)).collect()
    }

    fn new_event(&self, at: usize, place: Option<usize>, (ids, clock): (&HashMap<EventId, EventId>, Clock)) -> Event {
        let mut event = self.native.trace.events[at].clone();
        let before = place.map(|place| &self.live.events[place]);
        let after = self.live.events.get(place.map_or(0, |place| place + 1));
        let earliest = before.and_then(|event| event.at);
        let latest = after.and_then(|event| event.at);
        let told = clock.here(&event).or(earliest);
        event.at = told.map(|at| at.min(latest.unwrap_or(u64::MAX)).max(earliest.unwrap_or(0)));
        (event.turn, event.stage) = before.map_or((0, String::new()), |event| (event.turn, event.stage.clone()));
        event.from = Some(origin(&event));
        event.id = ids.get(&event.id).copied().unwrap_or(event.id);
        let to_new = |call: Option<EventId>| call.and_then(|call| ids.get(&call).copied());
        match &mut event.body {
            Body::ToolResult(result) => result.call = to_new(result.call),
            Body::FileChange(change) => change.call = to_new(change.call),
            Body::ToolCall(call) => call.batch = call.batch.map(|batch| batch.saturating_add(self.batches)),
            _ => {}
        }
        event
    }

    fn notes(&self, added: &Added) -> Vec<String> {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for (at, _) in added {
            *kinds.entry(self.native.trace.events[*at].body.kind()).or_default() += 1;
        }
        let met: std::collections::HashSet<usize> = self.matched.iter().flatten().copied().collect();
        let acts = |body: &Body| {
            matches!(body, Body::AgentMessage(_) | Body::ToolCall(_) | Body::ToolResult(_) | Body::FileChange(_))
        };
        let alone =
            self.live.events.iter().enumerate().filter(|(at, event)| !met.contains(at) && acts(&event.body)).count();
        let source = &self.native.trace.header.source;
        let mut notes = Vec::new();
        if !kinds.is_empty() {
            let list: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            notes.push(format!("added from the agent's own files ({source}): {}", list.join(", ")));
        }
        if alone > 0 {
            notes.push(format!("{alone} live events are not in the agent's own files ({source})"));
        }
        if !self.native.warnings.is_empty() {
            let (line, what) = &self.native.warnings[0];
            let count = self.native.warnings.len();
            notes.push(format!(
                "records of the agent's own files that could not be read: {count}, first line {line}: {what}"
            ));
        }
        notes
    }
}

fn header(live: Header, native: &Header) -> Header {
    let (ours, theirs) = (live.tells, native.tells);
    let tells = Tells {
        exit_codes: ours.exit_codes || theirs.exit_codes,
        outputs: ours.outputs || theirs.outputs,
        plans: ours.plans || theirs.plans,
        reasoning: ours.reasoning || theirs.reasoning,
        usage: ours.usage || theirs.usage,
        failed_edits: ours.failed_edits || theirs.failed_edits,
        sub_agents: ours.sub_agents || theirs.sub_agents,
        times: ours.times,
        snapshots: ours.snapshots,
    };
    Header {
        tells,
        version: live.version.or_else(|| native.version.clone()),
        model: live.model.or_else(|| native.model.clone()),
        session: live.session.or_else(|| native.session.clone()),
        ..live
    }
}

fn origin(event: &Event) -> String {
    format!("native:{}", event.from.as_deref().unwrap_or("?"))
}

/// Gives a live event what it lacks.
fn fill(live: &mut Event, native: &Event, (ids, batches): (&HashMap<EventId, EventId>, u32)) {
    let own = live.from.take().unwrap_or_else(|| format!("live:{}", live.id.0 + 2));
    live.from = Some(format!("{own} {}", origin(native)));
    if live.time.is_none() {
        live.time.clone_from(&native.time);
    }
    match (&mut live.body, &native.body) {
        (Body::AgentMessage(ours), Body::AgentMessage(theirs)) => ours.phase = ours.phase.or(theirs.phase),
        (Body::Reasoning(ours), Body::Reasoning(theirs)) => {
            fill_text(&mut ours.text, &theirs.text);
            ours.encrypted |= theirs.encrypted;
        }
        (Body::ToolCall(ours), Body::ToolCall(theirs)) => {
            ours.batch = ours.batch.or(theirs.batch.map(|batch| batch.saturating_add(batches)));
            if ours.input == Value::Null {
                ours.input.clone_from(&theirs.input);
            }
        }
        (Body::ToolResult(ours), Body::ToolResult(theirs)) => {
            if ours.status == ResultStatus::Unknown {
                ours.status = theirs.status;
            }
            if ours.status == theirs.status {
                ours.exit = ours.exit.or(theirs.exit);
            }
            ours.duration_ms = ours.duration_ms.or(theirs.duration_ms);
            fill_text(&mut ours.output, &theirs.output);
        }
        (Body::FileChange(ours), Body::FileChange(theirs)) => {
            ours.call = ours.call.or_else(|| ids.get(&theirs.call?).copied());
            fill_text(&mut ours.diff, &theirs.diff);
        }
        (Body::Question(ours), Body::Question(theirs)) => {
            ours.answer = ours.answer.take().or_else(|| theirs.answer.clone());
        }
        (Body::Compaction(ours), Body::Compaction(theirs)) => {
            ours.before = ours.before.or(theirs.before);
            ours.after = ours.after.or(theirs.after);
            fill_text(&mut ours.summary, &theirs.summary);
        }
        (Body::SubAgent(ours), Body::SubAgent(theirs)) => {
            fill_text(&mut ours.brief, &theirs.brief);
            fill_text(&mut ours.result, &theirs.result);
        }
        (Body::Usage(ours), Body::Usage(theirs)) => {
            ours.model = ours.model.take().or_else(|| theirs.model.clone());
        }
        _ => {}
    }
}

fn fill_text(ours: &mut Text, theirs: &Text) {
    if ours.is_empty() {
        ours.clone_from(theirs);
    }
}
