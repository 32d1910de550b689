//! A seat, and a conversation held to its end.

use evalrun::{
    agents::{Agent, Seat, Session, driver},
    model::{
        agent::{AskId, Reply, Signal},
        fault::Fault,
        id::TrialKey,
        suite::AgentSpec,
        task::Limits,
        trace::Body,
    },
    process::{self, Cancel, Jail, env::base_env, redact::Redactor, sweep, use_supervisor},
};
use serde_json::Value;
use std::{
    fs,
    future::{Future, poll_fn},
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tempfile::TempDir;

/// Long past anything that ends at all: a conversation that hangs fails instead of hanging the tests.
const NEVER: Duration = Duration::from_secs(120);

/// A trial's folders; everything is gone when it is dropped.
pub struct Place {
    pub folder: TempDir,
    pub seat: Seat,
    pub marker: String,
}

pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/contract").join(path)
}

/// A program that plays an agent which cannot be had here.
pub fn stand_in(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/standins").join(name)
}

/// A fresh seat of an agent with these fields.
pub fn place(driver: &str, rest: Value) -> Place {
    static PLACES: AtomicU32 = AtomicU32::new(0);
    use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let marker = format!("contract-{}-{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
    let (home, tmp) = (path("home"), path("tmp"));
    let seat = Seat {
        key: TrialKey { task: "contract".into(), twin: false, agent: driver.into(), n: 1 },
        spec: Arc::new(AgentSpec { name: "mine".into(), driver: driver.into(), model: None, secrets: vec![], rest }),
        workspace: path("workspace"),
        native: path("native"),
        env: base_env(&home, &tmp, 7, &marker),
        home,
        tmp,
        jail: Jail::None,
        limits: Limits { output_bytes: 1 << 20, ..Limits::default() },
        seed: 7,
        cancel: Cancel::new(),
        redactor: Arc::new(Redactor::none()),
        model_at: None,
    };
    assert_eq!(seat.env.get(process::MARKER), Some(&marker));
    Place { folder, seat, marker }
}

impl Place {
    pub async fn open(&self) -> Result<Talk, Fault> {
        let driver = driver(&self.seat.spec.driver).expect("a driver of this name");
        let session = driver.open(self.seat.clone()).await?;
        Ok(Talk { session, pulled: Pulled::Patiently })
    }

    /// Waits until no process of the trial is left; says which are after far longer than it may take.
    pub fn left_behind(&self) -> usize {
        sweep::marked(&self.marker).len()
    }
}

/// How signals are waited for.
#[derive(Clone, Copy, PartialEq)]
pub enum Pulled {
    Patiently,
    /// Every wait is given up again and again, before and after it was first polled.
    Dropping,
}

pub struct Talk {
    pub session: Box<dyn Session>,
    pub pulled: Pulled,
}

impl Talk {
    pub async fn say(&mut self, message: &str) {
        within(self.session.say(message)).await.expect("a message is taken");
    }

    pub async fn next(&mut self) -> Signal {
        match self.pulled {
            Pulled::Patiently => within(self.session.next()).await,
            Pulled::Dropping => within(self.next_of_many()).await,
        }
    }

    async fn next_of_many(&mut self) -> Signal {
        for round in 0_u32.. {
            drop(self.session.next());
            if let Some(signal) = polled_once(self.session.next()).await {
                return signal;
            }
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            } else if let Ok(signal) = tokio::time::timeout(Duration::from_micros(300), self.session.next()).await {
                return signal;
            }
        }
        unreachable!("rounds are counted in u32")
    }

    pub async fn reply(&mut self, to: AskId, reply: Reply) {
        within(self.session.reply(to, reply)).await.expect("an answer is taken");
    }

    /// Says something and pulls to the end of the turn, answering what is asked.
    pub async fn turn(&mut self, message: &str) -> Vec<Signal> {
        self.say(message).await;
        let mut signals = Vec::new();
        loop {
            let signal = self.next().await;
            let ask = match &signal {
                Signal::Ask(ask, _) => Some((*ask, Reply::Text("blue".to_owned()))),
                Signal::Permit(ask, _) => Some((*ask, Reply::Deny("not here".to_owned()))),
                Signal::Event(_) | Signal::TurnEnd(_) | Signal::Gone(_) => None,
            };
            let over = matches!(signal, Signal::TurnEnd(_) | Signal::Gone(_));
            signals.push(signal);
            if let Some((ask, reply)) = ask {
                self.reply(ask, reply).await;
            }
            if over {
                return signals;
            }
        }
    }

    pub async fn close(self) -> Vec<String> {
        within(self.session.close()).await
    }
}

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(NEVER, what).await.expect("it ends")
}

/// The signals as text, times left out.
pub fn shown(signals: &[Signal]) -> String {
    signals.iter().map(|signal| format!("{:?}\n", timeless(signal))).collect()
}

pub fn timeless(signal: &Signal) -> Signal {
    let mut signal = signal.clone();
    if let Signal::Event(draft) = &mut signal
        && let Body::ToolResult(result) = &mut draft.body
    {
        result.duration_ms = None;
    }
    signal
}

async fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
