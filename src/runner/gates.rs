//! The gate of a suite over a run: who is asked about what, and which baseline is read for it.

use super::looks::Looks;
use crate::gate::{Asked, Gated, Unreadable, gate, newly_failing, read};
use crate::model::{
    baseline::Baseline,
    fault::{Boundary, Fault},
    results::Results,
    suite::Gate,
};
use crate::store::{RunRecord, read_json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The gate's answer for every agent of the run, in order; nothing where the suite has no gate, and for a run that tried failures again.
///
/// `named` is a baseline somebody pointed at; `{{ agent }}` in it stands for the agent.
///
/// What a planned look has decided stands, as long as graders and baseline are those it was decided with.
pub fn gates(run: &Decided<'_>, results: &Results, named: Option<&Path>) -> Vec<(String, Gated)> {
    let record = run.record;
    let Some(suite) = record.suite.gate.as_ref().filter(|_| record.failed_in.is_none()) else { return Vec::new() };
    let one = |agent: &str| {
        let kept = run.looks.last_of(agent).filter(|look| look.decided() && named.is_none());
        let before = kept.filter(|look| look.grading == record.grading && look.baseline == hash(suite, agent, named));
        match (kept, before) {
            (_, Some(look)) => look.gated.clone(),
            (Some(look), None) => again(of_agent((record, results), agent, suite, named), look.look),
            (None, None) => of_agent((record, results), agent, suite, named),
        }
    };
    results.agents.iter().map(|agent| (agent.agent.clone(), one(&agent.agent))).collect()
}

/// A run, and what its looks have decided so far.
pub struct Decided<'a> {
    pub record: &'a RunRecord,
    pub looks: &'a Looks,
}

fn again(gated: Gated, look: u32) -> Gated {
    let note = format!("decided again: graders or baseline are not those that look {look} was decided with");
    Gated { notes: [vec![note], gated.notes].concat(), ..gated }
}

/// blake3 of the baseline's file; `None` where there is none.
pub(super) fn hash(suite: &Gate, agent: &str, named: Option<&Path>) -> Option<String> {
    let path = named.or(suite.baseline.as_deref()).map(|path| place(path, agent))?;
    std::fs::read(path).ok().map(|bytes| blake3::hash(&bytes).to_hex().to_string())
}

/// The gate's answer for one agent, whatever was decided before.
pub(super) fn of_agent(
    (record, results): (&RunRecord, &Results),
    agent: &str,
    suite: &Gate,
    named: Option<&Path>,
) -> Gated {
    let baseline = match baseline(suite, agent, named) {
        Ok(baseline) => baseline,
        Err(fault) => return Gated::broken(fault.message),
    };
    let failing = baseline.as_ref().map(|baseline| newly_failing(results, agent, baseline)).unwrap_or_default();
    let read = read(results, asked(record, agent), suite, baseline.as_ref());
    let reading = match read {
        Ok(reading) => reading,
        Err(why @ (Unreadable::Graders { .. } | Unreadable::FailedIn(_))) => return Gated::broken(why.to_string()),
    };
    match gate(&reading.given) {
        Ok(gated) => Gated { notes: [gated.notes, reading.notes].concat(), newly_failing: failing, ..gated },
        Err(why) => Gated::broken(format!("the gate cannot be decided: {why}")),
    }
}

/// What the plan had for an agent.
fn asked<'a>(record: &RunRecord, agent: &'a str) -> Asked<'a> {
    let mut per_task: BTreeMap<&str, u32> = BTreeMap::new();
    for spec in record.trials.iter().filter(|spec| spec.key.agent == agent && !spec.key.twin) {
        *per_task.entry(&spec.key.task).or_default() += 1;
    }
    let usual = per_task.values().copied().max().unwrap_or(1);
    // A task that could not be started at all stands in the plan as a whole.
    let lost = record.not_run.iter().filter(|left| left.agent == agent).count();
    let planned = per_task.values().sum::<u32>() + usual.saturating_mul(u32::try_from(lost).unwrap_or(u32::MAX));
    Asked { agent, planned, per_task: per_task.values().copied().min().unwrap_or(1) }
}

/// Where the baseline of an agent lies.
pub fn place(path: &Path, agent: &str) -> PathBuf {
    let safe: String =
        agent.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let text = path.to_string_lossy();
    PathBuf::from(text.replace("{{ agent }}", &safe).replace("{{agent}}", &safe))
}

/// The baseline that was named, or that of the suite; a suite's that does not exist yet is none.
fn baseline(suite: &Gate, agent: &str, named: Option<&Path>) -> Result<Option<Baseline>, Fault> {
    if let Some(path) = named {
        return kept(&place(path, agent)).map(Some);
    }
    let Some(path) = suite.baseline.as_ref().map(|path| place(path, agent)).filter(|path| path.exists()) else {
        return Ok(None);
    };
    let found = kept(&path)?;
    if found.agent != agent {
        let message = format!("{} is the baseline of the agent {}", path.display(), found.agent);
        return Err(Fault::new(Boundary::Store, "baseline", message));
    }
    Ok(Some(found))
}

/// # Errors
/// When the file cannot be read, or is of a newer format.
pub fn kept(path: &Path) -> Result<Baseline, Fault> {
    let found: Baseline = read_json(path)?;
    if found.version == 1 {
        return Ok(found);
    }
    let message = format!("{} was made by a newer evalrun (format {})", path.display(), found.version);
    Err(Fault::new(Boundary::Store, "version", message).hint("use that evalrun"))
}
