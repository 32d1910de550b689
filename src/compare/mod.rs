//! Agents side by side: what can be said, and how much more it would take to say the rest.
//!
//! ```text
//! results of runs --Panel--> agent x task -> trials --compare--> Comparison (JSON, terminal, report)
//! ```
//!
//! The unit is the task: a task's trials are averaged first, then two agents are paired by task. Where the suite names clusters, tasks of one
//! cluster count together. Pure: no clock, no files; what is drawn is drawn from a fixed seed.

mod efficiency;
mod pairs;
mod panel;
mod passes;
mod ranking;
mod sensitivity;
mod variance;

pub use panel::{Of, PASSED, Panel, TaskOf, Tried};

use crate::model::{
    comparison::{AgentColumn, Comparison, MeanRow},
    results::{Results, TrialResult},
};
use crate::stats::{mean_interval, moments::mean};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is said of a panel. `runs` are the names of the runs it was made from.
pub fn compare(panel: Panel<'_>, runs: &[Results]) -> Comparison {
    let dimensions = panel.dimensions();
    let pairs = pairs::on_dimensions(&panel, &dimensions);
    let clusters: BTreeSet<&str> = panel.tasks.iter().filter_map(|task| task.cluster.as_deref()).collect();
    Comparison {
        version: 1,
        runs: runs.iter().map(|run| run.run.clone()).collect(),
        tasks: panel.tasks.len() as u32,
        clusters: (!clusters.is_empty()).then_some(clusters.len() as u32),
        agents: (0..panel.agents.len()).map(|agent| column(&panel, agent, &dimensions)).collect(),
        criteria: pairs::on_criteria(&panel),
        ranking: ranking::ranking(&panel, &dimensions),
        efficiency: efficiency::ratios(&panel),
        habits: efficiency::habits(&panel),
        sensitivity: sensitivity::of_pairs(&panel, &pairs),
        mde: variance::smallest_visible(&panel, &dimensions),
        variance: variance::split(&panel, &dimensions),
        pairs,
        excluded: panel.excluded,
    }
}

fn column(panel: &Panel<'_>, agent: usize, dimensions: &[String]) -> AgentColumn {
    let of = |name: &String| (name.clone(), mean_row(&panel.rows(agent, &Of::Dimension(name))));
    let dimensions: BTreeMap<String, MeanRow> = dimensions.iter().map(of).collect();
    let (pass_at_k, pass_hat_k) = passes::curves(&panel.rows(agent, &Of::Dimension(PASSED)));
    let tokens = |trial: &TrialResult| Some(trial.usage.input.saturating_add(trial.usage.output) as f64);
    AgentColumn {
        agent: panel.agents[agent].clone(),
        dimensions,
        pass_at_k,
        pass_hat_k,
        micro_usd: efficiency::used(panel, agent, &|trial| trial.usage.micro_usd.map(|cost| cost as f64)),
        tokens: efficiency::used(panel, agent, &tokens),
    }
}

fn mean_row(rows: &[Vec<f64>]) -> MeanRow {
    let means: Vec<f64> = rows.iter().filter_map(|row| mean(row)).collect();
    let found = mean_interval(&means);
    MeanRow {
        mean: found.map(|it| it.mean),
        low: found.and_then(|it| it.interval).map(|it| it.0),
        high: found.and_then(|it| it.interval).map(|it| it.1),
        tasks: means.len() as u32,
        trials: rows.iter().map(Vec::len).sum::<usize>() as u32,
    }
}

/// Every two agents, as places in the panel, each once.
fn every_two(agents: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..agents).flat_map(move |a| (a + 1..agents).map(move |b| (a, b)))
}
