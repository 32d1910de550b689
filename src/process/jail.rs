//! Sandboxes: the words put before a command so that it sees and changes only what it should.
//!
//! `Jail::Bwrap { writable: [workspace, home], .. }` shows the whole machine read-only but those two folders, with a process
//! table, `/dev` and `/tmp` of its own. A bind shows one path at the place of another, so that a check runs on a copy "at the same
//! absolute path" while the original stays where it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where a program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Jail {
    #[default]
    None,
    Bwrap {
        /// Folders that can be written to.
        writable: Vec<PathBuf>,
        /// (what, where): shown there and writable.
        binds: Vec<(PathBuf, PathBuf)>,
        /// (what, where): shown there, read-only.
        readonly_binds: Vec<(PathBuf, PathBuf)>,
        /// Files and folders shown empty; those that do not exist are skipped.
        hide: Vec<PathBuf>,
        network: bool,
    },
}

impl Jail {
    /// A sandbox in which nothing can be written and no network is reached.
    pub fn shut() -> Jail {
        Jail::Bwrap { writable: vec![], binds: vec![], readonly_binds: vec![], hide: vec![], network: false }
    }

    /// The command that the program's own is appended to; empty for none.
    pub fn prefix(&self, cwd: &Path) -> Vec<String> {
        match self {
            Jail::None => Vec::new(),
            Jail::Bwrap { writable, binds, readonly_binds, hide, network } => {
                let mut mounts = vec![Mount::new("--tmpfs", None, Path::new("/tmp"))];
                mounts.extend(hide.iter().filter_map(|path| Mount::hiding(path)));
                mounts.extend(writable.iter().map(|path| Mount::new("--bind", Some(path), path)));
                mounts.extend(binds.iter().map(|(what, place)| Mount::new("--bind", Some(what), place)));
                mounts.extend(readonly_binds.iter().map(|(what, place)| Mount::new("--ro-bind", Some(what), place)));
                bwrap(&in_order(mounts, writable), *network, cwd)
            }
        }
    }
}

/// A way to shut a program in, and whether it works on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// As written in a suite: `bwrap`, `none`.
    pub name: &'static str,
    /// Why it cannot be used here, in its own words.
    pub problem: Option<String>,
}

impl Sandbox {
    pub fn is_usable(&self) -> bool {
        self.problem.is_none()
    }
}

/// Every sandbox of this version, best first, each really tried. Starts a process the first time; blocks shortly.
pub fn usable_sandboxes() -> &'static [Sandbox] {
    static TRIED: OnceLock<[Sandbox; 2]> = OnceLock::new();
    TRIED.get_or_init(|| {
        [Sandbox { name: "bwrap", problem: try_bwrap().err() }, Sandbox { name: "none", problem: None }]
    })
}

/// One thing to be shown at one place.
struct Mount {
    how: &'static str,
    what: Option<String>,
    place: PathBuf,
}

impl Mount {
    fn new(how: &'static str, what: Option<&Path>, place: &Path) -> Mount {
        // bwrap cannot put anything behind an absolute link.
        let place = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        Mount { how, what: what.map(text), place }
    }

    fn hiding(path: &Path) -> Option<Mount> {
        // A link is hidden where it leads; the link itself tells nothing.
        let found = path.metadata().ok()?;
        match found.is_dir() {
            true => Some(Mount::new("--tmpfs", None, path)),
            false => Some(Mount::new("--dev-bind", Some(Path::new("/dev/null")), path)),
        }
    }
}

/// Parents before what lies in them, or a parent mounted later would cover it; at one place the later list wins.
fn in_order(mut mounts: Vec<Mount>, writable: &[PathBuf]) -> Vec<Mount> {
    let tmp = Path::new("/tmp");
    if writable.iter().any(|path| tmp.starts_with(path)) {
        mounts.retain(|mount| mount.place != tmp || mount.what.is_some());
    }
    mounts.sort_by_key(|mount| mount.place.components().count());
    mounts
}

fn bwrap(mounts: &[Mount], network: bool, cwd: &Path) -> Vec<String> {
    let mut argv = vec![program()];
    argv.extend(["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"].map(str::to_owned));
    if !network {
        argv.push("--unshare-net".to_owned());
    }
    argv.extend(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"].map(str::to_owned));
    for mount in mounts {
        argv.push(mount.how.to_owned());
        argv.extend(mount.what.clone());
        argv.push(text(&mount.place));
    }
    argv.extend(["--chdir".to_owned(), text(cwd)]);
    argv
}

/// The full path, since the program's own PATH may lead elsewhere.
fn program() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("bwrap")).find(|file| file.is_file());
    found.map_or_else(|| "bwrap".to_owned(), |file| text(&file))
}

fn try_bwrap() -> Result<(), String> {
    let argv = Jail::shut().prefix(Path::new("/"));
    let tried = Command::new(&argv[0]).args(&argv[1..]).args(["--", "true"]).stdin(Stdio::null()).output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("it said nothing").to_owned())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("bwrap is not installed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}
