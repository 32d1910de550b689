//! `evalrun compare`: agents of one run, or of several, paired by task.

use super::{args::CompareArgs, exit, report, run, say};
use crate::compare::{Panel, compare as compared};
use crate::model::{
    fault::{Boundary, Fault},
    results::Results,
};
use crate::reporters;
use crate::store::replace;
use std::path::{Path, PathBuf};

pub fn compare(args: &CompareArgs) -> i32 {
    match found(args) {
        Ok(text) => {
            say::out(&text);
            exit::DONE
        }
        Err(fault) => run::refuse(&fault),
    }
}

fn found(args: &CompareArgs) -> Result<String, Fault> {
    let page = args.to.as_deref().map(page_path).transpose()?;
    let runs: Vec<Results> = if args.runs.is_empty() {
        vec![report::results_of(&report::find(None)?.root)?]
    } else {
        args.runs.iter().map(|path| report::results_of(path)).collect::<Result<_, Fault>>()?
    };
    let panel = Panel::of(&runs, &args.agents)?;
    let comparison = compared(panel, &runs);
    if let Some(path) = page {
        replace(&path, &reporters::compared_page(&comparison)?)?;
    }
    if args.json {
        return report::json(&comparison);
    }
    Ok(reporters::compared(&comparison))
}

/// A comparison has a page, and no other output but `--json`.
fn page_path(to: &str) -> Result<PathBuf, Fault> {
    match to.split_once(':') {
        Some(("html", path)) if !path.is_empty() => Ok(Path::new(path).to_owned()),
        _ => Err(Fault::new(Boundary::Store, "reporter", format!("a comparison cannot be written to `{to}`"))
            .hint("write --to html:PATH, or --json")),
    }
}
