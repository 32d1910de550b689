//! From criteria to a dimension: the weighted mean over what was scored, and how sure one can be of it.
//!
//! Two met (weights 2 and 1), one not met (weight 1), one unknown (weight 1): 3 / 4 = 0.75; between 0.6 and 0.8 whatever the unknown one is;
//! coverage 4 / 5. What does not apply, was not asked or is broken counts nowhere.

use crate::model::score::{DimensionScore, Outcome, Score};

/// Half of the scale: a criterion below it is not met, and its cap holds.
pub const MET: f64 = 0.5;

/// The score of one dimension for one trial. `scores` are all of that dimension.
pub fn dimension(scores: &[Score]) -> DimensionScore {
    named(scores.first().map_or("", |score| &score.dimension), scores.iter())
}

fn named<'s>(name: &str, scores: impl Iterator<Item = &'s Score>) -> DimensionScore {
    let mut sums = Sums::default();
    let mut out = DimensionScore {
        dimension: name.to_owned(),
        value: None,
        bounds: None,
        coverage: None,
        unknown: 0,
        not_applicable: 0,
        not_asked: 0,
        broken: 0,
    };
    for score in scores {
        match &score.outcome {
            Outcome::Scored(value) => sums.scored(score, *value),
            Outcome::Unknown(_) => {
                out.unknown += 1;
                sums.unknown(score);
            }
            Outcome::NotApplicable(_) => out.not_applicable += 1,
            Outcome::NotAsked => out.not_asked += 1,
            Outcome::Broken(_) => out.broken += 1,
        }
    }
    let asked = sums.weight + sums.open;
    if sums.weight > 0.0 {
        out.value = Some((sums.total / sums.weight).min(sums.cap));
    }
    if asked > 0.0 {
        let low = (sums.total / asked).min(sums.cap.min(sums.open_cap));
        let high = ((sums.total + sums.open) / asked).min(sums.cap);
        out.bounds = Some((low, high));
        out.coverage = Some(sums.weight / asked);
    }
    out
}

/// Every dimension of a trial, in the order in which it first appears.
pub fn dimensions(scores: &[Score]) -> Vec<DimensionScore> {
    let mut names: Vec<&str> = Vec::new();
    for score in scores {
        if !names.contains(&score.dimension.as_str()) {
            names.push(&score.dimension);
        }
    }
    names.iter().map(|name| named(name, scores.iter().filter(|score| score.dimension == *name))).collect()
}

struct Sums {
    total: f64,
    weight: f64,
    /// Weight of the unknown ones.
    open: f64,
    cap: f64,
    /// The cap if every unknown criterion were not met.
    open_cap: f64,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums { total: 0.0, weight: 0.0, open: 0.0, cap: 1.0, open_cap: 1.0 }
    }
}

impl Sums {
    fn scored(&mut self, score: &Score, value: f64) {
        self.total += score.weight * value;
        self.weight += score.weight;
        if value < MET {
            self.cap = self.cap.min(score.cap.unwrap_or(1.0));
        }
    }

    fn unknown(&mut self, score: &Score) {
        self.open += score.weight;
        self.open_cap = self.open_cap.min(score.cap.unwrap_or(1.0));
    }
}
