//! What holds for every driver, over every row.

use super::talk::{Place, Pulled, Talk, fixture, place, shown, stand_in, timeless, within};
use evalrun::{
    agents::AGENTS,
    model::{
        agent::{Signal, TurnEnded},
        fault::Boundary,
        trace::Body,
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// One way to use a driver, and what it can.
struct Row {
    name: &'static str,
    driver: &'static str,
    can: &'static [Can],
    /// The agent's block for a case.
    rest: fn(&str) -> Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Can {
    Ask,
    Permit,
    GoOnAfterInterrupt,
    Flood,
    LeaveProcesses,
    Go,
}

const ROWS: &[Row] = &[
    Row {
        name: "scripted",
        driver: "scripted",
        can: &[Can::Ask, Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses],
        rest: |_| json!({"script": fixture("script.yaml")}),
    },
    Row {
        name: "claude",
        driver: "claude",
        can: &[Can::Ask, Can::Permit, Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |_| json!({"command": ["python3", fixture("../standins/claude.py")]}),
    },
    Row {
        name: "command, a program per turn",
        driver: "command",
        can: &[Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |case| match case {
            "go" => json!({"command": ["no-such-program-anywhere"]}),
            _ => json!({
                "command": ["sh", fixture("turns.sh"), "first", "{{ message }}"],
                "next": ["sh", fixture("turns.sh"), "next", "{{ message }}", "{{ session }}"],
            }),
        },
    },
    Row {
        name: "command, JSON lines",
        driver: "command",
        can: &[Can::Ask, Can::Permit, Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |_| json!({"command": ["sh", fixture("lines.sh")], "json": "lines"}),
    },
    Row {
        name: "acp",
        driver: "acp",
        can: &[Can::Ask, Can::Permit, Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |_| json!({"command": ["python3", stand_in("acp_agent.py")]}),
    },
    Row {
        name: "gemini",
        driver: "gemini",
        can: &[Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |case| per_turn(case, "gemini.py"),
    },
    Row {
        name: "opencode",
        driver: "opencode",
        can: &[Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |case| per_turn(case, "opencode.py"),
    },
    Row {
        name: "codex, app-server",
        driver: "codex",
        can: &[Can::Ask, Can::Permit, Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |_| json!({"command": ["python3", stand_in("codex_app_server.py")]}),
    },
    Row {
        name: "codex, exec",
        driver: "codex",
        can: &[Can::GoOnAfterInterrupt, Can::Flood, Can::LeaveProcesses, Can::Go],
        rest: |_| json!({"command": ["python3", stand_in("codex_app_server.py")], "mode": "exec"}),
    },
    Row {
        name: "replay",
        driver: "replay",
        can: &[Can::Ask, Can::Permit, Can::GoOnAfterInterrupt, Can::Go],
        rest: |case| json!({"trace": fixture(&format!("replay/{case}.jsonl"))}),
    },
];

/// A program per turn is gone only where it cannot be started.
fn per_turn(case: &str, script: &str) -> Value {
    match case {
        "go" => json!({"command": ["no-such-program-anywhere"]}),
        _ => json!({"command": ["python3", stand_in(script)]}),
    }
}

impl Row {
    async fn open(&self, case: &str) -> (Place, Talk) {
        let place = place(self.driver, (self.rest)(case));
        let talk = within(place.open()).await.unwrap_or_else(|fault| panic!("{}: {fault:?}", self.name));
        (place, talk)
    }
}

fn rows_that(can: Can) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.can.contains(&can))
}

fn text_of(signals: &[Signal]) -> String {
    shown(signals)
}

fn last_message(signals: &[Signal]) -> &str {
    let last = signals.iter().rev().find_map(|signal| match signal {
        Signal::Event(draft) => match &draft.body {
            Body::AgentMessage(message) => Some(message.text.as_str()),
            _ => None,
        },
        _ => None,
    });
    last.unwrap_or_default()
}

fn ended(signals: &[Signal]) -> Option<TurnEnded> {
    match signals.last() {
        Some(Signal::TurnEnd(end)) => Some(end.how),
        _ => None,
    }
}

#[test]
fn every_driver_has_a_row_a_word_and_a_check() {
    let tested: BTreeSet<&str> = ROWS.iter().map(|row| row.driver).collect();
    assert_eq!(tested, AGENTS.iter().map(|driver| driver.name).collect());
    for row in ROWS {
        let place = place(row.driver, (row.rest)("hello"));
        let driver = evalrun::agents::driver(row.driver).unwrap();
        assert_eq!((driver.check)(&place.seat.spec), Vec::<String>::new(), "{}", row.name);
        assert!(!driver.about.is_empty() && driver.fields.iter().all(|field| !field.about.is_empty()));
        // A driver that needs nothing said still refuses what makes no sense.
        let wrong = super::talk::place(row.driver, json!({"command": [], "json": "song", "mode": "song"}));
        assert!(!(driver.check)(&wrong.seat.spec).is_empty(), "{} is checked", row.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_turns_are_one_conversation() {
    for row in ROWS {
        let (_place, mut talk) = row.open("hello").await;
        let (first, second) = (talk.turn("hello").await, talk.turn("again").await);
        assert_eq!((last_message(&first), ended(&first)), ("one", Some(TurnEnded::Done)), "{}", row.name);
        assert!(last_message(&second).starts_with("two"), "{}: {}", row.name, text_of(&second));
        assert_eq!(ended(&second), Some(TurnEnded::Done), "{}", row.name);
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_in_the_middle_of_a_turn_is_answered_while_it_runs() {
    for row in rows_that(Can::Ask) {
        let (_place, mut talk) = row.open("ask").await;
        let signals = talk.turn("ask").await;
        let asks: Vec<_> = signals
            .iter()
            .filter_map(|signal| if let Signal::Ask(_, ask) = signal { Some(ask) } else { None })
            .collect();
        assert_eq!(asks.len(), 1, "{}: {}", row.name, text_of(&signals));
        assert_eq!((asks[0].text.as_str(), asks[0].options.join(" ")), ("Which colour?", "red blue".to_owned()));
        let after: Vec<Signal> =
            signals.iter().skip_while(|signal| !matches!(signal, Signal::Ask(..))).skip(1).cloned().collect();
        assert!(text_of(&after).contains("blue"), "{}: {}", row.name, text_of(&after));
        assert_eq!(ended(&signals), Some(TurnEnded::Done));
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_is_asked_for_and_the_answer_heard() {
    for row in rows_that(Can::Permit) {
        let (_place, mut talk) = row.open("permit").await;
        let signals = talk.turn("permit").await;
        let asked =
            signals.iter().any(|signal| matches!(signal, Signal::Permit(_, permit) if permit.what == "git push"));
        assert!(asked, "{}: {}", row.name, text_of(&signals));
        assert_eq!(last_message(&signals), "denied", "{}", row.name);
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_ends_the_turn_and_the_conversation_goes_on() {
    for row in rows_that(Can::GoOnAfterInterrupt) {
        let (place, mut talk) = row.open("slow").await;
        talk.say("slow").await;
        let mut signals = Vec::new();
        if row.name != "command, a program per turn" {
            signals.push(talk.next().await);
        }
        within(talk.session.interrupt()).await.unwrap();
        while ended(&signals).is_none() {
            signals.push(talk.next().await);
        }
        assert_eq!(ended(&signals), Some(TurnEnded::Interrupted), "{}: {}", row.name, text_of(&signals));
        assert!(!text_of(&signals).contains("\"never\\n\""), "{}: {}", row.name, text_of(&signals));
        let next = talk.turn("hello").await;
        assert_eq!((last_message(&next), ended(&next)), ("one", Some(TurnEnded::Done)), "{}", row.name);
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{}", row.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stops_listening_loses_nothing() {
    for row in ROWS {
        for case in ["hello", "ask", "permit", "bytes", "flood"] {
            let can = |case: &str| match case {
                "ask" => row.can.contains(&Can::Ask),
                "permit" => row.can.contains(&Can::Permit),
                "flood" => row.can.contains(&Can::Flood),
                _ => true,
            };
            if !can(case) {
                continue;
            }
            let mut heard = Vec::new();
            for pulled in [Pulled::Patiently, Pulled::Dropping] {
                let (_place, mut talk) = row.open(case).await;
                talk.pulled = pulled;
                let signals: Vec<Signal> = talk.turn(case).await.iter().map(timeless).collect();
                heard.push(signals);
                talk.close().await;
            }
            let differs =
                heard[0].iter().zip(&heard[1]).find(|(a, b)| a != b).map(|(a, b)| format!("{}\n{}", ends(a), ends(b)));
            assert!(heard[0] == heard[1], "{} {case}: {differs:?}", row.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_bounded_and_what_is_lost_is_said() {
    for row in rows_that(Can::Flood) {
        let (_place, mut talk) = row.open("flood").await;
        let signals = talk.turn("flood").await;
        let text = text_of(&signals);
        let kept: usize = signals.iter().map(bytes_of).sum();
        assert!((10_000..3 << 20).contains(&kept), "{}: {kept} bytes", row.name);
        assert!(text.contains("dropped") || text.contains("left out"), "{}", row.name);
        assert_eq!(ended(&signals), Some(TurnEnded::Done), "{}", row.name);
        talk.close().await;
    }
}

fn bytes_of(signal: &Signal) -> usize {
    match signal {
        Signal::Event(draft) => match &draft.body {
            Body::AgentMessage(message) => message.text.as_str().len(),
            Body::ToolResult(result) => result.output.as_str().len(),
            _ => 0,
        },
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_do_no_harm() {
    for row in ROWS {
        let (_place, mut talk) = row.open("bytes").await;
        let signals = talk.turn("bytes").await;
        let text = text_of(&signals);
        assert!(text.contains("日本") && text.contains('\u{fffd}'), "{}: {text}", row.name);
        assert_eq!(ended(&signals), Some(TurnEnded::Done), "{}", row.name);
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_or_dropped_session_leaves_no_process() {
    for row in rows_that(Can::LeaveProcesses) {
        let (place, mut talk) = row.open("leave").await;
        talk.turn("leave").await;
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{} closed after its turn", row.name);

        let (place, mut talk) = row.open("slow").await;
        talk.say("slow").await;
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{} closed in its turn", row.name);

        let (place, mut talk) = row.open("slow").await;
        talk.say("slow").await;
        drop(talk);
        within(async {
            while place.left_behind() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_gone_says_so_and_whose_doing_it_was() {
    for row in rows_that(Can::Go) {
        let (place, mut talk) = row.open("go").await;
        let signals = talk.turn("go").await;
        let Some(Signal::Gone(fault)) = signals.last() else { panic!("{}: {}", row.name, text_of(&signals)) };
        assert_eq!(fault.boundary, Boundary::Agent, "{}: {fault:?}", row.name);
        assert!(!fault.message.is_empty());
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{}", row.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_trial_ends_the_turn() {
    for row in rows_that(Can::LeaveProcesses) {
        let (place, mut talk) = row.open("slow").await;
        talk.say("slow").await;
        place.seat.cancel.cancel();
        let mut signals = vec![talk.next().await];
        while ended(&signals).is_none() {
            signals.push(talk.next().await);
        }
        assert_eq!(ended(&signals), Some(TurnEnded::Interrupted), "{}: {}", row.name, text_of(&signals));
        talk.close().await;
        assert_eq!(place.left_behind(), 0, "{}", row.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused() {
    for row in ROWS {
        let (_place, mut talk) = row.open("slow").await;
        talk.say("slow").await;
        assert!(within(talk.session.say("hello")).await.is_err(), "{}: a second message in a turn", row.name);
        let reply = talk.session.reply(evalrun::model::agent::AskId(99), evalrun::model::agent::Reply::Allow);
        assert!(within(reply).await.is_err(), "{}: an answer to nothing", row.name);
        talk.close().await;
    }
}

/// The beginning and the end of what may be megabytes.
fn ends(signal: &Signal) -> String {
    let text = format!("{signal:?}");
    let (start, end): (String, String) = (text.chars().take(200).collect(), text.chars().rev().take(200).collect());
    format!("{start} ... {}", end.chars().rev().collect::<String>())
}
