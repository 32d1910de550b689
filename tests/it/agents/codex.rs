//! The driver of Codex, against a stand-in that says what Codex 0.169 was recorded saying, and against the recording itself.

use super::talk::{Place, Talk, place, shown, stand_in, within};
use evalrun::{
    agents::codex::heard,
    model::{
        agent::{AskId, Reply, Signal, TurnEnded},
        fault::{Boundary, Fault},
        trace::{Body, ResultStatus},
    },
    process::redact::Redactor,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/codex").join(name);
    fs::read_to_string(path).unwrap()
}

/// A seat of the stand-in, with a list in its workspace.
fn seat(more: &Value) -> Place {
    let mut rest = json!({"command": ["python3", stand_in("codex_app_server.py")]});
    rest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let place = place("codex", rest);
    fs::write(place.seat.workspace.join("list.txt"), "one\n").unwrap();
    place
}

async fn opened(place: &Place) -> Talk {
    within(place.open()).await.unwrap_or_else(|fault| panic!("{fault:?}"))
}

/// One turn with the app-server: what it yields.
async fn turn(message: &str) -> Vec<Signal> {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    let signals = talk.turn(message).await;
    talk.close().await;
    assert_eq!(place.left_behind(), 0);
    signals
}

fn said(signals: &[Signal]) -> Vec<String> {
    let text = |signal: &Signal| match signal {
        Signal::Event(draft) => match &draft.body {
            Body::AgentMessage(message) => Some(message.text.as_str().to_owned()),
            _ => None,
        },
        _ => None,
    };
    signals.iter().filter_map(text).collect()
}

fn bodies(signals: &[Signal]) -> Vec<&Body> {
    signals
        .iter()
        .filter_map(|signal| if let Signal::Event(draft) = signal { Some(&draft.body) } else { None })
        .collect()
}

fn how(signals: &[Signal]) -> Option<TurnEnded> {
    match signals.last() {
        Some(Signal::TurnEnd(end)) => Some(end.how),
        _ => None,
    }
}

fn gone(signals: &[Signal]) -> &Fault {
    match signals.last() {
        Some(Signal::Gone(fault)) => fault,
        other => panic!("not gone: {other:?}"),
    }
}

/// Signals in short, a line each.
fn short(signals: &[Signal]) -> String {
    let cut = |text: String| text.chars().take(400).collect::<String>();
    signals
        .iter()
        .map(|signal| match signal {
            Signal::Event(draft) => {
                let call = draft.call.as_deref().map(|call| format!(" ({call})")).unwrap_or_default();
                cut(format!("{}{call} {:?}", draft.lane, draft.body)) + "\n"
            }
            other => cut(format!("{other:?}")) + "\n",
        })
        .collect()
}

#[test]
fn a_recorded_conversation_is_heard_as_it_was() {
    let wire = fixture("wire.jsonl");
    let lines: Vec<&str> = wire.lines().collect();
    insta::assert_snapshot!("codex_wire", short(&heard(&lines)));
}

#[test]
fn a_recording_that_is_cut_or_shuffled_does_no_harm() {
    let wire = fixture("wire.jsonl");
    let lines: Vec<&str> = wire.lines().collect();
    let whole = heard(&lines).len();
    for step in [2, 3, 7] {
        let some: Vec<&str> = lines.iter().copied().step_by(step).collect();
        assert!(heard(&some).len() <= whole);
        let back: Vec<&str> = lines.iter().rev().copied().collect();
        assert!(!heard(&back).is_empty());
    }
    for cut in (0..wire.len()).step_by(997).filter(|cut| wire.is_char_boundary(*cut)) {
        heard(&wire[..cut].lines().collect::<Vec<_>>());
    }
}

/// Every place of a value, the value itself included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| places(inner, &format!("{at}/{}", key.replace('/', "~1")), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, inner)| places(inner, &format!("{at}/{index}"), found))
        }
        _ => {}
    }
}

#[test]
fn no_value_in_any_place_of_a_recording_does_harm() {
    let odd = [
        Value::Null,
        json!(-1),
        json!(u64::MAX),
        json!(""),
        json!([]),
        json!({"type": 5}),
        json!([[null]]),
        json!(true),
    ];
    let wire = fixture("wire.jsonl");
    let turns =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces/codex_exec/three-turns-gpt-5.5/turn2.jsonl");
    let exec = fs::read_to_string(turns).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let mut tried = 0;
    for line in wire.lines().chain(exec.lines()) {
        let message: Value = serde_json::from_str(line).unwrap();
        let mut all = Vec::new();
        places(&message, "", &mut all);
        let kind = |at: &str| message.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        for place in all {
            // One line of each kind is enough.
            if !seen.insert((
                kind("/method"),
                kind("/type"),
                kind("/params/item/type"),
                kind("/item/type"),
                place.clone(),
            )) {
                continue;
            }
            for value in &odd {
                let mut changed = message.clone();
                *changed.pointer_mut(&place).unwrap() = value.clone();
                let changed = changed.to_string();
                heard(&[&changed, line, &changed]);
                let mut stream = evalrun::importers::codex_exec::Stream::default();
                for line in [&changed, line, &changed] {
                    let _ = stream.line(line);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_turns_edit_the_workspace_and_say_what_they_did() {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    let mut signals = Vec::new();
    for message in ["look", "work", "check"] {
        signals.extend(talk.turn(message).await);
    }
    let identity = talk.session.identity();
    assert_eq!(identity.version.as_deref(), Some("0.169.0"));
    assert_eq!(identity.model.as_deref(), Some("gpt-5.5"));
    assert_eq!(identity.session.as_deref(), Some("01a20331-5946-7e63-9d07-8d3d2c4a63bf"));
    assert_eq!(talk.close().await, Vec::<String>::new());
    assert_eq!(fs::read_to_string(place.seat.workspace.join("list.txt")).unwrap(), "one\ntwo\n");
    let text = shown(&signals).replace(place.seat.workspace.to_str().unwrap(), "$WORKSPACE");
    insta::assert_snapshot!("codex_three_turns", text);
    let mut kept: Vec<PathBuf> = fs::read_dir(&place.seat.native).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert_eq!(kept.len(), 2, "the thread's rollout and its sub-agent's: {kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_of_every_kind_are_answered_as_the_schema_wants() {
    assert_eq!(said(&turn("ask").await), ["blue it is"]);
    let two = turn("ask two").await;
    assert_eq!(said(&two), ["blue and blue"]);
    assert_eq!(two.iter().filter(|signal| matches!(signal, Signal::Ask(..))).count(), 2);
    assert_eq!(said(&turn("elicit").await), [r#"{"action": "accept", "content": {"colour": "blue"}}"#]);
    let odd = turn("odd requests").await;
    assert_eq!(said(&odd), ["[false, -32601]"], "an unknown request gets an error, not silence");
    assert!(bodies(&odd).iter().any(|body| matches!(body, Body::Unknown(kept) if kept.kind == "codex.brand/new")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_are_granted_and_denied() {
    for (message, granted, denied) in [
        ("permit", "granted", "denied"),
        ("permit edit", "first", "one"),
        (
            "permit more",
            r#"{"permissions": {"network": {"enabled": true}}, "scope": "turn"}"#,
            r#"{"permissions": {}, "scope": "turn"}"#,
        ),
    ] {
        for (reply, expected) in [(Reply::Allow, granted), (Reply::Deny("no".to_owned()), denied)] {
            let place = seat(&json!({}));
            let mut talk = opened(&place).await;
            talk.say(message).await;
            let mut signals = Vec::new();
            while how(&signals).is_none() {
                let signal = talk.next().await;
                if let Signal::Permit(ask, permit) = &signal {
                    assert!(!permit.what.is_empty());
                    talk.reply(*ask, reply.clone()).await;
                }
                signals.push(signal);
            }
            assert_eq!(said(&signals), [expected], "{message} {reply:?}");
            let refused = bodies(&signals)
                .iter()
                .any(|body| matches!(body, Body::ToolResult(result) if result.status == ResultStatus::Denied));
            assert_eq!(refused, reply != Reply::Allow && message != "permit more", "{message}");
            talk.close().await;
        }
    }
    let edit = turn("permit edit").await;
    let asked =
        edit.iter().find_map(|signal| if let Signal::Permit(_, permit) = signal { Some(&permit.what) } else { None });
    assert!(asked.unwrap().ends_with("/workspace/list.txt"), "it says what would be changed: {asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_make_no_sense_are_kept_and_harm_nothing() {
    let signals = turn("garbage").await;
    assert_eq!(said(&signals), ["still here"]);
    assert_eq!(how(&signals), Some(TurnEnded::Done));
    let kinds = bodies(&signals)
        .into_iter()
        .filter_map(|body| if let Body::Unknown(kept) = body { Some(kept.kind.as_str()) } else { None });
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        ["malformed", "malformed", "malformed", "malformed", "codex.brand/new", "codex.item.brandNew", "codex.item"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_keeps_what_was_half_said_and_half_done() {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    talk.say("slow tool").await;
    let mut signals = vec![talk.next().await];
    within(talk.session.interrupt()).await.unwrap();
    while how(&signals).is_none() {
        signals.push(talk.next().await);
    }
    assert_eq!(how(&signals), Some(TurnEnded::Interrupted));
    assert_eq!(said(&signals), ["half a message"]);
    let results = bodies(&signals).into_iter().filter_map(|body| match body {
        Body::ToolResult(result) => Some((result.status, result.output.as_str().to_owned())),
        _ => None,
    });
    assert_eq!(results.collect::<Vec<_>>(), [(ResultStatus::Cancelled, "so far\n".to_owned())]);
    assert_eq!(said(&talk.turn("hello").await), ["one"], "the conversation goes on");
    talk.close().await;
    assert_eq!(place.left_behind(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_is_the_providers_fault_in_either_mode() {
    for mode in ["app-server", "exec"] {
        let mut place = seat(&json!({"mode": mode}));
        place.seat.limits.idle_ms = Some(200);
        let mut talk = opened(&place).await;
        let signals = talk.turn("storm").await;
        let fault = gone(&signals);
        assert_eq!((fault.boundary, fault.retryable), (Boundary::Provider, true), "{mode}: {fault:?}");
        assert!(fault.message.contains("waiting for network"), "{mode}: {fault:?}");
        assert!(fault.hint.is_some());
        let errors = bodies(&signals).into_iter().filter(|body| matches!(body, Body::Error(_))).count();
        assert!(errors <= 2, "{mode}: 200 errors are told once and counted, not {errors} times");
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_while_the_endpoint_is_dead_blames_the_provider() {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    talk.say("storm").await;
    let mut signals = vec![talk.next().await];
    within(talk.session.interrupt()).await.unwrap();
    while !matches!(signals.last(), Some(Signal::Gone(_) | Signal::TurnEnd(_))) {
        signals.push(talk.next().await);
    }
    assert_eq!(gone(&signals).boundary, Boundary::Provider);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_comes_back_breaks_nothing() {
    let signals = turn("shower").await;
    assert_eq!(said(&signals), ["back again"]);
    assert_eq!(how(&signals), Some(TurnEnded::Done));
    let errors = bodies(&signals).into_iter().filter_map(|body| match body {
        Body::Error(error) => Some(error.message.as_str().to_owned()),
        _ => None,
    });
    let errors: Vec<String> = errors.collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[1].starts_with("the same 2 more times"), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_fails_is_the_agents_unless_the_provider_refused() {
    for mode in ["app-server", "exec"] {
        let place = seat(&json!({"mode": mode}));
        let mut talk = opened(&place).await;
        let signals = talk.turn("no key").await;
        let fault = gone(&signals);
        assert_eq!((fault.boundary, fault.retryable), (Boundary::Provider, false), "{mode}: {fault:?}");
        talk.close().await;

        let mut talk = opened(&place).await;
        let signals = talk.turn("too long").await;
        assert_eq!(how(&signals), Some(TurnEnded::Failed), "{mode}: a full context is the agent's own");
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why_and_what_to_do() {
    let mut place = seat(&json!({"command": ["no-such-codex-anywhere"]}));
    let missing = within(place.open()).await.err().unwrap();
    assert_eq!(missing.boundary, Boundary::Agent);
    assert!(missing.hint.unwrap().contains("npm install -g @openai/codex"));

    let mut spec = (*place.seat.spec).clone();
    spec.rest = json!({"command": ["python3", stand_in("codex_app_server.py")]});
    spec.model = Some("refused".to_owned());
    place.seat.spec = Arc::new(spec.clone());
    let refused = within(place.open()).await.err().unwrap();
    assert_eq!(refused.message, "codex refused thread/start: no model is called refused");

    spec.rest = json!({"command": ["sh", "-c", "echo broken >&2; exit 7"]});
    place.seat.spec = Arc::new(spec);
    let died = within(place.open()).await.err().unwrap();
    assert_eq!(died.message, "codex left with exit code 7: broken");
    assert_eq!(place.left_behind(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_what_is_no_longer_asked_is_taken_quietly_and_to_nothing_refused() {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    talk.say("ask").await;
    let ask = loop {
        if let Signal::Ask(ask, _) = talk.next().await {
            break ask;
        }
    };
    within(talk.session.interrupt()).await.unwrap();
    within(talk.session.reply(ask, Reply::Text("blue".to_owned()))).await.unwrap();
    assert!(within(talk.session.reply(AskId(9), Reply::Allow)).await.is_err());
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_home_is_fresh_configured_and_private() {
    let mut place = seat(&json!({"settings": {"model_reasoning_effort": "high", "approval_policy": "untrusted"}}));
    place.seat.model_at = Some("http://127.0.0.1:8101".to_owned());
    let mut talk = opened(&place).await;
    let config = said(&talk.turn("show home").await).join("");
    talk.close().await;
    for line in [
        "approval_policy = \"untrusted\"",
        "check_for_update_on_startup = false",
        "model_reasoning_effort = \"high\"",
        "base_url = \"http://127.0.0.1:8101/v1\"",
        "env_key = \"EVALRUN_MODEL_KEY\"",
        "exporter = \"none\"",
        "trust_level = \"trusted\"",
    ] {
        assert!(config.lines().any(|have| have == line), "{line} in\n{config}");
    }
    let home = place.seat.home.join(".codex");
    assert_eq!(fs::metadata(home.join("config.toml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(home).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_hostile_configuration_reads_back_as_it_was_meant() {
    let settings = json!({
        "plain": 1, "real": 0.5, "large": 1e300, "yes": true, "nothing": null, "list": ["a", {"b": "c\"d"}, 3],
        "quotes \" and \\ and\nnewline\u{1}\u{7f}": "\u{0}\"\\\t]\n[x]",
        "": {"": {"x.y": "z", "日本": "é"}}, "ta.ble": {"deep": {"deeper": {}}},
    });
    let place = place("codex", json!({"settings": settings}));
    let home = evalrun::agents::codex::configuration(&place.seat);
    let script = "import sys, json, tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))";
    let mut child = std::process::Command::new("python3")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), home.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{home}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (name, value) in settings.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
        assert_eq!(&read[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_plain_rollouts_are_kept_and_secrets_are_hidden_in_them() {
    let mut place = seat(&json!({}));
    place.seat.env.insert("CODEX_TEST_KEY".to_owned(), "hunter-2-hunter-2".to_owned());
    place.seat.redactor =
        Arc::new(Redactor::new(&[("CODEX_TEST_KEY".to_owned(), "hunter-2-hunter-2".to_owned())]).unwrap());
    let mut talk = opened(&place).await;
    talk.turn("secret").await;
    talk.turn("links").await;
    let notes = talk.close().await;
    assert_eq!(notes, ["3 files among the rollouts were left out: links, no plain files, or too many"]);
    let kept: Vec<PathBuf> = fs::read_dir(&place.seat.native).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let text = fs::read_to_string(&kept[0]).unwrap();
    assert!(text.contains("the key is [CODEX_TEST_KEY]") && !text.contains("hunter-2"), "{text}");
    assert!(!text.contains("check_for_update_on_startup"), "no configuration is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_before_the_agent_died_is_kept() {
    let place = seat(&json!({}));
    let mut talk = opened(&place).await;
    talk.turn("look").await;
    let signals = talk.turn("go").await;
    let fault = gone(&signals);
    assert_eq!(fault.boundary, Boundary::Agent);
    assert_eq!(fault.message, "codex left with exit code 3: no model answers");
    assert!(within(talk.session.say("hello")).await.is_err(), "it is gone");
    talk.close().await;
    let kept = fs::read_dir(&place.seat.native).unwrap().count();
    assert_eq!(kept, 1);
}

/// Everything that the driver and the stand-in say to each other, checked against what Codex says of its own protocol.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_keep_to_the_captured_schema() {
    let script = "tee -a \"$HOME/in.jsonl\" | python3 \"$0\" \"$@\" | tee -a \"$HOME/out.jsonl\"";
    let place = seat(&json!({"command": ["sh", "-c", script, stand_in("codex_app_server.py")]}));
    let mut talk = opened(&place).await;
    for message in ["look", "work", "ask two", "elicit", "permit", "permit edit", "permit more", "shower", "too long"] {
        talk.turn(message).await;
    }
    talk.say("slow").await;
    talk.next().await;
    within(talk.session.interrupt()).await.unwrap();
    while !matches!(talk.next().await, Signal::TurnEnd(_)) {}
    talk.close().await;
    let schema = |name: &str| -> Value { serde_json::from_str(&fixture(&format!("schema/{name}.json"))).unwrap() };
    let validator = |schema: &Value| jsonschema::validator_for(schema).unwrap();
    let (notices, asks, ours) = (schema("notifications"), schema("server_requests"), schema("client_requests"));
    let (notices, asks, ours) = (validator(&notices), validator(&asks), validator(&ours));
    let answers = schema("answers");
    let read = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(place.seat.home.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (from_us, from_it) = (read("in.jsonl"), read("out.jsonl"));
    let method = |asked: &[Value], id: &Value| {
        let found = asked.iter().find(|message| message["id"] == *id && message.get("method").is_some());
        found.unwrap_or_else(|| panic!("an answer to nothing: {id}"))["method"].as_str().unwrap().to_owned()
    };
    let mut checked = [0; 4];
    for (mine, theirs, validate) in [(&from_us, &from_it, &ours), (&from_it, &from_us, &asks)] {
        for message in mine {
            let kind = (message.get("method").is_some(), message.get("id").is_some());
            let wrong: Vec<String> = match kind {
                (true, true) => validate.iter_errors(message).map(|error| error.to_string()).collect(),
                (true, false) if message["method"] == "initialized" => Vec::new(),
                (true, false) => notices.iter_errors(message).map(|error| error.to_string()).collect(),
                (false, _) => match answers.get(method(theirs, &message["id"])) {
                    Some(schema) => {
                        validator(schema).iter_errors(&message["result"]).map(|error| error.to_string()).collect()
                    }
                    None => Vec::new(),
                },
            };
            assert_eq!(wrong, Vec::<String>::new(), "{message}");
            checked[usize::from(kind.0) * 2 + usize::from(kind.1)] += 1;
        }
    }
    assert!(checked[1] > 15 && checked[2] > 50 && checked[3] > 15, "{checked:?}");
}

#[test]
fn the_schema_in_the_fixtures_takes_the_recorded_conversation_and_refuses_others() {
    let schema: Value = serde_json::from_str(&fixture("schema/notifications.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let known: Vec<&str> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["properties"]["method"]["enum"][0].as_str())
        .collect();
    let wire = fixture("wire.jsonl");
    let messages: Vec<Value> = wire.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let notices: Vec<&Value> = messages
        .iter()
        .filter(|message| message["method"].as_str().is_some_and(|method| known.contains(&method)))
        .collect();
    assert!(notices.len() > 90, "{}", notices.len());
    for notice in notices {
        assert!(validator.is_valid(notice), "{notice}");
    }
    assert!(!validator.is_valid(&json!({"method": "turn/completed", "params": {"threadId": "t"}})));
    assert!(!validator.is_valid(&json!({"method": "item/started", "params": {"item": {"type": "agentMessage"}}})));
}
