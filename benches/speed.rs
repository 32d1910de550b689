//! `cargo xtask bench`: CPU and memory of the release build. Wall time is printed for the reader and never judged.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    acts::{Table, deeds_of_call},
    interview::questions::questions,
    metrics::{Given, Readers, gather, measure},
    model::{
        id::EventId,
        trace::{
            AgentMessage, Body, Clock, Event, Header, ResultStatus, Tells, Text, ToolCall, ToolResult, Trace,
            UserMessage,
        },
    },
};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::{process::Command, time::Instant};

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average: {}", load.trim());
    start_up();
    suite_bombs();
    throughput();
    let own = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    println!("peak memory of this bench: {} MB", own.max_rss() / 1024);
}

fn start_up() {
    const TIMES: u32 = 20;
    let began = children();
    for _ in 0..TIMES {
        let done = Command::new(env!("CARGO_BIN_EXE_evalrun")).arg("--version").output().expect("evalrun starts");
        assert!(done.status.success());
    }
    let ms = (children() - began) * 1000.0 / f64::from(TIMES);
    println!("start-up (`--version`): {ms:.1} ms CPU (goal: 10; promptfoo 0.123: 2,300; Inspect AI 0.3.285: 2,500)");
}

/// What is refused by name of the limit must be refused quickly.
fn suite_bombs() {
    let folder = tempfile::tempdir().unwrap();
    let mut bomb = String::from("version: 1\nsuite: bomb\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for at in 1..9 {
        let before = at - 1;
        bomb.push_str(&format!("a{at}: &a{at} [{}]\n", vec![format!("*a{before}"); 9].join(", ")));
    }
    let deep = format!("version: 1\nsuite: deep\ntasks: {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("version: 1\nsuite: long\nabout: {}\n", "x".repeat(5 << 20));
    for (name, text) in [("aliases", bomb), ("nesting", deep), ("size", long)] {
        let path = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        let began = children();
        let done =
            Command::new(env!("CARGO_BIN_EXE_evalrun")).arg("check").arg(&path).output().expect("evalrun starts");
        println!(
            "suite over the limit of {name}: exit {:?}, {:.0} ms CPU (goal: 500)",
            done.status.code(),
            (children() - began) * 1000.0
        );
    }
}

fn throughput() {
    let text = recording(60 << 20);
    let shell: usize = text.lines().filter(|line| line.contains("\"cmd\"")).map(str::len).sum();
    let table = Table::shipped();
    let (began, wall) = (own(), Instant::now());
    let events: Vec<Event> = text.lines().map(|line| Event::from_line(line).unwrap()).collect();
    let parsed = own() - began;
    let trace = Trace { header: header(), events };
    let deeds = |name: &str, input: &serde_json::Value| deeds_of_call(name, input, table);
    let asked = |text: &str, language: &str| {
        questions(text, language).into_iter().map(|asked| (asked.kind, asked.sentence)).collect()
    };
    let facts = gather(&trace, Given::default(), &Readers { deeds: &deeds, questions: &asked });
    let gathered = own() - began;
    let metrics = measure(&facts);
    let all = own() - began;
    let mb = text.len() as f64 / 1e6;
    println!(
        "parse + acts + metrics: {:.0} MB/s and core over {mb:.0} MB, {} events, {:.1} % in shell calls (goal: 150); \
         {:.2} s CPU: parse {parsed:.2}, facts {:.2}, {} metrics {:.2}; wall {:.2} s",
        mb / all,
        trace.events.len(),
        shell as f64 * 100.0 / text.len() as f64,
        all,
        gathered - parsed,
        metrics.len(),
        all - gathered,
        wall.elapsed().as_secs_f64(),
    );
}

/// A long session in our own format: messages, shell calls of the usual kinds, outputs of about 1.5 KB.
fn recording(bytes: usize) -> String {
    let commands = [
        "cd app && rg -n \"def limit\" src tests | head -50",
        "sed -n '1,200p' src/limits.py",
        "python3 -m pytest -q tests/test_limits.py 2>&1 | tail -20",
        "cat > notes.md <<'EOF'\n- one\n- two\nEOF",
        "git diff --stat && git status --short",
        "npm run lint && npm test -- --run",
    ];
    let output: String =
        (0..40).map(|line| format!("src/limits.py:{line}: def limit_{line}(request, quota):\n")).collect();
    let (mut text, mut id, mut turn) = (String::with_capacity(bytes + 4096), 0u32, 0u32);
    while text.len() < bytes {
        if id % 200 == 0 {
            turn += 1;
            let body = Body::UserMessage(UserMessage { text: "Please add a limit.".into(), images: 0 });
            push(&mut text, &mut id, (turn, body));
        }
        let message = AgentMessage { text: "I will look at the limits and then run the tests.".into(), phase: None };
        push(&mut text, &mut id, (turn, Body::AgentMessage(message)));
        let command = commands[(id as usize / 3) % commands.len()];
        let input = serde_json::json!({ "cmd": command });
        let call = id;
        push(
            &mut text,
            &mut id,
            (turn, Body::ToolCall(ToolCall { name: "exec_command".into(), tool: None, input, batch: None })),
        );
        let result = ToolResult {
            call: Some(EventId(call)),
            status: ResultStatus::Ok,
            exit: Some(0),
            output: Text::whole(output.clone()),
            dropped_bytes: 0,
            duration_ms: Some(12),
        };
        push(&mut text, &mut id, (turn, Body::ToolResult(result)));
    }
    text
}

fn push(text: &mut String, id: &mut u32, (turn, body): (u32, Body)) {
    let event = Event {
        id: EventId(*id),
        turn,
        stage: String::new(),
        lane: String::new(),
        at: Some(u64::from(*id) * 10),
        time: None,
        from: None,
        superseded: false,
        body,
    };
    text.push_str(&event.to_line().unwrap());
    text.push('\n');
    *id += 1;
}

fn header() -> Header {
    Header {
        trace: 1,
        task: None,
        agent: "bench".to_owned(),
        version: None,
        model: None,
        source: "bench".to_owned(),
        session: None,
        clock: Clock::Source,
        tells: Tells {
            exit_codes: true,
            outputs: true,
            plans: true,
            times: true,
            failed_edits: true,
            ..Tells::default()
        },
        cwd: Some("/repo".to_owned()),
        started: None,
        language: "en".to_owned(),
    }
}

fn own() -> f64 {
    seconds(&getrusage(UsageWho::RUSAGE_SELF).unwrap())
}

fn children() -> f64 {
    seconds(&getrusage(UsageWho::RUSAGE_CHILDREN).unwrap())
}

fn seconds(usage: &Usage) -> f64 {
    let part = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    part(usage.user_time()) + part(usage.system_time())
}
