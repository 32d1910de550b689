//! Snapshots, what they keep, and the way back to a folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use evalrun::process::redact::Redactor;
use evalrun::workspace::{
    Camera, Entry, Finding, Ignore, Limits, Manifest, Sources, Store, lay_out, same_content, unchanged,
};
use proptest::prelude::*;
use tempfile::tempdir;

use super::{as_they_are, camera, hostile, manifest, put, snapshot};

#[test]
fn a_snapshot_laid_out_gives_the_same_snapshot() {
    let folder = tempdir().unwrap();
    let (work, store, out) = (folder.path().join("work"), folder.path().join("store"), folder.path().join("out"));
    fs::create_dir(&work).unwrap();
    hostile(&work);
    let first = manifest(&work, &store);
    let kept = Store::open(&store).unwrap();
    let notes = lay_out(&first, Sources { store: &kept, live: &folder.path().join("gone") }, &out).unwrap();
    assert_eq!((manifest(&out, &store), notes.lines()), (first.clone(), vec![]));
    let written: Vec<&str> = first.entries.keys().map(String::as_str).collect();
    insta::assert_debug_snapshot!(written);
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), first);
}

#[test]
fn ignored_folders_are_listed_and_left_out() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    for path in [".git/HEAD", "a/node_modules/x.js", "app/__pycache__/x.pyc", "docs/build/x", "src/docs/build/x"] {
        put(&work, path, "x");
    }
    for path in ["Cargo.toml", "target/debug/x", "things/target/keep", "a.log", "logs/a.log", "node_modules.txt"] {
        put(&work, path, "x");
    }
    let ignore = Ignore::new(&["docs/build".to_owned(), "*.log".to_owned()]).unwrap();
    let mut camera = Camera::new(Store::open(&store).unwrap(), ignore, Limits::default());
    let taken = camera.take(&work, &as_they_are()).unwrap().manifest;
    let files: Vec<&str> = taken.files().map(|(path, _)| path).collect();
    assert_eq!(files, ["Cargo.toml", "node_modules.txt", "src/docs/build/x", "things/target/keep"]);
    assert_eq!(taken.ignored, ["a/node_modules", "a.log", "app/__pycache__", "docs/build", "logs/a.log", "target"]);
}

#[test]
fn untouched_files_are_not_read_again() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    put(&work, "a", "a");
    put(&work, "b", "b");
    let limits = Limits { settle: Duration::ZERO, ..Limits::default() };
    let mut camera = Camera::new(Store::open(&store).unwrap(), Ignore::new(&[]).unwrap(), limits);
    let first = camera.take(&work, &as_they_are()).unwrap();
    let second = camera.take(&work, &as_they_are()).unwrap();
    // Written anew with the same size: the change time tells.
    put(&work, "b", "c");
    let third = camera.take(&work, &as_they_are()).unwrap();
    assert_eq!([first.read, first.reused, second.read, second.reused, third.reused], [2, 0, 0, 2, 1]);
    assert_eq!(third.manifest, snapshot(&work, &store).manifest);
    // Fresh files are read again: their times may hide the next change.
    let limits = Limits { settle: Duration::from_secs(3600), ..limits };
    let mut careful = Camera::new(Store::open(&store).unwrap(), Ignore::new(&[]).unwrap(), limits);
    careful.take(&work, &as_they_are()).unwrap();
    assert_eq!(careful.take(&work, &as_they_are()).unwrap().read, 2);
}

#[test]
fn secrets_do_not_reach_the_store() {
    let folder = tempdir().unwrap();
    let (work, store, out) = (folder.path().join("work"), folder.path().join("store"), folder.path().join("out"));
    put(&work, ".env", "KEY=hunter2hunter2\n");
    let hide = Redactor::new(&[("KEY".to_owned(), "hunter2hunter2".to_owned())]).unwrap();
    let taken = camera(&store).take(&work, &hide).unwrap().manifest;
    let Some(Entry::File { hash, stored, .. }) = taken.entries.get(".env") else { panic!("a file") };
    assert_ne!(hash, stored);
    let kept = Store::open(&store).unwrap();
    assert_eq!(kept.read(stored.as_ref().unwrap()).unwrap(), b"KEY=[KEY]\n");
    lay_out(&taken, Sources { store: &kept, live: &work }, &out).unwrap();
    assert_eq!(fs::read_to_string(out.join(".env")).unwrap(), "KEY=hunter2hunter2\n");
    put(&work, ".env", "changed\n");
    let late = folder.path().join("late");
    let notes = lay_out(&taken, Sources { store: &kept, live: &work }, &late).unwrap();
    assert_eq!(notes.lines(), ["`.env` is here without the secrets it held"]);
}

#[test]
fn what_is_too_large_is_known_by_its_hash() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    put(&work, "big", &"x".repeat(2000));
    put(&work, "small-1", &"a".repeat(600));
    put(&work, "small-2", &"b".repeat(600));
    let limits = Limits { file: 1000, total: 1000, entries: 3, ..Limits::default() };
    let mut camera = Camera::new(Store::open(&store).unwrap(), Ignore::new(&[]).unwrap(), limits);
    let taken = camera.take(&work, &as_they_are()).unwrap().manifest;
    let hash = blake3::hash("x".repeat(2000).as_bytes()).to_hex().to_string();
    assert_eq!(taken.entries["big"], Entry::File { mode: 0o644, size: 2000, hash: Some(hash), stored: None });
    assert_eq!(
        taken.notes,
        [
            "`big` (2000 bytes) is known by its hash alone: it is too large to keep",
            "`small-2` (600 bytes) is known by its hash alone: it is too large to keep",
        ]
    );
    put(&work, "small-3", "c");
    let taken = camera.take(&work, &as_they_are()).unwrap().manifest;
    assert_eq!(taken.notes.last().unwrap(), "1 paths are in no snapshot: the workspace holds too many");
}

#[test]
fn a_manifest_cannot_write_outside() {
    let folder = tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let link = || Entry::Link { target: "/tmp".to_owned() };
    for (name, entries) in [
        ("up", vec![("../up", link())]),
        ("absolute", vec![("/tmp/x", link())]),
        ("through", vec![("l", link()), ("l/x", link())]),
        ("orphan", vec![("a/b", link())]),
    ] {
        let entries = entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect();
        let bad = Manifest { entries, ..Manifest::empty() };
        let sources = Sources { store: &store, live: folder.path() };
        assert_eq!(lay_out(&bad, sources, &folder.path().join(name)).unwrap_err().kind, "manifest");
    }
    assert_eq!([store.read("../../etc/passwd"), store.read("")], [None, None]);
}

#[test]
fn files_are_kept_or_the_sentence_says_which() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    for (path, text) in [("a.pdf", "A"), ("b.pdf", "B"), ("sub/c.pdf", "C"), ("twin.pdf", "A"), ("notes.txt", "n")] {
        put(&work, path, text);
    }
    let before = manifest(&work, &store);
    let look = || {
        let now = manifest(&work, &store);
        let globs = ["**/*.pdf".to_owned()];
        (unchanged(&before, &now, &globs).unwrap(), same_content(&before, &now, &globs).unwrap())
    };
    let mut told = vec![look()];
    fs::create_dir(work.join("sorted")).unwrap();
    fs::rename(work.join("a.pdf"), work.join("sorted/A [1].PDF")).unwrap();
    put(&work, "notes.txt", "not looked at");
    told.push(look());
    fs::remove_file(work.join("twin.pdf")).unwrap();
    told.push(look());
    put(&work, "b.pdf", "B, but altered");
    symlink("../b.pdf", work.join("sub/d.pdf")).unwrap();
    told.push(look());
    insta::assert_debug_snapshot!(told);
    let nothing = unchanged(&before, &before, &["*.toml".to_owned()]).unwrap();
    assert_eq!(nothing, Finding::Kept("nothing matches `*.toml`".to_owned()));
    assert_eq!(unchanged(&before, &before, &["[".to_owned()]).unwrap_err().kind, "glob");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_small_tree_comes_back(files in proptest::collection::btree_map("[a-c]{1,2}(/[a-c]{1,2}){0,2}", ".{0,20}", 0..12)) {
        let folder = tempdir().unwrap();
        let (work, store, out) = (folder.path().join("work"), folder.path().join("store"), folder.path().join("out"));
        fs::create_dir(&work).unwrap();
        for (path, text) in &files {
            if fs::create_dir_all(work.join(path).parent().unwrap()).is_ok() {
                let _ = fs::write(work.join(path), text);
            }
        }
        let first = manifest(&work, &store);
        let kept = Store::open(&store).unwrap();
        lay_out(&first, Sources { store: &kept, live: &out }, &out).unwrap();
        prop_assert_eq!(manifest(&out, &store), first);
    }
}
