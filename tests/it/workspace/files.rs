//! Copies.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;

use evalrun::workspace::{Onto, copy_tree, remove};
use tempfile::tempdir;

use super::{hostile, manifest, mode, odd_name, put};

#[test]
fn a_copy_is_the_folder_it_came_from() {
    let folder = tempdir().unwrap();
    let (from, to, store) = (folder.path().join("from"), folder.path().join("to"), folder.path().join("store"));
    fs::create_dir(&from).unwrap();
    hostile(&from);
    let copied = copy_tree(&from, &to, Onto::Nothing).unwrap();
    assert_eq!(manifest(&from, &store), manifest(&to, &store));
    assert_eq!(fs::read_link(to.join("out")).unwrap().to_str(), Some("/etc"));
    assert_eq!(fs::read(to.join(odd_name())).unwrap(), b"\xff\x00\xfe");
    assert!(to.join("vendor/lib/.git/HEAD").is_file());
    let times = |path: &std::path::Path| path.metadata().unwrap().mtime_nsec();
    assert_eq!(times(&from.join("plain.txt")), times(&to.join("plain.txt")));
    assert_eq!(
        (copied.files, copied.notes.lines()),
        (9, vec!["the link `out` leads out of the workspace, to `/etc`; it is copied as a link".to_owned()])
    );
}

#[test]
fn sockets_and_pipes_are_named_and_left() {
    let folder = tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    put(&from, "a", "a");
    let _socket = UnixListener::bind(from.join("talk")).unwrap();
    nix::unistd::mkfifo(&from.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let copied = copy_tree(&from, &to, Onto::Nothing).unwrap();
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!((copied.files, names), (1, vec!["a".into()]));
    assert_eq!(copied.notes.lines(), ["`pipe` is a pipe and is not copied", "`talk` is a socket and is not copied"]);
}

#[test]
fn a_copy_into_its_own_source_is_refused() {
    let folder = tempdir().unwrap();
    put(folder.path(), "in/a", "a");
    let fault = copy_tree(folder.path(), &folder.path().join("in/copy"), Onto::Nothing).unwrap_err();
    assert_eq!(fault.kind, "nested");
    assert!(!folder.path().join("in/copy").exists());
}

#[test]
fn laying_over_never_writes_through_a_link() {
    let folder = tempdir().unwrap();
    let (hidden, work, outside) = (folder.path().join("hidden"), folder.path().join("work"), folder.path().join("out"));
    put(&hidden, "h/test.py", "the hidden test\n");
    put(&hidden, "conf", "hidden\n");
    put(&outside, "test.py", "somebody else's\n");
    put(&work, "conf/was", "a folder where a file goes\n");
    put(&work, "stays", "mine\n");
    std::os::unix::fs::symlink(&outside, work.join("h")).unwrap();
    copy_tree(&hidden, &work, Onto::Existing).unwrap();
    assert_eq!(fs::read_to_string(outside.join("test.py")).unwrap(), "somebody else's\n");
    let read = |path: &str| fs::read_to_string(work.join(path)).unwrap();
    assert_eq!([read("h/test.py"), read("conf"), read("stays")], ["the hidden test\n", "hidden\n", "mine\n"]);
}

#[test]
fn what_an_agent_locked_is_removed_all_the_same() {
    let folder = tempdir().unwrap();
    let work = folder.path().join("work");
    put(&work, "a/b/c", "x");
    mode(&work, "a/b", 0o000);
    mode(&work, "a", 0o500);
    remove(&work).unwrap();
    remove(&work).unwrap();
    assert!(!work.exists());
}
