//! What `claude -p --output-format stream-json` printed, kept in a file: one turn per process, or a whole conversation.
//!
//! Looks at records with `type` and `session_id`: `system` of subtype `init`, `assistant` and `user` with a message,
//! `result`. Files of one session in one bundle are its turns, in the order of their names. What the user said is not in the stream;
//! it is where both directions were recorded, each line `{t, dir, msg}` with the seconds since the start, and then questions,
//! permissions and interruptions are told as well.
//!
//! Claude Code's own session file tells times and the user's words: where there is one, import that (`claude_session`).

use super::{
    claude_stream_talk::Talk,
    claude_wire::{MERGES, NOTHING},
    first_lines,
    lines::Lines,
    value::{some_text, text},
};
use crate::model::{
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{Clock, Header, Tells, VERSION},
};
use serde_json::Value;

pub(super) struct ClaudeStream;

static DOC: ImporterDoc = ImporterDoc {
    name: "claude_stream",
    about: "what Claude Code printed as stream-json, or both directions of it",
    found_at: "wherever `claude -p --output-format stream-json` was written to",
    carries_nothing: NOTHING,
    merges: MERGES,
};

impl Importer for ClaudeStream {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        let told = bundle.iter().map(Told::of).collect::<Result<Vec<_>, _>>()?;
        let mut at = 0;
        while at < bundle.len() {
            let same = |next: &usize| told[*next].session.is_some() && told[*next].session == told[at].session;
            let end = (at + 1..bundle.len()).find(|next| !same(next)).unwrap_or(bundle.len());
            sink.begin(header(&told[at..end]))?;
            Talk::of(sink).conversation(&bundle[at..end])?;
            at = end;
        }
        Ok(())
    }
}

/// A record without the envelope of a recording, the direction it went (`in` is towards the agent) and when, in seconds.
pub(super) struct Wrapped {
    pub record: Value,
    pub to_agent: bool,
    pub seconds: Option<f64>,
}

pub(super) fn unwrapped(mut record: Value) -> Wrapped {
    let is_wrapped = record.get("dir").is_some_and(Value::is_string) && record.get("msg").is_some_and(Value::is_object);
    if !is_wrapped {
        return Wrapped { record, to_agent: false, seconds: None };
    }
    let seconds = record.get("t").and_then(Value::as_f64).filter(|seconds| *seconds >= 0.0 && *seconds < 1e9);
    let to_agent = text(&record, "dir") == "in";
    let inner = record.get_mut("msg").map(Value::take).unwrap_or_default();
    Wrapped { record: inner, to_agent, seconds }
}

fn claim_of(member: &Member<'_>) -> Claim {
    let lines = first_lines(member);
    if lines.is_empty() {
        return Claim::No("the file is empty");
    }
    for line in &lines {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let record = unwrapped(record).record;
        if record.get("sessionId").is_some() || record.get("parentUuid").is_some() {
            return Claim::No("records with sessionId or parentUuid are Claude Code's session file, not its output");
        }
        let has = |key: &str| record.get(key).is_some();
        let speaks = match text(&record, "type") {
            "system" => text(&record, "subtype") == "init" && has("tools"),
            "assistant" | "user" => has("message") && has("parent_tool_use_id"),
            "result" => has("is_error") && has("num_turns"),
            _ => false,
        };
        if speaks && has("session_id") {
            return Claim::Sure("records of Claude Code's stream-json output, with session_id");
        }
    }
    Claim::No("no record of Claude Code's stream-json output among the first")
}

/// What a file says of itself, read before it is told.
#[derive(Default)]
struct Told {
    session: Option<String>,
    version: Option<String>,
    model: Option<String>,
    cwd: Option<String>,
    thinks: bool,
    timed: bool,
}

impl Told {
    fn of(member: &Member<'_>) -> Result<Told, Fault> {
        let mut told = Told::default();
        let mut lines = Lines::of(member.source);
        while lines.advance()? {
            let line = lines.line();
            told.thinks |= line.text.contains("\"thinking\"");
            if told.session.is_some() && told.version.is_some() {
                continue;
            }
            let Ok(record) = serde_json::from_str::<Value>(&line.text) else { continue };
            let Wrapped { record, to_agent, seconds } = unwrapped(record);
            told.timed |= seconds.is_some();
            if to_agent {
                continue;
            }
            let of = |key: &str| some_text(&record, key).map(str::to_owned);
            told.session = told.session.or_else(|| of("session_id"));
            if text(&record, "subtype") == "init" {
                told.version = told.version.or_else(|| of("claude_code_version"));
                told.model = told.model.or_else(|| of("model"));
                told.cwd = told.cwd.or_else(|| of("cwd"));
            }
        }
        Ok(told)
    }
}

fn header(told: &[Told]) -> Header {
    let first = |of: fn(&Told) -> &Option<String>| told.iter().find_map(|one| of(one).clone());
    let timed = told.iter().all(|one| one.timed);
    Header {
        trace: VERSION,
        task: None,
        agent: "claude".to_owned(),
        version: first(|one| &one.version),
        model: first(|one| &one.model),
        source: DOC.name.to_owned(),
        session: first(|one| &one.session),
        clock: if timed { Clock::Receipt } else { Clock::None },
        tells: Tells {
            exit_codes: true,
            outputs: true,
            plans: true,
            // Some models' thoughts are not printed at all: then their absence says nothing.
            reasoning: told.iter().any(|one| one.thinks),
            times: timed,
            usage: true,
            failed_edits: true,
            sub_agents: true,
            snapshots: false,
        },
        cwd: first(|one| &one.cwd),
        started: None,
        language: "en".to_owned(),
    }
}
