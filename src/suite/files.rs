//! The only place where the suite's room reads files.
//!
//! Everything from outside is bounded here: only regular files, 4 MiB at most, UTF-8. A folder's bytes become one hash
//! by a walk in the order of names, so that the same folder has the same hash on every machine.

#![allow(clippy::disallowed_methods)]

use crate::model::canon::{Domain, hash_bytes};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// Bytes of one suite, table or text file.
pub const MAX_BYTES: u64 = 4 << 20;

/// Why a file gives no text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    #[error("there is no such file")]
    Missing,
    #[error("it is a folder or a device, not a file")]
    NotAFile,
    #[error("over the limit of 4 MiB for one file")]
    TooLarge,
    #[error("it is not UTF-8 (byte {0} is wrong)")]
    NotText(usize),
    #[error("it cannot be read: {0}")]
    Failed(io::ErrorKind),
}

/// What stands at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    File,
    Folder,
    Nothing,
}

/// The text of a file.
///
/// # Errors
/// When there is none that may be read.
pub fn text(path: &Path) -> Result<String, Unreadable> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing,
        kind => Unreadable::Failed(kind),
    };
    let meta = fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err(Unreadable::NotAFile);
    }
    if meta.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let mut bytes = Vec::new();
    let read = File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if read as u64 > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()))
}

pub fn stands(path: &Path) -> Stands {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Stands::Folder,
        Ok(_) => Stands::File,
        Err(_) => Stands::Nothing,
    }
}

/// The path from the root, `..` and links resolved where it exists.
pub fn absolute(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let mut out = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => out.push(part),
        }
    }
    out
}

/// One hash over a folder (or a file): paths, executable bits, contents and the targets of links, which are not followed.
/// Of a `.git` folder only what names a history counts: its index differs from checkout to checkout.
///
/// # Errors
/// Says which path could not be read.
pub fn tree_hash(root: &Path) -> Result<String, String> {
    let mut lines = String::new();
    let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| counts(root, entry.path())) {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let what = describe(path, entry.file_type()).map_err(|error| format!("{}: {error}", path.display()))?;
        // A name may hold a newline; its quoted form does not.
        lines.push_str(&format!("{name:?} {what}\n"));
    }
    Ok(hash_bytes(Domain::Workspace, lines.as_bytes()))
}

fn describe(path: &Path, kind: fs::FileType) -> io::Result<String> {
    if kind.is_symlink() {
        return Ok(format!("link {:?}", fs::read_link(path)?));
    }
    if kind.is_dir() {
        return Ok("folder".to_owned());
    }
    if !kind.is_file() {
        return Ok("special".to_owned());
    }
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let mode = if is_executable(&file.metadata()?) { "program" } else { "file" };
    io::copy(&mut file, &mut hasher)?;
    Ok(format!("{mode} {}", hasher.finalize().to_hex()))
}

fn counts(root: &Path, path: &Path) -> bool {
    let inner = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inner.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    match parts.iter().position(|part| part == ".git").and_then(|at| parts.get(at + 1)) {
        Some(part) => matches!(part.as_ref(), "HEAD" | "packed-refs" | "refs"),
        None => true,
    }
}

#[cfg(unix)]
fn is_executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}
