//! The planned looks of a gate, played by themselves: a run plays the first; where the gate is undecided about an agent, that agent goes on to the
//! next, in the same folder.
//!
//! ```text
//! run.json: looks [2, 5, 8]     trials n = 1, 2     -> looks/careful/1.json  inconclusive, more: n = 3, 4, 5 of every task
//!                               trials n = 3, 4, 5  -> looks/careful/2.json  passed
//! ```
//!
//! A look is decided once, when every trial of it was graded (or as many as the suite's floor asks for), and its file is created once: a run that
//! is killed between two looks goes on with the same ones. What is not decided (trials are missing, the measurement broke) leaves no file.

use super::{
    Ended, Job, Round,
    assemble::gather,
    clock,
    gates::{hash, of_agent},
    progress::Progress,
    recorder::on_blocking,
};
use crate::gate::{Gated, Verdict};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    results::{LookResult, Results},
    run::GradingId,
    suite::Gate,
};
use crate::store::{Layout, RunRecord, once, read_json};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// `looks/<agent>/<k>.json`: what a look decided; created once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub version: u32,
    pub agent: String,
    /// From 1, and of how many.
    pub look: u32,
    pub of: u32,
    /// Trials per task.
    pub trials: u32,
    /// RFC 3339, UTC.
    pub decided_at: String,
    /// What it was decided with: another gate would decide again.
    pub grading: GradingId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    pub gated: Gated,
    /// The trials of the next look; empty where this one ends the matter.
    pub more: Vec<TrialKey>,
    /// Trials of later looks that are not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<u64>,
}

impl Look {
    pub fn decided(&self) -> bool {
        self.more.is_empty()
    }

    fn result(&self) -> LookResult {
        LookResult {
            agent: self.agent.clone(),
            look: self.look,
            of: self.of,
            trials: self.trials,
            verdict: self.gated.verdict.word().to_owned(),
            saved: self.saved,
        }
    }
}

/// The looks of a run that have been decided, by agent, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looks {
    by_agent: BTreeMap<String, Vec<Look>>,
}

impl Looks {
    /// # Errors
    /// When a look's file cannot be read back.
    pub fn read(layout: &Layout, record: &RunRecord) -> Result<Looks, Fault> {
        let mut by_agent: BTreeMap<String, Vec<Look>> = BTreeMap::new();
        if record.looks.is_empty() {
            return Ok(Looks::default());
        }
        for agent in agents(record) {
            let paths = (1..=record.looks.len()).map(|nth| layout.look(&agent, nth)).take_while(|path| path.exists());
            let found = paths.map(|path| read_json(&path)).collect::<Result<Vec<Look>, Fault>>()?;
            by_agent.insert(agent, found);
        }
        Ok(Looks { by_agent })
    }

    pub fn last_of(&self, agent: &str) -> Option<&Look> {
        self.by_agent.get(agent).and_then(|looks| looks.last())
    }

    pub fn results(&self) -> Vec<LookResult> {
        self.by_agent.values().flatten().map(Look::result).collect()
    }
}

/// Plays a run, and what its gate's looks ask for. Gives the record with every trial that was planned, and how all of it went.
///
/// # Errors
/// When the run as a whole cannot go on.
pub async fn run_looks(job: Job) -> Result<(RunRecord, Ended), Fault> {
    let mut round = Round::first(job);
    let mut all = Ended::default();
    loop {
        let ended = round.play().await?;
        all = together(all, ended);
        let (layout, record, so_far) = (round.job.layout.clone(), round.job.record.clone(), all.clone());
        let stopped = all.interrupted || all.budget.is_some() || record.looks.len() < 2;
        let decided = if stopped { Vec::new() } else { on_blocking(move || decide(&layout, &record, &so_far)).await? };
        for look in &decided {
            round.job.watcher.tell(Progress::Note(format!("{}: {}", look.agent, look.result().sentence())));
        }
        let more: Vec<TrialKey> = decided.into_iter().flat_map(|look| look.more).collect();
        if more.is_empty() {
            return Ok((round.job.record.clone(), all));
        }
        round.job.watcher.tell(Progress::More(more.len() as u64));
        round.leave_out(&all);
        // The rounds before have ended, and nobody else holds the job for long.
        Arc::make_mut(&mut round.job).record.add(more);
    }
}

fn together(before: Ended, last: Ended) -> Ended {
    Ended {
        interrupted: last.interrupted,
        budget: before.budget.or(last.budget),
        broken: [before.broken, last.broken].concat(),
        not_started: [before.not_started, last.not_started].concat(),
        ungraded: [before.ungraded, last.ungraded].concat(),
    }
}

/// Decides the look that each agent has come to, and writes it down. Only what is new is given.
fn decide(layout: &Layout, record: &RunRecord, ended: &Ended) -> Result<Vec<Look>, Fault> {
    let Some(gate) = record.suite.gate.as_ref() else { return Ok(Vec::new()) };
    let looks = Looks::read(layout, record)?;
    let open = |agent: &String| looks.last_of(agent).is_none_or(|look| !look.decided());
    let undecided: Vec<String> = agents(record).into_iter().filter(open).collect();
    if undecided.is_empty() {
        return Ok(Vec::new());
    }
    let results = gather(layout, record, ended)?;
    let mut new = Vec::new();
    for agent in undecided {
        let nth = looks.last_of(&agent).map_or(1, |look| look.look as usize + 1);
        if let Some(look) = look_at((record, &results), gate, (&agent, nth)) {
            let json = serde_json::to_vec_pretty(&look)
                .map_err(|error| Fault::new(Boundary::Store, "format", format!("a look cannot be written: {error}")))?;
            let path = layout.look(&agent, nth);
            once(&path, &json)?;
            // Whoever was first has decided.
            new.push(read_json(&path)?);
        }
    }
    Ok(new)
}

/// `None` where nothing can be decided yet.
fn look_at((record, results): (&RunRecord, &Results), gate: &Gate, (agent, nth): (&str, usize)) -> Option<Look> {
    let trials = *record.looks.get(nth - 1)?;
    let gated = of_agent((record, results), agent, gate, None);
    // The floors have had their say; without one nothing may be missing.
    let missing = gate.floors.valid_trials.is_none() && results.not_run.iter().any(|left| left.agent == agent);
    if gated.verdict == Verdict::MeasurementBroken || missing {
        return None;
    }
    let pairs: BTreeSet<&str> = record
        .trials
        .iter()
        .filter(|spec| spec.key.agent == agent && !spec.key.twin)
        .map(|spec| spec.key.task.as_str())
        .collect();
    let next = record.looks.get(nth).copied().filter(|_| gated.verdict == Verdict::Inconclusive);
    let more = |task: &&str| {
        let task = (*task).to_owned();
        let key = move |n| TrialKey { task: task.clone(), twin: false, agent: agent.to_owned(), n };
        (trials + 1..=next.unwrap_or(trials)).map(key).collect::<Vec<TrialKey>>()
    };
    let most = record.looks.last().copied().unwrap_or(trials);
    Some(Look {
        version: 1,
        agent: agent.to_owned(),
        look: nth as u32,
        of: record.looks.len() as u32,
        trials,
        decided_at: clock::now(),
        grading: record.grading.clone(),
        baseline: hash(gate, agent, None),
        more: pairs.iter().flat_map(more).collect(),
        saved: next.is_none().then(|| u64::from(most - trials) * pairs.len() as u64),
        gated,
    })
}

fn agents(record: &RunRecord) -> BTreeSet<String> {
    record.trials.iter().map(|spec| spec.key.agent.clone()).collect()
}
