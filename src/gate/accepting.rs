//! A baseline out of the results of a run.

use crate::model::{
    baseline::{Baseline, HARD, TaskBaseline, TracesAt, TrialBaseline},
    results::{Results, TrialResult},
};
use std::collections::BTreeMap;

/// What one agent could do in a run: its graded trials, twins left out. `None` where it has none.
pub fn baseline_of(results: &Results, agent: &str, traces: TracesAt) -> Option<Baseline> {
    let graded = results.trials.iter().filter(|trial| trial.agent == agent && !trial.twin && !trial.scores.is_empty());
    let mut tasks: BTreeMap<String, TaskBaseline> = BTreeMap::new();
    for trial in graded {
        let task = tasks.entry(trial.task.clone()).or_default();
        task.hash.clone_from(&trial.task_hash);
        task.trials.push(kept(trial));
    }
    let model = results.agents.iter().find(|it| it.agent == agent).and_then(|it| it.model.clone());
    (!tasks.is_empty()).then(|| Baseline {
        version: 1,
        suite: results.suite.clone(),
        agent: agent.to_owned(),
        model,
        run: results.run.clone(),
        finished: results.finished.clone(),
        graders: results.graders.clone(),
        traces,
        tasks,
    })
}

fn kept(trial: &TrialResult) -> TrialBaseline {
    let scored = trial.scores.iter().filter_map(|score| Some((score, score.value?)));
    let count = |id: &&str| Some(((*id).to_owned(), trial.metrics.get(*id)?.as_f64()?));
    TrialBaseline {
        passed: trial.passed,
        dimensions: trial.dimensions.iter().filter_map(|(name, score)| Some((name.clone(), (*score)?))).collect(),
        criteria: scored.map(|(score, value)| (format!("{}.{}", score.dimension, score.criterion), value)).collect(),
        violations: trial.violations.clone(),
        counts: HARD.iter().filter_map(count).collect(),
    }
}
