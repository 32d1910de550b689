//! The cluster bootstrap of a mean: whole clusters are drawn with replacement, a draw's statistic is the mean of all its values.
//! With one value per cluster this is the ordinary bootstrap.

use super::{
    Interval,
    quantile::{normal_cdf, normal_quantile},
    seeded::Seeded,
};

/// From so many tasks on a bootstrap interval may be shown: with 10 the percentile interval is far too narrow.
pub const FEWEST_TASKS: usize = 20;
/// An exact bootstrap enumerates n^n draws.
pub const MOST_EXACT: usize = 7;

/// What all draws, or many, gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// Of the values as they are.
    pub mean: f64,
    /// Draws, sorted.
    draws: Vec<f64>,
    sums: Vec<(f64, f64)>,
}

/// What the BCa interval is made of (Efron 1987).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bca {
    pub acceleration: f64,
    /// Shares of draws below the mean, and not above it.
    pub less: f64,
    pub not_more: f64,
    /// Bias correction from the middle of the two shares, as scipy has it.
    pub bias: f64,
    /// The tails that are cut off instead of alpha/2 and 1 - alpha/2.
    pub tails: (f64, f64),
    pub interval: Interval,
}

/// Every possible draw. `None` for no cluster, an empty one, and more than `MOST_EXACT`.
pub fn exact(clusters: &[Vec<f64>]) -> Option<Bootstrap> {
    let sums = sums(clusters)?;
    let n = sums.len();
    if n > MOST_EXACT {
        return None;
    }
    let draw = |code: usize| {
        let drawn = (0..n).scan(code, |rest, _| {
            let nth = *rest % n;
            *rest /= n;
            Some(sums[nth])
        });
        ratio(drawn)
    };
    let draws = (0..n.pow(n as u32)).map(draw).collect();
    Some(Bootstrap::of(draws, sums))
}

/// `draws` random draws (more than 0). `None` for no cluster and for an empty one.
pub fn drawn(clusters: &[Vec<f64>], draws: usize, seed: u64) -> Option<Bootstrap> {
    let sums = sums(clusters)?;
    let mut seeded = Seeded::new(seed);
    let draws: Vec<f64> = (0..draws).map(|_| ratio((0..sums.len()).map(|_| sums[seeded.below(sums.len())]))).collect();
    (!draws.is_empty()).then(|| Bootstrap::of(draws, sums))
}

/// What may be shown beside the t interval: BCa over tasks, 10,000 draws. `None` below `FEWEST_TASKS` and where nothing varies.
pub fn interval(tasks: &[Vec<f64>], confidence: f64, seed: u64) -> Option<Interval> {
    if tasks.len() < FEWEST_TASKS {
        return None;
    }
    drawn(tasks, 10_000, seed)?.bca(1.0 - confidence).map(|bca| bca.interval)
}

impl Bootstrap {
    fn of(mut draws: Vec<f64>, sums: Vec<(f64, f64)>) -> Bootstrap {
        draws.sort_by(f64::total_cmp);
        Bootstrap { mean: ratio(sums.iter().copied()), draws, sums }
    }

    pub fn count(&self) -> usize {
        self.draws.len()
    }

    /// Mean of the draws.
    pub fn center(&self) -> f64 {
        self.draws.iter().sum::<f64>() / self.draws.len() as f64
    }

    /// Standard deviation of the draws, n below.
    pub fn deviation(&self) -> f64 {
        let center = self.center();
        (self.draws.iter().map(|draw| (draw - center).powi(2)).sum::<f64>() / self.draws.len() as f64).sqrt()
    }

    /// The middle `1 - alpha` of the draws, quantiles of type 7.
    pub fn percentile(&self, alpha: f64) -> Interval {
        Interval { low: self.quantile(alpha / 2.0), high: self.quantile(1.0 - alpha / 2.0) }
    }

    /// Bias-corrected and accelerated. `None` where nothing varies or all draws lie on one side.
    pub fn bca(&self, alpha: f64) -> Option<Bca> {
        let n = self.draws.len() as f64;
        // Draws that differ from the mean by rounding alone are equal to it.
        let slack = 1e-12 * (1.0 + self.mean.abs());
        let less = self.draws.partition_point(|draw| *draw < self.mean - slack) as f64 / n;
        let not_more = self.draws.partition_point(|draw| *draw <= self.mean + slack) as f64 / n;
        let bias = normal_quantile(f64::midpoint(less, not_more))?;
        let acceleration = self.acceleration()?;
        let tail = |z: f64| normal_cdf(bias + (bias + z) / (1.0 - acceleration * (bias + z)));
        let z = normal_quantile(alpha / 2.0)?;
        let tails = (tail(z), tail(-z));
        let interval = Interval { low: self.quantile(tails.0), high: self.quantile(tails.1) };
        Some(Bca { acceleration, less, not_more, bias, tails, interval })
    }

    /// From leaving out one cluster at a time.
    fn acceleration(&self) -> Option<f64> {
        let left_out = |out: usize| ratio(self.sums.iter().enumerate().filter(|(nth, _)| *nth != out).map(|(_, s)| *s));
        let without: Vec<f64> = (0..self.sums.len()).map(left_out).collect();
        let center = without.iter().sum::<f64>() / without.len() as f64;
        let power = |n: i32| without.iter().map(|value| (center - value).powi(n)).sum::<f64>();
        let square = power(2);
        (square > 1e-24).then(|| power(3) / (6.0 * square.powf(1.5)))
    }

    fn quantile(&self, p: f64) -> f64 {
        let place = p.clamp(0.0, 1.0) * (self.draws.len() - 1) as f64;
        let (below, above) = (self.draws[place.floor() as usize], self.draws[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}

/// Sum and count of each cluster.
fn sums(clusters: &[Vec<f64>]) -> Option<Vec<(f64, f64)>> {
    let good = !clusters.is_empty() && clusters.iter().all(|values| !values.is_empty());
    good.then(|| clusters.iter().map(|values| (values.iter().sum(), values.len() as f64)).collect())
}

fn ratio(sums: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, count) = sums.fold((0.0, 0.0), |(sum, count), (s, c)| (sum + s, count + c));
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tasks_get_no_bootstrap_interval() {
        let tasks: Vec<Vec<f64>> = (0..20).map(|nth| vec![f64::from(nth) / 20.0, 0.5]).collect();
        assert_eq!(interval(&tasks[..19], 0.95, 1), None);
        assert!(interval(&tasks, 0.95, 1).is_some());
        assert_eq!(interval(&vec![vec![1.0]; 20], 0.95, 1), None);
        assert_eq!(drawn(&[], 10, 1), None);
        assert_eq!(drawn(&[vec![]], 10, 1), None);
        assert_eq!(exact(&vec![vec![1.0]; MOST_EXACT + 1]), None);
    }
}
