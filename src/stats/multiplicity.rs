//! Several tests at once. Each function: p values in [0, 1] in, adjusted ones in the same order out; reject where adjusted <= alpha.

/// Times their number. The plainest; `holm` is never worse.
pub fn bonferroni(p: &[f64]) -> Vec<f64> {
    p.iter().map(|value| (value * p.len() as f64).min(1.0)).collect()
}

/// Holm 1979: family-wise error whatever the tests have in common. What the gate uses.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let n = p.len();
    let mut most = 0.0;
    placed(p, ascending(p), |rank, value| {
        most = f64::max(most, value * (n - rank) as f64);
        most
    })
}

/// The level at which Holm tests each p value: it rejects where p <= level. After the first that is not rejected, the level stays.
pub fn holm_levels(p: &[f64], alpha: f64) -> Vec<f64> {
    let (mut levels, mut level, mut stopped) = (vec![alpha; p.len()], alpha, false);
    for (rank, place) in ascending(p).into_iter().enumerate() {
        if !stopped {
            level = alpha / (p.len() - rank) as f64;
        }
        stopped |= p[place] > level;
        levels[place] = level;
    }
    levels
}

/// Hochberg 1988: like Holm from the other end; for tests that are independent or hang together positively.
pub fn hochberg(p: &[f64]) -> Vec<f64> {
    let mut least = 1.0;
    placed(p, descending(p), |from_top, value| {
        least = f64::min(least, value * (from_top + 1) as f64);
        least
    })
}

/// Benjamini & Hochberg 1995: the false discovery rate; for tables that explore.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    discovery(p, 1.0)
}

/// Benjamini & Yekutieli 2001: the same whatever the tests have in common.
pub fn benjamini_yekutieli(p: &[f64]) -> Vec<f64> {
    discovery(p, (1..=p.len()).map(|rank| 1.0 / rank as f64).sum())
}

fn discovery(p: &[f64], penalty: f64) -> Vec<f64> {
    let n = p.len();
    let mut least = 1.0;
    placed(p, descending(p), |from_top, value| {
        least = f64::min(least, value * penalty / ((n - from_top) as f64 / n as f64));
        least
    })
}

/// Places of the p values, smallest first.
fn ascending(p: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..p.len()).collect();
    places.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    places
}

fn descending(p: &[f64]) -> Vec<usize> {
    ascending(p).into_iter().rev().collect()
}

fn placed(p: &[f64], order: Vec<usize>, mut adjust: impl FnMut(usize, f64) -> f64) -> Vec<f64> {
    let mut adjusted = vec![1.0; p.len()];
    for (nth, place) in order.into_iter().enumerate() {
        adjusted[place] = adjust(nth, p[place]).min(1.0);
    }
    adjusted
}
