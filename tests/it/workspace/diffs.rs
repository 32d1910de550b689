//! Diffs of snapshots: what they say, and that `git apply` makes of the old folder the new one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use evalrun::workspace::{Entry, Lines, Manifest, Store, diff};
use proptest::prelude::*;
use tempfile::tempdir;

use super::{manifest, mode, odd_name, patch, put};

/// Applies a patch to a folder that is no repository.
fn apply(patch: &str, folder: &Path) {
    if patch.is_empty() {
        return;
    }
    let mut git = Command::new("git");
    git.args(["apply", "--whitespace=nowarn", "--unsafe-paths", "-"])
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap());
    let mut git = git.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut git.stdin.take().unwrap(), patch.as_bytes()).unwrap();
    let out = git.wait_with_output().unwrap();
    assert!(out.status.success(), "{}\n{patch}", String::from_utf8_lossy(&out.stderr));
}

/// Files and links only, with the bits that git knows.
fn as_git_sees(manifest: &Manifest) -> BTreeMap<String, (Option<String>, bool)> {
    let shown = manifest.entries.iter().filter_map(|(path, entry)| match entry {
        Entry::File { mode, hash, .. } => Some((path.clone(), (hash.clone(), mode & 0o100 != 0))),
        Entry::Link { target } => Some((path.clone(), (Some(target.clone()), false))),
        Entry::Dir { .. } => None,
    });
    shown.collect()
}

#[test]
fn every_kind_of_change_is_said() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    put(&work, "changed.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
    put(&work, "gone.txt", "bye\n");
    put(&work, "dir/moved from.pdf", "%PDF content\n");
    put(&work, "run.sh", "echo\n");
    put(&work, "secret", "s\n");
    put(&work, "two\nlines<script>", "x\n");
    put(&work, "becomes a link", "text");
    fs::write(work.join("data.bin"), b"\x00\x01").unwrap();
    fs::write(work.join(odd_name()), "odd\n").unwrap();
    fs::create_dir(work.join("hollow")).unwrap();
    let old = manifest(&work, &store);
    put(&work, "changed.txt", "one\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine\r\nten");
    fs::remove_file(work.join("gone.txt")).unwrap();
    fs::remove_dir(work.join("hollow")).unwrap();
    fs::create_dir(work.join("other")).unwrap();
    fs::rename(work.join("dir/moved from.pdf"), work.join("other/moved to.pdf")).unwrap();
    mode(&work, "run.sh", 0o755);
    mode(&work, "secret", 0o600);
    put(&work, "two\nlines<script>", "y\n");
    fs::remove_file(work.join("becomes a link")).unwrap();
    symlink("run.sh", work.join("becomes a link")).unwrap();
    fs::write(work.join("data.bin"), b"\x00\x02").unwrap();
    fs::write(work.join(odd_name()), "odder\n").unwrap();
    put(&work, "new/empty", "");
    put(&work, "new/a\u{202e}b", "turned\n");
    let new = manifest(&work, &store);
    let told = diff(&old, &new, &Store::open(&store).unwrap());
    insta::assert_snapshot!("patch_of_every_kind", told.patch);
    insta::assert_yaml_snapshot!("changes_of_every_kind", told.path_changes());
    let modes: Vec<_> = told.changes.iter().filter_map(|change| Some((change.path.as_str(), change.mode?))).collect();
    assert_eq!(modes, [("run.sh", (0o644, 0o755)), ("secret", (0o644, 0o600))]);
}

#[test]
fn what_was_not_kept_is_said_and_a_long_patch_ends() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    put(&work, "big.txt", &"line\n".repeat(600_000));
    let old = Manifest::empty();
    let new = manifest(&work, &store);
    let told = diff(&old, &new, &Store::open(&store).unwrap());
    assert_eq!(told.changes[0].lines, Lines::Uncounted);
    assert!(told.patch.ends_with("Files big.txt differ; the content was not kept\n"), "{}", told.patch);
    for number in 0..6 {
        put(&work, &format!("long-{number}"), &format!("{number}\n").repeat(500_000));
    }
    let told = diff(&new, &manifest(&work, &store), &Store::open(&store).unwrap());
    assert_eq!(
        (told.changes.len(), told.patch.lines().last().unwrap()),
        (6, "[4 more changes are not shown: the patch is too long]")
    );
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[ab]?", "\\PC{0,4}", Just("\r".to_owned())], 0..12)
        .prop_flat_map(|lines| (Just(lines), any::<bool>()))
        .prop_map(|(lines, ends)| lines.join("\n") + if ends { "\n" } else { "" })
}

fn tree() -> impl Strategy<Value = BTreeMap<String, (String, bool)>> {
    proptest::collection::btree_map("(d/|e f/)?[ab\"<é\n\t\\\\ ]{1,3}z", (text(), any::<bool>()), 0..6)
}

fn plant(root: &Path, files: &BTreeMap<String, (String, bool)>) {
    let _ = fs::remove_dir_all(root);
    fs::create_dir(root).unwrap();
    for (path, (text, program)) in files {
        put(root, path, text);
        mode(root, path, if *program { 0o755 } else { 0o644 });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn git_apply_makes_the_new_folder_of_the_old_one(before in tree(), after in tree(), keep in any::<bool>()) {
        let folder = tempdir().unwrap();
        let (old, new, store) = (folder.path().join("old"), folder.path().join("new"), folder.path().join("store"));
        plant(&old, &before);
        let mut after = after;
        if keep {
            after.extend(before.into_iter().skip(1));
        }
        plant(&new, &after);
        let (was, is) = (manifest(&old, &store), manifest(&new, &store));
        let told = patch(&was, &is, &store);
        apply(&told, &old);
        prop_assert_eq!(as_git_sees(&manifest(&old, &store)), as_git_sees(&is), "{}", told);
    }
}

#[test]
fn large_files_made_to_be_hard_are_compared_in_bounded_time() {
    let folder = tempdir().unwrap();
    let (work, store) = (folder.path().join("work"), folder.path().join("store"));
    let mut state = 1_u64;
    let mut noise = || {
        let mut line = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{}\n", (state >> 33) % 10)
        };
        (0..300_000).map(|_| line()).collect::<String>()
    };
    put(&work, "a", &noise());
    let old = manifest(&work, &store);
    put(&work, "a", &noise());
    let told = diff(&old, &manifest(&work, &store), &Store::open(&store).unwrap());
    // Every line counts as replaced: nothing to hold on to was found, and nothing was searched for long.
    assert_eq!(told.changes[0].lines, Lines::Counted { added: 300_000, removed: 300_000 });
}
