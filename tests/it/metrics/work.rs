//! How much work the numbers of a trace take: everything is read once, and twice the trace takes twice the work.

use super::real::session_of;
use evalrun::{
    acts::{Table, deeds_of_call},
    metrics::{Given, Readers, gather, measure, read},
    model::{
        ask::AskKind,
        id::EventId,
        trace::{Body, Event, Trace},
    },
};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sub-agents, compactions, plans, checks, edits of many files.
const SESSIONS: [&str; 4] = [
    "claude_session/sub-agent",
    "codex_rollout/sub-agent",
    "codex_rollout/compaction",
    "swe_together/comfyui-lumina2-lora-prefix.json",
];

/// A message of the root agent that says something.
fn speaks(event: &Event) -> bool {
    matches!(&event.body, Body::AgentMessage(said) if event.lane.is_empty() && !said.text.as_str().trim().is_empty())
}

#[test]
fn each_call_and_each_message_is_read_once() {
    let trace = long(8);
    let (calls, texts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let deeds = |name: &str, input: &Value| {
        calls.fetch_add(1, Ordering::Relaxed);
        deeds_of_call(name, input, Table::shipped())
    };
    let questions = |_: &str, _: &str| -> Vec<(AskKind, String)> {
        texts.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    };
    let facts = gather(&trace, Given::default(), &Readers { deeds: &deeds, questions: &questions });
    measure(&facts);
    let live = || trace.events.iter().filter(|event| !event.superseded);
    let expected = live().filter(|event| matches!(event.body, Body::ToolCall(_))).count();
    assert!(expected > 100, "only {expected} calls");
    assert_eq!(calls.into_inner(), expected);
    assert_eq!(texts.into_inner(), live().filter(|event| speaks(event)).count());
}

/// Eight times the trace may take three times as much as eight times the work; what looks at everything for everything takes 64 times.
#[test]
fn work_grows_with_the_trace_and_no_faster() {
    let (short, longer) = (long(4), long(32));
    let least = |trace: &Trace| (0..3).map(|_| work(trace)).fold(f64::INFINITY, f64::min);
    work(&short);
    let (one, eight) = (least(&short), least(&longer));
    assert!(
        eight <= 3.0 * 8.0 * one,
        "{:.1} times the work for 8 times the trace ({one:.4} s, {eight:.4} s)",
        eight / one
    );
}

/// CPU seconds of this thread for all facts and metrics.
fn work(trace: &Trace) -> f64 {
    let began = cpu();
    std::hint::black_box(measure(&read(trace, Given::default(), Table::shipped())));
    cpu() - began
}

fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let part = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    part(usage.user_time()) + part(usage.system_time())
}

/// The sessions one after the other, so many times, each time with other sub-agents.
fn long(times: u32) -> Trace {
    let sessions = SESSIONS.map(session_of);
    let mut trace = Trace { header: sessions[0].header.clone(), events: Vec::new() };
    for round in 0..times {
        for session in &sessions {
            let base = u32::try_from(trace.events.len()).unwrap();
            let turn = trace.events.last().map_or(0, |event| event.turn);
            trace.events.extend(session.events.iter().cloned().map(|event| moved(event, (base, turn, round))));
        }
    }
    trace
}

fn moved(mut event: Event, (base, turn, round): (u32, u32, u32)) -> Event {
    event.id = EventId(event.id.0 + base);
    event.turn += turn;
    if !event.lane.is_empty() {
        event.lane = format!("{}-{round}", event.lane);
    }
    match &mut event.body {
        Body::ToolResult(result) => result.call = result.call.map(|call| EventId(call.0 + base)),
        Body::FileChange(change) => change.call = change.call.map(|call| EventId(call.0 + base)),
        Body::SubAgent(sub) => sub.id = format!("{}-{round}", sub.id),
        _ => {}
    }
    event
}
