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

#[test]
fn a_very_deep_folder_is_copied_as_far_as_paths_go_and_removed() {
    let folder = tempdir().unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    // Deeper than a path can be long and than a process may hold files open.
    let status = std::process::Command::new("python3")
        .args(["-c", "import os\nfor n in range(3000):\n  os.mkdir('dddddddd'); os.chdir('dddddddd')"])
        .current_dir(&work)
        .status();
    assert!(status.unwrap().success());
    let taken = manifest(&work, &folder.path().join("store"));
    assert!(taken.entries.len() > 400 && taken.entries.len() < 3000);
    assert!(taken.notes[0].ends_with("could not be read and is left out: File name too long (os error 36)"));
    remove(&work).unwrap();
    assert!(!work.exists());
}

/// The folder of a file system of 1 MiB, in the process that runs inside it.
const SMALL_DISK: &str = "EVALRUN_SMALL_DISK";

#[test]
fn a_full_disk_is_said() {
    let Some(bench) = super::Bench::all().into_iter().find(|bench| bench.walls != super::Walls::None) else { return };
    let disk = bench.path("disk");
    fs::create_dir(&disk).unwrap();
    put(bench.folder.path(), "source/big", &"x".repeat(3 << 20));
    let mut inside = std::process::Command::new("bwrap");
    inside.args(["--dev-bind", "/", "/", "--size", "1048576", "--tmpfs"]).arg(&disk);
    inside.arg(std::env::current_exe().unwrap()).args(["--exact", "workspace::files::on_the_small_disk", "--ignored"]);
    let out = inside.env(SMALL_DISK, &disk).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
#[ignore = "run by a_full_disk_is_said, on a disk of its own"]
fn on_the_small_disk() {
    let Some(disk) = std::env::var_os(SMALL_DISK).map(std::path::PathBuf::from) else { return };
    let source = disk.with_file_name("source");
    let copy = copy_tree(&source, &disk.join("copy"), Onto::Nothing).unwrap_err();
    remove(&disk.join("copy")).unwrap();
    let kept = super::camera(&disk.join("store")).take(&source, &super::as_they_are()).unwrap_err();
    assert_eq!([copy.kind, kept.kind], ["full_disk", "full_disk"]);
    let left = fs::read_dir(disk.join("store")).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file());
    assert_eq!(left.count(), 0);
    assert_eq!(kept.hint.as_deref(), Some("free some space, then `evalrun resume`"));
}
