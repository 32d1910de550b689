//! How a check came out, and what its state before the agent means for it. Pure: the same results give the same verdict.
//!
//! `keep_green`: what passed before the agent must still pass; what failed before is not held against it. A check whose program
//! could not even be started before the agent came says nothing about the agent: it is broken, not failed.

use std::collections::BTreeMap;

use crate::model::task::ScoreAt;
use crate::model::trace::{CheckMark, CheckStatus, Text};
use crate::process::redact::Redactor;

/// Shell codes for "not executable" and "not found".
const NOT_STARTED: [i32; 2] = [126, 127];
const NAMED: usize = 5;

/// One check, run once.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    pub status: CheckStatus,
    /// 0..=1 for a check that scores.
    pub score: Option<f64>,
    pub exit: Option<i32>,
    /// Why, in a sentence; empty where the status says it all.
    pub why: String,
    pub tests: BTreeMap<String, CheckStatus>,
    /// What it printed: capped, without secrets.
    pub output: String,
    pub duration_ms: u64,
}

impl CheckResult {
    pub fn new(status: CheckStatus, why: impl Into<String>) -> CheckResult {
        CheckResult {
            status,
            score: None,
            exit: None,
            why: why.into(),
            tests: BTreeMap::new(),
            output: String::new(),
            duration_ms: 0,
        }
    }

    /// Names of files and tests may hold secrets as well; what was printed has been redacted already.
    pub(super) fn redacted(self, redactor: &Redactor) -> CheckResult {
        let clean = |text: String| redactor.redact(&text).into_owned();
        let tests = self.tests.into_iter().map(|(name, status)| (clean(name), status)).collect();
        CheckResult { why: clean(self.why), tests, ..self }
    }

    /// The result as an event of the trace; `when` is `before` or a stage.
    pub fn mark(&self, name: &str, when: &str) -> CheckMark {
        CheckMark {
            name: name.to_owned(),
            when: when.to_owned(),
            status: self.status,
            score: self.score,
            exit: self.exit,
            why: self.why.clone(),
            tests: self.tests.clone(),
            output: Text::cut(&self.output),
            duration_ms: Some(self.duration_ms),
        }
    }
}

/// The result as it counts, seen against what the same check said before the agent started.
pub fn held_against(before: &CheckResult, now: CheckResult, keep_green: bool) -> CheckResult {
    let unstarted = |result: &CheckResult| result.exit.is_some_and(|exit| NOT_STARTED.contains(&exit));
    if unstarted(before) && unstarted(&now) {
        let why = format!("its program could not be started, nor before the agent; {}", now.why);
        return CheckResult { status: CheckStatus::Broken, why: why.trim_end_matches("; ").to_owned(), ..now };
    }
    if keep_green { kept_green(before, now) } else { now }
}

/// What passed before must still pass; what failed before is not held against the agent.
pub fn kept_green(before: &CheckResult, now: CheckResult) -> CheckResult {
    match (before.status, now.status) {
        (CheckStatus::Broken | CheckStatus::Skipped, CheckStatus::Failed | CheckStatus::Timeout) => {
            let why = "it could not run before the agent, so nobody can tell what the agent broke";
            CheckResult { status: CheckStatus::Broken, why: why.to_owned(), ..now }
        }
        (_, CheckStatus::Broken | CheckStatus::Skipped) => now,
        (CheckStatus::Failed | CheckStatus::Timeout, CheckStatus::Failed | CheckStatus::Timeout)
            if before.tests.is_empty() =>
        {
            CheckResult { status: CheckStatus::Passed, why: "failed before as well".to_owned(), ..now }
        }
        _ if before.tests.is_empty() || now.status == CheckStatus::Timeout => now,
        _ => by_test(before, now),
    }
}

/// A value between `worst` (0) and `best` (1), whichever of them is larger; nothing where there is no range.
pub fn scaled(value: f64, at: &ScoreAt) -> Option<f64> {
    let share = (value - at.worst) / (at.best - at.worst);
    share.is_finite().then(|| share.clamp(0.0, 1.0))
}

fn by_test(before: &CheckResult, now: CheckResult) -> CheckResult {
    let green = before.tests.iter().filter(|(_, status)| **status == CheckStatus::Passed).map(|(test, _)| test);
    let lost: Vec<String> = green.filter_map(|test| lost(test, now.tests.get(test).copied())).collect();
    if lost.is_empty() {
        let old = |(test, status): &(&String, &CheckStatus)| {
            **status == CheckStatus::Failed && before.tests.get(*test) == Some(&CheckStatus::Failed)
        };
        let why = match now.tests.iter().filter(old).count() {
            0 => String::new(),
            1 => "1 test failed before as well".to_owned(),
            many => format!("{many} tests failed before as well"),
        };
        return CheckResult { status: CheckStatus::Passed, why, ..now };
    }
    let shown = lost.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let why = match lost.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    };
    CheckResult { status: CheckStatus::Failed, why, ..now }
}

fn lost(test: &str, now: Option<CheckStatus>) -> Option<String> {
    match now {
        Some(CheckStatus::Passed) => None,
        Some(CheckStatus::Skipped) => Some(format!("`{test}` passed before and is skipped now")),
        Some(CheckStatus::Failed | CheckStatus::Broken | CheckStatus::Timeout) => {
            Some(format!("`{test}` passed before and fails now"))
        }
        None => Some(format!("`{test}` passed before and is gone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(status: CheckStatus, tests: &[(&str, CheckStatus)]) -> CheckResult {
        let tests = tests.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
        CheckResult { tests, ..CheckResult::new(status, "") }
    }

    #[test]
    fn the_table_of_keep_green() {
        use CheckStatus::{Broken, Failed, Passed, Skipped, Timeout};
        type Tests<'a> = &'a [(&'a str, CheckStatus)];
        let none: Tests<'_> = &[];
        let old: Tests<'_> = &[("a", Passed), ("b", Failed)];
        let rows: &[(CheckStatus, Tests<'_>, CheckStatus, Tests<'_>, CheckStatus, &str)] = &[
            (Passed, none, Passed, none, Passed, ""),
            (Passed, none, Failed, none, Failed, ""),
            (Failed, none, Failed, none, Passed, "failed before as well"),
            (Failed, none, Passed, none, Passed, ""),
            (Timeout, none, Failed, none, Passed, "failed before as well"),
            (Passed, none, Timeout, none, Timeout, ""),
            (
                Broken,
                none,
                Failed,
                none,
                Broken,
                "it could not run before the agent, so nobody can tell what the agent broke",
            ),
            (Broken, none, Passed, none, Passed, ""),
            (Passed, none, Broken, none, Broken, ""),
            (Failed, old, Failed, &[("a", Passed), ("b", Failed)], Passed, "1 test failed before as well"),
            (Failed, old, Failed, &[("a", Failed), ("b", Failed)], Failed, "`a` passed before and fails now"),
            (Failed, old, Failed, &[("a", Skipped), ("b", Passed)], Failed, "`a` passed before and is skipped now"),
            (Failed, old, Passed, &[("b", Passed)], Failed, "`a` passed before and is gone"),
            (Failed, old, Failed, &[("a", Passed), ("b", Passed), ("new", Failed)], Passed, ""),
            (Failed, old, Failed, none, Failed, "`a` passed before and is gone"),
            (Failed, old, Timeout, none, Timeout, ""),
        ];
        for (was, tests, is, now, status, why) in rows {
            let held = kept_green(&result(*was, tests), result(*is, now));
            assert_eq!((held.status, held.why.as_str()), (*status, *why), "{was:?} {tests:?} -> {is:?} {now:?}");
        }
    }

    #[test]
    fn a_program_that_never_started_is_broken() {
        let exit = |exit| CheckResult { exit: Some(exit), ..result(CheckStatus::Failed, &[]) };
        let status = |before, now| held_against(&exit(before), exit(now), false).status;
        assert_eq!(
            [status(127, 127), status(1, 127), status(126, 1)],
            [CheckStatus::Broken, CheckStatus::Failed, CheckStatus::Failed]
        );
    }

    #[test]
    fn scores_lie_between_worst_and_best() {
        let at = |best, worst| ScoreAt { json: String::new(), at: String::new(), best, worst };
        let told = [(230.0, 60.0, 400.0), (10.0, 60.0, 400.0), (500.0, 60.0, 400.0), (0.5, 1.0, 0.0), (1.0, 2.0, 2.0)]
            .map(|(value, best, worst)| scaled(value, &at(best, worst)));
        assert_eq!(told, [Some(0.5), Some(1.0), Some(0.0), Some(0.5), None]);
    }
}
