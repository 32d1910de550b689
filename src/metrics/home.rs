//! Where the work was done, for a source that does not say: the folder that holds all absolute paths of its acts.
//!
//! Without it every edit of `/home/me/notes/src/db.py` would lie outside the workspace, and nothing would ever have been edited.

use super::{
    facts::{ActDone, Reported},
    paths,
};
use crate::model::act::Act;

/// Folders of the machine, not of anybody's work.
const SYSTEM: &[&str] = &[
    "/tmp",
    "/private",
    "/var",
    "/dev",
    "/proc",
    "/sys",
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/nix",
    "/opt/homebrew",
    "/Applications",
    "/Library",
];
/// Parts of a folder that may be a workspace: `/home/me`, not `/home`.
const PARTS: usize = 2;

/// The folder of all absolute paths; where they have none in common, of those that were written and those that commands ran in.
pub fn guess(acts: &[ActDone], reported: &[Reported<'_>]) -> Option<String> {
    let ran = || acts.iter().filter_map(|act| act.deed.cwd.clone()).filter(|dir| rooted(dir));
    let edits = || acts.iter().filter(|act| act.deed.act == Act::Edit).flat_map(|act| &act.writes);
    let written = || edits().chain(reported.iter().map(|change| &change.path)).filter_map(|path| folder(path));
    let read = acts.iter().flat_map(|act| &act.reads).filter_map(|path| folder(path));
    common(ran().chain(written()).chain(read)).or_else(|| common(ran().chain(written())))
}

/// Makes the paths inside `home` relative to it.
pub fn settle(home: &str, (acts, reported): (&mut [ActDone], &mut [Reported<'_>])) {
    let of_acts = acts.iter_mut().flat_map(|act| act.reads.iter_mut().chain(&mut act.writes));
    for path in of_acts.chain(reported.iter_mut().map(|change| &mut change.path)) {
        if rooted(path) {
            *path = paths::place(Some(home), None, path);
        }
    }
}

fn rooted(path: &str) -> bool {
    path.starts_with('/')
}

fn folder(path: &str) -> Option<String> {
    (rooted(path) && !path.contains(['*', '$', '{'])).then(|| paths::folder(path).to_owned())
}

fn common(folders: impl Iterator<Item = String>) -> Option<String> {
    let mut shared: Option<Vec<String>> = None;
    for folder in folders.filter(|folder| !SYSTEM.iter().any(|system| paths::covers(system, folder))) {
        let parts: Vec<String> = folder.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        shared = Some(match shared {
            None => parts,
            Some(known) => known.into_iter().zip(parts).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
        });
    }
    shared.filter(|parts| parts.len() >= PARTS).map(|parts| format!("/{}", parts.join("/")))
}
