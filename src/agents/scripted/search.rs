//! A search as an agent's search tool does it: every text file, in order of its name, what `.gitignore` names left out.

use super::{
    files::{inside, is_text},
    tools::Done,
};
use crate::{agents::cut::head, model::trace::ResultStatus, process::Cancel};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{Regex, RegexBuilder};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

const MOST_MATCHES: usize = 200;
const LONGEST_MATCH: usize = 400;
const LARGEST_FILE: u64 = 1 << 20;
const MOST_IGNORED: usize = 1_000;

/// `path:line:text` for every line that matches.
pub(super) fn search(root: &Path, (pattern, path): (&str, &str), stop: &Cancel) -> Result<Done, String> {
    let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|bad| format!("bad pattern: {bad}"))?;
    let start = inside(root, path)?;
    if !start.exists() {
        return Err(format!("{path}: no such file or folder"));
    }
    let root = root.canonicalize().map_err(|error| error.to_string())?;
    let mut found = Found::default();
    for file in files(&root, &start) {
        if stop.is_cancelled() {
            return Ok(Done::said(ResultStatus::Cancelled, found.text()));
        }
        if let Some(text) = text_of(&file) {
            found.look(&regex, &shown(&root, &file), &text);
        }
    }
    Ok(Done::said(ResultStatus::Ok, found.text()))
}

#[derive(Default)]
struct Found {
    lines: Vec<String>,
    more: usize,
}

impl Found {
    fn look(&mut self, regex: &Regex, path: &str, text: &str) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| regex.is_match(line)) {
            if self.lines.len() == MOST_MATCHES {
                self.more += 1;
                continue;
            }
            self.lines.push(format!("{path}:{}:{}\n", at + 1, head(line, LONGEST_MATCH)));
        }
    }

    fn text(&self) -> String {
        match (self.lines.is_empty(), self.more) {
            (true, _) => "no matches\n".to_owned(),
            (false, 0) => self.lines.concat(),
            (false, more) => format!("{}[{more} more matches]\n", self.lines.concat()),
        }
    }
}

fn files(root: &Path, start: &Path) -> impl Iterator<Item = PathBuf> {
    let ignored = ignored(root);
    let root = root.to_owned();
    let walk = WalkDir::new(start).sort_by_file_name().into_iter().filter_entry(move |entry| {
        let relative = entry.path().strip_prefix(&root).unwrap_or(entry.path());
        entry.depth() == 0 || (entry.file_name() != ".git" && !ignored.is_match(relative))
    });
    // What cannot be entered cannot be searched; a search tool says nothing about it either.
    walk.flatten().filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

/// The patterns of the workspace's own `.gitignore` that ignore; those that take back (`!`) are left out.
fn ignored(root: &Path) -> GlobSet {
    let text = inside(root, ".gitignore").ok().and_then(|path| text_of(&path)).unwrap_or_default();
    let mut set = GlobSetBuilder::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    for line in lines.take(MOST_IGNORED) {
        let glob = match line.trim_end_matches('/') {
            name if name.contains('/') => name.trim_start_matches('/').to_owned(),
            name => format!("**/{name}"),
        };
        if let Ok(glob) = GlobBuilder::new(&glob).literal_separator(true).build() {
            set.add(glob);
        }
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

fn text_of(path: &Path) -> Option<String> {
    let found = path.metadata().ok()?;
    if !found.is_file() || found.len() > LARGEST_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LARGEST_FILE).read_to_end(&mut bytes).ok()?;
    is_text(&bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
