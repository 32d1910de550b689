//! The judge's pass rate, raw and corrected by what people said of some of the same items.

use super::{measures::Share, scale::Scale, units::Unit};
use crate::stats::calibration::{Labelled, brier, expected_calibration_error, ppi_mean, ppi_weight};
use serde::Serialize;

/// Pass rates, 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// The judge's own, over all it decided.
    pub raw: Share,
    /// People's, over what both decided.
    pub people: Share,
    pub corrected: Option<Corrected>,
    /// Why there is no corrected rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// PPI++ (arXiv 2311.01453).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Corrected {
    /// May leave 0..=1 by a little.
    pub value: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// How much of the judge is in it: 0 is people alone.
    pub weight: f64,
    pub labelled: u64,
    pub unlabelled: u64,
}

/// Whether the judge's probabilities are honest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Probabilities {
    pub items: u64,
    pub brier: f64,
    /// Over 10 bins of equal width.
    pub calibration_error: f64,
}

const BINS: usize = 10;

/// `None` where the judge decided nothing, or people nothing of it.
pub fn rates(units: &[&Unit], scale: &Scale) -> Option<Rates> {
    let passes = |label: usize| f64::from(u8::from(scale.passes(label)));
    let verdicts: Vec<f64> = units.iter().filter_map(|unit| unit.verdict()).map(passes).collect();
    let (people, judge): (Vec<f64>, Vec<f64>) =
        units.iter().filter_map(|unit| unit.both()).map(|(truth, verdict)| (passes(truth), passes(verdict))).unzip();
    let unlabelled: Vec<f64> =
        units.iter().filter(|unit| unit.people.is_empty()).filter_map(|unit| unit.verdict()).map(passes).collect();
    if people.is_empty() {
        return None;
    }
    let corrected = corrected(&Labelled { people: &people, judge: &judge, unlabelled: &unlabelled });
    let share =
        |values: &[f64]| Share::of(values.iter().filter(|value| **value > 0.5).count() as u64, values.len() as u64);
    let (corrected, why_not) = match corrected {
        Ok(corrected) => (Some(corrected), None),
        Err(why) => (None, Some(why.to_owned())),
    };
    Some(Rates { raw: share(&verdicts), people: share(&people), corrected, why_not })
}

fn corrected(given: &Labelled<'_>) -> Result<Corrected, &'static str> {
    if given.unlabelled.is_empty() {
        return Err("people labelled all that the judge decided: nothing to correct");
    }
    let weight = ppi_weight(given).ok_or("it takes at least two items that both decided")?;
    let found = ppi_mean(given, weight).ok_or("it takes at least two items that both decided")?;
    let interval = found.interval();
    Ok(Corrected {
        value: found.value,
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        weight,
        labelled: given.people.len() as u64,
        unlabelled: given.unlabelled.len() as u64,
    })
}

/// `None` where the judge gave no probability of what people decided.
pub fn probabilities(units: &[&Unit], scale: &Scale) -> Option<Probabilities> {
    let pair = |unit: &&Unit| Some((unit.judge?.score?, scale.passes(unit.truth()?)));
    let said: Vec<(f64, bool)> = units.iter().filter_map(pair).collect();
    Some(Probabilities {
        items: said.len() as u64,
        brier: brier(&said)?,
        calibration_error: expected_calibration_error(&said, BINS)?,
    })
}
