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
mod limits;
mod measures;
mod page;
mod patch;
mod plan;
mod plots;
mod quoted;
mod trial;
mod verdicts;

pub use compared_page::{PageOf, compared_page};

use super::{Once, Outbox, Report, Reporter, names::page_names};
use crate::model::fault::Fault;

pub(super) const HTML: Reporter = Reporter {
    name: "html",
    about: "the report with a page for each trial, without a network",
    file: "report.html",
    render,
};

fn render(report: &Report<'_>, out: &mut dyn Outbox) -> Result<(), Fault> {
    let pages = page::Pages::new()?;
    let names = page_names(&report.results.trials);
    let table = trial::acts_table(report);
    let links = index::TrialPages::new(&names, report);
    let first = index::render(&pages, report, &links)?;
    out.file(HTML.file, &mut |file| file.write_all(&first))?;
    drop(first);
    let dimensions = report.dimensions().to_vec();
    // Pages borrow what stands here, and share nothing of what the first page worked out.
    let report = &Report { facts: report.facts.clone(), once: Once::default(), ..*report };
    for (at, trial) in report.results.trials.iter().enumerate().filter(|(at, _)| links.has_page(*at)) {
        let path = links.page(at);
        if out.wants(&path) {
            let one = trial::One { report, trial, table: &table, dimensions: &dimensions };
            let page = trial::render(&pages, &one)?;
            out.file(&path, &mut |file| file.write_all(&page))?;
        }
    }
    Ok(())
}
