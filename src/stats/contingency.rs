//! Counts in a table of two by two.

use super::quantile::binomial_cdf;
use statrs::function::factorial::ln_binomial;

/// McNemar's exact test on the pairs that differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    pub two_sided: f64,
    /// Fagerland, Lydersen & Laake 2013: less timid than the exact one; 1 where both counts are equal.
    pub mid: f64,
    /// That `b` is the larger.
    pub b_greater: f64,
}

/// McNemar 1947, exact: `b` tasks that only A passes and `c` that only B passes, one trial a task. `None` never happens below 2^53 tasks.
pub fn mcnemar(b: u64, c: u64) -> Option<McNemar> {
    let (few, n) = (b.min(c), b + c);
    let tail = binomial_cdf(few, n, 0.5)?;
    let below = if few == 0 { 0.0 } else { binomial_cdf(few - 1, n, 0.5)? };
    let mid = if b == c { 1.0 } else { (tail + below).min(1.0) };
    // P(X >= b) is P(X <= c), by symmetry.
    Some(McNemar { two_sided: (2.0 * tail).min(1.0), mid, b_greater: binomial_cdf(c, n, 0.5)? })
}

/// Fisher's exact test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fisher {
    /// All tables that are no more likely than this one.
    pub two_sided: f64,
    /// That the upper left count is larger than chance has it.
    pub greater: f64,
}

/// Fisher 1935: `table[row][column]`, margins fixed. An empty table gives 1.
pub fn fisher(table: [[u64; 2]; 2]) -> Fisher {
    let [[a, b], [c, d]] = table;
    let (row, column, n) = (a + b, a + c, a + b + c + d);
    let chance =
        |count: u64| (ln_binomial(column, count) + ln_binomial(n - column, row - count) - ln_binomial(n, row)).exp();
    let (least, most) = ((row + column).saturating_sub(n), row.min(column));
    let seen = chance(a);
    // As likely as the table itself, but for rounding: the tolerance of R and scipy.
    let rare = (least..=most).map(chance).filter(|other| *other <= seen * (1.0 + 1e-7));
    Fisher { two_sided: rare.sum::<f64>().min(1.0), greater: (a..=most).map(chance).sum::<f64>().min(1.0) }
}
