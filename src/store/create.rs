//! Atomic create: temp, fsync, link, fsync of the folder. The first wins; a crash at any point leaves either nothing or all of it.

use crate::model::fault::{Boundary, Fault};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
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
    fail_point();
    link_new(path, bytes).map_err(|error| fault("create", path, &error))
}

/// Writes a derived file: readers see the old one or the new one, never a torn one.
///
/// # Errors
/// `store` faults, with the path and what the file system said.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let folder = folder_of(path);
    let done = make_folders(folder).and_then(|()| {
        let temp = write_temp(folder, bytes)?;
        fs::rename(&temp, path).inspect_err(|_| drop(fs::remove_file(&temp)))
    });
    done.map_err(|error| fault("write", path, &error))
}

/// Writes a derived file piece by piece: readers see the old one or the new one. It is not forced to the disk, since it can be made again.
///
/// # Errors
/// `store` faults, with the path and what went wrong.
pub fn derive(path: &Path, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), Fault> {
    let folder = folder_of(path);
    let mut written = || -> io::Result<()> {
        make_folders(folder)?;
        let (temp, file) = new_temp(folder)?;
        let mut file = io::BufWriter::with_capacity(1 << 18, file);
        let filled = fill(&mut file).and_then(|()| file.flush()).and_then(|()| fs::rename(&temp, path));
        filled.inspect_err(|_| drop(fs::remove_file(&temp)))
    };
    written().map_err(|error| fault("write", path, &error))
}

/// Removes what a process that is gone was about to create below `root`. Blocks.
///
/// # Errors
/// When a folder cannot be read or a file not be removed.
pub fn clear_unfinished(root: &Path) -> Result<(), Fault> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| fault("read", &folder, &error))?;
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if is_abandoned(&path) {
                fs::remove_file(&path).map_err(|error| fault("remove", &path, &error))?;
            }
        }
    }
    Ok(())
}

/// `.new-<process>-<n>`, and there is no such process.
fn is_abandoned(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((process, _)) = name.strip_prefix(TEMP).and_then(|rest| rest.split_once('-')) else { return false };
    process.parse::<u32>().is_ok_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}

fn link_new(path: &Path, bytes: &[u8]) -> io::Result<Created> {
    if path.exists() {
        return Ok(Created::Existed);
    }
    let folder = folder_of(path);
    make_folders(folder)?;
    let temp = write_temp(folder, bytes)?;
    let linked = fs::hard_link(&temp, path);
    fail_point();
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

/// What a file is called until it is whole.
const TEMP: &str = ".new-";

fn write_temp(folder: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let (temp, mut file) = new_temp(folder)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&temp)))?;
    Ok(temp)
}

/// A process that died may have had our number, and a file it left may be the other name of one that counts: never opened again.
fn new_temp(folder: &Path) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let name = format!("{TEMP}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let temp = folder.join(name);
        match File::create_new(&temp) {
            Ok(file) => return Ok((temp, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// A file is safe from a power loss once its folder's entry is, and that of each folder made for it.
fn make_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let around = folder_of(folder);
    make_folders(around)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => File::open(around)?.sync_all(),
    }
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
fn fail_point() {
    use std::sync::LazyLock;
    static AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("EVALRUN_FAIL_AT").ok().and_then(|text| text.parse().ok()));
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if AT.is_some_and(|at| PASSED.fetch_add(1, Ordering::SeqCst) + 1 == at) {
        std::process::abort();
    }
}
