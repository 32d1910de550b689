//! What every part of the decoder uses: texts, paths, numbers and references from nodes.
//!
//! Each getter gives a plain value and passes over in silence what has the wrong shape: `check` has reported it.
//! A suite with any error is thrown away whole, so a stand-in value never reaches anybody.

use super::{
    files::{self, Stands},
    finding::{Code, Notes},
    names::Names,
    near,
    node::{Node, Read, Span, brief, number},
    rows::{self, Row},
    units::Units,
};
use crate::model::task::Command;
use regex::{Regex, RegexBuilder};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
    rc::Rc,
};

/// Bytes of one compiled pattern.
const PATTERN_BYTES: usize = 256 << 10;
/// Patterns that are kept compiled.
const MAX_PATTERNS: usize = 300;

pub struct Builder<'a> {
    pub names: &'a Names<'a>,
    pub notes: &'a mut Notes,
    /// What stands for `row.` in the task that is being built.
    pub row: RowNow,
    /// Hashes of folders that were walked already.
    trees: BTreeMap<PathBuf, String>,
    /// Texts of files that were read already.
    texts: BTreeMap<PathBuf, String>,
    /// Patterns that were compiled already: every row of a table has the same ones.
    patterns: BTreeMap<String, Result<Rc<Regex>, String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNow {
    /// The task has no rows: texts are what they are.
    NoRows,
    /// The table could not be read: a text that asks for a row says nothing.
    Unread,
    Row(Row),
}

/// What a path must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    File,
    Folder,
    Either,
}

impl<'a> Builder<'a> {
    pub fn new(names: &'a Names<'a>, notes: &'a mut Notes) -> Builder<'a> {
        Builder {
            names,
            notes,
            row: RowNow::NoRows,
            trees: BTreeMap::new(),
            texts: BTreeMap::new(),
            patterns: BTreeMap::new(),
        }
    }

    /// A text on the spot, its row filled in. Empty where there is none.
    pub fn line(&mut self, node: Option<&Node>) -> String {
        let Some(node) = node else { return String::new() };
        match node.scalar() {
            Some(scalar) if scalar.read() == Read::Text => self.filled(&scalar.text.clone(), node.span),
            Some(_) | None => String::new(),
        }
    }

    /// The same, `None` where nothing is written.
    pub fn maybe_line(&mut self, node: Option<&Node>) -> Option<String> {
        node.map(|node| self.line(Some(node)))
    }

    /// A text, or the content of a file.
    pub fn text(&mut self, node: Option<&Node>) -> String {
        match node.and_then(|node| node.get("file")) {
            None => self.line(node),
            Some(file) => self.file_text(file),
        }
    }

    pub fn maybe_text(&mut self, node: Option<&Node>) -> Option<String> {
        node.map(|node| self.text(Some(node)))
    }

    pub fn lines(&mut self, node: Option<&Node>) -> Vec<String> {
        node.map_or(&[][..], Node::items).iter().map(|item| self.line(Some(item))).collect()
    }

    /// A line that runs in a shell, or a list of words.
    pub fn command(&mut self, node: Option<&Node>) -> Command {
        match node {
            Some(node) if !node.items().is_empty() => Command::Argv(self.lines(Some(node))),
            Some(_) | None => Command::Shell(self.line(node)),
        }
    }

    pub fn flag(&self, node: Option<&Node>) -> bool {
        node.and_then(Node::scalar).is_some_and(|scalar| scalar.read() == Read::Flag(true))
    }

    pub fn real(&self, node: Option<&Node>) -> Option<f64> {
        node.and_then(Node::source).and_then(number).and_then(|number| number.as_f64())
    }

    pub fn whole(&self, node: Option<&Node>) -> Option<u32> {
        let value = self.real(node)?;
        // Checked before: whole and in range.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (0.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
    }

    pub fn quantity(&self, node: Option<&Node>, units: &Units) -> Option<u64> {
        node.and_then(Node::scalar).and_then(|scalar| units.read_scalar(scalar).ok())
    }

    /// One of a few words, by its `serde` name.
    pub fn word<T: serde::de::DeserializeOwned>(&self, node: Option<&Node>) -> Option<T> {
        let word = node.and_then(Node::source)?;
        serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
    }

    /// A path that exists, absolute.
    pub fn path(&mut self, node: Option<&Node>, want: Want) -> Option<PathBuf> {
        let node = node?;
        let text = self.line(Some(node));
        if text.is_empty() {
            return None;
        }
        let path = self.relative(node.span, &text);
        let fits = match (files::stands(&path), want) {
            (Stands::File, Want::File | Want::Either) | (Stands::Folder, Want::Folder | Want::Either) => {
                return Some(files::absolute(&path));
            }
            (Stands::File, Want::Folder) => "is a file, and a folder is needed",
            (Stands::Folder, Want::File) => "is a folder, and a file is needed",
            (Stands::Nothing, _) => "does not exist",
        };
        self.notes.error(
            Code::Path.at(node.span),
            format!("`{}` {fits}", brief_path(&path)),
            "paths are relative to the file they stand in",
        );
        None
    }

    /// A path as seen from the file that a place is in.
    pub fn relative(&self, span: Span, path: &str) -> PathBuf {
        self.notes.path(span.file).parent().unwrap_or(Path::new("")).join(path)
    }

    /// The words of a command line; those that are paths of files beside the suite become absolute.
    pub fn argv(&mut self, node: Option<&Node>) -> Vec<String> {
        let items = node.map_or(&[][..], Node::items);
        let words: Vec<(String, Span)> = items.iter().map(|item| (self.line(Some(item)), item.span)).collect();
        words.into_iter().enumerate().map(|(at, (word, span))| self.argument(at, word, span)).collect()
    }

    fn argument(&mut self, at: usize, word: String, span: Span) -> String {
        let script = [".py", ".sh", ".js", ".ts", ".rb", ".pl"].iter().any(|end| word.ends_with(end));
        let is_path =
            word.contains('/') && !word.starts_with('-') && !word.contains("://") && !word.contains([' ', '{', '$']);
        if !is_path && (!script || word.contains([' ', '{', '$', '*'])) {
            return word;
        }
        let path = self.relative(span, &word);
        if files::stands(&path) != Stands::Nothing {
            return files::absolute(&path).to_string_lossy().into_owned();
        }
        if script || at == 0 {
            let what = format!("`{}` does not exist", brief_path(&path));
            self.notes.error(Code::Path.at(span), what, "paths are relative to the file they stand in");
        }
        word
    }

    /// A pattern of a question, letters' case aside.
    ///
    /// # Errors
    /// Says why it does not compile.
    pub fn pattern(&mut self, text: &str) -> Result<Rc<Regex>, String> {
        if let Some(known) = self.patterns.get(text) {
            return known.clone();
        }
        let built = RegexBuilder::new(text).case_insensitive(true).size_limit(PATTERN_BYTES).build();
        let built = built.map(Rc::new).map_err(|error| pattern_error(&error));
        if self.patterns.len() >= MAX_PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(text.to_owned(), built.clone());
        built
    }

    /// The hash of a folder's bytes.
    pub fn tree(&mut self, path: &Path, span: Span) -> String {
        if let Some(hash) = self.trees.get(path) {
            return hash.clone();
        }
        match files::tree_hash(path) {
            Ok(hash) => {
                self.trees.insert(path.to_owned(), hash.clone());
                hash
            }
            Err(why) => {
                self.notes.error(Code::Unreadable.at(span), format!("the folder cannot be read: {why}"), "");
                String::new()
            }
        }
    }

    /// Notes a name that is none of those there are. `what` is the kind of thing: "check".
    pub fn known(&mut self, node: &Node, what: &str, names: &BTreeSet<String>) -> bool {
        let name = self.line(Some(node));
        if name.is_empty() || names.contains(&name) {
            return !name.is_empty();
        }
        if !self.notes.is_full() {
            let there = format!("the {what}s here are");
            let hint = near::hint(&name, names.iter().map(String::as_str), &there);
            self.notes.error(Code::UnknownName.at(node.span), format!("no {what} is called `{}`", brief(&name)), hint);
        }
        false
    }

    fn file_text(&mut self, node: &Node) -> String {
        let name = self.line(Some(node));
        if name.is_empty() {
            return String::new();
        }
        let path = self.relative(node.span, &name);
        let text = match self.texts.get(&path) {
            Some(text) => text.clone(),
            None => match files::text(&path) {
                Ok(text) => {
                    self.texts.insert(path, text.clone());
                    text
                }
                Err(error) => {
                    let what = format!("`{}`: {error}", brief_path(&path));
                    self.notes.error(Code::Path.at(node.span), what, "paths are relative to the file they stand in");
                    return String::new();
                }
            },
        };
        self.filled(text.trim_end_matches(['\n', '\r']), node.span)
    }

    fn filled(&mut self, text: &str, span: Span) -> String {
        match &self.row {
            RowNow::NoRows => text.to_owned(),
            RowNow::Unread if rows::asks_for_row(text) => String::new(),
            RowNow::Unread => text.to_owned(),
            RowNow::Row(row) => rows::fill(text, row).unwrap_or_else(|wrong| {
                for (what, hint) in wrong {
                    self.notes.error(Code::Template.at(span), what, hint);
                }
                String::new()
            }),
        }
    }
}

fn pattern_error(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong; those before draw the pattern.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// `a/b` for `a/x/../b`: for people only, since links are not looked at.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => out.push(part),
        }
    }
    out
}

/// A path for a message, without control characters and not longer than a line.
pub fn brief_path(path: &Path) -> String {
    let text: String =
        clean(path).display().to_string().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    match text.chars().count() {
        0..=120 => text,
        length => format!("...{}", text.chars().skip(length - 117).collect::<String>()),
    }
}
