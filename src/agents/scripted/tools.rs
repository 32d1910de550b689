//! The tools of the stand-in: each takes what a script says and does it in the workspace.

use super::{diff, files, search};
use crate::{
    agents::Seat,
    model::{
        fault::Fault,
        trace::{FileChange, ResultStatus, Text},
    },
    process::{Cancel, Exit, Output, run},
    script::Op,
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Every call may say at least this much, however much was said before.
const LEAST_OUTPUT: u64 = 64 << 10;

/// The whole output of a call, as a terminal would show it: both streams in the order they were written.
const BOTH_STREAMS: &str = "exec sh -c \"$1\" 2>&1";

/// How a call ended.
#[derive(Debug)]
pub(super) struct Done {
    pub status: ResultStatus,
    pub exit: Option<i32>,
    pub output: Text,
    pub dropped: u64,
    pub duration_ms: Option<u64>,
    pub change: Option<FileChange>,
    /// Not the candidate's doing: nothing can be run here any more.
    pub fault: Option<Fault>,
}

impl Done {
    pub fn said(status: ResultStatus, output: String) -> Done {
        let output = Text::whole(output);
        Done { status, exit: None, output, dropped: 0, duration_ms: None, change: None, fault: None }
    }

    pub fn failed(why: String) -> Done {
        Done::said(ResultStatus::Failed, why)
    }
}

/// Where the tools work.
pub(super) struct Bench {
    seat: Seat,
    /// Output that may still be kept in this trial.
    left: AtomicU64,
}

impl Bench {
    pub fn new(seat: Seat) -> Bench {
        let left = AtomicU64::new(seat.limits.output_bytes);
        Bench { seat, left }
    }

    pub async fn play(&self, op: Op, stop: Cancel) -> Done {
        let began = Instant::now();
        let mut done = match op {
            Op::Shell(line) => self.shell(line, &stop).await,
            op => self.on_files(op, stop).await,
        };
        done.duration_ms = done.duration_ms.or_else(|| u64::try_from(began.elapsed().as_millis()).ok());
        let said = done.output.inline.len() as u64;
        // `fetch_update` never fails here: the closure always gives a value.
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(said)));
        done
    }

    fn cap(&self) -> u64 {
        self.left.load(Ordering::Relaxed).max(LEAST_OUTPUT)
    }

    async fn shell(&self, line: String, stop: &Cancel) -> Done {
        let argv = ["sh", "-c", BOTH_STREAMS, "sh", &line].map(str::to_owned).to_vec();
        let mut spec = self.seat.program(argv);
        spec.cap = self.cap();
        match run(spec, stop).await {
            Ok(output) => self.ended(&output),
            Err(fault) => Done { fault: Some(fault.clone()), ..Done::failed(fault.to_string()) },
        }
    }

    fn ended(&self, output: &Output) -> Done {
        let kept = output.stdout.redacted(&self.seat.redactor);
        let (mut text, lossy) = kept.text();
        let (status, exit) = match output.exit {
            Exit::Code(0) => (ResultStatus::Ok, Some(0)),
            Exit::Code(code) => (ResultStatus::Failed, Some(code)),
            Exit::Signal(signal) => (ResultStatus::Failed, Some(128 + signal)),
            Exit::TimedOut => {
                text.push_str("\n[ended at the time limit]\n");
                (ResultStatus::Failed, None)
            }
            Exit::Cancelled => (ResultStatus::Cancelled, None),
        };
        Done {
            status,
            exit,
            output: Text { inline: text, lossy, ..Text::default() },
            dropped: kept.dropped,
            duration_ms: Some(output.duration_ms),
            change: None,
            fault: None,
        }
    }

    async fn on_files(&self, op: Op, stop: Cancel) -> Done {
        let (root, cap) = (self.seat.workspace.clone(), self.cap());
        let work = move || match op {
            Op::Read { path, lines } => files::read(&root, &path, (lines, cap)),
            Op::Search { pattern, path } => search::search(&root, (&pattern, &path), &stop),
            Op::Edit { path, old, new } => {
                files::edit(&root, &path, (&old, &new)).map(|changed| diff::done(&path, &changed))
            }
            Op::Write { path, text } => files::write(&root, &path, text).map(|changed| diff::done(&path, &changed)),
            Op::Plan(_) | Op::Shell(_) | Op::Ask { .. } => Err("is no matter of files".to_owned()),
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.unwrap_or_else(Done::failed),
            Err(error) => Done::failed(error.to_string()),
        }
    }
}
