//! An agent's own session files, copied out of the trial's home: only files that are named, without secrets.

use super::Seat;
use crate::process::redact::Redactor;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A session file that is longer is left where it is, and that is said.
const LONGEST: u64 = 64 << 20;

/// Copies a file of the trial's home into the native folder; says why where it cannot.
///
/// The agent may have put a link in the file's place: what is copied must be a file, and lie in the home.
pub(super) fn keep(seat: &Seat, file: &Path) -> Result<(), String> {
    let say = |error: io::Error| format!("the session file {} was not kept: {error}", file.display());
    let real = file.canonicalize().map_err(say)?;
    let home = seat.home.canonicalize().map_err(say)?;
    let kind = file.symlink_metadata().map_err(say)?;
    if !real.starts_with(&home) || !kind.is_file() {
        return Err(format!("the session file {} is no file of the trial's home and was not kept", file.display()));
    }
    if kind.len() > LONGEST {
        return Err(format!("the session file {} is longer than 64 MiB and was not kept", file.display()));
    }
    let bytes = fs::read(&real).map_err(say)?;
    let name = file.file_name().map(Path::new).unwrap_or(file);
    write(&seat.native, name, &bytes, &seat.redactor).map_err(say)
}

/// Writes bytes under a name in the native folder, secrets replaced.
pub(super) fn write(native: &Path, name: &Path, bytes: &[u8], redactor: &Redactor) -> io::Result<()> {
    fs::create_dir_all(native)?;
    fs::write(native.join(name), redactor.redact_bytes(bytes))
}

/// The entries of a folder that is no link, in order.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = found.collect();
    found.sort();
    found
}
