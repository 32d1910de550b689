//! The first page: the verdict in words, then every number with its way down to the trials.

use super::super::Report;
use super::super::gating;
use super::super::names::spoken;
use super::super::repeated;
use super::super::standings::{Contrast, Pair, Shown, design, of_trial, pairs, sentence};
use super::super::terminal::{per_task, spent};
use super::super::words::{duration, half, plural, score};
use super::figure::{Measured, level, measured};
use super::{comparison_view, findings_view, habits_view, interview, judges_view, limits, measures};
use crate::model::{
    fault::Fault,
    results::{AgentResult, DimensionResult, GateResult, NewlyFailing, Results, TrialResult},
    run::NotRun,
    trace::EndKind,
};
use serde::Serialize;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

/// Where things are, seen from the first page.
///
/// Up to some number of trials each has a page. Beyond, those have one that the first page leads to: whoever makes a link asks for the page.
pub(super) struct TrialPages<'a> {
    names: &'a [String],
    /// Beside the names.
    asked_for: Vec<Cell<bool>>,
}

pub(super) type Links<'a> = &'a TrialPages<'a>;

impl<'a> TrialPages<'a> {
    pub fn new(names: &'a [String], report: &Report<'_>) -> TrialPages<'a> {
        let all = report.once.every_page || names.len() <= limits::TRIALS;
        TrialPages { names, asked_for: vec![Cell::new(all); names.len()] }
    }

    pub fn trial(&self, at: usize) -> String {
        self.asked_for[at].set(true);
        self.page(at)
    }

    pub fn at(&self, at: usize, anchor: impl std::fmt::Display) -> String {
        format!("{}#{anchor}", self.trial(at))
    }

    pub fn page(&self, at: usize) -> String {
        format!("report/trials/{}.html", self.names[at])
    }

    pub fn has_page(&self, at: usize) -> bool {
        self.asked_for[at].get()
    }

    fn without(&self) -> usize {
        self.asked_for.iter().filter(|page| !page.get()).count()
    }
}

/// # Errors
/// When a template asks for what the view does not hold.
pub(super) fn render(pages: &super::page::Pages, report: &Report<'_>, links: Links<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut view = view(report, links);
    // Last: it leads to the pages that the rest has asked for.
    view.heat = heat(report, links);
    view.without_page = links.without();
    pages.render("report", view, &mut out)?;
    Ok(out)
}

#[derive(Serialize)]
struct View<'a> {
    title: String,
    suite: &'a str,
    about: Option<&'a str>,
    facts: Vec<(&'static str, String)>,
    stand_ins: &'a [String],
    verdicts: Vec<Verdict>,
    /// What is said of an agent where there is none to compare it with.
    alone: Vec<String>,
    side: Option<comparison_view::View>,
    agents: Vec<Agent<'a>>,
    board: Vec<BoardRow>,
    judges: Option<judges_view::JudgesView>,
    heat: Vec<HeatRow<'a>>,
    /// Too many trials for words in each cell.
    compact: bool,
    /// Trials of a large run that have no page.
    without_page: usize,
    /// Recorded sessions have no outcome: their cells show the mean of their dimensions.
    recorded: bool,
    stages: (Vec<interview::StageTable<'a>>, usize),
    interviews: (Vec<interview::Table<'a>>, usize),
    failures: Vec<findings_view::FailureView<'a>>,
    criteria: Vec<findings_view::DimensionView<'a>>,
    exclusions: Vec<findings_view::ExclusionView<'a>>,
    habits: Option<habits_view::HabitsView<'a>>,
    metrics: Vec<measures::Group<'a>>,
    columns: &'static [&'static str],
    repeated: Vec<repeated::Row<'a>>,
    repeated_more: usize,
    asking: Vec<String>,
    gates: Vec<GateRow<'a>>,
    looks: Vec<String>,
    newly_failing: Vec<FailingRow<'a>>,
    failing_more: usize,
    notes: Vec<(&'a str, &'a str, String)>,
    notes_more: usize,
    again: &'a str,
}

#[derive(Serialize)]
struct Verdict {
    ahead: String,
    behind: String,
    sentence: String,
    design: String,
    rows: Vec<ContrastRow>,
}

/// One line of the figure of differences: from -1 to 1 in a box of 100.
#[derive(Serialize)]
struct ContrastRow {
    dimension: String,
    anchor: String,
    by: String,
    half: Option<String>,
    visible: Option<String>,
    shown: &'static str,
    solid: bool,
    x: String,
    whisker: Option<(String, String)>,
}

/// A rule of the gate, with its bounds on an axis that holds zero and the line.
#[derive(Serialize)]
struct GateRow<'a> {
    verdict: String,
    class: &'static str,
    rule: &'a str,
    numbers: String,
    why: &'a str,
    drawn: Option<GateLine>,
}

/// Places in a box of 100.
#[derive(Serialize)]
struct GateLine {
    x: String,
    whisker: Option<(String, String)>,
    line: String,
}

#[derive(Serialize)]
struct FailingRow<'a> {
    text: String,
    agent: &'a str,
    href: Option<String>,
    why: &'a str,
    quote: &'a str,
}

#[derive(Serialize)]
struct Agent<'a> {
    name: &'a str,
    driver: &'a str,
    model: Option<&'a str>,
    version: Option<&'a str>,
    trials: String,
    stand_in: bool,
}

#[derive(Serialize)]
struct BoardRow {
    dimension: String,
    anchor: String,
    cells: Vec<Measured>,
}

#[derive(Serialize)]
struct HeatRow<'a> {
    task: String,
    about: Option<&'a str>,
    cells: Vec<HeatCell<'a>>,
}

#[derive(Serialize)]
struct HeatCell<'a> {
    trials: Vec<HeatTrial<'a>>,
    /// Why nothing is there.
    not_run: Vec<&'a str>,
}

#[derive(Serialize)]
struct HeatTrial<'a> {
    href: Option<String>,
    n: u32,
    text: String,
    class: &'static str,
    says: &'static str,
    end: &'a str,
}

fn view<'a>(report: &'a Report<'_>, links: Links<'a>) -> View<'a> {
    let results = report.results;
    let names = report.scored_dimensions();
    let compared = report.comparison();
    let repeated = repeated::rows(results);
    let verdicts: Vec<Verdict> = pairs(report).into_iter().map(verdict).collect();
    View {
        title: format!("{} · evalrun", results.suite),
        suite: &results.suite,
        about: report.suite.and_then(|suite| suite.about.as_deref()),
        facts: facts(report),
        stand_ins: &report.facts.stand_ins,
        alone: if verdicts.is_empty() {
            results.agents.iter().map(|agent| alone(agent, names)).collect()
        } else {
            Vec::new()
        },
        verdicts,
        side: compared.and_then(|found| comparison_view::view(found, Some(results))),
        agents: results.agents.iter().map(|agent| of_agent(report, agent)).collect(),
        board: names.iter().map(|name| board_row(results, name)).collect(),
        judges: judges_view::judges(results),
        heat: Vec::new(),
        compact: results.trials.len() > limits::TRIALS,
        without_page: 0,
        recorded: results.trials.iter().all(|trial| trial.end.kind == EndKind::Recorded),
        stages: interview::stages(report, links),
        interviews: interview::tables(report, links),
        failures: findings_view::failures(report, links),
        criteria: findings_view::criteria(report, links),
        exclusions: findings_view::exclusions(report, links),
        habits: habits_view::view(results, links),
        metrics: measures::groups(results, links),
        columns: &repeated::COLUMNS,
        repeated_more: repeated.len().saturating_sub(limits::ROWS),
        repeated: repeated.into_iter().take(limits::ROWS).collect(),
        asking: repeated::asking(results),
        gates: results.gates.iter().map(gate_row).collect(),
        looks: gating::looks(results),
        newly_failing: results
            .newly_failing
            .iter()
            .take(limits::LISTED)
            .map(|it| failing_row(results, links, it))
            .collect(),
        failing_more: results.newly_failing.len().saturating_sub(limits::LISTED),
        notes_more: count_notes(report).saturating_sub(limits::ROWS),
        notes: notes(report, links),
        again: &report.facts.again,
    }
}

/// `codex: planning 0.50, self-checking 0.72 ± 0.20 (3 tasks x 1)`
fn alone(agent: &AgentResult, names: &[&str]) -> String {
    let found: Vec<(&&str, &DimensionResult)> =
        names.iter().filter_map(|name| Some((name, agent.dimensions.get(*name)?))).collect();
    let said = |(name, found): &(&&str, &DimensionResult)| {
        let around = half(found.low, found.high).map(|half| format!(" ± {half}")).unwrap_or_default();
        found.mean.map(|mean| format!("{} {}{around}", spoken(name), score(mean)))
    };
    let parts: Vec<String> = found.iter().filter_map(said).collect();
    let tasks = found.iter().map(|(_, found)| found.tasks).max().unwrap_or(0);
    let trials = found.iter().map(|(_, found)| found.trials).max().unwrap_or(0);
    let few = if tasks < 2 { "; fewer than 2 tasks: insufficient data for an interval" } else { "" };
    let said = if parts.is_empty() { "nothing was scored".to_owned() } else { parts.join(", ") };
    format!("{}: {said} ({}){few}", agent.agent, per_task(tasks, trials))
}

fn facts(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let results = report.results;
    let tasks: BTreeSet<&str> = results.trials.iter().map(|trial| trial.task.as_str()).collect();
    let size = format!(
        "{} of {}, {}",
        plural(results.trials.len(), "trial"),
        plural(results.agents.len(), "agent"),
        plural(tasks.len(), "task")
    );
    let all = [
        ("Size", size),
        ("Started", results.started.clone()),
        ("Took", if report.facts.wall_ms > 0 { duration(report.facts.wall_ms) } else { String::new() }),
        ("Cost", spent(results)),
        ("Sandbox", report.facts.sandbox.clone()),
        ("Run", results.run.clone()),
        ("evalrun", report.facts.evalrun.clone()),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn verdict(pair: Pair) -> Verdict {
    Verdict {
        sentence: sentence(&pair),
        design: design(&pair),
        rows: pair.contrasts.iter().map(contrast).collect(),
        ahead: pair.ahead,
        behind: pair.behind,
    }
}

fn contrast(contrast: &Contrast) -> ContrastRow {
    let along = |value: f64| format!("{:.1}", (value.clamp(-1.0, 1.0) + 1.0) * 50.0);
    ContrastRow {
        dimension: spoken(&contrast.dimension),
        anchor: super::super::names::safe(&contrast.dimension),
        by: format!("{}{}", if contrast.by < 0.0 { "−" } else { "+" }, score(contrast.by.abs())),
        half: contrast.half.map(score),
        visible: contrast.visible.map(super::plots::visible),
        shown: contrast.shown.words(),
        solid: matches!(contrast.shown, Shown::Apart | Shown::Constant),
        x: along(contrast.by),
        whisker: contrast.half.map(|half| (along(contrast.by - half), along(contrast.by + half))),
    }
}

fn gate_row(gate: &GateResult) -> GateRow<'_> {
    GateRow {
        verdict: gate.verdict.replace('_', " "),
        class: gating::class(gate),
        rule: &gate.rule,
        numbers: gating::numbers(gate),
        why: &gate.why,
        drawn: gate_line(gate),
    }
}

/// `None` where there is no estimate or no line.
fn gate_line(gate: &GateResult) -> Option<GateLine> {
    let (estimate, line) = (gate.estimate?, gate.margin?);
    let ends = gate.low.zip(gate.high);
    let all = [Some(estimate), Some(line), Some(0.0), ends.map(|it| it.0), ends.map(|it| it.1)];
    let known = || all.into_iter().flatten().filter(|value| value.is_finite());
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    // Some room on both sides, also where everything is in one place.
    let room = ((high - low) * 0.06).max(0.01);
    let at = |value: f64| super::plots::along(value, (low - room, high + room));
    Some(GateLine { x: at(estimate), whisker: ends.map(|(low, high)| (at(low), at(high))), line: at(line) })
}

fn failing_row<'a>(results: &'a Results, links: Links<'_>, failing: &'a NewlyFailing) -> FailingRow<'a> {
    let shown = gating::shown(results, failing);
    let found = shown.as_ref().and_then(|(_, found)| *found);
    let cite = found.and_then(|found| found.cite());
    let why = found.map_or("", |found| found.score.why.as_str());
    FailingRow {
        text: failing.sentence(),
        agent: &failing.agent,
        href: shown.map(|(at, _)| cite.map_or_else(|| links.trial(at), |cite| links.at(at, cite.event))),
        why,
        quote: cite.map_or("", |cite| if findings_view::repeats(why, &cite.quote) { "" } else { &cite.quote }),
    }
}

fn of_agent<'a>(report: &Report<'_>, agent: &'a AgentResult) -> Agent<'a> {
    Agent {
        name: &agent.agent,
        driver: &agent.driver,
        model: agent.model.as_deref(),
        version: agent.version.as_deref(),
        trials: plural(agent.trials as usize, "trial"),
        stand_in: report.facts.stand_ins.contains(&agent.agent),
    }
}

fn board_row(results: &Results, name: &str) -> BoardRow {
    BoardRow {
        dimension: spoken(name),
        anchor: super::super::names::safe(name),
        cells: results.agents.iter().map(|agent| measured(agent.dimensions.get(name))).collect(),
    }
}

fn heat<'a>(report: &'a Report<'_>, links: Links<'a>) -> Vec<HeatRow<'a>> {
    let results = report.results;
    let mut tasks: BTreeMap<(&str, bool), OfTask<'a>> = BTreeMap::new();
    for (at, trial) in results.trials.iter().enumerate() {
        tasks.entry((&trial.task, trial.twin)).or_default().trials.push((at, trial));
    }
    for not_run in &results.not_run {
        let (task, twin) =
            not_run.task.strip_suffix("~twin").map_or((not_run.task.as_str(), false), |task| (task, true));
        tasks.entry((task, twin)).or_default().not_run.push(not_run);
    }
    let known = report.suite.iter().flat_map(|suite| &suite.tasks);
    let about: BTreeMap<&str, Option<&str>> = known.map(|task| (task.id.as_str(), task.about.as_deref())).collect();
    let row = |(key, of): ((&'a str, bool), OfTask<'a>)| {
        let about = if key.1 { Some(TWIN) } else { about.get(key.0).copied().flatten() };
        HeatRow { about, ..heat_row(results, links, (key, &of)) }
    };
    tasks.into_iter().map(row).collect()
}

const TWIN: &str = "the fully specified twin: read for over-asking alone";

/// What a run has of one task.
#[derive(Default)]
struct OfTask<'a> {
    trials: Vec<(usize, &'a TrialResult)>,
    not_run: Vec<&'a NotRun>,
}

fn heat_row<'a>(
    results: &'a Results,
    links: Links<'a>,
    ((task, twin), of): ((&'a str, bool), &OfTask<'a>),
) -> HeatRow<'a> {
    let cell = |agent: &'a AgentResult| {
        let trials = of.trials.iter().filter(|(_, trial)| trial.agent == agent.agent);
        let missing = of.not_run.iter().filter(|it| it.agent == agent.agent);
        HeatCell {
            trials: trials.map(|(at, trial)| heat_trial(links, *at, trial)).collect(),
            not_run: missing.map(|it| it.why.as_str()).collect(),
        }
    };
    HeatRow {
        about: None,
        cells: results.agents.iter().map(cell).collect(),
        task: if twin { format!("{task}~twin") } else { task.to_owned() },
    }
}

fn heat_trial<'a>(links: Links<'_>, at: usize, trial: &'a TrialResult) -> HeatTrial<'a> {
    let outcome = trial.dimensions.get("outcome").copied().flatten();
    let value = outcome.or_else(|| of_trial(trial, "outcome")).or_else(|| mean_of_dimensions(trial));
    HeatTrial {
        href: links.has_page(at).then(|| links.page(at)),
        n: trial.trial,
        text: value.map_or("-".to_owned(), score),
        class: level(value),
        says: passed(trial),
        end: &trial.end.why,
    }
}

/// For recorded sessions, which have no outcome.
fn mean_of_dimensions(trial: &TrialResult) -> Option<f64> {
    let names: BTreeSet<&str> = trial.scores.iter().map(|score| score.dimension.as_str()).collect();
    let values: Vec<f64> = names.iter().filter_map(|name| of_trial(trial, name)).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Whether a trial passed, in a word.
pub(super) fn passed(trial: &TrialResult) -> &'static str {
    match trial.passed {
        Some(true) => "passed",
        Some(false) => "failed",
        None if trial.end.kind == EndKind::Recorded => "recorded",
        None => "not decided",
    }
}

fn count_notes(report: &Report<'_>) -> usize {
    report.facts.notes.len() + report.results.trials.iter().map(|trial| trial.notes.len()).sum::<usize>()
}

fn notes<'a>(report: &'a Report<'_>, links: Links<'a>) -> Vec<(&'a str, &'a str, String)> {
    let of_run = report.facts.notes.iter().map(|note| ("", note.as_str(), String::new()));
    let of_trials = report.results.trials.iter().enumerate().flat_map(|(at, trial)| {
        trial.notes.iter().map(move |note| (trial.id.as_str(), note.as_str(), links.trial(at)))
    });
    of_run.chain(of_trials).take(limits::ROWS).collect()
}
