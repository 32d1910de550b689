//! Codex's rollouts: what `codex` keeps of a thread under `$CODEX_HOME/sessions`.
//!
//! Looks at lines `{timestamp, type, payload}`. A thread is one file for all its turns; each sub-agent has a file of its own, which
//! names its parent, and becomes a lane. The client reports more than its model sees (exit codes, durations, diffs, failed patches,
//! compactions), so its events come first and the model's items fill the gaps. Before 0.16x the events were
//! `agent_message` and the like, since then `item_completed`; both are read, and neither doubles the other.
//!
//! ```text
//! {"timestamp": "2026-11-22T12:02:11.541Z", "type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "CommandExecution", ...}}}
//! ```

use super::{
    codex_index::{Index, Record},
    first_lines,
    lines::Line,
    scribe::{Fate, Scribe, Stamp},
    value::millis,
    weave::weave,
};
use crate::model::{
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink, Source},
    trace::{Body, Clock, End, EndKind, Header, Tells, Usage, VERSION},
};
use std::collections::{HashMap, HashSet};

pub(super) struct CodexRollout;

static DOC: ImporterDoc = ImporterDoc {
    name: "codex_rollout",
    about: "a thread of Codex with its sub-agents' threads",
    found_at: "$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl",
    carries_nothing: &[
        "session_meta",
        "turn_context",
        "world_state",
        "instructions",
        "injected context",
        "task_started",
        "thread_settings_applied",
        "rate limits",
        "ghost_snapshot",
        "begin of an item",
        "rollback mark",
        "the user's own command",
    ],
    merges: &[
        "user item",
        "assistant item",
        "reasoning item",
        "empty reasoning",
        "output of a call",
        "item of a call",
        "token_count",
        "compaction item",
        "summary of a compaction",
        "brief of a sub-agent",
    ],
};

const KINDS: &[&str] =
    &["session_meta", "turn_context", "response_item", "event_msg", "compacted", "token_usage_record", "world_state"];

impl Importer for CodexRollout {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        let mut indexes = bundle.iter().map(Index::of).collect::<Result<Vec<_>, _>>()?;
        let mut own: HashMap<String, usize> = HashMap::new();
        for (at, index) in indexes.iter().enumerate().filter(|(_, index)| !index.id.is_empty()) {
            own.entry(index.id.clone()).or_insert(at);
        }
        let parent = |at: usize| -> Option<usize> {
            own.get(indexes[at].parent.as_deref()?).copied().filter(|parent| *parent != at)
        };
        let families = families(bundle.len(), parent);
        for family in families {
            let lanes = family.into_iter().map(|(at, path)| Lane::of(at, path, std::mem::take(&mut indexes[at])));
            play(bundle, lanes.collect(), sink)?;
        }
        Ok(())
    }
}

fn claim_of(member: &Member<'_>) -> Claim {
    let lines = first_lines(member);
    let records: Vec<Record<'_>> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let known = |record: &Record<'_>| KINDS.contains(&record.kind.as_ref()) && record.payload.is_some();
    if records.iter().any(|record| record.kind == "session_meta" && known(record)) {
        return Claim::Sure("a session_meta record of Codex");
    }
    match records.iter().filter(|record| known(record) && record.timestamp.is_some()).count() {
        0 if lines.is_empty() => Claim::No("the file is empty"),
        0 => Claim::No("no line is {timestamp, type, payload} with a type of a Codex rollout"),
        _ => Claim::Weak("lines like those of a Codex rollout, without its session_meta"),
    }
}

/// A root and its descendants: each member with the members between the root and it, itself included.
type Family = Vec<(usize, Vec<usize>)>;

/// Each root with its descendants and their paths; a thread whose parent is not in the bundle is a root.
fn families(count: usize, parent: impl Fn(usize) -> Option<usize>) -> Vec<Family> {
    let mut families: Vec<(usize, Family)> = Vec::new();
    for at in 0..count {
        let mut path = vec![at];
        // A chain longer than the bundle is a circle: then the member stands for itself.
        while let Some(up) = parent(path[path.len() - 1]) {
            path.push(up);
            if path.len() > count {
                path.truncate(1);
                break;
            }
        }
        let root = path.pop().unwrap_or(at);
        path.reverse();
        match families.iter_mut().find(|(known, _)| *known == root) {
            Some((_, members)) => members.push((at, path)),
            None => families.push((root, vec![(at, path)])),
        }
    }
    let root_first = |(root, mut members): (usize, Family)| {
        members.sort_by_key(|(at, path)| (*at != root, path.len(), *at));
        members
    };
    families.into_iter().map(root_first).collect()
}

/// One thread while it is played.
pub(super) struct Lane {
    pub member: usize,
    pub above: Vec<usize>,
    pub path: String,
    pub index: Index,
    pub model: Option<String>,
    /// What the thread had used when it last said so.
    pub total: Usage,
    /// Tokens in the context at the last response.
    pub context: Option<u64>,
    /// A response's calls may still follow.
    pub batch_open: bool,
    /// Patches that were asked for and not yet answered.
    pub patches: HashMap<String, Vec<super::diff::Changed>>,
    pub time: Option<String>,
}

impl Lane {
    fn of(member: usize, above: Vec<usize>, index: Index) -> Lane {
        Lane {
            member,
            above,
            path: String::new(),
            model: index.model.clone(),
            index,
            total: Usage::default(),
            context: None,
            batch_open: false,
            patches: HashMap::new(),
            time: None,
        }
    }

    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }
}

/// What the lanes of one trace share.
pub(super) struct Play<'s> {
    pub scribe: Scribe<'s>,
    pub batches: u32,
    /// Sub-agents whose start stands in the trace.
    pub started: HashSet<String>,
}

fn play(bundle: &[Member<'_>], mut lanes: Vec<Lane>, sink: &mut dyn Sink) -> Result<(), Fault> {
    name_paths(&mut lanes);
    let header = header(&lanes);
    let start = header.started.as_deref().and_then(millis);
    sink.begin(header)?;
    let scribe = Scribe::of(sink, start);
    let mut play = Play { scribe, batches: 0, started: HashSet::new() };
    let sources: Vec<&dyn Source> = lanes.iter().map(|lane| bundle[lane.member].source).collect();
    weave(&sources, |at, line| {
        let fate = record(&mut play, &mut lanes[at], line);
        play.scribe.settle(fate);
    })?;
    let times = lanes.iter().filter_map(|lane| lane.time.clone());
    let last = Stamp { time: times.max_by_key(|time| millis(time)), ..Stamp::default() };
    play.scribe.put(&last, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

fn name_paths(lanes: &mut [Lane]) {
    let ids: HashMap<usize, String> = lanes.iter().map(|lane| (lane.member, lane.index.id.clone())).collect();
    for lane in lanes {
        let ids = lane.above.iter().map(|member| ids.get(member).map(String::as_str).unwrap_or_default());
        lane.path = ids.collect::<Vec<_>>().join("/");
    }
}

fn header(lanes: &[Lane]) -> Header {
    let none = Index::default();
    let root = lanes.first().map_or(&none, |lane| &lane.index);
    let known: HashSet<&str> = lanes.iter().map(|lane| lane.index.id.as_str()).collect();
    let sub_agents = lanes.iter().flat_map(|lane| &lane.index.children).all(|child| known.contains(child.as_str()));
    Header {
        trace: VERSION,
        task: None,
        agent: "codex".to_owned(),
        version: root.version.clone(),
        model: root.model.clone(),
        source: DOC.name.to_owned(),
        session: Some(root.id.clone()).filter(|id| !id.is_empty()),
        clock: if root.started.is_some() { Clock::Source } else { Clock::None },
        tells: Tells {
            exit_codes: true,
            outputs: true,
            plans: true,
            reasoning: true,
            times: root.started.is_some(),
            usage: true,
            failed_edits: true,
            sub_agents,
            snapshots: false,
        },
        cwd: root.cwd.clone(),
        started: root.started.clone(),
        language: "en".to_owned(),
    }
}

fn record(play: &mut Play<'_>, lane: &mut Lane, line: &Line<'_>) -> Fate {
    play.scribe.warn_of(line);
    let from = if lane.is_root() { format!("line:{}", line.number) } else { format!("{}:{}", lane.path, line.number) };
    let mut stamp = Stamp {
        lane: lane.path.clone(),
        time: lane.time.clone(),
        from,
        superseded: lane.index.is_abandoned(line.number),
        lossy: line.lossy,
    };
    let record: Record<'_> = match serde_json::from_str(&line.text) {
        Ok(record) => record,
        Err(error) => return play.scribe.malformed(&stamp, line, &format!("not a record of a rollout: {error}")),
    };
    if let Some(time) = record.timestamp.as_deref().filter(|time| millis(time).is_some()) {
        stamp.time = Some(time.to_owned());
        lane.time.clone_from(&stamp.time);
    }
    match record.kind.as_ref() {
        "session_meta" => return Fate::Nothing("session_meta"),
        "world_state" => return Fate::Nothing("world_state"),
        _ => {}
    }
    let payload = match record.payload() {
        Ok(payload) => payload,
        Err(error) => return play.scribe.malformed(&stamp, line, &format!("its payload cannot be read: {error}")),
    };
    let at = At { line: line.number, stamp: &stamp };
    let taken = match record.kind.as_ref() {
        "turn_context" => play.context(lane, &payload),
        "response_item" => play.item(lane, &at, payload),
        "event_msg" => play.event(lane, &at, payload),
        "token_usage_record" => play.usage_record(lane, &at, &payload),
        "compacted" => play.compacted(lane, &at, payload),
        _ => None,
    };
    taken.unwrap_or_else(|| {
        let inner = record.payload.and_then(|raw| serde_json::from_str::<Kind<'_>>(raw.get()).ok());
        let kind = inner.map_or_else(|| record.kind.to_string(), |inner| format!("{}.{}", record.kind, inner.kind));
        play.scribe.unknown(&stamp, &kind, &line.text)
    })
}

#[derive(serde::Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
}

/// Where a record stands.
pub(super) struct At<'r> {
    pub line: u64,
    pub stamp: &'r Stamp,
}
