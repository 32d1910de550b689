#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
//! Real folders, real repositories, real processes.

mod checks;
mod diffs;
mod files;
mod history;
mod setups;
mod states;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use evalrun::model::task::{Command, Network, Setup, Source, Workspace};
use evalrun::process::redact::Redactor;
use evalrun::process::{Cancel, usable_sandboxes, use_supervisor};
use evalrun::workspace::{Camera, Conditions, Ignore, Limits, Manifest, Shop, Snapshot, Store, Walls, diff};
use tempfile::{TempDir, tempdir};

/// A file with its folders.
fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn mode(root: &Path, path: &str, mode: u32) {
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder with everything that copies get wrong.
fn hostile(root: &Path) {
    put(root, "plain.txt", "one\ntwo\n");
    put(root, "two\nlines.txt", "a name with a newline\n");
    put(root, "<script>alert(1)<.html", "<script>\n");
    put(root, "run.sh", "#!/bin/sh\n");
    mode(root, "run.sh", 0o755);
    put(root, "private", "x");
    mode(root, "private", 0o600);
    put(root, "vendor/lib/.git/HEAD", "ref: refs/heads/main\n");
    put(root, "vendor/lib/lib.c", "int x;\n");
    fs::create_dir_all(root.join("empty/inside")).unwrap();
    fs::write(root.join(odd_name()), b"\xff\x00\xfe").unwrap();
    symlink("/etc", root.join("out")).unwrap();
    symlink("plain.txt", root.join("near")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    put(root, "locked/file", "in a folder that cannot be written\n");
    mode(root, "locked", 0o555);
}

fn odd_name() -> PathBuf {
    PathBuf::from(OsStr::from_bytes(b"caf\xe9\\.bin"))
}

fn as_they_are() -> Redactor {
    Redactor::none()
}

fn camera(store: &Path) -> Camera {
    Camera::new(Store::open(store).unwrap(), Ignore::new(&[]).unwrap(), Limits::default())
}

fn snapshot(root: &Path, store: &Path) -> Snapshot {
    camera(store).take(root, &as_they_are()).unwrap()
}

fn manifest(root: &Path, store: &Path) -> Manifest {
    snapshot(root, store).manifest
}

fn patch(old: &Manifest, new: &Manifest, store: &Path) -> String {
    diff(old, new, &Store::open(store).unwrap()).patch
}

/// Everything a check or a setup needs, in a folder of its own.
struct Bench {
    folder: TempDir,
    env: BTreeMap<String, String>,
    redactor: Redactor,
    cancel: Cancel,
    walls: Walls,
}

impl Bench {
    fn new(walls: Walls) -> Bench {
        use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
        let redactor = Redactor::new(&[("KEY".to_owned(), "hunter2hunter2".to_owned())]).unwrap();
        let env = BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]);
        Bench { folder: tempdir().unwrap(), env, redactor, cancel: Cancel::new(), walls }
    }

    /// One without a sandbox, and one in a sandbox where there is one.
    fn all() -> Vec<Bench> {
        let boxed = usable_sandboxes().iter().any(|sandbox| sandbox.name == "bwrap" && sandbox.is_usable());
        let mut benches = vec![Bench::new(Walls::None)];
        if boxed {
            benches.push(Bench::new(Walls::Bwrap { hide: Vec::new(), network: false }));
        }
        benches
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shop(&self) -> Shop {
        Shop { cache: self.path("cache"), places: self.path("places") }
    }

    fn conditions(&self) -> Conditions<'_> {
        Conditions {
            walls: self.walls.clone(),
            seed: 7,
            env: &self.env,
            redactor: &self.redactor,
            cancel: &self.cancel,
            marker: format!("workspace-test-{}", std::process::id()),
        }
    }
}

/// A workspace that is a copy of a folder.
fn copy_of(path: &Path, setup: &[&str]) -> Workspace {
    let step = |line: &&str| Setup { run: Command::Shell((*line).to_owned()), timeout_ms: 60_000 };
    Workspace {
        source: Source::Copy { path: path.to_owned() },
        setup: setup.iter().map(step).collect(),
        each_trial: Vec::new(),
        ignore: Vec::new(),
        env: BTreeMap::new(),
        network: Network::Open,
    }
}
