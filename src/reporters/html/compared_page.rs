//! `evalrun compare --to html:PATH`: one page of agents side by side, of one run or of several. Tasks lead to the pages of their trials, where the
//! runs have them.

use super::super::compared::{sentences, word};
use super::super::names::spoken;
use super::super::words::{half, one_line, plural, score};
use super::comparison_view::{self, signed};
use super::figure::level;
use super::limits;
use super::page::Pages;
use super::plots::along;
use crate::compare::{Panel, TaskOf, Tried};
use crate::model::{
    comparison::{AgentColumn, Comparison, PairRow, Verdict},
    fault::Fault,
    results::TrialResult,
};
use serde::Serialize;

/// Differences before the table is cut; all stand in `evalrun compare --json`.
const ROWS: usize = 200;

#[derive(Serialize)]
struct View<'a> {
    title: String,
    runs: &'a [String],
    size: String,
    sentences: Vec<String>,
    agents: Vec<&'a str>,
    means: Vec<(String, Vec<Mean>)>,
    rows: Vec<Row>,
    more: usize,
    side: Option<comparison_view::View>,
    grid: Vec<GridRow<'a>>,
    grid_more: usize,
}

/// A task with the trials of each agent.
#[derive(Serialize)]
struct GridRow<'a> {
    task: &'a str,
    cells: Vec<Vec<GridTrial>>,
}

#[derive(Serialize)]
struct GridTrial {
    n: u32,
    class: &'static str,
    says: String,
    href: Option<String>,
}

/// Where the page of a trial is, seen from the comparison; `None` where there is none.
pub type PageOf<'f> = &'f dyn Fn(&TrialResult) -> Option<String>;

/// An agent's mean in a dimension, with half its interval.
type Mean = (String, Option<String>);

#[derive(Serialize)]
struct Row {
    pair: String,
    dimension: String,
    n: u32,
    by: String,
    half: Option<String>,
    solid: bool,
    x: String,
    whisker: Option<(String, String)>,
    says: &'static str,
}

/// The page, as bytes of HTML.
///
/// # Errors
/// When a template of ours asks for what the view does not hold.
pub fn compared_page(found: &Comparison, trials: &Panel<'_>, page_of: PageOf<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut view = view(found);
    view.grid = trials.tasks.iter().enumerate().take(limits::ROWS).map(|it| grid_row(trials, page_of, it)).collect();
    view.grid_more = trials.tasks.len().saturating_sub(limits::ROWS);
    Pages::new()?.render("compared", view, &mut out)?;
    Ok(out)
}

fn grid_row<'a>(trials: &'a Panel<'_>, page_of: PageOf<'_>, (at, task): (usize, &'a TaskOf)) -> GridRow<'a> {
    let trial = |tried: &Tried<'_>| {
        let trial = tried.trial;
        let value =
            trial.dimensions.get("outcome").copied().flatten().or(trial.passed.map(|it| f64::from(u8::from(it))));
        let outcome = value.map_or("no outcome".to_owned(), |value| format!("outcome {}", score(value)));
        GridTrial {
            n: trial.trial,
            class: level(value),
            says: format!("{}: {outcome}", trial.id),
            href: page_of(trial),
        }
    };
    let cell = |tasks: &Vec<Vec<Tried<'_>>>| tasks[at].iter().map(trial).collect();
    GridRow { task: &task.id, cells: trials.cells.iter().map(cell).collect() }
}

fn view(found: &Comparison) -> View<'_> {
    let names = found.agents.first().into_iter().flat_map(|agent| agent.dimensions.keys());
    let mean = |agent: &AgentColumn, name: &str| -> Mean {
        match agent.dimensions.get(name) {
            Some(row) => (row.mean.map_or("-".to_owned(), score), half(row.low, row.high)),
            None => ("-".to_owned(), None),
        }
    };
    let means = |name: &String| (spoken(name), found.agents.iter().map(|agent| mean(agent, name)).collect());
    View {
        title: "comparison · evalrun".to_owned(),
        runs: &found.runs,
        size: format!("{} on {}", plural(found.agents.len(), "agent"), plural(found.tasks as usize, "task")),
        sentences: sentences(found),
        agents: found.agents.iter().map(|agent| agent.agent.as_str()).collect(),
        means: names.map(means).collect(),
        rows: found.pairs.iter().take(ROWS).filter_map(row).collect(),
        more: found.pairs.len().saturating_sub(ROWS),
        side: comparison_view::view(found, None),
        grid: Vec::new(),
        grid_more: 0,
    }
}

fn row(row: &PairRow) -> Option<Row> {
    let at = |value| along(value, (-1.0, 1.0));
    Some(Row {
        pair: format!("{} − {}", one_line(&row.a, 40), one_line(&row.b, 40)),
        dimension: spoken(&row.dimension),
        n: row.n,
        by: signed(row.diff?),
        half: half(row.low, row.high),
        solid: matches!(row.verdict, Verdict::Better | Verdict::Worse | Verdict::Constant),
        x: at(row.diff?),
        whisker: row.low.zip(row.high).map(|(low, high)| (at(low), at(high))),
        says: word(row.verdict),
    })
}
