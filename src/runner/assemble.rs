//! `results.json` out of what a run left. Always derived: running it twice gives the same bytes.

use super::{
    Ended,
    gates::{Decided, gates},
    looks::Looks,
    repeats::{Repeats, asking},
};
use crate::gate;
use crate::graders::dimensions;
use crate::model::{
    fault::Fault,
    id::TrialKey,
    results::{AgentResult, DimensionResult, Results, ScoreResult, TrialResult},
    run::{Attempt, Grades, NotRun, TrialEnd, TrialSpec},
    score::{Outcome, Score},
};
use crate::reporters::{TrialPage, Trials};
use crate::stats::mean_interval;
use crate::store::{Layout, RunRecord, read_json, read_trace};
use std::collections::BTreeMap;

/// Trials of a run with their grades, in the order of the plan, what was not run, and what the suite's gate says; the exit code is the gate's.
///
/// # Errors
/// When a file that evalrun wrote cannot be read back.
pub fn assemble(layout: &Layout, record: &RunRecord, ended: &Ended) -> Result<Results, Fault> {
    let results = gather(layout, record, ended)?;
    let looks = Looks::read(layout, record)?;
    let decided = gates(&Decided { record, looks: &looks }, &results, None);
    let exit = decided.iter().map(|(_, gated)| gated.exit).fold(0, gate::worse);
    let newly_failing = decided.iter().flat_map(|(_, gated)| gated.newly_failing.clone()).collect();
    let gates = decided.iter().flat_map(|(agent, gated)| gate::entries(agent, gated)).collect();
    Ok(Results { exit, gates, newly_failing, looks: looks.results(), ..results })
}

/// The same before any gate is asked.
pub(super) fn gather(layout: &Layout, record: &RunRecord, ended: &Ended) -> Result<Results, Fault> {
    let mut specs: Vec<&TrialSpec> = record.trials.iter().collect();
    specs.sort_by(|a, b| a.key.cmp(&b.key));
    let (mut trials, mut repeats) = (Vec::new(), Repeats::default());
    let mut agents: BTreeMap<&str, AgentTrials> = BTreeMap::new();
    let mut finished = record.started.clone();
    let mut not_run = record.not_run.clone();
    for spec in specs {
        let agent = agents.entry(&spec.key.agent).or_insert_with(|| AgentTrials::of(spec));
        let end_path = layout.trial_end(&spec.key);
        if !end_path.exists() {
            not_run.push(why_not(spec, ended));
            continue;
        }
        let end: TrialEnd = read_json(&end_path)?;
        finished = finished.max(end.finished.clone());
        let scores_path = layout.scores(&spec.key, &record.grading);
        let grades: Option<Grades> = if scores_path.exists() { Some(read_json(&scores_path)?) } else { None };
        agent.take(&end, grades.as_ref());
        repeats.take(&end, grades.as_ref());
        let cluster = spec.task.cluster.clone();
        trials.push(TrialResult { cluster, ..trial_result(end, grades) });
    }
    not_run.sort();
    not_run.dedup();
    Ok(Results {
        version: 1,
        run: record.run.clone(),
        suite: record.suite.name.clone(),
        started: record.started.clone(),
        finished,
        exit: 0,
        graders: record.grading.0.clone(),
        failed_in: record.failed_in.clone(),
        agents: agents.into_values().map(|agent| with_asking(agent.result(), &trials)).collect(),
        trials,
        not_run,
        gates: Vec::new(),
        looks: Vec::new(),
        newly_failing: Vec::new(),
        consistency: repeats.results(),
    })
}

fn with_asking(agent: AgentResult, trials: &[TrialResult]) -> AgentResult {
    AgentResult { asking: asking(&agent.agent, trials), ..agent }
}

/// One agent over its trials.
pub struct AgentTrials {
    result: AgentResult,
    /// Dimension -> task -> scores of its trials.
    by_task: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
    weights: BTreeMap<String, (f64, f64)>,
}

impl AgentTrials {
    fn of(spec: &TrialSpec) -> AgentTrials {
        AgentTrials::new(&spec.agent.name, &spec.agent.driver)
    }

    pub fn new(agent: &str, driver: &str) -> AgentTrials {
        let result = AgentResult {
            agent: agent.to_owned(),
            driver: driver.to_owned(),
            model: None,
            version: None,
            trials: 0,
            dimensions: BTreeMap::new(),
            asking: None,
        };
        AgentTrials { result, by_task: BTreeMap::new(), weights: BTreeMap::new() }
    }

    pub fn take(&mut self, end: &TrialEnd, grades: Option<&Grades>) {
        self.result.trials += 1;
        self.result.version = end.agent_version.clone().or(self.result.version.take());
        self.result.model = end.model.clone().or(self.result.model.take());
        let Some(grades) = grades else { return };
        for score in dimensions(&grades.scores) {
            // A twin is read for over-asking alone: it stands in no mean.
            if end.key.twin {
                continue;
            }
            let sum = self.result.dimensions.entry(score.dimension.clone()).or_insert_with(empty);
            sum.unknown += score.unknown;
            sum.not_applicable += score.not_applicable;
            sum.not_asked += score.not_asked;
            sum.broken += score.broken;
            let (answered, asked) = weights(&grades.scores, &score.dimension);
            let total = self.weights.entry(score.dimension.clone()).or_default();
            *total = (total.0 + answered, total.1 + asked);
            if let Some(value) = score.value {
                sum.trials += 1;
                let tasks = self.by_task.entry(score.dimension).or_default();
                tasks.entry(end.key.task.clone()).or_default().push(value);
            }
        }
    }

    pub fn result(mut self) -> AgentResult {
        for (name, sum) in &mut self.result.dimensions {
            let means: Vec<f64> =
                self.by_task.get(name).into_iter().flat_map(BTreeMap::values).map(|all| mean(all)).collect();
            if let Some(found) = mean_interval(&means) {
                sum.mean = Some(found.mean);
                sum.low = found.interval.map(|(low, _)| low);
                sum.high = found.interval.map(|(_, high)| high);
                sum.tasks = found.tasks as u32;
            }
            sum.coverage =
                self.weights.get(name).filter(|(_, asked)| *asked > 0.0).map(|(answered, asked)| answered / asked);
        }
        self.result
    }
}

/// A trial as others read it.
pub fn trial_result(end: TrialEnd, grades: Option<Grades>) -> TrialResult {
    let grades = grades.unwrap_or_else(|| Grades {
        version: 1,
        scores: Vec::new(),
        metrics: serde_json::Map::new(),
        violations: Vec::new(),
        passed: None,
        stages: Vec::new(),
        interview: None,
        acts: None,
    });
    let of_dimensions = dimensions(&grades.scores).into_iter().map(|score| (score.dimension, score.value)).collect();
    TrialResult {
        id: end.key.to_string(),
        task_hash: end.task_hash,
        cluster: None,
        dimensions: of_dimensions,
        task: end.key.task,
        agent: end.key.agent,
        model: end.model,
        trial: end.key.n,
        twin: end.key.twin,
        passed: grades.passed,
        end: end.end,
        stages: grades.stages,
        metrics: grades.metrics,
        violations: grades.violations,
        scores: grades.scores.into_iter().map(score_result).collect(),
        interview: grades.interview,
        usage: end.usage,
        wall_ms: end.wall_ms,
        notes: end.notes,
    }
}

fn score_result(score: Score) -> ScoreResult {
    let (outcome, value, why) = match score.outcome {
        Outcome::Scored(value) => ("scored", Some(value), score.why),
        Outcome::Unknown(why) => ("unknown", None, first(score.why, why)),
        Outcome::NotApplicable(why) => ("not_applicable", None, first(score.why, why)),
        Outcome::NotAsked => ("not_asked", None, score.why),
        Outcome::Broken(fault) => ("broken", None, first(score.why, fault.to_string())),
    };
    ScoreResult {
        dimension: score.dimension,
        criterion: score.criterion,
        outcome: outcome.to_owned(),
        value,
        weight: score.weight,
        cap: score.cap,
        why,
        cites: score.cites,
        judged: score.judged,
    }
}

fn first(said: String, else_said: String) -> String {
    if said.is_empty() { else_said } else { said }
}

fn why_not(spec: &TrialSpec, ended: &Ended) -> NotRun {
    let broken = ended.broken.iter().find(|(key, _)| *key == spec.key).map(|(_, fault)| format!("broken: {fault}"));
    let why = broken
        .or_else(|| ended.budget.as_ref().map(|budget| format!("the budget was reached: {budget}")))
        .unwrap_or_else(|| "the run was stopped before it ended".to_owned());
    NotRun { task: spec.key.task_word(), agent: spec.key.agent.clone(), why }
}

fn weights(scores: &[Score], dimension: &str) -> (f64, f64) {
    let (mut answered, mut asked) = (0.0, 0.0);
    for score in scores.iter().filter(|score| score.dimension == dimension) {
        match score.outcome {
            Outcome::Scored(_) => {
                answered += score.weight;
                asked += score.weight;
            }
            Outcome::Unknown(_) | Outcome::Broken(_) => asked += score.weight,
            Outcome::NotApplicable(_) | Outcome::NotAsked => {}
        }
    }
    (answered, asked)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn empty() -> DimensionResult {
    DimensionResult {
        mean: None,
        low: None,
        high: None,
        tasks: 0,
        trials: 0,
        unknown: 0,
        not_applicable: 0,
        not_asked: 0,
        broken: 0,
        coverage: None,
    }
}

/// What the pages of a run's trials are made from, read from its folder one at a time.
pub struct FolderTrials<'a> {
    layout: &'a Layout,
    specs: BTreeMap<&'a TrialKey, &'a TrialSpec>,
}

impl<'a> FolderTrials<'a> {
    pub fn new(layout: &'a Layout, record: &'a RunRecord) -> FolderTrials<'a> {
        FolderTrials { layout, specs: record.trials.iter().map(|spec| (&spec.key, spec)).collect() }
    }
}

impl Trials for FolderTrials<'_> {
    fn page(&self, trial: &TrialResult) -> Result<TrialPage, Fault> {
        let key = TrialKey { task: trial.task.clone(), twin: trial.twin, agent: trial.agent.clone(), n: trial.trial };
        let end: TrialEnd = read_json(&self.layout.trial_end(&key))?;
        let folder = self.layout.attempt(&key, Attempt(end.attempt));
        let task = self.specs.get(&key).map(|spec| (*spec.task).clone());
        Ok(TrialPage { trace: read_trace(&folder.join("trace.jsonl"))?, task, diffs: diffs(&folder.join("diffs")) })
    }
}

/// Patches between two snapshots by the name of the stage, in order; none where the folder cannot be read.
pub fn diffs(folder: &std::path::Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let stage = |name: &str| name.split_once('-').map_or(name, |(_, stage)| stage).to_owned();
    paths
        .iter()
        .filter_map(|path| Some((stage(path.file_stem()?.to_str()?), std::fs::read_to_string(path).ok()?)))
        .collect()
}
