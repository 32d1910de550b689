//! The numbers of a calibration, over all items and over each split.

use super::{
    first_error::{FirstError, first_error},
    people::{Ceiling, ceiling},
    rates::{Probabilities, Rates, probabilities, rates},
    scale::Scale,
    units::Unit,
};
use crate::stats::{
    agreement::{Weights, gwet_ac1, kappa},
    agreement_many::{Level, gwet, krippendorff_alpha_table},
    confusion::Confusion,
    intervals::pass_rate,
    table::Table,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Of every interval.
const CONFIDENCE: f64 = 0.95;

/// What `evalrun calibrate --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    pub version: u32,
    pub judge: String,
    pub people: Vec<String>,
    /// From lowest to highest; from `pass_at` on they pass.
    pub labels: Vec<String>,
    pub pass_at: String,
    pub whole: Measures,
    pub splits: BTreeMap<String, Measures>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Over one set of items. What could not be computed is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    pub items: Items,
    pub agreement: Option<Agreement>,
    pub confusion: Option<Confused>,
    pub ceiling: Option<Ceiling>,
    pub rates: Option<Rates>,
    pub probabilities: Option<Probabilities>,
    pub first_error: Option<FirstError>,
    /// Items judged in both orders that came out alike.
    pub swap_consistency: Option<Share>,
    pub light: Light,
}

/// Items (or steps) by what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Items {
    /// People and the judge both decided: what agreement is computed from.
    pub compared: u64,
    /// Labelled by people, but they are split, or nobody could decide.
    pub people_undecided: u64,
    /// Decided by people; the judge could not decide, or has no verdict.
    pub judge_undecided: u64,
    pub not_judged: u64,
    /// Decided by the judge, labelled by nobody.
    pub unlabelled: u64,
}

/// A share of a count, 0..=1, with Wilson's 95 % interval (Clopper and Pearson's at the ends); null where the count is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub of: u64,
}

impl Share {
    pub fn of(part: u64, whole: u64) -> Share {
        let interval = pass_rate(part, whole, CONFIDENCE);
        Share {
            value: (whole > 0).then(|| part as f64 / whole as f64),
            low: interval.map(|it| it.low),
            high: interval.map(|it| it.high),
            of: whole,
        }
    }
}

/// A number that may have no meaning, and its 95 % interval where one can be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Valued {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// How far the judge agrees with people's majority.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Rows: people; columns: the judge; both from the lowest label.
    pub table: Vec<Vec<u64>>,
    pub raw: Share,
    /// How common each label is, by people and by the judge.
    pub prevalence: Vec<f64>,
    pub judge_prevalence: Vec<f64>,
    pub kappa: Valued,
    pub kappa_linear: Valued,
    pub kappa_quadratic: Valued,
    pub gwet_ac1: Valued,
    pub krippendorff_alpha: Option<f64>,
    /// The judge's pass rate less people's, over the same items: above 0, it is lenient.
    pub bias: Option<f64>,
}

/// Passes and fails; people are the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confused {
    pub true_pass: u64,
    pub false_pass: u64,
    pub false_fail: u64,
    pub true_fail: u64,
    pub sensitivity: Share,
    pub specificity: Share,
    pub balanced_accuracy: Valued,
    pub precision: Option<f64>,
    pub f1: Option<f64>,
    pub macro_f1: Option<f64>,
    pub mcc: Option<f64>,
}

/// Whether the judge may be relied on, by the lower bound of kappa.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Light {
    pub colour: Colour,
    /// The lower bound that decided.
    pub low: Option<f64>,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    Green,
    Amber,
    Red,
    /// There is no lower bound to judge by.
    None,
}

impl Colour {
    pub fn word(self) -> &'static str {
        match self {
            Colour::Green => "green",
            Colour::Amber => "amber",
            Colour::Red => "red",
            Colour::None => "none",
        }
    }
}

const GREEN_FROM: f64 = 0.6;
const AMBER_FROM: f64 = 0.4;

/// On fewer items no light is green, and a corrected rate covers less than it says.
const FEW: u64 = 50;

/// Everything, over all units and over each split.
pub fn calibrate(units: &[Unit], judge: &str, scale: &Scale) -> Calibration {
    let all: Vec<&Unit> = units.iter().collect();
    let mut by_split: BTreeMap<&str, Vec<&Unit>> = BTreeMap::new();
    for unit in units {
        if let Some(split) = unit.split.as_deref() {
            by_split.entry(split).or_default().push(unit);
        }
    }
    let people: BTreeSet<&String> = units.iter().flat_map(|unit| unit.people.keys()).collect();
    let whole = measures(&all, scale);
    Calibration {
        version: 1,
        judge: judge.to_owned(),
        people: people.into_iter().cloned().collect(),
        labels: scale.labels().to_vec(),
        pass_at: scale.pass_at().to_owned(),
        notes: notes(&all, &whole),
        whole,
        splits: by_split.into_iter().map(|(split, units)| (split.to_owned(), measures(&units, scale))).collect(),
    }
}

fn notes(units: &[&Unit], whole: &Measures) -> Vec<String> {
    let mut notes = Vec::new();
    if whole.ceiling.is_none() {
        notes.push("no item was decided by two people: how far people agree with each other is not known".to_owned());
    }
    if whole.items.compared < FEW {
        notes.push(format!(
            "{} items compared; with fewer than {FEW} every interval here is wide",
            whole.items.compared
        ));
    }
    let places: BTreeSet<&str> =
        units.iter().map(|unit| unit.item.rsplit_once('/').map_or("", |(trial, _)| trial)).collect();
    if !places.contains("") && places.len() < units.len() {
        notes.push(format!("the items come from {} trials; the intervals read them as independent", places.len()));
    }
    notes
}

fn measures(units: &[&Unit], scale: &Scale) -> Measures {
    let pairs = judged_pairs(units, Unit::truth);
    let table = Table::of_pairs(&pairs, scale.labels().len()).ok();
    let passes: Vec<(bool, bool)> =
        pairs.iter().map(|(truth, verdict)| (scale.passes(*truth), scale.passes(*verdict))).collect();
    let confusion = Confusion::of_pairs(&passes);
    let agreement = table.as_ref().map(|table| agreement(table, &confusion));
    let swapped: Vec<bool> = units.iter().filter_map(|unit| unit.judge?.same_swapped).collect();
    let alike = swapped.iter().filter(|alike| **alike).count() as u64;
    Measures {
        items: items(units),
        light: light(agreement.as_ref(), pairs.len() as u64),
        agreement,
        confusion: table.is_some().then(|| confused(&confusion)),
        ceiling: ceiling(units, scale),
        rates: rates(units, scale),
        probabilities: probabilities(units, scale),
        first_error: first_error(units, scale),
        swap_consistency: (!swapped.is_empty()).then(|| Share::of(alike, swapped.len() as u64)),
    }
}

/// (somebody's label, the judge's) where both decided.
pub(super) fn judged_pairs(units: &[&Unit], label: impl Fn(&Unit) -> Option<usize>) -> Vec<(usize, usize)> {
    units.iter().filter_map(|unit| Some((label(unit)?, unit.verdict()?))).collect()
}

fn items(units: &[&Unit]) -> Items {
    let mut items = Items::default();
    for unit in units {
        match (unit.people.is_empty(), unit.truth(), unit.judge) {
            (false, None, _) => items.people_undecided += 1,
            (false, Some(_), None) => items.not_judged += 1,
            (false, Some(_), Some(said)) if said.label.is_none() => items.judge_undecided += 1,
            (false, Some(_), Some(_)) => items.compared += 1,
            (true, _, _) => items.unlabelled += u64::from(unit.verdict().is_some()),
        }
    }
    items
}

fn agreement(table: &Table, confusion: &Confusion) -> Agreement {
    let of = |weights| match kappa(table, weights) {
        None => Valued::default(),
        Some(found) => {
            let interval = found.interval().or_else(|| perfect(table));
            Valued {
                value: Some(found.kappa),
                low: interval.map(|(low, _)| low.max(-1.0)),
                high: interval.map(|(_, high)| high.min(1.0)),
            }
        }
    };
    let values: Vec<f64> = (0..table.labels()).map(|label| label as f64).collect();
    Agreement {
        table: table.counts().to_vec(),
        raw: Share::of(table.agreed(), table.items()),
        prevalence: table.first(),
        judge_prevalence: table.second(),
        kappa: of(Weights::Nominal),
        kappa_linear: of(Weights::Linear),
        kappa_quadratic: of(Weights::Quadratic),
        gwet_ac1: ac1(table),
        krippendorff_alpha: krippendorff_alpha_table(table, &values, Level::Nominal),
        bias: confusion.bias(),
    }
}

/// Perfect agreement has a standard error of 0. How low it may truly be follows from Clopper and Pearson's bound of raw agreement, with
/// agreement by chance as it was seen.
fn perfect(table: &Table) -> Option<(f64, f64)> {
    let chance: f64 = table.first().iter().zip(table.second()).map(|(first, second)| first * second).sum();
    let exact = pass_rate(table.agreed(), table.items(), CONFIDENCE)?;
    (table.agreed() == table.items() && chance < 1.0).then(|| ((exact.low - chance) / (1.0 - chance), exact.high))
}

fn ac1(table: &Table) -> Valued {
    let mut ratings = [Vec::new(), Vec::new()];
    for (first, row) in table.counts().iter().enumerate() {
        for (second, count) in row.iter().enumerate() {
            (0..*count).for_each(|_| {
                ratings[0].push(Some(first as f64));
                ratings[1].push(Some(second as f64));
            });
        }
    }
    let value = gwet_ac1(table);
    // The error is of AC1 over the labels that occur: another number where one of the scale's does not.
    let found = gwet(&ratings, Weights::Nominal).filter(|found| (found.value - value).abs() < 1e-9);
    let half = found.and_then(|found| found.error).map(|error| crate::stats::agreement::Z95 * error);
    Valued { value: Some(value), low: half.map(|half| value - half), high: half.map(|half| (value + half).min(1.0)) }
}

fn confused(confusion: &Confusion) -> Confused {
    let passing = confusion.true_pass + confusion.false_fail;
    let failing = confusion.true_fail + confusion.false_pass;
    let (sensitivity, specificity) = (Share::of(confusion.true_pass, passing), Share::of(confusion.true_fail, failing));
    Confused {
        true_pass: confusion.true_pass,
        false_pass: confusion.false_pass,
        false_fail: confusion.false_fail,
        true_fail: confusion.true_fail,
        balanced_accuracy: middle(confusion.balanced_accuracy(), &sensitivity, &specificity),
        sensitivity,
        specificity,
        precision: confusion.precision(),
        f1: confusion.f1(),
        macro_f1: confusion.macro_f1(),
        mcc: confusion.mcc(),
    }
}

/// The interval of a mean of two independent shares, from theirs (square-and-add, Newcombe 1998).
fn middle(value: Option<f64>, one: &Share, other: &Share) -> Valued {
    let away = |of: &dyn Fn(&Share) -> Option<f64>| {
        let distance = |share: &Share| Some(of(share)? - share.value?);
        Some(distance(one)?.hypot(distance(other)?) / 2.0)
    };
    Valued {
        value,
        low: value.zip(away(&|share| share.low)).map(|(value, away)| value - away),
        high: value.zip(away(&|share| share.high)).map(|(value, away)| value + away),
    }
}

fn light(agreement: Option<&Agreement>, compared: u64) -> Light {
    let kappa = agreement.map(|agreement| agreement.kappa).unwrap_or_default();
    let (colour, why) = match (kappa.value, kappa.low) {
        (None, _) if agreement.is_none() => (Colour::None, "nothing was compared".to_owned()),
        (None, _) => (Colour::None, "kappa has no meaning where everybody gave one label".to_owned()),
        // Without a bound, as for a judge that says one thing throughout.
        (Some(value), None) if value < AMBER_FROM => (Colour::Red, format!("kappa itself is under {AMBER_FROM}")),
        (Some(_), None) => (Colour::None, "kappa has no interval here".to_owned()),
        (Some(_), Some(low)) if low >= GREEN_FROM && compared < FEW => {
            (Colour::Amber, format!("at least {GREEN_FROM}, on fewer than {FEW} items"))
        }
        (Some(_), Some(low)) if low >= GREEN_FROM => (Colour::Green, format!("at least {GREEN_FROM}")),
        (Some(_), Some(low)) if low >= AMBER_FROM => {
            (Colour::Amber, format!("at least {AMBER_FROM}, under {GREEN_FROM}"))
        }
        (Some(_), Some(_)) => (Colour::Red, format!("under {AMBER_FROM}")),
    };
    Light { colour, low: kappa.low, why }
}
