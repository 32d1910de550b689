//! Agreement with the oracle of SWE-Together, turn by turn, by the oracle's own rule.
//!
//! The rule, as its data shows it: a native tool is a read, an edit, a write or a search; a bash line is a test or bash. It reads a
//! line only where the call has it under `command` or is the bare line, and takes it for a test by the words of a test runner that
//! stand in it; a script of the project is bash, whatever its name. So our acts are projected: a line with a test act by a program
//! of the table is a test, any other line is bash. A call in the text of a message whose JSON was cut is none to the oracle: `cut`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use evalrun::{
    acts::{Table, deeds_of_call},
    importers::{Collector, recognise},
    model::{
        act::{Act, Deed},
        trace::{Body, ToolCall},
    },
    store::bundles,
};
use serde::Deserialize;

/// What must agree, and what is only listed.
const COMPARED: [&str; 3] = ["edit", "write", "test"];

#[derive(Deserialize)]
struct Turn {
    turn: u32,
    /// Messages of the session, the second bound left out.
    msg_range: (usize, usize),
    ops: Vec<Op>,
}

#[derive(Deserialize)]
struct Op {
    kind: String,
    #[serde(default)]
    target: String,
}

struct Ours {
    kind: &'static str,
    line: Option<String>,
    deeds: Vec<Deed>,
}

#[derive(Default)]
struct Agreement {
    turns: usize,
    agree: usize,
    text: String,
}

/// The tasks of the fixtures, whose text is given back, and those of `EVALRUN_TASKS`.
pub fn measure() -> String {
    let own = agreement(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle_turns"));
    holds(&own);
    if let Some(given) = std::env::var_os("EVALRUN_TASKS") {
        holds(&agreement(Path::new(&given)));
    }
    own.text
}

fn holds(agreement: &Agreement) {
    println!("{}", agreement.text);
    assert!(agreement.turns > 0, "no task was read");
    assert!(agreement.agree * 100 >= agreement.turns * 97, "{} of {} turns", agreement.agree, agreement.turns);
}

fn agreement(folder: &Path) -> Agreement {
    let mut tasks: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    tasks.retain(|task| task.join("oracle_session.jsonl").is_file());
    tasks.sort();
    let mut whole = Agreement::default();
    for task in &tasks {
        _ = writeln!(whole.text, "== {}", task.file_name().unwrap().to_string_lossy());
        one_task(task, &mut whole);
    }
    _ = writeln!(whole.text, "edit, write and test agree in {} of {} turns", whole.agree, whole.turns);
    whole
}

fn one_task(task: &Path, whole: &mut Agreement) {
    let calls = calls_by_message(&task.join("original_session.json"));
    let oracle = fs::read_to_string(task.join("oracle_session.jsonl")).unwrap();
    for line in oracle.lines().filter(|line| !line.contains("\"_is_header\"")) {
        let turn: Turn = serde_json::from_str(line).unwrap();
        let ours: Vec<&Ours> = calls.range(turn.msg_range.0..turn.msg_range.1).flat_map(|(_, calls)| calls).collect();
        let agrees = COMPARED.iter().all(|kind| {
            turn.ops.iter().filter(|op| op.kind == *kind).count() == ours.iter().filter(|one| one.kind == *kind).count()
        });
        whole.turns += 1;
        whole.agree += usize::from(agrees);
        if turn.ops.is_empty() && ours.is_empty() {
            continue;
        }
        _ = writeln!(whole.text, "turn {}: oracle {}", turn.turn, tally(turn.ops.iter().map(|op| op.kind.as_str())));
        _ = writeln!(whole.text, "        ours   {}", tally(ours.iter().map(|one| one.kind)));
        let inside = ours.iter().filter(|one| one.line.is_some()).flat_map(|one| &one.deeds).map(named);
        _ = writeln!(whole.text, "        lines  {}", tally(inside));
        for script in ours.iter().filter(|one| one.kind == "bash" && one.deeds.iter().any(|deed| deed.act == Act::Test))
        {
            let line = script.line.as_deref().unwrap_or("");
            _ = writeln!(whole.text, "        a test to us, bash to the oracle: {line}");
        }
        if !agrees {
            explain(&turn, &ours, &mut whole.text);
        }
    }
}

/// Each line that only one side takes for a test, and each edit or write that only one side has.
fn explain(turn: &Turn, ours: &[&Ours], text: &mut String) {
    for kind in COMPARED {
        let (theirs, own) =
            (turn.ops.iter().filter(|op| op.kind == kind).count(), ours.iter().filter(|one| one.kind == kind).count());
        if theirs != own {
            _ = writeln!(text, "        DIFFERS {kind}: oracle {theirs}, ours {own}");
        }
    }
    let tested = |line: &str| {
        turn.ops.iter().any(|op| op.kind == "test" && !op.target.is_empty() && line.starts_with(&op.target))
    };
    for one in ours {
        let Some(line) = &one.line else { continue };
        let acts = || {
            one.deeds.iter().map(|deed| format!("{} {}", deed.act.word(), deed.program)).collect::<Vec<_>>().join(", ")
        };
        if tested(line) && one.kind != "test" {
            _ = writeln!(text, "          the oracle goes by a word in it, but it runs no test ({}): {line}", acts());
        }
        if !tested(line) && one.kind == "test" {
            _ = writeln!(text, "          the oracle knows no word of it, but it runs a test ({}): {line}", acts());
        }
    }
}

fn calls_by_message(session: &Path) -> BTreeMap<usize, Vec<Ours>> {
    let found = bundles(&[session.to_owned()]);
    let open = found.bundles[0].open().unwrap();
    let members = open.members();
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    let mut calls: BTreeMap<usize, Vec<Ours>> = BTreeMap::new();
    for session in collector.finish() {
        for event in session.trace.events {
            let Body::ToolCall(call) = event.body else { continue };
            let from = event.from.unwrap();
            let message = from.strip_prefix("message:").and_then(|at| at.split(':').next()).unwrap();
            calls.entry(message.parse().unwrap()).or_default().push(projected(&call));
        }
    }
    calls
}

fn projected(call: &ToolCall) -> Ours {
    let deeds = deeds_of_call(&call.name, &call.input, Table::shipped());
    if call.input.as_str().is_some_and(|text| text.starts_with('{') && text.contains("\"arguments\":")) {
        return Ours { kind: "cut", line: None, deeds };
    }
    if let [only] = deeds.as_slice()
        && only.command.is_empty()
        && only.program == call.name
    {
        let kind = match (only.act, only.sub.as_deref()) {
            (Act::Read, _) => "read",
            (Act::Edit, Some("create")) => "write",
            (Act::Edit, _) => "edit",
            (Act::Search | Act::List, _) => "search",
            _ => "other",
        };
        return Ours { kind, line: None, deeds };
    }
    let told = call.input.get("command").unwrap_or(&call.input).as_str();
    let runs = |deed: &Deed| deed.act == Act::Test && Table::shipped().knows(&deed.program);
    let kind = if told.is_some() && deeds.iter().any(runs) { "test" } else { "bash" };
    let line = told.map_or_else(|| call.input.to_string(), str::to_owned);
    Ours { kind, line: Some(line), deeds }
}

fn named(deed: &Deed) -> &'static str {
    deed.act.word()
}

fn tally<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let all: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}
