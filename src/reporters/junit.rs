//! `junit.xml`: what was expected, as test cases that any build server shows.
//!
//! One suite per trial, one case per check that ran at the end of a stage. A check that failed is a failure; one that could not run is an error, as
//! is everything else that broke on our side. What is unknown, not asked, not applicable, skipped or not run is *skipped*, with its reason.
//! Criteria that were scored are measurements, not tests: they stand in results.json, and here only where they yielded no number.
//! A rule of the gate that is undecided, or lacks a baseline, is skipped.

use super::gating::reason;
use super::words::{one_line, visible};
use super::{Outbox, Report, Reporter};
use crate::graders::MET;
use crate::model::{
    fault::Fault,
    results::{Results, ScoreResult, StageReached, StageResult, TrialResult},
};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;
use std::{io, time::Duration};

pub(super) const JUNIT: Reporter =
    Reporter { name: "junit", about: "expected checks as test cases, for build servers", file: "junit.xml", render };

fn render(report: &Report<'_>, out: &mut dyn Outbox) -> Result<(), Fault> {
    let document = document(report.results);
    out.file(JUNIT.file, &mut |file| document.serialize(file).map_err(io::Error::other))
}

fn document(results: &Results) -> quick_junit::Report {
    let mut document = quick_junit::Report::new(&*visible(&results.suite));
    for trial in &results.trials {
        document.add_test_suite(of_trial(trial));
    }
    if !results.not_run.is_empty() {
        let mut suite = TestSuite::new("not run");
        for not_run in &results.not_run {
            let name = format!("{}/{}", not_run.task, not_run.agent);
            let status = if not_run.why.starts_with("broken") { error(&not_run.why) } else { skipped(&not_run.why) };
            suite.add_test_case(case(&name, "not run", status));
        }
        document.add_test_suite(suite);
    }
    if !results.gates.is_empty() {
        let mut suite = TestSuite::new("gate");
        for gate in &results.gates {
            let why = format!("{}: {}", gate.verdict.replace('_', " "), reason(gate));
            let status = match gate.verdict.as_str() {
                "passed" => TestCaseStatus::success(),
                "failed" => failure(&why),
                "measurement_broken" => error(&why),
                _ => skipped(&why),
            };
            suite.add_test_case(case(&gate.rule, "gate", status));
        }
        document.add_test_suite(suite);
    }
    document
}

fn of_trial(trial: &TrialResult) -> TestSuite {
    let mut suite = TestSuite::new(&*visible(&trial.id));
    suite.set_time(Duration::from_millis(trial.wall_ms));
    for stage in &trial.stages {
        suite.add_test_cases(of_stage(trial, stage));
    }
    for score in &trial.scores {
        suite.add_test_cases(unscored(trial, score));
    }
    suite
}

fn of_stage(trial: &TrialResult, stage: &StageResult) -> Vec<TestCase> {
    let class = format!("{}.{}", trial.id, stage.id);
    let why = |else_said: &str| if stage.why.is_empty() { else_said.to_owned() } else { stage.why.clone() };
    let whole = |status| vec![case(&stage.id, &class, status)];
    match stage.state {
        StageReached::Unreached => whole(failure(&why("not reached within the agent's own limits"))),
        StageReached::Skipped => whole(skipped(&why("skipped"))),
        StageReached::NotRun => whole(skipped(&why("not run"))),
        StageReached::Done => {
            stage.checks.iter().map(|(name, value)| case(name, &class, of_check(trial, stage, (name, value)))).collect()
        }
    }
}

fn of_check(trial: &TrialResult, stage: &StageResult, (name, value): (&str, &Value)) -> TestCaseStatus {
    let ids = [format!("{name}@{}", stage.id), name.to_owned()];
    let said = trial.scores.iter().find(|score| ids.contains(&score.criterion));
    let said = said.map(|score| score.why.as_str()).filter(|why| !why.is_empty());
    match value {
        Value::String(word) => match word.as_str() {
            "passed" => TestCaseStatus::success(),
            "skipped" => skipped(said.unwrap_or("skipped")),
            "broken" => error(said.unwrap_or("the check could not run")),
            "timeout" => failure(said.unwrap_or("the check did not end in time")),
            other => failure(said.unwrap_or(other)),
        },
        Value::Number(number) => {
            let value = number.as_f64().unwrap_or(0.0);
            let holds = said.is_none() && value >= MET
                || trial
                    .scores
                    .iter()
                    .any(|score| ids.contains(&score.criterion) && score.value.is_some_and(|value| value >= MET));
            if holds { TestCaseStatus::success() } else { failure(&format!("scored {number}")) }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => skipped("no result"),
    }
}

fn unscored(trial: &TrialResult, score: &ScoreResult) -> Option<TestCase> {
    let why = if score.why.is_empty() { score.outcome.replace('_', " ") } else { score.why.clone() };
    let status = match score.outcome.as_str() {
        "scored" => return None,
        "broken" => error(&why),
        other => skipped(&format!("{}: {why}", other.replace('_', " "))),
    };
    Some(case(&score.criterion, &format!("{}.{}", trial.id, score.dimension), status))
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(&*visible(name), status);
    case.set_classname(&*visible(class));
    case
}

fn failure(why: &str) -> TestCaseStatus {
    with(TestCaseStatus::non_success(NonSuccessKind::Failure), why)
}

fn error(why: &str) -> TestCaseStatus {
    with(TestCaseStatus::non_success(NonSuccessKind::Error), why)
}

fn skipped(why: &str) -> TestCaseStatus {
    with(TestCaseStatus::skipped(), why)
}

fn with(mut status: TestCaseStatus, why: &str) -> TestCaseStatus {
    status.set_message(one_line(why, 500));
    status
}
