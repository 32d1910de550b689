//! The records of a Claude Code session, block by block.

use super::{
    claude_results,
    claude_tree::Tree,
    claude_words::{self, Words},
    plans::{self, Tasks},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, is_image, items, some_text, take_text, text, whole},
};
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    id::EventId,
    trace::{
        AgentMessage, Body, Compaction, ErrorMark, FileChange, Permission, Phase, Question, Reasoning, ResultStatus,
        SubAgent, SubAgentState, Text, ToolCall, ToolResult, Unknown, UserMessage,
    },
};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// A session while it is played.
pub(super) struct Talk<'s, 't> {
    pub scribe: Scribe<'s>,
    trees: Vec<&'t Tree>,
    tasks: Tasks,
    /// Names of the tools called, by call.
    tools: HashMap<String, String>,
    /// Responses whose usage stands in the trace.
    counted: HashSet<String>,
    /// Sub-agents whose start stands in the trace, and those that end with a call.
    started: HashSet<String>,
    delegated: HashMap<String, String>,
    batch: (u32, Option<String>),
    before_compaction: Option<u64>,
}

impl<'s, 't> Talk<'s, 't> {
    pub fn of(scribe: Scribe<'s>, trees: &[&'t Tree]) -> Talk<'s, 't> {
        Talk {
            scribe,
            trees: trees.to_vec(),
            tasks: Tasks::default(),
            tools: HashMap::new(),
            counted: HashSet::new(),
            started: HashSet::new(),
            delegated: HashMap::new(),
            batch: (0, None),
            before_compaction: None,
        }
    }

    pub fn user(&mut self, tree: &Tree, stamp: &Stamp, mut record: Value) -> Option<Fate> {
        let mut content = record.get_mut("message")?.get_mut("content")?.take();
        let blocks = match content.as_array_mut() {
            Some(blocks) => std::mem::take(blocks),
            None => vec![content],
        };
        if record.get("isCompactSummary").and_then(Value::as_bool) == Some(true) {
            let texts: Vec<String> = blocks.iter().map(|block| self::words(block).to_owned()).collect();
            return Some(self.compacted(stamp, texts.join("\n")));
        }
        // It belongs to one result: a record holds no other.
        let mut result = record.get_mut("toolUseResult").map(Value::take).unwrap_or_default();
        let is_meta = record.get("isMeta").and_then(Value::as_bool) == Some(true);
        let images = blocks.iter().filter(|block| is_image(block)).count() as u64;
        let (mut said, mut fate, mut kept) = (Vec::new(), Fate::Nothing("empty message"), false);
        for block in blocks {
            let read = match text(&block, "type") {
                "tool_result" => self.result(tree, stamp, (block, &result.take())),
                "image" => continue,
                "text" | "" if is_meta => Fate::Nothing("meta message"),
                "text" | "" => match claude_words::of(words(&block)) {
                    Words::Said(words) => {
                        said.push(words.into_owned());
                        continue;
                    }
                    Words::Interrupted => self.interrupted(stamp, words(&block)),
                    Words::Summary => self.compacted(stamp, words(&block).to_owned()),
                    Words::Noise(kind) => Fate::Nothing(kind),
                },
                kind => self.unknown(stamp, kind, &block),
            };
            kept |= read == Fate::Kept;
            fate = read;
        }
        if !said.is_empty() || images > 0 && !is_meta && !kept {
            let said = self.said(stamp, said.join("\n"), images);
            kept |= said == Fate::Kept;
            fate = said;
        }
        Some(if kept { Fate::Kept } else { fate })
    }

    pub fn assistant(&mut self, tree: &Tree, stamp: &Stamp, mut record: Value) -> Option<Fate> {
        let message = record.get_mut("message")?;
        let id = text(message, "id").to_owned();
        let model = some_text(message, "model").map(str::to_owned);
        let ends = text(message, "stop_reason") == "end_turn";
        let mut content = message.get_mut("content")?.take();
        if record.get("isApiErrorMessage").and_then(Value::as_bool) == Some(true) {
            let message = whole(content_text(&content));
            self.scribe.put(stamp, Body::Error(ErrorMark { message, fault: None }));
            return Some(Fate::Kept);
        }
        let blocks = match content.as_array_mut() {
            Some(blocks) => std::mem::take(blocks),
            None => vec![content],
        };
        let mut kept = false;
        for block in blocks {
            kept |= self.block(stamp, &id, (block, ends));
        }
        kept |= self.usage(tree, stamp, (&id, model));
        Some(if kept { Fate::Kept } else { Fate::Nothing("empty message") })
    }

    pub fn system(&mut self, tree: &Tree, stamp: &Stamp, record: &Value) -> Option<Fate> {
        let content = || whole(content_text(record.get("content").unwrap_or(&Value::Null)));
        Some(match text(record, "subtype") {
            "compact_boundary" => {
                let tokens = record.pointer("/compactMetadata/preTokens").and_then(Value::as_u64);
                if tree.summaries {
                    self.before_compaction = tokens;
                    return Some(Fate::Merged("compact_boundary"));
                }
                self.put(stamp, Body::Compaction(Compaction { before: tokens, after: None, summary: Text::default() }))
            }
            "api_error" => {
                let error = record.get("error").or_else(|| record.get("cause")).unwrap_or(&Value::Null);
                let message = if error.is_null() { content() } else { whole(content_text(error)) };
                self.put(stamp, Body::Error(ErrorMark { message, fault: None }))
            }
            "local_command" => Fate::Nothing("local command"),
            "turn_duration"
            | "stop_hook_summary"
            | "informational"
            | "away_summary"
            | "bridge_status"
            | "memory_saved"
            | "microcompact_boundary"
            | "scheduled_task_fire"
            | "agents_killed"
            | "file_snapshot" => Fate::Nothing("system notice"),
            _ => return None,
        })
    }

    /// What the client adds for the model; among it, words that the user typed while the agent was at work.
    pub fn attachment(&mut self, stamp: &Stamp, record: &Value) -> Fate {
        let attachment = record.get("attachment").unwrap_or(&Value::Null);
        let typed = content_text(attachment.get("prompt").unwrap_or(&Value::Null));
        match (text(attachment, "type"), claude_words::of(&typed)) {
            ("queued_command", Words::Said(said)) => self.said(stamp, said.into_owned(), 0),
            _ => Fate::Nothing("attachment"),
        }
    }

    fn put(&mut self, stamp: &Stamp, body: Body) -> Fate {
        self.scribe.put(stamp, body);
        Fate::Kept
    }

    fn said(&mut self, stamp: &Stamp, said: String, images: u64) -> Fate {
        if !stamp.lane.is_empty() {
            return self.briefed(stamp, &stamp.lane, whole(said));
        }
        self.scribe.turn += 1;
        self.put(stamp, Body::UserMessage(UserMessage { text: whole(said), images }))
    }

    fn briefed(&mut self, stamp: &Stamp, id: &str, brief: Text) -> Fate {
        if !self.started.insert(id.to_owned()) {
            return Fate::Merged("brief of a sub-agent");
        }
        let (id, result) = (id.to_owned(), Text::default());
        self.put(stamp, Body::SubAgent(SubAgent { id, state: SubAgentState::Started, brief, result }))
    }

    fn interrupted(&mut self, stamp: &Stamp, why: &str) -> Fate {
        self.put(stamp, Body::TurnEnd(TurnEnd { how: TurnEnded::Interrupted, why: why.to_owned() }))
    }

    fn compacted(&mut self, stamp: &Stamp, summary: String) -> Fate {
        let before = self.before_compaction.take();
        self.put(stamp, Body::Compaction(Compaction { before, after: None, summary: whole(summary) }))
    }

    fn unknown(&mut self, stamp: &Stamp, kind: &str, block: &Value) -> Fate {
        self.put(stamp, Body::Unknown(Unknown { kind: kind.to_owned(), raw: whole(block.to_string()) }))
    }

    /// One block of a response; whether it became an event.
    fn block(&mut self, stamp: &Stamp, message: &str, (mut block, ends): (Value, bool)) -> bool {
        let kind = text(&block, "type").to_owned();
        let body = match kind.as_str() {
            "text" | "" | "thinking" | "redacted_thinking" => match worded(&kind, &mut block, ends) {
                Some(body) => body,
                None => return false,
            },
            "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                self.called(stamp, message, block);
                return true;
            }
            kind if kind.ends_with("_tool_result") => return self.served(stamp, &block),
            kind => Body::Unknown(Unknown { kind: kind.to_owned(), raw: whole(block.to_string()) }),
        };
        self.put(stamp, body) == Fate::Kept
    }

    fn called(&mut self, stamp: &Stamp, message: &str, mut block: Value) {
        let (id, name) = (text(&block, "id").to_owned(), text(&block, "name").to_owned());
        let input = block.get_mut("input").map(Value::take).unwrap_or_default();
        // Blocks of one response come in a row: another response is another batch.
        if message.is_empty() || self.batch.1.as_deref() != Some(message) {
            self.batch = (self.batch.0 + 1, Some(message.to_owned()));
        }
        let plan = plans::of_call(&name, &input).or_else(|| self.tasks.take(&name, &id, &input));
        let answers = self.trees.iter().find_map(|tree| tree.answers.get(&id));
        let asked = if name == "AskUserQuestion" { questions(&input, answers) } else { Vec::new() };
        let brief = matches!(name.as_str(), "Task" | "Agent").then(|| whole(text(&input, "prompt")));
        let call = ToolCall { name: name.clone(), tool: None, input, batch: Some(self.batch.0) };
        self.scribe.call(stamp, &id, call);
        if let Some(plan) = plan {
            self.put(stamp, Body::Plan(plan));
        }
        for question in asked {
            self.put(stamp, Body::Question(question));
        }
        if let Some(brief) = brief {
            let agent =
                self.trees.iter().find_map(|tree| tree.agent_of(&id, brief.as_str())).unwrap_or_else(|| id.clone());
            self.briefed(stamp, &agent, brief);
            self.delegated.insert(id.clone(), agent);
        }
        self.tools.insert(id, name);
    }

    fn result(&mut self, tree: &Tree, stamp: &Stamp, (block, result): (Value, &Value)) -> Fate {
        let id = text(&block, "tool_use_id").to_owned();
        let tool = self.tools.get(&id).cloned().unwrap_or_default();
        let answer = claude_results::read(&tool, &block, result);
        if tool == "TaskCreate" {
            self.tasks.numbered(&id, &answer.text);
        }
        let call = self.scribe.event_of(stamp, &id);
        if answer.status == ResultStatus::Denied {
            let by = claude_results::denied_by(&answer.text).unwrap_or("user").to_owned();
            self.put(stamp, Body::Permission(Permission { asked: tool, granted: false, by }));
        }
        let refused = Some(&answer).filter(|answer| answer.status == ResultStatus::Denied);
        let said = refused.and_then(|answer| claude_results::said_with_refusal(&answer.text)).map(str::to_owned);
        let ended = self.delegated.remove(&id).map(|agent| (agent, answer.text.clone()));
        let body = ToolResult {
            call,
            status: answer.status,
            exit: answer.exit,
            output: whole(answer.text),
            dropped_bytes: 0,
            duration_ms: answer.duration_ms,
        };
        self.scribe.put(stamp, Body::ToolResult(body));
        if let Some(said) = said {
            self.said(stamp, said, 0);
        }
        if let Some(changed) = claude_results::changed(result).filter(|_| answer.status == ResultStatus::Ok) {
            let (path, change, diff) = (changed.path, changed.change, whole(changed.diff));
            self.put(stamp, Body::FileChange(FileChange { path, change, diff, call }));
        }
        if let Some((agent, result)) = ended {
            let id = tree.agents.get(&id).cloned().unwrap_or(agent);
            let (brief, result) = (Text::default(), whole(result));
            self.put(stamp, Body::SubAgent(SubAgent { id, state: SubAgentState::Ended, brief, result }));
        }
        Fate::Kept
    }

    /// The answer to a call that ran at the model's side.
    fn served(&mut self, stamp: &Stamp, block: &Value) -> bool {
        let result = served(block, self.scribe.event_of(stamp, text(block, "tool_use_id")));
        self.put(stamp, Body::ToolResult(result)) == Fate::Kept
    }

    /// Every block of a response repeats its usage: it counts once, in its last version.
    fn usage(&mut self, tree: &Tree, stamp: &Stamp, (id, model): (&str, Option<String>)) -> bool {
        let Some(usage) = tree.usage.get(id).filter(|_| !self.counted.contains(id)) else { return false };
        self.counted.insert(id.to_owned());
        let mut usage = usage.clone();
        usage.model = model.filter(|model| model != "<synthetic>");
        self.put(stamp, Body::Usage(usage)) == Fate::Kept
    }
}

fn words(block: &Value) -> &str {
    block.as_str().unwrap_or_else(|| text(block, "text"))
}

/// A block that is said or thought; `None` where it holds no words.
pub(super) fn worded(kind: &str, block: &mut Value, ends: bool) -> Option<Body> {
    if kind == "thinking" || kind == "redacted_thinking" {
        let text = take_text(block, "thinking");
        let encrypted = text.is_empty();
        return Some(Body::Reasoning(Reasoning { text: whole(text), encrypted }));
    }
    let said = if kind.is_empty() { content_text(block) } else { take_text(block, "text") };
    if said.trim().is_empty() || said == "(no content)" || said == "No response requested." {
        return None;
    }
    let phase = if ends { Phase::Final } else { Phase::Commentary };
    Some(Body::AgentMessage(AgentMessage { text: whole(said), phase: Some(phase) }))
}

/// What a call of `AskUserQuestion` asks, with the answers where they are known.
pub(super) fn questions(input: &Value, answers: Option<&Value>) -> Vec<Question> {
    let answer = |question: &str| {
        let all = answers.filter(|all| all.is_string() && items(input, "questions").len() == 1);
        let given = answers.and_then(|answers| answers.get(question)).or(all);
        given.map(|given| whole(content_text(given)))
    };
    let of = |question: &Value| Question {
        text: whole(text(question, "question")),
        options: items(question, "options").iter().map(|option| text(option, "label").to_owned()).collect(),
        answer: answer(text(question, "question")),
    };
    items(input, "questions").iter().map(of).collect()
}

/// What came back from a call that ran at the model's side.
pub(super) fn served(block: &Value, call: Option<EventId>) -> ToolResult {
    let failed = text(block, "type").contains("error") || block.pointer("/content/error_code").is_some();
    ToolResult {
        call,
        status: if failed { ResultStatus::Failed } else { ResultStatus::Ok },
        exit: None,
        output: whole(content_text(block.get("content").unwrap_or(&Value::Null))),
        dropped_bytes: 0,
        duration_ms: None,
    }
}
