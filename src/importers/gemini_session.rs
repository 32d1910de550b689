//! Gemini CLI's sessions: `~/.gemini/tmp/<project>/chats/session-*.jsonl`, and what `gemini -o stream-json` prints.
//!
//! The session file is a journal: a record is written again when more is known of it (the last one counts), `{"$set": ..}` changes
//! what was written before, and each resume writes a header and all messages anew. So it is read twice: first for the last form of
//! each record, then in order. It has thoughts, outputs and exit codes, which the printed stream lacks.

use super::{
    diff, first_lines,
    gemini_stream::GeminiStream,
    lines::{Line, Lines},
    plans,
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, items, number, some_text, text, whole},
};
use crate::model::{
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{
        AgentMessage, Body, Change, Clock, End, EndKind, ErrorMark, FileChange, Header, Reasoning, ResultStatus, Tells,
        ToolCall, ToolResult, Usage, UsageScope, UserMessage, VERSION,
    },
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) struct GeminiSession;

static DOC: ImporterDoc = ImporterDoc {
    name: "gemini_session",
    about: "a session of Gemini CLI, or the events that it prints",
    found_at: "~/.gemini/tmp/<project>/chats/session-*.jsonl, or `gemini -o stream-json`",
    carries_nothing: &["header", "patch", "session context", "empty message", "init", "the user's message"],
    merges: &["later form of a record", "answer of a tool", "part of a message"],
};

impl Importer for GeminiSession {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        bundle.iter().try_for_each(|member| match claim_of(member) {
            STREAM => stream(member, sink),
            _ => session(member, sink),
        })
    }
}

const SESSION: Claim = Claim::Sure("a header of Gemini CLI with sessionId and projectHash");
const STREAM: Claim = Claim::Sure("events of Gemini CLI that begin with init");

fn claim_of(member: &Member<'_>) -> Claim {
    for line in first_lines(member).iter().take(10) {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let has = |key: &str| record.get(key).is_some();
        if has("sessionId") && has("projectHash") && has("startTime") {
            return SESSION;
        }
        if text(&record, "type") == "init" && has("session_id") && has("model") && has("timestamp") {
            return STREAM;
        }
    }
    Claim::No("no header with sessionId and projectHash, and no init event, among the first records")
}

fn stream(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let first: Option<Value> = first_lines(member).iter().find_map(|line| serde_json::from_str(line).ok());
    let first = first.unwrap_or_default();
    let started = some_text(&first, "timestamp").map(str::to_owned);
    sink.begin(Header {
        model: some_text(&first, "model").map(str::to_owned),
        session: some_text(&first, "session_id").map(str::to_owned),
        started: started.clone(),
        tells: STREAM_TELLS,
        ..header()
    })?;
    let mut scribe = Scribe::of(sink, started.as_deref().and_then(super::value::millis));
    let mut talk = GeminiStream::default();
    let mut lines = Lines::of(member.source);
    while lines.advance()? {
        let line = lines.line();
        let fate = stream_line(&mut scribe, &mut talk, &line);
        scribe.settle(fate);
    }
    talk.flush();
    put_all(&mut scribe, &mut talk);
    scribe.put(&Stamp::default(), Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

/// What the printed events tell.
pub const STREAM_TELLS: Tells = Tells { times: true, usage: true, plans: true, ..NOTHING };
/// What the session's file tells.
pub const SESSION_TELLS: Tells = Tells {
    exit_codes: true,
    outputs: true,
    plans: true,
    reasoning: true,
    times: true,
    usage: true,
    failed_edits: true,
    ..NOTHING
};
const NOTHING: Tells = Tells {
    exit_codes: false,
    outputs: false,
    plans: false,
    reasoning: false,
    times: false,
    usage: false,
    failed_edits: false,
    sub_agents: false,
    snapshots: false,
};

fn stream_line(scribe: &mut Scribe<'_>, talk: &mut GeminiStream, line: &Line<'_>) -> Fate {
    scribe.warn_of(line);
    let from = format!("line:{}", line.number);
    let record: Value = match serde_json::from_str(&line.text) {
        Ok(record) => record,
        Err(error) => {
            let stamp = Stamp { from, lossy: line.lossy, ..Stamp::default() };
            return scribe.malformed(&stamp, line, &format!("not an event of Gemini CLI: {error}"));
        }
    };
    talk.place(Some(from.clone()));
    let user = text(&record, "role") == "user" && text(&record, "type") == "message";
    let fate = talk.take(&record);
    put_all(scribe, talk);
    let time = some_text(&record, "timestamp").map(str::to_owned);
    let stamp = Stamp { from, time, lossy: line.lossy, ..Stamp::default() };
    if user {
        scribe.turn += 1;
        let said = UserMessage { text: whole(text(&record, "content")), images: 0 };
        scribe.put(&stamp, Body::UserMessage(said));
        return Fate::Kept;
    }
    if let Some(end) = talk.ended.take() {
        scribe.put(&stamp, Body::TurnEnd(end));
    }
    fate
}

fn put_all(scribe: &mut Scribe<'_>, talk: &mut GeminiStream) {
    for (draft, time) in talk.drain() {
        scribe.draft_timed(draft, time);
    }
}

fn header() -> Header {
    Header {
        trace: VERSION,
        task: None,
        agent: "gemini".to_owned(),
        version: None,
        model: None,
        source: DOC.name.to_owned(),
        session: None,
        clock: Clock::Source,
        tells: NOTHING,
        cwd: None,
        started: None,
        language: "en".to_owned(),
    }
}

/// What only the whole file tells.
#[derive(Default)]
struct Index {
    header: Value,
    model: Option<String>,
    cwd: Option<String>,
    /// How often a record is written, and its last form where that is more than once.
    times: HashMap<String, u32>,
    last: HashMap<String, String>,
    /// Calls whose results stand with them.
    answered: HashSet<String>,
}

impl Index {
    fn of(member: &Member<'_>) -> Result<Index, Fault> {
        let mut index = Index::default();
        let mut lines = Lines::of(member.source);
        while lines.advance()? {
            let line = lines.line();
            let Ok(record) = serde_json::from_str::<Value>(&line.text) else { continue };
            if index.header.is_null() && record.get("projectHash").is_some() {
                index.header = record;
                continue;
            }
            if let Some(set) = record.get("$set") {
                items(set, "messages").iter().for_each(|message| index.message(message));
                continue;
            }
            index.message(&record);
            let Some(id) = some_text(&record, "id") else { continue };
            let times = index.times.entry(id.to_owned()).or_default();
            *times += 1;
            if *times > 1 {
                index.last.insert(id.to_owned(), line.text.into_owned());
            }
        }
        Ok(index)
    }

    fn message(&mut self, record: &Value) {
        if self.model.is_none() {
            self.model = some_text(record, "model").map(str::to_owned);
        }
        if self.cwd.is_none() && text(record, "type") == "user" {
            self.cwd = cwd_of(&content_text(record.get("content").unwrap_or(&Value::Null)));
        }
        let calls = items(record, "toolCalls").iter().filter(|call| !items(call, "result").is_empty());
        self.answered.extend(calls.filter_map(|call| some_text(call, "id").map(str::to_owned)));
    }
}

/// The workspace, as the words that Gemini CLI puts before a conversation name it.
fn cwd_of(said: &str) -> Option<String> {
    let rest = said.strip_prefix("<session_context>")?.split_once("**Workspace Directories:**")?.1;
    let line = rest.lines().find_map(|line| line.trim().strip_prefix("- "))?;
    Some(line.trim().to_owned())
}

fn session(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let index = Index::of(member)?;
    let started = some_text(&index.header, "startTime").map(str::to_owned);
    let start = started.as_deref().and_then(super::value::millis);
    sink.begin(Header {
        model: index.model.clone(),
        session: some_text(&index.header, "sessionId").map(str::to_owned),
        cwd: index.cwd.clone(),
        started,
        tells: SESSION_TELLS,
        ..header()
    })?;
    let mut play = Play { scribe: Scribe::of(sink, start), index, seen: HashSet::new(), time: None, batches: 0 };
    let mut lines = Lines::of(member.source);
    while lines.advance()? {
        let fate = play.line(&lines.line());
        play.scribe.settle(fate);
    }
    let stamp = Stamp { time: play.time.take(), ..Stamp::default() };
    play.scribe.put(&stamp, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

struct Play<'s> {
    scribe: Scribe<'s>,
    index: Index,
    /// Ids of what has been told.
    seen: HashSet<String>,
    time: Option<String>,
    batches: u32,
}

impl Play<'_> {
    fn line(&mut self, line: &Line<'_>) -> Fate {
        self.scribe.warn_of(line);
        let stamp = Stamp { from: format!("line:{}", line.number), lossy: line.lossy, ..Stamp::default() };
        let record: Value = match serde_json::from_str(&line.text) {
            Ok(record) => record,
            Err(error) => {
                return self.scribe.malformed(&stamp, line, &format!("not a record of a session: {error}"));
            }
        };
        if let Some(set) = record.get("$set") {
            return self.patch(&stamp, set);
        }
        if record.get("projectHash").is_some() && record.get("sessionId").is_some() {
            return Fate::Nothing("header");
        }
        let Some(id) = some_text(&record, "id") else {
            return self.scribe.unknown(&stamp, kind_of(&record), &line.text);
        };
        if !self.seen.insert(id.to_owned()) {
            return Fate::Merged("later form of a record");
        }
        let last = self.index.last.get(id).and_then(|last| serde_json::from_str(last).ok());
        self.message(&stamp, &last.unwrap_or(record))
    }

    /// Messages that are only set, never written by themselves, are told here.
    fn patch(&mut self, stamp: &Stamp, set: &Value) -> Fate {
        let mut fate = Fate::Nothing("patch");
        for message in items(set, "messages") {
            let Some(id) = some_text(message, "id") else { continue };
            let written = self.index.times.contains_key(id);
            if !written && self.seen.insert(id.to_owned()) && self.message(stamp, message) == Fate::Kept {
                fate = Fate::Kept;
            }
        }
        fate
    }

    fn message(&mut self, stamp: &Stamp, record: &Value) -> Fate {
        let time = some_text(record, "timestamp").map(str::to_owned).or(self.time.take());
        self.time.clone_from(&time);
        let stamp = Stamp { time, ..stamp.clone() };
        match text(record, "type") {
            "user" => self.user(&stamp, record),
            "gemini" => self.agent(&stamp, record),
            "error" | "warning" => {
                let message = whole(content_text(record.get("content").unwrap_or(&Value::Null)));
                self.scribe.put(&stamp, Body::Error(ErrorMark { message, fault: None }));
                Fate::Kept
            }
            kind => self.scribe.unknown(&stamp, kind, &record.to_string()),
        }
    }

    fn user(&mut self, stamp: &Stamp, record: &Value) -> Fate {
        let answers: Vec<&Value> =
            items(record, "content").iter().filter_map(|part| part.get("functionResponse")).collect();
        if !answers.is_empty() {
            return self.answers(stamp, &answers);
        }
        let said = content_text(record.get("content").unwrap_or(&Value::Null));
        if said.starts_with("<session_context>") {
            return Fate::Nothing("session context");
        }
        let images = items(record, "content").iter().filter(|part| part.get("inlineData").is_some()).count() as u64;
        if said.trim().is_empty() && images == 0 {
            return Fate::Nothing("empty message");
        }
        self.scribe.turn += 1;
        self.scribe.put(stamp, Body::UserMessage(UserMessage { text: whole(said), images }));
        Fate::Kept
    }

    /// Results stand with their calls; those of calls that were never written to their end stand here alone.
    fn answers(&mut self, stamp: &Stamp, answers: &[&Value]) -> Fate {
        let mut fate = Fate::Merged("answer of a tool");
        for answer in answers {
            let id = text(answer, "id");
            if self.index.answered.contains(id) {
                continue;
            }
            let call = self.scribe.event_of(stamp, id);
            let (output, status, exit) = outcome(text(answer, "name"), "", answer.get("response"));
            let result = ToolResult { call, status, exit, output: whole(output), dropped_bytes: 0, duration_ms: None };
            self.scribe.put(stamp, Body::ToolResult(result));
            fate = Fate::Kept;
        }
        fate
    }

    fn agent(&mut self, stamp: &Stamp, record: &Value) -> Fate {
        let mut told = false;
        for thought in items(record, "thoughts") {
            let parts = [text(thought, "subject"), text(thought, "description")];
            let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
            if !said.is_empty() {
                self.scribe.put(stamp, Body::Reasoning(Reasoning { text: whole(said), encrypted: false }));
                told = true;
            }
        }
        let said = content_text(record.get("content").unwrap_or(&Value::Null));
        if !said.trim().is_empty() {
            self.scribe.put(stamp, Body::AgentMessage(AgentMessage { text: whole(said), phase: None }));
            told = true;
        }
        if let Some(usage) = usage(record) {
            self.scribe.put(stamp, Body::Usage(usage));
            told = true;
        }
        self.batches += 1;
        let calls = items(record, "toolCalls");
        calls.iter().for_each(|call| self.called(stamp, call));
        calls.iter().for_each(|call| self.ended(stamp, call));
        if told || !calls.is_empty() { Fate::Kept } else { Fate::Nothing("empty message") }
    }

    fn called(&mut self, stamp: &Stamp, call: &Value) {
        let (id, name) = (text(call, "id"), text(call, "name").to_owned());
        let input = call.get("args").cloned().unwrap_or_default();
        let plan = plans::of_call(&name, &input);
        self.scribe.call(stamp, id, ToolCall { name, tool: None, input, batch: Some(self.batches) });
        if let Some(plan) = plan {
            self.scribe.put(stamp, Body::Plan(plan));
        }
    }

    fn ended(&mut self, stamp: &Stamp, call: &Value) {
        let status = text(call, "status");
        let answer = items(call, "result").iter().find_map(|part| part.pointer("/functionResponse/response"));
        if answer.is_none() && !matches!(status, "success" | "error" | "cancelled") {
            return;
        }
        let time = some_text(call, "timestamp").map(str::to_owned).or(stamp.time.clone());
        let stamp = Stamp { time, ..stamp.clone() };
        let (output, status, exit) = outcome(text(call, "name"), status, answer);
        let shown = some_text(call, "resultDisplay").filter(|_| text(call, "name") == "run_shell_command");
        let event = self.scribe.event_of(&stamp, text(call, "id"));
        let output = shown.map_or(output, str::to_owned);
        let result =
            ToolResult { call: event, status, exit, output: whole(output), dropped_bytes: 0, duration_ms: None };
        self.scribe.put(&stamp, Body::ToolResult(result));
        if let Some(change) = changed(call).filter(|_| status == ResultStatus::Ok) {
            self.scribe.put(&stamp, Body::FileChange(FileChange { call: event, ..change }));
        }
    }
}

/// What a tool gave back, how it ended, and a shell's exit code: named where it is not 0.
fn outcome(tool: &str, status: &str, answer: Option<&Value>) -> (String, ResultStatus, Option<i32>) {
    let answer = answer.unwrap_or(&Value::Null);
    let error = some_text(answer, "error");
    let output = error.unwrap_or_else(|| text(answer, "output")).to_owned();
    let shell = tool == "run_shell_command";
    let named =
        output.lines().rev().take(6).find_map(|line| line.strip_prefix("Exit Code: ")?.trim().parse::<i32>().ok());
    let ran = shell && error.is_none() && status != "cancelled";
    let exit = if ran { Some(named.unwrap_or(0)) } else { None };
    let status = match (status, error) {
        ("cancelled", _) => ResultStatus::Cancelled,
        ("error", _) | (_, Some(_)) => ResultStatus::Failed,
        _ if exit.is_some_and(|exit| exit != 0) => ResultStatus::Failed,
        _ => ResultStatus::Ok,
    };
    (output, status, exit)
}

fn changed(call: &Value) -> Option<FileChange> {
    let display = call.get("resultDisplay")?;
    let path = some_text(display, "filePath").or_else(|| call.pointer("/args/file_path")?.as_str())?;
    let told = some_text(display, "fileDiff")?;
    let new = display.get("isNewFile").and_then(Value::as_bool) == Some(true);
    let diff = match (some_text(display, "originalContent"), some_text(display, "newContent")) {
        (Some(old), Some(new)) => diff::of_texts(old, new),
        _ => told.find("@@ ").map_or(told, |at| &told[at..]).to_owned(),
    };
    let change = if new { Change::Added } else { Change::Modified };
    Some(FileChange { path: path.to_owned(), change, diff: whole(diff), call: None })
}

/// Thoughts stand beside the output here; in a trace they are part of it.
fn usage(record: &Value) -> Option<Usage> {
    let tokens = record.get("tokens").filter(|tokens| tokens.is_object())?;
    let thoughts = number(tokens, "thoughts");
    Some(Usage {
        scope: UsageScope::Response,
        input: number(tokens, "input").saturating_add(number(tokens, "tool")),
        cached: number(tokens, "cached"),
        output: number(tokens, "output").saturating_add(thoughts),
        reasoning: thoughts,
        model: some_text(record, "model").map(str::to_owned),
        micro_usd: None,
    })
}

fn kind_of(record: &Value) -> &str {
    let first = record.as_object().and_then(|map| map.keys().next()).map_or("record", String::as_str);
    some_text(record, "type").unwrap_or(first)
}
