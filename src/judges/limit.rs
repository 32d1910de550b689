//! Requests at once to one provider: a fixed number, or one that finds its own.
//!
//! Adaptive: it starts at 4 and doubles each time as many replies as the limit came back without a refusal. A refusal halves it, and from then
//! on it grows by one. A refusal of a request that was sent before the last halving says nothing new.

use crate::model::suite::Permits;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

const START: u32 = 4;
const MOST: u32 = 512;

/// How many may be out. Pure: it is told what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    now: u32,
    adaptive: bool,
    /// Replies since the limit last changed.
    good: u32,
    /// Whether a refusal was seen: growth is by one from then on.
    refused: bool,
    /// Counts halvings: a request knows under which it was sent.
    age: u32,
}

impl Limit {
    pub fn new(permits: Permits) -> Limit {
        let (now, adaptive) = match permits {
            Permits::Fixed(number) => (number.max(1), false),
            Permits::Adaptive => (START, true),
        };
        Limit { now, adaptive, good: 0, refused: false, age: 0 }
    }

    pub fn now(&self) -> u32 {
        self.now
    }

    pub fn replied(&mut self) {
        self.good += 1;
        if self.adaptive && self.good >= self.now {
            self.good = 0;
            self.now = if self.refused { self.now + 1 } else { self.now * 2 }.min(MOST);
        }
    }

    /// A request sent under halving `age` was refused for being one too many.
    pub fn refused(&mut self, age: u32) {
        if self.adaptive && age == self.age {
            (self.now, self.good, self.refused, self.age) = ((self.now / 2).max(1), 0, true, self.age + 1);
        }
    }
}

/// Waits until one more may go out.
pub struct Gate {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: Limit,
    out: u32,
    most_out: u32,
}

/// One request that may go out; gives its place back when it is dropped.
pub struct Permit {
    gate: Arc<Gate>,
    age: u32,
}

impl Gate {
    pub fn new(permits: Permits) -> Arc<Gate> {
        Arc::new(Gate {
            state: Mutex::new(State { limit: Limit::new(permits), out: 0, most_out: 0 }),
            freed: Notify::new(),
        })
    }

    pub async fn enter(self: &Arc<Gate>) -> Permit {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(permit) = self.try_enter() {
                return permit;
            }
            freed.await;
        }
    }

    /// The most that were ever out at once.
    pub fn most_out(&self) -> u32 {
        self.state().most_out
    }

    fn try_enter(self: &Arc<Gate>) -> Option<Permit> {
        let mut state = self.state();
        if state.out >= state.limit.now() {
            return None;
        }
        state.out += 1;
        state.most_out = state.most_out.max(state.out);
        Some(Permit { gate: Arc::clone(self), age: state.limit.age })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    pub fn replied(&self) {
        self.gate.state().limit.replied();
    }

    pub fn refused(&self) {
        self.gate.state().limit.refused(self.age);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.state().out -= 1;
        // More than one may fit where the limit has grown.
        self.gate.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_until_refused_then_halves_and_creeps() {
        let mut limit = Limit::new(Permits::Adaptive);
        let mut seen = vec![limit.now()];
        for _ in 0..4 + 8 + 16 {
            limit.replied();
            seen.push(limit.now());
        }
        seen.dedup();
        assert_eq!(seen, [4, 8, 16, 32]);
        // A storm: all 32 that are out are refused, and that is one piece of news.
        let age = limit.age;
        (0..32).for_each(|_| limit.refused(age));
        assert_eq!(limit.now(), 16);
        (0..16).for_each(|_| limit.replied());
        assert_eq!(limit.now(), 17);
        for _ in 0..10 {
            limit.refused(limit.age);
        }
        assert_eq!(limit.now(), 1);
    }

    #[test]
    fn a_fixed_number_stays() {
        let mut limit = Limit::new(Permits::Fixed(8));
        (0..100).for_each(|_| limit.replied());
        limit.refused(0);
        assert_eq!(limit.now(), 8);
        assert_eq!(Limit::new(Permits::Fixed(0)).now(), 1);
    }

    #[test]
    fn no_more_are_out_than_the_limit_says_and_all_come_through() {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        let gate = Gate::new(Permits::Fixed(3));
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let gate = Arc::clone(&gate);
                runtime.spawn(async move {
                    let permit = gate.enter().await;
                    tokio::task::yield_now().await;
                    permit.replied();
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!((1..=3).contains(&gate.most_out()), "{}", gate.most_out());
        assert_eq!(gate.state().out, 0);
    }
}
