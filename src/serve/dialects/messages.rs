//! Anthropic Messages: `POST /v1/messages` and `/v1/messages/count_tokens`, as Claude Code speaks it.

use super::{Asks, Dialect, named, pieces};
use crate::serve::turn::{Called, Heard, Past, Reply, Returned, Said, Takes, Tool, Turn, list_at, text_at, texts};
use serde_json::{Value, json};

pub static DIALECT: Dialect = Dialect {
    name: "messages",
    asks: |path| match path {
        _ if path.ends_with("/messages") => Some(Asks::Reply),
        _ if path.ends_with("/messages/count_tokens") => Some(Asks::Count),
        _ => None,
    },
    read,
    whole,
    events,
    counted: |tokens| json!({"input_tokens": tokens}),
    refused,
    call_prefix: "toolu_",
};

fn read(_: &str, body: &Value) -> Result<Turn, String> {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return Err("messages: a list is required".to_owned());
    };
    let shape = body.pointer("/output_config/format/schema").or_else(|| body.pointer("/output_format/schema"));
    let users = messages.iter().filter(|message| text_at(message, "role") == "user");
    let system = body.get("system").map(texts).unwrap_or_default().into_iter();
    // Where the agent works may stand in a reminder beside the user's words.
    let system = system.chain(users.flat_map(|message| message.get("content").map(texts).unwrap_or_default()));
    Ok(Turn {
        model: text_at(body, "model"),
        system: system.collect::<Vec<String>>().join("\n\n"),
        tools: list_at(body, "tools").iter().filter_map(tool).collect(),
        heard: messages.iter().flat_map(message).collect(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        shape: shape.cloned(),
        usage_wanted: true,
    })
}

fn tool(tool: &Value) -> Option<Tool> {
    // Tools that run at the provider have a type and no schema.
    let schema = tool.get("input_schema")?;
    Some(Tool { namespace: None, name: text_at(tool, "name"), takes: Takes::Arguments(schema.clone()) })
}

/// A user's message holds results, words, or both: results first.
fn message(message: &Value) -> Vec<Heard> {
    let blocks = list_at(message, "content");
    if text_at(message, "role") == "assistant" {
        let calls = blocks.iter().filter(|block| text_at(block, "type") == "tool_use");
        let past = |block: &Value| Past {
            id: text_at(block, "id"),
            name: text_at(block, "name"),
            input: block.get("input").cloned().unwrap_or_default(),
        };
        let text = message.get("content").map(texts).unwrap_or_default().join("\n\n");
        return vec![Heard::Model(Said { text, calls: calls.map(past).collect() })];
    }
    let results = blocks.iter().filter(|block| text_at(block, "type") == "tool_result");
    let result = |block: &Value| {
        let text = block.get("content").map(texts).unwrap_or_default().join("\n");
        Heard::Result(Returned { call: text_at(block, "tool_use_id"), text })
    };
    let mut heard: Vec<Heard> = results.map(result).collect();
    let words = message.get("content").map(texts).unwrap_or_default();
    if !words.is_empty() {
        heard.push(Heard::User(words));
    }
    heard
}

fn blocks(reply: &Reply) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !reply.think.is_empty() {
        // Whoever sends it back gets it accepted: nobody checks the signature here.
        blocks.push(json!({"type": "thinking", "thinking": reply.think, "signature": "c2NyaXB0ZWQ="}));
    }
    if !reply.text.is_empty() || reply.calls.is_empty() {
        blocks.push(json!({"type": "text", "text": reply.text}));
    }
    for (at, Called { name, input, .. }) in reply.calls.iter().enumerate() {
        let id = reply.call_id(DIALECT.call_prefix, at);
        let input: Value = serde_json::from_str(&input.written()).unwrap_or_default();
        blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    }
    blocks
}

fn stop(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage(input: u64, output: u64) -> Value {
    json!({
        "input_tokens": input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output,
    })
}

fn message_of(turn: &Turn, reply: &Reply) -> Value {
    json!({
        "id": format!("msg_{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage(reply.usage.input, 0),
    })
}

fn whole(turn: &Turn, reply: &Reply) -> Value {
    let mut message = message_of(turn, reply);
    message["content"] = json!(blocks(reply));
    message["stop_reason"] = json!(stop(reply));
    message["usage"] = usage(reply.usage.input, reply.usage.output);
    message
}

fn events(turn: &Turn, reply: &Reply) -> Vec<String> {
    let mut all = vec![json!({"type": "message_start", "message": message_of(turn, reply)}), json!({"type": "ping"})];
    for (at, block) in blocks(reply).into_iter().enumerate() {
        let (begun, deltas) = streamed(block);
        all.push(json!({"type": "content_block_start", "index": at, "content_block": begun}));
        all.extend(deltas.into_iter().map(|delta| json!({"type": "content_block_delta", "index": at, "delta": delta})));
        all.push(json!({"type": "content_block_stop", "index": at}));
    }
    let usage = usage(reply.usage.input, reply.usage.output);
    let delta = json!({"stop_reason": stop(reply), "stop_sequence": null});
    all.push(json!({"type": "message_delta", "delta": delta, "usage": usage}));
    all.push(json!({"type": "message_stop"}));
    all.iter().map(|event| named(&text_at(event, "type"), event)).collect()
}

/// A block as it begins, and what is added to it.
fn streamed(mut block: Value) -> (Value, Vec<Value>) {
    let kind = text_at(&block, "type");
    let mut deltas = Vec::new();
    match kind.as_str() {
        "tool_use" => {
            let input = std::mem::replace(&mut block["input"], json!({})).to_string();
            deltas.push(json!({"type": "input_json_delta", "partial_json": ""}));
            deltas.push(json!({"type": "input_json_delta", "partial_json": input}));
        }
        _ => {
            let key = if kind == "thinking" { "thinking" } else { "text" };
            let text = text_at(&block, key);
            let delta = |piece: &str| json!({"type": format!("{key}_delta"), key: piece});
            deltas.extend(pieces(&text).into_iter().map(delta));
            block[key] = json!("");
            if kind == "thinking" {
                deltas.push(json!({"type": "signature_delta", "signature": block["signature"].take()}));
                block["signature"] = json!("");
            }
        }
    }
    (block, deltas)
}

fn refused(status: u16, message: &str) -> Value {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}})
}
