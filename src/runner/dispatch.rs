//! The local dispatcher: hands out work inside one process, and keeps a journal that can be rebuilt from plan minus results.

use crate::model::{
    fault::Fault,
    run::{Boxed, Dispatcher, Held, Lease, Work},
};
use crate::store::{Sync, Writer};
use std::{
    collections::{BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// The pool of trials, and the pool of gradings: a grading never waits for a trial's slot.
pub const TRIALS: &str = "trials";
pub const GRADINGS: &str = "gradings";

/// Where the journal goes.
#[derive(Clone)]
pub struct Journal {
    pub writer: Writer,
    pub path: PathBuf,
}

/// Work of one process, leased to its tasks.
#[derive(Clone)]
pub struct LocalDispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
    journal: Option<Journal>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    later: Vec<(Instant, Work)>,
    known: BTreeSet<String>,
    /// Pools of the leases that are out.
    leased: Vec<&'static str>,
    cancelled: bool,
}

impl LocalDispatcher {
    pub fn new(journal: Option<Journal>) -> LocalDispatcher {
        LocalDispatcher { shared: Arc::new(Shared { queue: Mutex::default(), changed: Notify::new(), journal }) }
    }

    /// Hands out nothing more; beats of leases that are out say `Cancelled`.
    pub fn cancel(&self) {
        self.shared.queue().cancelled = true;
        self.shared.changed.notify_waiters();
    }

    /// Hands out no more trials; gradings go on. For a budget that is spent.
    pub fn drop_trials(&self) -> Vec<Work> {
        let mut queue = self.shared.queue();
        let (trials, rest): (Vec<Work>, Vec<Work>) = queue.waiting.drain(..).partition(|work| pool(work) == TRIALS);
        queue.waiting = rest.into();
        let (later, rest): (Vec<_>, Vec<_>) = queue.later.drain(..).partition(|(_, work)| pool(work) == TRIALS);
        queue.later = rest;
        drop(queue);
        self.shared.changed.notify_waiters();
        trials.into_iter().chain(later.into_iter().map(|(_, work)| work)).collect()
    }
}

impl Dispatcher for LocalDispatcher {
    fn submit<'a>(&'a self, work: Vec<Work>) -> Boxed<'a, Result<u64, Fault>> {
        Box::pin(async move {
            let mut taken = 0;
            for work in work {
                let mut queue = self.shared.queue();
                if queue.known.insert(name(&work)) {
                    queue.waiting.push_back(work);
                    taken += 1;
                }
            }
            self.shared.changed.notify_waiters();
            Ok(taken)
        })
    }

    fn next<'a>(&'a self, pools: &'a [String], free: usize) -> Boxed<'a, Result<Vec<Box<dyn Lease>>, Fault>> {
        Box::pin(async move {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                match self.shared.take(pools, free) {
                    Taken::Leases(work) => return self.shared.lease_all(work).await,
                    Taken::Nothing => return Ok(Vec::new()),
                    Taken::Wait(None) => changed.await,
                    Taken::Wait(Some(until)) => {
                        tokio::select! {
                            () = changed => {}
                            () = tokio::time::sleep_until(until.into()) => {}
                        }
                    }
                }
            }
        })
    }
}

enum Taken {
    Leases(Vec<Work>),
    Wait(Option<Instant>),
    Nothing,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, pools: &[String], free: usize) -> Taken {
        let mut queue = self.queue();
        if queue.cancelled {
            return Taken::Nothing;
        }
        queue.wake(Instant::now());
        let mine = |work: &Work| pools.iter().any(|name| name == pool(work));
        let mut taken = Vec::new();
        let mut at = 0;
        while at < queue.waiting.len() && taken.len() < free {
            if mine(&queue.waiting[at]) {
                taken.extend(queue.waiting.remove(at));
            } else {
                at += 1;
            }
        }
        queue.leased.extend(taken.iter().map(pool));
        if !taken.is_empty() {
            return Taken::Leases(taken);
        }
        let may_come = |from: &str| pools.iter().any(|name| name == from) || from == TRIALS;
        let coming = queue.leased.iter().any(|from| may_come(from))
            || queue.waiting.iter().any(|work| may_come(pool(work)))
            || queue.later.iter().any(|(_, work)| may_come(pool(work)));
        match (free, coming) {
            (0, _) | (_, false) => Taken::Nothing,
            (_, true) => Taken::Wait(queue.later.iter().map(|(until, _)| *until).min()),
        }
    }

    /// Every lease exists before anything is waited for: if the log fails, or nobody waits any more, they all come back.
    async fn lease_all(self: &Arc<Self>, work: Vec<Work>) -> Result<Vec<Box<dyn Lease>>, Fault> {
        let lease = |work| LocalLease { work, shared: Arc::clone(self), out: true };
        let leases: Vec<LocalLease> = work.into_iter().map(lease).collect();
        for lease in &leases {
            self.log("leased", &lease.work).await?;
        }
        Ok(leases.into_iter().map(|lease| Box::new(lease) as Box<dyn Lease>).collect())
    }

    async fn log(&self, did: &str, work: &Work) -> Result<(), Fault> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let line = serde_json::json!({"did": did, "work": name(work)}).to_string() + "\n";
        journal.writer.append(&journal.path, line.into_bytes(), Sync::Written).await
    }

    fn give_back(&self, work: &Work, then: Then) {
        let mut queue = self.queue();
        if let Some(at) = queue.leased.iter().position(|from| *from == pool(work)) {
            queue.leased.swap_remove(at);
        }
        match then {
            Then::Done => {}
            Then::Again(after) if after.is_zero() => queue.waiting.push_back(work.clone()),
            // A time that no clock can tell is as far away as one that it can.
            Then::Again(after) => queue.later.push((later(after), work.clone())),
        }
        drop(queue);
        self.changed.notify_waiters();
    }
}

impl Queue {
    fn wake(&mut self, now: Instant) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        self.waiting.extend(due.into_iter().map(|(_, work)| work));
    }
}

#[derive(Clone, Copy)]
enum Then {
    Done,
    Again(Duration),
}

struct LocalLease {
    work: Work,
    shared: Arc<Shared>,
    out: bool,
}

impl LocalLease {
    fn end(&mut self, then: Then) {
        if std::mem::take(&mut self.out) {
            self.shared.give_back(&self.work, then);
        }
    }
}

/// A lease that is dropped without a word gives its work back.
impl Drop for LocalLease {
    fn drop(&mut self) {
        self.end(Then::Again(Duration::ZERO));
    }
}

impl Lease for LocalLease {
    fn work(&self) -> &Work {
        &self.work
    }

    fn beat(&mut self) -> Boxed<'_, Held> {
        Box::pin(async move { if self.shared.queue().cancelled { Held::Cancelled } else { Held::Yes } })
    }

    fn done(mut self: Box<Self>) -> Boxed<'static, Result<(), Fault>> {
        Box::pin(async move {
            self.end(Then::Done);
            self.shared.log("done", &self.work).await
        })
    }

    fn retry(mut self: Box<Self>, after: Duration) -> Boxed<'static, Result<(), Fault>> {
        Box::pin(async move {
            self.end(Then::Again(after));
            self.shared.log("retry", &self.work).await
        })
    }
}

fn later(after: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(after.min(FAR)).unwrap_or(now)
}

fn pool(work: &Work) -> &'static str {
    match work {
        Work::Trial(_) => TRIALS,
        Work::Grade(..) => GRADINGS,
    }
}

fn name(work: &Work) -> String {
    match work {
        Work::Trial(spec) => format!("trial {}", spec.key),
        Work::Grade(spec, id) => format!("grade {} {}", spec.key, id.0),
    }
}
