//! Agents side by side, below the verdict: repeats, ranking, cost, habits, what the verdict hangs on, and what to buy next.

use super::super::names::{dimensions, safe, spoken};
use super::super::words::{figure, one_line, plural, score};
use super::plots::{Curves, Scatter, along, curves, scatter};
use crate::compare::PASSED;
use crate::model::{
    comparison::{Comparison, PairRow, Ranked, RatioRow, Sensitivity, Variance, Verdict},
    results::Results,
};
use serde::Serialize;

/// Rows of a table before it is cut; the rest stands in `evalrun compare --json`.
const ROWS: usize = 40;
/// Names in a cell.
const NAMES: usize = 6;

#[derive(Serialize)]
pub(super) struct View {
    size: String,
    passes: Vec<Curves>,
    cost: Option<Scatter>,
    ranking: Option<Ranking>,
    ratios: Vec<Ratio>,
    habits: Option<Habits>,
    hangs: Vec<Hangs>,
    /// Rows that were cut.
    hangs_more: usize,
    next: Vec<Next>,
    excluded: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Ranking {
    by: String,
    why_not: Option<String>,
    rows: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    agent: String,
    groups: String,
    strength: String,
    half: String,
    x: String,
    whisker: (String, String),
}

#[derive(Serialize)]
struct Ratio {
    pair: String,
    metric: String,
    n: u32,
    ratio: String,
    interval: Option<String>,
    /// On a logarithmic axis from an eighth to eightfold, in a box of 100.
    x: String,
    whisker: Option<(String, String)>,
    apart: bool,
}

#[derive(Serialize)]
struct Habits {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

#[derive(Serialize)]
struct Hangs {
    pair: String,
    dimension: String,
    anchor: String,
    diff: String,
    drop_one: String,
    weights: String,
    on: Vec<String>,
    more: usize,
}

#[derive(Serialize)]
struct Next {
    dimension: String,
    /// `passed` has no criteria to lead to.
    anchor: Option<String>,
    tasks: String,
    repeats: String,
    visible: String,
    next: String,
}

/// `None` for one agent, and where there is nothing to say beyond the verdict.
/// Without `results`, as of several runs, nothing leads to criteria.
pub(super) fn view(found: &Comparison, results: Option<&Results>) -> Option<View> {
    if found.agents.len() < 2 {
        return None;
    }
    let hangs = hangs(found, results.is_some());
    let clusters = found.clusters.map(|count| format!(" in {}", plural(count as usize, "cluster"))).unwrap_or_default();
    let view = View {
        size: format!("{} on {}{clusters}", plural(found.agents.len(), "agent"), plural(found.tasks as usize, "task")),
        passes: curves(found),
        cost: scatter(found),
        ranking: found.ranking.as_ref().map(ranking),
        ratios: found.efficiency.iter().take(ROWS).filter_map(ratio).collect(),
        habits: habits(found),
        hangs_more: hangs.len().saturating_sub(ROWS),
        hangs: hangs.into_iter().take(ROWS).collect(),
        next: next(found, results),
        excluded: found.excluded.iter().take(ROWS).map(|it| (it.what.clone(), it.why.clone())).collect(),
    };
    (!view.empty()).then_some(view)
}

impl View {
    fn empty(&self) -> bool {
        self.passes.is_empty()
            && self.cost.is_none()
            && self.ranking.is_none()
            && self.ratios.is_empty()
            && self.habits.is_none()
            && self.hangs.is_empty()
            && self.next.is_empty()
            && self.excluded.is_empty()
    }
}

fn ranking(found: &crate::model::comparison::Ranking) -> Ranking {
    let ends = found.agents.iter().map(|agent| agent.strength.abs() + 1.96 * agent.se);
    let most = ends.filter(|end| end.is_finite()).fold(1.0, f64::max);
    let place = |agent: &Ranked| {
        let half = 1.96 * agent.se;
        let groups: Vec<String> = agent.groups.iter().map(u32::to_string).collect();
        let at = |value| along(value, (-most, most));
        Place {
            agent: one_line(&agent.agent, 60),
            groups: groups.join(", "),
            strength: signed(agent.strength),
            half: score(half),
            x: at(agent.strength),
            whisker: (at(agent.strength - half), at(agent.strength + half)),
        }
    };
    Ranking { by: spoken(&found.by), why_not: found.why_not.clone(), rows: found.agents.iter().map(place).collect() }
}

fn ratio(row: &RatioRow) -> Option<Ratio> {
    let ratio = row.ratio?;
    let ends = row.low.zip(row.high);
    let at = |value: f64| along(value.log2(), (-3.0, 3.0));
    Some(Ratio {
        pair: format!("{} / {}", one_line(&row.a, 40), one_line(&row.b, 40)),
        metric: row.metric.replace('_', " "),
        n: row.n,
        ratio: score(ratio),
        interval: ends.map(|(low, high)| format!("{} to {}", score(low), score(high))),
        x: at(ratio),
        whisker: ends.map(|(low, high)| (at(low), at(high))),
        apart: ends.is_some_and(|(low, high)| low > 1.0 || high < 1.0),
    })
}

fn habits(found: &Comparison) -> Option<Habits> {
    let mut names: Vec<&String> = found.habits.values().flat_map(|habits| habits.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let cell = |agent: &str, name: &str| {
        let value = found.habits.get(agent).and_then(|habits| habits.get(name));
        value.map_or("-".to_owned(), |value| figure(*value))
    };
    let row = |agent: &str| (one_line(agent, 60), names.iter().map(|name| cell(agent, name)).collect());
    let rows: Vec<(String, Vec<String>)> = found.agents.iter().map(|agent| row(&agent.agent)).collect();
    (!names.is_empty()).then(|| Habits { columns: names.iter().map(|name| name.replace('_', " ")).collect(), rows })
}

/// What is shown, and what it hangs on; a difference that is not shown hangs on nothing.
fn hangs(found: &Comparison, linked: bool) -> Vec<Hangs> {
    let solid = |it: &&Sensitivity| {
        let same = |row: &&PairRow| (&row.a, &row.b, &row.dimension) == (&it.a, &it.b, &it.dimension);
        found.pairs.iter().find(same).filter(|row| matches!(row.verdict, Verdict::Better | Verdict::Worse))
    };
    let of = |it: &Sensitivity| {
        let row = solid(&it)?;
        let shown = NAMES.min(it.hangs_on.len());
        Some(Hangs {
            pair: format!("{} − {}", one_line(&it.a, 40), one_line(&it.b, 40)),
            dimension: spoken(&it.dimension),
            anchor: if !linked || it.dimension == PASSED { String::new() } else { safe(&it.dimension) },
            diff: row.diff.map_or("-".to_owned(), signed),
            drop_one: range(it.drop_one),
            weights: range(it.weights),
            on: it.hangs_on[..shown].to_vec(),
            more: it.hangs_on.len() - shown,
        })
    };
    found.sensitivity.iter().filter_map(of).collect()
}

fn next(found: &Comparison, results: Option<&Results>) -> Vec<Next> {
    let of = |name: &str| {
        let (variance, visible) = (found.variance.get(name), found.mde.get(name).copied().flatten());
        if variance.is_none() && visible.is_none() {
            return None;
        }
        let of = |value: fn(&Variance) -> Option<f64>| {
            variance.and_then(value).map_or("-".to_owned(), |value| format!("{value:.3}"))
        };
        Some(Next {
            dimension: spoken(name),
            anchor: (results.is_some() && name != PASSED).then(|| safe(name)),
            tasks: of(|it| it.between_tasks),
            repeats: of(|it| it.within_tasks),
            visible: visible.map_or("-".to_owned(), super::plots::visible),
            next: variance.map(|it| it.next.clone()).unwrap_or_default(),
        })
    };
    let all = || found.mde.keys().map(String::as_str).filter(|name| *name != PASSED).collect();
    let names: Vec<&str> = results.map_or_else(all, dimensions);
    names.into_iter().chain([PASSED]).filter_map(of).collect()
}

pub(super) fn signed(value: f64) -> String {
    // What reads as 0.00 has no sign worth reading.
    format!("{}{}", if value <= -0.005 { "−" } else { "+" }, score(value.abs()))
}

fn range(ends: Option<(f64, f64)>) -> String {
    ends.map_or("-".to_owned(), |(low, high)| format!("{} to {}", signed(low), signed(high)))
}
