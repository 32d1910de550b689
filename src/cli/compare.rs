//! `evalrun compare`: agents of one run, or of several, paired by task.

use super::{args::CompareArgs, exit, report, run, say};
use crate::compare::{Panel, compare as compared};
use crate::model::{
    fault::{Boundary, Fault},
    results::{Results, TrialResult},
};
use crate::reporters;
use crate::store::replace;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

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
    let comparison = compared(panel.clone(), &runs);
    if let Some(path) = page {
        let folders = folders(args)?;
        let pages = TrialPages::of(&runs, &folders, &path);
        let bytes = reporters::compared_page(&comparison, &panel, &|trial| pages.href(trial))?;
        replace(&path, &bytes)?;
    }
    if args.json {
        return report::json(&comparison);
    }
    Ok(reporters::compared(&comparison))
}

/// Where the runs lie; a results.json lies beside the pages that were made with it.
fn folders(args: &CompareArgs) -> Result<Vec<PathBuf>, Fault> {
    if args.runs.is_empty() {
        return Ok(vec![report::find(None)?.root]);
    }
    let folder =
        |path: &PathBuf| if path.is_file() { path.parent().unwrap_or(Path::new("")).to_owned() } else { path.clone() };
    Ok(args.runs.iter().map(folder).collect())
}

/// The pages of trials that are there, seen from where the comparison will stand.
struct TrialPages {
    /// By the place of the trial in memory: ids of two runs may be the same.
    of: HashMap<*const TrialResult, PathBuf>,
    from: PathBuf,
}

impl TrialPages {
    fn of(runs: &[Results], folders: &[PathBuf], page: &Path) -> TrialPages {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut of = HashMap::new();
        for (run, folder) in runs.iter().zip(folders) {
            let folder = absolute(folder).join("report/trials");
            let names = reporters::page_names(&run.trials);
            of.extend(
                run.trials
                    .iter()
                    .zip(names)
                    .map(|(trial, name)| (std::ptr::from_ref(trial), folder.join(name + ".html"))),
            );
        }
        let from = absolute(page).parent().unwrap_or(Path::new("/")).to_owned();
        TrialPages { of, from }
    }

    fn href(&self, trial: &TrialResult) -> Option<String> {
        let path = self.of.get(&std::ptr::from_ref(trial)).filter(|path| path.exists())?;
        let common = path.components().zip(self.from.components()).take_while(|(a, b)| a == b).count();
        let up = "../".repeat(self.from.components().count() - common);
        let down: PathBuf = path.components().skip(common).collect();
        Some(up + &percent(&down))
    }
}

/// A path as a link: whatever has a meaning there is written out.
fn percent(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let sign = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_encoded_bytes().iter().map(sign).collect()
}

/// A comparison has a page, and no other output but `--json`.
fn page_path(to: &str) -> Result<PathBuf, Fault> {
    match to.split_once(':') {
        Some(("html", path)) if !path.is_empty() => Ok(Path::new(path).to_owned()),
        _ => Err(Fault::new(Boundary::Store, "reporter", format!("a comparison cannot be written to `{to}`"))
            .hint("write --to html:PATH, or --json")),
    }
}
