//! Whole trials with the stand-in of Codex: what is sealed, what is said when its files or its endpoint are no good, whose login is lent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::{Bed, ran};
use evalrun::{
    acts::Table,
    importers::{Collector, recognise},
    metrics::{self, Given},
    model::{
        score::Measured,
        trace::{Body, Trace},
    },
    store::{bundles, read_trace},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const RUN: &str = "run";

/// Metrics that a live trial and the import of its rollout alone tell differently, and why. Everything else is the same.
const DIFFERENT: &[(&str, &str)] = &[
    ("longest_silence_s", "times of receipt, not of the agent's records"),
    ("model_s", "times of receipt, not of the agent's records"),
    ("tool_s", "times of receipt, not of the agent's records"),
    ("wall_s", "times of receipt, not of the agent's records"),
    ("turns_to_clarify", "a rollout knows no interview"),
];

fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/standins/codex_app_server.py")
}

/// A suite of one task whose stages say `first` and then `check`; a question about the line is answered with `work`.
fn bed(agent: &str, first: &str, more: &str) -> Bed {
    let bed = Bed::new();
    bed.write("repo/list.txt", "one\n");
    bed.suite(&format!(
        "graders: [interview]
agents:
  it: {{driver: codex, model: gpt-5.5, command: [python3, {}]{agent}}}
tasks:
  - id: list
    workspace: {{copy: repo}}
    interview:
      stages:
        - {{id: first, say: {}}}
        - {{id: second, say: \"check: is the list there?\"}}
      facts: [{{id: line, ask: [\"which line\"], say: \"work: add two.\"}}]
{more}",
        json!(stand_in()),
        json!(first)
    ));
    bed
}

fn play(bed: &Bed) -> Value {
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    assert!(bed.path(RUN).join("results.json").exists(), "{ran:?}");
    bed.assert_clean(RUN);
    bed.results(RUN)["trials"][0].clone()
}

fn folder(bed: &Bed) -> PathBuf {
    bed.path(RUN).join("trials/list/it/1/1")
}

fn imported(folder: &Path) -> Trace {
    let found = bundles(&[folder.to_owned()]);
    assert_eq!(found.bundles.len(), 1, "the rollouts are one bundle");
    let open = found.bundles[0].open().unwrap();
    let members = open.members();
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    collector.finish().remove(0).trace
}

fn measured(trace: &Trace) -> BTreeMap<&'static str, String> {
    let facts = metrics::read(trace, Given::default(), Table::shipped());
    let word = |measured: Measured| match measured {
        Measured::Value(reading) => format!("{}", reading.value),
        Measured::Undefined(_) => "undefined".to_owned(),
        Measured::Unknown(why) => format!("unknown: {why}"),
    };
    metrics::measure(&facts).into_iter().map(|(id, measure)| (id, word(measure))).collect()
}

/// The trace in short, lane by lane: how lanes stand to each other is a matter of milliseconds.
fn shown(trace: &Trace) -> String {
    let mut lanes: Vec<&str> = trace.events.iter().map(|event| event.lane.as_str()).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let of = |lane: &str| {
        let events = trace.events.iter().filter(|event| event.lane == lane);
        format!("lane {lane:?}\n{}", events.map(|event| line(trace, event)).collect::<Vec<_>>().join("\n"))
    };
    lanes.into_iter().map(of).collect::<Vec<_>>().join("\n\n")
}

fn line(trace: &Trace, event: &evalrun::model::trace::Event) -> String {
    let from = event.from.as_deref().unwrap_or("-");
    let origin = match (from.starts_with("native:"), from.contains(" native:")) {
        (true, _) => "+",
        (false, true) => "=",
        (false, false) => " ",
    };
    let call =
        |id: Option<evalrun::model::id::EventId>| match id.and_then(|id| trace.event(id)).map(|event| &event.body) {
            Some(Body::ToolCall(call)) => call.name.clone(),
            _ => "nothing".to_owned(),
        };
    let body = match &event.body {
        Body::ToolCall(call) => format!("{} {} batched={}", call.name, call.input, call.batch.is_some()),
        Body::ToolResult(result) => format!(
            "of {} {:?} exit={:?} timed={} {:?}",
            call(result.call),
            result.status,
            result.exit,
            result.duration_ms.is_some(),
            result.output.as_str()
        ),
        Body::AgentMessage(message) => format!("{:?} {:?}", message.text.as_str(), message.phase),
        Body::UserMessage(message) => format!("{:?}", message.text.as_str()),
        Body::FileChange(change) => format!("{} of {} {:?}", change.path, call(change.call), change.diff.as_str()),
        Body::Reasoning(reasoning) => format!("{:?} encrypted={}", reasoning.text.as_str(), reasoning.encrypted),
        Body::Compaction(compaction) => format!("{compaction:?}"),
        Body::SubAgent(agent) => format!("{:?} {:?} {:?}", agent.state, agent.brief.as_str(), agent.result.as_str()),
        Body::Usage(usage) => format!("{} {} {:?}", usage.input, usage.output, usage.scope),
        _ => String::new(),
    };
    format!("{origin} t{} {} {body}", event.turn, event.body.kind())
}

fn differences(bed: &Bed) -> Vec<String> {
    let sealed = read_trace(&folder(bed).join("trace.jsonl")).unwrap();
    let (ours, theirs) = (measured(&sealed), measured(&imported(&folder(bed).join("native"))));
    let named: Vec<&str> = DIFFERENT.iter().map(|(name, _)| *name).collect();
    let odd = ours.iter().filter(|(id, value)| theirs[*id] != **value && !named.contains(id));
    odd.map(|(id, value)| format!("{id}: {value}, and from the rollout {}", theirs[id])).collect()
}

#[test]
fn a_trial_and_the_import_of_its_rollout_measure_the_same() {
    for mode in ["", ", mode: exec"] {
        let bed = bed(mode, "look: the list is short.", "");
        let trial = play(&bed);
        assert_eq!(trial["end"]["kind"], "done", "{trial}");
        let sealed = read_trace(&folder(&bed).join("trace.jsonl")).unwrap();
        assert!(sealed.header.version.is_some(), "{:?}", sealed.header);
        assert!(sealed.header.tells.failed_edits && sealed.header.tells.sub_agents);
        let name = if mode.is_empty() { "codex_sealed" } else { "codex_sealed_exec" };
        insta::assert_snapshot!(name, format!("{}\n\n{}", shown(&sealed), trial["notes"]));
        assert_eq!(differences(&bed), Vec::<String>::new(), "{mode}");
    }
}

#[test]
fn a_sub_agent_that_is_heard_live_stands_in_its_lane_once() {
    let bed = bed("", "team: x", "");
    let trial = play(&bed);
    assert_eq!(trial["end"]["kind"], "done", "{trial}");
    let sealed = read_trace(&folder(&bed).join("trace.jsonl")).unwrap();
    let child = "01a20331-8b88-7ea3-9b64-12b231716f8f";
    let of_it = sealed.events.iter().filter(|event| event.lane == child).map(|event| line(&sealed, event));
    insta::assert_snapshot!(of_it.collect::<Vec<_>>().join("\n"), @r#"
= t1 tool_call exec_command {"command":"/bin/bash -lc ls"} batched=true
= t1 tool_result of exec_command Ok exit=Some(0) timed=false "list.txt\n"
= t1 agent_message "There is list.txt." None
= t1 usage 100 10 Response
= t1 sub_agent Ended "" "There is list.txt."
"#);
    assert!(sealed.events.iter().all(|event| event.lane.is_empty() || event.lane == child));
    assert_eq!(differences(&bed), Vec::<String>::new());
}

#[test]
fn files_that_the_agent_rewrote_are_left_alone_and_the_live_trace_stands() {
    let bed = bed("", "forge: x", "");
    let trial = play(&bed);
    assert_eq!(trial["end"]["kind"], "done", "{trial}");
    let notes = trial["notes"].to_string();
    assert!(notes.contains("were not used: the agent's own files tell of another session"), "{notes}");
    let sealed = read_trace(&folder(&bed).join("trace.jsonl")).unwrap();
    assert!(sealed.events.iter().all(|event| !event.from.as_deref().unwrap_or_default().contains("native")));
}

#[test]
fn a_dead_endpoint_breaks_the_trial_and_lowers_no_score() {
    let bed = bed("", "storm: x", "    limits: {idle: 4s}\n");
    play(&bed);
    let results = bed.results(RUN);
    assert_eq!(results["trials"], json!([]), "what broke is not counted");
    let why = results["not_run"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("broken: provider: Reconnecting... waiting for network"), "{why}");
    assert!(
        bed.path(RUN).join("trials/list/it/1/attempts/2.json").exists(),
        "a provider that may come back is tried again"
    );
}

#[test]
fn a_silent_agent_meets_its_own_limit() {
    let bed = bed("", "slow: x", "    limits: {idle: 1s}\n");
    let trial = play(&bed);
    assert_eq!(trial["end"]["kind"], "limit", "{trial}");
}

#[test]
fn a_login_is_lent_hidden_and_taken_away_and_never_in_ci() {
    let suite = |bed: &Bed, more: &[(&str, &str)]| {
        let mut command = bed.evalrun(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
        command.envs(more.iter().copied());
        ran(command)
    };
    let login =
        json!({"OPENAI_API_KEY": null, "tokens": {"access_token": "very-secret-access-token", "account_id": "short"}});

    let lent = bed(", auth: login", "show login: x", "");
    lent.write("home/.codex/auth.json", login.to_string());
    suite(&lent, &[]);
    let trace = read_trace(&folder(&lent).join("trace.jsonl")).unwrap();
    let said = shown(&trace);
    assert!(said.contains("0o600") && said.contains("[codex access_token]"), "{said}");
    let mut files = 0;
    for entry in walkdir::WalkDir::new(lent.path(RUN)).into_iter().flatten().filter(|entry| entry.file_type().is_file())
    {
        let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
        assert!(!text.contains("very-secret-access-token"), "{}", entry.path().display());
        assert_ne!(entry.file_name(), "auth.json");
        files += 1;
    }
    assert!(files > 5);
    assert_eq!(lent.places(), [] as [PathBuf; 0]);
    assert_eq!(fs::read_to_string(lent.path("home/.codex/auth.json")).unwrap(), login.to_string());

    for (variables, message) in [
        (vec![("CI", "true")], "which is not done in CI"),
        (vec![("CODEX_HOME", "/nowhere-at-all")], "there is no login of codex to lend"),
    ] {
        let bed = bed(", auth: login", "show login: x", "");
        bed.write("home/.codex/auth.json", login.to_string());
        let ran = suite(&bed, &variables);
        assert!(ran.code != Some(0) && ran.err.contains(message) && ran.err.contains("hint: "), "{ran:?}");
        assert!(!bed.path(RUN).join("trials").exists(), "nothing was started: {ran:?}");
    }
}
