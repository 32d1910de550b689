//! The supervisor: evalrun executed again as `evalrun __supervise SOCKET`, one for each program.
//!
//! It looks at three things: the socket to evalrun, the deaths of its descendants, the time. Whatever happens first, the end is
//! the same: every descendant is killed until the kernel says that there is none, and the exit is reported. It is the reaper of
//! all of them, so "none" is the answer of `waitpid` and not the guess of a search.
//!
//! Killed itself (`kill -9 $PPID`), it can do nothing; evalrun then ends what carries the trial's marker, and in a sandbox the
//! process namespace dies with it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, close, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use super::sweep;
use super::wire::{Exit, INTERRUPT, KILL, Report, Request, TERMINATE};

/// The verb that users never type.
pub const VERB: &str = "__supervise";

/// How long killed processes may take to go: one that hangs in the kernel cannot be waited for.
const GOING: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_POLL: Duration = Duration::from_secs(60);
const REQUEST_BYTES: u64 = 64 << 20;
const BE_REAPER: bool = true;

/// Supervises one program; the arguments are those after the verb.
pub fn main(args: &[String]) -> i32 {
    match supervise(args) {
        Ok(()) => 0,
        Err(why) => {
            // stderr is all there is to say it on.
            let _ = writeln!(io::stderr(), "cannot supervise: {why}");
            70
        }
    }
}

fn supervise(args: &[String]) -> io::Result<()> {
    let [name] = args else {
        return Err(io::Error::other("expected the name of a socket; evalrun calls this verb itself"));
    };
    close_inherited();
    // Fails only where this process leads its session already, which is what is wanted.
    let _ = setsid();
    set_child_subreaper(BE_REAPER)?;
    let mut socket = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    let request = read_request(&mut socket)?;
    match start(&request) {
        Ok(program) => {
            let signals = watched_signals()?;
            say(&mut socket, &Report::Started { pid: program.leader.as_raw() });
            let exit = watch(&program, &mut socket, &signals);
            let left = end_all();
            let entered = program.entered();
            say(&mut socket, &Report::Ended { exit, entered, left });
        }
        Err(why) => say(&mut socket, &Report::Failed { why }),
    }
    Ok(())
}

/// The program, and where its sandbox writes what it did.
struct Program {
    leader: Pid,
    deadline: Option<Instant>,
    sandbox_log: Option<OwnedFd>,
}

impl Program {
    /// Whether the program itself ran: bwrap writes the exit code only of a program that it managed to start.
    fn entered(&self) -> bool {
        let Some(log) = &self.sandbox_log else { return true };
        let mut text = String::new();
        let read = log.try_clone().and_then(|log| File::from(log).take(4096).read_to_string(&mut text));
        read.is_ok() && text.contains("\"exit-code\"")
    }

    /// bwrap would die of the signal and take the program along, so in a sandbox it goes to those inside.
    fn signal(&self, signal: Signal) {
        // Whoever is gone already needs no signal.
        match self.sandbox_log {
            None => drop(killpg(self.leader, signal)),
            Some(_) => sweep::signal(&sweep::descendants(self.leader.as_raw()), signal),
        }
    }

    fn time_left(&self) -> Duration {
        let left = self.deadline.map_or(LONGEST_POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up, or the last millisecond would be spent polling for nothing.
        left.min(LONGEST_POLL) + Duration::from_millis(1)
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Whatever evalrun's own parent left open would otherwise reach every program.
fn close_inherited() {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|&number| number > 2) {
        // The one that read the folder is closed already.
        let _ = close(number);
    }
}

/// A signal meant for the program must not end its supervisor, so all that can be blocked are. Only once the program runs: it
/// inherits what is blocked.
fn watched_signals() -> io::Result<SignalFd> {
    SigSet::all().thread_block()?;
    let mut child_died = SigSet::empty();
    child_died.add(Signal::SIGCHLD);
    Ok(SignalFd::with_flags(&child_died, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

fn read_request(socket: &mut UnixStream) -> io::Result<Request> {
    let mut length = [0; 8];
    socket.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length).min(REQUEST_BYTES);
    let mut body = Vec::new();
    socket.take(length).read_to_end(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn start(request: &Request) -> Result<Program, String> {
    let log = if request.jail.is_empty() { None } else { Some(sandbox_log().map_err(|error| error.to_string())?) };
    let mut command = command(request, log.as_ref().map(|(_, write)| write))?;
    SigSet::empty().thread_set_mask().map_err(|error| error.to_string())?;
    let child = command.spawn().map_err(|error| cannot_start(request, &error))?;
    let leader = Pid::from_raw(i32::try_from(child.id()).map_err(|error| error.to_string())?);
    let deadline = request.timeout_ms.and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
    let_go_of_the_streams().map_err(|error| error.to_string())?;
    Ok(Program { leader, deadline, sandbox_log: log.map(|(read, _write)| read) })
}

fn command(request: &Request, log: Option<&OwnedFd>) -> Result<Command, String> {
    let (program, args) = request.argv.split_first().ok_or("the command is empty")?;
    let mut command = match request.jail.split_first() {
        None => {
            let mut command = Command::new(program);
            command.args(args).current_dir(&request.cwd);
            command
        }
        Some((jail, jail_args)) => {
            let mut command = Command::new(jail);
            if let Some(log) = log {
                command.args(["--json-status-fd", &log.as_raw_fd().to_string()]);
            }
            command.args(jail_args).arg("--").args(&request.argv).current_dir("/");
            command
        }
    };
    command.env_clear().envs(&request.env).process_group(0);
    Ok(command)
}

/// A pipe whose writing end the sandbox inherits; it is the only thing started here, so nothing else can.
fn sandbox_log() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    fcntl(&write, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok((read, write))
}

fn cannot_start(request: &Request, error: &io::Error) -> String {
    let name = request.argv.first().map_or("", String::as_str);
    if request.jail.is_empty() && !Path::new(&request.cwd).is_dir() {
        return format!("cannot run `{name}` in {}: no such folder", request.cwd.display());
    }
    match request.jail.first() {
        Some(jail) => format!("cannot run `{jail}`: {error}"),
        None if error.kind() == io::ErrorKind::NotFound => format!("`{name}` was not found"),
        None => format!("cannot run `{name}`: {error}"),
    }
}

/// While the supervisor holds the program's pipes, nobody sees them close.
fn let_go_of_the_streams() -> io::Result<()> {
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nowhere)?;
    dup2_stdout(&nowhere)?;
    dup2_stderr(&nowhere)?;
    Ok(())
}

/// Waits for the first of: the program ends, evalrun asks or is gone, the time is up.
fn watch(program: &Program, socket: &mut UnixStream, signals: &SignalFd) -> Exit {
    loop {
        if let Some(exit) = reap(program.leader) {
            return exit;
        }
        if program.is_late() {
            return Exit::TimedOut;
        }
        if wait_for_news(socket, signals, program.time_left()) && !obey(program, socket) {
            return Exit::Cancelled;
        }
        while let Ok(Some(_)) = signals.read_signal() {}
    }
}

/// Whether the socket has something to read, its end included.
fn wait_for_news(socket: &UnixStream, signals: &SignalFd, limit: Duration) -> bool {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    match poll(&mut watched, limit) {
        Ok(_) => watched[0].any().unwrap_or(false),
        Err(_) => false,
    }
}

/// Does what evalrun asks; says whether the program may go on.
fn obey(program: &Program, socket: &mut UnixStream) -> bool {
    let mut orders = [0; 64];
    match socket.read(&mut orders) {
        Ok(0) => false,
        Ok(read) => orders[..read].iter().all(|&order| obey_one(program, order)),
        Err(error) => error.kind() == io::ErrorKind::Interrupted,
    }
}

fn obey_one(program: &Program, order: u8) -> bool {
    let signal = match order {
        TERMINATE => Signal::SIGTERM,
        INTERRUPT => Signal::SIGINT,
        KILL => return false,
        _ => return true,
    };
    program.signal(signal);
    true
}

/// Buries every descendant that died; gives the leader's exit if it is one of them.
fn reap(leader: Pid) -> Option<Exit> {
    let mut ended = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == leader => ended = Some(Exit::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == leader => ended = Some(Exit::Signal(signal as i32)),
            Ok(WaitStatus::StillAlive) | Err(_) => return ended,
            Ok(_) => {}
        }
    }
}

/// Kills until the kernel knows no child of ours; says how many would not go.
fn end_all() -> u32 {
    let deadline = Instant::now() + GOING;
    loop {
        let left = sweep::end_below();
        if is_childless() {
            return 0;
        }
        if Instant::now() >= deadline {
            return u32::try_from(left).unwrap_or(u32::MAX).max(1);
        }
        std::thread::sleep(PAUSE);
    }
}

fn is_childless() -> bool {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return true,
            Ok(WaitStatus::StillAlive) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// evalrun may be gone; then nobody is left to hear it.
fn say(socket: &mut UnixStream, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let _ = socket.write_all(&line);
    }
}
