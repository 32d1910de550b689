//! The verdicts of a run's judge, from its results.

use super::{labels::Row, scale::Scale};
use crate::model::results::Results;
use std::collections::BTreeSet;

/// The scores of those criteria that a judge answers, `(dimension, criterion)`: item `trial/criterion`, met from a half on. What the judge
/// could not decide has no label; what it was not asked is left out.
pub fn of_results(results: &Results, judged: &BTreeSet<(String, String)>, scale: &Scale) -> Vec<Row> {
    let mut rows = Vec::new();
    for trial in &results.trials {
        for score in &trial.scores {
            let asked = matches!(score.outcome.as_str(), "scored" | "unknown");
            if !asked || !judged.contains(&(score.dimension.clone(), score.criterion.clone())) {
                continue;
            }
            let word = score.value.map_or("unknown", |value| if value >= 0.5 { "met" } else { "not_met" });
            rows.push(Row {
                line: 0,
                item: format!("{}/{}", trial.id, score.criterion),
                rater: "judge".to_owned(),
                label: scale.place(word).ok().flatten(),
                score: None,
                split: None,
                step: None,
                swapped: false,
            });
        }
    }
    rows
}
