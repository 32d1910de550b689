//! Facts that evalrun computed, as the judge is told them: counts, the diff's size, what came of the last check. They outrank what is claimed.

use super::{Case, escape::escape_line};
use crate::metrics::{METRICS, facts::CheckRun, number, results::Verdict};
use crate::model::{
    id::EventId,
    score::Measured,
    task::{Constraint, Fact},
    trace::{CheckMark, CheckStatus},
};
use std::collections::BTreeSet;

/// Units of what differs between two runs of the same thing: stated, it would change every prompt.
const VOLATILE: &[&str] = &["s", "seconds", "ms", "tokens", "USD", "usd", "bytes"];
/// Checks of evalrun's that are told one by one, and things that the user knew.
const MARKS: usize = 40;
/// Characters of what the user knew.
const LONGEST: usize = 300;

/// One line each. `behaviour` is the dimension whose metrics are told.
pub fn facts(case: &Case<'_>, behaviour: &str) -> Vec<String> {
    let mut out = counts(case);
    out.extend(edits(case));
    out.extend(checks(case));
    out.extend(case.facts.marks.iter().take(MARKS).map(|(event, mark)| marked(*event, mark)));
    if ["interview", "long_run"].contains(&behaviour) {
        out.extend(task(case));
    }
    out.extend(metrics(case, behaviour));
    out
}

/// What the user knew and would have told, and what was to be kept: nobody can say what should have been asked without it.
fn task(case: &Case<'_>) -> Vec<String> {
    let Some(task) = case.facts.task else { return Vec::new() };
    let told: BTreeSet<&str> =
        case.facts.decisions.iter().flat_map(|(_, decision)| &decision.facts).map(String::as_str).collect();
    let fact = |fact: &Fact| {
        let words = fact.say.last().map(|say| short(&say.text)).unwrap_or_default();
        let was = if told.contains(fact.id.as_str()) { "was told" } else { "was not asked for" };
        let found = if fact.discoverable.is_empty() { "" } else { "; the workspace answers it too" };
        format!("the user knew `{}`: {words} ({was}{found})", fact.id)
    };
    let kept = |constraint: &Constraint| {
        format!("to be kept from stage `{}` on, `{}`: {}", constraint.from, constraint.id, short(&constraint.text))
    };
    let facts = task.interview.facts.iter().map(fact);
    facts.chain(task.interview.constraints.iter().map(kept)).take(MARKS).collect()
}

fn short(text: &str) -> String {
    escape_line(&text.chars().take(LONGEST).collect::<String>())
}

fn counts(case: &Case<'_>) -> Vec<String> {
    let facts = case.facts;
    let failed = facts.calls.iter().filter(|call| call.failed()).count();
    let denied = facts.calls.iter().filter(|call| !call.ran()).count();
    let last = facts.messages.last().map_or("none".to_owned(), |said| said.event.to_string());
    let asked = facts.questions.iter().filter(|asked| asked.answerable && asked.kind.asks()).count();
    vec![
        format!("tool calls: {} ({failed} failed, {denied} denied)", facts.calls.len()),
        format!(
            "messages of the user: {}, of the agent: {} (the last: {last}); questions asked: {asked}; plan updates: {}; compactions: {}",
            facts.users.len(),
            facts.messages.len(),
            facts.plans.len(),
            facts.compactions.len()
        ),
    ]
}

fn edits(case: &Case<'_>) -> Vec<String> {
    let facts = case.facts;
    let applied: Vec<_> = facts.applied().collect();
    let paths: BTreeSet<&str> = applied.iter().map(|edit| edit.path.as_str()).collect();
    let mut out = match (applied.first(), applied.last()) {
        (Some(first), Some(last)) => {
            let (count, files) = (applied.len(), paths.len());
            vec![format!(
                "edits that took hold: {count}, of {files} files, the first {}, the last {}",
                first.at.0, last.at.0
            )]
        }
        _ => vec!["edits that took hold: none".to_owned()],
    };
    let changes = || facts.snapshots.iter().flat_map(|(_, mark)| &mark.changes);
    if changes().next().is_some() {
        let (added, removed) = changes().fold((0u64, 0u64), |(added, removed), change| {
            (added + u64::from(change.added), removed + u64::from(change.removed))
        });
        let files: BTreeSet<&str> = changes().map(|change| change.path.as_str()).collect();
        out.push(format!("diff of the workspace: {} files, {added} lines added, {removed} removed", files.len()));
    }
    out
}

fn checks(case: &Case<'_>) -> Vec<String> {
    let facts = case.facts;
    let told = |check: &CheckRun| {
        let call = facts.call_of(facts.act_of(check));
        let exit = call.exit.map(|exit| format!(", exit {exit}")).unwrap_or_default();
        let result = match check.verdict {
            Verdict::Green => "passed".to_owned(),
            Verdict::Red => "failed".to_owned(),
            Verdict::Hidden(why) => format!("not to be told: {why}"),
        };
        format!("{} ({}{exit}: {result})", check.at.0, facts.act_of(check).deed.act.word())
    };
    let last = facts.checks.last().map_or("none".to_owned(), told);
    let mut out = vec![format!("tests, builds and lints that the agent ran: {}; the last: {last}", facts.checks.len())];
    if let Some(edit) = facts.last_code_edit() {
        let after = facts.checks_after(edit.at).count();
        out.push(format!("of them after the last edit of code ({}): {after}", edit.at.0));
    }
    out
}

fn marked(event: EventId, mark: &CheckMark) -> String {
    let status = match mark.status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
        CheckStatus::Skipped => "skipped",
        CheckStatus::Broken => "could not be run",
        CheckStatus::Timeout => "did not end in time",
    };
    format!("evalrun's own check `{}` at {}: {status} ({event})", escape_line(&mark.name), escape_line(&mark.when))
}

fn metrics(case: &Case<'_>, behaviour: &str) -> Vec<String> {
    let told = |(id, measured): &(&'static str, Measured)| {
        let metric = METRICS.iter().find(|metric| metric.id == *id)?;
        let wanted = metric.behaviour == behaviour && !VOLATILE.contains(&metric.unit);
        let value = measured.number().filter(|_| wanted)?;
        Some(format!("{id} = {}", number((value * 1e3).round() / 1e3)))
    };
    let all: Vec<String> = case.metrics.iter().filter_map(told).collect();
    if all.is_empty() { Vec::new() } else { vec![format!("metrics: {}", all.join(", "))] }
}
