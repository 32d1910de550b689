//! What stands on a user's record: results of calls, words that a person wrote, and much that nobody did.

use super::{
    super::{
        claude_results,
        claude_words::{self, Words},
        scribe::Fate,
        value::{is_image, text, whole},
    },
    At, Heard, Held, Wire,
};
use crate::model::{
    agent::Draft,
    trace::{Body, Compaction, FileChange, Permission, ResultStatus, SubAgent, SubAgentState, Text, ToolResult},
};
use serde_json::Value;

impl Wire {
    pub(super) fn user(&mut self, at: &At, record: &mut Value) -> (Fate, Heard) {
        // It belongs to one result: a record holds no other.
        let mut result = record.get_mut("tool_use_result").map(Value::take).unwrap_or_default();
        let is_meta =
            ["isSynthetic", "isMeta"].iter().any(|key| record.get(key).and_then(Value::as_bool) == Some(true));
        let Some(mut content) = record.pointer_mut("/message/content").map(Value::take) else {
            return (self.unknown(at, "user", record), Heard::Nothing);
        };
        let blocks = match content.as_array_mut() {
            Some(blocks) => std::mem::take(blocks),
            None => vec![content],
        };
        let images = blocks.iter().filter(|block| is_image(block)).count() as u64;
        let (mut said, mut fate, mut kept) = (Vec::new(), Fate::Nothing("empty message"), false);
        for block in blocks {
            let read = match text(&block, "type") {
                "tool_result" => self.answered(at, &block, &result.take()),
                "image" => continue,
                "text" | "" => match self.words(at, &block, is_meta) {
                    Ok(words) => {
                        said.push(words);
                        continue;
                    }
                    Err(fate) => fate,
                },
                kind => self.unknown(at, kind, &block),
            };
            kept |= read == Fate::Kept;
            fate = read;
        }
        if said.is_empty() && (images == 0 || kept || is_meta) {
            return (if kept { Fate::Kept } else { fate }, Heard::Nothing);
        }
        let said = whole(said.join("\n"));
        if !at.lane.is_empty() {
            return (self.briefed(&At { lane: String::new(), ..at.clone() }, &at.lane, said), Heard::Nothing);
        }
        (if kept { Fate::Kept } else { Fate::Merged("echo of the user") }, Heard::User(said, images))
    }

    /// The words that a person wrote, or what else became of them.
    fn words(&mut self, at: &At, block: &Value, is_meta: bool) -> Result<String, Fate> {
        let words = block.as_str().unwrap_or_else(|| text(block, "text"));
        match claude_words::of(words) {
            Words::Summary => Err(self.summarised(at, words)),
            Words::Interrupted => Err(self.interrupted()),
            Words::Noise(kind) => Err(Fate::Nothing(kind)),
            Words::Said(_) if is_meta => Err(Fate::Nothing("meta message")),
            Words::Said(said) => Ok(said.into_owned()),
        }
    }

    fn summarised(&mut self, at: &At, summary: &str) -> Fate {
        if let Some(Held::Compaction(Draft { body: Body::Compaction(held), .. })) = &mut self.held {
            held.summary = whole(summary);
            return Fate::Merged("summary");
        }
        self.say(at, Body::Compaction(Compaction { before: None, after: None, summary: whole(summary) }));
        Fate::Kept
    }

    /// Calls that looked refused were cut off.
    fn interrupted(&mut self) -> Fate {
        self.noted = true;
        if let Some(Held::Refused(all)) = self.held.take_if(|held| matches!(held, Held::Refused(_))) {
            self.out.extend(all.into_iter().map(|(_, result)| cancelled(result)));
        }
        Fate::Merged("note of an interruption")
    }

    fn answered(&mut self, at: &At, block: &Value, result: &Value) -> Fate {
        let id = text(block, "tool_use_id").to_owned();
        let tool = self.tools.get(&id).cloned().unwrap_or_default();
        let answer = claude_results::read(&tool, block, result);
        if tool == "TaskCreate" {
            self.tasks.numbered(&id, &answer.text);
        }
        self.ask(at, &id, result.get("answers"));
        let refused_here = self.denied.remove(&id);
        let refused = answer.status == ResultStatus::Denied && !refused_here;
        let status = if refused_here { ResultStatus::Denied } else { answer.status };
        let ended = self.delegated.remove(&id).then(|| answer.text.clone());
        let by = claude_results::denied_by(&answer.text).unwrap_or("user").to_owned();
        let body = ToolResult {
            call: None,
            status,
            exit: answer.exit,
            output: whole(answer.text),
            dropped_bytes: 0,
            duration_ms: answer.duration_ms,
        };
        let draft = at.draft(Body::ToolResult(body), Some(&id));
        if refused {
            self.refused(at.draft(Body::Permission(Permission { asked: tool, granted: false, by }), None), draft);
            return Fate::Kept;
        }
        self.release();
        self.out.push(draft);
        if let Some(changed) = claude_results::changed(result).filter(|_| status == ResultStatus::Ok) {
            let (path, change, diff) = (changed.path, changed.change, whole(changed.diff));
            self.of_call(at, &id, Body::FileChange(FileChange { path, change, diff, call: None }));
        }
        if let Some(result) = ended {
            let (brief, result) = (Text::default(), whole(result));
            self.say(at, Body::SubAgent(SubAgent { id, state: SubAgentState::Ended, brief, result }));
        }
        Fate::Kept
    }

    fn refused(&mut self, permission: Draft, result: Draft) {
        if self.stopping {
            self.release();
            self.out.push(cancelled(result));
        } else if let Some(Held::Refused(all)) = &mut self.held {
            all.push((permission, result));
        } else {
            self.release();
            self.held = Some(Held::Refused(vec![(permission, result)]));
        }
    }
}

fn cancelled(mut draft: Draft) -> Draft {
    if let Body::ToolResult(result) = &mut draft.body {
        result.status = ResultStatus::Cancelled;
    }
    draft
}
