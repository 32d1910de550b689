//! A tolerant reader of shell lines.
//!
//! Agents speak to the machine in shell lines, and graders must know what each line did: which programs ran, on what,
//! and whether a failure could have been seen. The reader always yields segments (one per simple command), however
//! broken the line is; it is linear, its nesting is capped, and it never executes or expands anything.
//!
//! ```text
//! cd web && npx jest -t "a b" 2>&1 | tail -5
//!   cd web              &&, visible
//!   npx jest -t "a b"   pipe 0 of 2: its exit status is hidden by the pipe
//!   tail -5             pipe 1 of 2, visible
//! ```

use std::ops::Range;
use std::sync::Arc;

use crate::acts::shell_flow;
use crate::acts::shell_parse::Reader;
use crate::acts::shell_windows;
use crate::model::act::Seen;

/// Nesting beyond this is not followed: a budget in depth, never in time.
pub const MAX_DEPTH: u32 = 48;

/// What was read of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub segments: Vec<Segment>,
    /// Something was left open (a quote, a heredoc, a bracket), made no sense, or lies deeper than [`MAX_DEPTH`]: the first reason
    /// that was met, in words.
    pub unread: Option<&'static str>,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub words: Vec<Word>,
    pub assigns: Vec<Assign>,
    pub redirects: Vec<Redirect>,
    /// What stood between the segment before and this one.
    pub op: Op,
    /// Position in its pipeline, and the length of that pipeline.
    pub pipe: (u32, u32),
    pub seen: Seen,
    /// `! cmd`.
    pub negated: bool,
    pub context: Context,
    pub depth: u32,
    pub callee: Callee,
    /// The folder that earlier `cd`s of the line left us in.
    pub cwd: Option<Arc<str>>,
    /// Bytes of the line, without redirects at its end.
    pub span: Range<usize>,
}

/// One word, with quotes removed and nothing expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Bytes of the line.
    pub span: Range<usize>,
    /// Holds an expansion, so the text is not what the program saw.
    pub dynamic: bool,
    /// Holds `$(...)`, backticks or `<(...)`, whose commands are segments of the same line.
    pub commands: bool,
    pub quoted: bool,
}

/// `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assign {
    pub name: String,
    pub value: String,
}

/// `2>&1`, `> out.txt`, `<<EOF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub fd: Option<u32>,
    pub kind: RedirectKind,
    pub target: Word,
    /// The text of a heredoc or of a here string.
    pub body: Option<String>,
    /// It stood behind the closing word of a group, and holds for every command in it.
    pub of_group: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>`, `>|`, `&>`
    Write,
    /// `>>`, `&>>`
    Append,
    /// `<>`
    Both,
    /// `>&1`, `<&3`
    Dup,
    /// `<<`, `<<-`
    Heredoc,
    /// `<<<`
    HereString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Start,
    Semi,
    Newline,
    And,
    Or,
    Pipe,
    Background,
}

/// The innermost construct that a segment stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Top,
    Subshell,
    Subst,
    Procsub,
    For,
    If,
    While,
    Case,
    Func,
}

/// What the first word names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    Program,
    /// A function of this line: its body has been read where it was defined.
    Function,
    /// A function of this line that only runs `"$@"`.
    Forwarder,
}

impl Segment {
    /// The program as it was typed; empty for a bare assignment or redirect.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", |word| word.text.as_str())
    }

    /// The first heredoc or here string.
    pub fn heredoc(&self) -> Option<&str> {
        self.redirects.iter().find_map(|redirect| redirect.body.as_deref())
    }
}

/// Reads one line (or a whole script) as bash would, or as PowerShell or cmd where it has their shape.
pub fn read(line: &str) -> Script {
    if shell_windows::looks_like(line) {
        return shell_windows::read(line);
    }
    let mut reader = Reader::new(line);
    let list = reader.script();
    let segments = shell_flow::flatten(&list, &reader.bodies);
    Script { segments, unread: reader.unread }
}
