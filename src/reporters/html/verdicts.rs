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
    /// Something in it was not met.
    open: bool,
    verdicts: Vec<Verdict<'a>>,
    /// Criteria that only a judge could answer, where there is none.
    unasked: Vec<&'a str>,
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

/// By dimension, in reading order; in each what was met least comes first.
pub(super) fn groups<'a>(trial: &'a TrialResult, names: &[&str]) -> Vec<Group<'a>> {
    names
        .iter()
        .map(|name| group(trial, name))
        .filter(|group| !group.verdicts.is_empty() || !group.unasked.is_empty())
        .collect()
}

fn group<'a>(trial: &'a TrialResult, name: &str) -> Group<'a> {
    let all = trial.scores.iter().enumerate().filter(|(_, score)| score.dimension == name);
    let (unasked, mut asked): (Vec<_>, Vec<_>) =
        all.partition(|(_, score)| score.outcome == "not_asked" && score.cites.is_empty());
    asked.sort_by(|(_, a), (_, b)| a.value.unwrap_or(2.0).total_cmp(&b.value.unwrap_or(2.0)));
    let value = of_trial(trial, name);
    Group {
        name: spoken(name),
        anchor: format!("d-{}", safe(name)),
        text: value.map_or("-".to_owned(), score),
        class: level(value),
        bounds: bounds(trial, name),
        open: asked.iter().any(|(_, score)| score.value.is_some_and(|value| value < 1.0)),
        verdicts: asked.into_iter().map(|(at, score)| verdict(at, score)).collect(),
        unasked: unasked.into_iter().map(|(_, score)| score.criterion.as_str()).collect(),
    }
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
