//! A program that stays open and is spoken to in lines, as an agent on stdio is.
//!
//! ```no_run
//! # async fn example() -> Result<(), evalrun::model::fault::Fault> {
//! use evalrun::process::{Spec, Stdin, open};
//! let mut child = open(Spec { stdin: Stdin::Piped, ..Spec::new(["cat"], "/tmp") }).await?;
//! child.write_line("hello").await?;
//! assert_eq!(child.next_line().await.map(|line| line.text().0), Some("hello".to_owned()));
//! let output = child.wait().await?;
//! # Ok(()) }
//! ```

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

use super::lines::Inbox;
use super::link::{self, Ended, Link};
use super::wire::{INTERRUPT, KILL, TERMINATE};
use super::{CHUNK, Keeper, Kept, Line, Output, STRAY_PIPE, Spec, Stdin};
use crate::model::fault::{Boundary, Fault};

/// Starts a program and leaves it running. Dropping the child ends it and all that it started.
pub async fn open(spec: Spec) -> Result<Child, Fault> {
    let (link, streams) = link::start(&spec).await?;
    let stderr = Arc::new(Mutex::new(Keeper::new(spec.cap)));
    let (orders, order_inbox) = mpsc::unbounded_channel();
    let (end, ended) = watch::channel(None);
    let attended = Attended { link, orders: order_inbox, end, stderr: Arc::clone(&stderr) };
    tokio::spawn(attended.until_end(streams.stderr));
    let mut child = Child {
        stdin: streams.stdin,
        outgoing: VecDeque::new(),
        stdout: Some(streams.stdout),
        chunk: vec![0; CHUNK],
        inbox: Inbox::new(spec.cap),
        cap: spec.cap,
        stderr,
        orders,
        ended,
    };
    if let Stdin::Bytes(bytes) = spec.stdin {
        child.outgoing.extend(bytes);
    }
    Ok(child)
}

/// A running program. Its stderr is drained all the time, its stdout whenever a line is asked for or written.
pub struct Child {
    stdin: Option<ChildStdin>,
    /// Written by whichever call comes next, so that a write that was cancelled half-way is not lost.
    outgoing: VecDeque<u8>,
    stdout: Option<ChildStdout>,
    chunk: Vec<u8>,
    inbox: Inbox,
    cap: u64,
    stderr: Arc<Mutex<Keeper>>,
    orders: mpsc::UnboundedSender<u8>,
    ended: watch::Receiver<Option<Result<Ended, Fault>>>,
}

impl Child {
    /// The next line of stdout; nothing when the stream has ended. Cancel-safe.
    pub async fn next_line(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.inbox.pop() {
                return Some(line);
            }
            if self.stdout.is_none() {
                return self.inbox.rest();
            }
            self.step(Reading::Wanted).await;
        }
    }

    /// Writes a line and its end. What the program prints meanwhile is read, or both would wait for each other.
    pub async fn write_line(&mut self, line: &str) -> Result<(), Fault> {
        self.outgoing.extend(line.bytes());
        self.outgoing.push_back(b'\n');
        self.flush().await
    }

    /// Ends the program's input, after what was still to be written.
    pub async fn close_stdin(&mut self) {
        // A program that no longer reads has lost nothing it wanted.
        let _ = self.flush().await;
        self.stdin = None;
    }

    /// What stderr said so far.
    pub fn stderr(&self) -> Kept {
        lock(&self.stderr).kept()
    }

    /// Asks the program and its group to end by themselves (SIGTERM). Follow with `wait` under a limit, then `kill`.
    pub fn terminate(&self) {
        self.order(TERMINATE);
    }

    /// What ctrl-C would do (SIGINT).
    pub fn interrupt(&self) {
        self.order(INTERRUPT);
    }

    /// Closes stdin, after what was still to be written, and waits for the end. `stdout` holds what no `next_line` took.
    pub async fn wait(&mut self) -> Result<Output, Fault> {
        let mut rest = Keeper::new(self.cap);
        loop {
            self.inbox.drain_into(&mut rest);
            if self.outgoing.is_empty() {
                self.stdin = None;
            }
            if self.stdout.is_none() && self.stdin.is_none() {
                break;
            }
            self.step(Reading::Wanted).await;
        }
        let ended = self.ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        let ended = ended.unwrap_or_else(|| Err(broken("supervisor", "the supervisor of the program is gone")))?;
        let stderr = self.stderr();
        let exit = ended.exit_or_fault(&stderr)?;
        Ok(Output { exit, stdout: rest.finish(), stderr, duration_ms: ended.duration_ms })
    }

    /// Ends the program and all that it started, and waits until they are gone.
    pub async fn kill(&mut self) -> Result<Output, Fault> {
        self.order(KILL);
        self.wait().await
    }

    fn order(&self, order: u8) {
        // Nobody listens when the program has ended, which is what was wanted.
        let _ = self.orders.send(order);
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        while !self.outgoing.is_empty() && self.stdin.is_some() {
            let reading = if self.inbox.is_full() { Reading::Held } else { Reading::Wanted };
            self.step(reading).await;
        }
        match self.stdin {
            Some(_) => Ok(()),
            None => Err(broken("stdin_closed", "the program no longer reads its input")),
        }
    }

    /// Reads some or writes some, whichever is possible first. Cancel-safe: both are single calls.
    async fn step(&mut self, reading: Reading) {
        let ended = self.ended.clone();
        tokio::select! {
            read = read(&mut self.stdout, &mut self.chunk), if reading == Reading::Wanted => match read {
                0 => self.stdout = None,
                _ => self.inbox.push(&self.chunk[..read]),
            },
            wrote = write(&mut self.stdin, &self.outgoing) => match wrote {
                0 => self.stdin = None,
                _ => drop(self.outgoing.drain(..wrote)),
            },
            () = past_end(ended) => {
                self.stdout = None;
                self.stdin = None;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Wanted,
    Held,
}

/// What goes on behind a child: its end awaited, its orders passed on, its stderr drained.
struct Attended {
    link: Link,
    orders: mpsc::UnboundedReceiver<u8>,
    end: watch::Sender<Option<Result<Ended, Fault>>>,
    stderr: Arc<Mutex<Keeper>>,
}

impl Attended {
    /// Returns early when the child is dropped: the link goes with it, and the supervisor ends everything.
    async fn until_end(mut self, stderr: ChildStderr) {
        let mut drained = pin!(drain(stderr, Arc::clone(&self.stderr)));
        let mut dry = false;
        let report = loop {
            tokio::select! {
                report = self.link.next_report() => break report,
                order = self.orders.recv() => match order {
                    Some(order) => self.link.tell(order).await,
                    None => return,
                },
                () = &mut drained, if !dry => dry = true,
            }
        };
        if !dry {
            let _ = timeout(STRAY_PIPE, drained).await;
        }
        let ended = self.link.last_word(report).await;
        self.end.send_replace(Some(ended));
    }
}

async fn drain(mut stream: ChildStderr, keeper: Arc<Mutex<Keeper>>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        lock(&keeper).push(&chunk[..read]);
    }
}

/// Bytes read; 0 at the end.
async fn read(stdout: &mut Option<ChildStdout>, chunk: &mut [u8]) -> usize {
    match stdout {
        Some(stdout) => stdout.read(chunk).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// Bytes written; 0 where the program no longer reads.
async fn write(stdin: &mut Option<ChildStdin>, outgoing: &VecDeque<u8>) -> usize {
    match stdin {
        Some(stdin) if !outgoing.is_empty() => stdin.write(outgoing.as_slices().0).await.unwrap_or(0),
        Some(_) | None => std::future::pending().await,
    }
}

/// A moment after the end of everything, when a pipe still open is held by a stranger.
async fn past_end(mut ended: watch::Receiver<Option<Result<Ended, Fault>>>) {
    let at = match ended.wait_for(Option::is_some).await.ok().as_deref() {
        Some(Some(Ok(ended))) => ended.at,
        Some(Some(Err(_)) | None) | None => std::time::Instant::now(),
    };
    sleep_until((at + STRAY_PIPE).into()).await;
}

/// A keeper stays usable whatever happened to another thread that held it.
fn lock(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken(kind: &str, message: &str) -> Fault {
    Fault::new(Boundary::Sandbox, kind, message)
}
