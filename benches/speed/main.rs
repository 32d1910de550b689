//! `cargo xtask bench`: CPU and memory of the release build. Wall time is never judged.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod generate;
mod report;

use evalrun::{
    acts::{Table, deeds_of_call},
    interview::questions::questions,
    metrics::{Given, METRICS, measure, read},
    model::trace::{Body, Event, Trace},
    store::read_trace,
};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::{collections::BTreeMap, hint::black_box, path::Path, process::Command};

/// The machine may be busy: the least of several.
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["gen-trace", rest @ ..] => return gen_trace(rest),
        ["memory", file] => return memory_of(Path::new(file)),
        ["stages", run] => return report::stages(Path::new(run)),
        _ => {}
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average: {}", load.trim());
    start_up();
    suite_bombs();
    if let ["--run", run] = words.as_slice() {
        report::whole(Path::new(run));
    }
    throughput();
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

/// The whole way of a session that is graded, stage by stage, the best of several rounds.
fn throughput() {
    let (text, shape) = generate::trace(64_000_000, 1);
    let mut best: Option<Stages> = None;
    for _ in 0..ROUNDS {
        let now = Stages::of(&text);
        if best.as_ref().is_none_or(|best| now.all() < best.all()) {
            best = Some(now);
        }
    }
    let best = best.unwrap();
    let mb = text.len() as f64 / 1e6;
    let rate = |seconds: f64| format!("{seconds:.3} s, {:.0} MB/s", mb / seconds);
    println!("{}", of_shape(&shape));
    println!("parse + acts + metrics: {:.0} MB/s and core (goal: 150), best of {ROUNDS}", mb / best.all());
    println!("  parse        {}", rate(best.parse));
    println!("  acts         {}", rate(best.acts));
    println!("  questions    {}", rate(best.questions));
    println!("  other facts  {}", rate(best.facts - best.acts - best.questions));
    for (behaviour, seconds) in &best.metrics {
        println!("  metrics of {behaviour:<18} {}", rate(*seconds));
    }
    memory(&text, &shape);
}

/// A process of its own reads the trace from a file and measures it, as `evalrun grade` does.
fn memory(text: &str, shape: &generate::Shape) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.jsonl");
    std::fs::write(&file, text).unwrap();
    let done = Command::new(std::env::current_exe().unwrap()).arg("memory").arg(&file).output().unwrap();
    let peak: f64 = String::from_utf8_lossy(&done.stdout).trim().parse().expect("the peak in bytes");
    let wanted = 64e6 + 100.0 * shape.events as f64;
    println!("peak memory of one trace: {:.0} MB (goal: {:.0})", peak / 1e6, wanted / 1e6);
}

fn memory_of(file: &Path) {
    let trace = read_trace(file).unwrap();
    black_box(measure(&read(&trace, Given::default(), Table::shipped())));
    println!("{}", peak());
}

struct Stages {
    parse: f64,
    /// Acts and questions are among the facts; they are timed by one more run of each.
    facts: f64,
    acts: f64,
    questions: f64,
    metrics: BTreeMap<&'static str, f64>,
}

impl Stages {
    fn of(text: &str) -> Stages {
        let (table, began) = (Table::shipped(), own());
        let mut lines = text.lines();
        let header = serde_json::from_str(lines.next().unwrap()).unwrap();
        let events: Vec<Event> = lines.map(|line| Event::from_line(line).unwrap()).collect();
        let trace = Trace { header, events };
        let parse = own() - began;
        let began = own();
        let facts = read(&trace, Given::default(), table);
        let gathered = own() - began;
        let mut times: BTreeMap<&'static str, f64> = BTreeMap::new();
        for metric in METRICS {
            let began = own();
            black_box((metric.of)(&facts));
            *times.entry(metric.behaviour).or_default() += own() - began;
        }
        let bodies = || trace.events.iter().filter(|event| !event.superseded).map(|event| &event.body);
        let began = own();
        for body in bodies() {
            if let Body::ToolCall(call) = body {
                black_box(deeds_of_call(&call.name, &call.input, table));
            }
        }
        let acts = own() - began;
        let began = own();
        for said in &facts.messages {
            black_box(questions(said.text, "en"));
        }
        Stages { parse, facts: gathered, acts, questions: own() - began, metrics: times }
    }

    fn all(&self) -> f64 {
        self.parse + self.facts + self.metrics.values().sum::<f64>()
    }
}

fn of_shape(shape: &generate::Shape) -> String {
    format!(
        "{:.1} MB, {} events, median {} bytes (goal: under 2048), {:.1} % in shell lines (goal: 2)",
        shape.bytes as f64 / 1e6,
        shape.events,
        shape.median_event,
        shape.shell_share()
    )
}

/// `gen-trace [--mb N] [--seed N] [--out FILE]`: the bench's own trace as a file.
fn gen_trace(words: &[&str]) {
    let option = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied();
    let number = |name: &str, usual: u64| option(name).map_or(usual, |text| text.parse().expect("a number"));
    let out = option("--out").unwrap_or("trace.jsonl");
    let (text, shape) = generate::trace(usize::try_from(number("--mb", 64)).unwrap() * 1_000_000, number("--seed", 1));
    std::fs::write(out, text).expect("the trace is written");
    println!("{out}: {}", of_shape(&shape));
}

/// The most memory this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
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
