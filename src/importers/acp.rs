//! Wire logs of the Agent Client Protocol: one line per message, `{"t": seconds, "dir": "c2a" | "a2c", "msg": {...}}`.
//!
//! The envelope is the recording's own; there is no standard one. Requests of both sides are numbered apart, so an answer belongs to
//! the request with its number that came from the other side. `dir` is `c2a` for what the client (an editor, evalrun) said.

use super::{
    acp_updates::{Acp, Moment},
    first_lines,
    lines::{Line, Lines},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, is_image, items, some_text, text, whole},
};
use crate::model::{
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{Body, Clock, End, EndKind, ErrorMark, Header, Permission, Question, Tells, UserMessage, VERSION},
};
use serde_json::Value;
use std::collections::HashMap;

pub(super) struct AcpLog;

static DOC: ImporterDoc = ImporterDoc {
    name: "acp",
    about: "a wire log of the Agent Client Protocol",
    found_at: "wherever a client records it, one {t, dir, msg} a line",
    carries_nothing: &[
        "available_commands_update",
        "config_option_update",
        "session_info_update",
        "usage_update",
        "request of the client",
        "answer to the client",
        "file request",
        "cancel",
        "extension",
    ],
    merges: &["chunk", "update of a call", "update after the end", "part of a compaction", "answer to the agent"],
};

impl Importer for AcpLog {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        bundle.iter().try_for_each(|member| log(member, sink))
    }
}

fn claim_of(member: &Member<'_>) -> Claim {
    for line in first_lines(member) {
        let Ok(record) = serde_json::from_str::<Value>(&line) else { continue };
        let way = matches!(text(&record, "dir"), "c2a" | "a2c");
        if way && record.pointer("/msg/jsonrpc").is_some() {
            return Claim::Sure("lines of {dir, msg} with JSON-RPC messages of both sides");
        }
    }
    Claim::No("no {t, dir, msg} with a JSON-RPC message among the first records")
}

fn log(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let told = look_through(member)?;
    sink.begin(header(&told))?;
    let mut play = Play { scribe: Scribe::of(sink, None), acp: Acp::default(), asked: HashMap::new(), at: None };
    let mut lines = Lines::of(member.source);
    while lines.advance()? {
        let line = lines.line();
        let fate = play.line(&line);
        play.scribe.settle(fate);
        play.put_drafts();
    }
    play.acp.flush();
    play.put_drafts();
    let at = play.at;
    play.scribe.put_at(&Stamp::default(), at, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

/// What only the whole log tells: the first pass.
#[derive(Default)]
struct Told {
    agent: Option<String>,
    version: Option<String>,
    model: Option<String>,
    session: Option<String>,
    cwd: Option<String>,
    tells: Tells,
}

fn look_through(member: &Member<'_>) -> Result<Told, Fault> {
    let (mut told, mut acp) = (Told::default(), Acp::default());
    let mut lines = Lines::of(member.source);
    while lines.advance()? {
        let Ok(record) = serde_json::from_str::<Value>(&lines.line().text) else { continue };
        let Some(message) = record.get("msg") else { continue };
        let result = message.get("result").unwrap_or(&Value::Null);
        if let Some(info) = result.get("agentInfo") {
            told.agent = some_text(info, "name").map(str::to_owned);
            told.version = some_text(info, "version").map(str::to_owned);
            acp.is(text(info, "name"));
        }
        acp.options(result);
        if let Some(session) = some_text(result, "sessionId") {
            told.session.get_or_insert_with(|| session.to_owned());
        }
        if text(message, "method") == "session/new" {
            told.cwd = message.pointer("/params/cwd").and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(update) = message.pointer("/params/update") {
            acp.update(update);
        }
        if result.get("stopReason").is_some() {
            acp.prompt_ended(result);
        }
        // Only what the session can tell is wanted here.
        acp.drain();
    }
    told.model = acp.model().map(str::to_owned);
    told.tells = Tells { times: true, ..acp.tells() };
    Ok(told)
}

fn header(told: &Told) -> Header {
    Header {
        trace: VERSION,
        task: None,
        agent: told.agent.clone().unwrap_or_else(|| "acp".to_owned()),
        version: told.version.clone(),
        model: told.model.clone(),
        source: DOC.name.to_owned(),
        session: told.session.clone(),
        clock: Clock::Receipt,
        tells: told.tells,
        cwd: told.cwd.clone(),
        started: None,
        language: "en".to_owned(),
    }
}

/// What a request asked for, until its answer comes.
enum Asked {
    Prompt,
    Permission { call: String, asked: String, kinds: HashMap<String, String>, moment: Moment },
    Question { question: Question, moment: Moment },
    Other(&'static str),
}

struct Play<'s> {
    scribe: Scribe<'s>,
    acp: Acp,
    /// By the side that asked, and the number.
    asked: HashMap<(bool, String), Asked>,
    at: Option<u64>,
}

impl Play<'_> {
    fn line(&mut self, line: &Line<'_>) -> Fate {
        self.scribe.warn_of(line);
        let stamp = Stamp { from: format!("line:{}", line.number), lossy: line.lossy, ..Stamp::default() };
        let record: Value = match serde_json::from_str(&line.text) {
            Ok(record) => record,
            Err(error) => return self.scribe.malformed(&stamp, line, &format!("not a record of a wire log: {error}")),
        };
        let from_client = text(&record, "dir") == "c2a";
        let seconds = record.get("t").and_then(Value::as_f64).filter(|t| t.is_finite() && *t >= 0.0);
        self.at = seconds.map(|seconds| (seconds * 1000.0).round() as u64).or(self.at);
        let moment = Moment { from: Some(stamp.from.clone()), at: self.at, bytes: line.text.len() };
        self.acp.moment(moment);
        let Some(message) = record.get("msg").filter(|message| message.is_object()) else {
            self.acp.flush();
            self.put_drafts();
            return self.scribe.malformed(&stamp, line, "a record without a message");
        };
        let id = message.get("id").filter(|id| !id.is_null()).map(Value::to_string);
        match (message.get("method").and_then(Value::as_str), id) {
            (Some(method), id) => self.said(from_client, method, (id, message)),
            (None, Some(id)) => self.answered(&(!from_client, id), message),
            (None, None) => self.acp.unknown("message", message),
        }
    }

    fn said(&mut self, from_client: bool, method: &str, (id, message): (Option<String>, &Value)) -> Fate {
        let params = message.get("params").unwrap_or(&Value::Null);
        let mut wait = |asked: Asked| {
            if let Some(id) = id.clone() {
                self.asked.insert((from_client, id), asked);
            }
        };
        match (from_client, method) {
            (true, "session/prompt") => {
                wait(Asked::Prompt);
                self.user(params);
                Fate::Kept
            }
            (true, "session/cancel") => Fate::Nothing("cancel"),
            (true, _) => {
                wait(Asked::Other("answer to the client"));
                Fate::Nothing("request of the client")
            }
            (false, "session/update") => match params.get("update") {
                Some(update) => self.acp.take(update),
                None => self.acp.unknown(method, message),
            },
            (false, "session/request_permission") => self.permission(id, params),
            (false, "elicitation/create") => self.question(id, params),
            (false, "fs/read_text_file" | "fs/write_text_file") => {
                wait(Asked::Other("answer to the agent"));
                Fate::Nothing("file request")
            }
            (false, method) if method.starts_with('_') && id.is_none() => Fate::Nothing("extension"),
            (false, _) => {
                wait(Asked::Other("answer to the agent"));
                self.acp.unknown(method, message)
            }
        }
    }

    fn user(&mut self, params: &Value) {
        self.acp.flush();
        self.put_drafts();
        self.scribe.turn += 1;
        let said = content_text(params.get("prompt").unwrap_or(&Value::Null));
        let images = items(params, "prompt").iter().filter(|block| is_image(block)).count() as u64;
        self.here(Body::UserMessage(UserMessage { text: whole(said), images }));
    }

    fn permission(&mut self, id: Option<String>, params: &Value) -> Fate {
        let call = params.get("toolCall").unwrap_or(&Value::Null);
        let asked = self.acp.permission(call);
        let kind = |option: &Value| Some((some_text(option, "optionId")?.to_owned(), text(option, "kind").to_owned()));
        let kinds = items(params, "options").iter().filter_map(kind).collect();
        let call = text(call, "toolCallId").to_owned();
        let moment = self.moment();
        if let Some(id) = id {
            self.asked.insert((false, id), Asked::Permission { call, asked, kinds, moment });
        }
        Fate::Kept
    }

    fn question(&mut self, id: Option<String>, params: &Value) -> Fate {
        let ask = super::acp_ask::Form::of(params).ask();
        let question = Question { text: whole(ask.text), options: ask.options, answer: None };
        let moment = self.moment();
        if let Some(id) = id {
            self.asked.insert((false, id), Asked::Question { question, moment });
        }
        Fate::Kept
    }

    fn answered(&mut self, request: &(bool, String), message: &Value) -> Fate {
        let result = message.get("result").unwrap_or(&Value::Null);
        if let Some(info) = result.get("agentInfo") {
            self.acp.is(text(info, "name"));
        }
        match self.asked.remove(request) {
            Some(Asked::Prompt) => {
                let end = match message.get("error") {
                    Some(error) => self.acp.prompt_failed(error),
                    None => self.acp.prompt_ended(result),
                };
                self.put_drafts();
                self.here(Body::TurnEnd(end));
                Fate::Kept
            }
            Some(Asked::Permission { call, asked, kinds, moment }) => {
                let chosen = result.pointer("/outcome/optionId").and_then(Value::as_str);
                let granted = chosen.and_then(|option| kinds.get(option)).is_some_and(|kind| kind.starts_with("allow"));
                self.acp.answered(&call, granted);
                self.put(Body::Permission(Permission { asked, granted, by: "user".to_owned() }), &moment);
                Fate::Merged("answer to the agent")
            }
            Some(Asked::Question { question, moment }) => {
                let answer = result.get("content").map(|content| whole(answers(content)));
                self.put(Body::Question(Question { answer, ..question }), &moment);
                Fate::Merged("answer to the agent")
            }
            Some(Asked::Other("answer to the agent")) => Fate::Merged("answer to the agent"),
            Some(Asked::Other(kind)) => match message.get("error") {
                Some(error) => {
                    let message = whole(super::acp_updates::said_error(error));
                    self.here(Body::Error(ErrorMark { message, fault: None }));
                    Fate::Kept
                }
                None => Fate::Nothing(kind),
            },
            None => self.acp.unknown("answer to nothing", message),
        }
    }

    fn moment(&self) -> Moment {
        self.acp.now().clone()
    }

    /// Puts an event of the line that is read.
    fn here(&mut self, body: Body) {
        let moment = self.moment();
        self.put(body, &moment);
    }

    fn put(&mut self, body: Body, moment: &Moment) {
        self.put_drafts();
        let stamp = Stamp { from: moment.from.clone().unwrap_or_default(), ..Stamp::default() };
        self.scribe.put_at(&stamp, moment.at, body);
    }

    fn put_drafts(&mut self) {
        for (draft, at) in self.acp.drain() {
            self.scribe.draft(draft, at);
        }
    }
}

fn answers(content: &Value) -> String {
    let Some(map) = content.as_object() else { return content_text(content) };
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.values().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{super::acp_updates::QUIET, *};

    #[test]
    fn the_doc_lists_all_that_is_passed_over() {
        assert!(QUIET.iter().all(|kind| DOC.carries_nothing.contains(kind)));
    }
}
