//! Whole trials with the stand-ins of Gemini CLI, opencode and an agent of the Agent Client Protocol: what is sealed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::Bed;
use evalrun::{
    model::trace::{Body, Trace},
    store::read_trace,
};
use serde_json::json;
use std::path::Path;

const RUN: &str = "run";

/// A trial of one stage that says `work`, played by a stand-in; its sealed trace.
fn sealed(driver: &str, script: &str) -> (Bed, Trace) {
    let bed = Bed::new();
    bed.write("repo/slug.py", "def slugify(s):\n    raise NotImplementedError\n");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/standins").join(script);
    bed.suite(&format!(
        "graders: [interview]
permissions: allow
agents:
  it: {{driver: {driver}, command: [python3, {}]}}
tasks:
  - id: slug
    workspace: {{copy: repo}}
    interview:
      stages: [{{id: only, say: work}}]
",
        json!(script)
    ));
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    assert!(bed.path(RUN).join("results.json").exists(), "{ran:?}");
    bed.assert_clean(RUN);
    let trace = read_trace(&bed.path(RUN).join("trials/slug/it/1/1/trace.jsonl")).unwrap();
    (bed, trace)
}

/// `--agent codex`, and nothing of it in the suite.
#[test]
fn an_installed_agent_is_picked_by_its_drivers_name_with_the_users_login() {
    let bed = Bed::new();
    bed.suite(
        "graders: [interview]
permissions: allow
agents: {mine: {driver: command, command: [\"true\"]}}
tasks: [{id: slug, interview: {stages: [{id: only, say: hello}]}}]
",
    );
    let standin = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/standins/codex_app_server.py");
    bed.write("bin/codex", format!("#!/bin/sh\nexec python3 '{}' \"$@\"\n", standin.display()));
    let program = bed.path("bin/codex");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bed.path("bin").display(), std::env::var("PATH").unwrap());
    let play = |out: &str, more: &[(&str, &str)]| {
        let mut command = bed.evalrun(&["suite.yaml", "--agent", "codex", "--sandbox", "none", "--out", out]);
        command.env("PATH", &path).env("CODEX_HOME", bed.path("login")).env_remove("CI");
        command.envs(more.iter().copied());
        crate::bed::ran(command)
    };
    let without = play("without", &[]);
    assert!(without.err.contains("there is no login of codex to lend"), "{without:?}");
    bed.write("login/auth.json", r#"{"OPENAI_API_KEY": "sk-lent-0123456789"}"#);
    let in_ci = play("in-ci", &[("CI", "true")]);
    assert!(in_ci.err.contains("lends a person's own login, which is not done in CI"), "{in_ci:?}");
    let ran = play(RUN, &[]);
    let results = bed.results(RUN);
    assert!(ran.out.contains(" codex  "), "{ran:?}");
    assert_eq!(results["trials"][0]["end"]["kind"], "done", "{ran:?}");
    let leaks = |bytes: &Vec<u8>| bytes.windows(7).any(|window| window == b"sk-lent");
    assert_eq!(crate::bed::files(&bed.path(RUN)).values().filter(|bytes| leaks(bytes)).count(), 0);
    assert_eq!(results["trials"][0]["agent"], "codex");
    let unknown = bed.run(&["suite.yaml", "--agent", "acp", "--out", "other"]);
    assert!(unknown.err.contains("no agent `acp`"), "{unknown:?}");
}

fn exits(trace: &Trace) -> Vec<i32> {
    trace
        .events
        .iter()
        .filter_map(|event| if let Body::ToolResult(result) = &event.body { result.exit } else { None })
        .collect()
}

fn count(trace: &Trace, kind: &str) -> usize {
    trace.events.iter().filter(|event| event.body.kind() == kind && !event.superseded).count()
}

#[test]
fn geminis_own_session_adds_what_it_does_not_print() {
    let (_bed, trace) = sealed("gemini", "gemini.py");
    assert_eq!(exits(&trace), [0, 3], "told by the session alone");
    assert_eq!((count(&trace, "reasoning"), count(&trace, "agent_message"), count(&trace, "tool_call")), (2, 2, 3));
    assert!(trace.header.tells.exit_codes && trace.header.tells.reasoning && trace.header.tells.snapshots);
    let change = trace.events.iter().find(|event| matches!(event.body, Body::FileChange(_))).unwrap();
    assert!(change.from.as_deref().is_some_and(|from| from.contains("native:")), "{change:?}");
}

#[test]
fn an_exported_session_is_joined_and_nothing_is_told_twice() {
    let (_bed, trace) = sealed("opencode", "opencode.py");
    assert_eq!(exits(&trace), [0, 3]);
    assert_eq!((count(&trace, "tool_call"), count(&trace, "tool_result"), count(&trace, "file_change")), (3, 3, 1));
    assert_eq!((count(&trace, "usage"), count(&trace, "user_message"), count(&trace, "turn_end")), (3, 1, 1));
    assert!(trace.events.iter().any(|event| event.from.as_deref().is_some_and(|from| from.contains("native:"))));
}

#[test]
fn a_trial_over_the_agent_client_protocol_is_sealed_with_its_permissions() {
    let (_bed, trace) = sealed("acp", "acp_agent.py");
    assert_eq!(exits(&trace), [0, 3]);
    assert_eq!((count(&trace, "permission"), count(&trace, "plan"), count(&trace, "file_change")), (1, 1, 1));
    assert_eq!(trace.header.version.as_deref(), Some("1.0"));
    assert!(trace.header.tells.exit_codes && trace.header.tells.plans && !trace.header.tells.sub_agents);
    let snapshot = trace
        .events
        .iter()
        .rev()
        .find_map(|event| if let Body::Snapshot(mark) = &event.body { Some(mark) } else { None });
    let changes: Vec<&str> = snapshot.unwrap().changes.iter().map(|change| change.path.as_str()).collect();
    assert!(changes.contains(&"slug.py"), "{changes:?}");
}
