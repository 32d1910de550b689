//! Findings: what is wrong with a suite, where, and what to do about it.
//!
//! ```text
//! notes.yaml:7:27: error: no check is called `limitd`
//!    7 |         - {id: brief, expect: [limitd]}
//!      |                                ^^^^^^
//!      = hint: did you mean `limited`?
//! ```

use super::{build::brief_path, node::Span};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Path, PathBuf},
};

use unicode_width::UnicodeWidthChar;

/// One mistake, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub file: String,
    pub line: u32,
    pub col: u32,
    /// The line as it stands in the file, without control characters.
    pub source: String,
    /// Characters to underline, from `col` on; at least one.
    pub width: u32,
    pub severity: Severity,
    pub code: Code,
    pub what: String,
    /// May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// The kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    Syntax,
    Limit,
    Unreadable,
    Duplicate,
    UnknownField,
    WrongType,
    MissingField,
    MissingUnit,
    OutOfRange,
    /// A word that is none of the words allowed here.
    UnknownWord,
    BadId,
    /// A scalar that YAML reads as something else.
    QuoteIt,
    UnknownName,
    NotYet,
    Misplaced,
    Pattern,
    Path,
    Template,
    NeverRuns,
    Weights,
    Cycle,
    Rows,
    NoEffect,
}

impl Code {
    /// A mistake of this kind at a place.
    pub fn at(self, span: Span) -> (Code, Span) {
        (self, span)
    }

    /// Whether a JSON Schema can see it: there decoder and schema must agree.
    pub fn in_schema(self) -> bool {
        match self {
            Code::UnknownField | Code::WrongType | Code::MissingField | Code::MissingUnit => true,
            Code::OutOfRange | Code::UnknownWord | Code::BadId => true,
            Code::Syntax | Code::Limit | Code::Unreadable | Code::Duplicate | Code::QuoteIt | Code::UnknownName => {
                false
            }
            Code::NotYet | Code::Misplaced | Code::Pattern | Code::Path | Code::Template | Code::NeverRuns => false,
            Code::Weights | Code::Cycle | Code::Rows | Code::NoEffect => false,
        }
    }
}

/// A file that was read: as it is called in findings, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub path: PathBuf,
    pub text: String,
}

/// More than a person will read; bounds the work that hostile files can cause.
pub const MAX_FINDINGS: usize = 1000;

/// Findings while they are collected, and the files they point into.
#[derive(Debug, Default)]
pub struct Notes {
    sources: Vec<Source>,
    found: Vec<(Span, Severity, Code, String, String)>,
    /// Lines that may hold a secret: never shown.
    hidden: BTreeSet<(u32, u32)>,
}

impl Notes {
    /// Registers a file and gives its number.
    pub fn source(&mut self, path: &Path, text: String) -> u32 {
        self.sources.push(Source { name: brief_path(path), path: path.to_owned(), text });
        u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn error(&mut self, (code, span): (Code, Span), what: impl Into<String>, hint: impl Into<String>) {
        self.add((span, Severity::Error, code, what.into(), hint.into()));
    }

    pub fn warning(&mut self, (code, span): (Code, Span), what: impl Into<String>, hint: impl Into<String>) {
        self.add((span, Severity::Warning, code, what.into(), hint.into()));
    }

    /// Keeps the line of a place out of every finding.
    pub fn hide(&mut self, span: Span) {
        self.hidden.insert((span.file, span.line));
    }

    /// Whether more findings would only be dropped; whoever looks for near names may stop looking.
    pub fn is_full(&self) -> bool {
        self.found.len() >= MAX_FINDINGS
    }

    fn add(&mut self, (span, severity, code, what, hint): (Span, Severity, Code, String, String)) {
        if !self.is_full() {
            self.found.push((span, severity, code, tame(&what), tame(&hint)));
        }
    }

    pub fn failed(&self) -> bool {
        self.found.iter().any(|(_, severity, ..)| *severity == Severity::Error)
    }

    /// `file:line:col`, for a message that names a second place.
    pub fn at(&self, span: Span) -> String {
        format!("{}:{}:{}", self.name(span.file), span.line, span.col)
    }

    pub fn name(&self, file: u32) -> &str {
        self.sources.get(file as usize).map_or("", |source| source.name.as_str())
    }

    pub fn path(&self, file: u32) -> &Path {
        self.sources.get(file as usize).map_or(Path::new(""), |source| source.path.as_path())
    }

    pub fn text(&self, file: u32) -> &str {
        self.sources.get(file as usize).map_or("", |source| source.text.as_str())
    }

    /// In the order of the files and of the places in them; what is said twice of one place is said once.
    pub fn findings(&self) -> Vec<Finding> {
        let mut sorted: Vec<_> = self.found.iter().collect();
        sorted.sort_by_key(|(span, severity, code, ..)| (span.file, span.line, span.col, *severity, *code));
        let mut seen = BTreeSet::new();
        sorted.retain(|(span, _, _, what, _)| seen.insert((span.file, span.line, span.col, what)));
        sorted.into_iter().map(|found| self.finding(found)).collect()
    }

    fn finding(&self, (span, severity, code, what, hint): &(Span, Severity, Code, String, String)) -> Finding {
        let text = self.text(span.file);
        let hidden = self.hidden.contains(&(span.file, span.line));
        let line = if hidden { "" } else { line_at(text, *span) };
        let marked = text.get(span.start as usize..span.end as usize).unwrap_or("");
        let first = marked.lines().next().unwrap_or("").trim_end();
        Finding {
            file: self.name(span.file).to_owned(),
            line: span.line,
            col: span.col,
            source: line.chars().map(tame_char).collect(),
            width: u32::try_from(first.chars().count()).unwrap_or(1).max(1),
            severity: *severity,
            code: *code,
            what: what.clone(),
            hint: hint.clone(),
        }
    }
}

/// Texts of a suite stand in findings: on a terminal they must be texts and nothing more, and not fill it.
fn tame(text: &str) -> String {
    const MOST: usize = 500;
    let shown: String = text.chars().take(MOST).map(tame_char).collect();
    if text.chars().nth(MOST).is_some() { format!("{shown}...") } else { shown }
}

/// No control character, and none that turns the direction of writing.
fn tame_char(c: char) -> char {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { ' ' } else { c }
}

/// Whether findings are shown with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

/// All findings for a terminal, a blank line between them.
pub fn render(findings: &[Finding], paint: Paint) -> String {
    let mut out = String::new();
    for (at, finding) in findings.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        show(finding, paint, &mut out);
    }
    out
}

/// All findings as one JSON object: `{version: 1, findings: [...]}`.
pub fn to_json(findings: &[Finding]) -> serde_json::Value {
    serde_json::json!({"version": 1, "findings": findings})
}

/// Characters of a source line that are shown.
const SHOWN: usize = 150;

fn show(finding: &Finding, paint: Paint, out: &mut String) {
    let (strong, mark, off) = match (paint, finding.severity) {
        (Paint::Plain, Severity::Error | Severity::Warning) => ("", "", ""),
        (Paint::Colour, Severity::Error) => ("\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[0m"),
        (Paint::Colour, Severity::Warning) => ("\u{1b}[1m", "\u{1b}[1;33m", "\u{1b}[0m"),
    };
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Finding { file, line, col, what, .. } = finding;
    let _ = writeln!(out, "{strong}{file}:{line}:{col}:{off} {mark}{word}{off}: {what}");
    let (shown, skipped) = window(&finding.source, *col as usize);
    if !shown.trim().is_empty() {
        let before = (*col as usize).saturating_sub(1 + skipped);
        let indent = " ".repeat(columns(&shown, 0, before));
        let carets = "^".repeat(columns(&shown, before, finding.width as usize).max(1));
        let _ = writeln!(out, "{line:>5} | {shown}\n      | {indent}{mark}{carets}{off}");
    }
    if !finding.hint.is_empty() {
        let _ = writeln!(out, "      = hint: {}", finding.hint);
    }
}

/// Columns of a terminal that some characters of a line take: one, two for wide ones, none for marks.
fn columns(line: &str, from: usize, count: usize) -> usize {
    line.chars().skip(from).take(count).map(|c| c.width().unwrap_or(0)).sum()
}

/// The part of a long line around a column, and how many characters before it are left out.
fn window(line: &str, col: usize) -> (String, usize) {
    if line.chars().count() <= SHOWN {
        return (line.to_owned(), 0);
    }
    let skipped = col.saturating_sub(SHOWN / 2);
    (line.chars().skip(skipped).take(SHOWN).collect(), skipped)
}

/// The line a span starts in. Found by its bytes where they are known, else by its number.
fn line_at(text: &str, span: Span) -> &str {
    let start = span.start as usize;
    if start > 0 && text.is_char_boundary(start) {
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
        if from <= to {
            return text[from..to].trim_end_matches('\r');
        }
    }
    text.lines().nth((span.line as usize).saturating_sub(1)).unwrap_or("")
}
