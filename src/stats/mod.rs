//! Statistics: f64 in, f64 out, each with its source. The unit of analysis is the task; trials of a task are repeats.

pub mod signal;

use statrs::distribution::{ContinuousCDF, StudentsT};

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
    let tasks = task_means.len();
    if tasks == 0 {
        return None;
    }
    let count = tasks as f64;
    let mean = task_means.iter().sum::<f64>() / count;
    let squares: f64 = task_means.iter().map(|value| (value - mean).powi(2)).sum();
    // Means that differ by rounding alone are equal.
    let interval = if tasks < 2 || squares <= 1e-24 * count {
        None
    } else {
        let error = (squares / (count - 1.0) / count).sqrt();
        StudentsT::new(0.0, 1.0, count - 1.0).ok().map(|t| {
            let half = t.inverse_cdf(0.975) * error;
            (mean - half, mean + half)
        })
    };
    Some(MeanInterval { mean, interval, tasks })
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
