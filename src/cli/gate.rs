//! `evalrun gate` and `evalrun baseline accept`: whether an agent is good enough, and what it is held to.

use super::{
    args::{AcceptArgs, GateArgs},
    exit, report, run, say,
};
use crate::gate::{baseline_of, in_words, worse};
use crate::model::{
    baseline::{Baseline, TracesAt},
    canon,
    fault::{Boundary, Fault},
    results::Results,
    run::TrialEnd,
    suite::Suite,
};
use crate::runner::{
    Ended, assemble,
    gates::{self, Decided},
    looks::Looks,
};
use crate::store::{Layout, RunRecord, planned, read_json, replace};
use std::path::{Path, PathBuf};

const EXAMPLE: &str = "give the suite a gate, for example:
  gate:
    baseline: \"baselines/{{ agent }}.json\"
    floors: {valid_trials: 0.9, coverage: 0.8}
    rules: [{score: outcome, no_worse_by: 0.05}, {guardrails: high, new: 0}]";

pub fn gate(args: &GateArgs) -> i32 {
    decided(args).unwrap_or_else(|fault| run::refuse(&fault))
}

fn decided(args: &GateArgs) -> Result<i32, Fault> {
    let (layout, record, results) = opened(args.run.as_deref())?;
    if record.suite.gate.is_none() {
        let message = format!("the suite {} of run {} has no gate", record.suite.name, record.run);
        return Err(refused(message).hint(EXAMPLE));
    }
    if let Some(path) = &args.baseline {
        results.agents.iter().try_for_each(|agent| gates::kept(&gates::place(path, &agent.agent)).map(drop))?;
    }
    let looks = Looks::read(&layout, &record)?;
    let found = gates::gates(&Decided { record: &record, looks: &looks }, &results, args.baseline.as_deref());
    if args.json {
        let by_agent: std::collections::BTreeMap<_, _> = found.iter().map(|(agent, gated)| (agent, gated)).collect();
        say::out(&report::json(&by_agent)?);
    } else {
        found.iter().for_each(|(agent, gated)| say::out(&in_words(agent, gated)));
    }
    Ok(found.iter().map(|(_, gated)| gated.exit).fold(exit::DONE, worse))
}

/// A run that gates and baselines may speak of.
fn opened(named: Option<&Path>) -> Result<(Layout, RunRecord, Results), Fault> {
    if let Some(folder) = named.filter(|folder| folder.join("sessions.json").exists()) {
        let message =
            format!("{} holds recorded sessions: nobody planned them, so no gate can hold them", folder.display());
        return Err(refused(message).hint("gates and baselines are of runs: `evalrun SUITE`"));
    }
    let layout = report::find(named)?;
    let record = planned(&layout)?;
    if let Some(before) = &record.failed_in {
        let message = format!(
            "run {} holds only trials that had failed in {before}: trying failures again says nothing of the agent",
            record.run
        );
        return Err(refused(message).hint("run the suite whole"));
    }
    let results = assemble(&layout, &record, &Ended::default())?;
    Ok((layout, record, results))
}

pub fn accept(args: &AcceptArgs) -> i32 {
    match accepted(args) {
        Ok(()) => exit::DONE,
        Err(fault) => run::refuse(&fault),
    }
}

fn accepted(args: &AcceptArgs) -> Result<(), Fault> {
    let (layout, record, results) = opened(args.run.as_deref())?;
    let agents = chosen(&results, &args.agents)?;
    let path = target(&record.suite, args.to.as_ref(), agents.len())?;
    // All of them are made before the first is written.
    let made = agents.into_iter().map(|agent| {
        let traces = traces(&layout, &results, agent)?;
        let none = || refused(format!("no trial of {agent} in run {} was graded", record.run));
        baseline_of(&results, agent, traces).ok_or_else(none)
    });
    for baseline in made.collect::<Result<Vec<Baseline>, Fault>>()? {
        let path = gates::place(&path, &baseline.agent);
        replace(&path, report::json(&baseline)?.as_bytes())?;
        let trials: usize = baseline.tasks.values().map(|task| task.trials.len()).sum();
        let (agent, tasks) = (&baseline.agent, baseline.tasks.len());
        say::out(&format!("{}: {agent}, {trials} trials of {tasks} tasks\n", path.display()));
    }
    say::note("later runs are held to this: put it into git");
    Ok(())
}

fn chosen<'a>(results: &'a Results, named: &[String]) -> Result<Vec<&'a str>, Fault> {
    let all: Vec<&str> = results.agents.iter().map(|agent| agent.agent.as_str()).collect();
    if let Some(missing) = named.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(refused(format!("no agent `{missing}` in the run; there are {}", all.join(", "))));
    }
    Ok(all.into_iter().filter(|agent| named.is_empty() || named.iter().any(|name| name == agent)).collect())
}

fn target(suite: &Suite, typed: Option<&PathBuf>, agents: usize) -> Result<PathBuf, Fault> {
    let of_suite = || suite.gate.as_ref().and_then(|gate| gate.baseline.as_ref());
    let Some(path) = typed.or_else(of_suite) else {
        return Err(refused("nobody said where the baseline goes")
            .hint("name a file with --to, or give the suite's gate a `baseline: \"baselines/{{ agent }}.json\"`"));
    };
    if agents > 1 && gates::place(path, "a") == gates::place(path, "b") {
        let message = format!("{} is one file, and the run has {agents} agents", path.display());
        return Err(refused(message).hint("write `{{ agent }}` into the path, or pick one with --agent"));
    }
    Ok(path.clone())
}

/// Where the traces are, from here where they lie below, and the hash over their hashes in the order of trials.
fn traces(layout: &Layout, results: &Results, agent: &str) -> Result<TracesAt, Fault> {
    let mut hashes = String::new();
    for trial in results.trials.iter().filter(|trial| trial.agent == agent && !trial.twin && !trial.scores.is_empty()) {
        let key = crate::model::id::TrialKey {
            task: trial.task.clone(),
            twin: false,
            agent: agent.to_owned(),
            n: trial.trial,
        };
        let end: TrialEnd = read_json(&layout.trial_end(&key))?;
        hashes.push_str(&end.trace_hash);
        hashes.push('\n');
    }
    let here = std::env::current_dir().unwrap_or_default();
    let folder = layout.root.strip_prefix(&here).unwrap_or(&layout.root).to_owned();
    Ok(TracesAt { folder, hash: canon::hash_bytes(canon::Domain::Run, hashes.as_bytes()) })
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::new(Boundary::Store, "gate", message.into())
}
