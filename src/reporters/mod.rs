//! One file per output. A reporter takes data and gives bytes; whoever calls it writes them.
//!
//! ```text
//! results.json   what others read            terminal      one table, then what to look at first
//! report.html    verdict, numbers, failures  report/trials one page a trial: the conversation beside the verdicts that cite it
//! summary.md     fits a comment              junit.xml     expected checks as test cases
//! annotations.txt gate rules for a GitHub run
//! ```
//!
//! Every text in a report was written by an agent, a workspace or a suite: all of it is hostile. Each output escapes it in one place of its own.

mod annotations;
mod compared;
pub mod explain;
pub mod explain_json;
mod findings;
mod gating;
mod habits;
mod html;
mod json;
mod judges;
mod junit;
mod markdown;
mod names;
mod repeated;
mod standings;
mod tabled;
pub mod terminal;
mod words;

pub use annotations::{annotations, inert};
pub use compared::compared;
pub use html::{PageOf, compared_page};
pub use json::stream as json_stream;
pub use names::page_names;
pub use tabled::tabled;

use crate::model::{
    comparison::Comparison,
    fault::{Boundary, Fault},
    results::{Results, TrialResult},
    suite::Suite,
    task::Task,
    trace::Trace,
};
use findings::{Criterion, Exclusion};
use std::{cell::OnceCell, io};

/// Everything a reporter may show.
pub struct Report<'a> {
    pub results: &'a Results,
    /// `None` for graded recorded sessions.
    pub suite: Option<&'a Suite>,
    /// In the order of `results.trials`; loaded one at a time, since a trace may be large.
    pub trials: &'a dyn Trials,
    pub facts: RunFacts,
    /// Empty at first.
    pub once: Once<'a>,
}

/// What several outputs show, worked out by the first that asks: a walk over a million scores is not made twice.
#[derive(Default)]
pub struct Once<'a> {
    /// A page for each trial, also of a run of many thousands.
    every_page: bool,
    dimensions: OnceCell<Vec<&'a str>>,
    scored: OnceCell<Vec<&'a str>>,
    comparison: OnceCell<Option<Comparison>>,
    criteria: OnceCell<Vec<Criterion<'a>>>,
    exclusions: OnceCell<Vec<Exclusion<'a>>>,
}

impl Once<'_> {
    /// Nothing is worked out yet. Without `every_page` trials that the first page of a large run does not lead to get none.
    pub fn new(every_page: bool) -> Self {
        Once { every_page, ..Once::default() }
    }
}

impl<'a> Report<'a> {
    /// Every dimension that the run has scores of, in reading order.
    fn dimensions(&self) -> &[&'a str] {
        self.once.dimensions.get_or_init(|| names::dimensions(self.results))
    }

    /// Those that belong into a table of scores.
    fn scored_dimensions(&self) -> &[&'a str] {
        self.once.scored.get_or_init(|| names::scored_dimensions(self.results))
    }

    /// The agents of the run side by side; `None` where nothing may be compared, as in a run of trials that had failed before.
    fn comparison(&self) -> Option<&Comparison> {
        self.once.comparison.get_or_init(|| standings::side_by_side(self.results)).as_ref()
    }

    fn criteria(&self) -> &[Criterion<'a>] {
        self.once.criteria.get_or_init(|| findings::criteria(self.results, self.dimensions()))
    }

    fn exclusions(&self) -> &[Exclusion<'a>] {
        self.once.exclusions.get_or_init(|| findings::exclusions(self.results))
    }
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
    /// Notes on the whole run: files refused, attempts that broke, what a reader of the gate must know.
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

/// Where the files of a report go, one after the other, so that no output of a large run stands in memory whole.
pub trait Outbox {
    /// Whether a file is wanted; what is not need not be made.
    fn wants(&self, _path: &str) -> bool {
        true
    }

    /// Takes one file: `fill` writes its bytes.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn file(&mut self, path: &str, fill: Fill<'_>) -> Result<(), Fault>;
}

/// Writes the bytes of a file.
pub type Fill<'f> = &'f mut dyn FnMut(&mut dyn io::Write) -> io::Result<()>;

/// Files in memory, for small runs.
impl Outbox for Vec<Written> {
    fn file(&mut self, path: &str, fill: Fill<'_>) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        fill(&mut bytes)
            .map_err(|error| Fault::new(Boundary::Store, "format", format!("{path} cannot be written: {error}")))?;
        self.push(Written { path: path.to_owned(), bytes });
        Ok(())
    }
}

/// One output.
pub struct Reporter {
    pub name: &'static str,
    pub about: &'static str,
    /// The path of its main file inside the run folder.
    pub file: &'static str,
    pub render: fn(&Report<'_>, &mut dyn Outbox) -> Result<(), Fault>,
}

impl Reporter {
    /// Every file of this output, in memory.
    ///
    /// # Errors
    /// When a template of ours asks for what its view does not hold.
    pub fn files(&self, report: &Report<'_>) -> Result<Vec<Written>, Fault> {
        let mut files = Vec::new();
        (self.render)(report, &mut files)?;
        Ok(files)
    }
}

/// Every reporter.
pub static REPORTERS: &[Reporter] = &[annotations::GITHUB, html::HTML, json::JSON, junit::JUNIT, markdown::MARKDOWN];

/// Foreign text on one line of at most 300 signs, with everything that hides or moves text written out.
pub fn plain(text: &str) -> String {
    words::one_line(text, 300)
}

pub fn named(name: &str) -> Option<&'static Reporter> {
    REPORTERS.iter().find(|reporter| reporter.name == name)
}
