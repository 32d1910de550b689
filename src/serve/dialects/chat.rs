//! OpenAI Chat Completions: `POST /v1/chat/completions`, as opencode, pi, mini-swe-agent and most small loops speak it.

use super::{Asks, CREATED, Dialect, bare, pieces};
use crate::serve::turn::{Called, Heard, Past, Reply, Returned, Said, Takes, Tool, Turn, list_at, text_at, texts};
use serde_json::{Value, json};

pub static DIALECT: Dialect = Dialect {
    name: "chat",
    asks: |path| path.ends_with("/chat/completions").then_some(Asks::Reply),
    read,
    whole,
    events,
    counted: |tokens| json!({"total_tokens": tokens}),
    refused,
    call_prefix: "call_",
};

fn read(_: &str, body: &Value) -> Result<Turn, String> {
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return Err("`messages` is a list".to_owned());
    };
    let system = messages.iter().filter(|message| is_system(message)).flat_map(content);
    let format = body.get("response_format");
    Ok(Turn {
        model: text_at(body, "model"),
        system: system.collect::<Vec<String>>().join("\n\n"),
        tools: list_at(body, "tools").iter().filter_map(tool).collect(),
        heard: messages.iter().filter_map(message).collect(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        shape: format.and_then(shape),
        usage_wanted: body.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn shape(format: &Value) -> Option<Value> {
    match text_at(format, "type").as_str() {
        "json_schema" => format.pointer("/json_schema/schema").cloned(),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}

fn is_system(message: &Value) -> bool {
    ["system", "developer"].contains(&text_at(message, "role").as_str())
}

fn content(message: &Value) -> Vec<String> {
    message.get("content").map(texts).unwrap_or_default()
}

fn message(message: &Value) -> Option<Heard> {
    match text_at(message, "role").as_str() {
        "user" => Some(Heard::User(content(message))),
        "assistant" => {
            let calls = list_at(message, "tool_calls").iter().map(past).collect();
            Some(Heard::Model(Said { text: content(message).join("\n\n"), calls }))
        }
        "tool" => {
            let call = text_at(message, "tool_call_id");
            Some(Heard::Result(Returned { call, text: content(message).join("\n") }))
        }
        _ => None,
    }
}

fn past(call: &Value) -> Past {
    let function = call.get("function").cloned().unwrap_or_default();
    let arguments = text_at(&function, "arguments");
    let input = serde_json::from_str(&arguments).unwrap_or(Value::String(arguments));
    Past { id: text_at(call, "id"), name: text_at(&function, "name"), input }
}

fn tool(tool: &Value) -> Option<Tool> {
    let declared = tool.get("function")?;
    let takes = Takes::Arguments(declared.get("parameters").cloned().unwrap_or(Value::Null));
    Some(Tool { namespace: None, name: text_at(declared, "name"), takes })
}

fn calls(reply: &Reply) -> Vec<Value> {
    let call = |(at, call): (usize, &Called)| {
        json!({
            "id": reply.call_id(DIALECT.call_prefix, at),
            "type": "function",
            "function": {"name": call.name, "arguments": call.input.written()},
        })
    };
    reply.calls.iter().enumerate().map(call).collect()
}

fn usage(reply: &Reply) -> Value {
    json!({
        "prompt_tokens": reply.usage.input,
        "completion_tokens": reply.usage.output,
        "total_tokens": reply.usage.input + reply.usage.output,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reply.usage.reasoning},
    })
}

fn finish(reply: &Reply) -> &'static str {
    if reply.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn whole(turn: &Turn, reply: &Reply) -> Value {
    let said = if reply.text.is_empty() && !reply.calls.is_empty() { Value::Null } else { json!(reply.text) };
    let mut message = json!({"role": "assistant", "content": said, "refusal": null});
    if !reply.think.is_empty() {
        message["reasoning_content"] = json!(reply.think);
    }
    if !reply.calls.is_empty() {
        message["tool_calls"] = json!(calls(reply));
    }
    json!({
        "id": format!("chatcmpl-{}", reply.id),
        "object": "chat.completion",
        "created": CREATED,
        "model": turn.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply)}],
        "usage": usage(reply),
    })
}

fn events(turn: &Turn, reply: &Reply) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", reply.id),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": turn.model,
            "choices": choices,
        });
        if turn.usage_wanted {
            chunk["usage"] = usage;
        }
        bare(&chunk)
    };
    let delta = |delta: Value, finish: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    let mut all = vec![delta(json!({"role": "assistant", "content": ""}), None)];
    all.extend(pieces(&reply.think).into_iter().map(|piece| delta(json!({"reasoning_content": piece}), None)));
    all.extend(pieces(&reply.text).into_iter().map(|piece| delta(json!({"content": piece}), None)));
    for (at, mut call) in calls(reply).into_iter().enumerate() {
        // First what is called, then with what: clients put the arguments together by the call's index.
        let arguments = call["function"]["arguments"].take();
        call["index"] = json!(at);
        call["function"]["arguments"] = json!("");
        all.push(delta(json!({"tool_calls": [call]}), None));
        all.push(delta(json!({"tool_calls": [{"index": at, "function": {"arguments": arguments}}]}), None));
    }
    all.push(delta(json!({}), Some(finish(reply))));
    if turn.usage_wanted {
        all.push(chunk(json!([]), usage(reply)));
    }
    all.push("data: [DONE]\n\n".to_owned());
    all
}

/// As OpenAI words an error, in both of its APIs.
pub fn refused(status: u16, message: &str) -> Value {
    let kind = match status {
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    };
    let code = if status == 429 { json!("rate_limit_exceeded") } else { Value::Null };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
