//! The agent's own limits, the run's budget, and an agent that leaves: how the trial ends, and what counts of it.
//!
//! Agents are lines of shell that speak JSON lines; the first stage is always done, the second is where it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::Bed;
use serde_json::{Value, json};

const RUN: &str = "run";

/// Answers the first message as it should, and to the second does what a case says.
fn agent(second: &str) -> String {
    format!(
        "say() {{ echo '{{\"kind\":\"agent_message\",\"body\":{{\"text\":\"'\"$1\"'\"}}}}'; }}
call() {{ echo '{{\"kind\":\"tool_call\",\"call\":\"'$1'\",\"body\":{{\"name\":\"sh\",\"input\":{{}}}}}}'; }}
result() {{ echo '{{\"kind\":\"tool_result\",\"call\":\"'$1'\",\"body\":{{\"status\":\"ok\",\"output\":\"\"}}}}'; }}
end() {{ echo '{{\"type\":\"turn_end\"}}'; }}
read -r message; echo one > one.txt; call a; result a; say 'One is there.'; end
read -r message; {second}"
    )
}

fn bed(second: &str, more: &str) -> Bed {
    let bed = Bed::new();
    bed.suite(&format!(
        "graders: [outcome]
agents: {{it: {{driver: command, json: lines, command: [sh, -c, {}]}}}}
tasks:
  - id: job
    interview:
      stages:
        - {{id: first, say: Write one., expect: [one]}}
        - {{id: second, say: Write two., expect: [two]}}
        - {{id: third, say: Write three., expect: [two]}}
    checks: {{one: {{run: test -f one.txt}}, two: {{run: test -f two.txt}}}}
{more}",
        json!(agent(second))
    ));
    bed
}

fn trial(second: &str, more: &str) -> Value {
    let bed = bed(second, more);
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    bed.assert_clean(RUN);
    bed.results(RUN)["trials"][0].clone()
}

#[test]
fn each_limit_ends_the_trial_and_keeps_what_was_reached() {
    let never = "while :; do sleep 1000; done";
    let floods = "while :; do say flood; done";
    let cases = [
        (
            "turns",
            "echo two > two.txt; call b; result b; say 'Two is there.'; end; read -r message",
            "turns: 2",
            "turns: 2 turns were used",
        ),
        ("a turn without end", never, "turn: 8s", "turn: one turn took longer than 8 s"),
        ("silence", never, "idle: 8s", "idle: nothing came from the agent for 8 s"),
        ("time", never, "wall: 10s", "wall: the agent used more than 10 s"),
        ("a flood", floods, "wall: 6s", "wall: the agent used more than 6 s"),
        ("calls", "call b; call c; call d; call e; sleep 1000", "tool_calls: 3", "tool_calls: 4 of at most 3"),
        (
            "tokens",
            "echo '{\"kind\":\"usage\",\"body\":{\"scope\":\"turn\",\"input\":900,\"output\":200}}'; sleep 1000",
            "tokens: 1k",
            "tokens: 1100 of at most 1000",
        ),
    ];
    let hold = |(what, second, limit, why): (&str, &str, &str, &str)| {
        let trial = trial(second, &format!("limits: {{{limit}}}"));
        assert_eq!(trial["end"], json!({"kind": "limit", "why": why}), "{what}");
        let second = if what == "turns" { ("done", json!({"two": "passed"})) } else { ("unreached", json!({})) };
        assert_stages(&trial, &[("done", json!({"one": "passed"})), second, ("unreached", json!({}))]);
        assert_eq!(trial["passed"], json!(false), "{what}");
    };
    // All at once: they do little but wait for a clock.
    std::thread::scope(|scope| cases.into_iter().for_each(|case| drop(scope.spawn(move || hold(case)))));
}

#[test]
fn an_agent_that_leaves_is_gone_and_what_it_did_counts() {
    let trial = trial("echo 'no more' >&2; exit 7", "");
    assert_eq!(trial["end"], json!({"kind": "agent_gone", "why": "the agent left with exit code 7: no more"}));
    assert_stages(&trial, &[("done", json!({"one": "passed"})), ("unreached", json!({})), ("unreached", json!({}))]);
    assert_eq!(trial["passed"], json!(false));
}

/// A tool that runs is no silence.
#[test]
fn idle_stops_while_a_tool_runs() {
    let second = "call b; sleep 10; result b; echo two > two.txt; end; read -r message; call c; result c; say There.; end; read -r m";
    let trial = trial(second, "limits: {idle: 8s}");
    assert_eq!(trial["end"], json!({"kind": "done"}));
}

/// Output is no limit that ends a trial: what is too much is left out, counted, and told.
#[test]
fn output_beyond_its_cap_is_left_out_and_told() {
    let second = "call b; result b; i=0; while [ $i -lt 400 ]; do say 'something that fills a line of its own, again and again'; i=$((i+1)); done
echo two > two.txt; end; while read -r message; do end; done";
    let bed = bed(second, "limits: {output: 10KiB}");
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(bed.results(RUN)["trials"][0]["end"], json!({"kind": "done"}));
    let trace = std::fs::read_to_string(bed.path("run/trials/job/it/1/1/trace.jsonl")).unwrap();
    assert!(trace.len() < 40 << 10, "{}", trace.len());
    assert!(trace.contains("bytes of the agent's events were left out"));
}

#[test]
fn a_spent_budget_lets_running_trials_finish_and_starts_no_more() {
    let bed = bed(
        "call b; sleep 3; result b; echo two > two.txt; end; read -r message; call c; result c; say There.; end; read -r m",
        "trials: 3\nbudget: {wall: 1500ms}\nconcurrency: {trials: 1}",
    );
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let results = bed.results(RUN);
    let ends: Vec<&Value> = results["trials"].as_array().unwrap().iter().map(|trial| &trial["end"]["kind"]).collect();
    assert_eq!(ends, [&json!("done")]);
    let why = "the budget was reached: 1.5 s of wall time";
    assert_eq!(results["not_run"], json!([{"task": "job", "agent": "it", "why": why}]));
    assert_eq!(results["exit"], json!(3));
    bed.assert_clean(RUN);
}

fn assert_stages(trial: &Value, expected: &[(&str, Value)]) {
    let stages = trial["stages"].as_array().unwrap().iter();
    let found: Vec<(&str, Value)> =
        stages.map(|stage| (stage["state"].as_str().unwrap(), stage["checks"].clone())).collect();
    assert_eq!(found, expected, "{trial}");
}
