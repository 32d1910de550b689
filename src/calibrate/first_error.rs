//! Does the judge find the step at which an item first goes wrong?

use super::{measures::Share, scale::Scale, units::Unit};
use serde::Serialize;
use std::collections::BTreeMap;

/// Over items with steps of which both people and the judge decided every labelled one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstError {
    /// The same step, or no failing step in both.
    pub same: Share,
    /// The judge saw an error before people's first, or where they saw none; and after it, or none where they saw one.
    pub too_early: u64,
    pub too_late: u64,
}

/// `None` where no item has steps that can be compared.
pub fn first_error(units: &[&Unit], scale: &Scale) -> Option<FirstError> {
    let mut items: BTreeMap<&str, Vec<&Unit>> = BTreeMap::new();
    for unit in units.iter().filter(|unit| unit.step.is_some() && !unit.people.is_empty()) {
        items.entry(&unit.item).or_default().push(unit);
    }
    let (mut same, mut all, mut too_early, mut too_late) = (0, 0, 0, 0);
    for steps in items.values() {
        let Some(said) = steps.iter().map(|unit| unit.both()).collect::<Option<Vec<_>>>() else { continue };
        let first = |of: &dyn Fn(&(usize, usize)) -> usize| {
            said.iter().position(|both| !scale.passes(of(both))).unwrap_or(usize::MAX)
        };
        let (people, judge) = (first(&|both| both.0), first(&|both| both.1));
        all += 1;
        same += u64::from(people == judge);
        too_early += u64::from(judge < people);
        too_late += u64::from(judge > people);
    }
    (all > 0).then(|| FirstError { same: Share::of(same, all), too_early, too_late })
}
