//! Grading one trajectory: facts, metrics and criteria computed off the async threads, programs asked where a grader needs one.

use super::{
    asking::{About, Asking, CaseScene, Estimate, Spent, identity},
    recorder::on_blocking,
};
use crate::acts::Table;
use crate::graders::{
    Answer, Build, CommandNeed, Criteria, Evidence, GRADERS, Grader, Need, Output, first_needs, interview_result,
    passed, run_all, shipped, stage_results,
};
use crate::judging::PROMPTS;
use crate::metrics::{Facts, Given, consistency::ACTS, guardrails::executed, measure, to_json};
use crate::model::{
    canon::{Domain, hash_bytes},
    fault::{Boundary, Fault},
    judge::Bench,
    judge_spec::JudgeSpec,
    run::{Attempt, Boxed, Grades, GradingId, TrialEnd, TrialSpec},
    suite::{ActsSpec, GraderSpec, Suite},
    task::Task,
    trace::{End, Trace},
};
use crate::process::{self, Cancel, Exit, Spec, Stdin, env::base_env};
use crate::store::{Layout, RunRecord, read_trace};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    task::Poll,
    time::Duration,
};

/// What trajectories are graded with.
#[derive(Clone)]
pub struct Grading {
    shared: Arc<Shared>,
    id: GradingId,
    /// `None`: nobody is asked.
    judge: Option<(Asking, Bench)>,
}

struct Shared {
    graders: Vec<Box<dyn Grader>>,
    table: Table,
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
    /// The trial's or session's id.
    pub item: &'a str,
    /// The attempt's folder, where there is one.
    pub attempt: Option<&'a Path>,
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

    /// The graders of a run, by the id that its own judge gives them; nobody can be asked.
    ///
    /// # Errors
    /// As `of_suite`.
    pub fn of_run(record: &RunRecord) -> Result<Grading, Vec<String>> {
        Ok(Grading::of_suite(&record.suite)?.identified(record.judge.as_ref()))
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
            Ok(table) if wrong.is_empty() => {
                Ok(Grading { shared: Arc::new(Shared { graders, table, folder }), id, judge: None })
            }
            table => {
                wrong.extend(table.err());
                Err(wrong)
            }
        }
    }

    /// The same graders with a judge to ask.
    pub fn with_judge(self, asking: Asking) -> Grading {
        let bench = asking.bench();
        let identified = self.identified(Some(asking.judge()));
        Grading { judge: Some((asking, bench)), ..identified }
    }

    /// The id that grades by this judge have, without anybody to ask.
    pub fn identified(self, judge: Option<&JudgeSpec>) -> Grading {
        let Some(judge) = judge else { return self };
        let prompts: String = PROMPTS.iter().map(|(_, text)| *text).collect();
        let said = format!("{}\0{}\0{prompts}", self.id.0, identity(judge));
        Grading { id: GradingId(hash_bytes(Domain::Graders, said.as_bytes())[..16].to_owned()), ..self }
    }

    /// Hash of everything that decides a grade.
    pub fn id(&self) -> GradingId {
        self.id.clone()
    }

    pub fn asking(&self) -> Option<&Asking> {
        self.judge.as_ref().map(|(asking, _)| asking)
    }

    /// What asking took until now.
    pub fn spent(&self) -> Spent {
        self.asking().map(Asking::spent).unwrap_or_default()
    }

    /// Trials that are graded at once: one that waits for a judge leaves its processor to others. Each holds its trace, and asks several
    /// questions at a time.
    pub fn at_once(&self) -> usize {
        const WAITING: usize = 24;
        if self.judge.is_some() { WAITING } else { std::thread::available_parallelism().map_or(2, usize::from) }
    }

    /// Grades an ended trial from its sealed trace.
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub async fn grade(&self, layout: &Layout, spec: &TrialSpec, end: &TrialEnd) -> Result<Grades, Fault> {
        let folder = layout.attempt(&spec.key, Attempt(end.attempt));
        let (grading, spec, end) = (self.clone(), spec.clone(), end.end.clone());
        on_blocking(move || {
            let trial = Kept::read(&folder, &spec)?;
            Ok(grading.grade_case(&trial.case(&spec, &end)))
        })
        .await
    }

    /// What asking about an ended trial will take. Blocks.
    ///
    /// # Errors
    /// When the trace or the cache cannot be read.
    pub fn estimate(
        &self,
        layout: &Layout,
        (spec, end): (&TrialSpec, &TrialEnd),
        into: &mut Estimate,
    ) -> Result<(), Fault> {
        let trial = Kept::read(&layout.attempt(&spec.key, Attempt(end.attempt)), spec)?;
        self.estimate_case(&trial.case(spec, &end.end), into)
    }

    /// What asking about one trajectory will take, added to an estimate. Blocks.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn estimate_case(&self, case: &Case<'_>, into: &mut Estimate) -> Result<(), Fault> {
        let Some((asking, bench)) = &self.judge else { return Ok(()) };
        let facts = self.facts(case.trace, Given { task: case.task, twin: case.twin, diffs: case.diffs });
        let metrics = measure(&facts);
        let (task, trace, end) = (case.task, case.trace, case.end);
        let evidence = Evidence { task, trace, facts: &facts, end, metrics: &metrics, bench: Some(bench) };
        for need in first_needs(&self.shared.graders, &evidence) {
            if let Need::Judge(need) = need {
                into.add(&need, asking)?;
            }
        }
        Ok(())
    }

    /// Grades one trajectory in memory. Must run on a blocking thread of a runtime: programs and judges are waited for.
    pub fn grade_case(&self, case: &Case<'_>) -> Grades {
        let facts = self.facts(case.trace, Given { task: case.task, twin: case.twin, diffs: case.diffs });
        let metrics = measure(&facts);
        let evidence = Evidence {
            task: case.task,
            trace: case.trace,
            facts: &facts,
            end: case.end,
            metrics: &metrics,
            bench: self.judge.as_ref().map(|(_, bench)| bench),
        };
        let scores = run_all(&self.shared.graders, &evidence, &mut |needs| self.answers(case, &needs));
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

    /// Everything that is open in a round, at once.
    fn answers(&self, case: &Case<'_>, needs: &[Need]) -> Vec<Answer> {
        let scene = CaseScene { trace: case.trace, attempt: case.attempt };
        let about = About { item: case.item, scene: &scene };
        let asked = needs.iter().map(|need| Box::pin(self.answer(need, about)) as Boxed<'_, Answer>).collect();
        tokio::runtime::Handle::current().block_on(all(asked))
    }

    async fn answer(&self, need: &Need, about: About<'_>) -> Answer {
        match (need, &self.judge) {
            (Need::Command(command), _) => self.ran(command).await,
            (Need::Judge(need), Some((asking, _))) => Answer::Reply(asking.ask(need, about).await),
            (Need::Judge(_), None) => {
                Answer::Reply(Err(Fault::new(Boundary::Judge, "no_judge", "no judge is configured")))
            }
        }
    }

    async fn ran(&self, command: &CommandNeed) -> Answer {
        let home = std::env::temp_dir();
        let spec = Spec {
            stdin: Stdin::Bytes(command.stdin.clone().into_bytes()),
            env: base_env(&home, &home, 0, "grader"),
            timeout: Some(Duration::from_millis(command.timeout_ms)),
            ..Spec::new(command.argv.clone(), &self.shared.folder)
        };
        let ran = process::run(spec, &Cancel::new()).await;
        Answer::Output(
            ran.map(|output| output_of(&output)).map_err(|fault| Fault { boundary: Boundary::Grader, ..fault }),
        )
    }
}

/// Waits for all of them at once; the results are in the order of the futures.
async fn all<T>(mut open: Vec<Boxed<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = open.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in open.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// What an ended trial left to be graded.
struct Kept {
    folder: PathBuf,
    item: String,
    trace: Trace,
    diffs: Vec<(String, String)>,
}

impl Kept {
    fn read(folder: &Path, spec: &TrialSpec) -> Result<Kept, Fault> {
        Ok(Kept {
            trace: read_trace(&folder.join("trace.jsonl"))?,
            diffs: super::assemble::diffs(&folder.join("diffs")),
            folder: folder.to_owned(),
            item: spec.key.to_string(),
        })
    }

    fn case<'a>(&'a self, spec: &'a TrialSpec, end: &'a End) -> Case<'a> {
        Case {
            item: &self.item,
            attempt: Some(&self.folder),
            task: Some(&spec.task),
            twin: spec.key.twin,
            trace: &self.trace,
            end,
            diffs: &self.diffs,
        }
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
