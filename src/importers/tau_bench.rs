//! tau-bench's results: conversations of a tool-calling agent with a simulated user, each with the reward that the benchmark gave.
//!
//! One document, a list of `{task_id, trial, reward, info, traj}`; each entry becomes a trace. A *record* here is a message of `traj`,
//! and the entry's own result: reward and `info` become the check `reward`, with all of `info` as its output. The reward is the gold score:
//! the check passes where it is 1, give or take 1e-6, as tau-bench compares it. The trace's session is `<task_id>/<trial>`.

use super::{
    lines::{mended, whole as whole_source},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, items, some_text, take_text, text, whole},
};
use crate::model::{
    fault::{Boundary, Fault},
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{
        AgentMessage, Body, CheckMark, CheckStatus, Clock, End, EndKind, Header, ResultStatus, Tells, ToolCall,
        ToolResult, UserMessage, VERSION,
    },
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, collections::BTreeMap};

pub(super) struct TauBench;

static DOC: ImporterDoc = ImporterDoc {
    name: "tau_bench",
    about: "results of tau-bench, with rewards as gold scores",
    found_at: "historical_trajectories/<model>-<domain>.json",
    carries_nothing: &["empty message"],
    merges: &[],
};

/// A longer document is refused: it is read as a whole.
const LONGEST: u64 = 256 << 20;

/// Rewards differ only beyond this.
const SAME: f64 = 1e-6;

impl Importer for TauBench {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        bundle.iter().try_for_each(|member| document(member, sink))
    }
}

/// An entry as far as a claim needs it: all three must be there.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "task_id")]
    _task: IgnoredAny,
    #[serde(rename = "reward")]
    _reward: IgnoredAny,
    #[serde(borrow)]
    traj: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
}

fn claim_of(member: &Member<'_>) -> Claim {
    const NOT: Claim = Claim::No("not one list of {task_id, reward, traj: [{role}]}");
    let mut start = [0; 256];
    let read = member.source.read_at(0, &mut start).unwrap_or(0);
    if start[..read].trim_ascii_start().first() != Some(&b'[') {
        return NOT;
    }
    let Ok(Some(bytes)) = whole_source(member.source, LONGEST) else {
        return Claim::No("a document of more than 256 MiB");
    };
    let text = decoded(&bytes).0;
    let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(&text) else { return NOT };
    let fits = |entry: &&RawValue| {
        let entry = serde_json::from_str::<Entry<'_>>(entry.get()).ok();
        let said = |message: &&RawValue| serde_json::from_str::<Message>(message.get()).ok();
        entry.is_some_and(|entry| {
            let roles: Vec<Message> = entry.traj.iter().take(20).filter_map(said).collect();
            roles.iter().any(|message| matches!(message.role.as_str(), "user" | "assistant"))
        })
    };
    if entries.iter().take(20).any(fits) {
        return Claim::Sure("a list of entries with task_id, reward and messages");
    }
    NOT
}

/// The text, whether bytes were replaced, and how many half surrogate pairs.
fn decoded(bytes: &[u8]) -> (Cow<'_, str>, bool, u64) {
    let text = String::from_utf8_lossy(bytes);
    let lossy = matches!(text, Cow::Owned(_));
    match mended(&text) {
        Some((mended, count)) => (Cow::Owned(mended), lossy, count),
        None => (text, lossy, 0),
    }
}

fn document(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let wrong = |what: String| Fault::new(Boundary::Store, "format", format!("{}: {what}", member.name));
    let bytes = whole_source(member.source, LONGEST)?.ok_or_else(|| wrong("longer than 256 MiB".to_owned()))?;
    let (text, lossy, surrogates) = decoded(&bytes);
    let entries: Vec<Value> = serde_json::from_str(&text)
        .map_err(|error| wrong(format!("it cannot be read as a list of results: {error}")))?;
    drop(text);
    if lossy {
        sink.warn(1, "bytes that are no UTF-8 were replaced by U+FFFD".to_owned());
    }
    if surrogates > 0 {
        sink.warn(1, format!("half surrogate pairs were replaced by U+FFFD: {surrogates}"));
    }
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (at, mut entry) in entries.into_iter().enumerate() {
        let task = entry.get("task_id").map_or_else(String::new, content_text);
        let before = seen.entry(task.clone()).or_default();
        let trial = entry.get("trial").and_then(Value::as_u64).unwrap_or(*before);
        *before += 1;
        sink.begin(header(format!("{task}/{trial}")))?;
        let stamp = Stamp { from: format!("result:{at}"), lossy, ..Stamp::default() };
        let messages = match entry.get_mut("traj").map(Value::take) {
            Some(Value::Array(messages)) => messages,
            _ => Vec::new(),
        };
        let mut session = Session { scribe: Scribe::of(sink, None), batch: 0 };
        for (nth, message) in messages.into_iter().enumerate() {
            let stamp = Stamp { from: format!("result:{at}/message:{nth}"), ..stamp.clone() };
            let fate = session.message(&stamp, message);
            session.scribe.settle(fate);
        }
        session.result(&stamp, &entry);
    }
    Ok(())
}

fn header(session: String) -> Header {
    Header {
        trace: VERSION,
        task: None,
        agent: "assistant".to_owned(),
        version: None,
        model: None,
        source: DOC.name.to_owned(),
        session: Some(session),
        clock: Clock::None,
        tells: Tells { outputs: true, ..Tells::default() },
        cwd: None,
        started: None,
        language: "en".to_owned(),
    }
}

struct Session<'s> {
    scribe: Scribe<'s>,
    batch: u32,
}

impl Session<'_> {
    fn message(&mut self, stamp: &Stamp, mut message: Value) -> Fate {
        match text(&message, "role") {
            "user" => {
                self.scribe.turn += 1;
                let text = whole(content_text(message.get("content").unwrap_or(&Value::Null)));
                self.put(stamp, Body::UserMessage(UserMessage { text, images: 0 }))
            }
            "assistant" => self.assistant(stamp, &message),
            "tool" => {
                let call = some_text(&message, "tool_call_id").and_then(|id| self.scribe.event_of(stamp, id));
                let output = take_text(&mut message, "content");
                // What tau-bench's tools say when they refuse, and all they say.
                let failed = output.starts_with("Error");
                let result = ToolResult {
                    call,
                    status: if failed { ResultStatus::Failed } else { ResultStatus::Ok },
                    exit: None,
                    output: whole(output),
                    dropped_bytes: 0,
                    duration_ms: None,
                };
                self.put(stamp, Body::ToolResult(result))
            }
            "" => {
                let line = format!("{} is no message", stamp.from);
                self.scribe.sink.warn(1, line);
                self.scribe.unknown(stamp, "malformed", &message.to_string())
            }
            role => {
                let role = role.to_owned();
                self.scribe.unknown(stamp, &role, &message.to_string())
            }
        }
    }

    fn assistant(&mut self, stamp: &Stamp, message: &Value) -> Fate {
        let said = content_text(message.get("content").unwrap_or(&Value::Null));
        let calls = items(message, "tool_calls");
        if said.is_empty() && calls.is_empty() {
            return Fate::Nothing("empty message");
        }
        if !said.is_empty() {
            self.scribe.put(stamp, Body::AgentMessage(AgentMessage { text: whole(said), phase: None }));
        }
        self.batch += u32::from(!calls.is_empty());
        for call in calls {
            let function = call.get("function").unwrap_or(&Value::Null);
            let written = text(function, "arguments");
            let input = serde_json::from_str(written).unwrap_or_else(|_| Value::String(written.to_owned()));
            let name = text(function, "name").to_owned();
            let body = ToolCall { name, tool: None, input, batch: Some(self.batch) };
            self.scribe.call(stamp, text(call, "id"), body);
        }
        Fate::Kept
    }

    /// The reward, and all that is told beside it.
    fn result(&mut self, stamp: &Stamp, entry: &Value) {
        let given = entry.get("reward").and_then(Value::as_f64);
        let reward = given.filter(|reward| (-SAME..=1.0 + SAME).contains(reward)).map(|reward| reward.clamp(0.0, 1.0));
        let (status, why) = match reward {
            Some(reward) if reward >= 1.0 - SAME => (CheckStatus::Passed, String::new()),
            Some(reward) => (CheckStatus::Failed, format!("reward {reward}")),
            None => (CheckStatus::Broken, "the file has no reward from 0 to 1".to_owned()),
        };
        if reward.is_none() {
            let line = format!("{} has no reward from 0 to 1", stamp.from);
            self.scribe.sink.warn(1, line);
        }
        let info = entry.get("info").map(Value::to_string).unwrap_or_default();
        let mark = CheckMark {
            name: "reward".to_owned(),
            when: "session".to_owned(),
            status,
            score: reward,
            exit: None,
            why,
            tests: BTreeMap::new(),
            output: whole(info),
            duration_ms: None,
        };
        let fate = self.put(stamp, Body::Check(mark));
        self.scribe.settle(fate);
        let end = Stamp { from: String::new(), ..stamp.clone() };
        self.scribe.put(&end, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    }

    fn put(&mut self, stamp: &Stamp, body: Body) -> Fate {
        self.scribe.put(stamp, body);
        Fate::Kept
    }
}
