//! Finding processes: those below one, and those that carry a trial's marker.
//!
//! A child that calls `setsid` leaves its group and one that forks twice leaves its parent, so neither a group nor a parent finds
//! it. The reaper does: whatever loses its parent becomes the reaper's child.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, getpgrp, getpid};

use super::MARKER;

const PAUSE: Duration = Duration::from_millis(5);

/// Every process below this one, parents before children.
pub fn descendants(of: i32) -> Vec<i32> {
    let children = list_children();
    let mut found = children(of);
    let mut seen: BTreeSet<i32> = found.iter().copied().collect();
    let mut next = 0;
    while next < found.len() {
        // A process that changes parents during the walk is met twice.
        found.extend(children(found[next]).into_iter().filter(|&child| seen.insert(child)));
        next += 1;
    }
    found
}

/// Every process that carries this marker in the environment it was started with.
pub fn marked(marker: &str) -> Vec<i32> {
    let wanted = format!("{MARKER}={marker}");
    carrying(&|entry| entry == wanted.as_bytes())
}

/// Ends every marked process: what is left to do when a supervisor was itself killed. Says how many are still there.
pub fn end_marked(marker: &str, within: Duration) -> usize {
    end_all(&|| marked(marker), within)
}

/// The same for every marker that begins so: what is left of a run.
pub fn end_marked_with(prefix: &str, within: Duration) -> usize {
    let wanted = format!("{MARKER}={prefix}");
    end_all(&|| carrying(&|entry| entry.starts_with(wanted.as_bytes())), within)
}

fn carrying(is_wanted: &dyn Fn(&[u8]) -> bool) -> Vec<i32> {
    let carries = |pid: &i32| {
        fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| environ.split(|&byte| byte == 0).any(is_wanted))
    };
    processes().filter(carries).collect()
}

fn end_all(find: &dyn Fn() -> Vec<i32>, within: Duration) -> usize {
    let deadline = Instant::now() + within;
    loop {
        let left = find();
        if left.is_empty() || Instant::now() >= deadline {
            return left.len();
        }
        signal(&left, Signal::SIGKILL);
        std::thread::sleep(PAUSE);
    }
}

/// Kills everything below this process. A child and its group first: a child cannot have been reaped by another, so its number
/// is still its own, and a group cannot outrun its end by forking.
pub(super) fn end_below() -> usize {
    let (own, own_group) = (getpid(), getpgrp());
    let groups = list_children()(own.as_raw()).into_iter().filter_map(|child| getpgid(Some(Pid::from_raw(child))).ok());
    for group in groups.filter(|&group| group != own_group) {
        let _ = killpg(group, Signal::SIGKILL);
    }
    let left = descendants(own.as_raw());
    signal(&left, Signal::SIGKILL);
    left.len()
}

/// One that is gone already is no error.
pub(super) fn signal(pids: &[i32], signal: Signal) {
    for &pid in pids {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn list_children() -> fn(i32) -> Vec<i32> {
    if Path::new("/proc/thread-self/children").exists() { children } else { children_by_parent }
}

/// The children of all threads of a process; a thread that ends meanwhile hands its children to another.
fn children(of: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// The slow way, for kernels built without the list of children.
fn children_by_parent(of: i32) -> Vec<i32> {
    processes().filter(|&pid| parent(pid) == Some(of)).collect()
}

/// The fourth field of `stat`, counted after the name, which may hold spaces and brackets.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
