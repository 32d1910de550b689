//! SWE-Together's `original_session.json`: real sessions of people with Claude Code, Codex, Gemini CLI, opencode and pi.
//!
//! One document `{session_id, messages: [...]}` whose messages come in four shapes, sometimes two at once: calls in `tool_uses`
//! beside the text, with or without output; calls and results as content blocks (and again in `tool_uses`: counted once); calls
//! inside the text as `<tool_use>`; inputs that are no objects but bare strings, cut at about 300 characters, kept as they are.
//! A *record* here is a part of a message: its text, its thinking, each block, each entry of `tool_uses`.

use super::{
    first_lines,
    lines::{mended, whole},
    scribe::{Fate, Scribe, Stamp},
    swe_messages::{Session, Style, THINK},
    value::{items, millis, some_text, text},
};
use crate::model::{
    fault::{Boundary, Fault},
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{Body, Clock, End, EndKind, Header, Tells, VERSION},
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;

pub(super) struct SweTogether;

static DOC: ImporterDoc = ImporterDoc {
    name: "swe_together",
    about: "a session of SWE-Together, by any of its agents",
    found_at: "tasks/<task>/original_session.json",
    carries_nothing: &[
        "empty message",
        "placeholder",
        "local command",
        "reminder",
        "skill text",
        "notification",
        "user's own shell",
    ],
    merges: &["call said twice"],
};

/// A longer document is refused: it is read as a whole.
const LONGEST: u64 = 64 << 20;

impl Importer for SweTogether {
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

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct MessageHead<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    content: Option<IgnoredAny>,
    tool_uses: Option<IgnoredAny>,
}

fn claim_of(member: &Member<'_>) -> Claim {
    const NOT: Claim = Claim::No("not one document {session_id, messages: [{role, content or tool_uses}]}");
    let mut start = [0; 256];
    let read = member.source.read_at(0, &mut start).unwrap_or(0);
    if start[..read].trim_ascii_start().first() != Some(&b'{') {
        return NOT;
    }
    // A file of several records: it need not be read to its end.
    let lines = first_lines(member);
    if lines.len() > 1 && serde_json::from_str::<IgnoredAny>(&lines[0]).is_ok() {
        return NOT;
    }
    let Ok(Some(bytes)) = whole(member.source, LONGEST) else {
        return Claim::No("a document of more than 64 MiB");
    };
    let text = decoded(&bytes).0;
    let Ok(head) = serde_json::from_str::<Head<'_>>(&text) else { return NOT };
    let messages = head.messages.unwrap_or_default();
    let messages: Vec<MessageHead<'_>> =
        messages.iter().take(20).filter_map(|message| serde_json::from_str(message.get()).ok()).collect();
    let fits = |message: &MessageHead<'_>| {
        matches!(message.role.as_deref(), Some("user" | "assistant"))
            && (message.content.is_some() || message.tool_uses.is_some())
    };
    if head.session_id.is_none() || !messages.iter().any(fits) {
        return NOT;
    }
    Claim::Sure("a document with session_id and messages of user and assistant")
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
    let bytes = whole(member.source, LONGEST)?.ok_or_else(|| wrong("longer than 64 MiB".to_owned()))?;
    let (text, lossy, surrogates) = decoded(&bytes);
    let mut document: Value =
        serde_json::from_str(&text).map_err(|error| wrong(format!("it cannot be read as JSON: {error}")))?;
    let messages = match document.get_mut("messages").map(Value::take) {
        Some(Value::Array(messages)) => messages,
        _ => return Err(wrong("it has no list of messages".to_owned())),
    };
    drop(text);
    let style = Style::of(&document, &messages);
    let header = header(&document, &messages, &style);
    let start = header.started.as_deref().and_then(millis);
    sink.begin(header)?;
    if lossy {
        sink.warn(1, "bytes that are no UTF-8 were replaced by U+FFFD".to_owned());
    }
    if surrogates > 0 {
        sink.warn(1, format!("half surrogate pairs were replaced by U+FFFD: {surrogates}"));
    }
    let mut session = Session::of(Scribe::of(sink, start), style);
    let mut last = Stamp::default();
    for (at, message) in messages.into_iter().enumerate() {
        last.time = some_text(&message, "timestamp").map(str::to_owned).or(last.time);
        let stamp = Stamp { from: format!("message:{at}"), lossy, ..last.clone() };
        if message.is_object() {
            session.message(&stamp, message);
        } else {
            let line = format!("message {at} is no object");
            session.scribe.sink.warn(1, line);
            session.scribe.unknown(&stamp, "malformed", &message.to_string());
            session.scribe.settle(Fate::Kept);
        }
    }
    session.scribe.put(&last, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

fn header(document: &Value, messages: &[Value], style: &Style) -> Header {
    let times =
        || messages.iter().filter_map(|message| some_text(message, "timestamp")).filter(|time| millis(time).is_some());
    // Not `start_time`: some sessions had begun a day before their first message here.
    let started = times().next();
    let thinks = |message: &Value| {
        some_text(message, "thinking").is_some()
            || some_text(message, "content").is_some_and(|said| said.starts_with(THINK))
            || items(message, "content").iter().any(|block| text(block, "type") == "thinking")
    };
    Header {
        trace: VERSION,
        task: None,
        agent: style.agent.to_owned(),
        version: None,
        model: some_text(document, "model").filter(|model| *model != "unknown").map(str::to_owned),
        source: DOC.name.to_owned(),
        session: some_text(document, "session_id").map(str::to_owned),
        clock: if started.is_some() { Clock::Source } else { Clock::None },
        tells: Tells {
            exit_codes: style.exit_codes,
            outputs: style.outputs,
            plans: style.plans,
            reasoning: messages.iter().any(thinks),
            times: started.is_some(),
            usage: false,
            failed_edits: style.outputs,
            sub_agents: false,
            snapshots: false,
        },
        cwd: None,
        started: started.map(str::to_owned),
        language: "en".to_owned(),
    }
}
