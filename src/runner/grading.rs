//! Grading one trajectory: facts, metrics and criteria computed off the async threads, programs asked where a grader needs one.

use super::recorder::on_blocking;
use crate::acts::Table;
use crate::graders::{
    Answer, Build, CommandNeed, Criteria, Evidence, GRADERS, Grader, Need, Output, interview_result, passed, run,
    shipped, stage_results,
};
use crate::metrics::{Facts, Given, consistency::ACTS, guardrails::executed, measure, to_json};
use crate::model::{
    canon::{Domain, hash_bytes},
    fault::{Boundary, Fault},
    run::{Attempt, Grades, GradingId, TrialEnd, TrialSpec},
    suite::{ActsSpec, GraderSpec, Suite},
    task::Task,
    trace::{End, Trace},
};
use crate::process::{self, Cancel, Exit, Spec, Stdin, env::base_env};
use crate::store::{Layout, read_trace};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// What trajectories are graded with.
#[derive(Clone)]
pub struct Grading {
    shared: Arc<Shared>,
}

struct Shared {
    graders: Vec<Box<dyn Grader>>,
    table: Table,
    id: GradingId,
    /// Programs run here: the suite's folder.
    folder: PathBuf,
}

/// What decides a grade beside the criteria: the version of the code, and the data that acts and metrics are read from.
const DECIDING: &[&str] = &[
    env!("CARGO_PKG_VERSION"),
    include_str!("../acts/programs.yaml"),
    include_str!("../acts/tools.yaml"),
    include_str!("../interview/questions.yaml"),
    include_str!("../metrics/lexicon.yaml"),
    include_str!("../metrics/results.yaml"),
];

/// One trajectory to be graded.
pub struct Case<'a> {
    pub task: Option<&'a Task>,
    pub twin: bool,
    pub trace: &'a Trace,
    pub end: &'a End,
    /// Patches between snapshots by name, where there are any.
    pub diffs: &'a [(String, String)],
}

impl Grading {
    /// The graders that a suite names.
    ///
    /// # Errors
    /// One line for each thing that is wrong with a criteria file or the suite's acts.
    pub fn of_suite(suite: &Suite) -> Result<Grading, Vec<String>> {
        let folder = suite.file.parent().unwrap_or(Path::new(".")).to_owned();
        Grading::new(&suite.graders, &suite.acts, folder)
    }

    /// The graders named, in order; a name is a shipped criteria file.
    ///
    /// # Errors
    /// One line for each thing that is wrong.
    pub fn new(specs: &[GraderSpec], acts: &ActsSpec, folder: PathBuf) -> Result<Grading, Vec<String>> {
        let (mut graders, mut wrong): (Vec<Box<dyn Grader>>, Vec<String>) = (Vec::new(), Vec::new());
        let mut said = DECIDING.concat();
        for spec in specs {
            match build(spec) {
                Ok((grader, text)) => {
                    said.push_str(&format!("\0{}\0{text}", spec.name()));
                    graders.push(grader);
                }
                Err(lines) => wrong.extend(lines),
            }
        }
        said.push_str(&format!("\0{acts:?}"));
        let id = GradingId(hash_bytes(Domain::Graders, said.as_bytes())[..16].to_owned());
        match Table::extended(acts) {
            Ok(table) if wrong.is_empty() => Ok(Grading { shared: Arc::new(Shared { graders, table, id, folder }) }),
            table => {
                wrong.extend(table.err());
                Err(wrong)
            }
        }
    }

    /// Hash of everything that decides a grade.
    pub fn id(&self) -> GradingId {
        self.shared.id.clone()
    }

    /// Grades an ended trial from its sealed trace.
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub async fn grade(&self, layout: &Layout, spec: &TrialSpec, end: &TrialEnd) -> Result<Grades, Fault> {
        let folder = layout.attempt(&spec.key, Attempt(end.attempt));
        let (grading, task, twin, end) = (self.clone(), Arc::clone(&spec.task), spec.key.twin, end.end.clone());
        on_blocking(move || {
            let trace = read_trace(&folder.join("trace.jsonl"))?;
            let diffs = super::assemble::diffs(&folder.join("diffs"));
            Ok(grading.grade_case(&Case { task: Some(&task), twin, trace: &trace, end: &end, diffs: &diffs }))
        })
        .await
    }

    /// Grades one trajectory in memory. Must run on a blocking thread of a runtime: programs are waited for.
    pub fn grade_case(&self, case: &Case<'_>) -> Grades {
        let facts = self.facts(case.trace, Given { task: case.task, twin: case.twin, diffs: case.diffs });
        let metrics = measure(&facts);
        let evidence = Evidence {
            task: case.task,
            trace: case.trace,
            facts: &facts,
            end: case.end,
            metrics: &metrics,
            bench: None,
        };
        let mut answer = |need: &Need| self.answer(need);
        let scores =
            self.shared.graders.iter().flat_map(|grader| run(grader.as_ref(), &evidence, &mut answer)).collect();
        Grades {
            version: 1,
            scores,
            metrics: to_json(&metrics),
            violations: executed(&facts),
            passed: passed(&evidence),
            stages: stage_results(&evidence),
            interview: interview_result(&evidence),
            acts: Some(facts.acts.iter().take(ACTS).map(|act| act.deed.act).collect()),
        }
    }

    /// The facts of a trace, with the acts that the suite adds.
    pub fn facts<'a>(&self, trace: &'a Trace, given: Given<'a>) -> Facts<'a> {
        crate::metrics::read(trace, given, &self.shared.table)
    }

    fn answer(&self, need: &Need) -> Answer {
        match need {
            Need::Command(command) => self.ran(command),
            Need::Judge(_) => Answer::Reply(Err(Fault::new(Boundary::Judge, "no_judge", "no judge is configured"))),
        }
    }

    fn ran(&self, command: &CommandNeed) -> Answer {
        let home = std::env::temp_dir();
        let spec = Spec {
            stdin: Stdin::Bytes(command.stdin.clone().into_bytes()),
            env: base_env(&home, &home, 0, "grader"),
            timeout: Some(Duration::from_millis(command.timeout_ms)),
            ..Spec::new(command.argv.clone(), &self.shared.folder)
        };
        let ran = tokio::runtime::Handle::current().block_on(process::run(spec, &Cancel::new()));
        Answer::Output(
            ran.map(|output| output_of(&output)).map_err(|fault| Fault { boundary: Boundary::Grader, ..fault }),
        )
    }
}

fn output_of(output: &process::Output) -> Output {
    let exit = match output.exit {
        Exit::Code(code) => Some(code),
        Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled => None,
    };
    Output {
        exit,
        stdout: output.stdout.text().0,
        stderr: output.stderr.text().0,
        timed_out: output.exit == Exit::TimedOut,
    }
}

/// A grader and the text that decides what it does.
fn build(spec: &GraderSpec) -> Result<(Box<dyn Grader>, String), Vec<String>> {
    match spec {
        GraderSpec::Criteria { name, path: None } => {
            let (_, text) = crate::graders::SHIPPED
                .iter()
                .find(|(known, _)| known == name)
                .ok_or_else(|| vec![format!("no grader `{name}`")])?;
            let criteria = shipped(name).ok_or_else(|| vec![format!("no grader `{name}`")])??;
            Ok((Box::new(criteria), (*text).to_owned()))
        }
        GraderSpec::Criteria { path: Some(path), .. } => {
            let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
            Ok((Box::new(Criteria::read(&path.to_string_lossy(), &text)?), text))
        }
        GraderSpec::Program { name, argv } => {
            let make = GRADERS.iter().find_map(|kind| match kind.build {
                Build::Program(make) => Some(make),
                Build::Criterion(_) => None,
            });
            let make = make.ok_or_else(|| vec!["programs cannot grade in this version".to_owned()])?;
            Ok((make(name, argv), argv.join("\0")))
        }
    }
}
