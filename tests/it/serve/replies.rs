//! Replies in the shape and order of each provider, held against OpenAI's own description where there is one.

use super::{Talk, turns};
use evalrun::{
    http::Events,
    script::Script,
    serve::turn::{Called, Input, Reply},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// OpenAI's description, as JSON Schema understands it.
static OPENAI: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(super::fixture("openapi/openai.subset.json")).unwrap();
    let mut whole: Value = serde_json::from_str(&text).unwrap();
    nullable(&mut whole["components"]["schemas"]);
    whole
});

/// OpenAPI 3.0 says `nullable` where JSON Schema has a type for it.
fn nullable(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(nullable),
        Value::Object(map) => {
            map.values_mut().for_each(nullable);
            if map.remove("nullable") == Some(json!(true)) {
                let inner = Value::Object(std::mem::take(map));
                map.insert("anyOf".to_owned(), json!([inner, {"type": "null"}]));
            }
        }
        _ => {}
    }
}

fn holds(name: &str, value: &Value) {
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": OPENAI["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error:.300}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{name}\n{value:#}\n{}", wrong.join("\n"));
}

fn everything() -> Script {
    turns(&[
        "[{think: 'Both at once, I think.'}, {say: 'I look at the code, and I run the tests; a long word: antidisestablishmentarianism.'}, {together: [{read: slug.py}, {shell: make test}]}, {edit: {path: slug.py, old: pass, new: 'return s'}}, {say: Done.}]",
    ])
}

/// The first replies of a conversation: with calls, with a patch where there is one, and the last word.
fn replies(agent: &str) -> Vec<(Talk, Reply)> {
    let (script, mut talk, mut all) = (everything(), Talk::of(agent), Vec::new());
    for _ in 0..3 {
        let mut reply = talk.ask(&script).reply;
        // The same whatever the request weighs.
        reply.id = format!("{:012x}", all.len() + 1);
        reply.usage.input = 1_000;
        all.push((talk.clone(), reply.clone()));
        talk.heard(&reply, |_| "def slugify(s):\n    pass\n".to_owned());
    }
    all
}

fn datas(events: &[String]) -> Vec<(String, String)> {
    let whole = Events::new(1 << 20).push(events.concat().as_bytes()).unwrap();
    assert_eq!(whole.len(), events.len(), "every event is whole by itself");
    whole.into_iter().map(|event| (event.name, event.data)).collect()
}

#[test]
fn replies_are_streamed_in_the_order_of_each_provider() {
    for agent in ["codex", "opencode", "claude", "gemini"] {
        let told: Vec<String> =
            replies(agent).iter().map(|(talk, reply)| (talk.dialect().events)(&talk.turn(), reply).concat()).collect();
        insta::assert_snapshot!(format!("stream_{agent}"), told.join("----\n").replace('\r', ""));
    }
}

#[test]
fn replies_in_one_piece_have_the_shape_of_each_provider() {
    for agent in ["codex", "opencode", "claude", "gemini"] {
        let told: Vec<Value> =
            replies(agent).iter().map(|(talk, reply)| (talk.dialect().whole)(&talk.turn(), reply)).collect();
        insta::assert_json_snapshot!(format!("whole_{agent}"), told);
    }
}

#[test]
fn responses_hold_to_openais_description() {
    let name = |event: &str| {
        let known = OPENAI["components"]["schemas"]["ResponseStreamEvent"]["anyOf"].as_array().unwrap();
        let of = |schema: &Value| schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let says = |schema: &String| {
            let kinds = &OPENAI["components"]["schemas"][schema]["properties"]["type"]["enum"];
            kinds.as_array().is_some_and(|kinds| kinds.contains(&json!(event)))
        };
        known.iter().map(of).find(says).unwrap_or_else(|| panic!("OpenAI knows no event {event}"))
    };
    for agent in ["codex", "codex_namespaces", "codex_before"] {
        for (talk, reply) in replies(agent) {
            holds("Response", &(talk.dialect().whole)(&talk.turn(), &reply));
            let events = datas(&(talk.dialect().events)(&talk.turn(), &reply));
            for (number, (event, data)) in events.iter().enumerate() {
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!((&data["type"], &data["sequence_number"]), (&json!(event), &json!(number)));
                holds(&name(event), &data);
            }
        }
    }
}

#[test]
fn chat_completions_hold_to_openais_description() {
    for agent in ["opencode", "pi", "mini"] {
        for (talk, reply) in replies(agent) {
            holds("CreateChatCompletionResponse", &(talk.dialect().whole)(&talk.turn(), &reply));
            let mut events = datas(&(talk.dialect().events)(&talk.turn(), &reply));
            assert_eq!(events.pop(), Some((String::new(), "[DONE]".to_owned())));
            for (_, data) in &events {
                holds("CreateChatCompletionStreamResponse", &serde_json::from_str(data).unwrap());
            }
        }
    }
}

/// A client that puts deltas together gets what stands in the reply of one piece.
#[test]
fn deltas_add_up_to_the_whole() {
    for (talk, reply) in ["codex", "opencode", "claude", "gemini"].iter().flat_map(|agent| replies(agent)) {
        let (mut think, mut text, mut inputs) = (String::new(), String::new(), vec![String::new(); reply.calls.len()]);
        let first = usize::from(!reply.think.is_empty()) + usize::from(!reply.text.is_empty());
        for (_, data) in datas(&(talk.dialect().events)(&talk.turn(), &reply)) {
            let Ok(event) = serde_json::from_str::<Value>(&data) else { continue };
            let piece = |at: &str| event.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            match talk.dialect().name {
                "responses" => match event["type"].as_str().unwrap() {
                    "response.reasoning_summary_text.delta" => think += &piece("/delta"),
                    "response.output_text.delta" => text += &piece("/delta"),
                    "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                        inputs[event["output_index"].as_u64().unwrap() as usize - first] += &piece("/delta");
                    }
                    _ => {}
                },
                "chat" => {
                    think += &piece("/choices/0/delta/reasoning_content");
                    text += &piece("/choices/0/delta/content");
                    if let Some(call) = event.pointer("/choices/0/delta/tool_calls/0") {
                        inputs[call["index"].as_u64().unwrap() as usize] +=
                            call["function"]["arguments"].as_str().unwrap();
                    }
                }
                "messages" => {
                    think += &piece("/delta/thinking");
                    text += &piece("/delta/text");
                    if event["delta"]["type"] == "input_json_delta" {
                        inputs[event["index"].as_u64().unwrap() as usize - first] += &piece("/delta/partial_json");
                    }
                }
                _ => {
                    for part in event["candidates"][0]["content"]["parts"].as_array().unwrap() {
                        match (part["thought"].as_bool(), part["text"].as_str()) {
                            (Some(true), Some(piece)) => think += piece,
                            (_, Some(piece)) => text += piece,
                            (_, None) => {
                                let args = part["functionCall"]["args"].to_string();
                                *inputs.iter_mut().find(|input| input.is_empty()).unwrap() = args;
                            }
                        }
                    }
                }
            }
        }
        let written: Vec<String> = reply.calls.iter().map(|call| call.input.written()).collect();
        assert_eq!((think, text, inputs), (reply.think, reply.text, written), "{}", talk.path);
    }
}

/// Tools in a namespace and tools that take text come back as such.
#[test]
fn a_call_names_its_namespace_and_takes_text_where_the_tool_does() {
    let calls = vec![
        Called {
            namespace: Some("multi_agent_v1".into()),
            name: "spawn_agent".into(),
            input: Input::Arguments(json!({"message": "x"})),
        },
        Called { namespace: None, name: "apply_patch".into(), input: Input::Text("*** Begin Patch".into()) },
    ];
    let (talk, reply) = (Talk::of("codex"), Reply { id: "0123456789ab".into(), calls, ..Reply::default() });
    let whole = (talk.dialect().whole)(&talk.turn(), &reply);
    assert_eq!(
        whole["output"],
        json!([
            {"type": "function_call", "id": "fc_0123456789ab_0", "status": "completed", "call_id": "call_0123456789ab_0",
             "name": "spawn_agent", "arguments": "{\"message\":\"x\"}", "namespace": "multi_agent_v1"},
            {"type": "custom_tool_call", "id": "fc_0123456789ab_1", "status": "completed", "call_id": "call_0123456789ab_1",
             "name": "apply_patch", "input": "*** Begin Patch"},
        ])
    );
    let names: Vec<(Option<String>, String)> =
        talk.turn().tools.into_iter().map(|tool| (tool.namespace, tool.name)).collect();
    assert!(names.contains(&(Some("multi_agent_v1".to_owned()), "spawn_agent".to_owned())));
    assert!(!names.iter().any(|(_, name)| name == "web_search" || name.is_empty()));
}
