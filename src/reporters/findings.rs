//! What a reader should look at first: which criteria an agent met least, what failed where, and what could not be measured.

use crate::graders::MET;
use crate::model::{
    results::{Results, ScoreResult, TrialResult},
    score::Cite,
};
use std::collections::BTreeMap;

/// One criterion over all agents.
pub(super) struct Criterion<'a> {
    pub dimension: &'a str,
    pub criterion: &'a str,
    pub weight: f64,
    /// One for each agent of the results, in their order.
    pub cells: Vec<Cell<'a>>,
}

/// One criterion of one agent.
#[derive(Default)]
pub(super) struct Cell<'a> {
    /// Mean over the trials that scored it; `None`: none did.
    pub mean: Option<f64>,
    /// In the order of the trials; twins are left out.
    pub found: Vec<Found<'a>>,
}

/// One criterion of one trial.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// Index in `results.trials`.
    pub at: usize,
    pub trial: &'a TrialResult,
    pub score: &'a ScoreResult,
}

impl<'a> Found<'a> {
    pub fn not_met(&self) -> bool {
        self.score.outcome == "scored" && self.score.value.is_some_and(|value| value < MET)
    }

    /// Why a trial failed: the first criterion of its outcome that was not met.
    pub fn of_outcome(at: usize, trial: &'a TrialResult) -> Option<Found<'a>> {
        let scores = trial.scores.iter().filter(|score| score.dimension == "outcome");
        scores.map(|score| Found { at, trial, score }).find(Found::not_met)
    }

    pub fn cite(&self) -> Option<&'a Cite> {
        self.score.cites.first()
    }
}

/// Every criterion, by dimension, in the order in which trials have them.
pub(super) fn criteria<'a>(results: &'a Results, dimensions: &[&str]) -> Vec<Criterion<'a>> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut rows: BTreeMap<(&str, &str), Criterion<'_>> = BTreeMap::new();
    let places: BTreeMap<&str, usize> =
        results.agents.iter().enumerate().map(|(at, agent)| (agent.agent.as_str(), at)).collect();
    for (at, trial) in results.trials.iter().enumerate().filter(|(_, trial)| !trial.twin) {
        let Some(place) = places.get(trial.agent.as_str()) else { continue };
        for score in &trial.scores {
            let key = (score.dimension.as_str(), score.criterion.as_str());
            let row = rows.entry(key).or_insert_with(|| {
                order.push(key);
                let cells = results.agents.iter().map(|_| Cell::default()).collect();
                Criterion { dimension: key.0, criterion: key.1, weight: score.weight, cells }
            });
            row.cells[*place].found.push(Found { at, trial, score });
        }
    }
    order.sort_by_key(|(dimension, _)| dimensions.iter().position(|name| name == dimension));
    let filled = order.iter().filter_map(|key| rows.remove(key)).map(with_means);
    filled.collect()
}

/// The criteria that cost an agent most, each with the trial that shows it best.
pub(super) fn worst<'a>(criteria: &[Criterion<'a>], agent: usize, most: usize) -> Vec<(f64, Found<'a>)> {
    let mut found: Vec<(f64, f64, Found<'a>)> = Vec::new();
    for row in criteria {
        let cell = &row.cells[agent];
        let Some(mean) = cell.mean.filter(|mean| *mean < 1.0 - 1e-9) else { continue };
        let scored = cell.found.iter().filter(|it| it.score.value.is_some());
        let shown = scored.min_by(|a, b| key_of(a).total_cmp(&key_of(b)));
        found.extend(shown.map(|shown| (row.weight * (1.0 - mean), mean, *shown)));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(most).map(|(_, mean, shown)| (mean, shown)).collect()
}

/// A criterion that was not met, and where.
pub(super) struct Failure<'a> {
    pub dimension: &'a str,
    pub criterion: &'a str,
    pub found: Vec<Found<'a>>,
    pub agents: Vec<&'a str>,
}

/// What was not met, what costs most first.
pub(super) fn failures<'a>(criteria: &[Criterion<'a>]) -> Vec<Failure<'a>> {
    let mut all: Vec<(f64, Failure<'a>)> = Vec::new();
    for row in criteria {
        let found: Vec<Found<'a>> =
            row.cells.iter().flat_map(|cell| cell.found.iter().copied().filter(Found::not_met)).collect();
        if found.is_empty() {
            continue;
        }
        let mut agents: Vec<&str> = found.iter().map(|it| it.trial.agent.as_str()).collect();
        agents.dedup();
        let cost = row.weight * found.len() as f64;
        all.push((cost, Failure { dimension: row.dimension, criterion: row.criterion, found, agents }));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().map(|(_, failure)| failure).collect()
}

/// What is no number, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    Broken,
    NotRun,
    Unknown,
    NotAsked,
    NotApplicable,
}

impl Missing {
    pub fn words(self) -> &'static str {
        match self {
            Missing::Broken => "broken",
            Missing::NotRun => "not run",
            Missing::Unknown => "unknown",
            Missing::NotAsked => "not asked",
            Missing::NotApplicable => "not applicable",
        }
    }

    fn of(outcome: &str) -> Option<Missing> {
        match outcome {
            "scored" => None,
            "broken" => Some(Missing::Broken),
            "not_asked" => Some(Missing::NotAsked),
            "not_applicable" => Some(Missing::NotApplicable),
            _ => Some(Missing::Unknown),
        }
    }
}

/// Things left out for one reason.
pub(super) struct Exclusion<'a> {
    pub missing: Missing,
    /// `self_checking/ends_green`, or a task.
    pub what: Vec<String>,
    /// Reasons that differ by the event they name are one reason: `the check e…`.
    pub why: String,
    pub agents: Vec<&'a str>,
    pub count: usize,
    /// Where criteria are concerned: in which trials.
    pub found: Vec<Found<'a>>,
}

/// Everything that yielded no number, grouped by reason; broken first.
pub(super) fn exclusions(results: &Results) -> Vec<Exclusion<'_>> {
    let mut groups: BTreeMap<(Missing, String), Exclusion<'_>> = BTreeMap::new();
    for not_run in &results.not_run {
        let missing = if not_run.why.starts_with("broken") { Missing::Broken } else { Missing::NotRun };
        let group = group(&mut groups, missing, &not_run.why);
        add(group, &not_run.agent, not_run.task.clone());
    }
    for (at, trial) in results.trials.iter().enumerate() {
        for score in &trial.scores {
            let Some(missing) = Missing::of(&score.outcome) else { continue };
            // A description is no number by design: nothing is missing.
            if missing == Missing::NotApplicable && score.weight == 0.0 {
                continue;
            }
            let why = if missing == Missing::NotAsked { "no judge is configured" } else { score.why.as_str() };
            let group = group(&mut groups, missing, why);
            add(group, &trial.agent, format!("{}/{}", score.dimension, score.criterion));
            group.found.push(Found { at, trial, score });
        }
    }
    groups.into_values().collect()
}

fn group<'g, 'a>(
    groups: &'g mut BTreeMap<(Missing, String), Exclusion<'a>>,
    missing: Missing,
    why: &str,
) -> &'g mut Exclusion<'a> {
    let why = without_events(why);
    let empty =
        Exclusion { missing, what: Vec::new(), why: why.clone(), agents: Vec::new(), count: 0, found: Vec::new() };
    groups.entry((missing, why)).or_insert(empty)
}

/// `the check e158 cannot be told` -> `the check e… cannot be told`.
fn without_events(why: &str) -> String {
    let word = |word: &str| {
        let (name, rest) = word.split_at(word.trim_end_matches([':', ',', '.', ';', ')']).len());
        let digits = name.strip_prefix('e').unwrap_or_default();
        let is_event = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_event { format!("e…{rest}") } else { word.to_owned() }
    };
    why.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn add<'a>(group: &mut Exclusion<'a>, agent: &'a str, what: String) {
    group.count += 1;
    if !group.what.contains(&what) {
        group.what.push(what);
    }
    if !group.agents.contains(&agent) {
        group.agents.push(agent);
    }
}

fn with_means(mut row: Criterion<'_>) -> Criterion<'_> {
    for cell in &mut row.cells {
        let values: Vec<f64> = cell.found.iter().filter_map(|it| it.score.value).collect();
        cell.mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    }
    row
}

/// The lowest value first; among equals one with a citation.
fn key_of(found: &Found<'_>) -> f64 {
    let uncited = if found.score.cites.is_empty() { 1e-6 } else { 0.0 };
    found.score.value.unwrap_or(1.0) + uncited
}
