//! The one pass from a trace to its facts.
//!
//! Events are taken in order, superseded ones skipped. A call opens; its result closes it; what stands between two messages or
//! in one response is a batch. Nothing is looked at twice but the edits, which are compared with the snapshots at the end.

use super::{
    commands,
    facts::{ActDone, Asked, At, Batch, Call, CheckRun, Edit, EditBy, Facts, Reported, Said},
    home,
    paths::{self, Class},
    repeats::Steps,
    results::{self, Setting},
    sub_agents,
    texts::texts,
};
use crate::acts::{Table, deeds_of_call};
use crate::interview::questions::questions;
use crate::model::{
    act::{Act, Deed},
    ask::AskKind,
    id::EventId,
    task::{Task, TaskKind},
    trace::{AgentMessage, Body, Event, FileChange, ResultStatus, ToolCall, ToolResult, Trace},
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// name, input -> acts.
pub type Deeds<'r> = dyn Fn(&str, &Value) -> Vec<Deed> + Sync + 'r;
/// text, language -> questions of the text.
pub type Questions<'r> = dyn Fn(&str, &str) -> Vec<(AskKind, String)> + Sync + 'r;

/// What tells acts from calls, and questions from prose.
pub struct Readers<'r> {
    pub deeds: &'r Deeds<'r>,
    pub questions: &'r Questions<'r>,
}

/// What is known beside the trace.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    pub task: Option<&'a Task>,
    pub twin: bool,
    /// Patches between snapshots by the later one's name, in order; those without a change are left out.
    pub diffs: &'a [(String, String)],
}

/// The facts of a trace, with the act table and the shipped table of questions.
pub fn read<'a>(trace: &'a Trace, given: Given<'a>, table: &Table) -> Facts<'a> {
    let deeds = |name: &str, input: &Value| deeds_of_call(name, input, table);
    let asked = |text: &str, language: &str| {
        questions(text, language).into_iter().map(|asked| (asked.kind, asked.sentence)).collect()
    };
    gather(trace, given, &Readers { deeds: &deeds, questions: &asked })
}

pub fn gather<'a>(trace: &'a Trace, given: Given<'a>, readers: &Readers<'_>) -> Facts<'a> {
    let mut pass = Pass::new(trace, given, readers);
    for event in trace.events.iter().filter(|event| !event.superseded) {
        pass.take(event);
    }
    pass.finish()
}

struct Pass<'a, 'r> {
    facts: Facts<'a>,
    readers: &'r Readers<'r>,
    /// Tool and the hash of its input -> its number.
    keys: HashMap<(&'a str, [u8; 32]), usize>,
    /// The input that is being hashed.
    input: Vec<u8>,
    /// Per lane, the calls without a result.
    open: HashMap<&'a str, Vec<usize>>,
    /// The root's last message, while nothing was done after it.
    fresh: Option<usize>,
    /// The open batch and its number; a message closes it.
    batch: Option<Option<u32>>,
    /// The ask call whose question event may still come, and how many questions it gave.
    asking: Option<(usize, usize)>,
    /// Calls -> whether some edit act of it is known.
    edited: BTreeSet<usize>,
}

impl<'a, 'r> Pass<'a, 'r> {
    fn new(trace: &'a Trace, given: Given<'a>, readers: &'r Readers<'r>) -> Pass<'a, 'r> {
        let twin = given.twin || trace.header.task.as_deref().is_some_and(|task| task.ends_with("~twin"));
        let facts = Facts { diffs: given.diffs, ..Facts::empty(trace, given.task, twin) };
        Pass {
            facts,
            readers,
            keys: HashMap::new(),
            input: Vec::new(),
            open: HashMap::new(),
            fresh: None,
            batch: None,
            asking: None,
            edited: BTreeSet::new(),
        }
    }

    fn take(&mut self, event: &'a Event) {
        let (facts, id) = (&mut self.facts, event.id);
        match &event.body {
            Body::AgentMessage(said) => self.said(event, said),
            Body::ToolCall(call) => self.called(event, call),
            Body::ToolResult(result) => self.returned(event, result),
            Body::FileChange(change) => self.reported(event, change),
            Body::Question(question) => self.asked_by_event(event, question.text.as_str()),
            Body::UserMessage(message) => {
                facts.users.push((id, message.text.as_str()));
                (self.fresh, self.batch) = (None, None);
            }
            Body::Plan(plan) if event.lane.is_empty() => facts.plans.push((id, plan)),
            Body::Interviewer(decision) => facts.decisions.push((id, decision)),
            Body::Stage(mark) => facts.stages.push((id, mark)),
            Body::Snapshot(mark) => facts.snapshots.push((id, mark)),
            Body::Check(mark) => facts.marks.push((id, mark)),
            Body::Compaction(_) if event.lane.is_empty() => facts.compactions.push(id),
            Body::Permission(permission) => facts.permissions.push((id, permission)),
            Body::Usage(usage) => facts.usage.push(usage),
            Body::End(end) => facts.end = Some(end),
            Body::Plan(_)
            | Body::Compaction(_)
            | Body::Reasoning(_)
            | Body::SubAgent(_)
            | Body::TurnEnd(_)
            | Body::Limit(_)
            | Body::Error(_)
            | Body::Unknown(_) => {}
        }
    }

    fn said(&mut self, event: &'a Event, said: &'a AgentMessage) {
        if !event.lane.is_empty() || said.text.as_str().trim().is_empty() {
            return;
        }
        self.fresh = Some(self.facts.messages.len());
        self.batch = None;
        let text = said.text.as_str();
        self.facts.messages.push(Said { event: event.id, turn: event.turn, text, ends_turn: true });
        for (kind, text) in (self.readers.questions)(text, &self.facts.trace.header.language) {
            self.facts.questions.push(Asked {
                event: event.id,
                turn: event.turn,
                kind,
                text,
                by_tool: false,
                answerable: true,
            });
        }
    }

    fn called(&mut self, event: &'a Event, call: &'a ToolCall) {
        let index = self.facts.calls.len();
        let start = self.facts.acts.len();
        for (nth, deed) in (self.readers.deeds)(&call.name, &call.input).into_iter().enumerate() {
            self.act(event.id, (index, nth), (deed, &call.input));
        }
        let next = self.keys.len();
        self.input.clear();
        // A value that was read from JSON is written as JSON; a Vec takes all that is written.
        let _ = serde_json::to_writer(&mut self.input, &call.input);
        let key = *self.keys.entry((&call.name, *blake3::hash(&self.input).as_bytes())).or_insert(next);
        self.facts.calls.push(Call {
            event: event.id,
            turn: event.turn,
            stage: &event.stage,
            root: event.lane.is_empty(),
            name: &call.name,
            input: &call.input,
            key,
            result: None,
            status: ResultStatus::Unknown,
            exit: None,
            output: "",
            output_whole: true,
            duration_ms: None,
            acts: start..self.facts.acts.len(),
        });
        self.open.entry(&event.lane).or_default().push(index);
        if event.lane.is_empty() {
            self.speech_ends(event.turn);
            self.batched(index, call.batch);
            self.asked_by_tool(event, index);
        }
    }

    /// A call follows: the last message of this turn did not end it.
    fn speech_ends(&mut self, turn: u32) {
        for said in self.facts.messages.iter_mut().rev().take_while(|said| said.turn == turn && said.ends_turn) {
            said.ends_turn = false;
        }
    }

    fn batched(&mut self, index: usize, number: Option<u32>) {
        let turn = self.facts.calls[index].turn;
        let goes_on = self.batch.is_some_and(|open| open == number);
        match self.facts.batches.last_mut().filter(|last| goes_on && last.turn == turn) {
            Some(last) => last.calls.push(index),
            None => {
                let preamble = self.fresh.filter(|said| self.facts.messages[*said].turn == turn);
                self.facts.batches.push(Batch { turn, told: number.is_some(), calls: vec![index], preamble });
            }
        }
        (self.fresh, self.batch) = (None, Some(number));
    }

    fn act(&mut self, event: EventId, (call, nth): (usize, usize), (deed, input): (Deed, &Value)) {
        let cwd = self.facts.trace.header.cwd.as_deref();
        let place = |path: &String| paths::place(cwd, deed.cwd.as_deref(), path);
        let mut reads: Vec<String> = deed.paths_read.iter().map(place).collect();
        let mut writes: Vec<String> = deed.paths_written.iter().map(place).collect();
        // Some sources keep of a tool's input only a line such as `src/db.py (664 chars)`.
        let short = if deed.command.is_empty() {
            input.as_str().and_then(commands::short_path).map(str::to_owned)
        } else {
            None
        };
        match (deed.act, short) {
            (Act::Read, Some(path)) if reads.is_empty() => reads.push(place(&path)),
            (Act::Edit, Some(path)) if writes.is_empty() => writes.push(place(&path)),
            (_, Some(_) | None) => {}
        }
        let at = At(event, u32::try_from(nth).unwrap_or(u32::MAX));
        self.facts.acts.push(ActDone { at, call, deed, reads, writes });
    }

    fn asked_by_tool(&mut self, event: &Event, index: usize) {
        let call = &self.facts.calls[index];
        if !self.facts.acts[call.acts.clone()].iter().any(|act| act.deed.act == Act::Ask) {
            return;
        }
        let texts = commands::questions_of(call.input);
        self.asking = Some((index, texts.len()));
        self.facts.questions.extend(texts.into_iter().map(|text| tool_question(event, text)));
    }

    /// The event of a question says better what was asked than the call that raised it.
    fn asked_by_event(&mut self, event: &Event, text: &str) {
        let questions = &mut self.facts.questions;
        if let Some((call, given)) = self.asking.take() {
            let keep = questions.len().saturating_sub(given);
            let same = questions[keep..].iter().any(|asked| text.contains(asked.text.as_str()));
            if same || self.facts.calls[call].result.is_none() {
                questions.truncate(keep);
            }
        }
        self.facts.questions.push(tool_question(event, text.to_owned()));
    }

    fn returned(&mut self, event: &'a Event, result: &'a ToolResult) {
        let open = self.open.entry(&event.lane).or_default();
        let index = match result.call {
            Some(call) => self.facts.call_at(call),
            None => open.first().copied(),
        };
        let Some(index) = index else { return };
        // Most results come soon after their call; calls that never got one stay.
        if let Some(at) = open.iter().rposition(|other| *other == index) {
            open.remove(at);
        }
        let call = &mut self.facts.calls[index];
        call.result = Some(event.id);
        call.status = result.status;
        call.exit = result.exit;
        call.output = result.output.as_str();
        call.output_whole = result.output.is_whole() && result.dropped_bytes == 0;
        call.duration_ms = result.duration_ms;
        if call.root {
            self.fresh = None;
        }
    }

    fn reported(&mut self, event: &Event, change: &'a FileChange) {
        self.facts.reported.push(Reported {
            event: event.id,
            turn: event.turn,
            call: change.call.and_then(|call| self.facts.call_at(call)),
            path: paths::place(self.facts.trace.header.cwd.as_deref(), None, &change.path),
            change: change.change,
            diff: change.diff.as_str(),
        });
    }

    fn finish(mut self) -> Facts<'a> {
        let facts = &mut self.facts;
        if facts.home.is_none() {
            facts.home = home::guess(&facts.acts, &facts.reported);
            if let Some(home) = &facts.home {
                home::settle(home, (&mut facts.acts, &mut facts.reported));
            }
        }
        for index in 0..self.facts.acts.len() {
            self.edits_of(index);
            self.check_of(index);
        }
        self.reported_edits();
        self.facts.edits.sort_by_key(|edit| edit.at);
        super::diffs::reconcile(&mut self.facts);
        self.facts.steps = Steps::of(&self.facts);
        self.facts.texts = texts(&self.facts);
        self.facts.subs = sub_agents::gathered(self.facts.trace);
        for asked in &mut self.facts.questions {
            let said = self.facts.messages.binary_search_by_key(&asked.event, |said| said.event);
            asked.answerable = asked.by_tool || said.is_ok_and(|at| self.facts.messages[at].ends_turn);
        }
        self.facts
    }

    fn edits_of(&mut self, index: usize) {
        let act = &self.facts.acts[index];
        let fixes = act.deed.act == Act::Lint && !act.writes.is_empty();
        if act.deed.act != Act::Edit && !fixes || act.deed.sub.as_deref() == Some("scratch") {
            return;
        }
        let call = &self.facts.calls[act.call];
        let applied = self.facts.came_back(act);
        let chore = self.facts.task.and_then(|task| task.kind) == Some(TaskKind::Chore);
        let paths = if act.writes.is_empty() { vec![String::new()] } else { act.writes.clone() };
        let edits = paths.into_iter().filter(|path| !paths::outside(path)).map(|path| Edit {
            at: act.at,
            turn: call.turn,
            class: class_of(&act.deed, &path, chore),
            is_test: paths::is_test(&path),
            path,
            applied,
            moved: MOVERS.contains(&act.deed.program.as_str()),
            by: EditBy::Act,
            in_diff: None,
        });
        let before = self.facts.edits.len();
        self.facts.edits.extend(edits);
        if self.facts.edits.len() > before {
            self.edited.insert(self.facts.acts[index].call);
        }
    }

    fn check_of(&mut self, index: usize) {
        let act = &self.facts.acts[index];
        let call = &self.facts.calls[act.call];
        if !act.deed.act.is_check() || !call.ran() {
            return;
        }
        let deeds = &self.facts.acts[call.acts.clone()];
        let setting = Setting { call, exit_codes: self.facts.tells().exit_codes, acts: deeds };
        let verdict = results::verdict(&act.deed, setting);
        let words = if act.deed.command.is_empty() { &act.deed.program } else { &act.deed.command };
        let key = words.split_whitespace().collect::<Vec<_>>().join(" ");
        self.facts.checks.push(CheckRun { at: act.at, act: index, verdict, key });
    }

    /// What the agent reported and no act of the same call shows.
    fn reported_edits(&mut self) {
        let edits = self.facts.edits.iter();
        let known: BTreeSet<(usize, &str)> =
            edits.filter_map(|edit| Some((self.facts.call_at(edit.at.0)?, edit.path.as_str()))).collect();
        let mut found = Vec::new();
        for change in &self.facts.reported {
            let told = change.call.is_some_and(|call| known.contains(&(call, change.path.as_str())));
            let told = told || change.call.is_none() && self.just_edited(change.event, &change.path);
            if told || paths::outside(&change.path) {
                continue;
            }
            found.push(Edit {
                at: At(change.call.map_or(change.event, |call| self.facts.calls[call].event), 0),
                turn: change.turn,
                class: paths::class(&change.path),
                is_test: paths::is_test(&change.path),
                path: change.path.clone(),
                applied: true,
                moved: false,
                by: EditBy::Report,
                in_diff: None,
            });
        }
        self.facts.edits.extend(found);
    }

    /// Whether the call before this event already edits the path, or edits something it does not name.
    fn just_edited(&self, event: EventId, path: &str) -> bool {
        let before = self.facts.calls.partition_point(|call| call.event < event);
        let Some(call) = before.checked_sub(1) else { return false };
        let acts = &self.facts.acts[self.facts.calls[call].acts.clone()];
        self.edited.contains(&call)
            && acts.iter().any(|act| {
                act.deed.act == Act::Edit && (act.writes.is_empty() || act.writes.iter().any(|own| own == path))
            })
    }
}

fn tool_question(event: &Event, text: String) -> Asked {
    Asked { event: event.id, turn: event.turn, kind: AskKind::Question, text, by_tool: true, answerable: true }
}

/// Programs that move, make or remove what may be a folder.
const MOVERS: &[&str] = &["mkdir", "rmdir", "chmod", "chown", "touch", "ln", "rm", "mv", "cp", "tar", "unzip", "rsync"];

/// In a chore, files are put in order: moving one is no change of code, whatever it holds.
fn class_of(deed: &Deed, path: &str, chore: bool) -> Class {
    let moved = MOVERS.contains(&deed.program.as_str());
    if moved && (chore || !paths::names_a_file(path)) { Class::Other } else { paths::class(path) }
}
