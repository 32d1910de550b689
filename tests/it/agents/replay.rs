//! A recording played again says what was recorded, whatever state its file is in.

use super::talk::{fixture, place, timeless};
use evalrun::{
    agents::driver,
    model::{
        agent::{AskId, Draft, Signal},
        id::EventId,
        trace::{Body, Event, Question, Text, UserMessage},
    },
};
use serde_json::json;
use std::{collections::HashMap, fs};

const HEADER: &str =
    r#"{"trace":1,"agent":"contract","source":"scripted","clock":"receipt","tells":{"exit_codes":true}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scripted_session_recorded_and_played_again_is_the_same() {
    let messages = ["hello", "ask", "bytes", "again"];
    let scripted = place("scripted", json!({"script": fixture("script.yaml")}));
    let mut talk = scripted.open().await.unwrap();
    let mut live = Vec::new();
    for message in messages {
        live.push(talk.turn(message).await);
    }
    talk.close().await;

    let trace = scripted.folder.path().join("trace.jsonl");
    fs::write(&trace, recorded(&messages, &live)).unwrap();
    let replay = place("replay", json!({"trace": trace}));
    let mut talk = replay.open().await.unwrap();
    let mut again = Vec::new();
    for _ in messages {
        again.push(talk.turn("whatever").await);
    }
    assert_eq!(talk.close().await, Vec::<String>::new());
    assert_eq!(comparable(&again), comparable(&live));
    let tells = (driver("replay").unwrap().tells)(&replay.seat.spec);
    assert!(tells.exit_codes && !tells.plans && !tells.snapshots);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_left_out_and_said() {
    let whole = fs::read_to_string(fixture("replay/hello.jsonl")).unwrap();
    let torn = whole.replace("\"one\"", "\"one") + "{\"id\": 99, \"turn\": 3, \"ki";
    let place = place("replay", json!({"trace": ""}));
    let trace = place.folder.path().join("trace.jsonl");
    fs::write(&trace, torn).unwrap();
    let place = super::talk::place("replay", json!({"trace": trace}));
    let mut talk = place.open().await.unwrap();
    let (first, second) = (talk.turn("hello").await, talk.turn("again").await);
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(matches!(talk.turn("more").await.last(), Some(Signal::Gone(_))));
    assert_eq!(talk.close().await, ["2 lines of the recording could not be read and were left out"]);
}

#[test]
fn a_file_that_is_no_recording_is_a_mistake_with_its_reason() {
    let place = place("replay", json!({}));
    let check = |text: &[u8]| {
        let path = place.folder.path().join("trace.jsonl");
        fs::write(&path, text).unwrap();
        let mut spec = (*place.seat.spec).clone();
        spec.rest = json!({"trace": path});
        (driver("replay").unwrap().check)(&spec).join("; ").replace(place.folder.path().to_str().unwrap(), "DIR")
    };
    let later = HEADER.replace("\"trace\":1", "\"trace\":9");
    let files: [&[u8]; 5] = [b"", b"words\n", b"{}\n", b"\xff\xfe\n", later.as_bytes()];
    insta::assert_snapshot!(files.map(check).join("\n"));
    assert_eq!(check(HEADER.as_bytes()), "");
}

/// What the runner would have written.
fn recorded(messages: &[&str], turns: &[Vec<Signal>]) -> String {
    let mut events: Vec<Event> = Vec::new();
    let mut calls = HashMap::new();
    for (at, (message, signals)) in messages.iter().zip(turns).enumerate() {
        let user = Body::UserMessage(UserMessage { text: Text::whole(*message), images: 0 });
        for draft in std::iter::once(Draft::of(user)).chain(signals.iter().map(drafted)) {
            let id = EventId(u32::try_from(events.len()).unwrap());
            let mut body = draft.body;
            match &mut body {
                Body::ToolCall(_) => drop(calls.insert(draft.call, id)),
                Body::ToolResult(result) => result.call = calls.get(&draft.call).copied(),
                Body::FileChange(change) => change.call = calls.get(&draft.call).copied(),
                _ => {}
            }
            events.push(Event {
                id,
                turn: u32::try_from(at + 1).unwrap(),
                stage: "only".into(),
                lane: draft.lane,
                at: Some(1),
                time: None,
                from: None,
                superseded: false,
                body,
            });
        }
    }
    let lines: String = events.iter().map(|event| event.to_line().unwrap() + "\n").collect();
    format!("{HEADER}\n{lines}")
}

fn drafted(signal: &Signal) -> Draft {
    match signal {
        Signal::Event(draft) => (**draft).clone(),
        Signal::Ask(_, ask) => Draft::of(Body::Question(Question {
            text: Text::whole(&ask.text),
            options: ask.options.clone(),
            answer: None,
        })),
        Signal::TurnEnd(end) => Draft::of(Body::TurnEnd(end.clone())),
        Signal::Permit(..) | Signal::Gone(_) => panic!("not in this conversation"),
    }
}

/// Ids of calls as they come, since a recording has ids of its own.
fn comparable(turns: &[Vec<Signal>]) -> Vec<Vec<Signal>> {
    let mut calls = HashMap::new();
    let mut plain = |signal: &Signal| {
        let mut signal = timeless(signal);
        match &mut signal {
            Signal::Event(draft) => {
                draft.from = None;
                let next = calls.len();
                draft.call = draft.call.take().map(|call| format!("call {}", calls.entry(call).or_insert(next)));
            }
            Signal::Ask(id, _) => *id = AskId(0),
            Signal::Permit(..) | Signal::TurnEnd(_) | Signal::Gone(_) => {}
        }
        signal
    };
    turns.iter().map(|turn| turn.iter().map(&mut plain).collect()).collect()
}
