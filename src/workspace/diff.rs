//! The difference of two snapshots: one change per path, and a unified patch that `git apply` takes.
//!
//! Contents that are not text are said to be binary, files with equal content at a new place are renames, and a patch that
//! would be too long ends with a line that counts what it leaves out. Names that would break a line or hide themselves on a
//! screen are quoted as git quotes them: `"a/two\nlines"`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt;

use super::content::Contents;
use super::manifest::{Entry, Manifest};
use super::names::path_of;
use super::patch::{self, Side, quoted};
use crate::model::trace::{Change, PathChange};

/// Bytes of a patch.
pub const PATCH_BYTES: usize = 4 << 20;
/// Above this a file is not compared line by line.
const FILE_BYTES: u64 = 2 << 20;

/// What happened to one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathDiff {
    pub path: String,
    pub kind: DiffKind,
    pub old_hash: Option<String>,
    pub new_hash: Option<String>,
    /// Before and after, where they differ.
    pub mode: Option<(u32, u32)>,
    pub lines: Lines,
}

/// How a path differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffKind {
    Added,
    Modified,
    Deleted,
    /// The same content stood at another path before.
    Renamed {
        from: String,
    },
    /// Only the permissions changed.
    Mode,
}

/// Lines that came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    Counted {
        added: u32,
        removed: u32,
    },
    Binary,
    /// The content was not kept, or is too large to compare line by line.
    Uncounted,
}

/// All changes in the order of paths, and the patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    pub changes: Vec<PathDiff>,
    pub patch: String,
}

impl Diff {
    /// The changes as the trace holds them; a change of permissions is a modification.
    pub fn path_changes(&self) -> Vec<PathChange> {
        self.changes.iter().map(PathDiff::in_trace).collect()
    }
}

impl PathDiff {
    fn in_trace(&self) -> PathChange {
        let (change, was) = match &self.kind {
            DiffKind::Added => (Change::Added, None),
            DiffKind::Modified | DiffKind::Mode => (Change::Modified, None),
            DiffKind::Deleted => (Change::Deleted, None),
            DiffKind::Renamed { from } => (Change::Renamed, Some(from.clone())),
        };
        let (added, removed, binary) = match self.lines {
            Lines::Counted { added, removed } => (added, removed, false),
            Lines::Binary => (0, 0, true),
            Lines::Uncounted => (0, 0, false),
        };
        PathChange { path: self.path.clone(), change, was, added, removed, binary }
    }
}

/// Compares two snapshots; `contents` gives the bytes by the name in an entry's `stored`.
pub fn diff(old: &Manifest, new: &Manifest, contents: &dyn Contents) -> Diff {
    let renames = renames(old, new);
    let moved: Vec<&str> = renames.values().copied().collect();
    let mut paths: Vec<&String> = old.entries.keys().chain(new.entries.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut writer = Writer { contents, patch: String::new(), hidden: 0 };
    let mut changes = Vec::new();
    for path in paths {
        let (was, is) = (old.entries.get(path), new.entries.get(path));
        let change = match (was, is) {
            (None, Some(entry)) => match renames.get(path.as_str()) {
                Some(from) => old.entries.get(*from).map(|was| writer.renamed(from, path, (was, entry))),
                None => shows(new, path, entry).then(|| writer.changed(path, DiffKind::Added, (None, Some(entry)))),
            },
            (Some(_), None) if moved.binary_search(&path.as_str()).is_ok() => None,
            (Some(entry), None) => {
                shows(old, path, entry).then(|| writer.changed(path, DiffKind::Deleted, (Some(entry), None)))
            }
            (Some(was), Some(is)) if was == is => None,
            (Some(was), Some(is)) if was.same_content(is) && was.mode() == is.mode() => None,
            (Some(was), Some(is)) if was.same_content(is) => {
                Some(writer.changed(path, DiffKind::Mode, (Some(was), Some(is))))
            }
            (Some(was), Some(is)) => Some(writer.changed(path, DiffKind::Modified, (Some(was), Some(is)))),
            (None, None) => None,
        };
        changes.extend(change);
    }
    Diff { changes, patch: writer.finish() }
}

/// New path -> old path of files that moved: equal content, the old path gone, the new one new; in the order of paths.
fn renames<'a>(old: &'a Manifest, new: &'a Manifest) -> BTreeMap<&'a str, &'a str> {
    let mut gone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, hash) in old.files().filter(|(path, _)| !new.entries.contains_key(*path)) {
        if let (Some(hash), Some(Entry::File { size: 1.., .. })) = (hash, old.entries.get(path)) {
            gone.entry(hash).or_default().push(path);
        }
    }
    gone.values_mut().for_each(|paths| paths.reverse());
    let came = new.files().filter(|(path, _)| !old.entries.contains_key(*path));
    came.filter_map(|(path, hash)| Some((path, gone.get_mut(hash?)?.pop()?))).collect()
}

/// A folder is worth a line only if it is empty: otherwise its files say it.
fn shows(manifest: &Manifest, path: &str, entry: &Entry) -> bool {
    let below = format!("{path}/");
    !entry.is_dir() || manifest.entries.range(below.clone()..).next().is_none_or(|(next, _)| !next.starts_with(&below))
}

type Pair<'a> = (Option<&'a Entry>, Option<&'a Entry>);

/// What stands for an entry in a patch.
enum Body<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Binary,
    Unkept,
}

struct Writer<'a> {
    contents: &'a dyn Contents,
    patch: String,
    hidden: u64,
}

impl Writer<'_> {
    fn changed(&mut self, path: &str, kind: DiffKind, pair: Pair<'_>) -> PathDiff {
        let retyped =
            matches!(pair, (Some(old), Some(new)) if std::mem::discriminant(old) != std::mem::discriminant(new));
        let lines = if retyped {
            let gone = self.section(path, (pair.0, None));
            sum(gone, self.section(path, (None, pair.1)))
        } else {
            self.section(path, pair)
        };
        PathDiff {
            path: path.to_owned(),
            kind,
            old_hash: hash(pair.0),
            new_hash: hash(pair.1),
            mode: modes(pair),
            lines,
        }
    }

    fn renamed(&mut self, from: &str, to: &str, (was, is): (&Entry, &Entry)) -> PathDiff {
        let pair = (Some(was), Some(is));
        let mut text = patch::heading(from, to);
        text += &patch::mode_lines(side(was), side(is));
        text += &format!("similarity index 100%\nrename from {}\nrename to {}\n", quoted("", from), quoted("", to));
        self.push(&text);
        let kind = DiffKind::Renamed { from: from.to_owned() };
        let lines = Lines::Counted { added: 0, removed: 0 };
        PathDiff { path: to.to_owned(), kind, old_hash: hash(pair.0), new_hash: hash(pair.1), mode: modes(pair), lines }
    }

    /// Writes the part of the patch that turns the one entry into the other.
    fn section(&mut self, path: &str, pair: Pair<'_>) -> Lines {
        if pair.0.or(pair.1).is_some_and(Entry::is_dir) {
            return Lines::Counted { added: 0, removed: 0 };
        }
        let sides = (pair.0.map_or(Side::Absent, side), pair.1.map_or(Side::Absent, side));
        let heading = patch::heading(path, path);
        let mut text = heading.clone() + &patch::mode_lines(sides.0, sides.1);
        let lines = match (self.body(pair.0), self.body(pair.1)) {
            (Body::Unkept, _) | (_, Body::Unkept) => {
                text += &format!("Files {} differ; the content was not kept\n", quoted("", path));
                Lines::Uncounted
            }
            (Body::Binary, _) | (_, Body::Binary) => {
                text += &format!("Binary files {} and {} differ\n", sides.0.name("a/", path), sides.1.name("b/", path));
                Lines::Binary
            }
            (old, new) => {
                let hunks = patch::hunks(old.text(), new.text());
                if !hunks.text.is_empty() {
                    text += &format!("--- {}\n+++ {}\n", sides.0.name("a/", path), sides.1.name("b/", path));
                    text += &hunks.text;
                }
                Lines::Counted { added: hunks.added, removed: hunks.removed }
            }
        };
        if text == heading {
            text = format!("# {} differs, but not in what a patch can say{}\n", quoted("", path), mode_words(pair));
        }
        self.push(&text);
        lines
    }

    fn body(&self, entry: Option<&Entry>) -> Body<'_> {
        match entry {
            None | Some(Entry::Dir { .. }) => Body::Nothing,
            Some(Entry::Link { target }) => {
                text(Cow::Owned(path_of(target).into_os_string().into_vec())).map_or(Body::Binary, Body::Text)
            }
            Some(Entry::File { size, .. }) if *size > FILE_BYTES => Body::Unkept,
            Some(Entry::File { stored, .. }) => match stored.as_ref().and_then(|name| self.contents.bytes(name)) {
                None => Body::Unkept,
                Some(bytes) => match text(bytes) {
                    Some(text) => Body::Text(text),
                    None => Body::Binary,
                },
            },
        }
    }

    fn push(&mut self, section: &str) {
        if self.hidden > 0 || self.patch.len() + section.len() > PATCH_BYTES {
            self.hidden += 1;
        } else {
            self.patch.push_str(section);
        }
    }

    fn finish(mut self) -> String {
        if self.hidden > 0 {
            self.patch += &format!("[{} more changes are not shown: the patch is too long]\n", self.hidden);
        }
        self.patch
    }
}

impl Body<'_> {
    fn text(&self) -> &str {
        match self {
            Body::Text(text) => text,
            Body::Nothing | Body::Binary | Body::Unkept => "",
        }
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    if bytes.contains(&0) {
        return None;
    }
    match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

fn side(entry: &Entry) -> Side {
    match entry {
        Entry::File { mode, .. } if mode & 0o100 != 0 => Side::Program,
        Entry::File { .. } => Side::File,
        Entry::Link { .. } => Side::Link,
        Entry::Dir { .. } => Side::Absent,
    }
}

fn hash(entry: Option<&Entry>) -> Option<String> {
    match entry? {
        Entry::File { hash, .. } => hash.clone(),
        Entry::Link { .. } | Entry::Dir { .. } => None,
    }
}

fn modes((old, new): Pair<'_>) -> Option<(u32, u32)> {
    let modes = (old?.mode()?, new?.mode()?);
    (modes.0 != modes.1).then_some(modes)
}

fn mode_words(pair: Pair<'_>) -> String {
    modes(pair).map(|(old, new)| format!(": mode {old:o}, now {new:o}")).unwrap_or_default()
}

fn sum(left: Lines, right: Lines) -> Lines {
    match (left, right) {
        (Lines::Counted { added, removed }, Lines::Counted { added: more, removed: less }) => {
            Lines::Counted { added: added.saturating_add(more), removed: removed.saturating_add(less) }
        }
        (Lines::Uncounted, _) | (_, Lines::Uncounted) => Lines::Uncounted,
        (Lines::Binary, _) | (_, Lines::Binary) => Lines::Binary,
    }
}
