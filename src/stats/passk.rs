//! Reliability over trials: does at least one of k succeed (pass@k), do all of k (pass^k)?
//!
//! Both are estimated without bias from n >= k trials by counting: `1 - (1 - c/n)^k` and `(c/n)^k` are biased and are here only so that
//! a test can show it.

/// How many of a task's trials passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    pub trials: u64,
    pub passed: u64,
}

/// The share of sets of k trials in which at least one passed, 0..=1: `1 - C(n-c, k) / C(n, k)` (Chen and others 2021, arXiv
/// 2107.03374). `None` for k = 0, fewer than k trials, or more passes than trials.
pub fn pass_at_k(task: Passes, k: u64) -> Option<f64> {
    Some(1.0 - drawn_from(task.trials.checked_sub(task.passed)?, task.trials, k)?)
}

/// The share of sets of k trials that all passed, 0..=1: `C(c, k) / C(n, k)` (tau-bench, arXiv 2406.12045). `None` as for [`pass_at_k`].
pub fn pass_hat_k(task: Passes, k: u64) -> Option<f64> {
    task.trials.checked_sub(task.passed)?;
    drawn_from(task.passed, task.trials, k)
}

/// The mean of [`pass_at_k`] over tasks. `None` for no task, or where it is undefined for one of them: a mean over the others would be
/// of another set of tasks.
pub fn mean_pass_at_k(tasks: &[Passes], k: u64) -> Option<f64> {
    mean(tasks, |task| pass_at_k(task, k))
}

/// The mean of [`pass_hat_k`] over tasks. `None` as for [`mean_pass_at_k`].
pub fn mean_pass_hat_k(tasks: &[Passes], k: u64) -> Option<f64> {
    mean(tasks, |task| pass_hat_k(task, k))
}

fn mean(tasks: &[Passes], of: impl Fn(Passes) -> Option<f64>) -> Option<f64> {
    let values: Vec<f64> = tasks.iter().map(|task| of(*task)).collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// `C(some, k) / C(all, k)`, as a product of k shares so that nothing overflows.
fn drawn_from(some: u64, all: u64, k: u64) -> Option<f64> {
    if k == 0 || all < k {
        return None;
    }
    if some < k {
        return Some(0.0);
    }
    Some((0..k).map(|nth| (some - nth) as f64 / (all - nth) as f64).product())
}
