//! pass@k and pass^k: means over tasks of the unbiased estimates (Chen et al. 2021; tau-bench).

use crate::stats::passk::{Passes, mean_pass_at_k, mean_pass_hat_k};

/// At place k-1, for k up to the trials of the task that has most; `None` where a task has fewer than k trials: a mean over the others would be
/// a mean over other tasks.
pub(super) fn curves(rows: &[Vec<f64>]) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    let tasks: Vec<Passes> = rows.iter().filter(|row| !row.is_empty()).map(|row| counted(row)).collect();
    let most = tasks.iter().map(|task| task.trials).max().unwrap_or(0);
    let curve = |mean: fn(&[Passes], u64) -> Option<f64>| (1..=most).map(|k| mean(&tasks, k)).collect();
    (curve(mean_pass_at_k), curve(mean_pass_hat_k))
}

fn counted(row: &[f64]) -> Passes {
    Passes { trials: row.len() as u64, passed: row.iter().filter(|passed| **passed > 0.5).count() as u64 }
}
