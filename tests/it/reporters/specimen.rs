//! The committed specimen as a report.

use evalrun::model::{
    fault::{Boundary, Fault},
    results::{Results, TrialResult},
    trace::Trace,
};
use evalrun::reporters::{Once, Report, RunFacts, TrialPage, Trials};
use std::{fs, path::PathBuf};

pub type Diffs = Vec<(String, String)>;

pub struct Specimen {
    pub results: Results,
    /// Beside `results.trials`.
    pub pages: Vec<(Trace, Diffs)>,
    pub facts: RunFacts,
}

impl Specimen {
    pub fn load() -> Specimen {
        let results: Results = serde_json::from_str(&file("reports/specimen/results.json")).unwrap();
        let page = |trial: &TrialResult| {
            let name = trial.id.replace('/', ".");
            let trace =
                evalrun::store::read_trace(&root().join(format!("reports/specimen/traces/{name}.jsonl"))).unwrap();
            (trace, diffs(&root().join(format!("reports/specimen/diffs/{name}"))))
        };
        Specimen {
            pages: results.trials.iter().map(page).collect(),
            results,
            facts: RunFacts {
                evalrun: "0.1.0".to_owned(),
                sandbox: "none".to_owned(),
                stand_ins: vec!["careful".to_owned(), "hasty".to_owned()],
                again: "evalrun reports/specimen.yaml".to_owned(),
                notes: vec!["2 files were refused".to_owned()],
                wall_ms: 100_000,
            },
        }
    }

    /// Three agents on six tasks, two trials each: every part of a comparison is there.
    pub fn of_three() -> Specimen {
        let one = Specimen::load();
        let results = crate::compare::three_agents();
        let mut page = one.pages[0].clone();
        page.0.events.truncate(3);
        let pages = vec![page; results.trials.len()];
        Specimen { results, pages, facts: RunFacts { stand_ins: Vec::new(), ..one.facts } }
    }

    pub fn report(&self) -> Report<'_> {
        Report { results: &self.results, suite: None, trials: self, facts: self.facts.clone(), once: Once::default() }
    }
}

impl Trials for Specimen {
    fn page(&self, trial: &TrialResult) -> Result<TrialPage, Fault> {
        let at = self.results.trials.iter().position(|known| std::ptr::eq(known, trial));
        match at.and_then(|at| self.pages.get(at)) {
            Some((trace, diffs)) => Ok(TrialPage { trace: trace.clone(), task: None, diffs: diffs.clone() }),
            None => Err(Fault::new(Boundary::Store, "no_trace", "the trace is not there")),
        }
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn diffs(folder: &std::path::Path) -> Diffs {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let stage = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap().1.to_owned();
    paths.iter().map(|path| (stage(path), fs::read_to_string(path).unwrap())).collect()
}
