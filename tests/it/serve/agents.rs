//! One script, every agent: a whole conversation with the tools that each of them declares.

use super::{Talk, fixture, script};
use evalrun::serve::{
    play::Kind,
    turn::{Called, Input},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs};

const CODE: &str = "import re\n\n\ndef slugify(s):\n    raise NotImplementedError\n";

/// What the agent's tools give: the file, where it is read.
fn result(call: &Called) -> String {
    let input = call.input.written();
    let reads = ["read", "Read"].iter().any(|word| call.name.contains(word))
        || input.contains("cat slug")
        || input.contains("sed -n");
    if reads { format!("Output:\n{CODE}") } else { "done".to_owned() }
}

fn shown(call: &Called) -> String {
    let name = match &call.namespace {
        Some(namespace) => format!("{namespace}/{}", call.name),
        None => call.name.clone(),
    };
    match &call.input {
        Input::Arguments(value) => format!("  {name} {value}\n"),
        Input::Text(text) => {
            format!("  {name}\n{}", text.lines().map(|line| format!("    | {line}\n")).collect::<String>())
        }
    }
}

/// All calls and words of the conversation. Every request is sent twice, and gets the same reply.
fn conversation(agent: &str) -> String {
    let (script, mut talk, mut told) = (script("serve/all_steps.yaml"), Talk::of(agent), String::new());
    let mut messages = ["Lose them.", "No maximum.", "Thanks."].iter();
    loop {
        let answered = talk.ask(&script);
        assert_eq!(answered.kind, Kind::Main, "{agent}");
        assert_eq!(answered.reply, talk.ask(&script).reply, "{agent}");
        let reply = answered.reply;
        for (mark, text) in [("(thinks) ", &reply.think), ("", &reply.text)] {
            text.lines().for_each(|line| told.push_str(&format!("{mark}{line}\n")));
        }
        reply.calls.iter().for_each(|call| told.push_str(&shown(call)));
        talk.heard(&reply, result);
        if reply.text == "Nothing more to do." {
            return told;
        }
        if reply.calls.is_empty() {
            let message = messages.next().expect("the script goes on for ever");
            told.push_str(&format!("> {message}\n"));
            talk.user(message);
        }
    }
}

#[test]
fn one_script_drives_every_agent() {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(fixture("serve/agents")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let told = conversation(&name);
        all.insert(name, told);
    }
    for (name, told) in all {
        insta::assert_snapshot!(format!("agent_{name}"), told);
    }
}

/// Items of conversations that real agents had with another model, whose ids are not ours.
fn recorded(path: &str, item: impl Fn(&Value) -> Option<Value>) -> Vec<Value> {
    let text = fs::read_to_string(fixture(&format!("traces/{path}"))).unwrap();
    text.lines().filter_map(|line| item(&serde_json::from_str(line).unwrap())).collect()
}

/// At every place where the recorded model spoke, the script is where the model was: by turn and response.
#[test]
fn recorded_conversations_are_read_as_they_were() {
    let codex = recorded(
        "codex_rollout/three-turns-gpt-5.5/rollout-2026-11-22T12-02-06-01a20322-909e-7483-b96f-5cf6bf3f73b8.jsonl",
        |line| (line["type"] == "response_item").then(|| line["payload"].clone()),
    );
    let claude = recorded("claude_session/8b1ca142-1dd7-4611-a111-58be218a82fc.jsonl", |line| {
        ["user", "assistant"].contains(&line["type"].as_str()?).then(|| line["message"].clone())
    });
    let turn = |turn: u32| {
        format!("[{}]", (1..9).map(|step| format!("{{shell: at {turn}.{step}}}")).collect::<Vec<_>>().join(", "))
    };
    let script = super::turns(&[&turn(1), &turn(2), &turn(3)]);
    for (agent, items) in [("codex", codex), ("claude", claude)] {
        let mut talk = Talk::of(agent);
        let key = talk.key();
        let is_models = |item: &Value| {
            let kind = item["type"].as_str().unwrap_or_default();
            item["role"] == "assistant" || ["reasoning", "function_call", "custom_tool_call"].contains(&kind)
        };
        let mut places = Vec::new();
        for at in (1..items.len()).filter(|at| is_models(&items[*at]) && !is_models(&items[at - 1])) {
            talk.body[key] = items[..at].to_vec().into();
            let input = talk.ask(&script).reply.calls[0].input.written();
            places.push(input.split("at ").nth(1).unwrap()[..3].to_owned());
        }
        assert_eq!(places, ["1.1", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2"], "{agent}");
    }
}

/// Codex puts results between the calls of one response; Gemini CLI makes ids of its own around ours.
#[test]
fn a_response_that_comes_back_in_pieces_is_one_response() {
    let script = super::turns(&["[{together: [{shell: one}, {shell: two}]}, {shell: three}, {say: end}]"]);
    let mut talk = Talk::of("codex");
    let reply = talk.ask(&script).reply;
    talk.heard(&reply, |_| "done".to_owned());
    let items = talk.body["input"].as_array_mut().unwrap();
    // call, call, result, result -> call, result, call, result
    let count = items.len();
    items.swap(count - 3, count - 2);
    let mut talk_on = talk.clone();
    let next = talk_on.ask(&script).reply;
    assert_eq!(next.calls[0].input.written(), r#"{"cmd":"three"}"#);
    talk_on.heard(&next, |_| "done".to_owned());
    assert_eq!(talk_on.ask(&script).reply.text, "end");

    let mut talk = Talk::of("gemini");
    let reply = talk.ask(&script).reply;
    talk.heard(&reply, |_| "done".to_owned());
    for content in talk.body["contents"].as_array_mut().unwrap() {
        for part in
            content["parts"].as_array_mut().unwrap().iter_mut().filter(|part| part.get("functionCall").is_some())
        {
            let id = part["functionCall"]["id"].as_str().unwrap().to_owned();
            part["functionCall"]["id"] = format!("run_shell_command__{id}").into();
        }
    }
    assert_eq!(talk.ask(&script).reply.calls[0].input.written(), r#"{"command":"three","description":"run three"}"#);
}

/// The user stops a turn and says something else, or says something while a tool runs.
#[test]
fn what_the_user_says_in_the_middle_begins_the_next_turn() {
    let script = super::turns(&["[{shell: one}, {shell: two}, {say: end}]", "[{say: second}]"]);
    for agent in ["codex", "claude", "gemini", "opencode"] {
        let mut talk = Talk::of(agent);
        let reply = talk.ask(&script).reply;
        talk.heard(&reply, |_| "interrupted".to_owned());
        talk.user("[Request interrupted by user for tool use]");
        talk.user("Stop, do the other thing.");
        assert_eq!(talk.ask(&script).reply.text, "second", "{agent}");
    }
}

#[test]
fn a_turn_without_a_last_word_ends_all_the_same() {
    let script = super::turns(&["[{shell: one}]"]);
    let mut talk = Talk::of("mini");
    let reply = talk.ask(&script).reply;
    talk.heard(&reply, |_| "done".to_owned());
    let last = talk.ask(&script).reply;
    assert_eq!((last.text.as_str(), last.calls.len()), (evalrun::serve::play::NOTHING_MORE, 0));
}
