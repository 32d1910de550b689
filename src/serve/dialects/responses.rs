//! OpenAI Responses: `POST /v1/responses`, as Codex speaks it.
//!
//! Tools may stand in a namespace (`{"type": "namespace", "name": "multi_agent_v1", "tools": [..]}`); a call of one carries the
//! namespace, or Codex does not know it. A tool of type `custom` takes text and is called by a `custom_tool_call`.

use super::{Asks, CREATED, Dialect, named, pieces};
use crate::serve::turn::{
    Called, Heard, Input, Past, Reply, Returned, Said, Takes, Tool, Turn, list_at, text_at, texts,
};
use serde_json::{Value, json};

pub static DIALECT: Dialect = Dialect {
    name: "responses",
    asks: |path| match path {
        _ if path.ends_with("/responses") => Some(Asks::Reply),
        _ if path.ends_with("/responses/input_tokens") => Some(Asks::Count),
        _ => None,
    },
    read,
    whole: |turn, reply| response(turn, reply, Stage::Completed),
    events,
    counted: |tokens| json!({"object": "response.input_tokens", "input_tokens": tokens}),
    refused: super::chat::refused,
    call_prefix: "call_",
};

fn read(_: &str, body: &Value) -> Result<Turn, String> {
    if body.get("previous_response_id").is_some_and(|id| !id.is_null()) {
        return Err("previous_response_id: nothing is stored here; send the whole conversation as `input`".to_owned());
    }
    let heard = match body.get("input") {
        Some(Value::String(text)) => vec![Heard::User(vec![text.clone()])],
        Some(Value::Array(items)) => items.iter().filter_map(item).collect(),
        _ => return Err("`input` is a text or a list of items".to_owned()),
    };
    let instructions = body.get("instructions").map(texts).unwrap_or_default();
    let system = instructions.into_iter().chain(list_at(body, "input").iter().flat_map(system_of));
    Ok(Turn {
        model: text_at(body, "model"),
        system: system.collect::<Vec<String>>().join("\n\n"),
        tools: tools(list_at(body, "tools"), None),
        heard,
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
        shape: shape(body),
        usage_wanted: true,
    })
}

fn shape(body: &Value) -> Option<Value> {
    let format = body.get("text")?.get("format")?;
    match text_at(format, "type").as_str() {
        "json_schema" => format.get("schema").cloned(),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}

fn system_of(item: &Value) -> Vec<String> {
    // Where the agent works stands in a message of the user's.
    let ours = ["developer", "system", "user"].contains(&text_at(item, "role").as_str());
    if ours { item.get("content").map(texts).unwrap_or_default() } else { Vec::new() }
}

fn item(item: &Value) -> Option<Heard> {
    let kind = text_at(item, "type");
    let past = |input: Value| {
        let call = Past { id: text_at(item, "call_id"), name: text_at(item, "name"), input };
        Heard::Model(Said { text: String::new(), calls: vec![call] })
    };
    let content = item.get("content").map(texts).unwrap_or_default();
    match (kind.as_str(), text_at(item, "role").as_str()) {
        ("message" | "", "user") => Some(Heard::User(content)),
        ("message" | "", "assistant") => Some(Heard::Model(Said { text: content.join("\n\n"), calls: Vec::new() })),
        ("reasoning", _) => Some(Heard::Model(Said::default())),
        ("function_call", _) => {
            let arguments = text_at(item, "arguments");
            Some(past(serde_json::from_str(&arguments).unwrap_or(Value::String(arguments))))
        }
        ("custom_tool_call", _) => Some(past(Value::String(text_at(item, "input")))),
        ("function_call_output" | "custom_tool_call_output", _) => {
            let output = item.get("output").map(texts).unwrap_or_default().join("\n");
            Some(Heard::Result(Returned { call: text_at(item, "call_id"), text: output }))
        }
        _ => None,
    }
}

fn tools(declared: &[Value], namespace: Option<&str>) -> Vec<Tool> {
    let tool = |tool: &Value| {
        let name = text_at(tool, "name");
        let takes = match text_at(tool, "type").as_str() {
            "namespace" => return tools(list_at(tool, "tools"), Some(&name)),
            "function" => Takes::Arguments(tool.get("parameters").cloned().unwrap_or(Value::Null)),
            "custom" => Takes::Text,
            // Hosted tools (`web_search`) run at the provider: a script has no use for them.
            _ => return Vec::new(),
        };
        vec![Tool { namespace: namespace.map(str::to_owned), name, takes }]
    };
    declared.iter().flat_map(tool).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Completed,
}

fn response(turn: &Turn, reply: &Reply, stage: Stage) -> Value {
    let done = stage == Stage::Completed;
    let output: Vec<Value> = if done { items(reply).iter().map(Item::done).collect() } else { Vec::new() };
    let usage = json!({
        "input_tokens": reply.usage.input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": reply.usage.output,
        "output_tokens_details": {"reasoning_tokens": reply.usage.reasoning},
        "total_tokens": reply.usage.input + reply.usage.output,
    });
    let mut response = json!({
        "id": format!("resp_{}", reply.id),
        "object": "response",
        "created_at": CREATED,
        "status": if done { "completed" } else { "in_progress" },
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": turn.model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": null,
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
    });
    if done {
        response["usage"] = usage;
    }
    response
}

/// One item of the output.
enum Item<'a> {
    Reasoning(&'a str, String),
    Message(&'a str, String),
    Call(&'a Called, String, String),
}

fn items(reply: &Reply) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    if !reply.think.is_empty() {
        items.push(Item::Reasoning(&reply.think, format!("rs_{}", reply.id)));
    }
    if !reply.text.is_empty() {
        items.push(Item::Message(&reply.text, format!("msg_{}", reply.id)));
    }
    for (at, call) in reply.calls.iter().enumerate() {
        items.push(Item::Call(call, format!("fc_{}_{at}", reply.id), reply.call_id(DIALECT.call_prefix, at)));
    }
    items
}

impl Item<'_> {
    fn begun(&self) -> Value {
        match self {
            Item::Reasoning(_, id) => json!({"type": "reasoning", "id": id, "summary": []}),
            Item::Message(_, id) => {
                json!({"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []})
            }
            Item::Call(call, id, call_id) => called(call, (id, call_id), ("in_progress", "")),
        }
    }

    fn done(&self) -> Value {
        match self {
            Item::Reasoning(text, id) => {
                json!({"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": text}]})
            }
            Item::Message(text, id) => json!({
                "type": "message", "id": id, "status": "completed", "role": "assistant", "content": [written(text)],
            }),
            Item::Call(call, id, call_id) => called(call, (id, call_id), ("completed", &call.input.written())),
        }
    }

    /// What stands between `output_item.added` and `output_item.done`, without places and numbers.
    fn events(&self) -> Vec<(&'static str, Value)> {
        match self {
            Item::Reasoning(text, id) => {
                let at = |more: Value| with(json!({"item_id": id, "summary_index": 0}), more);
                let part = |text: &str| json!({"part": {"type": "summary_text", "text": text}});
                let mut events = vec![("response.reasoning_summary_part.added", at(part("")))];
                let deltas = pieces(text).into_iter();
                events
                    .extend(deltas.map(|piece| ("response.reasoning_summary_text.delta", at(json!({"delta": piece})))));
                events.push(("response.reasoning_summary_text.done", at(json!({"text": text}))));
                events.push(("response.reasoning_summary_part.done", at(part(text))));
                events
            }
            Item::Message(text, id) => {
                let at = |more: Value| with(json!({"item_id": id, "content_index": 0}), more);
                let mut events = vec![("response.content_part.added", at(json!({"part": written("")})))];
                let deltas = pieces(text).into_iter();
                events.extend(
                    deltas.map(|piece| ("response.output_text.delta", at(json!({"delta": piece, "logprobs": []})))),
                );
                events.push(("response.output_text.done", at(json!({"text": text, "logprobs": []}))));
                events.push(("response.content_part.done", at(json!({"part": written(text)}))));
                events
            }
            Item::Call(call, id, _) => {
                let (delta, done, key) = match call.input {
                    Input::Arguments(_) => {
                        ("response.function_call_arguments.delta", "response.function_call_arguments.done", "arguments")
                    }
                    Input::Text(_) => {
                        ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input")
                    }
                };
                let written = call.input.written();
                let mut end = json!({"item_id": id, key: written});
                if key == "arguments" {
                    end["name"] = json!(call.name);
                }
                vec![(delta, json!({"item_id": id, "delta": written})), (done, end)]
            }
        }
    }
}

fn written(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn called(call: &Called, (id, call_id): (&str, &str), (status, input): (&str, &str)) -> Value {
    let mut item = match call.input {
        Input::Arguments(_) => json!({
            "type": "function_call", "id": id, "status": status, "call_id": call_id, "name": call.name, "arguments": input,
        }),
        Input::Text(_) => json!({
            "type": "custom_tool_call", "id": id, "status": status, "call_id": call_id, "name": call.name, "input": input,
        }),
    };
    if let Some(namespace) = &call.namespace {
        item["namespace"] = json!(namespace);
    }
    item
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn events(turn: &Turn, reply: &Reply) -> Vec<String> {
    let begun = |name| (name, json!({"response": response(turn, reply, Stage::Begun)}));
    let mut all = vec![begun("response.created"), begun("response.in_progress")];
    for (at, item) in items(reply).iter().enumerate() {
        let place = json!({"output_index": at});
        all.push(("response.output_item.added", with(place.clone(), json!({"item": item.begun()}))));
        all.extend(item.events().into_iter().map(|(name, event)| (name, with(place.clone(), event))));
        all.push(("response.output_item.done", with(place, json!({"item": item.done()}))));
    }
    all.push(("response.completed", json!({"response": response(turn, reply, Stage::Completed)})));
    let numbered = |(number, (name, event)): (usize, (&str, Value))| {
        let data = with(json!({"type": name, "sequence_number": number}), event);
        named(name, &data)
    };
    all.into_iter().enumerate().map(numbered).collect()
}
