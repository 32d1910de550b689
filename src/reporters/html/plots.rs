//! Drawings of a comparison as numbers for SVG attributes: curves over k, and points of cost against outcome.

use super::super::words::{number, one_line, score, usd};
use crate::model::comparison::{AgentColumn, Comparison};
use serde::Serialize;
use std::collections::BTreeMap;

/// Characters of a name inside a drawing.
const NAME: usize = 24;
/// Repeats that a curve shows.
const LONGEST: usize = 16;
/// The least distance between two names, in units of the drawing.
const APART: f64 = 9.0;

/// pass@k and pass^k of one agent, in a box of 120 x 76; the field goes from 14 to 114 and from 62 up to 6.
#[derive(Serialize)]
pub(super) struct Curves {
    agent: String,
    /// `x,y` and what stands there: at least one of k, all of k.
    any: Vec<(String, String)>,
    all: Vec<(String, String)>,
    /// Place and k.
    ticks: Vec<(String, usize)>,
    /// What the curves say, for those who do not see them, and where they end.
    says: String,
    last: String,
}

/// Empty where no task was repeated.
pub(super) fn curves(found: &Comparison) -> Vec<Curves> {
    let most = found.agents.iter().map(|agent| agent.pass_at_k.len()).max().unwrap_or(0).min(LONGEST);
    if most < 2 {
        return Vec::new();
    }
    found
        .agents
        .iter()
        .filter(|agent| agent.pass_at_k.first().is_some_and(Option::is_some))
        .map(|agent| curve(agent, most))
        .collect()
}

fn curve(agent: &AgentColumn, most: usize) -> Curves {
    let x = |at: usize| 14.0 + 100.0 * at as f64 / (most - 1) as f64;
    let points = |values: &[Option<f64>]| -> Vec<(String, String)> {
        let known = values.iter().take(most).enumerate().filter_map(|(at, value)| Some((at, (*value)?)));
        known.map(|(at, value)| (unit(x(at)), unit(62.0 - 56.0 * value.clamp(0.0, 1.0)))).collect()
    };
    let both = agent.pass_at_k.iter().zip(&agent.pass_hat_k).take(most).enumerate();
    let known = both.filter_map(|(at, (any, all))| Some((at + 1, score((*any)?), score((*all)?))));
    let known: Vec<(usize, String, String)> = known.collect();
    let said: Vec<String> = known.iter().map(|(k, any, all)| format!("k {k}: {any} and {all}")).collect();
    let last = known.last().map(|(k, any, all)| format!("at k = {k}: {any} at least once, {all} each time"));
    let step = most.div_ceil(8);
    Curves {
        agent: one_line(&agent.agent, 60),
        any: points(&agent.pass_at_k),
        all: points(&agent.pass_hat_k),
        ticks: (0..most).step_by(step).map(|at| (unit(x(at)), at + 1)).collect(),
        says: said.join("; "),
        last: last.unwrap_or_default(),
    }
}

/// Cost against outcome in a box of 240 x 130; the field goes from 24 to 232 and from 104 up to 8.
#[derive(Serialize)]
pub(super) struct Scatter {
    /// `USD` or `tokens`.
    unit: &'static str,
    /// What is up.
    by: String,
    ticks: Vec<(String, String)>,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    agent: String,
    name: String,
    x: String,
    y: String,
    whisker: Option<(String, String)>,
    /// Where the name stands, and whether it ends or begins there.
    name_x: String,
    name_y: String,
    anchor: &'static str,
    cost: String,
    outcome: String,
}

/// `None` unless two agents have both a cost and an outcome.
pub(super) fn scatter(found: &Comparison) -> Option<Scatter> {
    let in_usd = costs(found, |agent| agent.micro_usd);
    let in_tokens = || costs(found, |agent| agent.tokens);
    let (unit, costs) = if in_usd.len() == found.agents.len() { ("USD", in_usd) } else { ("tokens", in_tokens()) };
    let dimension = ["outcome", crate::compare::PASSED].into_iter().find(|name| {
        found.agents.iter().any(|agent| agent.dimensions.get(*name).is_some_and(|row| row.mean.is_some()))
    })?;
    let most = costs.values().fold(0.0_f64, |most, cost| most.max(*cost)) * 1.1;
    let said = |cost: f64| match unit {
        _ if cost == 0.0 => "0".to_owned(),
        "USD" => usd(cost.round() as u64),
        _ => number(cost.round() as u64),
    };
    let up = |value: f64| 104.0 - 96.0 * value.clamp(0.0, 1.0);
    let mut points: Vec<(f64, Point)> = Vec::new();
    for agent in &found.agents {
        let (Some(cost), Some(row)) = (costs.get(agent.agent.as_str()), agent.dimensions.get(dimension)) else {
            continue;
        };
        let Some(mean) = row.mean else { continue };
        let (x, left) = (24.0 + 208.0 * cost / most, cost / most > 0.55);
        points.push((
            up(mean),
            Point {
                agent: one_line(&agent.agent, 60),
                name: one_line(&agent.agent, NAME),
                x: self::unit(x),
                y: self::unit(up(mean)),
                whisker: row.low.zip(row.high).map(|(low, high)| (self::unit(up(low)), self::unit(up(high)))),
                name_x: self::unit(if left { x - 5.0 } else { x + 5.0 }),
                name_y: String::new(),
                anchor: if left { "end" } else { "start" },
                cost: said(*cost),
                outcome: score(mean),
            },
        ));
    }
    let ticks = [0.0, 0.5, 1.0].map(|share| (self::unit(24.0 + 208.0 * share), said(most * share))).to_vec();
    let by = super::super::names::spoken(dimension);
    (points.len() >= 2).then(|| Scatter { unit, by, ticks, points: named(points) })
}

/// Names one below the other where their points are too close.
fn named(mut points: Vec<(f64, Point)>) -> Vec<Point> {
    points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut last = f64::NEG_INFINITY;
    for (y, point) in &mut points {
        last = y.max(last + APART);
        point.name_y = unit(last + 2.0);
    }
    points.into_iter().map(|(_, point)| point).collect()
}

/// Agents that do not say what they used are left out.
fn costs(found: &Comparison, of: fn(&AgentColumn) -> Option<f64>) -> BTreeMap<&str, f64> {
    found.agents.iter().filter_map(|agent| Some((agent.agent.as_str(), of(agent)?))).collect()
}

/// The smallest visible difference of scores from 0 to 1.
pub(super) fn visible(difference: f64) -> String {
    if difference > 1.0 { "none: over 1".to_owned() } else { score(difference) }
}

/// A place on an axis from `low` to `high`, in a box of 100.
pub(super) fn along(value: f64, (low, high): (f64, f64)) -> String {
    unit((value.clamp(low, high) - low) / (high - low) * 100.0)
}

fn unit(value: f64) -> String {
    format!("{:.1}", if value.is_finite() { value } else { 0.0 })
}
