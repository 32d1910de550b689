//! Runs that no window holds: every event is shown or accounted for, and no request is too large.

use super::{super::metrics::session_of, bench::*};
use evalrun::{
    acts::Table,
    graders::{Answer, Criteria, Evidence, Need, run},
    judging::estimate,
    metrics::{self, Given},
    model::{
        id::EventId,
        judge::{Bench, JudgeNeed, Replied},
        score::{Outcome, Score},
        trace::{AgentMessage, Body, End, EndKind, Event, Trace},
    },
};
use std::collections::BTreeSet;

/// Real sessions, repeated and varied, until they hold so many bytes of text.
fn long(bytes: usize) -> Trace {
    let sessions = [
        session_of("swe_together/hyperswitch-9063.json"),
        session_of("swe_together/comfyui-lumina2-lora-prefix.json"),
        session_of("codex_rollout/three-turns-gpt-5.5"),
    ];
    let mut trace = Trace { header: sessions[0].header.clone(), events: Vec::new() };
    let (mut size, mut round, mut turn) = (0, 0, 0);
    while size < bytes {
        let session = &sessions[round % sessions.len()];
        let base = u32::try_from(trace.events.len()).unwrap();
        for event in &session.events {
            let mut event = event.clone();
            event.id = EventId(event.id.0 + base);
            event.turn += turn;
            match &mut event.body {
                Body::ToolResult(result) => result.call = result.call.map(|call| EventId(call.0 + base)),
                Body::FileChange(change) => change.call = change.call.map(|call| EventId(call.0 + base)),
                _ => {}
            }
            for text in event.body.texts_mut() {
                text.inline = text.inline.replace(" the ", &format!(" the{round} "));
                size += text.inline.len();
            }
            trace.events.push(event);
        }
        turn = trace.events.iter().map(|event| event.turn).max().unwrap();
        round += 1;
    }
    trace
}

/// The trace with a message of the agent at a place; later ids move.
fn with_message(trace: &mut Trace, at: usize, text: &str) {
    let mut event =
        Event { body: Body::AgentMessage(AgentMessage { text: text.into(), phase: None }), ..trace.events[at].clone() };
    event.lane = String::new();
    event.superseded = false;
    trace.events.insert(at, event);
    let at = u32::try_from(at).unwrap();
    let moved = |call: Option<EventId>| call.map(|call| if call.0 >= at { EventId(call.0 + 1) } else { call });
    for (id, event) in trace.events.iter_mut().enumerate() {
        event.id = EventId(u32::try_from(id).unwrap());
        match &mut event.body {
            Body::ToolResult(result) => result.call = moved(result.call),
            Body::FileChange(change) => change.call = moved(change.call),
            _ => {}
        }
    }
}

fn grade(trace: &Trace, grader: &Criteria, bench: &Bench, judge: &mut dyn FnMut(&JudgeNeed) -> Replied) -> Vec<Score> {
    let facts = metrics::read(trace, Given::default(), Table::shipped());
    let end = End { kind: EndKind::Recorded, why: String::new() };
    let evidence = Evidence { task: None, trace, facts: &facts, end: &end, metrics: &[], bench: Some(bench) };
    run(grader, &evidence, &mut |need: &Need| match need {
        Need::Judge(need) => Answer::Reply(judge(need)),
        Need::Command(_) => panic!("no command is asked for here"),
    })
}

/// Looks for the word of each criterion in what it is shown, and quotes the line with its event.
fn searching(need: &JudgeNeed) -> Replied {
    let one = |id: &String| {
        let id = id.split_once('/').unwrap().1;
        let mut event = 0;
        let mut found = None;
        for line in need.prompt.user.lines() {
            if let Some(rest) = line.strip_prefix('e') {
                event = rest.split(' ').next().unwrap().parse().unwrap_or(event);
            }
            if line.starts_with("| ") && line.contains(&format!("{id}-4711")) {
                found = Some((event, line.trim_start_matches("| ").to_owned()));
            }
        }
        match &found {
            Some((event, quote)) => answer(id, "met", Some((*event, quote))),
            None => answer(id, "not_met", None),
        }
    };
    reply(answers(&need.criteria.iter().map(one).collect::<Vec<_>>()))
}

/// Events that a request shows in a line of their own, and all that it accounts for.
fn accounted(user: &str) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let (mut own, mut all) = (BTreeSet::new(), BTreeSet::new());
    for line in user.lines() {
        let mut words = line.split(' ');
        let id = |word: Option<&str>| word?.trim_end_matches(':').strip_prefix('e')?.parse::<u32>().ok();
        let Some(first) = id(words.next()) else { continue };
        if words.next() == Some("to") {
            all.extend(first..=id(words.next()).unwrap());
        } else {
            own.insert(first);
            all.insert(first);
        }
    }
    (own, all)
}

fn fits(need: &JudgeNeed, window: u64) {
    let prompt = &need.prompt;
    let taken = estimate(&prompt.system)
        + estimate(&prompt.user)
        + estimate(&prompt.schema.to_string())
        + u64::from(prompt.most);
    assert!(taken <= window, "{taken} tokens");
}

#[test]
fn five_megabytes_in_a_window_of_128_thousand_tokens() {
    let mut trace = long(5 << 20);
    let last = trace.events.len();
    for (at, name) in [(last - 2, "end"), (last / 2, "middle"), (1, "start")] {
        with_message(&mut trace, at, &format!("Look here: {name}-4711"));
    }
    // One that stands in the middle of a long output, and one that is nowhere.
    let middle = trace.events.iter_mut().filter_map(|event| match &mut event.body {
        Body::ToolResult(result) if result.output.inline.lines().count() > 200 => Some(&mut result.output.inline),
        _ => None,
    });
    let output = middle.last().unwrap();
    let lines: Vec<&str> = output.lines().collect();
    *output = format!("{}\nhidden-4711\n{}", lines[..lines.len() / 2].join("\n"), lines[lines.len() / 2..].join("\n"));
    let ids = ["start", "middle", "end", "hidden", "absent"];
    let one = |id: &&str| format!("  - {{id: {id}, judge: Is it said?}}\n");
    let everything = criteria(&format!("grader: x\nabout: x\ncriteria:\n{}", ids.iter().map(one).collect::<String>()));
    let bench = Bench { window: 128_000, ..votes(1) };
    let live: BTreeSet<u32> = trace.events.iter().filter(|event| !event.superseded).map(|event| event.id.0).collect();
    let (mut own, mut requests) = (BTreeSet::new(), 0);
    let scores = grade(&trace, &everything, &bench, &mut |need| {
        fits(need, bench.window);
        let (lines, all) = accounted(&need.prompt.user);
        assert!(live.is_subset(&all), "a request forgets {:?}", live.difference(&all).next());
        own.extend(lines);
        requests += 1;
        searching(need)
    });
    assert!(live.is_subset(&own), "every event has a line of its own in some request");
    assert!((2..=32).contains(&requests), "{requests} requests");
    let value = |at: usize| match &scores[at].outcome {
        Outcome::Scored(value) => value.to_string(),
        Outcome::Unknown(why) => why.split(':').next().unwrap().to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!([value(0), value(1), value(2)], ["1", "1", "1"]);
    let left_out = scores[4].judged.as_ref().unwrap().left_out;
    // What was cut takes the right to say that something is not there.
    assert_eq!([value(3), value(4)], ["not shown", "not shown"], "{left_out:?}");
    assert!(left_out.wanted > 0 && left_out.cut > 0 && left_out.events == 0, "{left_out:?}");
}

#[test]
fn what_a_criterion_selects_is_shown_whole_before_the_rest() {
    let trace = long(1 << 20);
    let grader = criteria(
        "grader: x\nabout: x\ncriteria:\n  - {id: last, judge: Is it said?, evidence: {always: [final_message]}}\n  - {id: tests, judge: Is it said?, evidence: {acts: [test], around: 1}}\n",
    );
    let bench = Bench { window: 60_000, ..votes(1) };
    let mut requests = 0;
    let scores = grade(&trace, &grader, &bench, &mut |need| {
        fits(need, bench.window);
        requests += 1;
        all(need, "not_met", None)
    });
    for score in &scores {
        let left_out = score.judged.as_ref().unwrap().left_out;
        assert_eq!((score.outcome.clone(), left_out.wanted), (Outcome::Scored(0.0), 0), "{left_out:?}");
        assert!(left_out.events + left_out.cut > 100, "{left_out:?}");
    }
    assert!(requests < 8, "{requests}");
}

#[test]
fn windows_of_any_size_are_kept_or_refused() {
    let trace = session_of("swe_together/hyperswitch-9063.json");
    let grader = criteria("grader: x\nabout: x\ncriteria:\n  - {id: start, judge: Is it said?}\n");
    let mut seen = BTreeSet::new();
    for window in [100, 2_000, 4_000, 6_000, 8_000, 12_000, 16_000, 32_000, 64_000, 1_000_000] {
        let bench = Bench { window, ..votes(1) };
        let mut requests = 0;
        let scores = grade(&trace, &grader, &bench, &mut |need| {
            fits(need, window);
            requests += 1;
            searching(need)
        });
        match &scores[0].outcome {
            Outcome::Broken(fault) => {
                assert_eq!((fault.kind.as_str(), requests), ("window", 0));
                seen.insert("refused");
            }
            Outcome::Scored(_) | Outcome::Unknown(_) => {
                seen.insert(if requests == 1 { "one" } else { "several" });
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, BTreeSet::from(["one", "refused", "several"]));
}

/// A text read twice stands once; a reference loses nothing.
#[test]
fn what_is_read_again_is_a_reference() {
    let text = "line of a file\n".repeat(40);
    let steps =
        steps(&serde_json::json!([{"user": "Fix it."}, {"read": "a.py", "out": text}, {"read": "a.py", "out": text}]));
    let mut user = String::new();
    let scores = judged(&steps, &one("weight: 1"), &votes(1), &mut |need| {
        user.clone_from(&need.prompt.user);
        all(need, "not_met", None)
    });
    assert!(user.contains("e4 t1 result of e3: ok\n~ the same text as e2\n"), "{user}");
    assert_eq!(user.matches("line of a file").count(), 40);
    assert!(scores[0].judged.as_ref().unwrap().left_out.is_nothing());
}
