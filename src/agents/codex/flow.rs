//! What a session yields, bounded: events up to the trial's limit, and what keeps a failing endpoint apart from an idle agent.

use crate::{
    agents::Seat,
    model::{
        agent::{Draft, Signal},
        fault::Fault,
        trace::{Body, ErrorMark, LimitMark, Text},
    },
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What an event counts at least: a million empty ones would fill memory as well as a few large ones.
const LEAST_OF_AN_EVENT: u64 = 512;
/// How long an endpoint may fail where the suite has no idle limit.
const PATIENCE: Duration = Duration::from_secs(120);

/// Signals that wait to be pulled.
pub struct Flow {
    ready: VecDeque<Signal>,
    /// Bytes of events that may still be kept in this trial.
    left: u64,
    left_out: u64,
    patience: Duration,
    trouble: Option<Trouble>,
}

struct Trouble {
    fault: Fault,
    /// Until then the endpoint may come back.
    until: Instant,
    again: u64,
}

impl Flow {
    pub fn of(seat: &Seat) -> Flow {
        Flow {
            ready: VecDeque::new(),
            left: seat.limits.output_bytes,
            left_out: 0,
            patience: seat.limits.idle_ms.map_or(PATIENCE, Duration::from_millis),
            trouble: None,
        }
    }

    pub fn pop(&mut self) -> Option<Signal> {
        self.ready.pop_front()
    }

    pub fn push(&mut self, signal: Signal) {
        self.ready.push_back(signal);
    }

    /// Keeps an event that came in a line of this length.
    pub fn keep(&mut self, draft: Draft, length: u64) {
        if self.left == 0 {
            self.left_out += length;
            return;
        }
        self.left = self.left.saturating_sub(length.max(LEAST_OF_AN_EVENT));
        self.push(Signal::Event(Box::new(draft)));
    }

    pub fn note_left_out(&mut self) {
        if self.left_out > 0 {
            let why = format!("{} bytes of the agent's events were left out", std::mem::take(&mut self.left_out));
            let mark = LimitMark { limit: "output".to_owned(), why };
            self.push(Signal::Event(Box::new(Draft::of(Body::Limit(mark)))));
        }
    }

    /// The endpoint fails and is tried again: told once, and counted. Codex would go on for ever.
    pub fn troubled(&mut self, fault: Fault) {
        if let Some(trouble) = &mut self.trouble {
            trouble.again += 1;
            return;
        }
        self.keep(mark(fault.message.clone()), 0);
        let until = Instant::now() + self.patience;
        self.trouble = Some(Trouble { fault, until, again: 0 });
    }

    /// The endpoint answers again.
    pub fn calm(&mut self) {
        if let Some(trouble) = self.trouble.take().filter(|trouble| trouble.again > 0) {
            self.keep(mark(format!("the same {} more times: {}", trouble.again, trouble.fault.message)), 0);
        }
    }

    /// When the patience with a failing endpoint ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.until)
    }

    /// The fault of an endpoint that failed until now.
    pub fn take_trouble(&mut self) -> Option<Fault> {
        let fault = self.trouble.as_ref().map(|trouble| trouble.fault.clone());
        self.calm();
        fault
    }
}

/// Waits until then, or for ever.
pub async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

pub fn mark(message: String) -> Draft {
    Draft::of(Body::Error(ErrorMark { message: Text::whole(message), fault: None }))
}
