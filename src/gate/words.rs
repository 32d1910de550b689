//! A gate's answer as people and as `results.json` read it.

use super::{Gated, Next, RuleVerdict, Verdict};
use crate::model::results::GateResult;
use std::fmt::Write;

impl Verdict {
    /// As in `results.json`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::InsufficientData => "insufficient_data",
            Verdict::MeasurementBroken => "measurement_broken",
            Verdict::NoBaseline => "no_baseline",
        }
    }

    fn spoken(self) -> String {
        self.word().replace('_', " ")
    }
}

/// Changes by task that are told one by one.
const CHANGES: usize = 10;

/// The worse of two exit codes: an interruption, a broken measurement, a refusal, a gate that failed, one that is undecided.
pub fn worse(a: i32, b: i32) -> i32 {
    let rank = |code: i32| [0, 3, 1, 2, 4, 130].iter().position(|known| *known == code);
    if rank(a) >= rank(b) { a } else { b }
}

/// One entry per rule. Where the measurement broke no rule has a verdict of its own.
pub fn entries(agent: &str, gated: &Gated) -> Vec<GateResult> {
    let broken = gated.verdict == Verdict::MeasurementBroken;
    let entry = |rule: &RuleVerdict| GateResult {
        agent: agent.to_owned(),
        rule: format!("{agent}: {}", rule.rule),
        verdict: if broken { gated.verdict } else { rule.verdict }.word().to_owned(),
        why: if broken { gated.notes.join("; ") } else { rule.why.clone() },
        estimate: rule.estimate.filter(|_| !broken),
        low: rule.low.filter(|_| !broken),
        high: rule.high.filter(|_| !broken),
        margin: rule.margin,
        n: (!broken).then_some(rule.n as u64),
    };
    if gated.rules.is_empty() {
        let whole = RuleVerdict::bare("the gate", gated.verdict, gated.notes.join("; "));
        return vec![entry(&whole)];
    }
    gated.rules.iter().map(entry).collect()
}

impl RuleVerdict {
    fn bare(rule: &str, verdict: Verdict, why: String) -> RuleVerdict {
        let rule = rule.to_owned();
        RuleVerdict { rule, verdict, estimate: None, low: None, high: None, margin: None, n: 0, alpha_used: None, why }
    }
}

impl Gated {
    /// The answer where nothing could be measured.
    pub fn broken(why: String) -> Gated {
        Gated {
            verdict: Verdict::MeasurementBroken,
            exit: 4,
            rules: Vec::new(),
            changes: Vec::new(),
            newly_failing: Vec::new(),
            next: Vec::new(),
            notes: vec![why],
        }
    }
}

/// Everything that a gate says of one agent, a line per fact.
pub fn in_words(agent: &str, gated: &Gated) -> String {
    let mut text = format!("{agent}: {}\n", gated.verdict.spoken());
    let broken = gated.verdict == Verdict::MeasurementBroken;
    for rule in gated.rules.iter().filter(|_| !broken) {
        let _ = writeln!(text, "  {}  {}{}: {}", rule.verdict.spoken(), rule.rule, numbers(rule), rule.why);
    }
    if !gated.changes.is_empty() && !broken {
        text.push_str("  changes by task, for reading; they decide nothing\n");
        for change in gated.changes.iter().take(CHANGES) {
            let by = change.new - change.baseline;
            let _ = writeln!(
                text,
                "    {by:+.3}  {}: {:.3} -> {:.3} ({})",
                change.task, change.baseline, change.new, change.rule
            );
        }
        if gated.changes.len() > CHANGES {
            let _ = writeln!(text, "    and {} more, all of them with --json", gated.changes.len() - CHANGES);
        }
    }
    for failing in gated.newly_failing.iter().take(CHANGES).filter(|_| !broken) {
        let _ = writeln!(text, "  newly failing  {}", failing.sentence());
    }
    if gated.newly_failing.len() > CHANGES && !broken {
        let _ = writeln!(text, "    and {} more, all of them with --json", gated.newly_failing.len() - CHANGES);
    }
    for next in &gated.next {
        let _ = writeln!(text, "  next  {}", more(next));
    }
    for note in &gated.notes {
        let _ = writeln!(text, "  note  {note}");
    }
    text
}

fn numbers(rule: &RuleVerdict) -> String {
    let Some(estimate) = rule.estimate else { return String::new() };
    let bound = |bound: Option<f64>| bound.map_or_else(|| "none".to_owned(), |bound| format!("{bound:.3}"));
    let line = rule.margin.map(|line| format!(", line {line}")).unwrap_or_default();
    let tasks = if rule.n == 1 { "task" } else { "tasks" };
    format!(" [{estimate:.3}, bounds {} to {}{line}, {} {tasks}]", bound(rule.low), bound(rule.high), rule.n)
}

/// What more a rule takes.
pub fn more(next: &Next) -> String {
    let enough = format!("{}: these tasks and trials show {:.3} or more", next.rule, next.detectable);
    let trials = next.trials_needed.map(|trials| format!(", or {trials} trials per task with as many tasks"));
    let bought = format!(
        "{enough}; deciding takes about {} tasks with as many trials{}",
        next.tasks_needed,
        trials.unwrap_or_default()
    );
    match &next.look {
        Some(look) => format!(
            "{bought}; the next planned look is at {} trials per task (another trial tells most in {})",
            look.trials,
            look.tasks.join(", ")
        ),
        None => bought,
    }
}
