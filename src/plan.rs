//! Suite x agents x trials: what will be run, in which order, and what will not.
//!
//! The order goes round over trials, then tasks, then agents, so that a run that stops early leaves a balanced picture.

use crate::model::{
    id::TrialKey,
    run::{NotRun, TrialSpec},
    suite::{AgentSpec, Suite},
    task::Task,
};
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::{collections::BTreeSet, sync::Arc};

/// What the command line picked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Empty: the suite's `run`, else every agent it defines.
    pub agents: Vec<String>,
    /// Globs over task ids; empty: all.
    pub tasks: Vec<String>,
    /// A task needs one of them; empty: all.
    pub tags: Vec<String>,
    /// Instead of what the suite says.
    pub trials: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub trials: Vec<TrialSpec>,
    pub not_run: Vec<NotRun>,
}

/// Whether something that a trial needs is usable here; `Err(why)` if not.
pub struct Available<'a> {
    /// A program that a task requires.
    pub program: &'a dyn Fn(&str) -> Result<(), String>,
    /// An agent.
    pub agent: &'a dyn Fn(&AgentSpec) -> Result<(), String>,
}

/// Makes the plan.
///
/// # Errors
/// Sentences about names that select nothing, each with what there is.
pub fn plan(suite: &Suite, selection: &Selection, available: &Available<'_>) -> Result<Plan, Vec<String>> {
    let agents = pick_agents(suite, &selection.agents);
    let tasks = pick_tasks(suite, selection);
    let (agents, tasks) = match (agents, tasks) {
        (Ok(agents), Ok(tasks)) => (agents, tasks),
        (agents, tasks) => return Err([agents.err(), tasks.err()].into_iter().flatten().flatten().collect()),
    };
    let mut not_run = BTreeSet::new();
    let pairs = runnable(&tasks, &agents, available, &mut not_run);
    // A gate plans its own looks, and a run plays the first of them.
    let first = suite.gate.as_ref().and_then(|gate| gate.looks).map(|looks| looks.start);
    let wanted = |task: &Task| selection.trials.or(first).unwrap_or(task.trials);
    let most = tasks.iter().map(|task| wanted(task)).max().unwrap_or(0);
    let mut trials = Vec::new();
    for n in 1..=most {
        for (task, agent) in &pairs {
            if n <= wanted(task) {
                trials.push(spec(suite, task, agent, (n, Twin::No)));
            }
            if n == 1 && task.interview.twin {
                trials.push(spec(suite, task, agent, (n, Twin::Yes)));
            }
        }
    }
    Ok(Plan { trials, not_run: not_run.into_iter().collect() })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Twin {
    Yes,
    No,
}

type Pair = (Arc<Task>, Arc<AgentSpec>);

fn runnable(
    tasks: &[Arc<Task>],
    agents: &[Arc<AgentSpec>],
    available: &Available<'_>,
    not_run: &mut BTreeSet<NotRun>,
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for task in tasks {
        let missing = task.requires.iter().find_map(|program| (available.program)(program).err());
        for agent in agents {
            match missing.clone().or_else(|| (available.agent)(agent).err()) {
                None => pairs.push((Arc::clone(task), Arc::clone(agent))),
                Some(why) => drop(not_run.insert(NotRun { task: task.id.clone(), agent: agent.name.clone(), why })),
            }
        }
    }
    pairs
}

fn spec(suite: &Suite, task: &Arc<Task>, agent: &Arc<AgentSpec>, (n, twin): (u32, Twin)) -> TrialSpec {
    let key = TrialKey { task: task.id.clone(), twin: twin == Twin::Yes, agent: agent.name.clone(), n };
    let seed = key.seed(suite.seed, "trial");
    TrialSpec { key, task: Arc::clone(task), agent: Arc::clone(agent), seed }
}

fn pick_agents(suite: &Suite, named: &[String]) -> Result<Vec<Arc<AgentSpec>>, Vec<String>> {
    let wanted: Vec<&String> = match (named.is_empty(), suite.run.is_empty()) {
        (false, _) => named.iter().collect(),
        (true, false) => suite.run.iter().collect(),
        (true, true) => suite.agents.iter().map(|agent| &agent.name).collect(),
    };
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for name in wanted {
        match suite.agents.iter().find(|agent| agent.name == *name) {
            Some(agent) => found.push(Arc::new(agent.clone())),
            None => wrong.push(format!("no agent `{name}`; there are {}", list(suite.agents.iter().map(|a| &a.name)))),
        }
    }
    if found.is_empty() && wrong.is_empty() {
        wrong.push("the suite defines no agent; add one under `agents:`".to_owned());
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn pick_tasks(suite: &Suite, selection: &Selection) -> Result<Vec<Arc<Task>>, Vec<String>> {
    let globs = glob_set(&selection.tasks)?;
    let by_name = |task: &&Task| selection.tasks.is_empty() || globs.is_match(&task.id);
    let by_tag = |task: &&Task| selection.tags.is_empty() || task.tags.iter().any(|tag| selection.tags.contains(tag));
    let picked: Vec<Arc<Task>> = suite.tasks.iter().filter(by_name).filter(by_tag).cloned().map(Arc::new).collect();
    if picked.is_empty() {
        return Err(vec![format!(
            "no task is left to run; there are {}",
            list(suite.tasks.iter().map(|task| &task.id))
        )]);
    }
    Ok(picked)
}

fn glob_set(globs: &[String]) -> Result<GlobSet, Vec<String>> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(Glob::new(glob).map_err(|error| vec![format!("--task `{glob}` is not a pattern: {error}")])?);
    }
    set.build().map_err(|error| vec![format!("--task: {error}")])
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
