//! `evalrun explain --json`: the same facts for machines. Nothing is left out here.
//!
//! ```json
//! {"trial": "t/a/1", "metric": "ends_green", "value": 1,
//!  "counted": [{"event": 41, "what": "test, green, exit 0"}],
//!  "near": [{"event": 12, "what": "test, red, exit 1", "why": "not after the last code edit (e31)"}]}
//! ```

use super::explain::{Case, Subject};
use crate::graders::{criteria::Criterion, dimension, dimensions};
use crate::metrics::{
    METRICS, Metric,
    explain::{Mark, Seen},
    to_json,
};
use crate::model::score::{DimensionScore, Measured, Outcome, Score};
use serde_json::{Map, Value, json};

pub fn to_value(case: &Case<'_>, subject: Subject<'_>) -> Value {
    let mut out = match subject {
        Subject::Everything => {
            let all: Vec<Value> = dimensions(case.scores).iter().map(|found| of_dimension(case, found)).collect();
            json!({ "trial": case.id, "dimensions": all })
        }
        Subject::Dimension(name) => {
            let scores = case.of_dimension(name);
            let found = (!scores.is_empty()).then(|| of_dimension(case, &dimension(&scores)));
            let own = METRICS.iter().filter(|metric| metric.behaviour == name);
            let measured: Vec<(&'static str, Measured)> =
                own.map(|metric| (metric.id, (metric.of)(case.facts))).collect();
            let found = found.unwrap_or_else(|| json!({ "dimension": name, "value": null, "criteria": [] }));
            json!({ "trial": case.id, "dimension": found, "metrics": to_json(&measured) })
        }
        Subject::Criterion(score) => {
            let metrics = case.criterion(score).map(Criterion::metrics).unwrap_or_default();
            let metrics = metrics.into_iter().filter_map(crate::metrics::named).map(|metric| of_metric(case, metric));
            let metrics: Vec<Value> = metrics.collect();
            json!({ "trial": case.id, "criterion": of_criterion(case, score), "metrics": metrics })
        }
        Subject::Metric(metric) => of_metric(case, metric),
    };
    if !case.notes.is_empty() {
        out["notes"] = json!(case.notes);
    }
    out
}

fn of_dimension(case: &Case<'_>, found: &DimensionScore) -> Value {
    let criteria: Vec<Value> =
        case.of_dimension(&found.dimension).iter().map(|score| of_criterion(case, score)).collect();
    let bounds = found.bounds.map(|(low, high)| [low, high]);
    json!({
        "dimension": found.dimension, "value": found.value, "bounds": bounds, "coverage": found.coverage,
        "criteria": criteria,
    })
}

fn of_criterion(case: &Case<'_>, score: &Score) -> Value {
    let (outcome, value) = match &score.outcome {
        Outcome::Scored(value) => ("scored", Some(*value)),
        Outcome::Unknown(_) => ("unknown", None),
        Outcome::NotApplicable(_) => ("not_applicable", None),
        Outcome::NotAsked => ("not_asked", None),
        Outcome::Broken(_) => ("broken", None),
    };
    let mut out = json!({
        "dimension": score.dimension, "criterion": score.criterion, "outcome": outcome, "value": value,
        "weight": score.weight, "cap": score.cap, "why": score.why, "cites": score.cites,
    });
    if let Some(criterion) = case.criterion(score) {
        let metrics: Vec<(&'static str, Measured)> = criterion
            .metrics()
            .into_iter()
            .filter_map(crate::metrics::named)
            .map(|metric| (metric.id, (metric.of)(case.facts)))
            .collect();
        out["kind"] = json!(criterion.kind);
        out["asked"] = json!(criterion.asked);
        out["needs"] = json!(criterion.needs.as_ref().map(|needs| &needs.source));
        out["metrics"] = Value::Object(to_json(&metrics));
    }
    out
}

fn of_metric(case: &Case<'_>, metric: &'static Metric) -> Value {
    let explained = case.explained(metric);
    let mut out: Map<String, Value> = Map::new();
    out.insert("trial".to_owned(), json!(case.id));
    out.insert("metric".to_owned(), json!(metric.id));
    match &explained.measured {
        Measured::Value(reading) => {
            out.insert("value".to_owned(), crate::metrics::number(reading.value));
            if !reading.detail.is_null() {
                out.insert("detail".to_owned(), reading.detail.clone());
            }
        }
        Measured::Undefined(why) => {
            out.insert("undefined".to_owned(), json!(why));
        }
        Measured::Unknown(why) => {
            out.insert("unknown".to_owned(), json!(why));
        }
    }
    let (mut counted, mut near) = (Vec::new(), Vec::new());
    for seen in &explained.seen {
        let what = what_of(case, seen);
        match &seen.mark {
            Mark::Counted => counted.push(json!({ "event": seen.event, "what": what })),
            Mark::Near(why) => near.push(json!({ "event": seen.event, "what": what, "why": why })),
        }
    }
    out.insert("counted".to_owned(), Value::Array(counted));
    out.insert("near".to_owned(), Value::Array(near));
    Value::Object(out)
}

fn what_of(case: &Case<'_>, seen: &Seen) -> String {
    if seen.what.is_empty() {
        return case.trace.event(seen.event).map_or_else(String::new, |event| event.body.kind().replace('_', " "));
    }
    seen.what.clone()
}

/// What a number's breakdown says beside its share and its quote: `unseen: src/a.py, src/b.py`.
pub(super) fn detail_words(measured: &Measured) -> Option<String> {
    let Measured::Value(reading) = measured else { return None };
    let told = |(key, value): (&String, &Value)| {
        let words = match value {
            Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(", "),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => word(value),
        };
        let plain = matches!(key.as_str(), "part" | "whole" | "quote") || words.is_empty();
        (!plain).then(|| format!("{}: {words}", key.replace('_', " ")))
    };
    let told: Vec<String> = reading.detail.as_object()?.iter().filter_map(told).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
