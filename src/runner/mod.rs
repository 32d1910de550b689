//! The one async place: plays trials, grades them, keeps what happened.
//!
//! A run is two pools of workers over one dispatcher. A worker of the first plays trials; as soon as one has ended, its grading is
//! work of its own for the second, and the trial's slot is free. Trials are independent: one that breaks does not stop its siblings.
//! What counts is committed to the run folder before anything else learns of it, so that a run can be killed at any byte.

pub mod asking;
mod assemble;
pub mod clock;
mod conversation;
pub mod dispatch;
pub mod gates;
mod grading;
mod ground;
pub mod leftovers;
pub mod looks;
mod native;
mod play;
pub mod progress;
pub mod recorder;
mod regrade;
mod repeats;
pub mod rewarded;
pub mod scripted_model;
pub mod secrets;
pub mod sessions;
mod turn;

pub use assemble::{AgentTrials, FolderTrials, assemble, diffs, trial_result};
pub use grading::{Case, Grading};
pub use looks::run_looks;
pub use regrade::{broken, grade_again};

use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    run::{Dispatcher, Lease, Results, TrialSpec, Work},
    trace::EndKind,
};
use crate::process::Cancel;
use crate::store::{FolderResults, Layout, RunRecord, Writer};
use dispatch::{GRADINGS, Journal, LocalDispatcher, TRIALS};
use play::Played;
use progress::{Progress, Watcher};
use recorder::on_blocking;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Everything a run needs.
#[derive(Clone)]
pub struct Job {
    pub layout: Layout,
    pub record: RunRecord,
    pub grading: Grading,
    pub watcher: Watcher,
    /// Pulled by the first Ctrl-C: nothing new starts, what runs is stopped and kept as an attempt.
    pub cancel: Cancel,
    /// Where set-up workspaces are kept between runs.
    pub cache: PathBuf,
    /// Trials at once.
    pub width: usize,
}

/// How a run went. What was measured stands in the folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    pub interrupted: bool,
    /// The budget that was reached.
    pub budget: Option<String>,
    /// Trials that broke, with why; they are not counted and may be run again.
    pub broken: Vec<(TrialKey, Fault)>,
    /// Trials that were never started, or stopped by us.
    pub not_started: Vec<TrialKey>,
    /// Trials that ended and could not be graded, with why.
    pub ungraded: Vec<(TrialKey, Fault)>,
}

/// Only what a driver or provider calls retryable is tried again, and only this often. Attempts that a crash cut off do not count.
const RETRIES: u32 = 2;

/// Plays and grades what the run's record holds and its folder lacks.
///
/// # Errors
/// When the run as a whole cannot go on: the disk is full, the folder is gone. Single trials that break are in `Ended`.
pub async fn run(job: Job) -> Result<Ended, Fault> {
    Round::first(job).play().await
}

/// One playing of what is left. A run whose gate looks several times has several.
struct Round {
    job: Arc<Job>,
    /// When the first one began: the budget of time is that of all.
    began: Instant,
    /// What rounds before this one could not do is not tried again by itself.
    left_out: Arc<BTreeSet<TrialKey>>,
}

impl Round {
    fn first(job: Job) -> Round {
        Round { job: Arc::new(job), began: Instant::now(), left_out: Arc::default() }
    }

    fn leave_out(&mut self, ended: &Ended) {
        let lost = ended.broken.iter().chain(&ended.ungraded).map(|(key, _)| key);
        self.left_out = Arc::new(lost.chain(&ended.not_started).cloned().collect());
    }

    async fn play(&self) -> Result<Ended, Fault> {
        let job = Arc::clone(&self.job);
        play_round(job, (self.began, Arc::clone(&self.left_out))).await
    }
}

async fn play_round(job: Arc<Job>, (began, left_out): (Instant, Arc<BTreeSet<TrialKey>>)) -> Result<Ended, Fault> {
    let writer = Writer::start()?;
    let journal = Journal { writer: writer.clone(), path: job.layout.journal() };
    let shared = Arc::new(Shared {
        results: FolderResults::new(job.layout.clone(), clock::now),
        dispatcher: LocalDispatcher::new(Some(journal)),
        writer,
        ended: Mutex::default(),
        spent: Mutex::default(),
        retries: Mutex::default(),
        job,
        began,
        left_out,
    });
    shared.count_spent().await?;
    shared.watch_judge();
    shared.submit().await?;
    let mut workers = JoinSet::new();
    for _ in 0..shared.job.width.max(1) {
        workers.spawn(work(Arc::clone(&shared), TRIALS));
    }
    for _ in 0..shared.job.grading.at_once() {
        workers.spawn(work(Arc::clone(&shared), GRADINGS));
    }
    let clocks = tokio::spawn(watch_clocks(Arc::clone(&shared)));
    let mut first_fault = None;
    while let Some(worker) = workers.join_next().await {
        let outcome = worker.unwrap_or_else(|error| Err(Fault::new(Boundary::Store, "worker", error.to_string())));
        if let Err(fault) = outcome {
            shared.dispatcher.cancel();
            shared.job.cancel.cancel();
            first_fault.get_or_insert(fault);
        }
    }
    clocks.abort();
    match first_fault {
        Some(fault) => Err(fault),
        None => Ok(shared.end()),
    }
}

struct Shared {
    job: Arc<Job>,
    began: Instant,
    left_out: Arc<BTreeSet<TrialKey>>,
    results: FolderResults,
    dispatcher: LocalDispatcher,
    writer: Writer,
    ended: Mutex<Ended>,
    /// micro-USD.
    spent: Mutex<u64>,
    retries: Mutex<BTreeMap<TrialKey, u32>>,
}

impl Shared {
    async fn submit(&self) -> Result<(), Fault> {
        let mut work = Vec::new();
        for spec in self.job.record.trials.iter().filter(|spec| !self.left_out.contains(&spec.key)) {
            let spec = Arc::new(spec.clone());
            if self.results.ended(&spec).await?.is_none() {
                work.push(Work::Trial(spec));
            } else if !self.job.layout.scores(&spec.key, &self.job.record.grading).exists() {
                work.push(Work::Grade(spec, self.job.record.grading.clone()));
            }
        }
        self.dispatcher.submit(work).await.map(drop)
    }

    /// What judges cost counts while it happens; once the budget is spent they are asked no more.
    fn watch_judge(self: &Arc<Self>) {
        let Some(asking) = self.job.grading.asking() else { return };
        let weak = Arc::downgrade(self);
        asking.paid_by(Box::new(move |micro| {
            if let Some(shared) = weak.upgrade() {
                spend(&shared, micro);
            }
        }));
    }

    /// What earlier attempts cost counts, also of those that a crash cut off.
    async fn count_spent(&self) -> Result<(), Fault> {
        if self.job.record.suite.budget.cost.is_none() {
            return Ok(());
        }
        let (results, specs) = (self.results.clone(), self.job.record.trials.clone());
        let (layout, grading) = (self.job.layout.clone(), self.job.record.grading.clone());
        let spent = on_blocking(move || {
            let judged = |spec: &TrialSpec| {
                let grades = crate::store::read_json(&layout.scores(&spec.key, &grading));
                grades.map(|grades| regrade::cost(&grades)).unwrap_or(0)
            };
            let cost = |spec: &TrialSpec| results.spent(&spec.key).micro_usd.unwrap_or(0).saturating_add(judged(spec));
            Ok(specs.iter().map(cost).fold(0, u64::saturating_add))
        });
        let spent = spent.await?;
        spend(self, spent);
        Ok(())
    }

    /// Whether this trial may be tried again; counts.
    fn may_retry(&self, key: &TrialKey) -> bool {
        let mut retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = retries.entry(key.clone()).or_default();
        *tried += 1;
        *tried <= RETRIES
    }

    fn note(&self, change: impl FnOnce(&mut Ended)) {
        change(&mut self.ended.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Stops new trials once a budget is reached; what runs goes on.
    fn reached(&self, budget: &str) {
        let dropped = self.dispatcher.drop_trials();
        self.note(|ended| {
            ended.budget.get_or_insert_with(|| budget.to_owned());
            ended.not_started.extend(dropped.iter().map(|work| spec_of(work).key.clone()));
        });
        self.job.watcher.tell(Progress::Note(format!("budget reached: {budget}; running trials finish")));
    }

    fn cancelled(&self) {
        self.dispatcher.cancel();
        if let Some(asking) = self.job.grading.asking() {
            asking.cancel();
        }
    }

    fn end(&self) -> Ended {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ended.interrupted = self.job.cancel.is_cancelled();
        ended.broken.sort_by(|a, b| a.0.cmp(&b.0));
        ended.not_started.sort();
        ended.ungraded.sort_by(|a, b| a.0.cmp(&b.0));
        ended
    }
}

/// Ends the dispatcher when the run is cancelled, and trials when the wall budget is spent.
async fn watch_clocks(shared: Arc<Shared>) {
    let began = shared.began;
    let wall = shared.job.record.suite.budget.wall_ms;
    let out_of_time = async {
        match wall {
            Some(ms) => tokio::time::sleep_until((began + Duration::from_millis(ms)).into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shared.job.cancel.cancelled() => shared.cancelled(),
        () = out_of_time => {
            shared.reached(&format!("{} s of wall time", wall.unwrap_or(0) as f64 / 1000.0));
            shared.job.cancel.cancelled().await;
            shared.cancelled();
        }
    }
}

async fn work(shared: Arc<Shared>, pool: &'static str) -> Result<(), Fault> {
    let pools = [pool.to_owned()];
    loop {
        let leases = shared.dispatcher.next(&pools, 1).await?;
        if leases.is_empty() {
            return Ok(());
        }
        for lease in leases {
            match lease.work().clone() {
                Work::Trial(spec) => trial(&shared, spec, lease).await?,
                Work::Grade(spec, _) => {
                    grade(&shared, &spec).await?;
                    lease.done().await?;
                }
            }
        }
    }
}

async fn trial(shared: &Shared, spec: Arc<TrialSpec>, lease: Box<dyn Lease>) -> Result<(), Fault> {
    let watcher = &shared.job.watcher;
    let attempt = shared.results.begin(&spec).await?;
    watcher.tell(Progress::TrialStarted(spec.key.clone()));
    let played = play::play(&shared.job, &shared.writer, &spec, attempt).await?;
    watcher.tell(Progress::TrialEnded(spec.key.clone(), played.end.end.kind));
    spend(shared, played.end.usage.micro_usd.unwrap_or(0));
    let Played { end, fault } = played;
    if end.end.kind != EndKind::Broken && end.end.kind != EndKind::Cancelled {
        shared.results.commit(&spec, attempt, &end).await?;
        shared.dispatcher.submit(vec![Work::Grade(spec, shared.job.record.grading.clone())]).await?;
        return lease.done().await;
    }
    shared.results.broke(&spec.key, attempt, &end).await?;
    match fault {
        Some(fault) if fault.retryable && shared.may_retry(&spec.key) => {
            watcher.tell(Progress::Note(format!("{}: {}; tried again", spec.key, fault.message)));
            lease.retry(backoff(&spec, attempt.0)).await
        }
        Some(fault) => {
            watcher.tell(Progress::Note(format!("{}: {}", spec.key, fault.message)));
            let full = fault.kind == play::FULL_DISK;
            shared.note(|ended| ended.broken.push((spec.key.clone(), fault.clone())));
            lease.done().await?;
            if full { Err(fault) } else { Ok(()) }
        }
        None => {
            shared.note(|ended| ended.not_started.push(spec.key.clone()));
            lease.done().await
        }
    }
}

fn spend(shared: &Shared, micro_usd: u64) {
    let total = {
        let mut spent = shared.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.saturating_add(micro_usd);
        *spent
    };
    if let Some(most) = shared.job.record.suite.budget.cost.filter(|most| total >= *most && micro_usd > 0) {
        shared.reached(&format!("{:.2} USD", most as f64 / 1e6));
        if let Some(asking) = shared.job.grading.asking() {
            asking.stop();
        }
    }
}

/// Doubles with each attempt; the jitter comes from the trial's seed, so that siblings spread out and a test can repeat it.
fn backoff(spec: &TrialSpec, attempt: u32) -> Duration {
    let base = 500u64 << attempt.min(6);
    Duration::from_millis(base + spec.key.seed(spec.seed, "backoff") % base)
}

async fn grade(shared: &Shared, spec: &TrialSpec) -> Result<(), Fault> {
    let job = &shared.job;
    let Some(end) = shared.results.ended(spec).await? else { return Ok(()) };
    match job.grading.grade(&job.layout, spec, &end).await {
        // What we stopped is graded when the run goes on.
        Ok(grades) if job.cancel.is_cancelled() && broken(&grades) > 0 => {}
        Ok(grades) => {
            shared.results.commit_grades(spec, &job.record.grading, &grades).await?;
            job.watcher.tell(Progress::Graded(spec.key.clone()));
        }
        // One trace that somebody damaged leaves the others to be graded.
        Err(fault) => {
            job.watcher.tell(Progress::Note(format!("{} cannot be graded: {}", spec.key, fault.message)));
            shared.note(|ended| ended.ungraded.push((spec.key.clone(), fault)));
        }
    }
    Ok(())
}

fn spec_of(work: &Work) -> &TrialSpec {
    match work {
        Work::Trial(spec) | Work::Grade(spec, _) => spec,
    }
}
