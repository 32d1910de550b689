//! Do reruns of the same thing differ? A task that sometimes passes is a fact about the agent; a check that sometimes passes is a fault.

use super::intervals::wilson;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Of `n` reruns, so many passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flakiness {
    /// Share that passed.
    pub share: f64,
    /// `share * (1 - share)`.
    pub variance: f64,
    /// The probability that two reruns differ, without bias: `2 c (n-c) / (n (n-1))`; `None` for one rerun.
    pub differ: Option<f64>,
    /// Wilson's 95 % interval of the share.
    pub interval: (f64, f64),
}

/// `None` for no rerun, or more passes than reruns.
pub fn flakiness(passed: u64, n: u64) -> Option<Flakiness> {
    let interval = wilson(passed, n, 0.95)?;
    let (c, all) = (passed as f64, n as f64);
    let share = c / all;
    let differ = (n >= 2).then(|| 2.0 * c * (all - c) / (all * (all - 1.0)));
    Some(Flakiness { share, variance: share * (1.0 - share), differ, interval: (interval.low, interval.high) })
}

/// How often the outcome changed from one run to the next, in order. The rate is over n - 1 steps; `None` for fewer than two runs.
pub fn flips(history: &[bool]) -> Option<(usize, f64)> {
    let flips = history.windows(2).filter(|two| two[0] != two[1]).count();
    (history.len() >= 2).then(|| (flips, flips as f64 / (history.len() - 1) as f64))
}

/// Where the variance of a suite's mean comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceSplit {
    /// Between trials of one task: the mean over tasks of the sample variance.
    pub within: f64,
    /// Between tasks: the variance of task means less what trials add to it; never below 0.
    pub between: f64,
    /// Of the mean over tasks.
    pub of_mean: f64,
    /// The same with twice as many trials of each task.
    pub of_mean_twice_the_trials: f64,
}

/// By the law of total variance and the method of moments. `rows[task]`: the scores of its trials, any range.
///
/// `None` for fewer than two tasks, a task with fewer than two trials, or a score that is not finite.
pub fn variance_split(rows: &[Vec<f64>]) -> Option<VarianceSplit> {
    let usable = |row: &Vec<f64>| row.len() >= 2 && row.iter().all(|score| score.is_finite());
    if rows.len() < 2 || !rows.iter().all(usable) {
        return None;
    }
    let tasks = rows.len() as f64;
    let means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
    let within = rows.iter().map(|row| sample_variance(row)).sum::<f64>() / tasks;
    let per_trial = rows.iter().map(|row| 1.0 / row.len() as f64).sum::<f64>() / tasks;
    let of_means = sample_variance(&means);
    let between = (of_means - within * per_trial).max(0.0);
    Some(VarianceSplit {
        within,
        between,
        of_mean: of_means / tasks,
        of_mean_twice_the_trials: (between + within * per_trial / 2.0) / tasks,
    })
}

/// A chi-squared test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquaredTest {
    pub statistic: f64,
    pub freedom: u64,
    pub p: f64,
}

/// Pearson's test that the rows of a table of counts have the same shares: do environments, machines or days differ?
///
/// `None` where rows differ in length, there are fewer than two rows or columns, or one of them is all zero.
pub fn homogeneity(table: &[Vec<u64>]) -> Option<ChiSquaredTest> {
    let columns = table.first()?.len();
    if table.len() < 2 || columns < 2 || table.iter().any(|row| row.len() != columns) {
        return None;
    }
    let by_row: Vec<f64> = table.iter().map(|row| row.iter().sum::<u64>() as f64).collect();
    let by_column: Vec<f64> = (0..columns).map(|at| table.iter().map(|row| row[at]).sum::<u64>() as f64).collect();
    if by_row.iter().chain(&by_column).any(|sum| *sum == 0.0) {
        return None;
    }
    let all: f64 = by_row.iter().sum();
    let mut statistic = 0.0;
    for (row, in_row) in table.iter().zip(&by_row) {
        for (count, in_column) in row.iter().zip(&by_column) {
            let expected = in_row * in_column / all;
            statistic += (*count as f64 - expected).powi(2) / expected;
        }
    }
    let freedom = (table.len() as u64 - 1) * (columns as u64 - 1);
    let p = ChiSquared::new(freedom as f64).ok()?.sf(statistic);
    Some(ChiSquaredTest { statistic, freedom, p })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn sample_variance(values: &[f64]) -> f64 {
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}
