//! What the work cost, as ratios, and how it was done, as description: neither is ever a score.

use super::{Of, Panel, Tried, every_two, mean};
use crate::model::{comparison::RatioRow, results::TrialResult};
use crate::stats::mean_interval;
use std::collections::BTreeMap;

const COSTS: &[&str] = &["tokens_in", "tokens_out", "cost_usd", "tool_calls", "wall_s"];
const HABITS: &[&str] = &["rg_share", "native_search_share", "patch_share", "parallel_reads"];

/// Geometric means over tasks of a / b, with the t interval of the mean log ratio.
pub(super) fn ratios(panel: &Panel<'_>) -> Vec<RatioRow> {
    let rows = |two| COSTS.iter().map(move |metric| ratio(panel, two, metric));
    every_two(panel.agents.len()).flat_map(rows).filter(|row| row.n > 0).collect()
}

fn ratio(panel: &Panel<'_>, (a, b): (usize, usize), metric: &str) -> RatioRow {
    let of = Of::Metric(metric);
    let log = |agent: usize, task: usize| {
        let logs: Vec<f64> =
            panel.scores(agent, task, &of).into_iter().filter(|value| *value > 0.0).map(f64::ln).collect();
        mean(&logs)
    };
    let by = |task| Some(log(a, task)? - log(b, task)?);
    let found: Vec<f64> = (0..panel.tasks.len()).filter_map(by).collect();
    let interval = mean_interval(&found);
    RatioRow {
        a: panel.agents[a].clone(),
        b: panel.agents[b].clone(),
        metric: metric.to_owned(),
        n: found.len() as u32,
        ratio: interval.map(|it| it.mean.exp()),
        low: interval.and_then(|it| it.interval).map(|it| it.0.exp()),
        high: interval.and_then(|it| it.interval).map(|it| it.1.exp()),
    }
}

pub(super) fn habits(panel: &Panel<'_>) -> BTreeMap<String, BTreeMap<String, f64>> {
    let of = |agent: usize| {
        let one = |metric: &&str| {
            let means: Vec<f64> = panel.rows(agent, &Of::Metric(metric)).iter().filter_map(|row| mean(row)).collect();
            Some(((*metric).to_owned(), mean(&means)?))
        };
        (panel.agents[agent].clone(), HABITS.iter().filter_map(one).collect())
    };
    (0..panel.agents.len()).map(of).collect()
}

/// Mean over tasks of what a trial of one agent used; `None` where no trial says so, and where it was nothing.
pub(super) fn used(panel: &Panel<'_>, agent: usize, of: &dyn Fn(&TrialResult) -> Option<f64>) -> Option<f64> {
    let task = |trials: &Vec<Tried<'_>>| mean(&trials.iter().filter_map(|tried| of(tried.trial)).collect::<Vec<f64>>());
    mean(&panel.cells[agent].iter().filter_map(task).collect::<Vec<f64>>()).filter(|used| *used > 0.0)
}
