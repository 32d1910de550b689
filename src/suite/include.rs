//! `include`: several files become one tree.
//!
//! Maps are merged field by field, `tasks` one after the other; any other key that stands in two files is a mistake
//! that names both places. A file that is reached by two ways counts once; one that includes itself is a mistake.

use super::{
    build::brief_path,
    files,
    finding::{Code, Notes},
    node::{Entry, Kind, Node, Span, brief},
    parse::parse,
};
use std::path::{Path, PathBuf};

/// Files that may be included, all together.
const MAX_FILES: usize = 100;

/// The tree of a suite and of all it includes.
pub fn read(path: &Path, notes: &mut Notes) -> Option<Node> {
    let mut reader = Reader { notes, done: Vec::new(), open: Vec::new() };
    reader.file(path, None)
}

struct Reader<'a> {
    notes: &'a mut Notes,
    /// Files read already, by their real paths.
    done: Vec<PathBuf>,
    /// From the suite down to the file that is being read.
    open: Vec<(PathBuf, String)>,
}

impl Reader<'_> {
    /// `from`: the place that includes it.
    fn file(&mut self, path: &Path, from: Option<Span>) -> Option<Node> {
        let real = files::absolute(path);
        let name = brief_path(path);
        if let (true, Some(span)) = (self.open.iter().any(|(open, _)| *open == real), from) {
            let what = format!("`{name}` includes itself, by way of {}", self.way());
            self.notes.error(Code::Cycle.at(span), what, "take one of the includes out");
            return None;
        }
        if self.done.contains(&real) {
            return None;
        }
        if self.done.len() >= MAX_FILES {
            let what = format!("over the limit of {MAX_FILES} included files");
            self.notes.error(Code::Limit.at(from.unwrap_or_default()), what, "put many cases into `rows`");
            return None;
        }
        let text = match files::text(path) {
            Ok(text) => text,
            Err(error) => return self.unreadable(path, &error, from),
        };
        let file = self.notes.source(path, text.clone());
        self.done.push(real.clone());
        let root = parse(&text, file, self.notes)?;
        if !matches!(root.kind, Kind::Map(_)) {
            let what = format!("a suite is a map, not {}", root.described());
            self.notes.error(
                Code::WrongType.at(Span { end: root.span.start + 1, ..root.span }),
                what,
                "begin with `version: 1`",
            );
            return None;
        }
        self.open.push((real, brief_path(path)));
        let whole = self.included(root, path);
        self.open.pop();
        Some(whole)
    }

    fn included(&mut self, mut root: Node, path: &Path) -> Node {
        let folder = path.parent().unwrap_or(Path::new(""));
        let wanted: Vec<Node> = root.get("include").map(|node| node.items().to_vec()).unwrap_or_default();
        for node in wanted {
            let Some(name) = node.source() else { continue };
            if let Some(more) = self.file(&folder.join(name), Some(node.span)) {
                let Kind::Map(entries) = more.kind else { continue };
                entries.into_iter().for_each(|entry| self.merge_top(&mut root, entry));
            }
        }
        root
    }

    fn merge_top(&mut self, root: &mut Node, entry: Entry) {
        let Kind::Map(entries) = &mut root.kind else { return };
        match entry.key.text.as_str() {
            "include" => {}
            // Every file may say its version.
            "version" if entry.value.source() == Some("1") => {}
            "version" => unknown_version(&entry.value, self.notes),
            "tasks" => match entries.iter_mut().find(|have| have.key.text == "tasks") {
                Some(Entry { value: Node { kind: Kind::List(tasks), .. }, .. }) => {
                    tasks.extend(entry.value.items().iter().cloned());
                }
                Some(_) => {}
                None => entries.push(entry),
            },
            _ => merge(entries, entry, &mut Merging { notes: self.notes, inside: String::new() }),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &files::Unreadable, from: Option<Span>) -> Option<Node> {
        let code = if *error == files::Unreadable::TooLarge { Code::Limit } else { Code::Unreadable };
        match from {
            Some(span) => self.notes.error(
                Code::Path.at(span),
                format!("`{}`: {error}", brief_path(path)),
                "paths are relative to the file they stand in",
            ),
            None => {
                let file = self.notes.source(path, String::new());
                let span = Span { file, line: 1, col: 1, start: 0, end: 0 };
                self.notes.error(code.at(span), error.to_string(), "");
            }
        }
        None
    }

    fn way(&self) -> String {
        self.open.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" -> ")
    }
}

/// The version of an included file; that of the suite itself is checked with its shape.
fn unknown_version(node: &Node, notes: &mut Notes) {
    let what = format!("version {} is unknown: this evalrun reads version 1", brief(node.source().unwrap_or("?")));
    notes.error(Code::Misplaced.at(node.span), what, "write `version: 1`");
}

struct Merging<'a> {
    notes: &'a mut Notes,
    /// The key that is being merged into; empty at the top.
    inside: String,
}

/// Two maps become one; anything else that is there twice is a mistake. An agent or a judge is one thing: two of a name
/// are never mixed.
fn merge(entries: &mut Vec<Entry>, entry: Entry, merging: &mut Merging<'_>) {
    let Some(have) = entries.iter_mut().find(|have| have.key.text == entry.key.text) else {
        entries.push(entry);
        return;
    };
    let whole = matches!(merging.inside.as_str(), "agents" | "judges");
    match (&mut have.value.kind, entry.value.kind) {
        (Kind::Map(ours), Kind::Map(theirs)) if !whole => {
            let outer = std::mem::replace(&mut merging.inside, entry.key.text);
            theirs.into_iter().for_each(|entry| merge(ours, entry, merging));
            merging.inside = outer;
        }
        (Kind::Map(_) | Kind::List(_) | Kind::Scalar(_), _) => {
            let first = merging.notes.at(have.key.span);
            let what = format!("`{}` stands in two files: first at {first}", entry.key.text);
            merging.notes.error(Code::Duplicate.at(entry.key.span), what, "keep one of them");
        }
    }
}
