//! Copies of folders. What it keeps: contents, modes, times, links as links, empty folders, an embedded `.git`, names that are
//! not UTF-8. What it leaves out, and says so: sockets, pipes, devices. What it never does: follow a link, or write through one.
//!
//! A workspace with `out -> /etc` is copied with that link and nothing of `/etc`; the notes say that it leads out.
//! On file systems that share blocks (btrfs, xfs) the kernel makes the copies of files without copying their bytes.

use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::names::{leads_out, written};
use super::tree::{Item, Keep, Notes, everything, fault, remove, walk};
use crate::model::fault::{Boundary, Fault};

/// What a copy moved and what it noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
    pub notes: Notes,
}

/// Whether entries that are already there are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// The target must not exist yet.
    Nothing,
    /// The target exists; what has the same name is replaced, links included.
    Existing,
}

/// Copies the whole folder `from` to `to`.
pub fn copy_tree(from: &Path, to: &Path, onto: Onto) -> Result<Copied, Fault> {
    copy_kept(from, to, onto, &mut everything)
}

/// Copies the part of `from` that `keep` takes.
pub(super) fn copy_kept(from: &Path, to: &Path, onto: Onto, keep: Keep<'_>) -> Result<Copied, Fault> {
    refuse_nesting(from, to)?;
    let top = fs::metadata(from).map_err(|why| fault("read", from, &why))?;
    if onto == Onto::Nothing {
        fs::DirBuilder::new().mode(0o700).create(to).map_err(|why| fault("create", to, &why))?;
    }
    let mut copied = Copied::default();
    let mut notes = Notes::default();
    let mut folders = Vec::new();
    if onto == Onto::Nothing {
        folders.push((to.to_owned(), top.mode()));
    }
    walk(from, keep, &mut notes, &mut |item| {
        let target = to.join(&item.path);
        if onto == Onto::Existing {
            clear_for(&target, &item)?;
        }
        copy_item(from, &target, &item, &mut copied)?;
        if item.meta.is_dir() {
            folders.push((target, item.meta.mode()));
        }
        Ok(())
    })?;
    // Last and from the inside out: a folder without write permission could not be filled.
    for (folder, mode) in folders.into_iter().rev() {
        set_mode(&folder, mode)?;
    }
    copied.notes.take_in(notes);
    Ok(copied)
}

/// Copies one regular file with its mode and times; the target must not exist, the source must not be a link.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<u64, Fault> {
    let source = open_plain(from).map_err(|why| fault("read", from, &why))?;
    let meta = source.metadata().map_err(|why| fault("read", from, &why))?;
    let copy = || -> io::Result<u64> {
        let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        let bytes = io::copy(&mut &source, &mut &target)?;
        target.set_permissions(Permissions::from_mode(meta.mode() & 0o7777))?;
        target.set_times(FileTimes::new().set_modified(meta.modified()?))?;
        Ok(bytes)
    };
    copy().map_err(|why| fault("write", to, &why))
}

/// Opens a regular file for reading: never through a link, never waiting for the other end of a pipe.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Sets the permission bits of a folder or file.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), Fault> {
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)).map_err(|why| fault("set the mode of", path, &why))
}

fn copy_item(from: &Path, target: &Path, item: &Item, copied: &mut Copied) -> Result<(), Fault> {
    let source = from.join(&item.path);
    let kind = item.meta.file_type();
    if kind.is_dir() {
        return make_folder(target);
    }
    if kind.is_symlink() {
        let to = fs::read_link(&source).map_err(|why| fault("read", &source, &why))?;
        if leads_out(&item.path, &to) {
            let (at, to) = (written(&item.path), written(&to));
            copied.notes.add(format!("the link `{at}` leads out of the workspace, to `{to}`; it is copied as a link"));
        }
        return symlink(&to, target).map_err(|why| fault("create", target, &why));
    }
    if kind.is_file() {
        copied.bytes += copy_file(&source, target)?;
        copied.files += 1;
        return Ok(());
    }
    copied.notes.add(format!("`{}` is {} and is not copied", written(&item.path), odd_kind(kind)));
    Ok(())
}

pub(super) fn odd_kind(kind: fs::FileType) -> &'static str {
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a device"
    }
}

fn make_folder(target: &Path) -> Result<(), Fault> {
    match fs::DirBuilder::new().mode(0o700).create(target) {
        Ok(()) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => set_mode(target, 0o700),
        Err(why) => Err(fault("create", target, &why)),
    }
}

/// Makes room for an entry without following what stands there: only a folder under a folder stays.
fn clear_for(target: &Path, item: &Item) -> Result<(), Fault> {
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() && item.meta.is_dir() => Ok(()),
        Ok(_) => remove(target),
        Err(_) => Ok(()),
    }
}

fn refuse_nesting(from: &Path, to: &Path) -> Result<(), Fault> {
    let from = fs::canonicalize(from).map_err(|why| fault("read", from, &why))?;
    let parent = match to.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let parent = fs::canonicalize(&parent).map_err(|why| fault("read", &parent, &why))?;
    if parent.starts_with(&from) {
        let message = format!("the copy of `{}` would lie inside itself", written(&from));
        return Err(Fault::new(Boundary::Workspace, "nested", message).hint("choose a folder outside the workspace"));
    }
    Ok(())
}
