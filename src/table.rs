//! The scores of a run as a table: one line per group and dimension for reading, or one line per score for whoever computes elsewhere.
//!
//! ```text
//! agent    tag      score     mean   low    high   tasks  trials
//! careful  python   outcome   0.92   0.81   1.00   8      24
//! ```
//!
//! A mean is the mean of task means, its interval the two-sided 95 % t interval over tasks, or over clusters of tasks where the suite names some;
//! twins stand in no mean. This is the one file that a library of data frames would be named in; there is none in this build, so there is no Parquet.

use crate::model::results::{Results, ScoreResult, TrialResult};
use crate::stats::{clusters::clustered, mean_interval, moments::mean};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

/// The name of the score that is 1 where a trial passed and 0 where it failed.
const PASSED: &str = "passed";

/// What trials are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Agent,
    Model,
    Task,
    /// A trial of a task with several tags counts under each.
    Tag,
    Cluster,
}

/// Every way to group, by its name.
pub const BY: &[(&str, By)] =
    &[("agent", By::Agent), ("model", By::Model), ("task", By::Task), ("tag", By::Tag), ("cluster", By::Cluster)];

/// What stands where a trial has no model, tag or cluster.
const NONE: &str = "-";

/// Groups down, numbers across.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names of the columns that groups are told apart by.
    pub by: Vec<&'static str>,
    /// By group, then by score.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Beside `by`.
    pub group: Vec<String>,
    /// A dimension, or `passed`.
    pub score: String,
    /// In [0, 1].
    pub mean: f64,
    /// `None` for fewer than two tasks or clusters, and where all are equal.
    pub interval: Option<(f64, f64)>,
    pub tasks: usize,
    pub trials: usize,
}

/// Score -> task -> its trials.
type Scores<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<f64>>>;

/// Groups the trials that were graded; `tags` are those of tasks, by their ids.
pub fn grouped(results: &Results, by: &[By], tags: &BTreeMap<String, Vec<String>>) -> Table {
    let mut groups: BTreeMap<Vec<String>, Scores<'_>> = BTreeMap::new();
    let mut clusters: BTreeMap<&str, &str> = BTreeMap::new();
    for trial in results.trials.iter().filter(|trial| !trial.twin && !trial.scores.is_empty()) {
        clusters.extend(trial.cluster.as_deref().map(|cluster| (trial.task.as_str(), cluster)));
        for group in groups_of(trial, by, tags) {
            let scores = groups.entry(group).or_default();
            for (score, value) in values(trial) {
                scores.entry(score).or_default().entry(&trial.task).or_default().push(value);
            }
        }
    }
    let rows = groups
        .iter()
        .flat_map(|(group, scores)| scores.iter().map(|(score, tasks)| row(group, score, tasks, &clusters)));
    Table { by: by.iter().map(|by| by.word()).collect(), rows: rows.collect() }
}

impl By {
    pub fn word(self) -> &'static str {
        BY.iter().find(|(_, by)| *by == self).map_or("", |(word, _)| word)
    }

    fn of<'a>(self, trial: &'a TrialResult, tags: &'a BTreeMap<String, Vec<String>>) -> Vec<&'a str> {
        let one = |text: Option<&'a str>| vec![text.unwrap_or(NONE)];
        match self {
            By::Agent => one(Some(&trial.agent)),
            By::Model => one(trial.model.as_deref()),
            By::Task => one(Some(&trial.task)),
            By::Cluster => one(trial.cluster.as_deref()),
            By::Tag => match tags.get(&trial.task) {
                Some(tags) if !tags.is_empty() => {
                    tags.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect()
                }
                Some(_) | None => one(None),
            },
        }
    }
}

fn groups_of(trial: &TrialResult, by: &[By], tags: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = vec![Vec::new()];
    for by in by {
        let words = by.of(trial, tags);
        let longer = |group: &Vec<String>| {
            words.iter().map(|word| [&group[..], &[(*word).to_owned()]].concat()).collect::<Vec<_>>()
        };
        groups = groups.iter().flat_map(longer).collect();
    }
    groups
}

fn values(trial: &TrialResult) -> impl Iterator<Item = (&str, f64)> {
    let dimensions = trial.dimensions.iter().filter_map(|(name, value)| Some((name.as_str(), (*value)?)));
    dimensions.chain(trial.passed.map(|passed| (PASSED, f64::from(u8::from(passed)))))
}

fn row(group: &[String], score: &str, tasks: &BTreeMap<&str, Vec<f64>>, clusters: &BTreeMap<&str, &str>) -> Row {
    let means: Vec<(&str, f64)> = tasks.iter().filter_map(|(task, scores)| Some((*task, mean(scores)?))).collect();
    let all: Vec<f64> = means.iter().map(|(_, mean)| *mean).collect();
    Row {
        group: group.to_vec(),
        score: score.to_owned(),
        mean: mean(&all).unwrap_or_default(),
        interval: interval(&means, clusters),
        tasks: all.len(),
        trials: tasks.values().map(Vec::len).sum(),
    }
}

fn interval(means: &[(&str, f64)], clusters: &BTreeMap<&str, &str>) -> Option<(f64, f64)> {
    if means.iter().all(|(task, _)| !clusters.contains_key(task)) {
        return mean_interval(&means.iter().map(|(_, mean)| *mean).collect::<Vec<f64>>())?.interval;
    }
    let mut by_cluster: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (task, mean) in means {
        // A task without a cluster stands for itself.
        by_cluster.entry(clusters.get(task).copied().unwrap_or(task)).or_default().push(*mean);
    }
    let found = clustered(&by_cluster.into_values().collect::<Vec<_>>())?.interval(0.95)?;
    Some((found.low, found.high))
}

impl Table {
    /// Columns: those of `by`, then `score`, `mean`, `low`, `high`, `tasks`, `trials`. What cannot be said is an empty field.
    ///
    /// # Errors
    /// What the other side says.
    pub fn csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(self.by.iter().copied().chain(["score", "mean", "low", "high", "tasks", "trials"]))?;
        for row in &self.rows {
            let ends = [row.interval.map(|it| it.0), row.interval.map(|it| it.1)].map(number);
            let numbers = [row.tasks.to_string(), row.trials.to_string()];
            let texts = row.group.iter().chain([&row.score]).map(|text| inert(text));
            csv.write_record(texts.chain([row.mean.to_string()]).chain(ends).chain(numbers))?;
        }
        csv.flush()
    }
}

/// Columns of the table of single scores.
pub const SCORES: &[&str] = &[
    "run",
    "suite",
    "task",
    "cluster",
    "agent",
    "model",
    "trial",
    "twin",
    "passed",
    "end",
    "dimension",
    "criterion",
    "outcome",
    "value",
    "weight",
    "why",
];

/// One line per trial and criterion, as in `results.json`; a value that was not measured is an empty field.
///
/// # Errors
/// What the other side says.
pub fn scores(results: &Results, out: &mut dyn io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(SCORES)?;
    for trial in &results.trials {
        for score in &trial.scores {
            csv.write_record(fields(results, trial, score))?;
        }
    }
    csv.flush()
}

fn fields(results: &Results, trial: &TrialResult, score: &ScoreResult) -> [String; 16] {
    let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string()).unwrap_or_default();
    let end = serde_json::to_value(trial.end.kind).ok().and_then(|word| word.as_str().map(str::to_owned));
    [
        inert(&results.run),
        inert(&results.suite),
        inert(&trial.task),
        inert(trial.cluster.as_deref().unwrap_or_default()),
        inert(&trial.agent),
        inert(trial.model.as_deref().unwrap_or_default()),
        trial.trial.to_string(),
        trial.twin.to_string(),
        flag(trial.passed),
        end.unwrap_or_default(),
        inert(&score.dimension),
        inert(&score.criterion),
        inert(&score.outcome),
        number(score.value),
        score.weight.to_string(),
        inert(&score.why),
    ]
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Foreign text that no spreadsheet takes for a formula.
fn inert(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text != NONE {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
