//! Walking and removing folders that somebody else filled: links are never followed, what cannot be read is named and left,
//! the order is that of the names, whatever the file system says.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::names::written;
use crate::model::fault::{Boundary, Fault};

/// Folders in a folder that are removed at one go: their names together stay below the longest path.
const SLICE: usize = 12;

/// What was noticed on the way, in sentences; at most [`Notes::MOST`] are kept and the rest counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    lines: Vec<String>,
    more: u64,
}

impl Notes {
    pub const MOST: usize = 40;
    const LONGEST: usize = 400;

    pub fn add(&mut self, line: String) {
        if self.lines.len() < Self::MOST {
            self.lines.push(shortened(line));
        } else {
            self.more += 1;
        }
    }

    pub fn take_in(&mut self, other: Notes) {
        self.more += other.more;
        for line in other.lines {
            self.add(line);
        }
    }

    /// The sentences, with a last one that counts what was not kept.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.more > 0 {
            lines.push(format!("and {} more like these", self.more));
        }
        lines
    }
}

/// One entry of a walk; `path` is relative to the root.
pub(super) struct Item {
    pub path: PathBuf,
    pub meta: Metadata,
}

/// Decides by relative path (and whether it is a folder) what a walk enters and shows.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&Path, bool) -> bool;

/// Takes every entry.
pub(super) fn everything(_: &Path, _: bool) -> bool {
    true
}

/// Why a folder that an agent had cannot be walked.
pub(super) fn unwalkable(root: &Path) -> Option<String> {
    if !fs::symlink_metadata(root).is_ok_and(|meta| meta.is_dir()) {
        return Some("the workspace itself is no folder any more".to_owned());
    }
    fs::read_dir(root).err().map(|why| format!("the workspace itself could not be read: {why}"))
}

/// Shows every kept entry below `root`, parents before children, in the order of names.
pub(super) fn walk(
    root: &Path,
    keep: Keep<'_>,
    notes: &mut Notes,
    visit: &mut dyn FnMut(Item) -> Result<(), Fault>,
) -> Result<(), Fault> {
    fs::read_dir(root).map_err(|why| fault("read", root, &why))?;
    let walk = WalkDir::new(root).min_depth(1).follow_links(false).sort_by_file_name().into_iter();
    let below = |path: &Path| path.strip_prefix(root).map(Path::to_owned).unwrap_or_default();
    for entry in walk.filter_entry(|entry| keep(&below(entry.path()), entry.file_type().is_dir())) {
        let seen = entry.and_then(|entry| entry.metadata().map(|meta| Item { path: below(entry.path()), meta }));
        match seen {
            Ok(item) => visit(item)?,
            Err(why) => notes.add(unread(&why, &below(why.path().unwrap_or(root)))),
        }
    }
    Ok(())
}

/// Removes a folder even where its owner took the permission to look inside away from himself, or nested it deeper than a path
/// can be long. Nothing there is fine.
pub fn remove(path: &Path) -> Result<(), Fault> {
    let first = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).or_else(|_| remove_in_slices(path)),
        Ok(_) => fs::remove_file(path),
        Err(why) => Err(why),
    };
    match first {
        Err(why) if why.kind() != ErrorKind::NotFound => Err(fault("remove", path, &why)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// An input or output error as a fault of the workspace; `doing` completes "cannot ...".
pub(super) fn fault(doing: &str, path: &Path, why: &io::Error) -> Fault {
    let message = format!("cannot {doing} `{}`: {why}", written(path));
    match why.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Fault::new(Boundary::Workspace, "full_disk", message).hint("free some space, then `evalrun resume`")
        }
        _ => Fault::new(Boundary::Workspace, "files", message),
    }
}

/// The path of one file may have 4,096 bytes: the ends of a sentence about it are enough.
fn shortened(line: String) -> String {
    let letters = line.chars().count();
    if letters <= Notes::LONGEST {
        return line;
    }
    let half = Notes::LONGEST / 2;
    let (head, tail) = (line.chars().take(half), line.chars().skip(letters - half));
    head.chain(" ... ".chars()).chain(tail).collect()
}

fn unread(why: &walkdir::Error, path: &Path) -> String {
    let reason = why.io_error().map_or_else(|| "it is a loop".to_owned(), ToString::to_string);
    format!("`{}` could not be read and is left out: {reason}", written(path))
}

/// Takes what lies deep out to the top, slice by slice, so that no path and no list of open folders grows long.
fn remove_in_slices(root: &Path) -> io::Result<()> {
    let mut waiting = vec![root.to_owned()];
    let mut moved = 0_u32;
    while let Some(top) = waiting.pop() {
        for deep in opened(&top) {
            let aside = root.with_extension(format!("gone-{moved}"));
            moved += 1;
            fs::rename(deep, &aside)?;
            waiting.push(aside);
        }
        fs::remove_dir_all(&top)?;
    }
    Ok(())
}

/// Makes the folders down to [`SLICE`] ours again and gives those that lie at it.
fn opened(top: &Path) -> Vec<PathBuf> {
    let open = |path: &Path| drop(fs::set_permissions(path, fs::Permissions::from_mode(0o700)));
    open(top);
    let mut deep = Vec::new();
    // A folder has to be opened before the walk reads it, hence here and not on what the walk yields.
    let walk = WalkDir::new(top).follow_links(false).max_depth(SLICE).into_iter().filter_entry(|entry| {
        if entry.file_type().is_dir() {
            open(entry.path());
            if entry.depth() == SLICE {
                deep.push(entry.path().to_owned());
            }
        }
        true
    });
    walk.for_each(drop);
    deep
}
