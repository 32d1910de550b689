//! The judges of a run, on its first page.

use super::super::judges::{Tally, panel};
use crate::model::results::Results;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct JudgesView {
    rows: Vec<Row>,
    sentences: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    by: String,
    model: Option<String>,
    verdicts: String,
    quotes: String,
    cost: String,
}

/// `None` where nobody was asked.
pub(super) fn judges(results: &Results) -> Option<JudgesView> {
    let panel = panel(results)?;
    Some(JudgesView { rows: panel.tallies.iter().map(row).collect(), sentences: panel.sentences() })
}

fn row(tally: &Tally) -> Row {
    Row {
        by: tally.by.clone(),
        model: tally.model.clone(),
        verdicts: tally.verdict_words(),
        quotes: tally.quote_words(),
        cost: tally.cost_words().unwrap_or_else(|| "-".to_owned()),
    }
}
