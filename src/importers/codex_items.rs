//! The model's own items in a rollout: what it was given, said, thought and called. Those that an event of the client says as well
//! are joined with it.

use super::{
    codex_index::{reasoning_parts, said_key},
    codex_outputs,
    codex_rollout::{At, Lane, Play},
    diff, plans,
    scribe::Fate,
    value::{content_text, is_image, items, some_text, take_text, text, whole},
};
use crate::model::{
    id::EventId,
    trace::{
        AgentMessage, Body, Compaction, FileChange, Phase, Question, Reasoning, ResultStatus, Text, ToolCall,
        ToolResult, UserMessage,
    },
};
use serde_json::Value;

/// Starts of user items that no user wrote.
const INJECTED: &[&str] = &[
    "<environment_context>",
    "<user_instructions>",
    "<turn_aborted>",
    "<permissions instructions>",
    "<skill",
    "<subagent_notification>",
    "<user_shell_command>",
    "<INSTRUCTIONS>",
    "# AGENTS.md instructions",
];

impl Play<'_> {
    /// Takes a `response_item`; `None` where its type is not known.
    pub(super) fn item(&mut self, lane: &mut Lane, at: &At<'_>, mut item: Value) -> Option<Fate> {
        let kind = text(&item, "type").to_owned();
        Some(match kind.as_str() {
            "message" => self.message(lane, at, &item)?,
            "reasoning" => self.reasoning_item(lane, at, &item),
            "function_call" => {
                let arguments = take_text(&mut item, "arguments");
                let input = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
                self.called(lane, at, (&item, input))
            }
            "custom_tool_call" => {
                let input = Value::String(take_text(&mut item, "input"));
                self.called(lane, at, (&item, input))
            }
            "local_shell_call" | "web_search_call" | "tool_search_call" | "image_generation_call" => {
                self.own_call(lane, at, &item)
            }
            "function_call_output" | "custom_tool_call_output" | "tool_search_output" | "local_shell_call_output" => {
                self.output(lane, at, &item)
            }
            "compaction" | "compaction_summary" | "context_compaction" if lane.index.compacted => {
                Fate::Merged("compaction item")
            }
            "compaction" | "compaction_summary" | "context_compaction" => self
                .put(at, Body::Compaction(Compaction { before: lane.context, after: None, summary: Text::default() })),
            "ghost_snapshot" => Fate::Nothing("ghost_snapshot"),
            _ => return None,
        })
    }

    pub(super) fn put(&mut self, at: &At<'_>, body: Body) -> Fate {
        self.scribe.put(at.stamp, body);
        Fate::Kept
    }

    fn message(&mut self, lane: &mut Lane, at: &At<'_>, item: &Value) -> Option<Fate> {
        let content = item.get("content").unwrap_or(&Value::Null);
        let said = content_text(content);
        Some(match text(item, "role") {
            "developer" | "system" => Fate::Nothing("instructions"),
            "user" if said_before(lane, "user", &said) => Fate::Merged("user item"),
            "user" if lane.index.user_events || INJECTED.iter().any(|start| said.trim_start().starts_with(start)) => {
                Fate::Nothing("injected context")
            }
            "user" => {
                let images = items(item, "content").iter().filter(|block| is_image(block)).count() as u64;
                self.user(lane, at, (said, images))
            }
            "assistant" if said_before(lane, "message", &said) => Fate::Merged("assistant item"),
            "assistant" if lane.index.summaries.contains(&at.line) => Fate::Merged("summary of a compaction"),
            "assistant" => self.put(at, agent_message(said, item)),
            _ => return None,
        })
    }

    /// The user's words in a root thread start a turn; in a sub-agent's they are its brief.
    pub(super) fn user(&mut self, lane: &mut Lane, at: &At<'_>, (said, images): (String, u64)) -> Fate {
        lane.batch_open = false;
        if !lane.is_root() {
            return self.briefed(at, &lane.index.id, said);
        }
        self.scribe.turn += 1;
        self.put(at, Body::UserMessage(UserMessage { text: whole(said), images }))
    }

    fn reasoning_item(&mut self, lane: &mut Lane, at: &At<'_>, item: &Value) -> Fate {
        let parts = reasoning_parts(item);
        let had = !parts.is_empty();
        let new: Vec<String> = parts.into_iter().filter(|part| !said_before(lane, "reasoning", part)).collect();
        if had && new.is_empty() {
            return Fate::Merged("reasoning item");
        }
        let encrypted = some_text(item, "encrypted_content").is_some();
        if !had && !encrypted {
            return Fate::Merged("empty reasoning");
        }
        self.put(at, Body::Reasoning(Reasoning { text: whole(new.join("\n\n")), encrypted }))
    }

    fn called(&mut self, lane: &mut Lane, at: &At<'_>, (item, input): (&Value, Value)) -> Fate {
        let (id, name) = (text(item, "call_id"), text(item, "name"));
        let space = some_text(item, "namespace").filter(|space| space.starts_with("mcp"));
        let plan = plans::of_call(name, &input);
        let asked = (name == "request_user_input").then(|| questions(&input, lane.index.answers.get(id)));
        let patch = patch_of(name, &input).filter(|_| !lane.index.patched.contains(id));
        if let Some(patch) = patch {
            lane.patches.insert(id.to_owned(), patch);
        }
        let name = space.map_or_else(|| name.to_owned(), |space| format!("{space}{name}"));
        self.call(lane, at, (id, ToolCall { name, tool: None, input, batch: None }));
        if let Some(plan) = plan {
            self.put(at, Body::Plan(plan));
        }
        for question in asked.into_iter().flatten() {
            self.put(at, Body::Question(question));
        }
        Fate::Kept
    }

    pub(super) fn call(&mut self, lane: &mut Lane, at: &At<'_>, (id, call): (&str, ToolCall)) -> EventId {
        if !lane.batch_open {
            self.batches += 1;
            lane.batch_open = true;
        }
        self.scribe.call(at.stamp, id, ToolCall { batch: Some(self.batches), ..call })
    }

    /// A call of a tool that runs at the model's side, or whose answer comes as another kind of item.
    fn own_call(&mut self, lane: &mut Lane, at: &At<'_>, item: &Value) -> Fate {
        let id = some_text(item, "call_id").unwrap_or_else(|| text(item, "id"));
        let name = text(item, "type").trim_end_matches("_call");
        let input = item.get("action").or_else(|| item.get("arguments")).cloned().unwrap_or(Value::Null);
        let call = self.call(lane, at, (id, ToolCall { name: name.to_owned(), tool: None, input, batch: None }));
        if matches!(name, "web_search" | "image_generation") {
            let status = codex_outputs::item_status(item, None);
            let output = codex_outputs::Output { text: String::new(), status, exit: None, duration_ms: None };
            self.result(at, Some(call), output);
        }
        Fate::Kept
    }

    fn output(&mut self, lane: &mut Lane, at: &At<'_>, item: &Value) -> Fate {
        lane.batch_open = false;
        let id = text(item, "call_id");
        let mut output = codex_outputs::read(item.get("output").unwrap_or(&Value::Null));
        if let Some(finish) = lane.index.finished.get(id) {
            if finish.line < at.line {
                return Fate::Merged("output of a call");
            }
            // The command went on after the model had been answered: how it ended is known, and belongs to its call.
            if output.status != ResultStatus::Cancelled {
                output.exit = output.exit.or(finish.exit);
                output.duration_ms = finish.duration_ms.or(output.duration_ms);
                if output.exit.is_some_and(|exit| exit != 0) && output.status == ResultStatus::Ok {
                    output.status = ResultStatus::Failed;
                }
            }
        }
        let applied = output.status == ResultStatus::Ok;
        let call = self.scribe.event_of(at.stamp, id);
        self.result(at, call, output);
        for changed in lane.patches.remove(id).filter(|_| applied).into_iter().flatten() {
            self.changed(at, id, changed);
        }
        Fate::Kept
    }

    pub(super) fn result(&mut self, at: &At<'_>, call: Option<EventId>, output: codex_outputs::Output) {
        let result = ToolResult {
            call,
            status: output.status,
            exit: output.exit,
            output: whole(output.text),
            dropped_bytes: 0,
            duration_ms: output.duration_ms,
        };
        self.scribe.put(at.stamp, Body::ToolResult(result));
    }

    pub(super) fn changed(&mut self, at: &At<'_>, id: &str, changed: diff::Changed) {
        let diff::Changed { path, change, diff } = changed;
        let call = self.scribe.event_of(at.stamp, id);
        self.scribe.put(at.stamp, Body::FileChange(FileChange { path, change, diff: whole(diff), call }));
    }

    /// A call that only the client's record of its end tells of.
    pub(super) fn call_of_finish(&mut self, lane: &mut Lane, at: &At<'_>, (id, call): (&str, ToolCall)) {
        if self.scribe.event_of(at.stamp, id).is_none() {
            self.call(lane, at, (id, call));
        }
    }
}

/// Whether an event has said or will say this; each event covers one echo.
fn said_before(lane: &mut Lane, kind: &str, said: &str) -> bool {
    match lane.index.said.get_mut(&said_key(kind, said)) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        Some(_) | None => false,
    }
}

pub(super) fn agent_message(said: String, item: &Value) -> Body {
    let phase = match text(item, "phase") {
        "commentary" => Some(Phase::Commentary),
        "final_answer" | "final" => Some(Phase::Final),
        _ => None,
    };
    Body::AgentMessage(AgentMessage { text: whole(said), phase })
}

fn patch_of(name: &str, input: &Value) -> Option<Vec<diff::Changed>> {
    let words = |value: &Value| value.as_array().and_then(|words| words.last()?.as_str()).map(str::to_owned);
    let text = match name {
        "apply_patch" => input.as_str().map(str::to_owned).or_else(|| some_text(input, "input").map(str::to_owned)),
        "exec_command" | "shell_command" => {
            some_text(input, "cmd").or_else(|| some_text(input, "command")).map(str::to_owned)
        }
        "shell" | "local_shell" => input.get("command").and_then(words),
        _ => None,
    }?;
    let runs_it = name == "apply_patch" || text.trim_start().starts_with("apply_patch");
    let changes = if runs_it { diff::of_envelope(&text) } else { Vec::new() };
    (!changes.is_empty()).then_some(changes)
}

/// The questions of `request_user_input`, each with the answer it got.
fn questions(input: &Value, answers: Option<&Value>) -> Vec<Question> {
    let answer = |id: &str| -> Option<Text> {
        let answers = answers?;
        // An answer that is not taken apart can only be told of a single question.
        let all = Some(answers).filter(|answers| answers.is_string() && items(input, "questions").len() == 1);
        let one = answers.get("answers").and_then(|answers| answers.get(id)?.get("answers"));
        Some(whole(content_text(one.or(all)?)))
    };
    let of = |question: &Value| Question {
        text: whole(text(question, "question")),
        options: items(question, "options").iter().map(|option| text(option, "label").to_owned()).collect(),
        answer: answer(text(question, "id")),
    };
    items(input, "questions").iter().map(of).collect()
}
