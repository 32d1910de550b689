//! Tasks that passed when the baseline was accepted and do not now: for reading, they decide nothing.

use crate::model::{
    baseline::{Baseline, TaskBaseline},
    results::{NewlyFailing, Results, Share, TrialResult},
};
use std::collections::BTreeMap;

/// A task counts as passing where at least half of its decided trials passed. Twins and tasks that are other ones now are left out.
pub fn newly_failing(results: &Results, agent: &str, baseline: &Baseline) -> Vec<NewlyFailing> {
    let mut tasks: BTreeMap<&str, Vec<&TrialResult>> = BTreeMap::new();
    for trial in results.trials.iter().filter(|trial| trial.agent == agent && !trial.twin) {
        tasks.entry(&trial.task).or_default().push(trial);
    }
    let of = |(task, trials): (&str, Vec<&TrialResult>)| {
        let before = baseline.tasks.get(task).filter(|before| trials.iter().all(|now| now.task_hash == before.hash))?;
        let (was, is) = (of_baseline(before), share(trials.iter().map(|trial| trial.passed)));
        let failed = trials.iter().find(|trial| trial.passed == Some(false))?;
        (holds(was) && !holds(is)).then(|| NewlyFailing {
            agent: agent.to_owned(),
            task: task.to_owned(),
            baseline: was,
            new: is,
            trial: failed.id.clone(),
        })
    };
    tasks.into_iter().filter_map(of).collect()
}

fn of_baseline(task: &TaskBaseline) -> Share {
    share(task.trials.iter().map(|trial| trial.passed))
}

fn share(passed: impl Iterator<Item = Option<bool>>) -> Share {
    passed.flatten().fold(Share::default(), |sum, passed| Share {
        passed: sum.passed + u32::from(passed),
        decided: sum.decided + 1,
    })
}

fn holds(share: Share) -> bool {
    share.decided > 0 && share.passed * 2 >= share.decided
}
