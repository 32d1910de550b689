//! Criteria, failures and exclusions as the first page shows them, each sentence with links to the events it cites.

use super::super::Report;
use super::super::findings::{self, Cell, Criterion, Found, Missing};
use super::super::names::{safe, spoken};
use super::super::words::{one_line, score};
use super::figure::level;
use super::index::Links;
use super::limits;
use crate::model::results::Results;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct DimensionView<'a> {
    name: String,
    anchor: String,
    rows: Vec<CriterionView<'a>>,
    /// Criteria that only a judge could answer, where there is none.
    unasked: Vec<&'a str>,
}

#[derive(Serialize)]
struct CriterionView<'a> {
    name: &'a str,
    weight: String,
    cells: Vec<CellView<'a>>,
}

#[derive(Serialize)]
struct CellView<'a> {
    agent: &'a str,
    text: String,
    class: &'static str,
    sentences: Vec<Sentence<'a>>,
    /// Sentences that only the trials' pages show.
    more: usize,
}

/// One criterion of one trial, in words.
#[derive(Serialize)]
pub(super) struct Sentence<'a> {
    trial: &'a str,
    agent: &'a str,
    href: String,
    text: String,
    class: &'static str,
    why: &'a str,
    cites: Vec<CiteView<'a>>,
}

#[derive(Serialize)]
struct CiteView<'a> {
    href: String,
    event: String,
    quote: &'a str,
}

#[derive(Serialize)]
pub(super) struct FailureView<'a> {
    dimension: String,
    criterion: &'a str,
    anchor: String,
    agents: Vec<&'a str>,
    count: usize,
    first: Vec<Sentence<'a>>,
    rest: Vec<Sentence<'a>>,
}

#[derive(Serialize)]
pub(super) struct ExclusionView<'a> {
    missing: &'static str,
    what: &'a [String],
    agents: &'a [&'a str],
    count: usize,
    why: &'a str,
    places: Vec<(String, String)>,
    more: usize,
}

/// Cited events shown of a failure before the rest is folded away.
const FIRST: usize = 3;
/// Places named of an exclusion.
const PLACES: usize = 6;

pub(super) fn criteria<'a>(report: &'a Report<'_>, links: Links<'a>) -> Vec<DimensionView<'a>> {
    let results = report.results;
    let most = limits::sentences(report.criteria().len() * results.agents.len());
    let view = |name: &&'a str| {
        let of_this = report.criteria().iter().filter(|row| row.dimension == *name);
        let (unasked, asked): (Vec<&Criterion<'a>>, Vec<&Criterion<'a>>) = of_this.partition(|row| nobody_asked(row));
        DimensionView {
            name: spoken(name),
            anchor: safe(name),
            rows: asked.into_iter().map(|row| criterion(results, (links, most), row)).collect(),
            unasked: unasked.iter().map(|row| row.criterion).collect(),
        }
    };
    report.dimensions().iter().map(view).filter(|view| !view.rows.is_empty() || !view.unasked.is_empty()).collect()
}

fn nobody_asked(row: &Criterion<'_>) -> bool {
    row.cells.iter().flat_map(|cell| &cell.found).all(|found| found.score.outcome == "not_asked")
}

fn criterion<'a>(results: &'a Results, (links, most): (Links<'_>, usize), row: &Criterion<'a>) -> CriterionView<'a> {
    let cells = row.cells.iter().zip(&results.agents).map(|(cell, agent)| CellView {
        agent: &agent.agent,
        text: cell.mean.map_or_else(|| missing(cell), score),
        class: level(cell.mean),
        sentences: cell.found.iter().take(most).map(|found| sentence(links, found)).collect(),
        more: cell.found.len().saturating_sub(most),
    });
    CriterionView { name: row.criterion, weight: super::super::words::figure(row.weight), cells: cells.collect() }
}

/// Why a cell has no number, in a word.
fn missing(cell: &Cell<'_>) -> String {
    let first = cell.found.first().map(|found| found.score.outcome.as_str());
    let same = cell.found.iter().all(|found| Some(found.score.outcome.as_str()) == first);
    match first {
        None => "-".to_owned(),
        Some("not_applicable") if same => "n/a".to_owned(),
        Some(word) if same => one_line(&word.replace('_', " "), 20),
        Some(_) => "no number".to_owned(),
    }
}

pub(super) fn failures<'a>(report: &'a Report<'_>, links: Links<'a>) -> Vec<FailureView<'a>> {
    let most = limits::sentences(report.criteria().len() * report.results.agents.len());
    let view = |failure: findings::Failure<'a>| {
        let mut first: Vec<Sentence<'a>> =
            failure.found.iter().take(most).map(|found| sentence(links, found)).collect();
        let rest = first.split_off(first.len().min(FIRST));
        FailureView {
            dimension: spoken(failure.dimension),
            criterion: failure.criterion,
            anchor: safe(failure.dimension),
            agents: failure.agents,
            count: failure.found.len(),
            first,
            rest,
        }
    };
    findings::failures(report.criteria()).into_iter().map(view).collect()
}

pub(super) fn exclusions<'a>(report: &'a Report<'_>, links: Links<'a>) -> Vec<ExclusionView<'a>> {
    let view = |it: &'a findings::Exclusion<'_>| {
        let places = it.found.iter().take(PLACES);
        let mut places: Vec<(String, String)> =
            places.map(|found| (links.trial(found.at), found.trial.id.clone())).collect();
        places.dedup();
        ExclusionView {
            missing: it.missing.words(),
            more: if it.missing == Missing::NotAsked { 0 } else { it.found.len().saturating_sub(PLACES) },
            places: if it.missing == Missing::NotAsked { Vec::new() } else { places },
            what: &it.what,
            agents: &it.agents,
            count: it.count,
            why: &it.why,
        }
    };
    report.exclusions().iter().map(view).collect()
}

/// Whether a sentence quotes an event itself.
pub(super) fn repeats(why: &str, quote: &str) -> bool {
    let start: String = one_line(quote, 40).chars().take(39).collect();
    one_line(why, 2_000).contains(&start)
}

fn sentence<'a>(links: Links<'_>, found: &Found<'a>) -> Sentence<'a> {
    let cites = found.score.cites.iter().map(|cite| CiteView {
        href: links.at(found.at, cite.event),
        event: cite.event.to_string(),
        quote: if repeats(&found.score.why, &cite.quote) { "" } else { &cite.quote },
    });
    Sentence {
        trial: &found.trial.id,
        agent: &found.trial.agent,
        href: links.trial(found.at),
        text: found.score.value.map_or_else(|| one_line(&found.score.outcome.replace('_', " "), 20), score),
        class: level(found.score.value),
        why: &found.score.why,
        cites: cites.collect(),
    }
}
