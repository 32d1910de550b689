//! `report.html` and one page per trial: the verdict in words, every number with a way down to the events it came from.
//!
//! Templates, style and script stand in `reports/` and are embedded. Pages load nothing: a content security policy allows the one inline style and
//! the one inline script by their hashes and nothing else, so that even an escape that was forgotten could not run or fetch anything. All text goes
//! through one formatter (`page.rs`), which escapes it, and shows what would hide or move text.

mod chunks;
mod compared_page;
mod comparison_view;
mod event;
mod event_words;
mod figure;
mod findings_view;
mod habits_view;
mod index;
mod interview;
mod judges_view;
mod measures;
mod page;
mod patch;
mod plan;
mod plots;
mod quoted;
mod trial;
mod verdicts;

pub use compared_page::compared_page;

use super::{
    Report, Reporter, Written,
    names::{dimensions, page_names},
};
use crate::model::fault::Fault;

pub(super) const HTML: Reporter = Reporter {
    name: "html",
    about: "the report with a page for each trial, without a network",
    file: "report.html",
    render,
};

fn render(report: &Report<'_>) -> Result<Vec<Written>, Fault> {
    let pages = page::Pages::new()?;
    let names = page_names(&report.results.trials);
    let table = trial::acts_table(report);
    // Once for the run: a walk over all scores, which a page must not repeat.
    let dimensions = dimensions(report.results);
    let mut written = vec![Written { path: HTML.file.to_owned(), bytes: index::render(&pages, report, &names)? }];
    for (at, trial) in report.results.trials.iter().enumerate() {
        let one = trial::One { report, trial, table: &table, dimensions: &dimensions };
        let bytes = trial::render(&pages, &one)?;
        written.push(Written { path: format!("report/trials/{}.html", names[at]), bytes });
    }
    Ok(written)
}
