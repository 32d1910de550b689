//! `results.json`: the same bytes for the same results. Its schema is committed as `schema/results.schema.json`.

use super::{Report, Reporter, Written};
use crate::model::fault::{Boundary, Fault};

pub(super) const JSON: Reporter =
    Reporter { name: "json", about: "every number with its citations, for programs", file: "results.json", render };

fn render(report: &Report<'_>) -> Result<Vec<Written>, Fault> {
    let mut bytes = serde_json::to_vec_pretty(report.results)
        .map_err(|error| Fault::new(Boundary::Store, "format", format!("results.json cannot be written: {error}")))?;
    bytes.push(b'\n');
    Ok(vec![Written { path: JSON.file.to_owned(), bytes }])
}
