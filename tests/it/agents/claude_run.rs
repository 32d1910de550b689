//! Whole trials with the stand-in for Claude Code: graded as any other, told by its session file as by its stream, never scored for
//! what its provider did.

use crate::bed::{Bed, Ran, files};
use evalrun::{
    acts::Table,
    importers::{Collector, recognise},
    metrics::{self, Given},
    model::{
        score::Measured,
        trace::{Body, Trace},
    },
    store::bundles,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

const RUN: &str = "run";
const ATTEMPT: &str = "run/trials/greet/it/1/1";

fn standin(name: &str) -> String {
    format!("{}/fixtures/agents/standins/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A task of three stages, played by a script of the stand-in.
fn bed(script: &Value, more: &str) -> Bed {
    let bed = Bed::new();
    bed.write("repo/README.md", "Greets.\n");
    let file = bed.write("script.json", script.to_string());
    let command = json!(["python3", standin("claude.py"), "--script", file]);
    bed.suite(&format!(
        "graders: [outcome, communication]
agents: {{it: {{driver: claude, model: claude-sonnet-5, command: {command}{more}}}}}
tasks:
  - id: greet
    workspace: {{copy: repo}}
    interview:
      stages:
        - {{id: brief, say: Write a greeting.}}
        - {{id: loud, say: Louder., expect: [loud]}}
      facts:
        - {{id: colour, ask: [colour], about: the colour, say: In blue., weight: 1}}
    checks: {{loud: {{run: 'python3 hello.py | grep -qx \"HELLO, BLUE\"'}}}}"
    ));
    bed
}

fn play(bed: &Bed) -> Ran {
    bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN])
}

fn three_turns() -> Value {
    serde_json::from_str(&fs::read_to_string(standin("claude/three-turns.json")).unwrap()).unwrap()
}

fn imported(path: PathBuf) -> Vec<Trace> {
    let found = bundles(&[path]);
    let open = found.bundles[0].open().unwrap();
    let members = open.members();
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    collector.finish().into_iter().map(|one| one.trace).collect()
}

#[test]
fn a_trial_is_graded_and_its_own_files_are_kept() {
    let bed = bed(&three_turns(), "");
    let ran = play(&bed);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    bed.assert_clean(RUN);
    let trial = bed.results(RUN)["trials"][0].clone();
    assert_eq!(trial["end"]["kind"], "done", "{trial:#}");
    // What the session file tells is met by what came live, event for event, in the lane of the sub-agent too.
    let notes: Vec<&str> = trial["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let joining: Vec<&&str> = notes.iter().filter(|note| note.contains("agent's own")).collect();
    assert_eq!(joining, [] as [&&str; 0]);
    let trace = imported(bed.path(ATTEMPT).join("trace.jsonl")).remove(0);
    let met = trace.events.iter().filter(|event| event.from.as_ref().is_some_and(|from| from.contains("native:")));
    assert!(met.clone().any(|event| event.lane == "toolu_8") && met.count() > 30);
    assert_eq!(trace.header.version.as_deref(), Some("2.1.197"));
    assert_eq!(trace.header.model.as_deref(), Some("claude-sonnet-5"));
    let permissions = trace.events.iter().filter(|event| matches!(&event.body, Body::Permission(it) if it.granted));
    assert_eq!(permissions.count(), 5, "each call that asked for one");
    let native: Vec<String> =
        files(&bed.path(ATTEMPT).join("native")).keys().map(|path| path.to_string_lossy().into_owned()).collect();
    let session = trace.header.session.unwrap();
    assert_eq!(native, [format!("{session}/subagents/agent-a8.jsonl"), format!("{session}.jsonl")]);
}

/// Metrics that the session file alone tells otherwise, and why (docs/agents-claude.md lists them).
const DIFFERS: &[(&str, &str)] = &[
    ("cost_usd", "the session file states no cost"),
    ("turns_to_clarify", "what the interviewer told is ours and stands in no file of the agent's"),
];

/// Times: of receipt in the one, of the agent's own clock in the other.
const TIMES: &[&str] = &["longest_silence_s", "model_s", "tool_s", "wall_s"];

#[test]
fn the_session_file_alone_tells_the_same_but_for_a_known_list() {
    let bed = bed(&three_turns(), "");
    assert_eq!(play(&bed).code, Some(0));
    let live = imported(bed.path(ATTEMPT).join("trace.jsonl")).remove(0);
    let file = imported(bed.path(ATTEMPT).join("native")).remove(0);
    let (live, file) = (measured(&live), measured(&file));
    let differ: BTreeMap<&str, String> = live
        .iter()
        .filter(|(id, value)| !TIMES.contains(id) && file.get(*id) != Some(value))
        .map(|(id, value)| (*id, format!("{value:?} and {:?}", file.get(id))))
        .collect();
    let known: BTreeSet<&str> = DIFFERS.iter().map(|(id, _)| *id).collect();
    let found: BTreeSet<&str> = differ.keys().copied().collect();
    assert_eq!(found, known, "{differ:#?}");
}

/// Values only: what they cite stands at other places.
fn measured(trace: &Trace) -> BTreeMap<&'static str, String> {
    let facts = metrics::read(trace, Given::default(), Table::shipped());
    let said = |measured: Measured| match measured {
        Measured::Value(reading) => format!("{:.4}", reading.value),
        Measured::Undefined(_) => "undefined".to_owned(),
        Measured::Unknown(_) => "unknown".to_owned(),
    };
    metrics::measure(&facts).into_iter().map(|(id, value)| (id, said(value))).collect()
}

#[test]
fn a_dead_provider_is_tried_again_and_never_scored() {
    let bed = bed(&json!({"turns": [[{"error": "API Error: Unable to connect to API (ConnectionRefused)"}]]}), "");
    let ran = play(&bed);
    let results = bed.results(RUN);
    assert_eq!(results["trials"].as_array().map(Vec::len), Some(0), "{ran:?} {results:#}");
    let tried: Vec<bool> =
        (1..=4).map(|k| bed.path(&format!("run/trials/greet/it/1/{k}/live.jsonl")).exists()).collect();
    assert_eq!(tried, [true, true, true, false], "two more were tried");
    assert!(!bed.path("run/trials/greet/it/1/trial.json").exists());
    bed.assert_clean(RUN);
}

/// A login is lent, hidden in all that is written, and refused in CI.
#[test]
fn a_login_is_lent_and_hidden_and_refused_in_ci() {
    const TOKEN: &str = "sk-ant-oat01-abcdefgh";
    let leak = "cat ~/.claude/.credentials.json; stat -c %a ~/.claude/.credentials.json; cp ~/.claude/.credentials.json leaked.json";
    let script = json!({"turns": [[{"call": "Bash", "input": {"command": leak}}, {"say": TOKEN}]]});
    let bed = bed(&script, ", auth: login");
    let login = format!("{{\"claudeAiOauth\":{{\"accessToken\":\"{TOKEN}\"}}}}");
    let own = bed.write("home/.claude/.credentials.json", &login);
    let ran = play(&bed);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let trace = fs::read_to_string(bed.path(ATTEMPT).join("trace.jsonl")).unwrap();
    assert!(trace.contains("CLAUDE_LOGIN.claudeAiOauth.accessToken") && trace.contains("600"), "{trace}");
    for (file, bytes) in files(&bed.path(RUN)) {
        assert!(!holds(&bytes, TOKEN), "{} shows the login", file.display());
    }
    assert_eq!(fs::read_to_string(own).unwrap(), login, "the user's own is as it was");
    bed.assert_clean(RUN);

    let mut in_ci = bed.evalrun(&["suite.yaml", "--sandbox", "none", "--out", "ci"]);
    in_ci.env("CI", "true");
    let ran = crate::bed::ran(in_ci);
    assert!(format!("{}{}", ran.out, ran.err).contains("a person's login is not used where CI is set"), "{ran:?}");
    assert_eq!(bed.results("ci")["trials"].as_array().map(Vec::len), Some(0));
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
