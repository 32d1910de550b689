//! Repositories: the first commit, and histories that end where the task says.

use std::fs;
use std::path::Path;
use std::process::Command;

use evalrun::workspace::{GitSource, Notes, check_out, first_commit};
use tempfile::tempdir;

use super::{hostile, put};

fn git(folder: &Path, args: &[&str]) -> (bool, String) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Tester", "-c", "user.email=tester@localhost", "-c", "init.defaultBranch=main"]);
    let out = command.args(args).current_dir(folder).output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn done(folder: &Path, args: &[&str]) -> String {
    let (ok, out) = git(folder, args);
    assert!(ok, "git {args:?}");
    out
}

#[test]
fn the_first_commit_is_the_same_everywhere() {
    let folder = tempdir().unwrap();
    let heads: Vec<String> = ["a", "b"]
        .map(|name| {
            let work = folder.path().join(name);
            put(&work, "src/main.py", "print(1)\n");
            put(&work, "run", "#!/bin/sh\n");
            super::mode(&work, "run", 0o755);
            first_commit(&work, &[".venv/".to_owned()], &mut Notes::default()).unwrap();
            put(&work, ".venv/x", "made later\n");
            assert_eq!(done(&work, &["status", "--porcelain"]), "");
            assert_eq!(done(&work, &["log", "--format=%an %ae %aI %cI %s"]).lines().count(), 1);
            done(&work, &["rev-parse", "HEAD"])
        })
        .to_vec();
    assert_eq!(heads, ["f5f291290f629638f04c543edf2e883f28967b9f"; 2]);
}

#[test]
fn a_repository_that_came_with_the_workspace_is_left_alone() {
    let folder = tempdir().unwrap();
    let work = folder.path();
    put(work, "a", "a\n");
    done(work, &["init", "-q"]);
    first_commit(work, &[], &mut Notes::default()).unwrap();
    assert!(!git(work, &["rev-parse", "HEAD"]).0);
}

#[test]
fn hostile_names_and_embedded_repositories_are_committed_around() {
    let folder = tempdir().unwrap();
    let work = folder.path();
    hostile(work);
    put(work, "sub repo/.git/HEAD", "ref: refs/heads/main\n");
    done(&work.join("vendor/lib"), &["init", "-q"]);
    done(&work.join("sub repo"), &["init", "-q"]);
    first_commit(work, &[], &mut Notes::default()).unwrap();
    assert_eq!(done(work, &["status", "--porcelain"]), "");
    assert_eq!(done(work, &["ls-files", "-z", "two*"]), "two\nlines.txt\0");
    assert_eq!(done(work, &["ls-files", "vendor", "sub repo"]), "");
}

#[test]
fn a_revision_comes_without_its_future() {
    let folder = tempdir().unwrap();
    let origin = folder.path().join("origin");
    put(&origin, "src/db.py", "broken\n");
    done(&origin, &["init", "-q"]);
    done(&origin, &["add", "-A"]);
    done(&origin, &["commit", "-qm", "first"]);
    put(&origin, "README", "hello\n");
    done(&origin, &["add", "-A"]);
    done(&origin, &["commit", "-qm", "the bug is here"]);
    let bug = done(&origin, &["rev-parse", "HEAD"]);
    put(&origin, "src/db.py", "fixed\n");
    done(&origin, &["commit", "-qam", "the fix"]);
    let fix = done(&origin, &["rev-parse", "HEAD"]);
    let fixed_blob = done(&origin, &["rev-parse", "HEAD:src/db.py"]);
    done(&origin, &["tag", "v2"]);
    done(&origin, &["checkout", "-q", "-b", "side", &bug]);
    put(&origin, "README", "a side branch\n");
    done(&origin, &["commit", "-qam", "side"]);
    let side = done(&origin, &["rev-parse", "HEAD"]);
    fs::write(origin.join("loose"), "dangling\n").unwrap();
    let dangling = done(&origin, &["hash-object", "-w", "loose"]);
    done(&origin, &["checkout", "-q", "main"]);

    for rev in [bug.as_str(), &bug[..10], "v2~1"] {
        let work = folder.path().join(format!("work-{}", rev.replace('~', "-")));
        let source = GitSource { url: origin.to_str().unwrap().to_owned(), rev: rev.to_owned() };
        assert_eq!(check_out(&source, &work, &[]).unwrap(), bug);
        assert_eq!(fs::read_to_string(work.join("src/db.py")).unwrap(), "broken\n");
        for absent in [&fix, &fixed_blob, &side, &dangling] {
            assert!(!git(&work, &["cat-file", "-e", absent]).0, "{absent} is in the object store");
        }
        assert_eq!(done(&work, &["rev-list", "--all", "--count"]), "2");
        assert_eq!(done(&work, &["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
        assert_eq!([done(&work, &["remote"]), done(&work, &["status", "--porcelain"])], ["", ""]);
        let kept = done(&work, &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
        // Two commits, three folders, two files.
        assert_eq!(kept.lines().count(), 7, "{kept}");
        assert!(!work.join(".git/FETCH_HEAD").exists() && !work.join(".git/logs").exists());
        let config = fs::read_to_string(work.join(".git/config")).unwrap();
        assert!(!config.contains("origin"), "{config}");
    }
}

#[test]
fn a_revision_that_is_not_there_is_said() {
    let folder = tempdir().unwrap();
    let origin = folder.path().join("origin");
    put(&origin, "a", "a\n");
    done(&origin, &["init", "-q"]);
    let source = |rev: &str| GitSource { url: origin.to_str().unwrap().to_owned(), rev: rev.to_owned() };
    let kinds = ["nope", "--upload-pack=touch x", ""].map(|rev| {
        let fault = check_out(&source(rev), &folder.path().join("work"), &[]).unwrap_err();
        (fault.kind, fault.message.replace(folder.path().to_str().unwrap(), "DIR"))
    });
    insta::assert_debug_snapshot!(kinds);
}

/// The folder to work in, in the process that finds no git.
const NO_GIT: &str = "EVALRUN_NO_GIT";

#[test]
fn without_git_there_is_no_repository_and_that_is_said() {
    let folder = tempdir().unwrap();
    put(folder.path(), "work/a", "a\n");
    let mut inside = Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "workspace::history::where_no_git_is_found", "--ignored"]);
    let out = inside.env("PATH", "/nonexistent").env(NO_GIT, folder.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
#[ignore = "run by without_git_there_is_no_repository_and_that_is_said, where git is not found"]
fn where_no_git_is_found() {
    let Some(folder) = std::env::var_os(NO_GIT).map(std::path::PathBuf::from) else { return };
    let mut notes = Notes::default();
    first_commit(&folder.join("work"), &[], &mut notes).unwrap();
    assert_eq!(notes.lines(), ["git is not installed here, so the workspace has no repository"]);
    let source = GitSource { url: folder.join("work").to_str().unwrap().to_owned(), rev: "main".to_owned() };
    let fault = check_out(&source, &folder.join("new"), &[]).unwrap_err();
    assert_eq!(fault.hint.as_deref(), Some("install git and run again"));
}
