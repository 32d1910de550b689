//! How models like to work, by model family: description, never a score.
//!
//! ```text
//! gpt-5*-codex*   7 sessions, 43 calls: rg 12, grep 3; rg share 0.8, native search share 0, patch share 1
//! unknown         1 session, 4 calls: rg 0, grep 2; rg share 0
//! ```
//!
//! A family is read from the model's name (`families.yaml`). Searches are summed; every other habit is the mean over the trials that have it.

use super::words::{figure, number, one_line, plural};
use crate::metrics::METRICS;
use crate::model::{
    results::{Results, TrialResult},
    trace::EndKind,
};
use globset::{Glob, GlobMatcher};
use std::{collections::BTreeMap, sync::LazyLock};

/// What stands where nobody knows the model.
const UNKNOWN: &str = "unknown";
/// Habits that are summed.
const SUMMED: [&str; 2] = ["rg_searches", "grep_searches"];

pub(super) struct Habits<'a> {
    /// Metrics that are means, in the order of the registry.
    pub means: Vec<&'static str>,
    /// By family; what nobody knows comes last.
    pub rows: Vec<Row<'a>>,
    /// Every trial is a recorded session.
    pub recorded: bool,
}

pub(super) struct Row<'a> {
    pub family: String,
    /// Model names as the sources wrote them, each once.
    pub models: Vec<&'a str>,
    /// Indexes in `results.trials`; twins are left out.
    pub trials: Vec<usize>,
    pub calls: f64,
    /// Search acts from a shell.
    pub rg: f64,
    pub grep: f64,
    /// Beside `Habits::means`: the mean and how many trials have it.
    pub means: Vec<Option<(f64, usize)>>,
}

/// `None` where there is nothing to tell: a run whose agents name no model.
pub(super) fn habits(results: &Results) -> Option<Habits<'_>> {
    let recorded = results.trials.iter().all(|trial| trial.end.kind == EndKind::Recorded);
    let mut families: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
    for (at, trial) in results.trials.iter().enumerate().filter(|(_, trial)| !trial.twin) {
        let family = trial.model.as_deref().map(family);
        families.entry((family.is_none(), family.unwrap_or_else(|| UNKNOWN.to_owned()))).or_default().push(at);
    }
    let named = families.keys().any(|(unknown, _)| !unknown);
    if families.is_empty() || !(named || recorded) {
        return None;
    }
    let of_habits = METRICS.iter().filter(|metric| metric.behaviour == "habits" && !SUMMED.contains(&metric.id));
    let means: Vec<&'static str> = of_habits.map(|metric| metric.id).collect();
    let rows = families.into_iter().map(|((_, family), trials)| row(results, &means, (family, trials))).collect();
    Some(Habits { means, rows, recorded })
}

fn row<'a>(results: &'a Results, means: &[&str], (family, trials): (String, Vec<usize>)) -> Row<'a> {
    let of = |id: &str| -> Vec<f64> { trials.iter().filter_map(|at| value(&results.trials[*at], id)).collect() };
    let sum = |id: &str| of(id).iter().sum::<f64>();
    let mean = |id: &&str| {
        let values = of(id);
        (!values.is_empty()).then(|| (values.iter().sum::<f64>() / values.len() as f64, values.len()))
    };
    let mut models: Vec<&str> = trials.iter().filter_map(|at| results.trials[*at].model.as_deref()).collect();
    models.sort_unstable();
    models.dedup();
    Row {
        models,
        calls: sum("tool_calls"),
        rg: sum(SUMMED[0]),
        grep: sum(SUMMED[1]),
        means: means.iter().map(mean).collect(),
        family,
        trials,
    }
}

/// A trial's metric, where it is a number.
pub(super) fn value(trial: &TrialResult, id: &str) -> Option<f64> {
    trial.metrics.get(id).and_then(serde_json::Value::as_f64)
}

static FAMILIES: LazyLock<Vec<(String, GlobMatcher)>> = LazyLock::new(|| {
    let globs: Vec<String> = serde_yaml::from_str(include_str!("families.yaml")).unwrap_or_default();
    globs.into_iter().filter_map(|glob| Some((glob.clone(), Glob::new(&glob).ok()?.compile_matcher()))).collect()
});

fn family(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let found = FAMILIES.iter().find(|(_, glob)| glob.is_match(&name));
    found.map_or_else(|| model.to_owned(), |(family, _)| family.clone())
}

impl Habits<'_> {
    /// `trial` or `session`.
    pub fn unit(&self) -> &'static str {
        if self.recorded { "session" } else { "trial" }
    }

    /// `7 sessions, 43 calls: rg 12, grep 3; rg share 0.8 (of 5)`
    pub fn sentence(&self, row: &Row<'_>) -> String {
        let mean = |(id, mean): (&&str, &Option<(f64, usize)>)| {
            let (mean, count) = (*mean)?;
            let of = if count < row.trials.len() { format!(" (of {count})") } else { String::new() };
            Some(format!("{} {}{of}", id.replace('_', " "), figure(mean)))
        };
        let means: Vec<String> = self.means.iter().zip(&row.means).filter_map(mean).collect();
        format!(
            "{}, {}: rg {}, grep {}{}{}",
            plural(row.trials.len(), self.unit()),
            plural(row.calls as usize, "call"),
            number(row.rg as u64),
            number(row.grep as u64),
            if means.is_empty() { "" } else { "; " },
            means.join(", ")
        )
    }
}

impl Row<'_> {
    /// The family on one line of at most 40 characters.
    pub fn name(&self) -> String {
        one_line(&self.family, 40)
    }
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, family};

    #[test]
    fn families_are_read_from_names() {
        assert!(FAMILIES.len() >= 15);
        let rows = [
            ("gpt-5.1-codex-max", "gpt-5*-codex*"),
            ("gpt-5-codex", "gpt-5*-codex*"),
            ("openai/GPT-5.5", "gpt-5*"),
            ("o3-mini", "o[0-9]*"),
            ("claude-opus-4-5-20251101", "claude-*"),
            ("openrouter/anthropic/claude-sonnet-4", "claude-*"),
            ("gemini-2.5-pro", "gemini-*"),
            ("house/own-model", "house/own-model"),
            ("", ""),
        ];
        for (model, expected) in rows {
            assert_eq!(family(model), expected, "{model}");
        }
    }
}
