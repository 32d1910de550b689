//! The verdicts of one trial, and which events they cite.

use super::super::names::{safe, spoken};
use super::super::standings::{as_score, of_trial};
use super::super::words::{figure, score};
use super::figure::level;
use crate::graders::dimension;
use crate::model::{results::TrialResult, score::Score};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
pub(super) struct Group<'a> {
    name: String,
    anchor: String,
    text: String,
    class: &'static str,
    /// `between 0.60 and 0.80, whatever the unknown ones are`
    bounds: Option<String>,
    /// Something in it was not met, or has no number.
    open: bool,
    verdicts: Vec<Verdict<'a>>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    anchor: String,
    criterion: &'a str,
    text: String,
    class: &'static str,
    weight: String,
    why: &'a str,
    cites: Vec<(String, &'a str)>,
}

/// A verdict as an event that it cites points back to it.
#[derive(Clone, Serialize)]
pub(super) struct Back<'a> {
    anchor: String,
    name: &'a str,
    class: &'static str,
    #[serde(skip)]
    pub quote: &'a str,
}

/// By dimension, in reading order.
pub(super) fn groups<'a>(trial: &'a TrialResult, names: &[&str]) -> Vec<Group<'a>> {
    let group = |name: &&str| {
        let mine = || trial.scores.iter().enumerate().filter(|(_, score)| score.dimension == **name);
        let value = of_trial(trial, name);
        Group {
            name: spoken(name),
            anchor: format!("d-{}", safe(name)),
            text: value.map_or("-".to_owned(), score),
            class: level(value),
            bounds: bounds(trial, name),
            open: mine().any(|(_, score)| score.value.is_none_or(|value| value < 1.0)),
            verdicts: mine().map(|(at, score)| verdict(at, score)).collect(),
        }
    };
    names.iter().map(group).filter(|group| !group.verdicts.is_empty()).collect()
}

/// Event -> the verdicts that cite it.
pub(super) fn cited(trial: &TrialResult) -> HashMap<u32, Vec<Back<'_>>> {
    let mut found: HashMap<u32, Vec<Back<'_>>> = HashMap::new();
    for (at, score) in trial.scores.iter().enumerate() {
        for cite in &score.cites {
            let back = Back {
                anchor: format!("v{at}"),
                name: &score.criterion,
                class: level(score.value),
                quote: &cite.quote,
            };
            found.entry(cite.event.0).or_default().push(back);
        }
    }
    found
}

fn verdict(at: usize, result: &crate::model::results::ScoreResult) -> Verdict<'_> {
    Verdict {
        anchor: format!("v{at}"),
        criterion: &result.criterion,
        text: result.value.map_or_else(|| result.outcome.replace('_', " "), score),
        class: level(result.value),
        weight: figure(result.weight),
        why: &result.why,
        cites: result.cites.iter().map(|cite| (cite.event.to_string(), unsaid(&result.why, &cite.quote))).collect(),
    }
}

/// A quote that its sentence does not hold already.
fn unsaid<'a>(why: &str, quote: &'a str) -> &'a str {
    if super::findings_view::repeats(why, quote) { "" } else { quote }
}

fn bounds(trial: &TrialResult, name: &str) -> Option<String> {
    let scores: Vec<Score> = trial.scores.iter().filter(|score| score.dimension == name).map(as_score).collect();
    let (low, high) = dimension(&scores).bounds?;
    (high - low > 0.005).then(|| format!("between {} and {}, whatever the unknown ones are", score(low), score(high)))
}
