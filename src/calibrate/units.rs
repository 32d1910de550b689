//! What people and the judge said of each item, or of each of its steps.

use super::labels::Row;
use std::collections::BTreeMap;

/// What one rater said of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// `None`: could not decide, or decided by the order in which things were shown.
    pub label: Option<usize>,
    pub score: Option<f64>,
    /// Where it was asked in both orders: whether both came out alike.
    pub same_swapped: Option<bool>,
}

/// One item, or one step of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    pub item: String,
    pub step: Option<u32>,
    pub split: Option<String>,
    pub people: BTreeMap<String, Said>,
    pub judge: Option<Said>,
}

impl Unit {
    /// The label that more than half of the people who decided gave; `None` where they are split or nobody decided.
    pub fn truth(&self) -> Option<usize> {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        self.people.values().filter_map(|said| said.label).for_each(|label| *counts.entry(label).or_default() += 1);
        let decided: usize = counts.values().sum();
        counts.into_iter().find(|(_, count)| 2 * count > decided).map(|(label, _)| label)
    }

    pub fn verdict(&self) -> Option<usize> {
        self.judge?.label
    }

    /// What people say and what the judge says, where both decided.
    pub fn both(&self) -> Option<(usize, usize)> {
        Some((self.truth()?, self.verdict()?))
    }
}

/// Joins people's rows and the judge's, in the order of items and steps.
pub fn units(people: &[Row], judge: &[Row]) -> Vec<Unit> {
    let mut found: BTreeMap<(&str, Option<u32>), Unit> = BTreeMap::new();
    for (row, by_judge) in people.iter().map(|row| (row, false)).chain(judge.iter().map(|row| (row, true))) {
        let unit = found.entry((&row.item, row.step)).or_default();
        unit.item.clone_from(&row.item);
        unit.step = row.step;
        unit.split = unit.split.take().or_else(|| row.split.clone());
        let before = if by_judge { unit.judge } else { unit.people.get(&row.rater).copied() };
        let said = with(before, row);
        if by_judge {
            unit.judge = Some(said);
        } else {
            unit.people.insert(row.rater.clone(), said);
        }
    }
    found.into_values().collect()
}

/// A rater is read twice only where it was asked in both orders.
fn with(before: Option<Said>, row: &Row) -> Said {
    let Some(before) = before else { return Said { label: row.label, score: row.score, same_swapped: None } };
    let alike = before.label == row.label;
    let score = match (before.score, row.score) {
        (Some(one), Some(other)) => Some((one + other) / 2.0),
        (one, other) => one.or(other),
    };
    Said { label: row.label.filter(|_| alike), score, same_swapped: Some(alike) }
}
