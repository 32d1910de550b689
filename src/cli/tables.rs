//! `evalrun report --by KEY,... --csv PATH`: the scores of a run as a table.

use super::{args::ReportArgs, exit, report, say};
use crate::model::{
    fault::{Boundary, Fault},
    results::Results,
};
use crate::reporters::tabled;
use crate::store::{derive, planned};
use crate::table::{BY, By, grouped, scores};
use std::{collections::BTreeMap, path::Path};

/// Whether a table was asked for, and no report.
pub fn wanted(args: &ReportArgs) -> bool {
    !args.by.is_empty() || args.csv.is_some()
}

/// # Errors
/// When there is no such grouping, the file is to be of a kind that this build does not write, or a run cannot be read.
pub fn table(args: &ReportArgs) -> Result<i32, Fault> {
    let by: Vec<By> = args.by.iter().map(|word| key(word)).collect::<Result<_, Fault>>()?;
    args.csv.as_deref().map_or(Ok(()), writable)?;
    let (results, tags) = read(args.run.as_deref())?;
    let table = (!by.is_empty()).then(|| grouped(&results, &by, &tags));
    if let Some(table) = &table {
        say::out(&tabled(table));
    }
    if let Some(path) = &args.csv {
        derive(path, &mut |file| match &table {
            Some(table) => table.csv(file),
            None => scores(&results, file),
        })?;
        say::out(&format!("{}\n", path.display()));
    }
    Ok(exit::DONE)
}

fn key(word: &str) -> Result<By, Fault> {
    let found = BY.iter().find(|(name, _)| *name == word.trim()).map(|(_, by)| *by);
    found.ok_or_else(|| {
        let known: Vec<&str> = BY.iter().map(|(name, _)| *name).collect();
        Fault::new(
            Boundary::Store,
            "by",
            format!("trials cannot be grouped by `{word}`; there are {}", known.join(", ")),
        )
        .hint("for example `evalrun report --by agent,tag`")
    })
}

fn writable(path: &Path) -> Result<(), Fault> {
    let parquet = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("parquet"));
    if parquet { Err(no_parquet(&path.display().to_string())) } else { Ok(()) }
}

/// What is said to whoever asks for the format that this build lacks.
pub fn no_parquet(what: &str) -> Fault {
    Fault::new(Boundary::Store, "parquet", format!("cannot write {what}: this build of evalrun writes no Parquet"))
        .hint("write --csv PATH.csv: its columns are typed by their names, and every data frame library reads it")
}

/// The results, and the tags of tasks; recorded sessions have none.
fn read(run: Option<&Path>) -> Result<(Results, BTreeMap<String, Vec<String>>), Fault> {
    if let Some(path) = run.filter(|path| path.is_file() || path.join("sessions.json").exists()) {
        return Ok((report::results_of(path)?, BTreeMap::new()));
    }
    let layout = report::find(run)?;
    let tags = planned(&layout)?.suite.tasks.into_iter().map(|task| (task.id, task.tags)).collect();
    Ok((report::results_of(&layout.root)?, tags))
}
