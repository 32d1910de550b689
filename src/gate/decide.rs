//! All steps in their order.

use super::{
    Change, GateError, Gated, Given, Must, Plan, Policy, RuleVerdict, ScoreRule, TaskScores, Verdict, hard,
    next::next,
    score::{self, lacks_baseline},
};
use crate::stats::moments::mean;

/// Decides. `Err` where what was handed in is no gate: a plan that is none, a line or a score outside [0, 1].
pub fn gate(given: &Given) -> Result<Gated, GateError> {
    check(given)?;
    let broken = floors(given);
    let found = given.hard.iter().map(hard::decide).chain(score::decide(&given.scores, &given.plan));
    let rules: Vec<RuleVerdict> = found.map(|rule| finished(given, rule)).collect();
    let verdict = if broken.is_empty() { overall(&rules) } else { Verdict::MeasurementBroken };
    let undecided = given.scores.iter().zip(&rules[given.hard.len()..]);
    let next = undecided
        .filter(|(_, found)| verdict != Verdict::MeasurementBroken && found.verdict == Verdict::Inconclusive)
        .filter_map(|(rule, found)| next(rule, found, &given.plan))
        .collect();
    let mut notes = broken;
    if given.scores.iter().any(lacks_baseline) || given.hard.iter().any(|rule| rule.baseline.is_none()) {
        notes.push("no baseline: floors and absolute rules only".to_owned());
    }
    notes.extend(given.scores.iter().filter_map(unpaired));
    if verdict == Verdict::Inconclusive && given.inconclusive == Some(Policy::Warn) {
        notes.push("WARNING: the gate is inconclusive, and the suite lets that pass".to_owned());
    }
    let changes = given.scores.iter().flat_map(changes).collect();
    let newly_failing = Vec::new();
    Ok(Gated { verdict, exit: exit(verdict, given.inconclusive), rules, changes, newly_failing, next, notes })
}

/// Without a floor nobody said how many trials may be missing: then none may, and what was not run can prove a rule broken but never held.
fn finished(given: &Given, found: RuleVerdict) -> RuleVerdict {
    let missing = given.floors.valid_trials.is_none() && given.measured.valid_trials.is_some_and(|share| share < 1.0);
    match found.verdict {
        Verdict::Passed | Verdict::Inconclusive if missing => {
            let share = given.measured.valid_trials.unwrap_or_default() * 100.0;
            let why = format!(
                "only {share:.0} % of the planned trials were graded, and there is no floor for them: {}",
                found.why
            );
            RuleVerdict { verdict: Verdict::InsufficientData, why, ..found }
        }
        _ => found,
    }
}

/// Tasks that a comparison leaves out.
fn unpaired(rule: &ScoreRule) -> Option<String> {
    let left_out = rule.tasks.iter().filter(|task| task.new.is_empty() || task.baseline.is_empty());
    let names: Vec<&str> = left_out.map(|task| task.task.as_str()).collect();
    let compares = matches!(rule.must, Must::NoWorseBy { .. }) && !lacks_baseline(rule) && !names.is_empty();
    compares.then(|| format!("{}: left out, measured on one side only: {}", rule.rule, names.join(", ")))
}

fn overall(rules: &[RuleVerdict]) -> Verdict {
    let order = [Verdict::Failed, Verdict::InsufficientData, Verdict::Inconclusive];
    let worst = order.into_iter().find(|verdict| rules.iter().any(|rule| rule.verdict == *verdict));
    worst.unwrap_or(Verdict::Passed)
}

fn exit(verdict: Verdict, inconclusive: Option<Policy>) -> i32 {
    match (verdict, inconclusive) {
        (Verdict::Passed | Verdict::NoBaseline, _) => 0,
        (Verdict::Failed, _) => 1,
        (Verdict::Inconclusive, Some(Policy::Pass | Policy::Warn)) => 0,
        (Verdict::Inconclusive, Some(Policy::Fail)) => 1,
        (Verdict::Inconclusive, None) | (Verdict::InsufficientData, _) => 3,
        (Verdict::MeasurementBroken, _) => 4,
    }
}

/// What is under its floor, in words.
fn floors(given: &Given) -> Vec<String> {
    let (measured, floors) = (given.measured, given.floors);
    let pairs = [
        ("share of valid trials", measured.valid_trials, floors.valid_trials),
        ("coverage", measured.coverage, floors.coverage),
    ];
    let under = |(name, found, floor): (&str, Option<f64>, Option<f64>)| match (found, floor?) {
        (None, floor) => Some(format!("the {name} could not be told; its floor is {floor}")),
        (Some(found), floor) => {
            // What is no number is under every floor.
            let under = found.is_nan() || found < floor;
            under.then(|| format!("the {name} {found} is under its floor {floor}"))
        }
    };
    pairs.into_iter().filter_map(under).collect()
}

fn check(given: &Given) -> Result<(), GateError> {
    let Plan { alpha, looks, at } = &given.plan;
    if !(*alpha > 0.0 && *alpha < 0.5) {
        return Err(GateError::Alpha(*alpha));
    }
    let rising = looks.windows(2).all(|pair| pair[0] < pair[1]) && looks.first().is_some_and(|first| *first > 0);
    if !rising || looks.len() > 3 {
        return Err(GateError::Looks(looks.clone()));
    }
    if *at >= looks.len() {
        return Err(GateError::Unplanned { at: at + 1, planned: looks.len() });
    }
    given.scores.iter().try_for_each(check_rule)
}

fn check_rule(rule: &ScoreRule) -> Result<(), GateError> {
    let (line, good) = match rule.must {
        Must::AtLeast(line) => (line, (0.0..=1.0).contains(&line)),
        Must::NoWorseBy { margin, .. } => (margin, margin > 0.0 && margin < 1.0),
    };
    if !good {
        return Err(GateError::Line { rule: rule.rule.clone(), line });
    }
    let scores = rule.tasks.iter().flat_map(|task| task.new.iter().chain(&task.baseline).map(move |s| (task, *s)));
    let wrong = scores.into_iter().find(|(_, score)| !(0.0..=1.0).contains(score));
    wrong.map_or(Ok(()), |(task, score)| {
        Err(GateError::Score { rule: rule.rule.clone(), task: task.task.clone(), score })
    })
}

fn changes(rule: &ScoreRule) -> Vec<Change> {
    let change = |task: &TaskScores| {
        let (new, baseline) = (mean(&task.new)?, mean(&task.baseline)?);
        (new != baseline).then(|| Change { rule: rule.rule.clone(), task: task.task.clone(), baseline, new })
    };
    let mut changes: Vec<Change> = rule.tasks.iter().filter_map(change).collect();
    changes.sort_by(|a, b| (a.new - a.baseline).total_cmp(&(b.new - b.baseline)));
    changes
}
