//! Atomic create: temp, fsync, link, fsync of the folder. The first wins; a crash at any point leaves either nothing or all of it.

use crate::model::fault::{Boundary, Fault};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Whether this call made the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    First,
    Existed,
}

/// Creates `path` with `bytes`, once for ever.
///
/// # Errors
/// `store` faults, with the path and what the file system said.
pub fn once(path: &Path, bytes: &[u8]) -> Result<Created, Fault> {
    fail_point()?;
    let made = link_new(path, bytes).map_err(|error| fault("create", path, &error))?;
    fail_point()?;
    Ok(made)
}

/// Writes a derived file: readers see the old one or the new one, never a torn one.
///
/// # Errors
/// `store` faults, with the path and what the file system said.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let folder = folder_of(path);
    let done = fs::create_dir_all(folder).and_then(|()| {
        let temp = write_temp(folder, bytes)?;
        fs::rename(&temp, path).inspect_err(|_| drop(fs::remove_file(&temp)))
    });
    done.map_err(|error| fault("write", path, &error))
}

fn link_new(path: &Path, bytes: &[u8]) -> io::Result<Created> {
    if path.exists() {
        return Ok(Created::Existed);
    }
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let temp = write_temp(folder, bytes)?;
    let linked = fs::hard_link(&temp, path);
    let removed = fs::remove_file(&temp);
    match linked {
        Ok(()) => {
            removed?;
            File::open(folder)?.sync_all()?;
            Ok(Created::First)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Existed),
        Err(error) => Err(error),
    }
}

fn write_temp(folder: &Path, bytes: &[u8]) -> io::Result<std::path::PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!(".new-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let temp = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&temp)))?;
    Ok(temp)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// A `store` fault that names the path.
pub(super) fn fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    let kind = if error.kind() == io::ErrorKind::StorageFull { "full_disk" } else { "io" };
    let hint = match error.kind() {
        io::ErrorKind::StorageFull => "free some space, then `evalrun resume`",
        io::ErrorKind::PermissionDenied => "check who owns the folder, or choose another with --out",
        _ => "check the folder, then `evalrun resume`",
    };
    Fault::new(Boundary::Store, kind, format!("cannot {doing} {}: {error}", path.display())).hint(hint)
}

/// Tests end the process at the n-th of these points: `EVALRUN_FAIL_AT=n`. Elsewhere it costs one load.
fn fail_point() -> Result<(), Fault> {
    use std::sync::LazyLock;
    static AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("EVALRUN_FAIL_AT").ok().and_then(|text| text.parse().ok()));
    static PASSED: AtomicU64 = AtomicU64::new(0);
    match *AT {
        Some(at) if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == at => std::process::abort(),
        Some(_) | None => Ok(()),
    }
}
