//! The running server: what it answers, what it logs, and what it does wrong on purpose.

use super::{Talk, turns};
use evalrun::{
    http::{HttpFault, Request, Response, get, post, stream},
    script::{Misdeed, Script},
    serve::{Log, Playing, ScriptedModel},
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};

async fn model(script: Script, faults: &[&str], log: Option<&Path>) -> ScriptedModel {
    let misdeeds = faults.iter().map(|text| Misdeed::parse(text).unwrap()).collect();
    let log = match log {
        Some(path) => Log::to(path, Arc::new(|text: &str| text.replace("hunter2", "[KEY]"))).await.unwrap(),
        None => Log::none(),
    };
    ScriptedModel::start(0, Playing { script, misdeeds, workspace: None, log }).await.unwrap()
}

fn request(model: &ScriptedModel, talk: &Talk) -> Request {
    Request::json(format!("{}{}", model.base_url(), talk.path), &talk.body)
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

fn two_turns() -> Script {
    turns(&["[{shell: one}, {say: 'A word or two, and some more, so that there are pieces.'}]"])
}

#[tokio::test]
async fn errors_come_as_often_as_asked_and_in_the_providers_words() {
    let mut told = Vec::new();
    for agent in ["codex", "opencode", "claude", "gemini"] {
        let model = model(two_turns(), &["429 first 2 retry-after 7", "529 at 3", "500 at 4"], None).await;
        let talk = Talk::of(agent);
        // Requests beside the conversation are not hit, and not counted.
        let mut side = talk.clone();
        side.body.as_object_mut().unwrap().remove("tools");
        assert_eq!(post(request(&model, &side)).await.unwrap().status, 200);
        for _ in 0..5 {
            let reply = post(request(&model, &talk)).await.unwrap();
            let body = String::from_utf8(reply.body.clone()).unwrap();
            let after = reply.header("retry-after").unwrap_or("-").to_owned();
            told.push(format!("{agent} {} {after} {}", reply.status, if reply.status == 200 { "" } else { &body }));
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_script_may_say_what_goes_wrong() {
    let yaml = "version: 1\ncandidate: x\nfaults: [529 at 1]\nparts: [{turns: [{steps: [{say: hi}]}]}]\n";
    let script = Script::from_yaml(yaml, "x.yaml").unwrap();
    assert_eq!(Script::from_yaml(&script.to_json().to_string(), "x.yaml").unwrap(), script);
    let model = model(script, &[], None).await;
    let talk = Talk::of("mini");
    let statuses =
        [post(request(&model, &talk)).await.unwrap().status, post(request(&model, &talk)).await.unwrap().status];
    assert_eq!(statuses, [529, 200]);
    let bad = Script::from_yaml(&yaml.replace("529 at 1", "529 at noon"), "x.yaml").unwrap_err();
    assert!(bad[0].starts_with("x.yaml:3:10: fault `529 at noon` is not understood"), "{bad:?}");
}

#[tokio::test]
async fn replies_are_spoiled_as_asked() {
    let talk = Talk::of("codex");
    for (fault, kind) in [("torn at 1", "closed"), ("stalled at 1", "timeout"), ("closed at 1", "closed")] {
        let model = model(two_turns(), &[fault], None).await;
        let mut events = stream(request(&model, &talk)).await.unwrap();
        let mut names = Vec::new();
        let fault = loop {
            if fault == "stalled at 1" && names.len() == 3 {
                events.wait_at_most(Duration::from_millis(50));
            }
            match events.event().await {
                Ok(event) => names.push(event.unwrap().name),
                Err(fault) => break fault,
            }
        };
        assert_eq!(fault.kind(), kind);
        assert!(!names.contains(&"response.completed".to_owned()), "{names:?}");
        let whole = stream(request(&model, &talk)).await.unwrap();
        assert_eq!(last(whole).await, "response.completed", "the next request is answered");
    }
    let model = model(two_turns(), &["malformed at 1", "wrong-type at 2", "slow at 3 by 1ms"], None).await;
    let mut events = stream(request(&model, &talk)).await.unwrap();
    let mut broken = 0;
    while let Some(event) = events.event().await.unwrap() {
        broken += u32::from(serde_json::from_str::<Value>(&event.data).is_err());
    }
    assert_eq!(broken, 1);
    let page = post(request(&model, &talk)).await.unwrap();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert_eq!(last(stream(request(&model, &talk)).await.unwrap()).await, "response.completed");
}

async fn last(mut events: evalrun::http::Streaming) -> String {
    let mut last = String::new();
    while let Some(event) = events.event().await.unwrap() {
        last = event.name;
    }
    last
}

#[tokio::test]
async fn replies_of_one_piece_are_spoiled_too() {
    let mut talk = Talk::of("mini");
    talk.body["stream"] = json!(false);
    for (fault, kind) in [("torn", "closed"), ("closed", "closed"), ("stalled", "timeout")] {
        let model = model(two_turns(), &[fault], None).await;
        let request = Request {
            timeout: Duration::from_millis(if kind == "timeout" { 300 } else { 60_000 }),
            ..request(&model, &talk)
        };
        assert_eq!(post(request).await.unwrap_err().kind(), kind, "{fault}");
    }
    let model = model(two_turns(), &["malformed"], None).await;
    let reply = post(request(&model, &talk)).await.unwrap();
    assert!(reply.status == 200 && serde_json::from_slice::<Value>(&reply.body).is_err());
    assert_eq!(json_of(&post(request(&model, &talk)).await.unwrap())["object"], "chat.completion");
}

#[tokio::test]
async fn other_paths_are_answered_or_refused() {
    let model = model(two_turns(), &[], None).await;
    let base = model.base_url();
    let at = |path: &str| Request { url: format!("{base}{path}"), ..Request::default() };
    let mut told = Vec::new();
    let mut tell = |what: &str, reply: Response| {
        told.push(format!("{what} {} {}", reply.status, String::from_utf8(reply.body).unwrap()));
    };
    for path in ["/", "/v1/models", "/models", "/v1beta/models", "/v1/nothing", "/v1/responses"] {
        tell(&format!("GET {path}"), get(at(path)).await.unwrap());
    }
    tell("GET /v1/models anthropic", get(at("/v1/models").header("anthropic-version", "2023-06-01")).await.unwrap());
    for path in ["/v1/nothing", "/v1/responses", "/v1/messages"] {
        tell(&format!("POST {path} no JSON"), post(Request { body: b"{".to_vec(), ..at(path) }).await.unwrap());
    }
    for (agent, path) in [
        ("claude", "/v1/messages/count_tokens"),
        ("gemini", "/v1beta/models/x:countTokens"),
        ("codex", "/v1/responses/input_tokens"),
    ] {
        let reply = post(Request::json(format!("{base}{path}"), &Talk::of(agent).body)).await.unwrap();
        tell(&format!("POST {path}"), reply);
    }
    // Base URLs with and without a version.
    for path in ["/chat/completions", "/openai/v1/chat/completions"] {
        let reply = post(Request::json(format!("{base}{path}"), &Talk::of("mini").body)).await.unwrap();
        assert_eq!(reply.status, 200, "{path}");
    }
    insta::assert_snapshot!(told.join("\n"));
    model.stop().await;
    assert!(matches!(get(at("/")).await, Err(HttpFault::Connect { .. })));
}

#[tokio::test]
async fn the_log_has_a_line_for_every_request_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let model = model(turns(&["[{shell: 'echo hunter2'}, {say: end}]"]), &["500 at 2"], Some(&path)).await;
    let mut talk = Talk::of("codex");
    talk.body["stream"] = json!(false);
    let mut sums = (0, 0);
    for n in 0..3 {
        let request =
            request(&model, &talk).header("Authorization", "Bearer s3cr3t-bearer").header("X-Api-Key", "s3cr3t-key");
        let request = Request { url: format!("{}?key=s3cr3t-query&alt=sse", request.url), ..request };
        let reply = post(request).await.unwrap();
        if n != 1 {
            let usage = &json_of(&reply)["usage"];
            sums.0 += usage["input_tokens"].as_u64().unwrap();
            sums.1 += usage["output_tokens"].as_u64().unwrap();
        }
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("s3cr3t") && !text.contains("hunter2") && text.contains("[KEY]"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sum =
        |key: &str| lines.iter().filter_map(|line| line.pointer(&format!("/reply/usage/{key}"))?.as_u64()).sum::<u64>();
    assert_eq!((sum("input_tokens"), sum("output_tokens")), sums);
    // The version of the client is in its name.
    let mut lines = lines;
    lines.iter_mut().for_each(|line| line["headers"]["user-agent"] = json!("[client]"));
    insta::assert_json_snapshot!(lines);
}
