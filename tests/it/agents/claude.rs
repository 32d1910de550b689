//! What only Claude Code does: its wire as it was recorded, its errors, its questions, its session file, its settings.

use super::talk::{Place, Talk, place, shown, within};
use evalrun::importers::claude_wire::Wire;
use evalrun::model::{
    agent::{AskId, Reply, Signal, TurnEnded},
    fault::Boundary,
    task::Limits,
    trace::{Body, ResultStatus, Usage, UsageScope},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;

fn standin(name: &str) -> String {
    format!("{}/fixtures/agents/standins/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn recording(name: &str) -> String {
    format!("{}/fixtures/traces/claude_stream/{name}.jsonl", env!("CARGO_MANIFEST_DIR"))
}

/// A seat of an agent that plays these turns.
fn scripted(turns: &Value) -> Place {
    played(&json!({"turns": turns}), &json!({}))
}

fn played(script: &Value, more: &Value) -> Place {
    let mut rest = json!({"command": ["python3", standin("claude.py")]});
    rest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut place = place("claude", rest.clone());
    let file = place.folder.path().join("script.json");
    fs::write(&file, script.to_string()).unwrap();
    rest["command"] = json!(["python3", standin("claude.py"), "--script", file]);
    let spec = std::sync::Arc::make_mut(&mut place.seat.spec);
    spec.rest = rest;
    place
}

async fn opened(place: &Place) -> Talk {
    within(place.open()).await.unwrap()
}

fn bodies(signals: &[Signal]) -> Vec<&Body> {
    let body = |signal: &'_ Signal| matches!(signal, Signal::Event(_));
    signals
        .iter()
        .filter(|signal| body(signal))
        .map(|signal| if let Signal::Event(draft) = signal { &draft.body } else { unreachable!() })
        .collect()
}

fn usages(signals: &[Signal]) -> Vec<&Usage> {
    bodies(signals)
        .into_iter()
        .filter_map(|body| if let Body::Usage(usage) = body { Some(usage) } else { None })
        .collect()
}

fn how(signals: &[Signal]) -> Option<TurnEnded> {
    if let Some(Signal::TurnEnd(end)) = signals.last() { Some(end.how) } else { None }
}

/// Says these messages in turn, and allows what is asked for.
async fn allowing(talk: &mut Talk, message: &str) -> Vec<Signal> {
    talk.say(message).await;
    let mut signals = Vec::new();
    loop {
        signals.push(talk.next().await);
        match signals.last() {
            Some(Signal::Permit(id, _)) => talk.reply(*id, Reply::Allow).await,
            Some(Signal::Ask(id, ask)) => {
                let first = ask.options.first().cloned().unwrap_or_else(|| "yes".to_owned());
                talk.reply(*id, Reply::Text(first)).await;
            }
            Some(Signal::TurnEnd(_) | Signal::Gone(_)) => return signals,
            Some(Signal::Event(_)) | None => {}
        }
    }
}

/// The agent's side of the recordings answers only to what the recorded driver said, word for word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_conversation_is_held_word_for_word() {
    let place = place("claude", json!({"command": ["python3", standin("recorded.py"), recording("both-ways")]}));
    let mut talk = opened(&place).await;
    let mut all = Vec::new();
    for message in ["Write slugify in slug.py", "Strip them. No maximum.", "Now cap the length at 40."] {
        all.extend(allowing(&mut talk, message).await);
    }
    let identity = talk.session.identity();
    insta::assert_snapshot!("claude_recorded", format!("{identity:?}\n{}", shown(&all)));
    // 0.0065 + 0.0326 + 0.013 of running totals, and eight responses of which each block repeats the usage.
    let cost: u64 = usages(&all).iter().filter_map(|usage| usage.micro_usd).sum();
    let (input, output) = usages(&all).iter().fold((0, 0), |sum, usage| (sum.0 + usage.input, sum.1 + usage.output));
    assert_eq!((cost, input, output), (52_180, 8036 + 4000, 400));
    let responses = usages(&all).iter().filter(|usage| usage.scope == UsageScope::Response).count();
    assert_eq!(responses, 8, "one for each message id");
    assert!(talk.close().await.iter().any(|note| note.starts_with("tools it had: Task, AskUserQuestion")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recorded_interruption_keeps_the_conversation() {
    let file = recording("both-ways-interrupted");
    let place = place("claude", json!({"command": ["python3", standin("recorded.py"), file]}));
    let mut talk = opened(&place).await;
    talk.say("go").await;
    let mut signals = Vec::new();
    while !bodies(&signals).iter().any(|body| matches!(body, Body::ToolCall(_))) {
        signals.push(talk.next().await);
    }
    within(talk.session.interrupt()).await.unwrap();
    while how(&signals).is_none() {
        signals.push(talk.next().await);
    }
    assert_eq!(how(&signals), Some(TurnEnded::Interrupted));
    // The client words it as a refusal of the user's; nobody refused anything.
    let cut = bodies(&signals).iter().any(
        |body| matches!(body, Body::ToolResult(result) if result.status == ResultStatus::Cancelled && result.exit.is_none()),
    );
    assert!(cut && !bodies(&signals).iter().any(|body| matches!(body, Body::Permission(_))), "{}", shown(&signals));
    let next = talk.turn("again").await;
    assert_eq!(how(&next), Some(TurnEnded::Done));
    assert!(shown(&next).contains("\"after\""));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_turns_edit_the_workspace_for_real() {
    let script: Value = serde_json::from_str(&fs::read_to_string(standin("claude/three-turns.json")).unwrap()).unwrap();
    let place = played(&script, &json!({}));
    let mut talk = opened(&place).await;
    let mut all = Vec::new();
    for message in ["Write a greeting.", "In blue.", "Louder."] {
        all.extend(allowing(&mut talk, message).await);
    }
    assert_eq!(fs::read_to_string(place.seat.workspace.join("hello.py")).unwrap(), "print('HELLO, BLUE')\n");
    let text = shown(&all).replace(&*place.folder.path().to_string_lossy(), "PLACE");
    insta::assert_snapshot!("claude_three_turns", text);
    talk.close().await;
    let kept = crate::bed::files(&place.seat.native);
    assert_eq!(kept.len(), 2, "the session's and its sub-agent's: {:?}", kept.keys());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_questions_of_one_call_are_put_one_by_one() {
    let option = |label: &str| json!({"label": label, "description": ""});
    let place = scripted(&json!([[
        {"questions": [
            {"question": "Which colour?", "options": [option("red"), option("blue")]},
            {"question": "How many?", "options": [option("one"), option("two")], "multiSelect": false}
        ]},
        {"say": "Thanks."}
    ]]));
    let mut talk = opened(&place).await;
    let signals = allowing(&mut talk, "Paint it.").await;
    let asked: Vec<String> = signals
        .iter()
        .filter_map(|signal| {
            if let Signal::Ask(_, ask) = signal { Some(format!("{} {:?}", ask.text, ask.options)) } else { None }
        })
        .collect();
    assert_eq!(asked, [r#"Which colour? ["red", "blue"]"#, r#"How many? ["one", "two"]"#]);
    assert!(shown(&signals).contains("Which colour?=red; How many?=one"), "{}", shown(&signals));
    // Who answers records the question: no event stands for it here.
    assert!(!bodies(&signals).iter().any(|body| matches!(body, Body::Question(_))));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_task_refuses_is_denied_and_not_done() {
    let place = scripted(&json!([[{"call": "Bash", "input": {"command": "touch made.txt"}}, {"say": "Not done."}]]));
    let mut talk = opened(&place).await;
    let signals = talk.turn("Make it.").await;
    assert!(
        signals.iter().any(|signal| matches!(signal, Signal::Permit(_, permit) if permit.what == "touch made.txt"))
    );
    let results: Vec<ResultStatus> = bodies(&signals)
        .into_iter()
        .filter_map(|body| if let Body::ToolResult(result) = body { Some(result.status) } else { None })
        .collect();
    assert_eq!(results, [ResultStatus::Denied]);
    assert!(!bodies(&signals).iter().any(|body| matches!(body, Body::Permission(_))), "recorded by who answers");
    assert!(!place.seat.workspace.join("made.txt").exists());
    talk.close().await;
}

/// Each case is a turn that failed, though the record's `subtype` may say `success`: whose failure it was, and whether another try may help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_turn_says_whose_failure_it_was() {
    let provider = |retryable: bool| Err((Boundary::Provider, retryable));
    let cases = [
        (json!({"error": "API Error: Unable to connect to API (ConnectionRefused)"}), provider(true)),
        (json!({"error": "API Error: 529 overloaded", "word": "overloaded", "status": 529}), provider(true)),
        (json!({"error": "API Error: 429 slow down", "word": "rate_limit", "status": 429}), provider(true)),
        (json!({"error": "API Error: 500 oops", "word": "server_error", "status": 500}), provider(true)),
        (
            json!({"error": "Invalid API key · Fix external API key", "word": "authentication_failed", "status": 401}),
            provider(false),
        ),
        (json!({"error": "Credit balance is too low", "word": "billing_error"}), provider(false)),
        (json!({"error": "API Error: 404 model: nope", "word": "unknown", "status": 404}), provider(false)),
        (json!({"error": "Prompt is too long", "word": "invalid_request", "status": 400}), Ok("Prompt is too long")),
        (
            json!({"result": {"subtype": "error_max_turns", "is_error": true, "result": null}}),
            Ok("Claude Code ended the turn: error_max_turns"),
        ),
        (json!({"result": {"subtype": "success", "is_error": true, "result": "I broke."}}), Ok("I broke.")),
        (
            json!({"result": {"subtype": "error_during_execution", "is_error": true, "result": null, "terminal_reason": "crashed", "errors": ["boom"]}}),
            Ok("boom"),
        ),
    ];
    for (step, expected) in cases {
        let place = scripted(&json!([[{"say": "Working."}, step], [{"say": "Again."}]]));
        let mut talk = opened(&place).await;
        let signals = talk.turn("Go.").await;
        match (signals.last().unwrap(), expected) {
            (Signal::TurnEnd(end), Ok(why)) => {
                assert_eq!((end.how, end.why.as_str()), (TurnEnded::Failed, why), "{step}");
                assert_eq!(how(&talk.turn("More.").await), Some(TurnEnded::Done), "{step}: the conversation goes on");
            }
            (Signal::Gone(fault), Err((boundary, retryable))) => {
                assert_eq!((fault.boundary, fault.retryable), (boundary, retryable), "{step}: {fault:?}");
                assert!(fault.hint.is_some());
                assert!(within(talk.session.say("More.")).await.is_err());
            }
            (other, expected) => panic!("{step}: {other:?} where {expected:?} was expected"),
        }
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_understood_is_kept_and_never_hangs() {
    let place = scripted(&json!([[
        {"raw": "not json\n[1,2]\n\n{\"type\":\"brand_new\",\"x\":1}\n{\"type\":\"assistant\"}\n{\"half\":\"\\ud83d\"}\n"},
        {"record": {"type": "system", "subtype": "brand_new"}},
        {"record": {"type": "keep_alive"}},
        {"record": {"type": "result"}, "note": "no fields at all"},
        {"request": {"subtype": "mcp_message", "server_name": "x"}},
        {"say": "Done."}
    ]]));
    let mut talk = opened(&place).await;
    talk.say("Go.").await;
    let mut signals = Vec::new();
    // A result without fields is one that failed: the turn ends, and what follows is met in the next one.
    while how(&signals).is_none() {
        signals.push(talk.next().await);
    }
    assert_eq!(how(&signals), Some(TurnEnded::Failed));
    signals.extend(talk.turn("More.").await);
    insta::assert_snapshot!("claude_not_understood", shown(&signals));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_dies_in_the_middle_of_a_line_is_gone_and_nothing_is_lost() {
    let place = scripted(&json!([[
        {"say": "Working."},
        {"raw": "{\"type\":\"assistant\",\"mess"},
        {"exit": 9, "stderr": "out of memory\n"}
    ]]));
    let mut talk = opened(&place).await;
    let signals = talk.turn("Go.").await;
    let Some(Signal::Gone(fault)) = signals.last() else { panic!("{}", shown(&signals)) };
    assert_eq!(
        (fault.boundary, fault.message.as_str()),
        (Boundary::Agent, "the agent left with exit code 9: out of memory")
    );
    let text = shown(&signals);
    assert!(text.contains("Working.") && text.contains("malformed"), "{text}");
    talk.close().await;
    assert_eq!(place.left_behind(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_hears_no_interruption_is_ended() {
    let place = scripted(&json!([[{"ignore": true}, {"say": "Working."}, {"wait": true}]]));
    let mut talk = opened(&place).await;
    talk.say("Go.").await;
    talk.next().await;
    within(talk.session.interrupt()).await.unwrap();
    let mut signals = Vec::new();
    while how(&signals).is_none() {
        signals.push(talk.next().await);
    }
    let Some(Signal::TurnEnd(end)) = signals.last() else { unreachable!() };
    assert_eq!(
        (end.how, end.why.as_str()),
        (TurnEnded::Interrupted, "the agent did not stop when asked and was ended")
    );
    assert!(shown(&signals).contains("Working."), "what waited for its turn's end is not lost");
    assert_eq!(place.left_behind(), 0);
    assert!(within(talk.session.say("more")).await.is_err());
    talk.close().await;
}

/// A question that waits while the turn is interrupted is withdrawn by the agent; an answer to it is late, and no mistake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interruption_while_a_question_waits_ends_the_turn() {
    let place = scripted(&json!([[{"questions": [{"question": "Which?", "options": []}]}], [{"say": "Fine."}]]));
    let mut talk = opened(&place).await;
    talk.say("Go.").await;
    let mut asked: Option<AskId> = None;
    while asked.is_none() {
        if let Signal::Ask(id, _) = talk.next().await {
            asked = Some(id);
        }
    }
    within(talk.session.interrupt()).await.unwrap();
    let mut signals = Vec::new();
    while how(&signals).is_none() {
        signals.push(talk.next().await);
    }
    assert_eq!(how(&signals), Some(TurnEnded::Interrupted), "{}", shown(&signals));
    talk.reply(asked.unwrap(), Reply::Text("late".to_owned())).await;
    assert_eq!(how(&talk.turn("More.").await), Some(TurnEnded::Done));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_becomes_ready_is_no_session() {
    let cases = [
        (json!({"command": ["no-such-program-anywhere"]}), "no-such-program-anywhere"),
        (json!({"command": ["sh", "-c", "echo no key >&2; exit 1"]}), "the agent left with exit code 1: no key"),
        (
            json!({"command": ["sh", "-c", r#"echo '{"type":"control_response","response":{"subtype":"error","request_id":"evalrun-initialize","error":"too old"}}'; cat"#]}),
            "too old",
        ),
        (json!({"command": []}), "not empty"),
    ];
    for (rest, expected) in cases {
        let place = place("claude", rest);
        let fault = within(place.open()).await.err().unwrap();
        assert!(fault.message.contains(expected) && fault.hint.is_some(), "{fault:?}");
        assert_eq!(place.left_behind(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_trial_does_not_wait_for_an_agent_that_never_becomes_ready() {
    let place = place("claude", json!({"command": ["sh", "-c", "cat >/dev/null"]}));
    place.seat.cancel.cancel();
    assert!(within(place.open()).await.is_err());
    assert_eq!(place.left_behind(), 0);
}

/// A home of its own, nothing that calls out, the scripted model in the provider's place, and the suite's settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_gets_its_own_home_and_the_model_it_is_given() {
    let command = "env | grep -E '^(HOME|ANTHROPIC|CLAUDE|DISABLE|MY)' | sort; cat ~/.claude/settings.json";
    let script = json!({"turns": [[{"call": "Bash", "input": {"command": command}, "ask": false}]]});
    let mut place = played(&script, &json!({"settings": {"env": {"EFFORT": "high"}}, "auth": "login"}));
    place.seat.model_at = Some("http://127.0.0.1:4100".to_owned());
    for (name, value) in
        [("ANTHROPIC_API_KEY", "sk-real"), ("CLAUDE_CODE_OAUTH_TOKEN", "real"), ("DISABLE_TELEMETRY", "0")]
    {
        place.seat.env.insert(name.to_owned(), value.to_owned());
    }
    let mut talk = opened(&place).await;
    let signals = talk.turn("Show.").await;
    let results = bodies(&signals);
    let output = results
        .iter()
        .find_map(|body| if let Body::ToolResult(result) = body { Some(result.output.as_str()) } else { None });
    let home = place.seat.home.to_string_lossy();
    let expected = "ANTHROPIC_API_KEY=sk-ant-no-key-needed
ANTHROPIC_BASE_URL=http://127.0.0.1:4100
CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
DISABLE_AUTOUPDATER=1
DISABLE_TELEMETRY=0
HOME=HERE
{
  \"env\": {
    \"EFFORT\": \"high\"
  }
}";
    assert_eq!(output.unwrap().replace(&*home, "HERE"), expected);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_any_length_costs_no_more_than_the_cap() {
    let mut place = scripted(&json!([[{"raw": "x".repeat(3_000_000) + "\n"}, {"say": "Done."}]]));
    place.seat.limits = Limits { output_bytes: 100_000, ..Limits::default() };
    let mut talk = opened(&place).await;
    let signals = talk.turn("Go.").await;
    let text = shown(&signals);
    assert!(text.contains("line_too_long") && text.len() < 6_000, "{} bytes", text.len());
    assert_eq!(how(&signals), Some(TurnEnded::Done));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_closes_its_output_and_stays_is_ended() {
    let place = scripted(&json!([[{"say": "Working."}, {"close": true}]]));
    let mut talk = opened(&place).await;
    let signals = talk.turn("Go.").await;
    assert!(matches!(signals.last(), Some(Signal::Gone(_))), "{}", shown(&signals));
    assert!(shown(&signals).contains("Working."));
    talk.close().await;
    assert_eq!(place.left_behind(), 0);
}

/// Every record of the recordings, as printed.
fn records() -> Vec<Value> {
    let names = ["both-ways", "both-ways-interrupted", "endpoint-down", "background-command", "turns/turn3_partial"];
    let text: String = names.iter().map(|name| fs::read_to_string(recording(name)).unwrap()).collect();
    let of = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record.get("msg").cloned().unwrap_or(record)
    };
    text.lines().map(of).collect()
}

/// Replaces the n-th value inside a record, counted from the outside in.
fn replaced(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| replaced(value, at, with)),
        Value::Array(items) => items.iter_mut().for_each(|value| replaced(value, at, with)),
        _ => {}
    }
}

proptest! {
    /// Records in any order, with anything in any place: read without a panic, and no agent says what others say.
    #[test]
    fn whatever_is_printed_is_read(steps in proptest::collection::vec((0usize..120, 0usize..60, 0usize..7), 1..40)) {
        let odd = [json!(null), json!(true), json!(-1), json!(1e300), json!("x"), json!([]), json!({"type": "tool_use"})];
        let all = records();
        let mut wire = Wire::default();
        let mut drafts = Vec::new();
        for (which, mut at, what) in steps {
            let mut record = all[which % all.len()].clone();
            replaced(&mut record, &mut at, &odd[what]);
            drafts.extend(wire.record(record, None).drafts);
        }
        drafts.extend(wire.finish());
        prop_assert_eq!(wire.finish(), vec![]);
        for draft in drafts {
            let own = ["agent_message", "reasoning", "plan", "tool_call", "tool_result", "file_change", "question", "permission", "compaction", "sub_agent", "usage", "error", "unknown"];
            prop_assert!(own.contains(&draft.body.kind()), "{:?}", draft);
            if let Body::Permission(permission) = draft.body {
                prop_assert!(!permission.granted);
            }
        }
    }
}
