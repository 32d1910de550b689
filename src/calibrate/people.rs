//! How far people agree with each other: no judge can be expected to agree with them more.

use super::{measures::judged_pairs, scale::Scale, units::Unit};
use crate::stats::{
    agreement::{Weights, kappa, raw_agreement},
    agreement_many::{Level, gwet, krippendorff_alpha},
    table::Table,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Agreement between people, and of the judge with single people, which is what it may be compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ceiling {
    pub raters: u64,
    /// Items that two or more people decided.
    pub items: u64,
    /// Means over pairs of people, by their items.
    pub raw: f64,
    pub kappa: Option<f64>,
    pub gwet_ac1: Option<f64>,
    pub krippendorff_alpha: Option<f64>,
    /// The mean over people of their kappa with the judge, by their items.
    pub judge_kappa: Option<f64>,
}

/// `None` where no item was decided by two people.
pub fn ceiling(units: &[&Unit], scale: &Scale) -> Option<Ceiling> {
    let raters: Vec<&str> = units
        .iter()
        .flat_map(|unit| unit.people.keys().map(String::as_str))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let label = |unit: &Unit, rater: &str| unit.people.get(rater).and_then(|said| said.label);
    let labels = scale.labels().len();
    let mut tables = Vec::new();
    for (at, first) in raters.iter().enumerate() {
        for second in &raters[at + 1..] {
            let both = |unit: &&Unit| Some((label(unit, first)?, label(unit, second)?));
            let pairs: Vec<(usize, usize)> = units.iter().filter_map(both).collect();
            tables.extend(Table::of_pairs(&pairs, labels).ok());
        }
    }
    let ratings: Vec<Vec<Option<f64>>> = raters
        .iter()
        .map(|rater| units.iter().map(|unit| label(unit, rater).map(|label| label as f64)).collect())
        .collect();
    let decided = |unit: &&&Unit| unit.people.values().filter(|said| said.label.is_some()).count() >= 2;
    Some(Ceiling {
        raters: raters.len() as u64,
        items: units.iter().filter(decided).count() as u64,
        raw: weighted(tables.iter().map(|table| (raw_agreement(table), table.items())))?,
        kappa: weighted(tables.iter().filter_map(kappa_of)),
        gwet_ac1: gwet(&ratings, Weights::Nominal).map(|found| found.value),
        krippendorff_alpha: krippendorff_alpha(&ratings, Level::Nominal),
        judge_kappa: weighted(raters.iter().filter_map(|rater| {
            let pairs = judged_pairs(units, |unit| label(unit, rater));
            Table::of_pairs(&pairs, labels).ok().as_ref().and_then(kappa_of)
        })),
    })
}

fn kappa_of(table: &Table) -> Option<(f64, u64)> {
    Some((kappa(table, Weights::Nominal)?.kappa, table.items()))
}

fn weighted(values: impl Iterator<Item = (f64, u64)>) -> Option<f64> {
    let (sum, items) =
        values.fold((0.0, 0.0), |(sum, items), (value, weight)| (sum + value * weight as f64, items + weight as f64));
    (items > 0.0).then(|| sum / items)
}
