//! Snapshots: the state of the workspace after setup and after each stage, kept outside the agent's reach as a manifest and a
//! content store. Not git: git drops modes, empty folders and embedded repositories, and obeys the agent's own `.gitignore`.
//!
//! A file whose place, size, inode and times are those of the last snapshot is not read again. Very large files are known by
//! their hash alone; so is everything beyond a total, so that an agent cannot fill the disk twice.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::content::{Content, Store};
use super::copy::odd_kind;
use super::ignore::Ignore;
use super::manifest::{Entry, Manifest};
use super::names::written;
use super::tree::{Item, Notes, unwalkable, walk};
use crate::model::fault::Fault;
use crate::process::redact::Redactor;

/// How much of a workspace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files above this are known by hash alone.
    pub file: u64,
    /// New content that one snapshot may add to the store.
    pub total: u64,
    /// Paths in one manifest.
    pub entries: usize,
    /// A file changed less than this before the snapshot is read again next time: its times may not tell the next change.
    pub settle: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { file: 32 << 20, total: 512 << 20, entries: 200_000, settle: Duration::from_millis(100) }
    }
}

/// One snapshot and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub manifest: Manifest,
    /// Files that were read.
    pub read: u64,
    /// Files taken over from the snapshot before.
    pub reused: u64,
}

/// Takes the snapshots of one workspace, one after the other. Contents are safe from a power loss after `Store::settle`, which
/// is called once, before the trial counts as done.
#[derive(Debug)]
pub struct Camera {
    store: Store,
    ignore: Ignore,
    limits: Limits,
    seen: HashMap<String, (Stamp, Entry)>,
}

impl Camera {
    pub fn new(store: Store, ignore: Ignore, limits: Limits) -> Camera {
        Camera { store, ignore, limits, seen: HashMap::new() }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads the folder as it is now. Contents are redacted before they are stored; hashes are of the files as they are.
    pub fn take(&mut self, root: &Path, redactor: &Redactor) -> Result<Snapshot, Fault> {
        let mut ignored = Vec::new();
        let mut more = 0_u64;
        let mut unread = Notes::default();
        let before = std::mem::take(&mut self.seen);
        let mut exposure = Exposure::new(self, &before, root, redactor);
        let mut keep = |path: &Path, is_dir: bool| {
            let out = self.ignore.leaves_out(root, path, is_dir);
            if out && path != Path::new(".git") {
                if ignored.len() < Notes::MOST { ignored.push(written(path)) } else { more += 1 }
            }
            !out
        };
        // Removed, locked, or replaced by a link that must not be followed: that is the agent's doing, and a state like any other.
        match unwalkable(root) {
            None => walk(root, &mut keep, &mut unread, &mut |item| exposure.add(&item))?,
            Some(why) => unread.add(why),
        }
        let Exposure { entries, seen, mut notes, read, reused, left_out, .. } = exposure;
        notes.take_in(unread);
        let counted = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let mut lines = notes.lines();
        lines.extend(counted(left_out, "paths are in no snapshot: the workspace holds too many"));
        lines.extend(counted(more, "more ignored paths are not listed"));
        self.seen = seen;
        Ok(Snapshot { manifest: Manifest { entries, ignored, notes: lines, ..Manifest::empty() }, read, reused })
    }
}

/// What tells a file that was not touched. The change time is the kernel's own: an agent cannot set it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        Stamp {
            place: (meta.dev(), meta.ino()),
            size: meta.len(),
            mode: meta.mode(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Whether a change after `moment` would show in the times.
    fn settled(&self, moment: Duration) -> bool {
        let changed = u64::try_from(self.changed.0).unwrap_or(u64::MAX);
        let nanos = u32::try_from(self.changed.1).unwrap_or(0);
        Duration::new(changed, nanos) <= moment
    }
}

/// One snapshot while it is taken.
struct Exposure<'a> {
    store: &'a Store,
    limits: Limits,
    before: &'a HashMap<String, (Stamp, Entry)>,
    root: &'a Path,
    redactor: &'a Redactor,
    /// Files changed after this are read again next time.
    since: Duration,
    entries: BTreeMap<String, Entry>,
    seen: HashMap<String, (Stamp, Entry)>,
    notes: Notes,
    added: u64,
    read: u64,
    reused: u64,
    left_out: u64,
}

impl<'a> Exposure<'a> {
    fn new(
        camera: &'a Camera,
        before: &'a HashMap<String, (Stamp, Entry)>,
        root: &'a Path,
        redactor: &'a Redactor,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Exposure {
            store: &camera.store,
            limits: camera.limits,
            before,
            root,
            redactor,
            since: now.saturating_sub(camera.limits.settle),
            entries: BTreeMap::new(),
            seen: HashMap::new(),
            notes: Notes::default(),
            added: 0,
            read: 0,
            reused: 0,
            left_out: 0,
        }
    }

    fn add(&mut self, item: &Item) -> Result<(), Fault> {
        if self.entries.len() >= self.limits.entries {
            self.left_out += 1;
            return Ok(());
        }
        let name = written(&item.path);
        let kind = item.meta.file_type();
        let entry = if kind.is_dir() {
            Entry::Dir { mode: item.meta.mode() & 0o7777 }
        } else if kind.is_symlink() {
            match fs::read_link(self.root.join(&item.path)) {
                Ok(target) => Entry::Link { target: written(&target) },
                Err(why) => {
                    // Something the agent left running may take it away between the listing and this.
                    self.notes.add(format!("`{name}` could not be read: {why}"));
                    return Ok(());
                }
            }
        } else if kind.is_file() {
            self.file(&name, item)?
        } else {
            self.notes.add(format!("`{name}` is {} and is in no snapshot", odd_kind(kind)));
            return Ok(());
        };
        self.entries.insert(name, entry);
        Ok(())
    }

    fn file(&mut self, name: &str, item: &Item) -> Result<Entry, Fault> {
        let stamp = Stamp::of(&item.meta);
        if let Some((was, entry)) = self.before.get(name)
            && *was == stamp
        {
            self.reused += 1;
            self.seen.insert(name.to_owned(), (stamp, entry.clone()));
            return Ok(entry.clone());
        }
        self.read += 1;
        let mode = item.meta.mode() & 0o7777;
        let seen = match self.contents(name, item)? {
            Some((size, hash, stored)) => Entry::File { mode, size, hash: Some(hash), stored },
            None => Entry::File { mode, size: item.meta.len(), hash: None, stored: None },
        };
        if stamp.settled(self.since) {
            self.seen.insert(name.to_owned(), (stamp, seen.clone()));
        }
        Ok(seen)
    }

    /// Size, hash and stored content of a file; nothing if it cannot be read.
    fn contents(&mut self, name: &str, item: &Item) -> Result<Option<(u64, String, Option<String>)>, Fault> {
        match Content::read(&self.root.join(&item.path), self.limits.file) {
            Ok(Content { size, hash, bytes: Some(bytes) }) if self.added + size <= self.limits.total => {
                self.added += size;
                let stored = self.store.put(&self.redactor.redact_bytes(&bytes))?;
                Ok(Some((size, hash, Some(stored))))
            }
            Ok(Content { size, hash, .. }) => {
                self.notes.add(format!("`{name}` ({size} bytes) is known by its hash alone: it is too large to keep"));
                Ok(Some((size, hash, None)))
            }
            Err(why) => {
                self.notes.add(format!("`{name}` could not be read: {why}"));
                Ok(None)
            }
        }
    }
}
