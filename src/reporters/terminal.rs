//! What is printed after a run: one table, then what to look at first. Readable without colour, within the width that is given.
//!
//! ```text
//! quickstart: 9 trials of 3 agents, 3 tasks
//!
//!  agent    outcome   self-     n
//!                     checking
//!  careful  0.97      1.00      3 x 1
//!           ± 0.08
//!  hasty    0.31      0.12      3 x 1
//!
//! least met
//!   hasty  self_checking/checks_after_last_edit 0.00  presented 3 edits with no check after the last one
//! ```

use super::Report;
use super::findings::{Exclusion, Missing, worst};
use super::gating;
use super::habits::habits;
use super::judges::{Tally, panel};
use super::names::spoken;
use super::standings::{pairs, sentence};
use super::words::{and, duration, half, number, one_line, plural, score, usd};
use crate::model::results::{AgentResult, GateResult, Results};
use comfy_table::{Table, presets::NOTHING};
use std::fmt::Write;

/// Criteria shown per agent.
const WORST: usize = 3;
/// Reasons shown for what was left out.
const REASONS: usize = 8;
/// Characters of an agent's name.
const NAME: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Yes,
    No,
}

/// The run in at most `width` columns.
pub fn terminal(report: &Report<'_>, width: usize, colour: Colour) -> String {
    let mut page = Page::new(width, colour);
    let results = report.results;
    page.head(report);
    page.table(report);
    page.verdicts(report);
    page.worst(report);
    page.judges(results);
    page.left_out(report);
    page.gates(results);
    page.habits(results);
    page.notes(report);
    page.cost(report);
    page.out
}

/// Text that never runs over its width.
pub(super) struct Page {
    pub out: String,
    pub width: usize,
    colour: Colour,
}

impl Page {
    pub fn new(width: usize, colour: Colour) -> Page {
        Page { out: String::new(), width: width.max(40), colour }
    }

    fn head(&mut self, report: &Report<'_>) {
        let results = report.results;
        let tasks: std::collections::BTreeSet<&str> = results.trials.iter().map(|trial| trial.task.as_str()).collect();
        let what = format!(
            "{}: {} of {}, {}",
            one_line(&results.suite, 60),
            plural(results.trials.len(), "trial"),
            plural(results.agents.len(), "agent"),
            plural(tasks.len(), "task")
        );
        self.heading(&what);
        if !report.facts.stand_ins.is_empty() {
            let names: Vec<String> = report.facts.stand_ins.iter().map(|name| one_line(name, NAME)).collect();
            let is = if names.len() == 1 {
                "is a stand-in: a scripted candidate, not a real agent"
            } else {
                "are stand-ins: scripted candidates, not real agents"
            };
            self.wrapped("", &format!("{} {is}", and(&names)), "");
        }
    }

    fn table(&mut self, report: &Report<'_>) {
        let (results, names) = (report.results, report.scored_dimensions());
        if names.is_empty() || results.agents.is_empty() {
            self.out.push_str("\nnothing was scored\n");
            return;
        }
        for part in self.parts(results, names) {
            self.out.push('\n');
            let mut table = Table::new();
            table.load_style(NOTHING);
            let head = std::iter::once("agent".to_owned()).chain(part.iter().map(|name| broken_up(&spoken(name))));
            table.set_header(head.chain(["n".to_owned()]));
            for agent in &results.agents {
                table.add_row(row(agent, part));
            }
            for line in table.lines() {
                let _ = writeln!(self.out, "{}", line.trim_end());
            }
        }
        if results.agents.iter().flat_map(|agent| agent.dimensions.values()).all(|found| found.tasks < 2) {
            self.wrapped("", "fewer than 2 tasks: insufficient data for intervals", "");
        }
    }

    /// As many dimensions side by side as fit.
    fn parts<'n>(&self, results: &Results, names: &'n [&'n str]) -> Vec<&'n [&'n str]> {
        let agent = results.agents.iter().map(|agent| one_line(&agent.agent, NAME).chars().count()).max().unwrap_or(0);
        let fixed = agent.max(5) + 2 + 9;
        let wide = |name: &str| {
            broken_up(&spoken(name)).lines().map(|line| line.chars().count()).max().unwrap_or(0).max(6) + 2
        };
        let (mut parts, mut from, mut used) = (Vec::new(), 0, fixed);
        for (at, name) in names.iter().enumerate() {
            if at > from && used + wide(name) > self.width {
                parts.push(&names[from..at]);
                (from, used) = (at, fixed);
            }
            used += wide(name);
        }
        parts.push(&names[from..]);
        parts
    }

    fn verdicts(&mut self, report: &Report<'_>) {
        let pairs = pairs(report);
        if !pairs.is_empty() {
            self.section("compared");
            for pair in &pairs {
                self.wrapped("  ", &one_line(&sentence(pair), 2000), "    ");
            }
        }
    }

    fn worst(&mut self, report: &Report<'_>) {
        let (results, rows) = (report.results, report.criteria());
        let found: Vec<_> = (0..results.agents.len()).map(|at| worst(rows, at, WORST)).collect();
        if found.iter().all(Vec::is_empty) {
            return;
        }
        self.section("least met");
        for (agent, worst) in results.agents.iter().zip(found) {
            for (mean, shown) in worst {
                let subject = format!("{}/{}", shown.score.dimension, shown.score.criterion);
                let mut text = format!("{}  {} {}", one_line(&agent.agent, NAME), one_line(&subject, 80), score(mean));
                let _ = write!(text, ": {}", one_line(&shown.score.why, 300));
                let event = shown.cite().map(|cite| format!(" {}", cite.event)).unwrap_or_default();
                let _ = write!(text, " ({}{event})", one_line(&shown.trial.id, 80));
                self.wrapped("  ", &text, "    ");
            }
        }
    }

    fn judges(&mut self, results: &Results) {
        let Some(panel) = panel(results) else { return };
        self.section("judges");
        for text in panel.tallies.iter().map(Tally::sentence).chain(panel.sentences()).take(REASONS) {
            self.wrapped("  ", &one_line(&text, 400), "    ");
        }
    }

    fn left_out(&mut self, report: &Report<'_>) {
        let told: Vec<&Exclusion<'_>> =
            report.exclusions().iter().filter(|it| it.missing != Missing::NotApplicable).collect();
        if told.is_empty() {
            return;
        }
        self.section("left out");
        for exclusion in told.iter().take(REASONS) {
            let text =
                format!("{}  {}: {}", exclusion.missing.words(), subject(exclusion), one_line(&exclusion.why, 200));
            self.wrapped("  ", &text, "    ");
        }
        if told.len() > REASONS {
            self.wrapped(
                "  ",
                &format!("and {}, all of them in the report", plural(told.len() - REASONS, "more reason")),
                "",
            );
        }
    }

    fn gates(&mut self, results: &Results) {
        if results.gates.is_empty() {
            return;
        }
        self.section("gate");
        for gate in &results.gates {
            let verdict = one_line(&gate.verdict.replace('_', " "), 40);
            self.wrapped(
                "  ",
                &format!("{verdict}  {}{}: {}", one_line(&gate.rule, 80), measured(gate), one_line(&gate.why, 200)),
                "    ",
            );
        }
        for look in gating::looks(results) {
            self.wrapped("  ", &one_line(&look, 300), "    ");
        }
        self.newly_failing(results);
    }

    fn newly_failing(&mut self, results: &Results) {
        for failing in results.newly_failing.iter().take(REASONS) {
            self.wrapped("  newly failing  ", &one_line(&failing.sentence(), 300), "    ");
        }
        let more = results.newly_failing.len().saturating_sub(REASONS);
        if more > 0 {
            self.wrapped("  ", &format!("and {}, all of them in the report", plural(more, "more task")), "    ");
        }
    }

    fn habits(&mut self, results: &Results) {
        let Some(found) = habits(results) else { return };
        self.section("habits by model family: a description, not a score");
        let wide = found.rows.iter().map(|row| row.name().chars().count()).max().unwrap_or(0);
        for row in &found.rows {
            let name = row.name();
            let name = format!("{name}{}", " ".repeat(wide - name.chars().count()));
            self.wrapped(&format!("  {name}  "), &found.sentence(row), "    ");
        }
    }

    fn notes(&mut self, report: &Report<'_>) {
        let of_trials = report.results.trials.iter().flat_map(|trial| {
            trial.notes.iter().map(|note| format!("{}: {}", one_line(&trial.id, 80), one_line(note, 300)))
        });
        let notes: Vec<String> = report.facts.notes.iter().map(|note| one_line(note, 400)).chain(of_trials).collect();
        if notes.is_empty() {
            return;
        }
        self.section("notes");
        for note in notes.iter().take(REASONS) {
            self.wrapped("  ", note, "    ");
        }
        if notes.len() > REASONS {
            self.wrapped("  ", &format!("and {} more in the report", notes.len() - REASONS), "");
        }
    }

    fn cost(&mut self, report: &Report<'_>) {
        self.out.push('\n');
        let took =
            if report.facts.wall_ms > 0 { format!(", {}", duration(report.facts.wall_ms)) } else { String::new() };
        self.wrapped("", &format!("{}{took}", spent(report.results)), "");
    }

    pub fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    pub fn heading(&mut self, text: &str) {
        let _ = match self.colour {
            Colour::No => writeln!(self.out, "{text}"),
            Colour::Yes => writeln!(self.out, "\u{1b}[1m{text}\u{1b}[0m"),
        };
    }

    fn section(&mut self, text: &str) {
        self.out.push('\n');
        self.heading(text);
    }

    /// Text folded at words; `later` stands before every line but the first.
    pub fn wrapped(&mut self, first: &str, text: &str, later: &str) {
        let mut line = first.to_owned();
        let mut used = first.chars().count();
        let mut empty = true;
        for word in text.split(' ') {
            let wide = word.chars().count();
            if !empty && used + 1 + wide > self.width {
                let _ = writeln!(self.out, "{}", line.trim_end());
                line = later.to_owned();
                used = later.chars().count();
                empty = true;
            }
            if !empty {
                line.push(' ');
                used += 1;
            }
            used = self.long_word(&mut line, used, word);
            empty = false;
        }
        let _ = writeln!(self.out, "{}", line.trim_end());
    }

    /// A word that is longer than a line is cut into lines.
    fn long_word(&mut self, line: &mut String, mut used: usize, word: &str) -> usize {
        for sign in word.chars() {
            if used >= self.width {
                let _ = writeln!(self.out, "{line}");
                *line = "    ".to_owned();
                used = 4;
            }
            line.push(sign);
            used += 1;
        }
        used
    }
}

/// `0.0042 USD, 12,345 tokens in, 678 out`, or that nobody reported a cost.
pub(super) fn spent(results: &Results) -> String {
    let cost: Vec<u64> = results.trials.iter().filter_map(|trial| trial.usage.micro_usd).collect();
    let sum = |of: fn(&crate::model::trace::Usage) -> u64| {
        results.trials.iter().fold(0u64, |sum, trial| sum.saturating_add(of(&trial.usage)))
    };
    let (input, output) = (sum(|usage| usage.input), sum(|usage| usage.output));
    let mut text = match cost.len() {
        0 => "no cost reported".to_owned(),
        _ => usd(cost.iter().fold(0u64, |sum, one| sum.saturating_add(*one))),
    };
    if !cost.is_empty() && cost.len() < results.trials.len() {
        let _ = write!(text, " (of {} of {} trials)", cost.len(), results.trials.len());
    }
    if input + output > 0 {
        let _ = write!(text, ", {} tokens in, {} out", number(input), number(output));
    }
    text
}

/// `2 x self_checking/ends_green (hasty)`.
fn subject(exclusion: &Exclusion<'_>) -> String {
    let mut what: Vec<String> = exclusion.what.iter().take(2).map(|what| one_line(what, 60)).collect();
    if exclusion.what.len() > 2 {
        what.push(format!("{} more", exclusion.what.len() - 2));
    }
    let agents: Vec<String> = exclusion.agents.iter().take(4).map(|agent| one_line(agent, NAME)).collect();
    let times = if exclusion.count > 1 { format!("{} x ", exclusion.count) } else { String::new() };
    format!("{times}{} ({})", and(&what), agents.join(", "))
}

fn row(agent: &AgentResult, part: &[&str]) -> Vec<String> {
    let mut cells = vec![one_line(&agent.agent, NAME)];
    let (mut tasks, mut trials) = (0, 0);
    for name in part {
        let found = agent.dimensions.get(*name);
        let mean = found.and_then(|it| it.mean);
        let around = found.and_then(|it| half(it.low, it.high)).map(|half| format!("\n± {half}")).unwrap_or_default();
        cells.push(mean.map_or("-".to_owned(), |mean| format!("{}{around}", score(mean))));
        tasks = tasks.max(found.map_or(0, |it| it.tasks));
        trials = trials.max(found.map_or(0, |it| it.trials));
    }
    cells.push(per_task(tasks, trials));
    cells
}

/// `3 x 2`: tasks, and trials of each; `7 in 3` where they differ.
pub(super) fn per_task(tasks: u32, trials: u32) -> String {
    match trials.checked_rem(tasks) {
        Some(0) => format!("{tasks} x {}", trials / tasks),
        Some(_) => format!("{trials} in {tasks}"),
        None => "0".to_owned(),
    }
}

/// At most one word a line: headers stay narrow.
fn broken_up(label: &str) -> String {
    one_line(label, 40).replace(' ', "\n").replace("self-", "self-\n")
}

/// ` [estimate 0.808, bounds 0.75 to 0.87, line 0.7, 20 tasks]`
fn measured(gate: &GateResult) -> String {
    let numbers = gating::numbers(gate);
    if numbers.is_empty() { numbers } else { format!(" [{numbers}]") }
}
