//! The client's own records in a rollout: finished items, tokens, ends of turns, compactions, sub-agents.

use super::{
    codex_index::reasoning_parts,
    codex_items::agent_message,
    codex_outputs::{Output, item_status},
    codex_rollout::{At, Lane, Play},
    diff,
    scribe::{Fate, Stamp},
    value::{content_text, is_image, items, number, some_text, take_text, text, whole},
};
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    trace::{
        AgentMessage, Body, Change, Compaction, ErrorMark, Reasoning, ResultStatus, SubAgent, SubAgentState, Text,
        ToolCall, Usage, UsageScope,
    },
};
use serde_json::{Value, json};

impl Play<'_> {
    pub(super) fn context(&mut self, lane: &mut Lane, context: &Value) -> Option<Fate> {
        if let Some(model) = some_text(context, "model") {
            lane.model = Some(model.to_owned());
        }
        Some(Fate::Nothing("turn_context"))
    }

    pub(super) fn compacted(&mut self, lane: &Lane, at: &At<'_>, mut compacted: Value) -> Option<Fate> {
        let summary = whole(take_text(&mut compacted, "message"));
        let after = lane.index.after.get(&at.line).copied();
        Some(self.put(at, Body::Compaction(Compaction { before: lane.context, after, summary })))
    }

    pub(super) fn usage_record(&mut self, lane: &mut Lane, at: &At<'_>, record: &Value) -> Option<Fate> {
        lane.batch_open = false;
        let usage = record.get("usage")?;
        lane.context = Some(number(usage, "total_tokens"));
        Some(self.put(at, Body::Usage(Usage { model: lane.model.clone(), ..tokens(usage) })))
    }

    /// Takes an `event_msg`; `None` where its type is not known.
    pub(super) fn event(&mut self, lane: &mut Lane, at: &At<'_>, mut event: Value) -> Option<Fate> {
        let kind = text(&event, "type").to_owned();
        Some(match kind.as_str() {
            "item_completed" => return self.completed(lane, at, event.get_mut("item")?.take()),
            "item_started" | "item_updated" => Fate::Nothing("begin of an item"),
            kind if kind.ends_with("_begin") || kind.ends_with("_delta") => Fate::Nothing("begin of an item"),
            "user_message" => {
                let images = items(&event, "images").len() + items(&event, "local_images").len();
                let said = take_text(&mut event, "message");
                self.user(lane, at, (said, images as u64))
            }
            "agent_message" => {
                let said = take_text(&mut event, "message");
                self.put(at, agent_message(said, &event))
            }
            "agent_reasoning" | "agent_reasoning_raw_content" => {
                let text = whole(take_text(&mut event, "text"));
                self.put(at, Body::Reasoning(Reasoning { text, encrypted: false }))
            }
            "token_count" => self.token_count(lane, at, &event),
            "task_started" | "turn_started" => Fate::Nothing("task_started"),
            "thread_settings_applied" => Fate::Nothing("thread_settings_applied"),
            "task_complete" | "turn_complete" | "turn_aborted" => self.turn_end(lane, at, &event),
            "thread_rolled_back" => Fate::Nothing("rollback mark"),
            "context_compacted" => self.was_compacted(lane, at),
            "exec_command_end" | "mcp_tool_call_end" | "patch_apply_end" => self.finished(lane, at, &event),
            "collab_agent_spawn_end" => {
                let (brief, child) = (take_text(&mut event, "prompt"), take_text(&mut event, "new_thread_id"));
                self.briefed(at, &child, brief)
            }
            "web_search_end" | "view_image_tool_call" => self.known(lane, at, &event),
            "error" | "stream_error" | "warning" => {
                let message = whole(take_text(&mut event, "message"));
                self.put(at, Body::Error(ErrorMark { message, fault: None }))
            }
            _ => return None,
        })
    }

    fn completed(&mut self, lane: &mut Lane, at: &At<'_>, mut item: Value) -> Option<Fate> {
        let kind = text(&item, "type").to_owned();
        let id = text(&item, "id").to_owned();
        Some(match kind.as_str() {
            "UserMessage" => {
                let images = items(&item, "content").iter().filter(|block| is_image(block)).count() as u64;
                let said = content_text(item.get("content").unwrap_or(&Value::Null));
                self.user(lane, at, (said, images))
            }
            "AgentMessage" => {
                let said = content_text(item.get("content").unwrap_or(&Value::Null));
                self.put(at, agent_message(said, &item))
            }
            "Plan" => {
                let text = whole(take_text(&mut item, "text"));
                self.put(at, Body::AgentMessage(AgentMessage { text, phase: None }))
            }
            "Reasoning" => match reasoning_parts(&item).join("\n\n") {
                text if text.is_empty() => Fate::Merged("empty reasoning"),
                text => {
                    let encrypted = lane.index.encrypted.contains(&id);
                    self.put(at, Body::Reasoning(Reasoning { text: whole(text), encrypted }))
                }
            },
            "CommandExecution" if text(&item, "source") == "user_shell" => Fate::Nothing("the user's own command"),
            "CommandExecution" | "FileChange" | "McpToolCall" => self.finished(lane, at, &item),
            "CollabAgentToolCall" => self.collaborated(at, &mut item),
            "ContextCompaction" => self.was_compacted(lane, at),
            _ => return self.scribe.event_of(at.stamp, &id).map(|_| Fate::Merged("item of a call")),
        })
    }

    /// The end of a call, as the client saw it: its result, and the files it changed.
    fn finished(&mut self, lane: &mut Lane, at: &At<'_>, item: &Value) -> Fate {
        let id = call_of(item);
        lane.batch_open = false;
        let finish = lane.index.finished.get(id).copied().unwrap_or_default();
        let early = lane.index.outputs.get(id).is_some_and(|line| *line < at.line);
        let late = Stamp { superseded: true, ..at.stamp.clone() };
        let at = At { line: at.line, stamp: if early { &late } else { at.stamp } };
        if let Some((name, input)) = told_call(item) {
            let call = ToolCall { name, tool: None, input, batch: None };
            self.call_of_finish(lane, &at, (id, call));
        }
        let status = match item.get("success").and_then(Value::as_bool) {
            Some(true) => ResultStatus::Ok,
            Some(false) => ResultStatus::Failed,
            None => item_status(item, finish.exit),
        };
        // A command that was stopped carries -1, which no process returns.
        let exit = finish.exit.filter(|exit| *exit >= 0);
        let output = Output { text: output_of(item), status, exit, duration_ms: finish.duration_ms };
        let call = self.scribe.event_of(at.stamp, id);
        self.result(&at, call, output);
        if status == ResultStatus::Ok {
            for (path, change) in item.get("changes").and_then(Value::as_object).into_iter().flatten() {
                self.changed(&at, id, changed_path(path, change));
            }
        }
        Fate::Kept
    }

    fn collaborated(&mut self, at: &At<'_>, item: &mut Value) -> Fate {
        if !text(item, "tool").contains("spawn") {
            return Fate::Merged("item of a call");
        }
        let brief = take_text(item, "prompt");
        // Each start repeats the brief: no call starts more than a few.
        let children = items(item, "receiver_thread_ids").iter().filter_map(Value::as_str).take(64);
        let children: Vec<&str> = children.collect();
        let fates: Vec<Fate> = children.into_iter().map(|child| self.briefed(at, child, brief.clone())).collect();
        if fates.contains(&Fate::Kept) { Fate::Kept } else { Fate::Merged("item of a call") }
    }

    /// What a sub-agent was told: the first time its start, which both threads tell of, later a new brief.
    pub(super) fn briefed(&mut self, at: &At<'_>, child: &str, brief: String) -> Fate {
        let told = super::codex_index::said_key(child, &brief).to_string();
        if !self.started.insert(told) {
            return Fate::Merged("brief of a sub-agent");
        }
        let started = SubAgent {
            id: child.to_owned(),
            state: SubAgentState::Started,
            brief: whole(brief),
            result: Text::default(),
        };
        self.put(at, Body::SubAgent(started))
    }

    fn known(&mut self, lane: &mut Lane, at: &At<'_>, event: &Value) -> Fate {
        let id = call_of(event);
        if self.scribe.event_of(at.stamp, id).is_some() || text(event, "type") == "web_search_end" {
            return Fate::Merged("item of a call");
        }
        let input = json!({ "path": event.get("path") });
        let call = ToolCall { name: "view_image".to_owned(), tool: None, input, batch: None };
        self.call_of_finish(lane, at, (id, call));
        Fate::Kept
    }

    fn was_compacted(&mut self, lane: &Lane, at: &At<'_>) -> Fate {
        if lane.index.compacted {
            return Fate::Merged("compaction item");
        }
        self.put(at, Body::Compaction(Compaction { before: lane.context, after: None, summary: Text::default() }))
    }

    /// The counts are sums over the thread: what a response used is the difference to the sum before.
    fn token_count(&mut self, lane: &mut Lane, at: &At<'_>, event: &Value) -> Fate {
        if lane.index.usage_records {
            return Fate::Merged("token_count");
        }
        let Some(sum) = event.pointer("/info/total_token_usage") else { return Fate::Nothing("rate limits") };
        let total = tokens(sum);
        let last = event.pointer("/info/last_token_usage");
        lane.context = last.map(|last| number(last, "total_tokens"));
        lane.batch_open = false;
        let before = std::mem::replace(&mut lane.total, total.clone());
        if total == before {
            return Fate::Merged("token_count");
        }
        let used = if total.input >= before.input && total.output >= before.output {
            less(&total, &before)
        } else {
            last.map(tokens).unwrap_or_default()
        };
        self.put(at, Body::Usage(Usage { model: lane.model.clone(), ..used }))
    }

    fn turn_end(&mut self, lane: &mut Lane, at: &At<'_>, event: &Value) -> Fate {
        lane.batch_open = false;
        let error = event.get("error").and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
        let (how, why) = match (text(event, "type"), error) {
            ("turn_aborted", _) => (TurnEnded::Interrupted, text(event, "reason")),
            (_, Some(error)) => (TurnEnded::Failed, error),
            (_, None) => (TurnEnded::Done, ""),
        };
        if lane.is_root() {
            return self.put(at, Body::TurnEnd(TurnEnd { how, why: why.to_owned() }));
        }
        let result = some_text(event, "last_agent_message").unwrap_or(why);
        let id = lane.index.id.clone();
        let ended = SubAgent { id, state: SubAgentState::Ended, brief: Text::default(), result: whole(result) };
        self.put(at, Body::SubAgent(ended))
    }
}

/// The call that a finished item, or an event of its end, belongs to.
fn call_of(item: &Value) -> &str {
    some_text(item, "call_id").unwrap_or_else(|| text(item, "id"))
}

/// The call as its end tells of it, for sources that keep nothing else.
fn told_call(item: &Value) -> Option<(String, Value)> {
    if let Some(command) = item.get("command") {
        return Some(("exec_command".to_owned(), json!({ "command": command })));
    }
    if item.get("changes").is_some() {
        return Some(("apply_patch".to_owned(), Value::Null));
    }
    let invoked = item.get("invocation").unwrap_or(item);
    let (server, tool) = (some_text(invoked, "server")?, some_text(invoked, "tool")?);
    Some((format!("mcp__{server}__{tool}"), invoked.get("arguments").cloned().unwrap_or_default()))
}

fn output_of(item: &Value) -> String {
    if let Some(output) = some_text(item, "aggregated_output") {
        return output.to_owned();
    }
    if let Some(message) = item.pointer("/error/message").and_then(Value::as_str) {
        return message.to_owned();
    }
    if let Some(result) = item.get("result").filter(|result| !result.is_null()) {
        let inner = result.get("Ok").unwrap_or(result);
        return content_text(inner.get("content").unwrap_or(inner));
    }
    format!("{}{}", text(item, "stdout"), text(item, "stderr"))
}

fn changed_path(path: &str, change: &Value) -> diff::Changed {
    let content = text(change, "content");
    let (kind, diff) = match text(change, "type") {
        "add" => (Change::Added, diff::of_added(content)),
        "delete" => (Change::Deleted, diff::of_deleted(content)),
        _ if some_text(change, "move_path").is_some() => (Change::Renamed, text(change, "unified_diff").to_owned()),
        _ => (Change::Modified, text(change, "unified_diff").to_owned()),
    };
    diff::Changed { path: path.to_owned(), change: kind, diff }
}

fn tokens(usage: &Value) -> Usage {
    Usage {
        scope: UsageScope::Response,
        input: number(usage, "input_tokens"),
        cached: number(usage, "cached_input_tokens"),
        output: number(usage, "output_tokens"),
        reasoning: number(usage, "reasoning_output_tokens"),
        model: None,
        micro_usd: None,
    }
}

fn less(total: &Usage, before: &Usage) -> Usage {
    Usage {
        input: total.input - before.input,
        cached: total.cached.saturating_sub(before.cached),
        output: total.output - before.output,
        reasoning: total.reasoning.saturating_sub(before.reasoning),
        ..Usage::default()
    }
}
