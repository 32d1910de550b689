//! What grading yields. "Could not measure" is never a number.

use super::{fault::Fault, id::EventId, judge::Judged};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A metric of one trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    Value(Reading),
    /// The formula has no meaning for this trajectory.
    Undefined(String),
    /// This source cannot tell.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub value: f64,
    /// The events that made the number, in order.
    pub cites: Vec<EventId>,
    /// Breakdown by kind, rule or stage; `Null` where there is none.
    pub detail: Value,
}

impl Measured {
    pub fn value(value: f64) -> Measured {
        Measured::Value(Reading { value, cites: Vec::new(), detail: Value::Null })
    }

    /// With the events that made it; one after another of the same event is one.
    pub fn cited(value: f64, mut cites: Vec<EventId>) -> Measured {
        cites.dedup();
        Measured::Value(Reading { value, cites, detail: Value::Null })
    }

    /// A reading with these fields beside those its breakdown has already.
    pub fn with_detail(self, more: Value) -> Measured {
        let Measured::Value(mut reading) = self else { return self };
        match (&mut reading.detail, more) {
            (Value::Object(detail), Value::Object(more)) => detail.extend(more),
            (detail, more) => *detail = more,
        }
        Measured::Value(reading)
    }

    /// The number, where there is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Measured::Value(reading) => Some(reading.value),
            Measured::Undefined(_) | Measured::Unknown(_) => None,
        }
    }
}

/// How a criterion came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 0..=1.
    Scored(f64),
    Unknown(String),
    NotApplicable(String),
    NotAsked,
    Broken(Fault),
}

/// One criterion of one dimension for one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub dimension: String,
    pub criterion: String,
    pub outcome: Outcome,
    pub weight: f64,
    /// Scored not met, it caps its dimension at this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// The sentence for this case.
    pub why: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<Cite>,
    /// What judges said, where any was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Box<Judged>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cite {
    pub event: EventId,
    pub quote: String,
}

/// A dimension's score for one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DimensionScore {
    pub dimension: String,
    /// Weighted mean over scored criteria, capped; `None`: nothing was scored.
    pub value: Option<f64>,
    /// If every unknown were 0, and if every unknown were 1.
    pub bounds: Option<(f64, f64)>,
    /// Weight answered / weight asked; `None`: nothing was asked.
    pub coverage: Option<f64>,
    pub unknown: u32,
    pub not_applicable: u32,
    pub not_asked: u32,
    pub broken: u32,
}
