//! Programs run here: every agent, setup and check, each under a supervisor of its own.
//!
//! A program started by an agent may leave anything behind: a server, a `setsid` loop, a double fork. It may also write a
//! gigabyte, or close nothing and hang. What happens in this room is that none of it outlives the trial or fills memory:
//!
//! ```text
//! evalrun --socket--> evalrun __supervise --spawns--> [bwrap ...] program --forks--> whatever it likes
//!         <----------------- stdout, stderr: the program's own pipes ----------------
//! ```
//!
//! The supervisor is the reaper of everything below it (`PR_SET_CHILD_SUBREAPER`). When the program ends, at its limit, on
//! request, or when the socket to evalrun closes (`kill -9` of evalrun included), it ends all descendants and only then
//! reports how the program ended.
//!
//! ```no_run
//! # async fn example() -> Result<(), evalrun::model::fault::Fault> {
//! use evalrun::process::{Cancel, Exit, Spec, run};
//! let spec = Spec::new(["python3", "-m", "unittest"], "/tmp/workspace");
//! let output = run(spec, &Cancel::new()).await?;
//! assert_eq!(output.exit, Exit::Code(0));
//! # Ok(()) }
//! ```

mod cancel;
mod child;
pub mod env;
mod forms;
mod jail;
mod kept;
mod lines;
mod link;
pub mod redact;
pub mod supervise;
pub mod sweep;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;
use tokio::time::timeout;

use crate::model::fault::Fault;

pub use cancel::Cancel;
pub use child::{Child, open};
pub use jail::{Jail, Sandbox, usable_sandboxes};
pub use kept::{Keeper, Kept};
pub use lines::Line;
pub use link::use_supervisor;
pub use wire::Exit;

/// The variable that every process of a trial carries, so that one left behind can be recognised.
pub const MARKER: &str = "EVALRUN_TRIAL";

/// Bytes kept of each stream where nothing else was asked for.
pub const KEPT_BYTES: u64 = 16 << 20;

/// How long a stream may stay open after everything below the supervisor is dead: only a process outside, handed the pipe
/// through a socket, can hold it.
const STRAY_PIPE: Duration = Duration::from_secs(2);

const CHUNK: usize = 64 << 10;

/// One program to run.
#[derive(Clone)]
pub struct Spec {
    /// The program and its arguments; the program is looked up in the `PATH` of `env`.
    pub argv: Vec<String>,
    pub cwd: PathBuf,
    /// The complete environment: nothing is inherited.
    pub env: BTreeMap<String, String>,
    pub stdin: Stdin,
    /// Bytes kept per stream, half from the beginning and half from the end; for an open program also the longest line.
    pub cap: u64,
    pub timeout: Option<Duration>,
    pub sandbox: Jail,
    /// Put into the environment as `EVALRUN_TRIAL` unless empty.
    pub marker: String,
}

impl Spec {
    /// A program with no input, no limit, no sandbox and an environment of `PATH` alone.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>, cwd: impl Into<PathBuf>) -> Spec {
        Spec {
            argv: argv.into_iter().map(Into::into).collect(),
            cwd: cwd.into(),
            env: BTreeMap::from([("PATH".to_owned(), env::search_path())]),
            stdin: Stdin::Null,
            cap: KEPT_BYTES,
            timeout: None,
            sandbox: Jail::None,
            marker: String::new(),
        }
    }
}

impl fmt::Debug for Spec {
    /// Without the values of the environment, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.keys().collect();
        let mut shown = f.debug_struct("Spec");
        shown.field("argv", &self.argv).field("cwd", &self.cwd).field("env", &names).field("timeout", &self.timeout);
        shown.field("sandbox", &self.sandbox).field("marker", &self.marker).finish_non_exhaustive()
    }
}

/// What the program reads.
#[derive(Clone, PartialEq, Eq)]
pub enum Stdin {
    Null,
    Bytes(Vec<u8>),
    /// Kept open for `Child::write_line`; `run` closes it at once.
    Piped,
}

/// How a program ended and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Kept,
    pub stderr: Kept,
    pub duration_ms: u64,
}

/// Runs a program to its end. Both streams are drained whatever their size; when this returns, nothing the program started is
/// alive.
pub async fn run(spec: Spec, cancel: &Cancel) -> Result<Output, Fault> {
    if cancel.is_cancelled() {
        return Ok(Output { exit: Exit::Cancelled, stdout: Kept::default(), stderr: Kept::default(), duration_ms: 0 });
    }
    let (mut link, streams) = link::start(&spec).await?;
    let (mut stdout, mut stderr) = (Keeper::new(spec.cap), Keeper::new(spec.cap));
    let ended = {
        let mut ended = pin!(link.ended(cancel));
        let mut feed = pin!(feed(streams.stdin, spec.stdin));
        let mut drained = pin!(async {
            tokio::join!(drain(streams.stdout, &mut stdout), drain(streams.stderr, &mut stderr));
        });
        let (mut fed, mut dry) = (false, false);
        let ended = loop {
            tokio::select! {
                ended = &mut ended => break ended,
                () = &mut drained, if !dry => dry = true,
                () = &mut feed, if !fed => fed = true,
            }
        };
        if !dry {
            // An elapsed grace is not an error: what was kept so far is the output.
            let _ = timeout(STRAY_PIPE, drained).await;
        }
        ended?
    };
    let (stdout, stderr) = (stdout.finish(), stderr.finish());
    let exit = ended.exit_or_fault(&stderr)?;
    Ok(Output { exit, stdout, stderr, duration_ms: ended.duration_ms })
}

async fn feed(pipe: Option<ChildStdin>, stdin: Stdin) {
    if let (Some(mut pipe), Stdin::Bytes(bytes)) = (pipe, stdin) {
        // A program that ends without reading its input is no fault of the input.
        let _ = pipe.write_all(&bytes).await;
    }
}

async fn drain(mut stream: impl AsyncRead + Unpin, keeper: &mut Keeper) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        keeper.push(&chunk[..read]);
    }
}
