//! The words of a unified patch, as git writes and reads them.

use std::fmt::Write as _;

use similar::{DiffOp, group_diff_ops};

use super::lines::ops;
use super::names::path_of;
use std::os::unix::ffi::OsStrExt;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What stands on one side of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Absent,
    File,
    Program,
    Link,
}

impl Side {
    fn mode(self) -> &'static str {
        match self {
            Side::Absent => "000000",
            Side::File => "100644",
            Side::Program => "100755",
            Side::Link => "120000",
        }
    }

    /// The name on a `---` or `+++` line.
    pub fn name(self, prefix: &str, path: &str) -> String {
        if self == Side::Absent { "/dev/null".to_owned() } else { quoted(prefix, path) + tab_after(path) }
    }
}

/// The hunks of one file and what they count.
#[derive(Debug, Default)]
pub(super) struct Hunks {
    pub text: String,
    pub added: u32,
    pub removed: u32,
}

/// The first line of a section.
pub(super) fn heading(from: &str, to: &str) -> String {
    format!("diff --git {} {}\n", quoted("a/", from), quoted("b/", to))
}

/// The lines on a file that comes, goes or changes its mode.
pub(super) fn mode_lines(old: Side, new: Side) -> String {
    match (old, new) {
        (Side::Absent, new) => format!("new file mode {}\n", new.mode()),
        (old, Side::Absent) => format!("deleted file mode {}\n", old.mode()),
        (old, new) if old != new => format!("old mode {}\nnew mode {}\n", old.mode(), new.mode()),
        (_, _) => String::new(),
    }
}

/// The hunks that turn `old` into `new`. Lines end at `\n` alone.
pub(super) fn hunks(old: &str, new: &str) -> Hunks {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut hunks = Hunks::default();
    for group in group_diff_ops(ops(&old, &new), CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (from, to) = (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        let _ = writeln!(hunks.text, "@@ -{} +{} @@", span(from), span(to));
        for op in &group {
            hunks.add(op, &old, &new);
        }
    }
    hunks
}

impl Hunks {
    fn add(&mut self, op: &DiffOp, old: &[&str], new: &[&str]) {
        if let DiffOp::Equal { .. } = op {
            return old[op.old_range()].iter().for_each(|line| self.line(' ', line));
        }
        for line in &old[op.old_range()] {
            self.removed = self.removed.saturating_add(1);
            self.line('-', line);
        }
        for line in &new[op.new_range()] {
            self.added = self.added.saturating_add(1);
            self.line('+', line);
        }
    }

    fn line(&mut self, sign: char, line: &str) {
        self.text.push(sign);
        self.text.push_str(line);
        if !line.ends_with('\n') {
            self.text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// A path with its prefix, in quotes where it holds what would break or disguise a line.
pub(super) fn quoted(prefix: &str, path: &str) -> String {
    let bytes = path_of(path).into_os_string();
    let mut inner = String::with_capacity(path.len());
    for chunk in bytes.as_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(|letter| quote(letter, &mut inner));
        for byte in chunk.invalid() {
            let _ = write!(inner, "\\{byte:03o}");
        }
    }
    let plain = inner.as_bytes() == bytes.as_bytes();
    if plain { format!("{prefix}{inner}") } else { format!("\"{prefix}{inner}\"") }
}

fn quote(letter: char, into: &mut String) {
    match letter {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        '\n' => into.push_str("\\n"),
        '\t' => into.push_str("\\t"),
        letter if letter.is_control() || disguises(letter) => {
            for byte in letter.to_string().bytes() {
                let _ = write!(into, "\\{byte:03o}");
            }
        }
        other => into.push(other),
    }
}

/// Marks that turn the direction of what follows, or take no room.
fn disguises(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Git ends a name that holds a space with a tab, so that what follows is no date.
fn tab_after(path: &str) -> &'static str {
    if path.contains(' ') { "\t" } else { "" }
}

fn span(range: std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        many => format!("{},{many}", range.start + 1),
    }
}
