//! `evalrun compare`: agents of one run, or of several, paired by task.

use super::{args::CompareArgs, exit, report, run, say};
use crate::compare::{Panel, compare as compared};
use crate::model::{fault::Fault, results::Results};
use crate::reporters;

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
    let runs: Vec<Results> = if args.runs.is_empty() {
        vec![report::results_of(&report::find(None)?.root)?]
    } else {
        args.runs.iter().map(|path| report::results_of(path)).collect::<Result<_, Fault>>()?
    };
    let panel = Panel::of(&runs, &args.agents)?;
    let comparison = compared(panel, &runs);
    if args.json {
        return report::json(&comparison);
    }
    Ok(reporters::compared(&comparison))
}
