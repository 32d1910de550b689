#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Real folders, real repositories, real processes.

mod diffs;
mod files;
mod history;
mod states;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use evalrun::workspace::{Camera, Ignore, Limits, Manifest, Snapshot, Store, diff};

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

fn as_they_are(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

fn camera(store: &Path) -> Camera {
    Camera::new(Store::open(store).unwrap(), Ignore::new(&[]).unwrap(), Limits::default())
}

fn snapshot(root: &Path, store: &Path) -> Snapshot {
    camera(store).take(root, &as_they_are).unwrap()
}

fn manifest(root: &Path, store: &Path) -> Manifest {
    snapshot(root, store).manifest
}

fn patch(old: &Manifest, new: &Manifest, store: &Path) -> String {
    diff(old, new, &Store::open(store).unwrap()).patch
}
