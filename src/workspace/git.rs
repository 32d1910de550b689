//! Git, as far as a workspace needs it: one dated first commit for a folder that came without a repository, and a workspace at
//! a revision whose object store holds that revision and its ancestors and nothing else, so that the fix cannot be looked up.
//!
//! Git runs with the user's and the system's configuration, hooks and templates off, and with a fixed author and date: the same
//! folder gives the same commit everywhere.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::tree::{Notes, fault, walk};
use crate::model::fault::{Boundary, Fault};

/// The message of the first commit.
const MESSAGE: &str = "Start of the interview";
const WHO: &str = "Evalrun";
const MAIL: &str = "evalrun@localhost";
const WHEN: &str = "2020-01-01T00:00:00Z";
/// Long enough for a large repository over a network, short enough that a dead server ends a run.
const LIMIT: Duration = Duration::from_secs(600);

/// Where a workspace at a revision comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// A path or an address that git understands.
    pub url: String,
    /// A commit; where the repository is a local one also a branch, a tag or a short commit id.
    pub rev: String,
}

/// Makes the first commit if `work` holds no repository. Says in `notes` why there is none.
pub fn first_commit(work: &Path, hidden: &[String], notes: &mut Notes) -> Result<(), Fault> {
    if fs::symlink_metadata(work.join(".git")).is_ok() {
        return Ok(());
    }
    match git(work, &["init", "-q", "--template=", "-b", "main"]) {
        Err(Trouble::Missing) => {
            notes.add("git is not installed here, so the workspace has no repository".to_owned());
            return Ok(());
        }
        other => other.map_err(|why| why.fault("start a repository"))?,
    };
    let mut excluded = embedded(work)?;
    excluded.extend(hidden.iter().map(|glob| glob.as_bytes().to_vec()));
    write_exclude(work, &excluded)?;
    git(work, &["add", "-A"]).map_err(|why| why.fault("add the workspace"))?;
    git(work, &["commit", "-q", "--allow-empty", "--no-verify", "-m", MESSAGE])
        .map_err(|why| why.fault("make the first commit"))?;
    Ok(())
}

/// The full commit id of a revision of a local repository; for another address the revision as it was given.
pub fn resolve(source: &GitSource) -> Result<String, Fault> {
    refuse_flags(source)?;
    let local = Path::new(&source.url);
    if !local.is_dir() {
        return Ok(source.rev.clone());
    }
    let wanted = format!("{}^{{commit}}", source.rev);
    let found = git(local, &["rev-parse", "--verify", "--end-of-options", &wanted]);
    let doing = format!("find `{}` in `{}`", source.rev, source.url);
    found.map(|out| line(&out)).map_err(|why| why.hinted(&doing, "give a commit that the repository holds"))
}

/// Fills the new folder `work` with the revision; the repository there ends at it and knows no remote.
pub fn check_out(source: &GitSource, work: &Path, hidden: &[String]) -> Result<String, Fault> {
    let commit = resolve(source)?;
    fs::create_dir(work).map_err(|why| fault("create", work, &why))?;
    let step = |what: &str, args: &[&str]| git(work, args).map_err(|why| why.fault(what));
    step("start a repository", &["init", "-q", "--template=", "-b", "main"])?;
    let url = match fs::canonicalize(&source.url) {
        Ok(path) => path.into_os_string(),
        Err(_) => OsString::from(&source.url),
    };
    let fetch = ["fetch", "-q", "--no-tags", "--update-shallow", "--no-recurse-submodules", "--end-of-options"];
    let mut args: Vec<&OsStr> = fetch.iter().map(OsStr::new).collect();
    args.extend([url.as_os_str(), OsStr::new(&commit)]);
    let doing = format!("fetch `{}` from `{}`", source.rev, source.url);
    let hint = "over a network give the full commit id, a branch or a tag";
    git(work, &args).map_err(|why| why.hinted(&doing, hint))?;
    let head = line(&step("read the commit", &["rev-parse", "--verify", "FETCH_HEAD^{commit}"])?);
    step("set the branch", &["update-ref", "refs/heads/main", &head])?;
    step("check out the commit", &["reset", "-q", "--hard", &head])?;
    for left in ["FETCH_HEAD", "ORIG_HEAD"] {
        let _ = fs::remove_file(work.join(".git").join(left));
    }
    let _ = fs::remove_dir_all(work.join(".git/logs"));
    write_exclude(work, &hidden.iter().map(|glob| glob.as_bytes().to_vec()).collect::<Vec<_>>())?;
    Ok(head)
}

/// Why a git command gave nothing.
#[derive(Debug)]
enum Trouble {
    Missing,
    Failed(String),
}

impl Trouble {
    fn fault(&self, doing: &str) -> Fault {
        match self {
            Trouble::Missing => Fault::new(Boundary::Workspace, "git", format!("cannot {doing}: git is not installed"))
                .hint("install git and run again"),
            Trouble::Failed(why) => Fault::new(Boundary::Workspace, "git", format!("git cannot {doing}: {why}")),
        }
    }

    /// With a hint for the case that git itself is there.
    fn hinted(&self, doing: &str, hint: &str) -> Fault {
        match self {
            Trouble::Missing => self.fault(doing),
            Trouble::Failed(_) => self.fault(doing).hint(hint),
        }
    }
}

/// Runs git below `folder` and gives what it printed.
fn git<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Result<Vec<u8>, Trouble> {
    let config = tempfile::NamedTempFile::new().and_then(|mut file| {
        // The owner check of git would refuse the user's own mirrors inside containers; nothing of theirs is executed here.
        file.write_all(b"[safe]\n\tdirectory = *\n").map(|()| file)
    });
    let config = config.map_err(|why| Trouble::Failed(why.to_string()))?;
    let mut command = Command::new("git");
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false"]);
    command.args(["-c", "core.logAllRefUpdates=false", "-c", "gc.auto=0", "-c", "advice.addEmbeddedRepo=false"]);
    command.args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60", "-c", "core.fsmonitor=false"]);
    command.args(["-c", "protocol.ext.allow=never"]);
    command.args(args).current_dir(folder).env_clear();
    for name in ["PATH", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "https_proxy", "http_proxy", "no_proxy"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("GIT_CONFIG_GLOBAL", config.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_ATTR_NOSYSTEM", "1");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes").env("HOME", "/nonexistent");
    command.env("LC_ALL", "C").env("TZ", "UTC").env("GIT_OPTIONAL_LOCKS", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), WHO).env(format!("GIT_{role}_EMAIL"), MAIL);
        command.env(format!("GIT_{role}_DATE"), WHEN);
    }
    finish(command)
}

fn finish(mut command: Command) -> Result<Vec<u8>, Trouble> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|why| match why.kind() {
        ErrorKind::NotFound => Trouble::Missing,
        _ => Trouble::Failed(why.to_string()),
    })?;
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let output = match ended.recv_timeout(LIMIT) {
        Ok(output) => output.map_err(|why| Trouble::Failed(why.to_string()))?,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            if let Ok(group) = group {
                let _ = killpg(group, Signal::SIGKILL);
            }
            return Err(Trouble::Failed(format!("it did not end within {} s", LIMIT.as_secs())));
        }
    };
    if output.status.success() { Ok(output.stdout) } else { Err(Trouble::Failed(said(&output))) }
}

/// The last lines git printed about its failure.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    if last.is_empty() { format!("it ended with {}", output.status) } else { last }
}

fn line(out: &[u8]) -> String {
    String::from_utf8_lossy(out).trim().to_owned()
}

/// An address or revision that starts with a dash would be read as an option.
fn refuse_flags(source: &GitSource) -> Result<(), Fault> {
    for (what, text) in [("url", &source.url), ("rev", &source.rev)] {
        if text.starts_with('-') || text.is_empty() {
            return Err(Fault::new(Boundary::Workspace, "git", format!("`{text}` is not a {what} that git can use")));
        }
    }
    Ok(())
}

/// Folders below the workspace that are repositories of their own: git would record them as submodules that nobody can fetch.
fn embedded(work: &Path) -> Result<Vec<Vec<u8>>, Fault> {
    let mut found = Vec::new();
    walk(work, &mut |path, _| path != Path::new(".git"), &mut Notes::default(), &mut |item| {
        if item.path.file_name() == Some(OsStr::new(".git"))
            && let Some(parent) = item.path.parent()
        {
            found.push(anchored(parent));
        }
        Ok(())
    })?;
    Ok(found)
}

/// A path as a line of git's exclude file.
fn anchored(path: &Path) -> Vec<u8> {
    let mut line = vec![b'/'];
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'\n' => line.push(b'?'),
            b'*' | b'?' | b'[' | b'\\' | b' ' => line.extend([b'\\', byte]),
            other => line.push(other),
        }
    }
    line.push(b'/');
    line
}

fn write_exclude(work: &Path, lines: &[Vec<u8>]) -> Result<(), Fault> {
    let folder: PathBuf = work.join(".git/info");
    let file = folder.join("exclude");
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, text)).map_err(|why| fault("write", &file, &why))
}
