//! What the next money should buy: the variance split by where it comes from, and what would shrink it.

use super::{
    moments::{mean, squares, variance},
    power::{Aim, Noise, detectable, tasks_needed, trials_needed},
};

/// Variance components of one side's scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Of the tasks' true means.
    pub tasks: f64,
    /// Of one trial around its task's mean. `None` where no task has two trials: it cannot be told from `tasks`.
    pub trials: Option<f64>,
    /// Of one judgement around its trial's mean. `None` where no trial was judged twice: it stands within `trials`.
    pub judge: Option<f64>,
}

/// Nested analysis of variance (method of moments, Searle, Casella & McCulloch 1992, with mean sizes where sizes differ).
///
/// `scores[task][trial][judgement]`; where nothing is judged, or once, one number per trial. Components below 0 are 0.
/// `None` for fewer than two tasks with scores.
pub fn split(scores: &[Vec<Vec<f64>>]) -> Option<Split> {
    let judged: Vec<&Vec<f64>> = scores.iter().flatten().filter(|votes| !votes.is_empty()).collect();
    let tasks: Vec<Vec<f64>> = scores.iter().map(|trials| trials.iter().filter_map(|v| mean(v)).collect()).collect();
    let tasks: Vec<Vec<f64>> = tasks.into_iter().filter(|trials| !trials.is_empty()).collect();
    let of_means = variance(&tasks.iter().filter_map(|trials| mean(trials)).collect::<Vec<f64>>())?;
    let judge = pooled(judged.iter().copied());
    let seen_trials = pooled(tasks.iter());
    // The mean of v votes carries a share 1/v of a vote's variance, and a mean of trials that of a trial's.
    let votes = shrink(judged.iter().map(|votes| votes.len()));
    let per_task = shrink(tasks.iter().map(Vec::len));
    let trials = seen_trials.map(|seen| (seen - judge.unwrap_or(0.0) * votes).max(0.0));
    let within = seen_trials.unwrap_or(0.0);
    Some(Split { tasks: (of_means - within * per_task).max(0.0), trials, judge })
}

/// Pooled variance within groups. `None` where no group has two values.
fn pooled<'a>(groups: impl Iterator<Item = &'a Vec<f64>>) -> Option<f64> {
    let (sum, df) = groups.fold((0.0, 0), |(sum, df), values| (sum + squares(values), df + values.len() - 1));
    (df > 0).then(|| sum / df as f64)
}

/// Mean of 1/size.
fn shrink(sizes: impl Iterator<Item = usize>) -> f64 {
    mean(&sizes.map(|size| 1.0 / size as f64).collect::<Vec<f64>>()).unwrap_or(1.0)
}

/// The noise of a paired comparison from its trials: `pairs` holds (new, baseline) trial scores per task, none of them empty.
///
/// The trials' variance is pooled over tasks; with one trial per task on both sides it cannot be told apart and counts as variance of tasks, which
/// errs towards more tasks. `None` for fewer than two tasks.
pub fn noise(pairs: &[(Vec<f64>, Vec<f64>)]) -> Option<Noise> {
    let differences: Option<Vec<f64>> = pairs.iter().map(|(new, old)| Some(mean(new)? - mean(old)?)).collect();
    let seen = variance(&differences?)?;
    let (new, old) = (pooled(pairs.iter().map(|(new, _)| new)), pooled(pairs.iter().map(|(_, old)| old)));
    // Where only one side was repeated, the other is taken to vary as much.
    let sigma2 = (new.or(old).unwrap_or(0.0), old.or(new).unwrap_or(0.0));
    let trials =
        (1.0 / shrink(pairs.iter().map(|(new, _)| new.len())), 1.0 / shrink(pairs.iter().map(|(_, old)| old.len())));
    let omega2 = (seen - sigma2.0 / trials.0 - sigma2.1 / trials.1).max(0.0);
    Some(Noise { omega2, sigma2, trials })
}

/// What the next money should buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buy {
    /// What is there can already find the effect.
    Nothing,
    MoreTrials,
    MoreTasks,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextMoney {
    pub buy: Buy,
    /// The smallest effect that these tasks and trials find.
    pub detectable: f64,
    /// The same if the tasks, or the trials per task on both sides, were doubled: the same money.
    pub with_tasks_doubled: f64,
    pub with_trials_doubled: f64,
    /// Tasks needed with as many trials as now.
    pub tasks_needed: u64,
    /// Trials per task and side needed with as many tasks as now; `None`: no number does it.
    pub trials_needed: Option<u64>,
}

/// What it takes to find `delta` > 0 with `tasks` > 0 tasks. Trials are recommended while they can do it with at most `most_trials` per task and
/// side: they cost money only, a new task has to be written.
pub fn next_money(delta: f64, tasks: u64, noise: &Noise, (aim, most_trials): (&Aim, u64)) -> Option<NextMoney> {
    let n = tasks as f64;
    let doubled = Noise { trials: (2.0 * noise.trials.0, 2.0 * noise.trials.1), ..*noise };
    let now = detectable(n, noise, aim)?;
    let trials = trials_needed(delta, n, noise, aim);
    let buy = match trials {
        _ if now <= delta => Buy::Nothing,
        Some(trials) if trials <= most_trials => Buy::MoreTrials,
        _ => Buy::MoreTasks,
    };
    Some(NextMoney {
        buy,
        detectable: now,
        with_tasks_doubled: detectable(2.0 * n, noise, aim)?,
        with_trials_doubled: detectable(n, &doubled, aim)?,
        tasks_needed: tasks_needed(delta, noise, aim)?.ceil() as u64,
        trials_needed: trials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::seeded::Seeded;

    /// Made with variances 0.04, 0.02 and 0.01 (uniform noise has a twelfth of its squared width).
    #[test]
    fn the_split_finds_what_was_put_in() {
        let mut seeded = Seeded::new(3);
        let mut noise = |variance: f64| (seeded.unit() - 0.5) * (12.0 * variance).sqrt();
        let scores: Vec<Vec<Vec<f64>>> = (0..2000)
            .map(|_| {
                let task = noise(0.04);
                let trials = (0..4).map(|_| task + noise(0.02)).collect::<Vec<f64>>();
                trials.iter().map(|trial| (0..3).map(|_| trial + noise(0.01)).collect()).collect()
            })
            .collect();
        let found = split(&scores).unwrap();
        assert!((found.tasks - 0.04).abs() < 0.004, "{found:?}");
        assert!((found.trials.unwrap() - 0.02).abs() < 0.001, "{found:?}");
        assert!((found.judge.unwrap() - 0.01).abs() < 0.0005, "{found:?}");
    }

    #[test]
    fn what_cannot_be_told_apart_is_none() {
        assert_eq!(split(&[vec![vec![1.0]]]), None);
        let once = split(&[vec![vec![1.0]], vec![vec![0.0]], vec![]]).unwrap();
        assert_eq!(once, Split { tasks: 0.5, trials: None, judge: None });
        assert_eq!(noise(&[(vec![1.0], vec![])]), None);
    }

    #[test]
    fn trials_are_bought_only_where_they_can_do_it() {
        let buy = |omega2: f64, sigma2: f64, delta: f64| {
            let noise = Noise { omega2, sigma2: (sigma2, sigma2), trials: (2.0, 2.0) };
            next_money(delta, 100, &noise, (&Aim::USUAL, 10)).unwrap()
        };
        assert_eq!(buy(0.11, 0.17, 0.12).buy, Buy::MoreTrials);
        let tasks = buy(0.11, 0.17, 0.05);
        assert_eq!((tasks.buy, tasks.trials_needed), (Buy::MoreTasks, None));
        assert!(tasks.with_tasks_doubled < tasks.with_trials_doubled && tasks.tasks_needed > 100);
        assert_eq!(buy(0.01, 0.01, 0.2).buy, Buy::Nothing);
    }
}
