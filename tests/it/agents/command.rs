//! What only programs do: not listening, not stopping, failing.

use super::talk::{Place, fixture, place, shown, within};
use evalrun::model::agent::{Signal, TurnEnded};
use evalrun::model::task::Limits;
use serde_json::{Value, json};

fn lines(script: &str) -> Place {
    place("command", json!({"command": ["sh", "-c", script], "json": "lines"}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_does_not_stop_when_asked_is_ended() {
    let place = lines("trap '' INT TERM; while :; do sleep 600; done");
    let mut talk = place.open().await.unwrap();
    talk.say("hello").await;
    within(talk.session.interrupt()).await.unwrap();
    let Signal::TurnEnd(end) = talk.next().await else { panic!("the turn ends") };
    assert_eq!(
        (end.how, end.why.as_str()),
        (TurnEnded::Interrupted, "the agent did not stop when asked and was ended")
    );
    assert_eq!(place.left_behind(), 0);
    assert!(within(talk.session.say("more")).await.is_err());
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_leaves_says_why_in_its_own_words() {
    let place = place("command", json!({"command": ["sh", fixture("lines.sh")], "json": "lines"}));
    let mut talk = place.open().await.unwrap();
    let signals = talk.turn("go").await;
    let Some(Signal::Gone(fault)) = signals.last() else { panic!("{}", shown(&signals)) };
    assert_eq!(fault.message, "the agent left with exit code 3: no model answers");
    assert_eq!(talk.session.identity().version.as_deref(), Some("1.0"));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_closes_its_output_and_stays_is_ended() {
    for script in ["read line; exec >&-; sleep 600", "exec <&-; exec sleep 600 >&-"] {
        let place = lines(script);
        let mut talk = place.open().await.unwrap();
        let signals = talk.turn("hello").await;
        assert!(matches!(signals.last(), Some(Signal::Gone(_))), "{}", shown(&signals));
        talk.close().await;
        assert_eq!(place.left_behind(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_any_length_costs_no_more_than_the_cap() {
    let mut place =
        lines("read line; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo '{\"type\":\"turn_end\"}'; cat");
    place.seat.limits = Limits { output_bytes: 100_000, ..Limits::default() };
    let mut talk = place.open().await.unwrap();
    let signals = talk.turn("hello").await;
    let text = shown(&signals);
    assert!(text.contains("line_too_long") && text.len() < 5_000, "{} bytes", text.len());
    assert!(text.contains("[29998976 more bytes]"), "{text}");
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_turn_is_followed_by_another() {
    let words = |when: &str| json!(["sh", fixture("turns.sh"), when, "{{ message }}", "{{ session }}"]);
    let place = place("command", json!({"command": words("first"), "next": words("next")}));
    let mut talk = place.open().await.unwrap();
    insta::assert_snapshot!(shown(&talk.turn("fail").await) + &shown(&talk.turn("again").await));
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_on_stdin_where_no_word_holds_it() {
    let place = place("command", json!({"command": ["sh", "-c", "cat; printf '%s' \"$0\"", "{{ session }}"]}));
    let mut talk = place.open().await.unwrap();
    let first = shown(&talk.turn("two\nlines; $(echo not run)").await);
    let id = talk.session.identity().session.unwrap();
    assert!(first.contains("two\\nlines; $(echo not run)\\n") && first.contains(&id), "{first}");
    let shape: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12]);
    talk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_makes_no_sense_opens_nothing() {
    let blocks: [Value; 2] = [json!({}), json!({"command": ["true"], "json": "xml"})];
    for block in blocks {
        assert!(within(place("command", block).open()).await.is_err());
    }
}
