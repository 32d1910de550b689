//! Statistics: f64 in, f64 out, each with its source. The unit of analysis is the task; trials of a task are repeats.

pub mod agreement;
pub mod agreement_many;
pub mod agreement_rank;
pub mod bootstrap;
pub mod calibration;
pub mod clusters;
pub mod confusion;
pub mod contingency;
pub mod flaky;
pub mod intervals;
pub mod moments;
pub mod multiplicity;
pub mod noninferiority;
pub mod paired;
pub mod passk;
pub mod permutation;
pub mod planning;
pub mod power;
pub mod quantile;
pub mod ranking;
pub mod rubric;
pub mod seeded;
pub mod sequential;
pub mod signal;
pub mod sprt;
pub mod table;

pub use intervals::Interval;

/// The mean of one agent's task means with its t interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanInterval {
    pub mean: f64,
    /// `None` for fewer than 2 tasks: no interval can be given.
    pub interval: Option<(f64, f64)>,
    pub tasks: usize,
}

/// Mean of task means with a two-sided 95 % t interval on C-1 degrees of freedom.
///
/// `task_means`: one mean per task, any range. `None` for no task at all. With equal numbers of trials this is Miller (2024)'s
/// clustered standard error times sqrt(C/(C-1)). Means that are all equal give no interval: a zero-width one would claim certainty.
pub fn mean_interval(task_means: &[f64]) -> Option<MeanInterval> {
    let mean = moments::mean(task_means)?;
    let estimate = noninferiority::Estimate::of(task_means);
    let bounds = estimate.and_then(|estimate| estimate.bounds(0.025));
    Some(MeanInterval { mean, interval: bounds.map(|bounds| (bounds.low, bounds.high)), tasks: task_means.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `statistics.mean`, `scipy.stats.t.interval(0.95, 2, loc=mean, scale=sem)`.
    #[test]
    fn three_tasks_as_scipy_has_them() {
        let found = mean_interval(&[0.2, 0.5, 0.9]).unwrap();
        assert!((found.mean - 0.533_333_333_333_333_3).abs() < 1e-12);
        let (low, high) = found.interval.unwrap();
        assert!((low + 0.339_067_160_212_988_3).abs() < 1e-9, "{low}");
        assert!((high - 1.405_733_826_879_655).abs() < 1e-9, "{high}");
    }

    #[test]
    fn no_interval_from_one_task_or_from_equal_ones() {
        assert_eq!(mean_interval(&[]), None);
        assert_eq!(mean_interval(&[0.4]).unwrap().interval, None);
        assert_eq!(mean_interval(&[1.0, 1.0, 1.0]).unwrap().interval, None);
        assert_eq!(mean_interval(&[0.4, 0.1 + 0.3, 0.4 + f64::EPSILON]).unwrap().interval, None);
    }
}
