//! The Agent Client Protocol, spoken with a stand-in: each trap of the recorded agents, and worse.

use super::talk::{Place, Talk, place, shown, stand_in, within};
use evalrun::model::{
    agent::{Reply, Signal, TurnEnded},
    fault::Boundary,
    trace::{Body, ResultStatus, ToolResult},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn agent(words: &[&str]) -> Place {
    agent_with(words, &json!({}))
}

fn agent_with(words: &[&str], settings: &Value) -> Place {
    let script = stand_in("acp_agent.py");
    let command: Vec<&str> = ["python3", script.to_str().unwrap()].into_iter().chain(words.iter().copied()).collect();
    place("acp", json!({"command": command, "settings": settings}))
}

async fn opened(place: &Place) -> Talk {
    within(place.open()).await.unwrap_or_else(|fault| panic!("{fault:?}"))
}

fn bodies(signals: &[Signal]) -> Vec<&Body> {
    signals
        .iter()
        .filter_map(|signal| if let Signal::Event(draft) = signal { Some(&draft.body) } else { None })
        .collect()
}

fn said(signals: &[Signal]) -> Vec<&str> {
    let message = |body: &&Body| matches!(body, Body::AgentMessage(_));
    bodies(signals)
        .into_iter()
        .filter(message)
        .map(|body| if let Body::AgentMessage(said) = body { said.text.as_str() } else { "" })
        .collect()
}

fn results(signals: &[Signal]) -> Vec<&ToolResult> {
    bodies(signals)
        .into_iter()
        .filter_map(|body| if let Body::ToolResult(result) = body { Some(result) } else { None })
        .collect()
}

/// What is the same on every machine.
fn everywhere(signals: &[Signal], folder: &Path) -> String {
    shown(signals).replace(folder.to_str().unwrap(), "PLACE")
}

/// A turn in which every permission is granted.
async fn granting(talk: &mut Talk, message: &str) -> Vec<Signal> {
    talk.say(message).await;
    let mut signals = Vec::new();
    loop {
        let signal = talk.next().await;
        if let Signal::Permit(ask, _) = &signal {
            talk.reply(*ask, Reply::Allow).await;
        }
        let over = matches!(signal, Signal::TurnEnd(_) | Signal::Gone(_));
        signals.push(signal);
        if over {
            return signals;
        }
    }
}

const UNFINISHED: &str = "def slugify(s):\n    raise NotImplementedError\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_in_the_workspace_becomes_events() {
    for name in ["gemini-cli", "@agentclientprotocol/codex-acp"] {
        let place = agent(&[name]);
        fs::write(place.seat.workspace.join("slug.py"), UNFINISHED).unwrap();
        let mut talk = opened(&place).await;
        let signals = granting(&mut talk, "work").await;
        let edited = fs::read_to_string(place.seat.workspace.join("slug.py")).unwrap();
        assert_eq!(edited, "def slugify(s):\n    return s.lower()\n");
        insta::assert_snapshot!(format!("work_{}", &name[name.len() - 4..]), everywhere(&signals, place.folder.path()));
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_was_not_permitted_is_denied_and_changes_nothing() {
    let place = agent(&[]);
    fs::write(place.seat.workspace.join("slug.py"), UNFINISHED).unwrap();
    let mut talk = opened(&place).await;
    let signals = talk.turn("work").await;
    let statuses: Vec<(ResultStatus, Option<i32>)> =
        results(&signals).iter().map(|result| (result.status, result.exit)).collect();
    assert_eq!(statuses, [(ResultStatus::Ok, Some(0)), (ResultStatus::Denied, None), (ResultStatus::Failed, Some(1))]);
    assert!(!bodies(&signals).iter().any(|body| matches!(body, Body::FileChange(_))));
    assert_eq!(fs::read_to_string(place.seat.workspace.join("slug.py")).unwrap(), UNFINISHED);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_is_granted_once_and_not_for_ever() {
    let place = agent(&["gemini-cli"]);
    let mut talk = opened(&place).await;
    let signals = granting(&mut talk, "permit").await;
    assert_eq!(said(&signals), ["granted once"]);
    let call = bodies(&signals)
        .into_iter()
        .find_map(|body| if let Body::ToolCall(call) = body { Some(call) } else { None })
        .unwrap();
    assert_eq!((call.name.as_str(), &call.input), ("run_shell_command", &json!({"command": "git push"})));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_begun_twice_ended_unseen_or_never_are_each_told_once() {
    let place = agent(&["OpenCode"]);
    let mut talk = opened(&place).await;
    insta::assert_snapshot!("odd_calls", shown(&talk.turn("odd-calls").await));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_no_protocol_is_kept_and_does_no_harm() {
    let place = agent(&[]);
    let mut talk = opened(&place).await;
    insta::assert_snapshot!("garbage", shown(&talk.turn("garbage").await));
    assert_eq!(said(&talk.turn("hello").await), ["one"]);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_outside_the_workspace_are_refused_and_told() {
    let place = agent(&[]);
    let secret = place.folder.path().join("secret");
    fs::write(&secret, "s3cret").unwrap();
    let mut talk = opened(&place).await;
    let signals = talk.turn("outside").await;
    assert_eq!(said(&signals), [["-32602"; 8].join(" ")]);
    let told = bodies(&signals).iter().filter(|body| matches!(body, Body::Error(_))).count();
    assert_eq!(told, 8, "{}", shown(&signals));
    assert!(!shown(&signals).contains("s3cret"));
    assert_eq!(fs::read_to_string(&secret).unwrap(), "s3cret");
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_turn_withdraws_what_it_asked_and_the_next_one_works() {
    let place = agent(&[]);
    let mut talk = opened(&place).await;
    talk.say("permit-slow").await;
    while !matches!(talk.next().await, Signal::Permit(..)) {}
    within(talk.session.interrupt()).await.unwrap();
    let mut signals = vec![talk.next().await];
    while !matches!(signals.last(), Some(Signal::TurnEnd(_))) {
        signals.push(talk.next().await);
    }
    assert!(matches!(signals.last(), Some(Signal::TurnEnd(end)) if end.how == TurnEnded::Interrupted));
    assert_eq!(results(&signals)[0].status, ResultStatus::Cancelled);
    assert_eq!(said(&talk.turn("hello").await), ["one"]);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_turn_is_not_lost() {
    let place = agent(&[]);
    let mut talk = opened(&place).await;
    assert_eq!(said(&talk.turn("late").await), ["early"]);
    let signals = talk.turn("hello").await;
    assert_eq!(said(&signals), ["late words", "one"]);
    assert_eq!(results(&signals).len(), 1);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_too_long_is_set_aside() {
    let place = agent(&[]);
    let mut talk = opened(&place).await;
    let signals = talk.turn("huge").await;
    let text = shown(&signals);
    assert!(text.contains("line_too_long") && text.contains("[3144704 more bytes]"), "{}", text.len());
    assert_eq!(said(&signals), ["after"]);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn model_mode_and_options_are_set_as_the_agent_offers_them() {
    let mut place = agent_with(
        &["--no-key"],
        &json!({"authenticate": "key", "mode": "plan", "config": {"effort": "low"}, "env": {"EXTRA": "more"}}),
    );
    std::sync::Arc::make_mut(&mut place.seat.spec).model = Some("large".to_owned());
    let mut talk = opened(&place).await;
    assert_eq!(said(&talk.turn("settings").await), [r#"["plan", "large", {"effort": "low"}, "more"]"#]);
    let identity = talk.session.identity();
    assert_eq!(identity.version.as_deref(), Some("1.0"));
    assert_eq!((identity.model.as_deref(), identity.session.as_deref()), (Some("large"), Some("s-1")));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_cannot_begin_says_why() {
    let mut unknown_model = agent(&[]);
    std::sync::Arc::make_mut(&mut unknown_model.seat.spec).model = Some("huge".to_owned());
    let cases = [
        agent(&["--die"]),
        agent(&["--no-key"]),
        agent(&["--old"]),
        agent_with(&[], &json!({"mode": "none"})),
        unknown_model,
        place("acp", json!({"command": ["no-such-program-anywhere"]})),
    ];
    let mut told = Vec::new();
    for place in cases {
        let Err(fault) = within(place.open()).await else { panic!("it opened") };
        assert_eq!(fault.boundary, Boundary::Agent);
        told.push(format!("{}: {}\n  {}", fault.kind, fault.message, fault.hint.unwrap_or_default()));
        within(async {
            while place.left_behind() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    insta::assert_snapshot!("no_beginning", told.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_fails_says_why_and_is_followed_by_another() {
    let place = agent(&[]);
    let mut talk = opened(&place).await;
    for (word, why) in [("error", "Internal error (-32603)"), ("refuse", "refusal")] {
        let signals = talk.turn(word).await;
        let Some(Signal::TurnEnd(end)) = signals.last() else { panic!("{}", shown(&signals)) };
        assert_eq!((end.how, end.why.as_str()), (TurnEnded::Failed, why));
    }
    assert_eq!(said(&talk.turn("hello").await), ["one"]);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_stays_when_its_input_ends_is_ended() {
    let place = agent(&["--stay"]);
    let mut talk = opened(&place).await;
    talk.turn("leave").await;
    assert_eq!(talk.close().await, ["the agent did not end when its input was closed and was ended"]);
    assert_eq!(place.left_behind(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_tells_is_known_by_its_name_or_once_it_has_told_it() {
    let tells = |talk: &Talk| talk.session.tells().unwrap();
    let place = agent(&["gemini-cli"]);
    let talk = opened(&place).await;
    assert_eq!((tells(&talk).exit_codes, tells(&talk).usage), (false, true));
    talk.close().await;
    let place = agent(&["nobody knows it"]);
    fs::write(place.seat.workspace.join("slug.py"), UNFINISHED).unwrap();
    let mut talk = opened(&place).await;
    assert_eq!((tells(&talk).exit_codes, tells(&talk).usage), (false, false));
    talk.turn("work").await;
    assert_eq!((tells(&talk).exit_codes, tells(&talk).usage, tells(&talk).plans), (true, true, true));
    talk.close().await;
}
