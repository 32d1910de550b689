//! Who did which task how often, and what came of it: trials of one or several runs laid side by side.
//!
//! A task is the same in two runs when its id and its hash are the same; a task whose hash differs drops out, with a note, and nothing is
//! compared where the graders differ. Fully specified twins stand in no comparison.

use crate::model::{
    comparison::Excluded,
    fault::{Boundary, Fault},
    results::{Results, ScoreResult, TrialResult},
};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The name under which the share of trials that passed is compared.
pub const PASSED: &str = "passed";

/// Trials by agent and task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel<'a> {
    /// In the order given; an agent of several runs stands once per run, as `agent (run)`.
    pub agents: Vec<String>,
    /// Tasks that at least two agents tried, or all of them where there is one agent.
    pub tasks: Vec<TaskOf>,
    /// Agent -> task -> trials, both as places in the lists above.
    pub cells: Vec<Vec<Vec<Tried<'a>>>>,
    /// Every scored criterion, as dimension and id, in order.
    pub criteria: Vec<(&'a str, &'a str)>,
    pub excluded: Vec<Excluded>,
}

/// A trial, with its scores in the order of the panel's criteria: a search through all of them for each question would be the most of the work.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried<'a> {
    pub trial: &'a TrialResult,
    /// `None`: the trial was not asked.
    pub scores: Vec<Option<&'a ScoreResult>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskOf {
    pub id: String,
    pub cluster: Option<String>,
}

impl<'a> Panel<'a> {
    /// Lays runs side by side; `only` names the agents wanted, all where it is empty.
    ///
    /// # Errors
    /// When the runs were graded by different graders, no task is common to two agents, or an agent that was named is not there.
    pub fn of(runs: &'a [Results], only: &[String]) -> Result<Panel<'a>, Fault> {
        same_graders(runs)?;
        let mut panel = Panel::default();
        let changed = changed_tasks(runs);
        panel.excluded.extend(changed.iter().map(|task| Excluded {
            what: format!("task {task}"),
            why: "it is not the same in all runs: its hash differs".to_owned(),
        }));
        let lanes = lanes(runs, only)?;
        let tried = tried(&lanes, &changed);
        panel.pick_tasks(&lanes, &tried);
        let mut columns = Columns::of(lanes.iter().flat_map(|lane| lane.trials.iter().copied()));
        for lane in &lanes {
            let mut by_task = lane.by_task();
            let mut laid =
                |trials: Vec<&'a TrialResult>| trials.into_iter().map(|trial| columns.lay_out(trial)).collect();
            let mut of = |task: &TaskOf| laid(by_task.remove(task.id.as_str()).unwrap_or_default());
            panel.cells.push(panel.tasks.iter().map(&mut of).collect());
            panel.agents.push(lane.name.clone());
        }
        panel.criteria = columns.names;
        panel.note_trials(&lanes);
        if panel.tasks.is_empty() && lanes.len() > 1 {
            return Err(refused("no task was tried by two of the agents, with the same hash").hint(
                "runs are compared on the tasks they share; a task whose files or interview changed is another task",
            ));
        }
        Ok(panel)
    }

    fn pick_tasks(&mut self, lanes: &[Lane<'a>], tried: &BTreeMap<&'a str, (usize, Option<&'a str>)>) {
        for (id, (agents, cluster)) in tried {
            if *agents >= lanes.len().min(2) {
                self.tasks.push(TaskOf { id: (*id).to_owned(), cluster: cluster.map(str::to_owned) });
            } else {
                self.excluded.push(Excluded { what: format!("task {id}"), why: "only one agent tried it".to_owned() });
            }
        }
    }

    fn note_trials(&mut self, lanes: &[Lane<'a>]) {
        for lane in lanes {
            let unread = lane.trials.iter().filter(|trial| !trial.twin && trial.scores.is_empty()).count();
            if unread > 0 {
                let what = format!("{} of {}", trials(unread), lane.name);
                self.excluded.push(Excluded { what, why: "they have no grades".to_owned() });
            }
            if lane.not_run > 0 {
                let what = format!("{} of {}", trials(lane.not_run), lane.name);
                self.excluded.push(Excluded { what, why: "they were not run or broke".to_owned() });
            }
        }
    }

    /// The scores of one agent's trials on one task.
    pub fn scores(&self, agent: usize, task: usize, of: &Of<'_>) -> Vec<f64> {
        self.cells[agent][task].iter().filter_map(|tried| of.value(tried)).collect()
    }

    /// One row per task: the scores of its trials; tasks without any are empty.
    pub fn rows(&self, agent: usize, of: &Of<'_>) -> Vec<Vec<f64>> {
        (0..self.tasks.len()).map(|task| self.scores(agent, task, of)).collect()
    }

    /// Every dimension that any trial has a score in, `passed` last.
    pub fn dimensions(&self) -> Vec<String> {
        let all = self.trials().flat_map(|trial| trial.dimensions.keys().cloned());
        let mut names: Vec<String> = all.collect::<BTreeSet<String>>().into_iter().collect();
        if self.trials().any(|trial| trial.passed.is_some()) {
            names.push(PASSED.to_owned());
        }
        names
    }

    pub fn trials(&self) -> impl Iterator<Item = &'a TrialResult> + '_ {
        self.cells.iter().flatten().flatten().map(|tried| tried.trial)
    }
}

/// What is read off a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    Dimension(&'a str),
    /// By its place in the panel's criteria.
    Criterion(usize),
    Metric(&'a str),
}

impl Of<'_> {
    /// The number, where there is one.
    pub fn value(&self, tried: &Tried<'_>) -> Option<f64> {
        let trial = tried.trial;
        match self {
            Of::Dimension(PASSED) => trial.passed.map(|passed| f64::from(u8::from(passed))),
            Of::Dimension(name) => trial.dimensions.get(*name).copied().flatten(),
            Of::Criterion(at) => tried.scores.get(*at).copied().flatten().and_then(|score| score.value),
            Of::Metric(id) => trial.metrics.get(*id).and_then(serde_json::Value::as_f64),
        }
    }
}

/// One agent of one run.
struct Lane<'a> {
    name: String,
    trials: Vec<&'a TrialResult>,
    not_run: usize,
}

impl<'a> Lane<'a> {
    /// What counts, by task and in the order of trials.
    fn by_task(&self) -> BTreeMap<&'a str, Vec<&'a TrialResult>> {
        let mut found: BTreeMap<&str, Vec<&TrialResult>> = BTreeMap::new();
        for trial in self.trials.iter().filter(|trial| !trial.twin && !trial.scores.is_empty()) {
            found.entry(&trial.task).or_default().push(trial);
        }
        found.values_mut().for_each(|trials| trials.sort_by_key(|trial| trial.trial));
        found
    }
}

/// Where each criterion stands.
struct Columns<'a> {
    names: Vec<(&'a str, &'a str)>,
    /// Places of the scores of the trial before: most trials have the same criteria in the same order.
    last: Vec<Option<usize>>,
}

impl<'a> Columns<'a> {
    fn of(trials: impl Iterator<Item = &'a TrialResult>) -> Columns<'a> {
        let scores = trials.flat_map(|trial| &trial.scores).filter(|score| score.value.is_some());
        let names: HashSet<(&str, &str)> =
            scores.map(|score| (score.dimension.as_str(), score.criterion.as_str())).collect();
        let mut names: Vec<(&str, &str)> = names.into_iter().collect();
        names.sort_unstable();
        Columns { names, last: Vec::new() }
    }

    fn lay_out(&mut self, trial: &'a TrialResult) -> Tried<'a> {
        let mut scores = vec![None; self.names.len()];
        self.last.resize(trial.scores.len(), None);
        for (score, last) in trial.scores.iter().zip(&mut self.last) {
            let name = (score.dimension.as_str(), score.criterion.as_str());
            let same = last.filter(|at| self.names[*at] == name);
            *last = same.or_else(|| self.names.binary_search(&name).ok());
            if let Some(empty) = last.map(|at| &mut scores[at]).filter(|place| place.is_none()) {
                *empty = Some(score);
            }
        }
        Tried { trial, scores }
    }
}

fn lanes<'a>(runs: &'a [Results], only: &[String]) -> Result<Vec<Lane<'a>>, Fault> {
    let twice = |agent: &str| runs.iter().filter(|run| run.agents.iter().any(|it| it.agent == agent)).count() > 1;
    let mut lanes = Vec::new();
    for run in runs {
        for agent in &run.agents {
            let wanted = |name: &String| *name == agent.agent;
            if !only.is_empty() && !only.iter().any(wanted) {
                continue;
            }
            let name = if twice(&agent.agent) { format!("{} ({})", agent.agent, run.run) } else { agent.agent.clone() };
            let trials = run.trials.iter().filter(|trial| trial.agent == agent.agent).collect();
            let not_run = run.not_run.iter().filter(|left| left.agent == agent.agent).count();
            lanes.push(Lane { name, trials, not_run });
        }
    }
    let there = |name: &&String| runs.iter().any(|run| run.agents.iter().any(|it| it.agent == **name));
    match only.iter().find(|name| !there(name)) {
        Some(missing) => {
            let all: BTreeSet<&str> = runs.iter().flat_map(|run| &run.agents).map(|it| it.agent.as_str()).collect();
            let all: Vec<&str> = all.into_iter().collect();
            Err(refused(format!("no agent `{missing}`; there are {}", all.join(", "))))
        }
        None => Ok(lanes),
    }
}

/// Task -> how many agents tried it, and its cluster.
fn tried<'a>(lanes: &[Lane<'a>], changed: &BTreeSet<&str>) -> BTreeMap<&'a str, (usize, Option<&'a str>)> {
    let mut tried: BTreeMap<&str, (usize, Option<&str>)> = BTreeMap::new();
    for lane in lanes {
        let graded = lane.trials.iter().filter(|trial| !trial.twin && !trial.scores.is_empty());
        let tasks: BTreeMap<&str, Option<&str>> =
            graded.map(|trial| (trial.task.as_str(), trial.cluster.as_deref())).collect();
        for (task, cluster) in tasks.into_iter().filter(|(task, _)| !changed.contains(task)) {
            tried.entry(task).or_insert((0, cluster)).0 += 1;
        }
    }
    tried
}

fn changed_tasks(runs: &[Results]) -> BTreeSet<&str> {
    let mut hashes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    for trial in runs.iter().flat_map(|run| &run.trials).filter(|trial| !trial.twin) {
        if *hashes.entry(&trial.task).or_insert(&trial.task_hash) != trial.task_hash {
            changed.insert(trial.task.as_str());
        }
    }
    changed
}

fn same_graders(runs: &[Results]) -> Result<(), Fault> {
    let Some(first) = runs.first() else { return Err(refused("no run was given")) };
    if let Some(other) = runs.iter().find(|run| run.graders != first.graders) {
        let message = format!("runs {} and {} were graded by different graders", first.run, other.run);
        return Err(refused(message).hint("grade both with the same ones: `evalrun grade RUN --graders ...`"));
    }
    match runs.iter().find(|run| run.failed_in.is_some()) {
        Some(run) => {
            let message = format!("run {} holds only trials that had failed before", run.run);
            Err(refused(message)
                .hint("comparing failures that were tried again says nothing of the agent; run the suite whole"))
        }
        None => Ok(()),
    }
}

fn trials(count: usize) -> String {
    format!("{count} trial{}", if count == 1 { "" } else { "s" })
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::new(Boundary::Store, "not_comparable", message.into())
}
