//! Trials that are repeated: what they tell together reaches `results.json`, the report and the summary, and one trial tells none of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::Bed;
use serde_json::{Value, json};
use std::fs;

const RUN: &str = "run";

/// Asks whether or not something is open, then does its work.
const AGENT: &str = "say() { echo '{\"kind\":\"agent_message\",\"body\":{\"text\":\"'\"$1\"'\"}}'; }
end() { echo '{\"type\":\"turn_end\"}'; }
read -r message; say 'How many requests per minute?'; end
read -r message; echo 100 > limit.txt
echo '{\"kind\":\"tool_call\",\"call\":\"a\",\"body\":{\"name\":\"bash\",\"input\":{\"command\":\"ls && echo 100 > limit.txt\"}}}'
echo '{\"kind\":\"tool_result\",\"call\":\"a\",\"body\":{\"status\":\"ok\",\"output\":\"\"}}'
say 'The limit is 100.'; end
read -r message";

fn run(trials: u32) -> (Value, String, String) {
    let bed = Bed::new();
    bed.suite(&format!(
        "graders: [outcome, interview]
trials: {trials}
agents: {{it: {{driver: command, json: lines, command: [sh, -c, {}]}}}}
tasks:
  - id: limit
    interview:
      stages: [{{id: brief, say: Please add a limit., expect: [limited]}}]
      facts: [{{id: quota, ask: [how many], say: 100 requests per minute.}}]
      twin: true
    checks: {{limited: {{run: test -f limit.txt}}}}
",
        json!(AGENT)
    ));
    let ran = bed.run(&["suite.yaml", "--sandbox", "none", "--out", RUN, "--to", "md", "--to", "html"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = |name: &str| fs::read_to_string(bed.path(&format!("{RUN}/{name}"))).unwrap();
    (bed.results(RUN), text("summary.md"), text("report.html"))
}

#[test]
fn two_trials_tell_how_alike_they_are_and_a_twin_whether_it_asks_for_nothing() {
    let (results, summary, page) = run(2);
    let mut one = results["consistency"][0].clone();
    let calls = one["resources"].as_object_mut().unwrap().remove("tool_calls");
    assert_eq!(calls, Some(json!(1.0)));
    one.as_object_mut().unwrap().remove("resources");
    assert_eq!(
        one,
        json!({"task": "limit", "agent": "it", "trials": 2, "compared": 2, "outcome": 1.0, "act_distribution": 1.0, "act_sequence": 1.0})
    );
    assert_eq!(results["agents"][0]["asking"], json!({"hits": 2, "open": 2, "false_alarms": 1, "closed": 1}));
    assert!(summary.contains("### Consistency") && summary.contains("| limit | it | 2 | 1.00 | 1.00 | 1.00 | 1.00 |"));
    assert!(page.contains("<section id=\"consistency\">"));
}

#[test]
fn one_trial_is_no_repeat() {
    let (results, summary, _) = run(1);
    assert_eq!(results.get("consistency"), None);
    assert!(!summary.contains("Consistency"));
}
