//! One file per output. A reporter takes data and gives bytes; whoever calls it writes them.

use crate::model::{
    fault::Fault,
    results::{Results, TrialResult},
    suite::Suite,
    task::Task,
    trace::Trace,
};

/// Everything a reporter may show.
pub struct Report<'a> {
    pub results: &'a Results,
    /// `None` for graded recorded sessions.
    pub suite: Option<&'a Suite>,
    /// In the order of `results.trials`; loaded one at a time, since a trace may be large.
    pub trials: &'a dyn Trials,
    pub facts: RunFacts,
}

/// What a reader needs to know of the run itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFacts {
    pub evalrun: String,
    /// `bwrap` or `none`: what agents and checks ran in.
    pub sandbox: String,
    /// Agents that are stand-ins: scripted, not real.
    pub stand_ins: Vec<String>,
    /// How to do it again, as a command line.
    pub again: String,
    /// Notes on the whole run: files refused, attempts that broke, gates not evaluated.
    pub notes: Vec<String>,
    /// Seconds the whole run took.
    pub wall_ms: u64,
}

/// A trial's page is made from this.
pub struct TrialPage {
    pub trace: Trace,
    pub task: Option<Task>,
    /// Stage and unified patch, in order; empty for recorded sessions.
    pub diffs: Vec<(String, String)>,
}

/// Loads what a trial's page shows.
pub trait Trials {
    /// # Errors
    /// When the trace cannot be read; the page then says so.
    fn page(&self, trial: &TrialResult) -> Result<TrialPage, Fault>;
}

/// One file of a report: its path inside the run folder, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub path: String,
    pub bytes: Vec<u8>,
}

/// One output.
pub struct Reporter {
    pub name: &'static str,
    pub about: &'static str,
    /// The path of its main file inside the run folder.
    pub file: &'static str,
    pub render: fn(&Report<'_>) -> Result<Vec<Written>, Fault>,
}

/// Every output that is written after a run.
pub static REPORTERS: &[Reporter] = &[Reporter {
    name: "json",
    about: "results.json, for machines",
    file: "results.json",
    render: |report| {
        let error =
            |error: serde_json::Error| Fault::new(crate::model::fault::Boundary::Store, "format", error.to_string());
        let bytes = serde_json::to_vec_pretty(report.results).map_err(error)?;
        Ok(vec![Written { path: "results.json".to_owned(), bytes }])
    },
}];

pub mod terminal;
