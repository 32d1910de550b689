//! `evalrun compare --to html:PATH`: one page of agents side by side, of one run or of several. It leads nowhere: the runs have their own pages.

use super::super::compared::{sentences, word};
use super::super::names::spoken;
use super::super::words::{half, one_line, plural, score};
use super::comparison_view::{self, signed};
use super::page::Pages;
use super::plots::along;
use crate::model::{
    comparison::{AgentColumn, Comparison, PairRow, Verdict},
    fault::Fault,
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
}

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
pub fn compared_page(found: &Comparison) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    Pages::new()?.render("compared", view(found), &mut out)?;
    Ok(out)
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
