//! The two checks that need no program: `unchanged` (these files are as they were) and `same_content` (no file was lost or
//! altered, wherever it moved). Both look at two manifests and say which file it is.

use std::collections::BTreeMap;

use super::ignore::globs;
use super::manifest::{Entry, Manifest};
use super::names::path_of;
use crate::model::fault::Fault;

/// How many files a sentence names.
const NAMED: usize = 5;

/// What a check on manifests found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Kept(String),
    Broke(String),
    /// A file could not be read, so nobody can tell.
    Unreadable(String),
}

/// Passes if every path that matches is there before and after with the same content and mode.
pub fn unchanged(before: &Manifest, now: &Manifest, patterns: &[String]) -> Result<Finding, Fault> {
    let set = globs(patterns.iter().cloned())?;
    let matches = |name: &&String| set.is_match(path_of(name));
    let mut paths: Vec<&String> = before.entries.keys().chain(now.entries.keys()).filter(matches).collect();
    paths.sort();
    paths.dedup();
    let mut wrong = Vec::new();
    let mut unread = Vec::new();
    for path in &paths {
        match compare(before.entries.get(*path), now.entries.get(*path)) {
            Same::Yes => {}
            Same::No(what) => wrong.push(format!("`{path}` was {what}")),
            Same::Unknown => unread.push(format!("`{path}` could not be read")),
        }
    }
    let sentence = match paths.len() {
        0 => format!("nothing matches {}", quoted(patterns)),
        1 => "1 path is unchanged".to_owned(),
        many => format!("{many} paths are unchanged"),
    };
    Ok(finding(&wrong, &unread, sentence))
}

/// Passes if the content of every file that matched before is still somewhere, as often as it was.
pub fn same_content(before: &Manifest, now: &Manifest, patterns: &[String]) -> Result<Finding, Fault> {
    let set = globs(patterns.iter().cloned())?;
    let mut left: BTreeMap<&str, u64> = BTreeMap::new();
    for hash in now.files().filter_map(|(_, hash)| hash) {
        *left.entry(hash).or_default() += 1;
    }
    let blind = now.files().any(|(_, hash)| hash.is_none());
    let mut unread = Vec::new();
    let mut files = 0_u64;
    // Files that stayed where they were are counted first, so that of two equal files the one that is gone is named.
    let mut moved = Vec::new();
    for (path, hash) in before.files().filter(|(path, _)| set.is_match(path_of(path))) {
        files += 1;
        let there = now.entries.get(path).zip(before.entries.get(path)).is_some_and(|(new, old)| old.same_content(new));
        match hash {
            None => unread.push(format!("`{path}` could not be read")),
            Some(hash) if there => drop(take_one(&mut left, hash)),
            Some(hash) => moved.push((path, hash)),
        }
    }
    let mut wrong = Vec::new();
    let missing = moved.into_iter().filter(|(_, hash)| !take_one(&mut left, hash)).collect::<Vec<_>>();
    for (path, _) in missing {
        match now.entries.get(path) {
            _ if blind => unread.push(format!("`{path}` is not found, and some files could not be read")),
            Some(Entry::File { .. }) => wrong.push(format!("`{path}` was altered")),
            Some(Entry::Link { .. } | Entry::Dir { .. }) | None => {
                wrong.push(format!("the content of `{path}` is lost"))
            }
        }
    }
    let sentence = match files {
        0 => format!("no file matched {}", quoted(patterns)),
        1 => "the content of 1 file is still there".to_owned(),
        many => format!("the content of {many} files is still there"),
    };
    Ok(finding(&wrong, &unread, sentence))
}

fn take_one(left: &mut BTreeMap<&str, u64>, hash: &str) -> bool {
    match left.get_mut(hash) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        Some(_) | None => false,
    }
}

enum Same {
    Yes,
    No(&'static str),
    Unknown,
}

fn compare(before: Option<&Entry>, now: Option<&Entry>) -> Same {
    match (before, now) {
        (None, None) => Same::Yes,
        (None, Some(_)) => Same::No("added"),
        (Some(_), None) => Same::No("deleted"),
        (Some(Entry::File { hash: None, .. }), Some(Entry::File { .. }))
        | (Some(Entry::File { .. }), Some(Entry::File { hash: None, .. })) => Same::Unknown,
        (Some(old), Some(new)) if !old.same_content(new) => Same::No("changed"),
        (Some(old), Some(new)) if old.mode() != new.mode() => Same::No("given another mode"),
        (Some(_), Some(_)) => Same::Yes,
    }
}

fn finding(wrong: &[String], unread: &[String], kept: String) -> Finding {
    if !wrong.is_empty() {
        Finding::Broke(listed(wrong))
    } else if unread.is_empty() {
        Finding::Kept(kept)
    } else {
        Finding::Unreadable(listed(unread))
    }
}

fn listed(sentences: &[String]) -> String {
    let shown = sentences.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    match sentences.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

fn quoted(patterns: &[String]) -> String {
    patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(" or ")
}
