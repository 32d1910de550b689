//! The habits table: families of models down, habits across.

use super::super::habits::{Row, habits, value};
use super::super::words::{figure, plural};
use super::index::Links;
use crate::model::results::Results;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct HabitsView<'a> {
    /// `trial` or `session`.
    unit: &'static str,
    columns: Vec<String>,
    rows: Vec<Family<'a>>,
}

#[derive(Serialize)]
struct Family<'a> {
    name: String,
    models: Vec<&'a str>,
    count: String,
    calls: String,
    rg: String,
    grep: String,
    /// Beside the columns: the mean, and of how many where not of all.
    cells: Vec<(String, String)>,
    trials: Vec<OfTrial<'a>>,
    more: usize,
}

#[derive(Serialize)]
struct OfTrial<'a> {
    id: &'a str,
    href: String,
    text: String,
}

pub(super) fn view<'a>(results: &'a Results, links: Links<'_>) -> Option<HabitsView<'a>> {
    let found = habits(results)?;
    let column = |id: &&str| id.replace('_', " ");
    let unit = found.unit();
    Some(HabitsView {
        unit,
        columns: found.means.iter().map(column).collect(),
        rows: found.rows.into_iter().map(|row| of_family(results, (links, unit), row)).collect(),
    })
}

fn of_family<'a>(results: &'a Results, (links, unit): (Links<'_>, &str), row: Row<'a>) -> Family<'a> {
    let cell = |mean: &Option<(f64, usize)>| match mean {
        Some((mean, count)) if *count < row.trials.len() => (figure(*mean), format!("of {count}")),
        Some((mean, _)) => (figure(*mean), String::new()),
        None => ("-".to_owned(), String::new()),
    };
    let of_trial = |at: &usize| {
        let trial = &results.trials[*at];
        let count = |id: &str| value(trial, id).map_or("?".to_owned(), figure);
        OfTrial {
            id: &trial.id,
            href: links.at(*at, "m-rg_searches"),
            text: format!("rg {}, grep {}", count("rg_searches"), count("grep_searches")),
        }
    };
    let shown = super::limits::LISTED.min(row.trials.len());
    Family {
        name: row.name(),
        count: plural(row.trials.len(), unit),
        calls: figure(row.calls),
        rg: figure(row.rg),
        grep: figure(row.grep),
        cells: row.means.iter().map(cell).collect(),
        trials: row.trials[..shown].iter().map(of_trial).collect(),
        more: row.trials.len() - shown,
        models: row.models,
    }
}
