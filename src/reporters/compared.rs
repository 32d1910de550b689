//! A comparison in words: what is printed by `evalrun compare`.
//!
//! ```text
//! 2 agents on 24 tasks
//!
//! careful beats hasty on self-checking by 0.62 ± 0.11
//!
//!  dimension      careful  hasty   difference      p      smallest visible
//!  self-checking  0.97     0.35    +0.62 ± 0.11    0.000  0.09
//! ```

use super::names::spoken;
use super::words::{and, half, one_line, plural, score};
use crate::model::comparison::{AgentColumn, Comparison, PairRow, Verdict};
use comfy_table::{Table, presets::NOTHING};

/// Characters of a name.
/// An agent of one of several runs is `agent (run)`.
const NAME: usize = 40;
/// Lines of a list before it is cut.
const LINES: usize = 12;

/// What can be said, in words first, then the tables.
pub fn compared(found: &Comparison) -> String {
    let mut out = format!("{} on {}", plural(found.agents.len(), "agent"), plural(found.tasks as usize, "task"));
    if let Some(clusters) = found.clusters {
        out.push_str(&format!(" in {}", plural(clusters as usize, "cluster")));
    }
    out.push_str("\n\n");
    for sentence in sentences(found) {
        out.push_str(&format!("{sentence}\n"));
    }
    out.push_str(&means(found));
    out.push_str(&differences(found));
    out.push_str(&passes(found));
    out.push_str(&ranking(found));
    out.push_str(&ratios(found));
    out.push_str(&hangs(found));
    out.push_str(&next(found));
    out.push_str(&left_out(found));
    out
}

/// One sentence for each two agents: what is shown, and how small a difference could have been.
pub(super) fn sentences(found: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for row in &found.pairs {
        let two = (row.a.as_str(), row.b.as_str());
        if seen.contains(&two) {
            continue;
        }
        seen.push(two);
        let rows: Vec<&PairRow> = found.pairs.iter().filter(|it| (it.a.as_str(), it.b.as_str()) == two).collect();
        said.push(sentence(two, &rows));
    }
    said
}

fn sentence((a, b): (&str, &str), rows: &[&PairRow]) -> String {
    let (a, b) = (one_line(a, NAME), one_line(b, NAME));
    let listed = |wanted: Verdict| -> Vec<String> {
        let of = |row: &&&PairRow| row.verdict == wanted;
        rows.iter().filter(of).map(|row| on(row)).collect()
    };
    let mut parts = Vec::new();
    for (ahead, behind, verdict) in [(&a, &b, Verdict::Better), (&b, &a, Verdict::Worse)] {
        let won = listed(verdict);
        if !won.is_empty() {
            parts.push(format!("{ahead} beats {behind} on {}", and(&won)));
        }
    }
    let constant: Vec<String> =
        rows.iter().filter(|row| row.verdict == Verdict::Constant).map(|row| signed(row)).collect();
    if !constant.is_empty() {
        parts.push(format!("{a} minus {b} is the same on every task, so no interval: {}", and(&constant)));
    }
    if parts.is_empty() {
        let few = rows.iter().all(|row| row.verdict == Verdict::InsufficientData);
        let why = if few { "insufficient data: fewer than 2 tasks" } else { "no difference is shown" };
        parts.push(format!("{a} against {b}: {why}"));
    }
    parts.join("; ")
}

/// `outcome +1.00`
fn signed(row: &PairRow) -> String {
    let by = row.diff.map_or("-".to_owned(), |diff| format!("{diff:+.2}"));
    format!("{} {by}", spoken(&row.dimension))
}

fn on(row: &PairRow) -> String {
    let by = row.diff.map_or("-".to_owned(), |diff| score(diff.abs()));
    match half(row.low, row.high) {
        Some(half) => format!("{} by {by} ± {half}", spoken(&row.dimension)),
        None => format!("{} by {by}", spoken(&row.dimension)),
    }
}

fn table(head: &[String], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("\n{}\n", lines.join("\n"))
}

fn means(found: &Comparison) -> String {
    let names: Vec<&String> = found.agents.first().into_iter().flat_map(|agent| agent.dimensions.keys()).collect();
    let cell = |agent: &AgentColumn, name: &str| match agent.dimensions.get(name) {
        Some(row) => match (row.mean, half(row.low, row.high)) {
            (Some(mean), Some(half)) => format!("{} ± {half}", score(mean)),
            (Some(mean), None) => score(mean),
            (None, _) => "-".to_owned(),
        },
        None => "-".to_owned(),
    };
    let mut head = vec!["dimension".to_owned()];
    head.extend(found.agents.iter().map(|agent| one_line(&agent.agent, NAME)));
    head.push("smallest visible".to_owned());
    let row = |name: &&String| {
        let mut row = vec![spoken(name)];
        row.extend(found.agents.iter().map(|agent| cell(agent, name)));
        row.push(found.mde.get(*name).copied().flatten().map_or("-".to_owned(), score));
        row
    };
    table(&head, names.iter().map(row).collect())
}

fn differences(found: &Comparison) -> String {
    let head = ["a - b", "dimension", "tasks", "difference", "p", "sign flip", "verdict"].map(str::to_owned);
    let p = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let row = |row: &PairRow| {
        let difference = match (row.diff, half(row.low, row.high)) {
            (Some(diff), Some(half)) => format!("{diff:+.2} ± {half}"),
            (Some(diff), None) => format!("{diff:+.2}"),
            (None, _) => "-".to_owned(),
        };
        let two = format!("{} - {}", one_line(&row.a, NAME), one_line(&row.b, NAME));
        let (n, verdict) = (row.n.to_string(), word(row.verdict).to_owned());
        vec![two, spoken(&row.dimension), n, difference, p(row.p), p(row.p_signflip), verdict]
    };
    table(&head, found.pairs.iter().map(row).collect())
}

/// A verdict in words.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NotShown => "not shown",
        Verdict::Constant => "same on every task",
        Verdict::InsufficientData => "insufficient data",
    }
}

fn passes(found: &Comparison) -> String {
    let most = found.agents.iter().map(|agent| agent.pass_at_k.len()).max().unwrap_or(0);
    if most < 2 {
        return String::new();
    }
    let shown: Vec<usize> = (0..most.min(8)).collect();
    let mut head = vec!["".to_owned()];
    head.extend(shown.iter().map(|at| format!("k={}", at + 1)));
    let cell = |value: Option<&Option<f64>>| value.copied().flatten().map_or("-".to_owned(), score);
    let mut rows = Vec::new();
    for agent in &found.agents {
        for (name, curve) in [("pass@k", &agent.pass_at_k), ("pass^k", &agent.pass_hat_k)] {
            let mut row = vec![format!("{} {name}", one_line(&agent.agent, NAME))];
            row.extend(shown.iter().map(|at| cell(curve.get(*at))));
            rows.push(row);
        }
    }
    table(&head, rows)
}

fn ranking(found: &Comparison) -> String {
    let Some(ranking) = &found.ranking else { return String::new() };
    if let Some(why) = &ranking.why_not {
        return format!("\nno ranking by {}: {why}\n", spoken(&ranking.by));
    }
    let mut out = format!("\nranking by {} (agents of one group cannot be told apart)\n", spoken(&ranking.by));
    for agent in &ranking.agents {
        let groups: Vec<String> = agent.groups.iter().map(u32::to_string).collect();
        let name = one_line(&agent.agent, NAME);
        let half = 1.96 * agent.se;
        out.push_str(&format!("  group {}  {name}  {:+.2} ± {half:.2}\n", groups.join(", "), agent.strength));
    }
    out
}

fn ratios(found: &Comparison) -> String {
    let head = ["a / b", "cost", "tasks", "ratio", "95 %"].map(str::to_owned);
    let row = |row: &crate::model::comparison::RatioRow| {
        let ratio = row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let interval = row.low.zip(row.high).map_or("-".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"));
        let two = format!("{} / {}", one_line(&row.a, NAME), one_line(&row.b, NAME));
        vec![two, row.metric.clone(), row.n.to_string(), ratio, interval]
    };
    table(&head, found.efficiency.iter().map(row).collect())
}

fn hangs(found: &Comparison) -> String {
    let mut out = String::new();
    for it in found.sensitivity.iter().filter(|it| !it.hangs_on.is_empty()).take(LINES) {
        let two = format!("{} against {}", one_line(&it.a, NAME), one_line(&it.b, NAME));
        let without = match it.hangs_on.as_slice() {
            [task] => format!("without {}", one_line(task, NAME)),
            tasks => format!("without any one of {} tasks", tasks.len()),
        };
        out.push_str(&format!("{two} on {}: {without} the verdict would be another\n", spoken(&it.dimension)));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

fn next(found: &Comparison) -> String {
    let mut out = String::new();
    for (dimension, variance) in &found.variance {
        out.push_str(&format!("  {}: {}\n", spoken(dimension), variance.next));
    }
    if out.is_empty() { out } else { format!("\nwhat to buy next\n{out}") }
}

fn left_out(found: &Comparison) -> String {
    let mut out = String::new();
    for it in found.excluded.iter().take(LINES) {
        out.push_str(&format!("  {}: {}\n", one_line(&it.what, 60), one_line(&it.why, 120)));
    }
    let more = found.excluded.len().saturating_sub(LINES);
    if more > 0 {
        out.push_str(&format!("  and {more} more\n"));
    }
    if out.is_empty() { out } else { format!("\nleft out\n{out}") }
}
