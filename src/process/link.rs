//! evalrun's end of a supervisor: started, heard, told to stop.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep_until, timeout};

use super::wire::{KILL, Report, Request};
use super::{Cancel, Exit, Kept, MARKER, Spec, Stdin, supervise, sweep};
use crate::model::fault::{Boundary, Fault};

/// How long the leftovers of a killed supervisor may take to go.
const GOING: Duration = Duration::from_secs(5);

/// A program may stop its supervisor (`kill -STOP $PPID`). So much after it should have reported it is woken, and so much later
/// it is given up.
const WAKE_AFTER: Duration = Duration::from_secs(1);
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// How long a supervisor may take to start on a busy machine.
const STARTING: Duration = Duration::from_secs(60);

static SUPERVISOR: OnceLock<PathBuf> = OnceLock::new();

/// Names the evalrun binary where this process is not evalrun, as in a test. The first name given holds; the variable
/// `EVALRUN_SUPERVISOR` does the same.
pub fn use_supervisor(binary: impl Into<PathBuf>) {
    SUPERVISOR.get_or_init(|| binary.into());
}

/// The pipes of the program itself.
pub(super) struct Streams {
    pub stdin: Option<ChildStdin>,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// A running supervisor. Dropped, it ends everything below it.
pub(super) struct Link {
    reports: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
    supervisor: Child,
    marker: String,
    started: Instant,
    overdue: Overdue,
}

/// What to do next about a supervisor that says nothing.
#[derive(Clone, Copy)]
enum Overdue {
    Never,
    WakeAt(Instant),
    GiveUpAt(Instant),
}

/// The last word of a supervisor.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    exit: Exit,
    /// False where the sandbox failed before the program ran.
    entered: bool,
    pub at: Instant,
    pub duration_ms: u64,
}

impl Ended {
    /// How the program ended, or why it never ran.
    pub fn exit_or_fault(&self, stderr: &Kept) -> Result<Exit, Fault> {
        match self.exit {
            Exit::Code(_) if !self.entered => Err(not_entered(stderr)),
            Exit::Code(_) | Exit::Signal(_) | Exit::TimedOut | Exit::Cancelled => Ok(self.exit),
        }
    }
}

pub(super) async fn start(spec: &Spec) -> Result<(Link, Streams), Fault> {
    let (listener, name) = listen().map_err(|error| cannot("open a socket for the supervisor", &error))?;
    let mut supervisor = command(&name, &spec.stdin).spawn().map_err(|error| cannot("start the supervisor", &error))?;
    let (Some(stdout), Some(stderr)) = (supervisor.stdout.take(), supervisor.stderr.take()) else {
        return Err(fault("supervisor", "the supervisor has no pipes"));
    };
    let mut streams = Streams { stdin: supervisor.stdin.take(), stdout, stderr };
    let connected = timeout(STARTING, connect(&listener, &mut supervisor, &mut streams.stderr)).await;
    let Ok(socket) = connected else {
        // It never heard of the program, so there is nothing below it.
        let _ = supervisor.start_kill();
        return Err(not_a_supervisor("it does not answer"));
    };
    let (read, orders) = socket?.into_split();
    let reports = BufReader::new(read).lines();
    let marker = spec.marker.clone();
    let mut link = Link { reports, orders, supervisor, marker, started: Instant::now(), overdue: Overdue::Never };
    link.ask(spec).await?;
    Ok((link, streams))
}

impl Link {
    /// Waits until everything below the supervisor is dead, hastened by `cancel`.
    pub async fn ended(&mut self, cancel: &Cancel) -> Result<Ended, Fault> {
        let mut told = false;
        let report = loop {
            tokio::select! {
                report = self.next_report() => break report,
                () = cancel.cancelled(), if !told => {
                    told = true;
                    self.tell(KILL).await;
                }
            }
        };
        self.last_word(report).await
    }

    /// The next thing the supervisor says; nothing when it will say no more. Cancel-safe: a report is read whole or stays
    /// unread.
    pub async fn next_report(&mut self) -> Option<Report> {
        loop {
            tokio::select! {
                line = self.reports.next_line() => return report(line.ok().flatten()),
                () = due(self.overdue) => match self.overdue {
                    Overdue::Never => {}
                    Overdue::WakeAt(_) => self.wake(),
                    Overdue::GiveUpAt(_) => return None,
                },
            }
        }
    }

    /// An order to a supervisor that is gone is one more way to find out; the next report says so.
    pub async fn tell(&mut self, order: u8) {
        let _ = self.orders.write_all(&[order]).await;
        if order == KILL {
            self.overdue = Overdue::WakeAt(Instant::now() + WAKE_AFTER);
        }
    }

    /// What the last report means. Not to be cancelled: it can be had only once.
    pub async fn last_word(&mut self, report: Option<Report>) -> Result<Ended, Fault> {
        match report {
            Some(Report::Ended { exit, entered, left: 0 }) => {
                let duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                // It has nothing left to do but to exit.
                let _ = self.supervisor.wait().await;
                Ok(Ended { exit, entered, at: Instant::now(), duration_ms })
            }
            Some(Report::Ended { left, .. }) => {
                Err(fault("left_behind", format!("{left} processes could not be ended"))
                    .hint("look for them with `ps`"))
            }
            Some(Report::Started { .. } | Report::Failed { .. }) | None => Err(self.lost().await),
        }
    }

    fn wake(&mut self) {
        self.overdue = Overdue::GiveUpAt(Instant::now() + GIVE_UP_AFTER);
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.supervisor.id().and_then(|pid| i32::try_from(pid).ok()) {
            // Gone is as good as woken.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    async fn ask(&mut self, spec: &Spec) -> Result<(), Fault> {
        let body = serde_json::to_vec(&request(spec)).map_err(|error| fault("supervisor", error.to_string()))?;
        let length = (body.len() as u64).to_be_bytes();
        let sent = async {
            self.orders.write_all(&length).await?;
            self.orders.write_all(&body).await
        };
        sent.await.map_err(|error| cannot("speak to the supervisor", &error))?;
        match report(self.reports.next_line().await.ok().flatten()) {
            Some(Report::Started { .. }) => {
                let limit = spec.timeout.and_then(|limit| Instant::now().checked_add(limit + WAKE_AFTER));
                self.overdue = limit.map_or(Overdue::Never, Overdue::WakeAt);
                Ok(())
            }
            Some(Report::Failed { why }) => Err(fault("spawn", why)),
            Some(Report::Ended { .. }) | None => Err(self.lost().await),
        }
    }

    /// The supervisor was killed or stopped, by the program perhaps: what carries the marker is ended from here.
    async fn lost(&mut self) -> Fault {
        let _ = self.supervisor.kill().await;
        let marker = self.marker.clone();
        let left = match marker.is_empty() {
            true => 0,
            false => tokio::task::spawn_blocking(move || sweep::end_marked(&marker, GOING)).await.unwrap_or(0),
        };
        let message = match left {
            0 => "the supervisor of the program was killed".to_owned(),
            _ => format!("the supervisor of the program was killed and {left} processes could not be ended"),
        };
        fault("supervisor", message).hint("use `sandbox: bwrap`, where the program cannot see it")
    }
}

impl Drop for Link {
    /// The socket closes now; a supervisor that was stopped has to be awake to see it.
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
    }
}

fn report(line: Option<String>) -> Option<Report> {
    line.and_then(|line| serde_json::from_str(&line).ok())
}

async fn due(overdue: Overdue) {
    match overdue {
        Overdue::Never => std::future::pending().await,
        Overdue::WakeAt(at) | Overdue::GiveUpAt(at) => sleep_until(at.into()).await,
    }
}

fn command(name: &str, stdin: &Stdin) -> Command {
    let mut command = Command::new(supervisor());
    command.arg0("evalrun").arg(supervise::VERB).arg(name).env_clear().current_dir("/");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(match stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Bytes(_) | Stdin::Piped => Stdio::piped(),
    });
    command
}

/// `/proc/self/exe` still names this very program after an upgrade replaced the file.
fn supervisor() -> OsString {
    let named = SUPERVISOR.get().map(|path| path.clone().into_os_string());
    named.or_else(|| std::env::var_os("EVALRUN_SUPERVISOR")).unwrap_or_else(|| "/proc/self/exe".into())
}

fn request(spec: &Spec) -> Request {
    let mut env = spec.env.clone();
    if !spec.marker.is_empty() {
        env.insert(MARKER.to_owned(), spec.marker.clone());
    }
    Request {
        jail: spec.sandbox.prefix(&spec.cwd),
        argv: spec.argv.clone(),
        cwd: spec.cwd.clone(),
        env,
        timeout_ms: spec.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// An abstract socket: no file to leave behind, and evalrun's end is never inherited by what else is started meanwhile.
fn listen() -> std::io::Result<(UnixListener, String)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("evalrun-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let listener = StdListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    listener.set_nonblocking(true)?;
    Ok((UnixListener::from_std(listener)?, name))
}

/// Anyone may connect to the socket; only the process that was started is listened to.
async fn connect(
    listener: &UnixListener,
    supervisor: &mut Child,
    stderr: &mut ChildStderr,
) -> Result<UnixStream, Fault> {
    let expected = supervisor.id().and_then(|pid| i32::try_from(pid).ok());
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, _) = accepted.map_err(|error| cannot("hear the supervisor", &error))?;
                if socket.peer_cred().ok().and_then(|peer| peer.pid()) == expected {
                    return Ok(socket);
                }
            }
            _ = supervisor.wait() => {
                let mut said = String::new();
                let _ = stderr.take(4096).read_to_string(&mut said).await;
                return Err(not_a_supervisor(said.trim()));
            }
        }
    }
}

fn not_a_supervisor(said: &str) -> Fault {
    let said = if said.is_empty() { "it said nothing" } else { said };
    fault("supervisor", format!("the supervisor did not start: {said}"))
        .hint("EVALRUN_SUPERVISOR must name the evalrun binary")
}

fn not_entered(stderr: &Kept) -> Fault {
    let (said, _) = stderr.text();
    let line = said.lines().next().unwrap_or("it said nothing").trim();
    match line.strip_prefix("bwrap: execvp ") {
        Some(program) => fault("spawn", format!("cannot run {program}")),
        None => fault("sandbox", format!("the sandbox did not start: {line}")).hint("`sandbox: none` runs without one"),
    }
}

fn cannot(what: &str, error: &std::io::Error) -> Fault {
    fault("supervisor", format!("cannot {what}: {error}"))
}

fn fault(kind: &str, message: impl Into<String>) -> Fault {
    Fault::new(Boundary::Sandbox, kind, message)
}
