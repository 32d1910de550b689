//! A trace of a hundred thousand events: the page grows with it, in size and in time, and no faster.

use super::specimen::Specimen;
use evalrun::model::{
    id::EventId,
    results::TrialResult,
    trace::{AgentMessage, Body, Event, ResultStatus, Text, ToolCall, ToolResult, Trace},
};
use evalrun::reporters::named;
use nix::sys::resource::{UsageWho, getrusage};

#[test]
fn a_page_grows_in_proportion_to_its_trace() {
    let (small, large) = (page_of(2_500), page_of(25_000));
    let (size, time) = (large.0 as f64 / small.0 as f64, large.1 / small.1);
    println!(
        "25,000 events: {} bytes, {:.2} s of this thread; 10 times the events: {size:.1} times the size, {time:.1} times the time",
        large.0, large.1
    );
    assert!(size < 10.5, "{size}");
    // Twice the proportion: a square would be a hundredfold.
    assert!(time < 30.0, "{time}");
    assert!(large.0 < 25_000 * 400, "{} bytes an event", large.0 / 25_000);
}

/// Bytes of the page and CPU seconds of this thread.
fn page_of(events: u32) -> (usize, f64) {
    let mut specimen = Specimen::load();
    let trial = TrialResult { scores: Vec::new(), ..specimen.results.trials[2].clone() };
    specimen.results.trials = vec![trial];
    let header = specimen.pages[2].0.header.clone();
    specimen.pages = vec![(Trace { header, events: (0..events).map(event).collect() }, Vec::new())];
    let before = seconds();
    let written = named("html").unwrap().files(&specimen.report()).unwrap();
    let spent = seconds() - before;
    let page = String::from_utf8(written[1].bytes.clone()).unwrap();
    assert!(page.contains(&format!("id=\"e{}\"", events - 1)));
    (page.len(), spent)
}

fn event(id: u32) -> Event {
    let body = match id % 5 {
        0 => Body::AgentMessage(AgentMessage { text: "Next I look at the parser.".into(), phase: None }),
        1 | 3 => Body::ToolCall(ToolCall {
            name: "shell".to_owned(),
            tool: None,
            input: serde_json::json!({ "command": format!("sed -n '{id},+20p' src/parse.rs") }),
            batch: None,
        }),
        _ => Body::ToolResult(ToolResult {
            call: Some(EventId(id - 1)),
            status: ResultStatus::Ok,
            exit: Some(0),
            output: Text::whole("fn parse(text: &str) -> Tree {\n    tree(text)\n}"),
            dropped_bytes: 0,
            duration_ms: Some(12),
        }),
    };
    Event {
        id: EventId(id),
        turn: id / 400 + 1,
        stage: "brief".to_owned(),
        lane: String::new(),
        at: Some(u64::from(id) * 40),
        time: None,
        from: None,
        superseded: false,
        body,
    }
}

fn seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let part = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    part(usage.user_time()) + part(usage.system_time())
}
