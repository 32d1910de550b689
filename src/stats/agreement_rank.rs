//! Two raters on an ordered scale: do they rank alike, and is one of them milder?

use super::table::Table;

/// How two raters' places on one scale go together. Correlations are `None` where a rater gave one label only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankAgreement {
    /// Kendall (1945): pairs in the same order less pairs in the other, over pairs that neither rater tied.
    pub kendall_tau_b: Option<f64>,
    /// Pearson's correlation of mean ranks.
    pub spearman: Option<f64>,
    pub pearson: Option<f64>,
    /// Mean distance in labels.
    pub mean_distance: f64,
    /// Mean of second less first, in labels: above 0, the second rater is higher.
    pub bias: f64,
    /// Share of items with the same label, and with labels at most one apart.
    pub exact: f64,
    pub within_one: f64,
}

/// Labels count 0, 1, 2, ... in the order of the table.
pub fn rank_agreement(table: &Table) -> RankAgreement {
    let place = |label: usize| label as f64;
    let mean = |of: &dyn Fn(f64, f64) -> f64| table.shares().map(|(a, b, share)| share * of(place(a), place(b))).sum();
    let (first, second) = (ranks(&table.first()), ranks(&table.second()));
    RankAgreement {
        kendall_tau_b: tau_b(table),
        spearman: correlation(table, &|a, b| (first[a], second[b])),
        pearson: correlation(table, &|a, b| (place(a), place(b))),
        mean_distance: mean(&|a, b| (a - b).abs()),
        bias: mean(&|a, b| b - a),
        exact: mean(&|a, b| f64::from(u8::from(a == b))),
        within_one: mean(&|a, b| f64::from(u8::from((a - b).abs() <= 1.0))),
    }
}

/// The mean rank of each label, as a share of all items.
fn ranks(shares: &[f64]) -> Vec<f64> {
    let mut below = 0.0;
    let rank = |share: &f64| {
        let rank = below + share / 2.0;
        below += share;
        rank
    };
    shares.iter().map(rank).collect()
}

fn correlation(table: &Table, at: &dyn Fn(usize, usize) -> (f64, f64)) -> Option<f64> {
    let points: Vec<(f64, f64, f64)> = table
        .shares()
        .map(|(a, b, share)| {
            let (x, y) = at(a, b);
            (x, y, share)
        })
        .collect();
    let mean_x: f64 = points.iter().map(|(x, _, share)| x * share).sum();
    let mean_y: f64 = points.iter().map(|(_, y, share)| y * share).sum();
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y, share) in points {
        xx += share * (x - mean_x).powi(2);
        yy += share * (y - mean_y).powi(2);
        xy += share * (x - mean_x) * (y - mean_y);
    }
    (xx > 1e-15 && yy > 1e-15).then(|| xy / (xx * yy).sqrt())
}

fn tau_b(table: &Table) -> Option<f64> {
    let cells: Vec<(usize, usize, f64)> = table.shares().filter(|(_, _, share)| *share > 0.0).collect();
    let mut order = 0.0;
    for (a, b, share) in &cells {
        for (c, d, other) in &cells {
            if c > a && d != b {
                order += if d > b { share * other } else { -share * other };
            }
        }
    }
    // Pairs that a rater did not tie, as shares of all ordered pairs.
    let untied = |shares: &[f64]| (1.0 - shares.iter().map(|share| share * share).sum::<f64>()) / 2.0;
    let (first, second) = (untied(&table.first()), untied(&table.second()));
    (first > 1e-15 && second > 1e-15).then(|| order / (first * second).sqrt())
}
