//! Recorded sessions on disk: which files belong together, and their bytes.
//!
//! `evalrun grade` and `evalrun import` are given files and folders. A folder is walked, links are not followed. A Codex rollout and
//! those of its sub-agents are one bundle, a Claude Code session and its `<session>/subagents/` too; every other file is its own.

use super::create::fault;
use crate::model::{
    fault::{Boundary, Fault},
    import::{Member, Source},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// A larger file is refused by name.
pub const LARGEST_FILE: u64 = 4 << 30;

/// Files taken from folders at most; beyond it the walk stops and says so.
pub const MOST_FILES: usize = 100_000;

/// Bytes of a first line that are read to see which session a file belongs to.
const LONGEST_HEAD: u64 = 1 << 20;

/// A file that is read at any place.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn open(path: &Path) -> Result<FileSource, Fault> {
        let file = File::open(path).map_err(|error| fault("open", path, &error))?;
        let len = file.metadata().map_err(|error| fault("read", path, &error))?.len();
        if len > LARGEST_FILE {
            let message = format!("{} has {len} bytes, more than the {LARGEST_FILE} that are read", path.display());
            return Err(Fault::new(Boundary::Store, "size", message));
        }
        Ok(FileSource { file, len })
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.file.read_at(&mut into[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Files that hold one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The session's own file first.
    pub files: Vec<PathBuf>,
}

/// A bundle whose files are open.
#[derive(Debug)]
pub struct OpenBundle {
    files: Vec<(String, FileSource)>,
}

/// What was found under the paths given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundles {
    pub bundles: Vec<Bundle>,
    /// What was not taken, and why.
    pub refused: Vec<(PathBuf, String)>,
}

impl Bundle {
    /// # Errors
    /// When a file is gone, cannot be read, or is too large.
    pub fn open(&self) -> Result<OpenBundle, Fault> {
        let open = |path: &PathBuf| Ok((path.display().to_string(), FileSource::open(path)?));
        Ok(OpenBundle { files: self.files.iter().map(open).collect::<Result<_, Fault>>()? })
    }
}

impl OpenBundle {
    pub fn members(&self) -> Vec<Member<'_>> {
        self.files.iter().map(|(name, source)| Member { name, source }).collect()
    }
}

/// Finds the sessions under files and folders; the same paths give the same bundles in the same order.
pub fn bundles(paths: &[PathBuf]) -> Bundles {
    let mut found = Bundles::default();
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(path, &mut files, &mut found.refused),
            Ok(meta) if meta.is_file() => files.push(path.clone()),
            Ok(_) => found.refused.push((path.clone(), "is neither a file nor a folder".to_owned())),
            Err(error) => found.refused.push((path.clone(), error.to_string())),
        }
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    found.bundles = grouped(&files);
    found
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>, refused: &mut Vec<(PathBuf, String)>) {
    let inside = |entry: &walkdir::DirEntry| entry.depth() == 0 || entry.file_name() != ".git";
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(inside) {
        match entry {
            Ok(_) if files.len() >= MOST_FILES => {
                return refused.push((folder.to_owned(), format!("holds more than {MOST_FILES} files")));
            }
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => refused.push((error.path().unwrap_or(folder).to_owned(), error.to_string())),
        }
    }
}

/// What a file's first line says of the session it belongs to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ties {
    own: Option<String>,
    parent: Option<String>,
}

fn grouped(files: &[PathBuf]) -> Vec<Bundle> {
    let ties: Vec<Ties> = files.iter().map(|file| ties(file)).collect();
    let mut own: HashMap<&str, usize> = HashMap::new();
    for (at, tie) in ties.iter().enumerate() {
        if let Some(id) = tie.own.as_deref() {
            own.entry(id).or_insert(at);
        }
    }
    let root = |mut at: usize| {
        // A chain longer than all files is a circle.
        for _ in 0..files.len() {
            match ties[at].parent.as_deref().and_then(|parent| own.get(parent)).filter(|up| **up != at) {
                Some(up) => at = *up,
                None => return at,
            }
        }
        at
    };
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..files.len() {
        let root = root(at);
        let group = groups.entry(root).or_default();
        if at == root { group.insert(0, at) } else { group.push(at) }
    }
    let bundle = |group: Vec<usize>| Bundle { files: group.into_iter().map(|at| files[at].clone()).collect() };
    groups.into_values().map(bundle).collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct FirstLine {
    #[serde(rename = "type")]
    kind: String,
    payload: Option<Meta>,
    #[serde(rename = "sessionId")]
    session: Option<String>,
    thread_id: Option<String>,
    #[serde(rename = "isSidechain")]
    side: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    id: Option<String>,
    parent_thread_id: Option<String>,
}

fn ties(file: &Path) -> Ties {
    let Some(first) = first_line(file) else { return Ties::default() };
    if let Some(meta) = first.payload.filter(|_| first.kind == "session_meta") {
        return Ties {
            own: meta.id.map(|id| format!("codex {id}")),
            parent: meta.parent_thread_id.map(|id| format!("codex {id}")),
        };
    }
    if let Some(thread) = first.thread_id.filter(|_| first.kind == "thread.started") {
        // Each turn of `codex exec` may have been written to a file of its own.
        let folder = file.parent().unwrap_or(Path::new(""));
        let tie = Some(format!("codex exec {} {thread}", folder.display()));
        return Ties { own: tie.clone(), parent: tie };
    }
    let Some(session) = first.session else { return Ties::default() };
    let name = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    // Sub-agents' files stand beside the session's, or in a folder of its name.
    let folder = file.parent().unwrap_or(Path::new(""));
    let place = match folder.file_name().is_some_and(|name| name == "subagents") {
        true => folder.parent().and_then(Path::parent).unwrap_or(Path::new("")),
        false => folder,
    };
    let tie = |session: &str| format!("claude {} {session}", place.display());
    if first.side {
        return Ties { own: None, parent: Some(tie(&session)) };
    }
    Ties { own: name(file).map(|name| tie(&name)), parent: None }
}

fn first_line(file: &Path) -> Option<FirstLine> {
    let mut reader = BufReader::new(File::open(file).ok()?.take(LONGEST_HEAD));
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}
