//! Requests beside the conversation, and those that are none.

use super::{Talk, script, turns};
use evalrun::serve::{play::Kind, turn::Reply};
use serde_json::{Value, json};

fn without_tools(talk: &Talk) -> Talk {
    let mut side = talk.clone();
    side.body.as_object_mut().unwrap().remove("tools");
    side
}

#[test]
fn titles_and_the_like_use_nothing_up() {
    let script = turns(&["[{shell: one}, {say: end}]"]);
    for (agent, words, kind) in [
        ("opencode", "Generate a title for this conversation:", "title"),
        ("codex", "Please give this thread a short title.", "title"),
        ("claude", "quota", "other"),
        ("gemini", "Who speaks next?", "other"),
    ] {
        let talk = Talk::of(agent);
        let before = talk.ask(&script).reply;
        let mut side = without_tools(&talk);
        side.user(words);
        let answered = side.ask(&script);
        assert_eq!(answered.kind, Kind::Side(kind.to_owned()), "{agent}");
        assert!(answered.reply.calls.is_empty() && !answered.reply.text.is_empty());
        assert_eq!(talk.ask(&script).reply, before);
    }
}

#[test]
fn a_side_request_that_wants_json_of_a_shape_gets_it() {
    let schema = json!({
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "next_speaker": {"type": "string", "enum": ["user", "model"]},
            "is_new": {"type": "boolean"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer"}, "list": {"type": "array"}}, "required": ["n", "list"]},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["title", "next_speaker", "is_new", "deep", "maybe"],
        "additionalProperties": false,
    });
    let wants: [(&str, &str, Value); 4] = [
        ("codex", "text", json!({"format": {"type": "json_schema", "name": "x", "schema": schema}})),
        ("opencode", "response_format", json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})),
        ("claude", "output_config", json!({"format": {"type": "json_schema", "schema": schema}})),
        ("gemini", "generationConfig", json!({"responseMimeType": "application/json", "responseJsonSchema": schema})),
    ];
    for (agent, key, value) in wants {
        let mut side = without_tools(&Talk::of(agent));
        side.body[key] = value;
        let text = side.ask(&turns(&["[{say: x}]"])).reply.text;
        let reply: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{agent}: {text}"));
        assert!(jsonschema::is_valid(&schema, &reply), "{agent}: {reply}");
    }
    let mut side = without_tools(&Talk::of("gemini"));
    side.body["generationConfig"] = json!({"responseMimeType": "application/json"});
    assert_eq!(side.ask(&turns(&["[{say: x}]"])).reply.text, "{}");
}

/// A summary takes the conversation's place; where the script stands is written in it, so that the agent goes on where it was.
#[test]
fn a_conversation_goes_on_behind_its_summary() {
    for agent in ["codex", "claude", "gemini", "opencode", "mini", "codex_unknown_model"] {
        let script = script("serve/all_steps.yaml");
        let mut talk = Talk::of(agent);
        let first = talk.body[talk.key()].as_array().unwrap().clone();
        let mut messages = ["Lose them.", "No maximum.", "Thanks."].iter();
        let next = |talk: &mut Talk, messages: &mut std::slice::Iter<'_, &str>| -> Reply {
            let reply = talk.ask(&script).reply;
            talk.heard(&reply, |_| "def slugify(s):\n    raise NotImplementedError\n".to_owned());
            if reply.calls.is_empty()
                && let Some(message) = messages.next()
            {
                talk.user(message);
            }
            reply
        };
        for _ in 0..14 {
            let mut side = without_tools(&talk);
            side.user("You have to write a handoff summary: a detailed summary of the conversation so far.");
            let answered = side.ask(&script);
            assert_eq!(answered.kind, Kind::Side("compaction".to_owned()), "{agent}");
            let mut short = talk.clone();
            short.body[talk.key()] = json!(first);
            short.user(&format!("Another model worked on this. Its summary:\n{}", answered.reply.text));
            // What it was shown is forgotten with the rest, so an edit may be done in another way; what it says is the same.
            let (expected, given) = (talk.ask(&script).reply, short.ask(&script).reply);
            assert_eq!(
                (given.think, given.text, given.calls.len()),
                (expected.think, expected.text, expected.calls.len()),
                "{agent}"
            );
            next(&mut talk, &mut messages);
        }
    }
}

#[test]
fn positions_that_are_none_are_no_positions() {
    let script = script("serve/all_steps.yaml");
    for text in [
        "",
        "part 0",
        "part 9, used , turn 0, given 0",
        "part 0, used 99, turn 0, given 0",
        "part 0, used 0, turn 99, given 0",
        "part 0, used 0, turn 0, given -1",
        "part 0, used 0, turn 0, given 1, sits",
    ] {
        assert!(evalrun::script::Player::resume(script.clone(), text).is_none(), "{text}");
    }
    let far = evalrun::script::Player::resume(script, "part 0, used 0, turn 0, given 99999");
    assert_eq!(far.unwrap().next(), None);
}

#[test]
fn the_folder_that_the_agent_works_in_is_found_in_what_it_says() {
    let script = turns(&["[{write: {path: a/b.txt, text: x}}]"]);
    for (agent, file) in [("claude", "file_path"), ("gemini", "file_path"), ("opencode", "filePath"), ("pi", "path")] {
        let reply = Talk::of(agent).ask(&script).reply;
        let input: Value = serde_json::from_str(&reply.calls[0].input.written()).unwrap();
        assert_eq!(input[file], "/home/dev/project/a/b.txt", "{agent}");
    }
}

#[test]
fn a_request_that_is_none_says_what_is_wrong() {
    let cases = [
        ("/v1/responses", json!({"model": "x"})),
        ("/v1/responses", json!({"input": 7})),
        ("/v1/responses", json!({"input": "x", "previous_response_id": "resp_1"})),
        ("/v1/chat/completions", json!({"messages": "x"})),
        ("/v1/messages", json!([])),
        ("/v1beta/models/x:generateContent", json!({"contents": null})),
    ];
    let told = cases.map(|(path, body)| {
        let (dialect, _) = evalrun::serve::dialects::dialect(path).unwrap();
        let why = (dialect.read)(path, &body).unwrap_err();
        format!("{path} {body}\n  {}", (dialect.refused)(400, &why))
    });
    insta::assert_snapshot!(told.join("\n"));
}

proptest::proptest! {
    /// Whatever an agent sends, it gets a reply or an error, and the same one twice.
    #[test]
    fn any_request_is_answered(items in proptest::collection::vec(item(), 0..12), agent in 0usize..4) {
        let mut talk = Talk::of(["codex", "claude", "gemini", "opencode"][agent]);
        items.into_iter().for_each(|item| talk.push(item));
        let script = script("serve/all_steps.yaml");
        let (one, two) = (talk.ask(&script), talk.ask(&script));
        proptest::prop_assert_eq!(one.reply, two.reply);
    }
}

/// Items that may stand in the conversation of some API, well made and not.
fn item() -> impl proptest::strategy::Strategy<Value = Value> {
    let items = vec![
        json!(null),
        json!("text"),
        json!({"role": "user", "content": null}),
        json!({"role": "user", "content": [{"type": "text"}, {"text": 7}, 5]}),
        json!({"role": "user", "content": "[script position part 0, used 0, turn 0, given 1]"}),
        json!({"role": "user", "content": "[script position part 99, used 0"}),
        json!({"role": "assistant", "content": "hi", "tool_calls": [{"id": 5}, {"function": {"name": "x", "arguments": "{"}}]}),
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_0123456789ab_0", "input": []}]}),
        json!({"role": "model", "parts": [{"functionCall": {}}, {"thought": true}]}),
        json!({"role": "tool", "tool_call_id": "call_0123456789ab_0", "content": {"a": 1}}),
        json!({"type": "function_call", "call_id": "call_0123456789ab_1", "name": "", "arguments": 7}),
        json!({"type": "function_call_output", "output": [{"type": "input_image"}]}),
        json!({"type": "reasoning"}),
        json!({"role": "user", "parts": [{"functionResponse": {"response": []}}, {"inlineData": {}}]}),
        json!({"role": "user", "content": "Go on."}),
        json!({"role": "user", "parts": [{"text": "Go on."}]}),
    ];
    proptest::sample::select(items)
}
