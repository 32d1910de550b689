//! `results.json`: the same bytes for the same results. Its schema is committed as `schema/results.schema.json`.

use super::{Outbox, Report, Reporter};
use crate::model::{fault::Fault, results::Results};
use std::io;

pub(super) const JSON: Reporter =
    Reporter { name: "json", about: "every number with its citations, for programs", file: "results.json", render };

fn render(report: &Report<'_>, out: &mut dyn Outbox) -> Result<(), Fault> {
    out.file(JSON.file, &mut |file| stream(report.results, file))
}

/// Score by score: the text of a large run is larger than the run.
///
/// # Errors
/// What the other side says.
pub fn stream(results: &Results, file: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *file, results)?;
    file.write_all(b"\n")
}
