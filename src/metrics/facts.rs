//! Facts: what happened in a trace, gathered in one pass, so that every number is read off the same table.
//!
//! A metric asks questions such as "which check ran after the last code edit, and what came of it?". The answers need
//! calls joined with their results, acts told from shell lines, edits found by any means and compared with the snapshots,
//! and messages told apart into preambles and hand-overs. All of that is done here, once.
//!
//! ```text
//! e4 shell `pytest -q | tail -3`  ->  act test, seen through a pipe   ->  check: its exit says nothing, its output says "1 failed": red
//! e6 apply_patch src/db.py        ->  act edit                       ->  edit: code, applied, in the snapshot's diff
//! ```
//!
//! Superseded events are left out. Sub-agents' acts count, their messages do not.

use super::{paths::Class, repeats::Steps, results::Verdict, sub_agents::Subs, texts::EditText};
use crate::model::{
    act::{Act, Deed},
    id::EventId,
    interview::Decision,
    score::Measured,
    task::Task,
    trace::{Change, CheckMark, End, Permission, Plan, ResultStatus, SnapshotMark, StageMark, Tells, Trace, Usage},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// Everything a metric may look at.
pub struct Facts<'a> {
    pub trace: &'a Trace,
    pub task: Option<&'a Task>,
    /// The workspace, as the source names it, else as its paths tell it.
    pub home: Option<String>,
    /// The trial is the fully specified twin of its task.
    pub twin: bool,
    pub calls: Vec<Call<'a>>,
    pub acts: Vec<ActDone>,
    /// File changes as the agent reported them.
    pub reported: Vec<Reported<'a>>,
    /// In order of happening; those that did not apply are among them.
    pub edits: Vec<Edit>,
    pub checks: Vec<CheckRun>,
    /// Reads, searches and edits, for what is done again.
    pub steps: Steps<'a>,
    /// What edits took away and put there, as far as it is told.
    pub texts: Vec<EditText<'a>>,
    pub subs: Subs<'a>,
    pub batches: Vec<Batch>,
    pub messages: Vec<Said<'a>>,
    pub questions: Vec<Asked>,
    pub plans: Vec<(EventId, &'a Plan)>,
    pub users: Vec<(EventId, &'a str)>,
    pub decisions: Vec<(EventId, &'a Decision)>,
    pub stages: Vec<(EventId, &'a StageMark)>,
    pub snapshots: Vec<(EventId, &'a SnapshotMark)>,
    /// Patches between snapshots, where they are at hand.
    pub diffs: &'a [(String, String)],
    /// Checks that evalrun ran, not the agent.
    pub marks: Vec<(EventId, &'a CheckMark)>,
    pub compactions: Vec<EventId>,
    pub permissions: Vec<(EventId, &'a Permission)>,
    pub usage: Vec<&'a Usage>,
    pub end: Option<&'a End>,
}

/// Where in the order of things an act stands: its event, and its place in the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub EventId, pub u32);

/// A tool call with its result.
pub struct Call<'a> {
    pub event: EventId,
    pub turn: u32,
    pub stage: &'a str,
    /// Not a sub-agent's.
    pub root: bool,
    pub name: &'a str,
    pub input: &'a Value,
    /// Equal for the same tool with the same input.
    pub key: usize,
    pub result: Option<EventId>,
    pub status: ResultStatus,
    pub exit: Option<i32>,
    pub output: &'a str,
    pub output_whole: bool,
    pub duration_ms: Option<u64>,
    /// Its acts, in `Facts::acts`.
    pub acts: Range<usize>,
}

impl Call<'_> {
    /// Whether it did anything at all.
    pub fn ran(&self) -> bool {
        !matches!(self.status, ResultStatus::Denied)
    }

    pub fn failed(&self) -> bool {
        matches!(self.status, ResultStatus::Failed) || self.exit.is_some_and(|exit| exit != 0)
    }
}

/// One act of a call, its paths relative to the workspace.
pub struct ActDone {
    pub at: At,
    /// Index in `Facts::calls`.
    pub call: usize,
    pub deed: Deed,
    pub reads: Vec<String>,
    pub writes: Vec<String>,
}

/// A change of a file that the agent reported.
pub struct Reported<'a> {
    pub event: EventId,
    pub turn: u32,
    /// Index in `Facts::calls`.
    pub call: Option<usize>,
    /// Relative to the workspace.
    pub path: String,
    pub change: Change,
    pub diff: &'a str,
}

/// One file changed, by a call, by a report of the agent, or seen only in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub at: At,
    pub turn: u32,
    /// Relative to the workspace; empty where it cannot be told.
    pub path: String,
    pub class: Class,
    pub is_test: bool,
    pub applied: bool,
    /// Moved, made, removed or given other rights, its content left as it was.
    pub moved: bool,
    pub by: EditBy,
    /// Whether the next snapshot shows the path changed; `None`: no snapshot.
    pub in_diff: Option<bool>,
}

impl Edit {
    /// It took hold, and of neither prose nor data.
    pub fn is_of_code(&self) -> bool {
        self.applied && self.class == Class::Code
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditBy {
    Act,
    Report,
    Snapshot,
}

/// A test, build or lint act that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    pub at: At,
    /// Index in `Facts::acts`.
    pub act: usize,
    pub verdict: Verdict,
    /// The command with white space folded: the same check again has the same key.
    pub key: String,
}

/// Tool calls of one response, or between two messages where responses are not told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub turn: u32,
    /// The source says which calls came in one response.
    pub told: bool,
    /// Indexes in `Facts::calls`.
    pub calls: Vec<usize>,
    /// The agent's message directly before.
    pub preamble: Option<usize>,
}

/// A message of the root agent.
pub struct Said<'a> {
    pub event: EventId,
    pub turn: u32,
    pub text: &'a str,
    /// No tool call follows it in its turn: it hands over.
    pub ends_turn: bool,
}

/// One question, in prose or through a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub event: EventId,
    pub turn: u32,
    pub kind: crate::model::ask::AskKind,
    pub text: String,
    /// Through a tool or a protocol; prose counts as asked only where it ends a turn.
    pub by_tool: bool,
    /// Somebody could answer: a tool's question, or one in a message that ends its turn.
    pub answerable: bool,
}

impl Facts<'_> {
    pub fn tells(&self) -> Tells {
        self.trace.header.tells
    }

    /// Edits that took hold.
    pub fn applied(&self) -> impl DoubleEndedIterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.applied)
    }

    pub fn first_edit(&self) -> Option<&Edit> {
        self.applied().next()
    }

    /// Edits of neither prose nor data.
    pub fn code_edits(&self) -> impl DoubleEndedIterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.is_of_code())
    }

    /// Edits of earlier events, those that did not apply too.
    pub fn edits_before(&self, event: EventId) -> &[Edit] {
        &self.edits[..self.edits.partition_point(|edit| edit.at.0 < event)]
    }

    pub fn last_code_edit(&self) -> Option<&Edit> {
        self.code_edits().next_back()
    }

    /// Checks after a moment, in order.
    pub fn checks_after(&self, at: At) -> impl DoubleEndedIterator<Item = &CheckRun> {
        self.checks.iter().skip(self.checks.partition_point(|check| check.at <= at))
    }

    /// The last message, if nothing was done after it.
    pub fn final_message(&self) -> Option<&Said<'_>> {
        let said = self.messages.last()?;
        let last_call = self.calls.iter().rev().find(|call| call.root);
        let done = last_call.map(|call| call.result.unwrap_or(call.event).max(call.event));
        done.is_none_or(|done| said.event > done).then_some(said)
    }

    /// Files that did not exist before the agent made them or moved others there: as the snapshots have it, else the agent's report, else the act.
    pub fn made(&self) -> BTreeSet<&str> {
        let shown = self
            .snapshots
            .iter()
            .flat_map(|(_, mark)| &mark.changes)
            .map(|change| (change.path.as_str(), change.change));
        let told = self.reported.iter().map(|change| (change.path.as_str(), change.change));
        let mut first: BTreeMap<&str, bool> = BTreeMap::new();
        for (path, change) in shown.chain(told) {
            first.entry(path).or_insert(matches!(change, Change::Added | Change::Renamed));
        }
        for act in self.acts.iter().filter(|act| act.deed.sub.as_deref() == Some("create")) {
            act.writes.iter().for_each(|path| {
                first.entry(path).or_insert(true);
            });
        }
        first.into_iter().filter(|(_, made)| *made).map(|(path, _)| path).collect()
    }

    /// Why questions in prose cannot be counted, where they cannot.
    pub fn unread_questions(&self) -> Option<String> {
        let language = &self.trace.header.language;
        let read = crate::interview::questions::speaks(language) || self.messages.iter().all(|said| !said.ends_turn);
        (!read).then(|| format!("there is no table of questions for the language `{language}`"))
    }

    /// The user's first message of a stage.
    pub fn said_at(&self, stage: &str) -> Option<EventId> {
        let of = |event: &EventId| self.trace.event(*event).is_some_and(|event| event.stage == stage);
        self.users.iter().map(|(event, _)| *event).find(of)
    }

    /// Index of the call that is this event.
    pub fn call_at(&self, event: EventId) -> Option<usize> {
        self.calls.binary_search_by_key(&event, |call| call.event).ok()
    }

    pub fn call_of(&self, act: &ActDone) -> &Call<'_> {
        &self.calls[act.call]
    }

    pub fn act_of(&self, check: &CheckRun) -> &ActDone {
        &self.acts[check.act]
    }

    /// Whether an act's call gave what the act was after: it was not denied, and did not fail, unless its line did other things too.
    pub fn came_back(&self, act: &ActDone) -> bool {
        let call = self.call_of(act);
        let stopped = matches!(call.status, ResultStatus::Denied | ResultStatus::Cancelled);
        !stopped && !(call.failed() && (call.acts.len() == 1 || act.deed.command.is_empty()))
    }

    /// Reads that gave something: a file that was not there was not read.
    pub fn reads(&self) -> impl Iterator<Item = &ActDone> {
        self.acts.iter().filter(|act| act.deed.act == Act::Read && self.came_back(act))
    }

    /// Acts before the first edit; all of them where nothing was edited.
    pub fn acts_before_edit(&self) -> &[ActDone] {
        match self.first_edit() {
            Some(edit) => &self.acts[..self.acts.partition_point(|act| act.at < edit.at)],
            None => &self.acts,
        }
    }
}

/// `Unknown`, for a source that does not tell what a metric needs.
pub fn untold(what: &str) -> Measured {
    Measured::Unknown(format!("this source does not tell {what}"))
}

/// A yes-or-no metric.
pub fn yes_no(yes: bool, cites: Vec<EventId>) -> Measured {
    Measured::cited(if yes { 1.0 } else { 0.0 }, cites)
}

/// part / whole, undefined where there is no whole; the detail keeps both.
pub fn share(part: usize, whole: usize, undefined: &str, cites: Vec<EventId>) -> Measured {
    if whole == 0 {
        return Measured::Undefined(undefined.to_owned());
    }
    #[allow(clippy::cast_precision_loss)]
    let value = part as f64 / whole as f64;
    Measured::cited(value, cites).with_detail(json!({ "part": part, "whole": whole }))
}

#[allow(clippy::cast_precision_loss)]
pub fn count(number: usize, cites: Vec<EventId>) -> Measured {
    Measured::cited(number as f64, cites)
}

impl<'a> Facts<'a> {
    pub(super) fn empty(trace: &'a Trace, task: Option<&'a Task>, twin: bool) -> Facts<'a> {
        Facts {
            trace,
            task,
            home: trace.header.cwd.clone(),
            twin,
            calls: Vec::new(),
            acts: Vec::new(),
            reported: Vec::new(),
            edits: Vec::new(),
            checks: Vec::new(),
            steps: Steps::default(),
            texts: Vec::new(),
            subs: Subs::new(),
            batches: Vec::new(),
            messages: Vec::new(),
            questions: Vec::new(),
            plans: Vec::new(),
            users: Vec::new(),
            decisions: Vec::new(),
            stages: Vec::new(),
            snapshots: Vec::new(),
            diffs: &[],
            marks: Vec::new(),
            compactions: Vec::new(),
            permissions: Vec::new(),
            usage: Vec::new(),
            end: None,
        }
    }
}
