//! Gemini: `POST /v1beta/models/X:streamGenerateContent?alt=sse`, `:generateContent` and `:countTokens`, as Gemini CLI speaks it.

use super::{Asks, Dialect, pieces};
use crate::serve::turn::{
    Called, Heard, Input, Past, Reply, Returned, Said, Takes, Tool, Turn, list_at, text_at, texts,
};
use serde_json::{Value, json};

pub static DIALECT: Dialect = Dialect {
    name: "gemini",
    asks: |path| match path.rsplit(':').next() {
        Some("streamGenerateContent" | "generateContent") => Some(Asks::Reply),
        Some("countTokens") => Some(Asks::Count),
        _ => None,
    },
    read,
    whole: |turn, reply| chunk(turn, reply, (parts(reply), true)),
    events,
    counted: |tokens| json!({"totalTokens": tokens}),
    refused,
    call_prefix: "call_",
};

fn read(path: &str, body: &Value) -> Result<Turn, String> {
    // A count may wrap the request that it counts.
    let body = body.get("generateContentRequest").unwrap_or(body);
    let Some(contents) = body.get("contents").and_then(Value::as_array) else {
        return Err("`contents` is a list".to_owned());
    };
    let (model, verb) = path.rsplit_once(':').unwrap_or((path, ""));
    let model = model.rsplit('/').next().unwrap_or_default().to_owned();
    let instruction = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
    let system = instruction.map(|instruction| texts(parts_of(instruction))).unwrap_or_default().into_iter();
    // The folder that the agent works in stands in its first message.
    let users = contents.iter().filter(|content| text_at(content, "role") != "model");
    let system = system.chain(users.flat_map(|content| texts(parts_of(content))));
    Ok(Turn {
        model,
        system: system.collect::<Vec<String>>().join("\n\n"),
        tools: list_at(body, "tools").iter().flat_map(|tool| list_at(tool, "functionDeclarations")).map(tool).collect(),
        heard: contents.iter().flat_map(content).collect(),
        stream: verb == "streamGenerateContent",
        shape: shape(body),
        usage_wanted: true,
    })
}

fn parts_of(content: &Value) -> &Value {
    content.get("parts").unwrap_or(content)
}

fn shape(body: &Value) -> Option<Value> {
    let config = body.get("generationConfig")?;
    let schema = config.get("responseJsonSchema").or_else(|| config.get("responseSchema"));
    let json = text_at(config, "responseMimeType") == "application/json";
    schema.cloned().or_else(|| json.then_some(Value::Bool(true)))
}

fn tool(declared: &Value) -> Tool {
    let schema = declared.get("parametersJsonSchema").or_else(|| declared.get("parameters"));
    let takes = Takes::Arguments(schema.cloned().unwrap_or_default());
    Tool { namespace: None, name: text_at(declared, "name"), takes }
}

fn content(content: &Value) -> Vec<Heard> {
    let parts = list_at(content, "parts");
    let plain = parts.iter().filter(|part| part.get("thought").and_then(Value::as_bool) != Some(true));
    let words: Vec<String> = plain.flat_map(texts).collect();
    if text_at(content, "role") == "model" {
        let calls = parts.iter().filter_map(|part| part.get("functionCall"));
        let past = |call: &Value| Past {
            id: text_at(call, "id"),
            name: text_at(call, "name"),
            input: call.get("args").cloned().unwrap_or_default(),
        };
        return vec![Heard::Model(Said { text: words.join("\n\n"), calls: calls.map(past).collect() })];
    }
    let results = parts.iter().filter_map(|part| part.get("functionResponse"));
    let result = |result: &Value| {
        let response = result.get("response").cloned().unwrap_or_default();
        let output = response.get("output").and_then(Value::as_str).map(str::to_owned);
        Heard::Result(Returned { call: text_at(result, "id"), text: output.unwrap_or_else(|| response.to_string()) })
    };
    let mut heard: Vec<Heard> = results.map(result).collect();
    if !words.is_empty() {
        heard.push(Heard::User(words));
    }
    heard
}

fn parts(reply: &Reply) -> Vec<Value> {
    let mut parts = Vec::new();
    if !reply.think.is_empty() {
        parts.push(thought(&reply.think));
    }
    if !reply.text.is_empty() {
        parts.push(json!({"text": reply.text}));
    }
    parts.extend(calls(reply));
    parts
}

/// Gemini CLI shows as a thought's subject what stands in bold at its beginning.
fn thought(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

fn calls(reply: &Reply) -> Vec<Value> {
    let call = |(at, Called { name, input, .. }): (usize, &Called)| {
        let args = match input {
            Input::Arguments(value) => value.clone(),
            Input::Text(text) => json!({"input": text}),
        };
        json!({"functionCall": {"id": reply.call_id(DIALECT.call_prefix, at), "name": name, "args": args}})
    };
    reply.calls.iter().enumerate().map(call).collect()
}

fn chunk(turn: &Turn, reply: &Reply, (parts, last): (Vec<Value>, bool)) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if last {
        candidate["finishReason"] = json!("STOP");
    }
    let mut usage = json!({"promptTokenCount": reply.usage.input, "totalTokenCount": reply.usage.input});
    if last {
        usage["candidatesTokenCount"] = json!(reply.usage.output - reply.usage.reasoning);
        usage["thoughtsTokenCount"] = json!(reply.usage.reasoning);
        usage["totalTokenCount"] = json!(reply.usage.input + reply.usage.output);
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": turn.model,
        "responseId": reply.id,
    })
}

fn events(turn: &Turn, reply: &Reply) -> Vec<String> {
    let mut all: Vec<Vec<Value>> = Vec::new();
    if !reply.think.is_empty() {
        all.push(vec![thought(&reply.think)]);
    }
    all.extend(pieces(&reply.text).into_iter().map(|piece| vec![json!({"text": piece})]));
    if !reply.calls.is_empty() || all.is_empty() {
        all.push(calls(reply));
    }
    let last = all.len() - 1;
    let chunks = all.into_iter().enumerate().map(|(at, parts)| chunk(turn, reply, (parts, at == last)));
    chunks.map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}

fn refused(status: u16, message: &str) -> Value {
    let word = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        _ => "UNAVAILABLE",
    };
    json!({"error": {"code": status, "message": message, "status": word}})
}
