//! Small drawings as numbers for SVG attributes, and the classes that carry colour: nothing here is a style.

use super::super::words::{half, score};
use crate::model::results::DimensionResult;
use serde::Serialize;

/// A bar from 0 to 1 with its whiskers, in a box of 100 x 10.
#[derive(Serialize)]
pub(super) struct Bar {
    pub length: String,
    pub whisker: Option<(String, String)>,
}

/// A dimension of an agent.
#[derive(Serialize)]
pub(super) struct Measured {
    pub text: String,
    pub half: Option<String>,
    pub class: &'static str,
    pub bar: Option<Bar>,
    /// `3 x 1`
    pub design: String,
    /// What a reader must know beside the number: coverage, unknown, broken.
    pub beside: Vec<String>,
}

pub(super) fn measured(found: Option<&DimensionResult>) -> Measured {
    let Some(found) = found else {
        return Measured {
            text: "-".to_owned(),
            half: None,
            class: "none",
            bar: None,
            design: "0".to_owned(),
            beside: vec!["not graded".to_owned()],
        };
    };
    Measured {
        text: found.mean.map_or("-".to_owned(), score),
        half: half(found.low, found.high),
        class: level(found.mean),
        bar: found.mean.map(|mean| Bar {
            length: along(mean),
            whisker: found.low.zip(found.high).map(|(a, b)| (along(a), along(b))),
        }),
        design: super::super::terminal::per_task(found.tasks, found.trials),
        beside: beside(found),
    }
}

/// A class for a score: met, partly, not met.
pub(super) fn level(value: Option<f64>) -> &'static str {
    match value {
        None => "none",
        Some(value) if value >= 0.9 => "met",
        Some(value) if value >= 0.5 => "partly",
        Some(_) => "unmet",
    }
}

fn beside(found: &DimensionResult) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(coverage) = found.coverage.filter(|coverage| *coverage < 0.995) {
        parts.push(format!("{:.0} % answered", coverage * 100.0));
    }
    let counts = [(found.unknown, "unknown"), (found.broken, "broken")];
    parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")));
    parts
}

fn along(value: f64) -> String {
    format!("{:.1}", if value.is_finite() { value.clamp(0.0, 1.0) * 100.0 } else { 0.0 })
}
