//! The folders of one trial. The path is short and the same for the same trial, so that what an agent or a tool writes about it
//! stays true, and two places below one base have paths of the same length (see `setup`).
//!
//! ```text
//! <base>/3f0c9a1b22/work      the workspace, as the agent sees it
//!                  /home      its HOME          /tmp   its TMPDIR
//!                  /checks/0  one folder per check that runs
//!                  /aside     the live workspace while a check stands in for it (no sandbox)
//! ```

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::tree::{fault, remove};
use crate::model::fault::Fault;

/// A trial's folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// The folder of a trial (or of a prepared workspace) below `base`.
    pub fn path(base: &Path, key: &str) -> PathBuf {
        base.join(&blake3::hash(key.as_bytes()).to_hex()[..10])
    }

    /// Empty folders; what an earlier attempt left there is removed. `work` itself is left to whoever fills it.
    pub fn fresh(root: &Path) -> Result<Place, Fault> {
        remove(root)?;
        let make = |path: &Path| {
            let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(path);
            made.map_err(|why| fault("create", path, &why))
        };
        make(root)?;
        // Programs refuse a HOME and a folder for keys that others may read, and the base may be a shared /tmp.
        let root = fs::canonicalize(root).map_err(|why| fault("read", root, &why))?;
        let place = Place { root };
        for folder in [place.home(), place.tmp(), place.checks()] {
            make(&folder)?;
        }
        Ok(place)
    }

    /// A place that is there already. If evalrun died while a check stood in for the workspace, the workspace is put back.
    pub fn open(root: &Path) -> Result<Place, Fault> {
        let root = fs::canonicalize(root).map_err(|why| fault("read", root, &why))?;
        let place = Place { root };
        place.put_back()?;
        Ok(place)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where copies with hidden files stand while checks run: to be hidden in the agent's sandbox.
    pub fn checks(&self) -> PathBuf {
        self.root.join("checks")
    }

    /// Removes everything.
    pub fn clear(&self) -> Result<(), Fault> {
        remove(&self.root)
    }

    /// A folder of its own for a check; what an earlier one of this name left is removed.
    pub(super) fn check_room(&self, name: &str) -> Result<Room, Fault> {
        let root = self.checks().join(name);
        remove(&root)?;
        let room = Room { root };
        for folder in [&room.root, &room.home(), &room.tmp()] {
            let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(folder);
            made.map_err(|why| fault("create", folder, &why))?;
        }
        Ok(room)
    }

    /// Swaps `copy` in for the workspace until the guard is dropped.
    pub(super) fn swap_in(&self, copy: &Path) -> Result<Swapped<'_>, Fault> {
        let (work, aside) = (self.work(), self.aside());
        if fs::symlink_metadata(&work).is_err() {
            // An agent may remove the workspace itself; the check still runs on what was snapshot.
            fs::create_dir(&work).map_err(|why| fault("create", &work, &why))?;
        }
        // `aside` is the mark of a swap under way: it exists from the first rename to the last.
        fs::rename(&work, &aside).map_err(|why| fault("move", &work, &why))?;
        let swapped = Swapped { place: self, copy: copy.to_owned() };
        fs::rename(copy, &work).map_err(|why| fault("move", copy, &why))?;
        Ok(swapped)
    }

    fn aside(&self) -> PathBuf {
        self.root.join("aside")
    }

    fn put_back(&self) -> Result<(), Fault> {
        let (work, aside) = (self.work(), self.aside());
        if fs::symlink_metadata(&aside).is_err() {
            return Ok(());
        }
        remove(&work)?;
        fs::rename(&aside, &work).map_err(|why| fault("move", &aside, &why))
    }
}

/// The folders of one check; removed with it.
#[derive(Debug)]
pub(super) struct Room {
    root: PathBuf,
}

impl Room {
    pub fn copy(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where a `tests:` check writes what `$REPORT` asks for.
    pub fn report(&self) -> PathBuf {
        self.tmp().join("report.xml")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What stays is removed by the next check of this name, or with the place.
        let _ = remove(&self.root);
    }
}

/// A copy stands at the workspace's path.
#[derive(Debug)]
pub(super) struct Swapped<'a> {
    place: &'a Place,
    copy: PathBuf,
}

impl Swapped<'_> {
    /// Moves the copy back to where it came from and the workspace to its path.
    pub fn back(self) -> Result<(), Fault> {
        self.restore()
    }

    fn restore(&self) -> Result<(), Fault> {
        if fs::symlink_metadata(self.place.aside()).is_ok() {
            // A program may have removed the folder under its feet; then there is nothing to move out.
            let _ = fs::rename(self.place.work(), &self.copy);
        }
        self.place.put_back()
    }
}

impl Drop for Swapped<'_> {
    fn drop(&mut self) {
        // Also when the check's future is dropped in the middle. What fails here is seen by the next `Place::open`.
        let _ = self.restore();
    }
}
