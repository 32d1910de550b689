//! Where the variance of a score comes from, and what the next money should buy.

use super::{Of, Panel, every_two};
use crate::model::comparison::Variance;
use crate::stats::{
    planning,
    power::{Aim, detectable},
};
use std::collections::BTreeMap;

/// Pooled over agents: variance between tasks, and between trials of one task.
pub(super) fn split(panel: &Panel<'_>, dimensions: &[String]) -> BTreeMap<String, Variance> {
    let of = |name: &String| Some((name.clone(), one(panel, name)?));
    dimensions.iter().filter_map(of).collect()
}

fn one(panel: &Panel<'_>, dimension: &str) -> Option<Variance> {
    let mut parts = Vec::new();
    let mut repeats = 0_usize;
    for agent in 0..panel.agents.len() {
        let rows = panel.rows(agent, &Of::Dimension(dimension));
        repeats = repeats.max(rows.iter().map(Vec::len).max().unwrap_or(0));
        let trials = |row: Vec<f64>| row.into_iter().map(|score| vec![score]).collect();
        parts.extend(planning::split(&rows.into_iter().map(trials).collect::<Vec<Vec<Vec<f64>>>>()));
    }
    let between = super::mean(&parts.iter().map(|part| part.tasks).collect::<Vec<f64>>())?;
    let within = super::mean(&parts.iter().filter_map(|part| part.trials).collect::<Vec<f64>>());
    Some(match within {
        Some(within) => {
            Variance { between_tasks: Some(between), within_tasks: Some(within), next: next(between, within, repeats) }
        }
        None => {
            let next = "one trial per task: what repeats would add cannot be told; more tasks help in any case";
            Variance { between_tasks: None, within_tasks: None, next: next.to_owned() }
        }
    })
}

/// A mean over tasks has variance (between + within / trials) / tasks: a trial more helps only the second part.
fn next(between: f64, within: f64, repeats: usize) -> String {
    let from_trials = within / repeats as f64;
    let total = between + from_trials;
    if total <= 1e-12 {
        return "nothing varies: neither more tasks nor more trials would change the interval".to_owned();
    }
    let share = from_trials / total * 100.0;
    if share >= 50.0 {
        format!("more trials: {share:.0} % of the uncertainty is between repeats of one task")
    } else {
        format!("more tasks: only {share:.0} % of the uncertainty is between repeats of one task")
    }
}

/// The smallest difference that every pair of agents would show, by dimension (two-sided 5 %, power 80 %); `None` for fewer than two tasks
/// and where nothing varies.
pub(super) fn smallest_visible(panel: &Panel<'_>, dimensions: &[String]) -> BTreeMap<String, Option<f64>> {
    let of = |name: &String| {
        let widest = every_two(panel.agents.len()).filter_map(|two| visible(panel, two, name)).max_by(f64::total_cmp);
        // Scores without any spread say nothing of what would be seen.
        let widest = widest.filter(|widest| *widest > 0.0);
        (name.clone(), widest)
    };
    dimensions.iter().map(of).collect()
}

fn visible(panel: &Panel<'_>, (a, b): (usize, usize), dimension: &str) -> Option<f64> {
    let of = Of::Dimension(dimension);
    let two = |task| (panel.scores(a, task, &of), panel.scores(b, task, &of));
    let both: Vec<(Vec<f64>, Vec<f64>)> =
        (0..panel.tasks.len()).map(two).filter(|(one, other)| !one.is_empty() && !other.is_empty()).collect();
    detectable(both.len() as f64, &planning::noise(&both)?, &Aim::USUAL)
}
