//! A snapshot laid out as a folder again, for a check to run on.
//!
//! Contents come from the store. Where the store holds less than the file had (a secret was replaced, the file was too large),
//! the live workspace is asked, and believed only if its file still has the hash of the snapshot.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use super::content::{Content, Store};
use super::copy::{copy_file, set_mode};
use super::manifest::{Entry, Manifest};
use super::names::{path_of, stays_inside};
use super::tree::{Notes, fault};
use crate::model::fault::{Boundary, Fault};

/// Where contents come from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    pub store: &'a Store,
    pub live: &'a Path,
}

/// Makes the new folder `to` hold what the manifest says.
pub fn lay_out(manifest: &Manifest, sources: Sources<'_>, to: &Path) -> Result<Notes, Fault> {
    fs::DirBuilder::new().mode(0o755).create(to).map_err(|why| fault("create", to, &why))?;
    let mut notes = Notes::default();
    let mut folders: Vec<(PathBuf, u32)> = Vec::new();
    for (name, entry) in &manifest.entries {
        let path = path_of(name);
        if !stays_inside(&path) || !has_folder(manifest, name) {
            return Err(Fault::new(Boundary::Workspace, "manifest", format!("`{name}` is no path of a snapshot")));
        }
        let target = to.join(&path);
        match entry {
            Entry::Dir { mode } => {
                fs::DirBuilder::new().mode(0o700).create(&target).map_err(|why| fault("create", &target, &why))?;
                folders.push((target, *mode));
            }
            Entry::Link { target: leads_to } => {
                symlink(path_of(leads_to), &target).map_err(|why| fault("create", &target, &why))?;
            }
            Entry::File { mode, hash, stored, .. } => {
                let kept = Wanted { name, path: &path, hash: hash.as_deref(), stored: stored.as_deref() };
                if let Some(note) = file(&kept, sources, &target)? {
                    notes.add(note);
                }
                if target.symlink_metadata().is_ok() {
                    set_mode(&target, *mode)?;
                }
            }
        }
    }
    for (folder, mode) in folders.into_iter().rev() {
        set_mode(&folder, mode)?;
    }
    Ok(notes)
}

struct Wanted<'a> {
    name: &'a str,
    path: &'a Path,
    hash: Option<&'a str>,
    stored: Option<&'a str>,
}

/// Writes one file; a sentence where it is not the file that was.
fn file(wanted: &Wanted<'_>, sources: Sources<'_>, target: &Path) -> Result<Option<String>, Fault> {
    let name = wanted.name;
    let Some(hash) = wanted.hash else {
        return Ok(Some(format!("`{name}` is missing here: it could not be read")));
    };
    if wanted.stored == Some(hash)
        && let Some(bytes) = sources.store.read(hash)
    {
        return write(target, &bytes).map(|()| None);
    }
    let live = sources.live.join(wanted.path);
    if Content::read(&live, 0).is_ok_and(|content| content.hash == hash) {
        return copy_file(&live, target).map(|_| None);
    }
    match wanted.stored.and_then(|stored| sources.store.read(stored)) {
        Some(bytes) => write(target, &bytes).map(|()| Some(format!("`{name}` is here without the secrets it held"))),
        None => Ok(Some(format!("`{name}` is missing here: its content was not kept"))),
    }
}

fn write(target: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let create = || fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
    create().and_then(|mut file| io::Write::write_all(&mut file, bytes)).map_err(|why| fault("write", target, &why))
}

/// Every parent of a path in a snapshot is a folder of the same snapshot: nothing is written through a link.
fn has_folder(manifest: &Manifest, name: &str) -> bool {
    name.rsplit_once('/').is_none_or(|(parent, _)| manifest.entries.get(parent).is_some_and(Entry::is_dir))
}
