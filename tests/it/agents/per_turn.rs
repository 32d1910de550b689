//! Gemini CLI and opencode, played by stand-ins: what is set, what is told live, and what their own files tell.

use super::talk::{Place, Talk, place, shown, stand_in, within};
use evalrun::{
    importers::{Collector, recognise},
    model::{
        agent::{Signal, TurnEnded},
        import::Member,
        trace::{Body, Trace},
    },
};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, io, path::Path, sync::Arc};

const BOTH: [(&str, &str); 2] = [("gemini", "gemini.py"), ("opencode", "opencode.py")];

fn agent((driver, script): (&str, &str), settings: &Value) -> Place {
    place(driver, json!({"command": ["python3", stand_in(script)], "settings": settings}))
}

async fn opened(place: &Place) -> Talk {
    within(place.open()).await.unwrap_or_else(|fault| panic!("{fault:?}"))
}

fn said(signals: &[Signal]) -> Vec<String> {
    let mut out = Vec::new();
    for signal in signals {
        if let Signal::Event(draft) = signal
            && let Body::AgentMessage(message) = &draft.body
        {
            out.push(message.text.as_str().to_owned());
        }
    }
    out
}

struct Bytes(Vec<u8>);

impl evalrun::model::import::Source for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

/// The only file that was kept, imported.
fn kept(native: &Path) -> Trace {
    let files: Vec<_> = fs::read_dir(native).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let source = Bytes(fs::read(&files[0]).unwrap());
    let members = [Member { name: "kept", source: &source }];
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    let all = collector.finish();
    assert_eq!((all.len(), &all[0].warnings), (1, &Vec::new()));
    all[0].trace.clone()
}

fn told(trace: &Trace) -> String {
    let mut out = String::new();
    for event in &trace.events {
        let line = event.to_line().unwrap();
        let body: Value = serde_json::from_str(&line).unwrap();
        let _ = writeln!(out, "{} {} {}", event.turn, event.body.kind(), body["body"]);
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_told_live_and_in_full_by_the_session_that_is_kept() {
    for both in BOTH {
        let place = agent(both, &json!({}));
        fs::write(place.seat.workspace.join("slug.py"), "def slugify(s):\n    raise NotImplementedError\n").unwrap();
        let mut talk = opened(&place).await;
        let mut signals = talk.turn("work").await;
        signals.extend(talk.turn("again").await);
        let edited = fs::read_to_string(place.seat.workspace.join("slug.py")).unwrap();
        assert_eq!(edited, "def slugify(s):\n    return s.lower()\n");
        assert_eq!(talk.close().await, Vec::<String>::new());
        let everywhere = |text: String| text.replace(place.folder.path().to_str().unwrap(), "PLACE");
        let trace = kept(&place.seat.native);
        insta::assert_snapshot!(format!("{}_live", both.0), everywhere(shown(&signals)));
        insta::assert_snapshot!(format!("{}_kept", both.0), everywhere(told(&trace)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_written_where_the_agent_reads_them() {
    let gemini = agent(BOTH[0], &json!({"approval_mode": "plan", "config": {"general": {"vimMode": true}}}));
    let opencode = agent(BOTH[1], &json!({"config": {"share": "manual"}}));
    for (mut place, name) in [(gemini, "gemini"), (opencode, "opencode")] {
        Arc::make_mut(&mut place.seat.spec).model = Some("large".to_owned());
        place.seat.model_at = Some("http://127.0.0.1:1".to_owned());
        let mut talk = opened(&place).await;
        let signals = talk.turn("settings").await;
        let read: Value = serde_json::from_str(&said(&signals)[0]).unwrap();
        insta::assert_snapshot!(format!("{name}_settings"), serde_json::to_string_pretty(&read).unwrap());
        assert!(talk.session.identity().session.is_some());
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_turn_says_why_and_the_conversation_goes_on() {
    for both in BOTH {
        let place = agent(both, &json!({}));
        let mut talk = opened(&place).await;
        let signals = talk.turn("fail").await;
        let Some(Signal::TurnEnd(end)) = signals.last() else { panic!("{}", shown(&signals)) };
        assert_eq!(end.how, TurnEnded::Failed, "{}", both.0);
        assert!(shown(&signals).contains("no model answers"), "{}", shown(&signals));
        assert_eq!(said(&talk.turn("again").await), ["two, resumed"], "{}", both.0);
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_begins_with_a_dash_is_no_option() {
    for both in BOTH {
        let place = agent(both, &json!({}));
        let mut talk = opened(&place).await;
        assert_eq!(said(&talk.turn("- dash").await), ["a dash"], "{}", both.0);
        talk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_in_a_session_files_place_is_not_followed_and_secrets_are_replaced() {
    let mut place = agent(BOTH[0], &json!({}));
    let secrets = [("MY_KEY".to_owned(), "s3cret-value".to_owned())];
    place.seat.redactor = Arc::new(evalrun::process::redact::Redactor::new(&secrets).unwrap());
    let mut talk = opened(&place).await;
    talk.turn("my key is s3cret-value").await;
    let outside = place.folder.path().join("outside.jsonl");
    fs::write(&outside, "private").unwrap();
    let chats = place.seat.home.join(".gemini/tmp/project/chats");
    std::os::unix::fs::symlink(&outside, chats.join("session-link.jsonl")).unwrap();
    fs::write(chats.join("oauth_creds.json"), "never").unwrap();
    let notes = talk.close().await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("session-link.jsonl") && notes[0].contains("was not kept"), "{notes:?}");
    let files: Vec<_> = fs::read_dir(&place.seat.native).unwrap().map(|entry| entry.unwrap().path()).collect();
    let text = fs::read_to_string(&files[0]).unwrap();
    assert!(files.len() == 1 && !text.contains("s3cret-value") && text.contains("MY_KEY"), "{files:?} {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_be_exported_is_told() {
    let place = agent(BOTH[1], &json!({}));
    let mut talk = opened(&place).await;
    talk.turn("hello").await;
    fs::remove_dir_all(place.seat.home.join(".local/share/opencode/storage")).unwrap();
    let notes = talk.close().await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("the session was not exported"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_longer_than_a_word_may_be_is_refused_by_name() {
    let place = agent(BOTH[0], &json!({}));
    let mut talk = opened(&place).await;
    let signals = talk.turn(&"x".repeat(200 << 10)).await;
    let Some(Signal::Gone(fault)) = signals.last() else { panic!("{}", signals.len()) };
    assert!(fault.message.len() < 1000 && fault.message.contains("too long"), "{fault:?}");
    talk.close().await;
}
