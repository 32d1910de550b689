//! `summary.md`: the run in a comment. One alert line, one table, then only the sections that have something to say.
//!
//! Foreign text is one line of escaped text, never in a code span: it cannot open a tag, end a cell, mention a person or become a link.

use super::findings::{Found, Missing, worst};
use super::gating;
use super::habits::habits;
use super::names::spoken;
use super::repeated::{COLUMNS, asking, rows};
use super::standings::{pairs, sentence};
use super::terminal::{per_task, spent};
use super::words::{duration, figure, half, one_line, plural, score};
use super::{Outbox, Report, Reporter};
use crate::model::{
    fault::Fault,
    results::{AgentResult, GateResult, Results, TrialResult},
};
use std::fmt::Write;

pub(super) const MARKDOWN: Reporter =
    Reporter { name: "md", about: "a summary that fits a pull request's comment", file: "summary.md", render };

/// Characters of a comment; GitHub refuses 65,536.
const WHOLE: usize = 65_000;
/// Lines of a section.
const MOST: usize = 20;

fn render(report: &Report<'_>, file: &mut dyn Outbox) -> Result<(), Fault> {
    let results = report.results;
    let mut out = String::new();
    alert(report, &mut out);
    gates(results, &mut out);
    newly_failing(results, &mut out);
    table(report, &mut out);
    compared(report, &mut out);
    repeated(results, &mut out);
    failing(results, &mut out);
    least_met(report, &mut out);
    left_out(report, &mut out);
    habits_table(results, &mut out);
    notes(report, &mut out);
    foot(report, &mut out);
    fit(&mut out);
    file.file(MARKDOWN.file, &mut |file| file.write_all(out.as_bytes()))
}

/// Cut after a whole line, and says so.
fn fit(out: &mut String) {
    const CUT: &str = "\n- and more in report.html\n";
    let Some((end, _)) = out.char_indices().nth(WHOLE) else { return };
    let room = out[..end].char_indices().rev().nth(CUT.len()).map_or(0, |(at, _)| at);
    let line = out[..room].rfind('\n').map_or(0, |at| at + 1);
    out.truncate(line);
    out.push_str(CUT);
}

/// Foreign text as inert markdown on one line.
pub(super) fn escaped(text: &str, most: usize) -> String {
    let mut out = String::new();
    for sign in one_line(text, most).chars() {
        match sign {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // GitHub makes mentions, references and links of plain text: a zero-width space parts them.
            '@' | '#' => {
                out.push('\\');
                out.push(sign);
                out.push('\u{200b}');
            }
            '/' if out.ends_with(':') => out.push_str("\u{200b}/"),
            '.' if ends_in_www(&out) => out.push_str("\u{200b}."),
            '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '|' | '$' | '!' => {
                out.push('\\');
                out.push(sign);
            }
            '-' | '+' | '=' if out.is_empty() => {
                out.push('\\');
                out.push(sign);
            }
            sign => out.push(sign),
        }
    }
    out
}

fn ends_in_www(out: &str) -> bool {
    out.len() >= 3 && out.as_bytes()[out.len() - 3..].eq_ignore_ascii_case(b"www")
}

fn alert(report: &Report<'_>, out: &mut String) {
    let results = report.results;
    let counted =
        |passed: bool| results.trials.iter().filter(|trial| !trial.twin && trial.passed == Some(passed)).count();
    let (passed, failed) = (counted(true), counted(false));
    let broken =
        report.exclusions().iter().filter(|it| it.missing == Missing::Broken).map(|it| it.count).sum::<usize>();
    let mut parts = vec![format!("{passed} of {} passed", plural(passed + failed, "trial"))];
    if broken > 0 {
        parts.push(format!("{broken} broken"));
    }
    if !results.not_run.is_empty() {
        parts.push(format!("{} not run", results.not_run.len()));
    }
    let gates = |of: fn(&GateResult) -> bool| results.gates.iter().filter(|gate| of(gate)).count();
    let (gate_failed, open) = (gates(GateResult::failed), gates(GateResult::open));
    let held = results.gates.len() - gate_failed - open;
    for (count, word) in [(gate_failed, "failed"), (open, "undecided"), (held, "passed")] {
        if count > 0 {
            parts.push(format!("{} {word}", plural(count, "gate rule")));
        }
    }
    let kind = match (gate_failed, open + broken, held) {
        (1.., ..) => "CAUTION",
        (_, 1.., _) => "WARNING",
        (_, _, 1..) => "TIP",
        _ => "NOTE",
    };
    let _ = writeln!(out, "> [!{kind}]\n> **{}**: {}\n", escaped(&results.suite, 80), parts.join(", "));
}

fn table(report: &Report<'_>, out: &mut String) {
    let results = report.results;
    let names = report.scored_dimensions();
    if names.is_empty() {
        return;
    }
    let head: Vec<String> = names.iter().map(|name| escaped(&spoken(name), 40)).collect();
    let _ = writeln!(out, "| agent | {} | n |\n| --- |{} --- |", head.join(" | "), " ---: |".repeat(names.len()));
    for agent in &results.agents {
        let stand_in = if report.facts.stand_ins.contains(&agent.agent) { " (stand-in)" } else { "" };
        let cells: Vec<String> = names.iter().map(|name| cell(agent, name)).collect();
        let _ =
            writeln!(out, "| {}{stand_in} | {} | {} |", escaped(&agent.agent, 40), cells.join(" | "), design(agent));
    }
    out.push('\n');
}

fn cell(agent: &AgentResult, name: &str) -> String {
    let Some(found) = agent.dimensions.get(name) else { return "-".to_owned() };
    let around = half(found.low, found.high).map(|half| format!(" ± {half}")).unwrap_or_default();
    found.mean.map_or("-".to_owned(), |mean| format!("{}{around}", score(mean)))
}

fn design(agent: &AgentResult) -> String {
    let widest = agent.dimensions.values().max_by_key(|it| it.trials);
    widest.map_or("0".to_owned(), |it| per_task(it.tasks, it.trials))
}

fn compared(report: &Report<'_>, out: &mut String) {
    let results = report.results;
    for pair in pairs(report) {
        let _ = writeln!(out, "- {}", escaped(&sentence(&pair), 1000));
    }
    if results.agents.len() > 1 {
        out.push('\n');
    }
}

/// Only where a task was tried more than once.
fn repeated(results: &Results, out: &mut String) {
    let rows = rows(results);
    if !rows.is_empty() {
        let ends = " ---: |".repeat(COLUMNS.len() + 1);
        let _ = writeln!(out, "### Consistency\n\n1 is alike, over the trials of a task.\n");
        let _ = writeln!(out, "| task | agent | n | {} |\n| --- | --- |{ends}", COLUMNS.join(" | "));
    }
    for row in rows.iter().take(MOST) {
        let (task, agent) = (escaped(row.task, 60), escaped(row.agent, 40));
        let _ = writeln!(out, "| {task} | {agent} | {} | {} |", row.trials, row.cells.join(" | "));
    }
    if rows.len() > MOST {
        let _ = writeln!(out, "\nand {} more in the report", rows.len() - MOST);
    }
    if !rows.is_empty() {
        out.push('\n');
        section(out, "Asking", &asking(results), |sentence| escaped(sentence, 240));
    }
}

fn failing(results: &Results, out: &mut String) {
    let failed: Vec<&TrialResult> = results.trials.iter().filter(|trial| trial.passed == Some(false)).collect();
    section(out, "Failed", &failed, |trial| {
        let why = Found::of_outcome(0, trial).map(|it| said(&it)).unwrap_or_default();
        format!("**{}**: {}", escaped(&trial.id, 100), if why.is_empty() { escaped(&trial.end.why, 200) } else { why })
    });
}

fn least_met(report: &Report<'_>, out: &mut String) {
    let (results, rows) = (report.results, report.criteria());
    let all: Vec<(&AgentResult, f64, Found<'_>)> = results
        .agents
        .iter()
        .enumerate()
        .flat_map(|(at, agent)| worst(rows, at, 3).into_iter().map(move |(mean, found)| (agent, mean, found)))
        .filter(|(_, _, found)| found.score.dimension != "outcome")
        .collect();
    section(out, "Least met", &all, |(agent, mean, found)| {
        let what = format!("{}/{}", found.score.dimension, found.score.criterion);
        format!("**{}** {} {}: {}", escaped(&agent.agent, 40), escaped(&what, 80), score(*mean), said(found))
    });
}

/// The sentence, then the quoted event.
fn said(found: &Found<'_>) -> String {
    let mut text = escaped(&found.score.why, 240);
    if let Some(cite) = found.cite().filter(|cite| !cite.quote.trim().is_empty()) {
        let _ = write!(text, " (“{}”, {} {})", escaped(&cite.quote, 160), escaped(&found.trial.id, 100), cite.event);
    }
    text
}

fn left_out(report: &Report<'_>, out: &mut String) {
    let told: Vec<_> = report.exclusions().iter().filter(|it| it.missing != Missing::NotApplicable).collect();
    section(out, "Left out", &told, |it| {
        let what: Vec<String> = it.what.iter().take(3).map(|what| escaped(what, 60)).collect();
        let more = if it.what.len() > 3 { format!(" and {} more", it.what.len() - 3) } else { String::new() };
        let agents: Vec<String> = it.agents.iter().take(5).map(|agent| escaped(agent, 40)).collect();
        let why = escaped(&it.why, 240);
        format!("{} {}x {}{more} ({}): {why}", it.missing.words(), it.count, what.join(", "), agents.join(", "))
    });
}

fn gates(results: &Results, out: &mut String) {
    if results.gates.is_empty() {
        return;
    }
    out.push_str("### Gate\n\n| rule | estimate | bounds | line | n | verdict | why |\n| --- | ---: | --- | ---: | ---: | --- | --- |\n");
    // What failed is read first, and must not be what is cut.
    let mut gates: Vec<&GateResult> = results.gates.iter().collect();
    gates.sort_by_key(|gate| (!gate.failed(), !gate.open()));
    for gate in gates.iter().take(MOST) {
        let verdict = escaped(&gate.verdict.replace('_', " "), 40);
        let verdict = if gate.failed() { format!("**{verdict}**") } else { verdict };
        let (rule, why) = (escaped(&gate.rule, 120), escaped(&gate.why, 200));
        let _ = writeln!(out, "| {rule} | {} | {verdict} | {why} |", numbers(gate));
    }
    if gates.len() > MOST {
        let _ = writeln!(out, "\n- and {} more", gates.len() - MOST);
    }
    out.push('\n');
    let looks = gating::looks(results);
    for look in looks.iter().take(MOST) {
        let _ = writeln!(out, "- {}", escaped(look, 300));
    }
    if !looks.is_empty() {
        out.push('\n');
    }
}

/// Tasks that passed in the baseline, each with the event that shows why it does not now.
fn newly_failing(results: &Results, out: &mut String) {
    section(out, "Newly failing", &results.newly_failing, |failing| {
        let found = gating::shown(results, failing).and_then(|(_, found)| found);
        let why = found.map(|found| format!(": {}", said(&found))).unwrap_or_default();
        format!("**{}** {}{why}", escaped(&failing.agent, 40), escaped(&failing.sentence(), 300))
    });
}

/// Estimate, one-sided bounds, the line that is held, and tasks: four cells.
fn numbers(gate: &GateResult) -> String {
    let one = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let bounds = gate.low.zip(gate.high).map_or("-".to_owned(), |(low, high)| format!("{low:.3} to {high:.3}"));
    let n = gate.n.map_or("-".to_owned(), |n| n.to_string());
    format!("{} | {bounds} | {} | {n}", one(gate.estimate), one(gate.margin))
}

fn habits_table(results: &Results, out: &mut String) {
    let Some(found) = habits(results) else { return };
    let columns: Vec<String> = found.means.iter().map(|id| escaped(&id.replace('_', " "), 40)).collect();
    let _ = writeln!(out, "### Habits by model family (a description, not a score)\n");
    let _ = writeln!(out, "| family | {}s | calls | rg | grep | {} |", found.unit(), columns.join(" | "));
    let _ = writeln!(out, "| --- |{}", " ---: |".repeat(4 + columns.len()));
    for row in found.rows.iter().take(MOST) {
        let mean = |mean: &Option<(f64, usize)>| mean.map_or("-".to_owned(), |(mean, _)| figure(mean));
        let cells: Vec<String> = row.means.iter().map(mean).collect();
        let counts = [row.trials.len() as f64, row.calls, row.rg, row.grep].map(figure).join(" | ");
        let _ = writeln!(out, "| {} | {counts} | {} |", escaped(&row.family, 40), cells.join(" | "));
    }
    out.push('\n');
}

fn notes(report: &Report<'_>, out: &mut String) {
    let notes: Vec<_> = report.facts.notes.iter().collect();
    section(out, "Notes", &notes, |note| escaped(note, 300));
}

fn foot(report: &Report<'_>, out: &mut String) {
    let run = escaped(&report.results.run, 80);
    let took = if report.facts.wall_ms > 0 { format!(", {}", duration(report.facts.wall_ms)) } else { String::new() };
    let _ = writeln!(out, "Run {run}, {}{took}.", spent(report.results));
}

/// A heading and a list, only where there is something to list.
fn section<T>(out: &mut String, heading: &str, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "### {heading}\n");
    for item in items.iter().take(MOST) {
        let _ = writeln!(out, "- {}", line(item));
    }
    if items.len() > MOST {
        let _ = writeln!(out, "- and {} more", items.len() - MOST);
    }
    out.push('\n');
}
