//! What every dispatcher and every keeper of results must do, whatever stands behind them: the runner relies on nothing else.
//!
//! A new implementation adds one line to `DISPATCHERS` or `RESULTS` below.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    model::{
        id::TrialKey,
        run::{Attempt, Commit, Dispatcher, Grades, GradingId, Held, Lease, Results, TrialEnd, TrialSpec, Work},
        trace::{End, EndKind, Usage},
    },
    runner::dispatch::{GRADINGS, LocalDispatcher, TRIALS},
    store::{FolderResults, Layout},
};
use proptest::prelude::*;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// A dispatcher and how it is told to stop.
struct Made {
    dispatcher: Arc<dyn Dispatcher>,
    cancel: Box<dyn Fn()>,
}

type Make = fn() -> Made;

const DISPATCHERS: &[(&str, Make)] = &[("local", || {
    let local = LocalDispatcher::new(None);
    Made { dispatcher: Arc::new(local.clone()), cancel: Box::new(move || local.cancel()) }
})];

type Keep = fn(&Path) -> Arc<dyn Results>;

const RESULTS: &[(&str, Keep)] =
    &[("folder", |root| Arc::new(FolderResults::new(Layout::at(root), || "2026-01-01T00:00:00.000Z".to_owned())))];

fn spec(n: u32) -> Arc<TrialSpec> {
    let task = json!({
        "id": "t", "trials": 1, "workspace": {"source": "empty"},
        "interview": {"stages": [{"id": "brief", "say": {"text": "do it"}}], "replies": 4, "language": "en",
            "lines": serde_json::to_value(evalrun::model::task::Lines::default()).unwrap()},
        "limits": serde_json::to_value(evalrun::model::task::Limits::default()).unwrap(), "permissions": "allow"
    });
    let agent = json!({"name": "a", "driver": "scripted"});
    let key = TrialKey { task: "t".to_owned(), twin: false, agent: "a".to_owned(), n };
    Arc::new(serde_json::from_value(json!({"key": key, "task": task, "agent": agent, "seed": 1})).unwrap())
}

fn trial(n: u32) -> Work {
    Work::Trial(spec(n))
}

fn grading(n: u32) -> Work {
    Work::Grade(spec(n), GradingId("g".to_owned()))
}

fn number(work: &Work) -> u32 {
    match work {
        Work::Trial(spec) | Work::Grade(spec, _) => spec.key.n,
    }
}

fn pools(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Whatever can be had now; nothing where one would have to wait.
async fn now(dispatcher: &dyn Dispatcher, pools: &[String], free: usize) -> Option<Vec<Box<dyn Lease>>> {
    let mut next = dispatcher.next(pools, free);
    std::future::poll_fn(|context| match next.as_mut().poll(context) {
        std::task::Poll::Ready(leases) => std::task::Poll::Ready(Some(leases.unwrap())),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

fn numbers(leases: &[Box<dyn Lease>]) -> Vec<u32> {
    leases.iter().map(|lease| number(lease.work())).collect()
}

#[tokio::test]
async fn work_is_handed_out_once_and_in_order() {
    for (name, make) in DISPATCHERS {
        let Made { dispatcher, .. } = make();
        let both = pools(&[TRIALS, GRADINGS]);
        assert_eq!(dispatcher.submit(vec![trial(1), trial(2), grading(1), trial(3)]).await.unwrap(), 4, "{name}");
        assert_eq!(dispatcher.submit(vec![trial(2), trial(4), grading(1)]).await.unwrap(), 1, "{name}: known work");
        let first = now(&*dispatcher, &pools(&[TRIALS]), 2).await.unwrap();
        assert_eq!(numbers(&first), [1, 2], "{name}");
        let rest = now(&*dispatcher, &both, 9).await.unwrap();
        assert_eq!(numbers(&rest), [1, 3, 4], "{name}");
        assert!(now(&*dispatcher, &both, 9).await.is_none(), "{name}: leased work may come back");
        for lease in first.into_iter().chain(rest) {
            lease.done().await.unwrap();
        }
        assert_eq!(numbers(&now(&*dispatcher, &both, 9).await.unwrap()), [0; 0], "{name}: all is done");
        assert_eq!(dispatcher.submit(vec![trial(1)]).await.unwrap(), 0, "{name}: done work is known work");
    }
}

#[tokio::test]
async fn a_lease_dropped_without_a_word_comes_back() {
    for (name, make) in DISPATCHERS {
        let Made { dispatcher, .. } = make();
        let trials = pools(&[TRIALS]);
        dispatcher.submit(vec![trial(1)]).await.unwrap();
        let waiting = {
            let lease = now(&*dispatcher, &trials, 1).await.unwrap();
            let (dispatcher, trials) = (Arc::clone(&dispatcher), trials.clone());
            let waiting = tokio::spawn(async move { numbers(&dispatcher.next(&trials, 1).await.unwrap()) });
            tokio::task::yield_now().await;
            drop(lease);
            waiting
        };
        assert_eq!(waiting.await.unwrap(), [1], "{name}");
        assert_eq!(numbers(&now(&*dispatcher, &trials, 1).await.unwrap()), [1], "{name}");
    }
}

#[tokio::test]
async fn work_given_back_waits_as_long_as_was_asked() {
    for (name, make) in DISPATCHERS {
        let Made { dispatcher, .. } = make();
        let trials = pools(&[TRIALS]);
        dispatcher.submit(vec![trial(1), trial(2), trial(3)]).await.unwrap();
        let began = Instant::now();
        let short = Duration::from_millis(50);
        for (lease, after) in now(&*dispatcher, &trials, 2).await.unwrap().into_iter().zip([Duration::MAX / 4, short]) {
            lease.retry(after).await.unwrap();
        }
        let mut out = dispatcher.next(&trials, 1).await.unwrap();
        out.extend(dispatcher.next(&trials, 9).await.unwrap());
        assert_eq!(numbers(&out), [3, 2], "{name}: what need not wait does not");
        assert!(began.elapsed() >= short, "{name}: {:?}", began.elapsed());
        assert!(now(&*dispatcher, &pools(&[TRIALS]), 9).await.is_none(), "{name}: the first waits on");
    }
}

#[tokio::test]
async fn nobody_waits_for_work_that_cannot_come() {
    for (name, make) in DISPATCHERS {
        let Made { dispatcher, .. } = make();
        dispatcher.submit(vec![trial(1)]).await.unwrap();
        let lease = now(&*dispatcher, &pools(&[TRIALS]), 1).await.unwrap().remove(0);
        // A trial that runs may still bring its grading, so the graders wait.
        assert!(now(&*dispatcher, &pools(&[GRADINGS]), 1).await.is_none(), "{name}");
        dispatcher.submit(vec![grading(1)]).await.unwrap();
        lease.done().await.unwrap();
        let graded = now(&*dispatcher, &pools(&[GRADINGS]), 1).await.unwrap();
        // A grading brings no trials.
        assert_eq!(numbers(&now(&*dispatcher, &pools(&[TRIALS]), 1).await.unwrap()), [0; 0], "{name}");
        for lease in graded {
            lease.done().await.unwrap();
        }
        assert_eq!(numbers(&now(&*dispatcher, &pools(&[GRADINGS]), 1).await.unwrap()), [0; 0], "{name}");
    }
}

#[tokio::test]
async fn cancelled_it_hands_out_nothing_more_and_says_so() {
    for (name, make) in DISPATCHERS {
        let Made { dispatcher, cancel } = make();
        let trials = pools(&[TRIALS]);
        dispatcher.submit(vec![trial(1), trial(2)]).await.unwrap();
        let mut lease = now(&*dispatcher, &trials, 1).await.unwrap().remove(0);
        assert_eq!(lease.beat().await, Held::Yes, "{name}");
        cancel();
        assert_eq!(lease.beat().await, Held::Cancelled, "{name}");
        assert_eq!(numbers(&now(&*dispatcher, &trials, 9).await.unwrap()), [0; 0], "{name}");
        lease.done().await.unwrap();
    }
}

/// One step of somebody who works.
#[derive(Clone, Copy, Debug)]
enum Step {
    Submit(u32),
    Take(usize),
    Done(usize),
    Drop(usize),
    Retry(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..20u32).prop_map(Step::Submit),
        (0..4usize).prop_map(Step::Take),
        (0..8usize).prop_map(Step::Done),
        (0..8usize).prop_map(Step::Drop),
        (0..8usize).prop_map(Step::Retry),
    ]
}

proptest! {
    #[test]
    fn whatever_the_order_each_piece_is_out_once_at_a_time_and_none_is_lost(steps in proptest::collection::vec(step(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (_, make) in DISPATCHERS {
            runtime.block_on(hold(&*make().dispatcher, &steps));
        }
    }
}

async fn hold(dispatcher: &dyn Dispatcher, steps: &[Step]) {
    let trials = pools(&[TRIALS]);
    let (mut out, mut waiting, mut known) = (Vec::<Box<dyn Lease>>::new(), Vec::<u32>::new(), BTreeSet::new());
    for step in steps {
        match *step {
            Step::Submit(n) => {
                let is_new = known.insert(n);
                assert_eq!(dispatcher.submit(vec![trial(n)]).await.unwrap(), u64::from(is_new));
                waiting.extend(is_new.then_some(n));
            }
            Step::Take(free) => {
                let wanted = waiting.drain(..free.min(waiting.len())).collect::<Vec<u32>>();
                match now(dispatcher, &trials, free).await {
                    Some(leases) => {
                        assert_eq!(numbers(&leases), wanted);
                        out.extend(leases);
                    }
                    None => assert!(wanted.is_empty() && !out.is_empty(), "it waits, and nothing is out"),
                }
            }
            Step::Done(at) | Step::Drop(at) | Step::Retry(at) if at < out.len() => {
                let lease = out.remove(at);
                let n = number(lease.work());
                match step {
                    Step::Done(_) => lease.done().await.unwrap(),
                    Step::Drop(_) => drop(lease),
                    Step::Retry(_) => lease.retry(Duration::ZERO).await.unwrap(),
                    Step::Submit(_) | Step::Take(_) => unreachable!(),
                }
                waiting.extend((!matches!(step, Step::Done(_))).then_some(n));
            }
            Step::Done(_) | Step::Drop(_) | Step::Retry(_) => {}
        }
    }
    drop(out);
    let mut rest = BTreeMap::<u32, u32>::new();
    loop {
        let leases = now(dispatcher, &trials, 3).await.expect("all that is out came back");
        if leases.is_empty() {
            break;
        }
        for lease in leases {
            *rest.entry(number(lease.work())).or_default() += 1;
            lease.done().await.unwrap();
        }
    }
    assert!(rest.values().all(|times| *times == 1), "{rest:?}");
    assert!(waiting.iter().all(|n| rest.contains_key(n)), "{waiting:?} {rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_hands_do_each_piece_once() {
    for (name, make) in DISPATCHERS {
        let dispatcher = make().dispatcher;
        dispatcher.submit((1..=200).map(trial).collect()).await.unwrap();
        let mut hands = tokio::task::JoinSet::new();
        for hand in 0..8u32 {
            let dispatcher = Arc::clone(&dispatcher);
            hands.spawn(async move {
                let trials = pools(&[TRIALS]);
                let mut did = Vec::new();
                loop {
                    let leases = dispatcher.next(&trials, 2).await.unwrap();
                    if leases.is_empty() {
                        return did;
                    }
                    for (at, lease) in leases.into_iter().enumerate() {
                        // Each hand lets some of it fall; they come back until somebody does them.
                        if (number(lease.work()) + hand + at as u32).is_multiple_of(3) {
                            drop(lease);
                            tokio::task::yield_now().await;
                        } else {
                            did.push(number(lease.work()));
                            lease.done().await.unwrap();
                        }
                    }
                }
            });
        }
        let mut did = hands.join_all().await.concat();
        did.sort_unstable();
        assert_eq!(did, (1..=200).collect::<Vec<u32>>(), "{name}");
    }
}

fn end(n: u32, attempt: Attempt, why: &str) -> TrialEnd {
    TrialEnd {
        version: 1,
        key: spec(n).key.clone(),
        attempt: attempt.0,
        end: End { kind: EndKind::Done, why: why.to_owned() },
        usage: Usage::default(),
        started: String::new(),
        finished: String::new(),
        wall_ms: 0,
        task_hash: String::new(),
        trace_hash: String::new(),
        agent_version: None,
        model: None,
        sandbox: "none".to_owned(),
        notes: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_are_numbered_and_the_first_result_counts() {
    for (name, make) in RESULTS {
        let folder = tempfile::tempdir().unwrap();
        let results = make(folder.path());
        assert_eq!(results.ended(&spec(1)).await.unwrap(), None, "{name}");
        let mut rivals = tokio::task::JoinSet::new();
        for rival in 0..16 {
            let results = Arc::clone(&results);
            rivals.spawn(async move {
                let attempt = results.begin(&spec(1)).await.unwrap();
                let end = end(1, attempt, &format!("rival {rival}"));
                (attempt, results.commit(&spec(1), attempt, &end).await.unwrap(), end)
            });
        }
        let all = rivals.join_all().await;
        let attempts: BTreeSet<Attempt> = all.iter().map(|(attempt, ..)| *attempt).collect();
        assert_eq!(attempts, (1..=16).map(Attempt).collect(), "{name}: every attempt has a number of its own");
        let first: Vec<&TrialEnd> =
            all.iter().filter(|(_, commit, _)| *commit == Commit::First).map(|(.., end)| end).collect();
        assert_eq!(first.len(), 1, "{name}");
        assert_eq!(results.ended(&spec(1)).await.unwrap().as_ref(), Some(first[0]), "{name}");
        assert_eq!(results.ended(&spec(2)).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn grades_stand_by_grading_and_the_first_count() {
    for (name, make) in RESULTS {
        let folder = tempfile::tempdir().unwrap();
        let results = make(folder.path());
        let attempt = results.begin(&spec(1)).await.unwrap();
        results.commit(&spec(1), attempt, &end(1, attempt, "")).await.unwrap();
        let grades: Grades = serde_json::from_value(json!(
            {"version": 1, "scores": [], "metrics": {}, "passed": true, "stages": []}))
        .unwrap();
        let mut said = Vec::new();
        for id in ["one", "two", "one"] {
            said.push(results.commit_grades(&spec(1), &GradingId(id.to_owned()), &grades).await.unwrap());
        }
        assert_eq!(said, [Commit::First, Commit::First, Commit::AlreadyDone], "{name}");
    }
}
