//! opencode's sessions: what `opencode export` writes, and what `opencode run --format json` prints.
//!
//! The export is one document, `{info, messages: [{info, parts}]}`, complete with the user's messages; a *record* is a message and each
//! part of it. The printed events are one part a line, without the user's words and without an end. `opencode run` puts a message of
//! several words in quotes before the model sees it: those quotes are taken off again.

use super::{
    first_lines,
    lines::{LONGEST_LINE, Line, Lines, whole as whole_source},
    opencode_parts::{self as parts, rfc3339},
    scribe::{Fate, Scribe, Stamp},
    value::{items, some_text, text, whole},
};
use crate::model::{
    agent::{Draft, TurnEnd, TurnEnded},
    fault::{Boundary, Fault},
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{Body, Clock, End, EndKind, ErrorMark, Header, UserMessage, VERSION},
};
use serde_json::Value;

pub(super) struct OpenCode;

static DOC: ImporterDoc = ImporterDoc {
    name: "opencode",
    about: "an exported session of opencode, or the events that it prints",
    found_at: "`opencode export SESSION`, or `opencode run --format json`",
    carries_nothing: &[
        "step-start",
        "patch",
        "snapshot",
        "agent",
        "step-finish",
        "empty part",
        "message",
        "synthetic text",
    ],
    merges: &["part of the user's message"],
};

/// A longer document is refused: it is read as a whole.
const LONGEST: u64 = 256 << 20;

impl Importer for OpenCode {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        bundle.iter().try_for_each(|member| match document_of(member)? {
            Some(document) => export(&document, sink),
            None => stream(member, sink),
        })
    }
}

fn claim_of(member: &Member<'_>) -> Claim {
    for line in first_lines(member).iter().take(10) {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        if text(&record, "sessionID").starts_with("ses_") && record.get("part").is_some() {
            return Claim::Sure("events of opencode with sessionID and part");
        }
    }
    match document_of(member) {
        Ok(Some(_)) => Claim::Sure("an exported session of opencode: {info, messages: [{info, parts}]}"),
        Ok(None) | Err(_) => Claim::No("no {info, messages: [{info, parts}]} and no events with sessionID and part"),
    }
}

/// The exported document, where the file is one.
fn document_of(member: &Member<'_>) -> Result<Option<Value>, Fault> {
    let mut start = [0; 512];
    let read = member.source.read_at(0, &mut start).unwrap_or(0);
    let start = String::from_utf8_lossy(&start[..read]);
    if !start.trim_start().starts_with('{') || !start.contains("\"info\"") {
        return Ok(None);
    }
    let bytes = whole_source(member.source, LONGEST)?.ok_or_else(|| {
        Fault::new(Boundary::Store, "too_long", "the exported session is longer than 256 MiB")
            .hint("grade a part of it")
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let text = super::lines::mended(&text).map_or_else(|| text.clone(), |(mended, _)| mended.into());
    let document = serde_json::from_str::<Value>(&text).ok();
    let is_message =
        |message: &Value| message.pointer("/info/role").is_some() && message.get("parts").is_some_and(Value::is_array);
    Ok(document.filter(|document| {
        some_text(document.get("info").unwrap_or(&Value::Null), "id").is_some()
            && document.get("messages").is_some_and(Value::is_array)
            && items(document, "messages").iter().all(is_message)
    }))
}

fn export(document: &Value, sink: &mut dyn Sink) -> Result<(), Fault> {
    let info = document.get("info").unwrap_or(&Value::Null);
    let start = info.pointer("/time/created").and_then(Value::as_u64);
    let answers = items(document, "messages").iter().filter_map(|message| message.get("info"));
    let model = answers.clone().find_map(|info| some_text(info, "modelID"));
    sink.begin(Header {
        version: some_text(info, "version").map(str::to_owned),
        model: model.map(str::to_owned),
        session: some_text(info, "id").map(str::to_owned),
        cwd: some_text(info, "directory").map(str::to_owned),
        started: start.and_then(rfc3339),
        ..header()
    })?;
    let mut play = Play { scribe: Scribe::of(sink, start), last: start, over: true };
    for (at, message) in items(document, "messages").iter().enumerate() {
        play.message(at, message);
    }
    play.end();
    Ok(())
}

fn stream(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let (mut session, mut start) = (None, None);
    for line in first_lines(member) {
        let Ok(record) = serde_json::from_str::<Value>(&line) else { continue };
        start = start.or_else(|| record.get("timestamp")?.as_u64());
        session = session.or_else(|| some_text(&record, "sessionID").map(str::to_owned));
    }
    sink.begin(Header { session, started: start.and_then(rfc3339), ..header() })?;
    let mut play = Play { scribe: Scribe::of(sink, start), last: start, over: true };
    let mut lines = Lines::of(member.source);
    while lines.advance()? {
        let fate = play.line(&lines.line());
        play.scribe.settle(fate);
    }
    play.end();
    Ok(())
}

fn header() -> Header {
    Header {
        trace: VERSION,
        task: None,
        agent: "opencode".to_owned(),
        version: None,
        model: None,
        source: DOC.name.to_owned(),
        session: None,
        clock: Clock::Source,
        tells: parts::TELLS,
        cwd: None,
        started: None,
        language: "en".to_owned(),
    }
}

struct Play<'s> {
    scribe: Scribe<'s>,
    /// The last time that was told, ms since 1970.
    last: Option<u64>,
    /// A turn of a printed session is over: what comes next is the next one's.
    over: bool,
}

impl Play<'_> {
    fn message(&mut self, at: usize, message: &Value) {
        let info = message.get("info").unwrap_or(&Value::Null);
        let from = format!("message:{at}");
        self.last = info.pointer("/time/created").and_then(Value::as_u64).or(self.last);
        let of_user = text(info, "role") == "user";
        if of_user {
            self.scribe.turn += 1;
        }
        let mut spoken = false;
        for (number, part) in items(message, "parts").iter().enumerate() {
            let from = format!("{from}/{number}");
            let fate = if of_user { self.user(&from, part, &mut spoken) } else { self.part(&from, part) };
            self.scribe.settle(fate);
        }
        let fate = if of_user { Fate::Nothing("message") } else { self.closed(&from, info) };
        self.scribe.settle(fate);
    }

    /// What became of an answer: an error, or the end of a turn.
    fn closed(&mut self, from: &str, info: &Value) -> Fate {
        self.last = info.pointer("/time/completed").and_then(Value::as_u64).or(self.last);
        let error = info.get("error").filter(|error| !error.is_null());
        if let Some(error) = error {
            let why = parts::error_words(Some(error));
            self.put(from, Draft::of(Body::Error(ErrorMark { message: whole(why.clone()), fault: None })), None);
            let how =
                if text(error, "name") == "MessageAbortedError" { TurnEnded::Interrupted } else { TurnEnded::Failed };
            self.put(from, Draft::of(Body::TurnEnd(TurnEnd { how, why })), None);
            return Fate::Kept;
        }
        if text(info, "finish") == "stop" {
            let end = TurnEnd { how: TurnEnded::Done, why: String::new() };
            self.put(from, Draft::of(Body::TurnEnd(end)), None);
            return Fate::Kept;
        }
        Fate::Nothing("message")
    }

    fn user(&mut self, from: &str, part: &Value, spoken: &mut bool) -> Fate {
        let synthetic = part.get("synthetic").and_then(Value::as_bool) == Some(true);
        match text(part, "type") {
            "text" if synthetic => Fate::Nothing("synthetic text"),
            "text" => {
                let said = UserMessage { text: whole(unquoted(text(part, "text"))), images: 0 };
                self.put(from, Draft::of(Body::UserMessage(said)), None);
                *spoken = true;
                Fate::Kept
            }
            "file" if *spoken => Fate::Merged("part of the user's message"),
            _ => self.part(from, part),
        }
    }

    fn part(&mut self, from: &str, part: &Value) -> Fate {
        let (fate, drafts) = parts::part(part);
        for (draft, at) in drafts {
            self.put(from, draft, at);
        }
        fate
    }

    fn line(&mut self, line: &Line<'_>) -> Fate {
        self.scribe.warn_of(line);
        let stamp = Stamp { from: format!("line:{}", line.number), lossy: line.lossy, ..Stamp::default() };
        let record = match serde_json::from_str::<Value>(&line.text) {
            Ok(record) if line.left_out == 0 && line.text.len() < LONGEST_LINE => record,
            Ok(_) => return self.scribe.malformed(&stamp, line, "a record that is too long"),
            Err(error) => return self.scribe.malformed(&stamp, line, &format!("not an event of opencode: {error}")),
        };
        self.last = record.get("timestamp").and_then(Value::as_u64).or(self.last);
        if self.over {
            self.scribe.turn += 1;
        }
        self.over = record.pointer("/part/reason").and_then(Value::as_str) == Some("stop");
        let (fate, drafts) = parts::streamed(&record);
        for (draft, at) in drafts {
            self.put(&stamp.from, draft, at);
        }
        fate
    }

    /// Puts an event at its own time, else at the last that was told.
    fn put(&mut self, from: &str, draft: Draft, at: Option<u64>) {
        let ms = at.or(self.last);
        self.last = ms;
        self.scribe.draft_timed(Draft { from: Some(from.to_owned()), ..draft }, ms.and_then(rfc3339));
    }

    fn end(&mut self) {
        let end = Draft::of(Body::End(End { kind: EndKind::Recorded, why: String::new() }));
        self.scribe.draft_timed(end, self.last.and_then(rfc3339));
    }
}

/// A message without the quotes that `opencode run` puts around it; those in it are escaped then.
fn unquoted(said: &str) -> String {
    let inner = said.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let bare = |inner: &&str| !inner.replace("\\\"", "").contains('"') && inner.contains(' ');
    inner.filter(bare).map_or_else(|| said.to_owned(), |inner| inner.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_quotes_of_the_command_line_are_taken_off() {
        let cases = [
            (r#""two words""#, "two words"),
            (r#""say \"hi\" now""#, r#"say "hi" now"#),
            (r#""one""#, r#""one""#),
            (r#""a b" and "c d""#, r#""a b" and "c d""#),
            ("plain words", "plain words"),
            (r#"""#, r#"""#),
        ];
        for (said, expected) in cases {
            assert_eq!(unquoted(said), expected);
        }
    }

    #[test]
    fn the_doc_lists_all_that_is_passed_over() {
        assert!(parts::QUIET.iter().all(|kind| DOC.carries_nothing.contains(kind)));
    }
}
