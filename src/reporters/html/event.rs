//! One event as a row of the conversation.

use super::super::words::{bytes, duration, number, one_line, plural, usd};
use super::event_words::{check_word, decided, end_word, phase_word, turn_word};
use super::plan::state;
use super::quoted::{Piece, pieces};
use super::verdicts::Back;
use crate::graders::quote_of;
use crate::model::{
    interview::{By, Decision},
    trace::{
        Body, Change, CheckMark, CheckStatus, Compaction, Event, FileChange, Plan, Question, ResultStatus,
        SnapshotMark, StageMark, StageState, SubAgent, SubAgentState, Text, ToolCall, ToolResult, Usage,
    },
};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

#[derive(Serialize)]
pub(super) struct Row<'a> {
    pub id: String,
    pub kind: &'static str,
    pub label: Cow<'a, str>,
    /// Status, exit, time: short words with a class.
    pub chips: Vec<(String, &'static str)>,
    pub acts: Vec<&'static str>,
    pub lane: Option<Lane<'a>>,
    pub at: Option<String>,
    pub superseded: bool,
    pub body: Vec<Piece<'a>>,
    /// The body is a command or an output.
    pub mono: bool,
    /// It is one line and stands beside its label.
    pub beside: bool,
    pub steps: Vec<(&'static str, &'a str)>,
    pub folds: Vec<Fold<'a>>,
    pub backs: Vec<Back<'a>>,
    pub result: Option<Box<Row<'a>>>,
}

/// A sub-agent's lane: a number for its colour, and its name where it begins.
#[derive(Serialize)]
pub(super) struct Lane<'a> {
    pub colour: usize,
    pub name: Option<&'a str>,
}

/// Text that is folded away, whole.
#[derive(Serialize)]
pub(super) struct Fold<'a> {
    summary: String,
    open: bool,
    pieces: Vec<Piece<'a>>,
    /// What is not here, and where it is.
    note: Option<String>,
}

/// Text up to this many lines and bytes is shown, more is folded.
const LINES: usize = 12;
const BYTES: usize = 1_500;

/// A row without lane, acts and result: those need to know more than the event.
pub(super) fn row<'a>(event: &'a Event, backs: Vec<Back<'a>>) -> Row<'a> {
    let mut row = Row {
        id: event.id.to_string(),
        kind: event.body.kind(),
        label: Cow::Borrowed(""),
        chips: Vec::new(),
        acts: Vec::new(),
        lane: None,
        at: event.at.map(super::super::words::clock),
        superseded: event.superseded,
        body: Vec::new(),
        mono: false,
        beside: false,
        steps: Vec::new(),
        folds: Vec::new(),
        backs,
        result: None,
    };
    row.fill(&event.body);
    let said = matches!(event.body, Body::UserMessage(_) | Body::AgentMessage(_));
    row.beside = !said && row.body.iter().all(|piece| !piece.text.contains('\n'));
    row
}

impl<'a> Row<'a> {
    fn fill(&mut self, body: &'a Body) {
        match body {
            Body::UserMessage(message) => {
                self.label = "interviewer".into();
                self.said(&message.text);
                if message.images > 0 {
                    self.chip(plural(message.images as usize, "image"), "");
                }
            }
            Body::AgentMessage(message) => {
                self.label = "agent".into();
                if let Some(phase) = message.phase {
                    self.chip(phase_word(phase).to_owned(), "");
                }
                self.said(&message.text);
            }
            Body::Reasoning(reasoning) => {
                self.label = if reasoning.encrypted { "reasoning, encrypted" } else { "reasoning" }.into();
                self.fold("reasoning", &reasoning.text);
            }
            Body::Plan(plan) => self.plan(plan),
            Body::ToolCall(call) => self.call(call),
            Body::ToolResult(result) => self.output(result),
            Body::FileChange(change) => self.change(change),
            Body::Question(question) => self.question(question),
            Body::Permission(permission) => {
                self.label = "permission".into();
                let (word, class) = if permission.granted { ("granted", "met") } else { ("denied", "unmet") };
                self.chip(format!("{word} by {}", one_line(&permission.by, 40)), class);
                self.short(permission.asked.as_str().into());
            }
            Body::Interviewer(decision) => self.decision(decision),
            Body::Stage(mark) => self.stage(mark),
            Body::Snapshot(mark) => self.snapshot(mark),
            Body::Check(mark) => self.check(mark),
            Body::Compaction(compaction) => self.compaction(compaction),
            Body::SubAgent(sub) => self.sub_agent(sub),
            Body::Usage(usage) => self.usage(usage),
            Body::TurnEnd(end) => self.label = format!("turn ended: {}", turn_word(end)).into(),
            Body::Limit(mark) => {
                self.label = "limit reached".into();
                self.chip(one_line(&mark.limit, 40), "unmet");
                self.short(mark.why.as_str().into());
            }
            Body::Error(mark) => {
                self.label = "error".into();
                self.said(&mark.message);
            }
            Body::End(end) => {
                self.label = format!("ended: {}", end_word(end.kind)).into();
                self.short(end.why.as_str().into());
            }
            Body::Unknown(unknown) => {
                self.label = format!("unknown record: {}", one_line(&unknown.kind, 60)).into();
                self.fold("as it stood", &unknown.raw);
            }
        }
    }

    fn plan(&mut self, plan: &'a Plan) {
        self.label = "plan".into();
        self.steps = plan.steps.iter().map(|step| (state(step.status), step.text.as_str())).collect();
    }

    fn call(&mut self, call: &'a ToolCall) {
        self.label = call.name.as_str().into();
        self.mono = true;
        let (telling, whole) = telling(&call.input);
        let short = telling.lines().count() <= LINES && telling.len() <= BYTES;
        let shown = if short {
            telling
        } else {
            Cow::Owned(telling.lines().next().unwrap_or_default().chars().take(200).collect())
        };
        self.short(shown);
        if !(call.input.is_null() || whole && short) {
            let text = serde_json::to_string_pretty(&call.input).unwrap_or_default();
            let text = unescaped_lines(&text);
            let summary = format!("input, {}", size(&text));
            // What is quoted is marked in the telling line already.
            let pieces = vec![Piece { class: "", text: text.into() }];
            self.folds.push(Fold { summary, open: false, pieces, note: None });
        }
    }

    fn output(&mut self, result: &'a ToolResult) {
        self.label = "result".into();
        self.mono = true;
        let (word, class) = match result.status {
            ResultStatus::Ok => ("ok", "met"),
            ResultStatus::Failed => ("failed", "unmet"),
            ResultStatus::Denied => ("denied", "unmet"),
            ResultStatus::Cancelled => ("cancelled", "none"),
            ResultStatus::Unknown => ("status not told", "none"),
        };
        self.chip(word.to_owned(), class);
        if let Some(exit) = result.exit {
            self.chip(format!("exit {exit}"), if exit == 0 { "" } else { "unmet" });
        }
        if let Some(ms) = result.duration_ms {
            self.chip(duration(ms), "");
        }
        if result.dropped_bytes > 0 {
            self.chip(format!("{} not kept", bytes(result.dropped_bytes)), "unmet");
        }
        self.text("output", &result.output);
    }

    fn change(&mut self, change: &'a FileChange) {
        self.label = match change.change {
            Change::Added => "added",
            Change::Modified => "changed",
            Change::Deleted => "deleted",
            Change::Renamed => "renamed",
        }
        .into();
        self.mono = true;
        self.short(change.path.as_str().into());
        if !change.diff.is_empty() {
            let runs = super::patch::files(change.diff.as_str());
            let pieces = runs.into_iter().flat_map(|file| file.runs);
            let pieces = pieces.map(|run| Piece { class: run.class, text: format!("{}\n", run.text).into() }).collect();
            let summary = format!("diff, {}", size(change.diff.as_str()));
            self.folds.push(Fold { summary, open: false, pieces, note: left_out(&change.diff) });
        }
    }

    fn question(&mut self, question: &'a Question) {
        self.label = "asks".into();
        self.said(&question.text);
        self.steps = question.options.iter().map(|option| ("option", option.as_str())).collect();
        if let Some(answer) = &question.answer {
            self.fold("answered", answer);
        }
    }

    fn decision(&mut self, decision: &'a Decision) {
        self.label = decided(decision.decision).into();
        let by = match decision.by {
            By::Pattern => "by pattern",
            By::Model => "by model",
            By::Script => "by script",
        };
        self.chip(by.to_owned(), "");
        for fact in &decision.facts {
            self.chip(one_line(fact, 64), "fact");
        }
        self.short(decision.why.as_str().into());
    }

    fn stage(&mut self, mark: &'a StageMark) {
        let word = match mark.state {
            StageState::Entered => "begins",
            StageState::Ended => "ends",
            StageState::Skipped => "is skipped",
        };
        self.label = format!("stage {} {word}", one_line(&mark.id, 64)).into();
        self.short(mark.why.as_str().into());
    }

    fn snapshot(&mut self, mark: &'a SnapshotMark) {
        self.label = format!("snapshot {}", one_line(&mark.name, 64)).into();
        self.chip(plural(mark.changes.len(), "changed path"), "");
        if !mark.changes.is_empty() {
            let line = |change: &crate::model::trace::PathChange| {
                format!("+{} −{}  {}\n", change.added, change.removed, change.path)
            };
            let text: String = mark.changes.iter().map(line).collect();
            self.folded("paths".to_owned(), text.into(), None);
        }
    }

    fn check(&mut self, mark: &'a CheckMark) {
        self.label = format!("check {}", one_line(&mark.name, 64)).into();
        let (word, class) = check_word(mark.status);
        let text = mark.score.map_or_else(|| word.to_owned(), |score| format!("{word}, {score:.2}"));
        self.chip(text, class);
        let when = if mark.when == "before" {
            "before the agent came".to_owned()
        } else {
            format!("at {}", one_line(&mark.when, 64))
        };
        self.chip(when, "");
        if let Some(ms) = mark.duration_ms {
            self.chip(duration(ms), "");
        }
        self.short(mark.why.as_str().into());
        if !mark.tests.is_empty() {
            let line = |(name, status): (&String, &CheckStatus)| format!("{:8} {name}\n", check_word(*status).0);
            let text: String = mark.tests.iter().map(line).collect();
            self.folded(plural(mark.tests.len(), "test"), text.into(), None);
        }
        if !mark.output.is_empty() {
            self.fold("output", &mark.output);
        }
    }

    fn compaction(&mut self, compaction: &'a Compaction) {
        let tokens = match (compaction.before, compaction.after) {
            (Some(before), Some(after)) => format!(": {} to {} tokens", number(before), number(after)),
            (Some(before), None) => format!(" at {} tokens", number(before)),
            (None, _) => String::new(),
        };
        self.label = format!("context compacted{tokens}").into();
        if !compaction.summary.is_empty() {
            self.fold("summary", &compaction.summary);
        }
    }

    fn sub_agent(&mut self, sub: &'a SubAgent) {
        let (word, title, text) = match sub.state {
            SubAgentState::Started => ("starts", "brief", &sub.brief),
            SubAgentState::Ended => ("ends", "result", &sub.result),
        };
        self.label = format!("sub-agent {} {word}", one_line(&sub.id, 64)).into();
        if !text.is_empty() {
            self.text(title, text);
        }
    }

    fn usage(&mut self, usage: &'a Usage) {
        let mut text = format!(
            "tokens: {} in, {} cached, {} out",
            number(usage.input),
            number(usage.cached),
            number(usage.output)
        );
        if let Some(cost) = usage.micro_usd {
            text.push_str(&format!(", {}", usd(cost)));
        }
        self.label = text.into();
    }

    fn chip(&mut self, text: String, class: &'static str) {
        self.chips.push((text, class));
    }

    fn short(&mut self, text: Cow<'a, str>) {
        if !text.is_empty() {
            self.body = pieces(text, &self.quotes());
        }
    }

    /// A message: shown whole, or folded where it is very long.
    fn said(&mut self, text: &'a Text) {
        if text.inline.len() <= 6 * BYTES && text.is_whole() {
            self.short(text.as_str().into())
        } else {
            self.fold("text", text)
        }
    }

    /// Shown where it is short, else folded.
    fn text(&mut self, what: &str, text: &'a Text) {
        let short =
            text.inline.len() <= BYTES && text.inline.lines().count() <= LINES && text.is_whole() && !text.lossy;
        if short { self.short(text.as_str().trim_end().into()) } else { self.fold(what, text) }
    }

    fn fold(&mut self, what: &str, text: &'a Text) {
        let summary = format!("{what}, {}", size(text.as_str()));
        self.folded(summary, text.as_str().into(), left_out(text));
    }

    fn folded(&mut self, summary: String, text: Cow<'a, str>, note: Option<String>) {
        let pieces = pieces(text, &self.quotes());
        let open = pieces.len() > 1;
        self.folds.push(Fold { summary, open, pieces, note });
    }

    fn quotes(&self) -> Vec<&'a str> {
        self.backs.iter().map(|back| back.quote).collect()
    }
}

/// The field of a call that tells what it does, and whether the call says nothing else.
fn telling(input: &Value) -> (Cow<'_, str>, bool) {
    let fields = input.as_object().map_or(0, serde_json::Map::len);
    const WHOLE: &[&str] =
        &["command", "cmd", "script", "pattern", "query", "question", "file_path", "path", "patch", "input"];
    let one = |name: &&str| input.get(*name).and_then(Value::as_str).map(Cow::Borrowed);
    if let Some(text) = input.as_str() {
        return (Cow::Borrowed(text), true);
    }
    match WHOLE.iter().find_map(one) {
        Some(text) => (text, fields <= 1),
        None if fields == 0 => (Cow::Borrowed(""), true),
        None => {
            let call = ToolCall { name: String::new(), tool: None, input: input.clone(), batch: None };
            (Cow::Owned(quote_of(&Body::ToolCall(call))), false)
        }
    }
}

/// JSON for reading: the line breaks of its strings as line breaks.
fn unescaped_lines(json: &str) -> String {
    json.replace("\\\\", "\u{0}").replace("\\n", "\n").replace("\\\"", "\"").replace('\u{0}', "\\\\")
}

fn size(text: &str) -> String {
    format!("{}, {}", plural(text.lines().count(), "line"), bytes(text.len() as u64))
}

/// What is not in the page, and where it is.
fn left_out(text: &Text) -> Option<String> {
    let mut parts = Vec::new();
    if !text.is_whole() {
        parts.push(format!("the first and last part of {}", bytes(text.bytes)));
        parts.push(match &text.blob {
            Some(blob) => format!("the whole text is the trial's blob {}", one_line(blob, 80)),
            None => "the rest was not kept".to_owned(),
        });
    }
    if text.lossy {
        parts.push("it was not valid UTF-8: what could not be read is shown as \u{fffd}".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}
