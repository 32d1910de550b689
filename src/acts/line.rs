//! From a shell line to deeds: each segment is named, plumbing is dropped, redirects are added.

use std::collections::HashMap;

use crate::acts::classify;
use crate::acts::patch_text;
use crate::acts::shell::{self, Callee, Context, RedirectKind, Segment};
use crate::acts::table::Table;
use crate::acts::texts;
use crate::model::act::{Act, Deed, Seen};

/// Scripts inside scripts (`bash -c "ssh host '...'"`) are followed this far.
pub(super) const MAX_NESTING: u32 = 8;

/// More deeds than this are not kept of one line: it was not written to be read.
const MAX_DEEDS: usize = 20_000;

/// What the program of one segment was found to do.
#[derive(Debug)]
pub(super) struct Found {
    pub program: String,
    pub act: Act,
    pub sub: Option<String>,
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    pub lines: Option<(u32, u32)>,
    pub pattern: Option<String>,
}

impl Found {
    pub(super) fn new(program: &str, act: Act) -> Found {
        Found {
            program: program.to_owned(),
            act,
            sub: None,
            reads: Vec::new(),
            writes: Vec::new(),
            lines: None,
            pattern: None,
        }
    }

    pub(super) fn sub(mut self, sub: &str) -> Found {
        self.sub = Some(sub.to_owned());
        self
    }

    pub(super) fn reads<S: AsRef<str>>(mut self, paths: impl IntoIterator<Item = S>) -> Found {
        self.reads.extend(paths.into_iter().map(|path| path.as_ref().to_owned()).filter(|path| is_path(path)));
        self
    }

    pub(super) fn writes<S: AsRef<str>>(mut self, paths: impl IntoIterator<Item = S>) -> Found {
        self.writes.extend(paths.into_iter().map(|path| path.as_ref().to_owned()).filter(|path| is_path(path)));
        self
    }
}

fn bare_path(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

fn is_path(path: &str) -> bool {
    !path.is_empty() && path != "-" && !path.starts_with("/dev/") && !path.starts_with("<(") && !path.starts_with(">(")
}

/// A segment, where it stands, and what surrounds it.
pub(super) struct Site<'a> {
    pub table: &'a Table,
    pub segment: &'a Segment,
    pub seen: Seen,
    pub cwd: Option<String>,
    pub command: String,
    pub nesting: u32,
    /// Its operands come later: it stands behind xargs or `find -exec`.
    pub implied: bool,
    /// Texts that earlier segments of the line wrote, by file.
    pub scripts: &'a HashMap<&'a str, &'a str>,
    /// `./configure` ran earlier in the line, so `make check` runs the tests of a package.
    pub configured: bool,
}

impl Site<'_> {
    /// It reads what an earlier command of its pipeline writes.
    pub(super) fn is_fed(&self) -> bool {
        self.segment.pipe.0 > 0 && !self.implied
    }

    /// For a command inside this one: how deep they may nest is bounded.
    pub(super) fn deeper(&self) -> Site<'_> {
        Site {
            table: self.table,
            segment: self.segment,
            seen: self.seen,
            cwd: self.cwd.clone(),
            command: self.command.clone(),
            nesting: self.nesting + 1,
            implied: self.implied,
            scripts: self.scripts,
            configured: self.configured,
        }
    }

    pub(super) fn with_operands_to_come(&self) -> Site<'_> {
        Site { implied: true, ..self.deeper() }
    }

    pub(super) fn writes_file(&self) -> bool {
        written(self.segment).next().is_some()
    }

    /// The text of a script that an earlier segment of this line wrote.
    pub(super) fn script(&self, path: &str) -> Option<&str> {
        self.scripts.get(bare_path(path)).copied()
    }

    pub(super) fn heredoc(&self) -> Option<&str> {
        self.segment.heredoc()
    }
}

/// Deeds of one line, in order of appearance.
pub fn deeds_of_line(line: &str, table: &Table) -> Vec<Deed> {
    let mut out = Vec::new();
    let outer = Outer { seen: Seen::Visible, cwd: None, nesting: 0, expanded: false };
    read_into(line, table, &outer, &mut out);
    once_unread(&mut out);
    out
}

/// Scripts inside the line may lack what the line lacks: said once.
fn once_unread(out: &mut Vec<Deed>) {
    let mut said = false;
    out.retain(|deed| deed.why.is_none() || !std::mem::replace(&mut said, true));
}

/// What surrounds a script inside a script.
pub(super) struct Outer {
    pub seen: Seen,
    pub cwd: Option<String>,
    pub nesting: u32,
    /// The line around it has run its substitutions already: `bash -c "echo $(date)"` runs `date` once.
    pub expanded: bool,
}

pub(super) fn read_into(line: &str, table: &Table, outer: &Outer, out: &mut Vec<Deed>) {
    if outer.nesting > MAX_NESTING {
        return out.push(unread("scripts in it are nested too deep", outer));
    }
    let script = shell::read(line);
    let (mut configured, mut feeds) = (false, false);
    let mut scripts = HashMap::new();
    for segment in &script.segments {
        if out.len() >= MAX_DEEDS {
            return out.push(unread("it holds more commands than are kept", outer));
        }
        if outer.expanded && matches!(segment.context, Context::Subst | Context::Procsub) {
            continue;
        }
        let site = Site {
            table,
            segment,
            seen: if segment.seen == Seen::Visible { outer.seen } else { segment.seen },
            cwd: segment.cwd.as_deref().map(str::to_owned).or_else(|| outer.cwd.clone()),
            command: command(line, segment),
            nesting: outer.nesting,
            implied: false,
            scripts: &scripts,
            configured,
        };
        let before = out.len();
        segment_into(&site, out);
        if let (Some(path), Some(body)) = (written(segment).next(), segment.heredoc()) {
            scripts.insert(bare_path(path), body);
        }
        let shaped = feeds && segment.pipe.0 > 0 && out.len() == before;
        if let Some(last) = out.last_mut().filter(|last| shaped && last.act == Act::Read) {
            last.lines = texts::shown(&segment.words, last.lines);
        }
        feeds = out.len() > before || shaped;
        configured |= out[before..].iter().any(|deed| deed.program == "configure");
    }
    if let Some(why) = script.unread {
        out.push(unread(why, outer));
    }
}

/// What could not be read is one deed of its own, so that nobody takes the line for understood.
fn unread(why: &str, outer: &Outer) -> Deed {
    Deed {
        act: Act::Other,
        sub: Some("unread".to_owned()),
        program: String::new(),
        seen: outer.seen,
        paths_read: Vec::new(),
        paths_written: Vec::new(),
        lines: None,
        command: String::new(),
        cwd: None,
        pattern: None,
        why: Some(why.to_owned()),
    }
}

/// A script that a segment hands to a shell.
pub(super) fn nested(script: &str, site: &Site, out: &mut Vec<Deed>) {
    let expanded = site.segment.words.iter().any(|word| word.commands && script.contains(&word.text));
    let outer = Outer { seen: site.seen, cwd: site.cwd.clone(), nesting: site.nesting + 1, expanded };
    let before = out.len();
    read_into(script, site.table, &outer, out);
    let redirected = redirects_of(site.segment);
    if let Some(last) = out[before..].last_mut() {
        last.paths_written.extend(redirected.writes);
    }
}

/// Adds one deed, with the redirects of its segment.
pub(super) fn push(found: Found, site: &Site, out: &mut Vec<Deed>) {
    let redirected = redirects_of(site.segment);
    let mut deed = Deed {
        act: found.act,
        sub: found.sub,
        program: found.program,
        seen: site.seen,
        paths_read: found.reads,
        paths_written: found.writes,
        lines: found.lines,
        command: site.command.clone(),
        cwd: site.cwd.clone(),
        pattern: found.pattern,
        why: None,
    };
    deed.paths_read.extend(redirected.reads);
    deed.paths_written.extend(redirected.writes);
    if deed.act == Act::Edit && deed.sub.is_none() && is_scratch(&deed.paths_written) {
        deed.sub = Some("scratch".to_owned());
    }
    let repeats = redirected.of_group && out.last().is_some_and(|last| same_write(last, &deed));
    if !repeats {
        out.push(deed);
    }
}

fn segment_into(site: &Site, out: &mut Vec<Deed>) {
    let segment = site.segment;
    let words: Vec<&str> = segment.words.iter().map(|word| word.text.as_str()).collect();
    let argv = match (segment.callee, words.split_first()) {
        (Callee::Function, _) => return,
        (Callee::Forwarder, Some((_, rest))) => rest,
        (Callee::Forwarder | Callee::Program, _) => words.as_slice(),
    };
    if argv.is_empty() {
        if segment.assigns.is_empty() && site.writes_file() {
            push(Found::new("", Act::Edit), site, out);
        }
        return;
    }
    classify::call(argv, site, out);
}

/// Everything under a temporary folder: notes and probes of the agent, not the product.
fn is_scratch(paths: &[String]) -> bool {
    !paths.is_empty()
        && paths.iter().all(|path| {
            ["/tmp/", "/var/tmp/", "/private/tmp/", "$TMPDIR/", "${TMPDIR}/"]
                .iter()
                .any(|start| path.starts_with(start))
        })
}

/// `{ echo a; echo b; } > f` is one edit.
fn same_write(last: &Deed, deed: &Deed) -> bool {
    last.program == deed.program
        && last.act == Act::Edit
        && deed.act == Act::Edit
        && last.paths_written == deed.paths_written
}

struct Redirected {
    reads: Vec<String>,
    writes: Vec<String>,
    of_group: bool,
}

fn redirects_of(segment: &Segment) -> Redirected {
    let mut redirected = Redirected { reads: Vec::new(), writes: Vec::new(), of_group: false };
    for redirect in &segment.redirects {
        let target = redirect.target.text.as_str();
        match redirect.kind {
            RedirectKind::Read | RedirectKind::Both if is_path(target) => {
                redirected.reads.push(target.to_owned());
            }
            RedirectKind::Write | RedirectKind::Append if is_file(target) => {
                redirected.writes.push(target.to_owned());
                redirected.of_group |= redirect.of_group;
            }
            RedirectKind::Read
            | RedirectKind::Both
            | RedirectKind::Write
            | RedirectKind::Append
            | RedirectKind::Dup
            | RedirectKind::Heredoc
            | RedirectKind::HereString => {}
        }
    }
    redirected
}

fn written(segment: &Segment) -> impl Iterator<Item = &str> {
    segment.redirects.iter().filter_map(|redirect| match redirect.kind {
        RedirectKind::Write | RedirectKind::Append => {
            Some(redirect.target.text.as_str()).filter(|target| is_file(target))
        }
        RedirectKind::Read
        | RedirectKind::Both
        | RedirectKind::Dup
        | RedirectKind::Heredoc
        | RedirectKind::HereString => None,
    })
}

fn is_file(target: &str) -> bool {
    let plain = target.to_ascii_lowercase();
    is_path(target) && plain != "nul" && plain != "$null"
}

/// The words as they were typed, without redirects.
fn command(line: &str, segment: &Segment) -> String {
    let mut text = String::new();
    for word in &segment.words {
        let raw = line.get(word.span.clone()).unwrap_or(&word.text);
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(raw);
        if text.len() > MAX_COMMAND {
            break;
        }
    }
    patch_text::shorten(text, MAX_COMMAND)
}

/// Longer commands carry scripts and patches; their beginning is enough to quote.
const MAX_COMMAND: usize = 2_000;
