//! Sign flips: if nothing changed, a difference could as well have had the other sign (Fisher 1935). Needs no normality.

use super::seeded::Seeded;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignFlip {
    /// How many sign patterns were looked at, the observed one among them.
    pub patterns: u64,
    /// That the sum is larger than chance has it.
    pub greater: f64,
    pub less: f64,
    /// By the size of the sum, whatever its sign.
    pub two_sided: f64,
}

impl SignFlip {
    /// The definition of scipy's `permutation_test`: twice the smaller tail.
    pub fn doubled(&self) -> f64 {
        (2.0 * self.greater.min(self.less)).min(1.0)
    }
}

/// From so many differences on, patterns are drawn instead of enumerated.
pub const MOST_EXACT: usize = 20;

/// All 2^n patterns of the differences' signs; differences of 0 stay in. `None` for none, and for more than `MOST_EXACT`.
/// For clusters that must flip together hand in one sum per cluster.
pub fn sign_flip(differences: &[f64]) -> Option<SignFlip> {
    if differences.is_empty() || differences.len() > MOST_EXACT {
        return None;
    }
    let mut count = Count::of(differences);
    for pattern in 0..1u64 << differences.len() {
        let sign = |nth: usize| if pattern >> nth & 1 == 0 { 1.0 } else { -1.0 };
        count.note(differences.iter().enumerate().map(|(nth, d)| sign(nth) * d).sum());
    }
    Some(count.shares(0))
}

/// The same from `draws` patterns: (exceeding + 1) / (draws + 1), never 0 (Phipson & Smyth 2010). `None` for no difference.
pub fn sign_flip_drawn(differences: &[f64], draws: u64, seed: u64) -> Option<SignFlip> {
    if differences.is_empty() {
        return None;
    }
    let (mut count, mut seeded) = (Count::of(differences), Seeded::new(seed));
    let sums: Vec<[f64; 256]> = differences.chunks(8).map(sums_of_eight).collect();
    for _ in 0..draws {
        // One draw has the signs of 64 differences.
        let of = |eights: &[[f64; 256]]| -> f64 {
            let bits = seeded.bits().to_le_bytes();
            eights.iter().zip(bits).map(|(sums, signs)| sums[usize::from(signs)]).sum()
        };
        count.note(sums.chunks(8).map(of).sum());
    }
    Some(count.shares(1))
}

/// The sum of up to eight differences under each pattern of their signs.
fn sums_of_eight(differences: &[f64]) -> [f64; 256] {
    let sign = |pattern: usize, nth: usize| if pattern >> nth & 1 == 0 { 1.0 } else { -1.0 };
    std::array::from_fn(|pattern| differences.iter().enumerate().map(|(nth, d)| sign(pattern, nth) * d).sum())
}

/// Phipson & Smyth 2010: the p value of `exceed` among `draws` random patterns.
pub fn drawn_p(exceed: u64, draws: u64) -> f64 {
    (exceed + 1) as f64 / (draws + 1) as f64
}

struct Count {
    seen: f64,
    /// Sums that differ by rounding alone are equal.
    slack: f64,
    all: u64,
    greater: u64,
    less: u64,
    larger: u64,
}

impl Count {
    fn of(differences: &[f64]) -> Count {
        let size: f64 = differences.iter().map(|d| d.abs()).sum();
        Count { seen: differences.iter().sum(), slack: 1e-12 * size, all: 0, greater: 0, less: 0, larger: 0 }
    }

    fn note(&mut self, sum: f64) {
        self.all += 1;
        self.greater += u64::from(sum >= self.seen - self.slack);
        self.less += u64::from(sum <= self.seen + self.slack);
        self.larger += u64::from(sum.abs() >= self.seen.abs() - self.slack);
    }

    /// `own`: 1 if the observed pattern was not among those counted.
    fn shares(&self, own: u64) -> SignFlip {
        let patterns = self.all + own;
        let share = |count: u64| (count + own) as f64 / patterns as f64;
        SignFlip { patterns, greater: share(self.greater), less: share(self.less), two_sided: share(self.larger) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_patterns_come_near_the_exact_ones() {
        let differences = [0.1, -0.05, 0.1, 0.1, 0.0, 0.2, -0.05, 0.15, 0.1, 0.05];
        let (exact, drawn) = (sign_flip(&differences).unwrap(), sign_flip_drawn(&differences, 9999, 5).unwrap());
        assert!((exact.greater - drawn.greater).abs() < 0.005 && (exact.two_sided - drawn.two_sided).abs() < 0.007);
        assert_eq!(sign_flip(&[]), None);
        assert_eq!(sign_flip(&[1.0; MOST_EXACT + 1]), None);
    }
}
