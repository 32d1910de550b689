//! PowerShell and cmd lines: recognised by their shape and split without unescaping.
//!
//! In these shells a backslash is a character of a path, not an escape, so the reader for bash would eat it. This one knows
//! quotes, `|`, `;`, `&&`, `||`, newlines and brackets; blocks are read as if they stood in the open.

use crate::acts::shell::{Callee, Context, Op, Redirect, RedirectKind, Script, Segment, Word};
use crate::acts::shell_parse::{OPEN_BRACKET, OPEN_QUOTE};
use crate::model::act::Seen;

const VERBS: [&str; 30] = [
    "get",
    "set",
    "select",
    "where",
    "foreach",
    "out",
    "new",
    "remove",
    "copy",
    "move",
    "test",
    "write",
    "convertfrom",
    "convertto",
    "measure",
    "sort",
    "invoke",
    "start",
    "stop",
    "add",
    "join",
    "split",
    "format",
    "import",
    "export",
    "expand",
    "compress",
    "rename",
    "resolve",
    "clear",
];

/// A `Verb-Noun` in command position, `$env:X`, `%X%` or a drive letter with a backslash.
pub(super) fn looks_like(line: &str) -> bool {
    if line.starts_with("#!") || line.contains("<<") {
        return false;
    }
    if starts_like_windows(line.trim_start()) || has_test_in_brackets(line) {
        return true;
    }
    if !line.contains(['-', '%', '\\', ':']) {
        return false;
    }
    if has_environment(line) || line.contains("$LASTEXITCODE") || has_drive(line) || has_percent_variable(line) {
        return true;
    }
    may_have_cmdlet(line)
        && line
            .split(['|', ';', '\n', '{', '(', '&', '='])
            .any(|part| is_cmdlet(part.split_whitespace().next().unwrap_or("")))
}

pub(super) fn read(line: &str) -> Script {
    let mut splitter = Splitter { src: line.as_bytes(), pos: 0, out: Vec::new(), joins: Vec::new(), unread: None };
    splitter.run();
    let mut segments = splitter.out;
    mark_pipes(&mut segments);
    mark_seen(&mut segments, &splitter.joins);
    Script { segments, unread: splitter.unread }
}

pub(super) fn is_cmdlet(word: &str) -> bool {
    let Some((verb, noun)) = word.split_once('-') else { return false };
    noun.starts_with(|c: char| c.is_ascii_uppercase())
        && noun.chars().all(|c| c.is_ascii_alphanumeric())
        && VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known))
}

/// `.\gradlew.bat`, `findstr`, `$r = ...`, `dir /s`
fn starts_like_windows(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or("");
    let assigns = first.starts_with('$') && line[first.len()..].trim_start().starts_with("= ");
    let switch = line[first.len()..].trim_start();
    let switched = switch.starts_with('/') && switch.split_whitespace().next().is_some_and(|word| word.len() <= 3);
    let command = ["dir", "del", "copy", "xcopy", "rd", "rmdir", "findstr", "type", "move"]
        .iter()
        .any(|name| first.eq_ignore_ascii_case(name));
    let tries = matches!(first, "try" | "foreach") && line.contains('{');
    line.starts_with(".\\") || line.contains("findstr ") || tries || assigns || (command && switched)
}

/// `if (-not $?) { exit 1 }`
fn has_test_in_brackets(line: &str) -> bool {
    line.contains("if (") && line.contains('{') && !line.contains("then") && !line.contains("((")
}

fn has_environment(line: &str) -> bool {
    line.match_indices('$')
        .any(|(at, _)| line.get(at + 1..at + 5).is_some_and(|name| name.eq_ignore_ascii_case("env:")))
}

fn has_drive(line: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices(":\\").any(|(at, _)| {
        let letter = at.checked_sub(1).map(|before| bytes[before]);
        let starts = at < 2 || matches!(bytes[at - 2], b' ' | b'"' | b'\'' | b'=' | b'&' | b'(');
        letter.is_some_and(|letter| letter.is_ascii_alphabetic()) && starts
    })
}

/// A cheap look before the words are cut: `-N`.
fn may_have_cmdlet(line: &str) -> bool {
    line.as_bytes().windows(2).any(|pair| pair[0] == b'-' && pair[1].is_ascii_uppercase())
}

fn has_percent_variable(line: &str) -> bool {
    if !line.contains('%') {
        return false;
    }
    let mut parts = line.split('%');
    parts.next();
    let parts: Vec<&str> = parts.collect();
    let named = |part: &str| part.len() > 2 && part.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    parts.split_last().is_some_and(|(_, inner)| inner.iter().any(|part| named(part)))
}

struct Splitter<'a> {
    src: &'a [u8],
    pos: usize,
    out: Vec<Segment>,
    /// What stands before each segment.
    joins: Vec<Op>,
    unread: Option<&'static str>,
}

impl Splitter<'_> {
    fn run(&mut self) {
        let mut op = Op::Start;
        while self.pos < self.src.len() {
            if let Some(segment) = self.segment(op) {
                self.out.push(segment);
                self.joins.push(op);
                op = Op::Semi;
            }
            op = self.operator(op);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.src.get(self.pos).copied()
    }

    fn operator(&mut self, before: Op) -> Op {
        let rest = &self.src[self.pos..];
        let (op, length) = match rest {
            [b'&', b'&', ..] => (Op::And, 2),
            [b'|', b'|', ..] => (Op::Or, 2),
            [b'|', ..] => (Op::Pipe, 1),
            [b'\n', ..] => (Op::Newline, 1),
            [b';', ..] => (Op::Semi, 1),
            // The call operator of PowerShell and the separator of cmd are both a plain `&`.
            [_, ..] => (if before == Op::Start { Op::Start } else { Op::Semi }, 1),
            [] => return before,
        };
        self.pos += length;
        let keeps = matches!((op, before), (Op::Semi | Op::Newline, Op::Start)) && self.out.is_empty();
        if keeps { Op::Start } else { op }
    }

    fn segment(&mut self, op: Op) -> Option<Segment> {
        let mut words = Vec::new();
        let mut redirects = Vec::new();
        let mut bounds: Option<(usize, usize)> = None;
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
                self.pos += 1;
            }
            match self.peek() {
                None | Some(b'\n' | b';' | b'|' | b'&' | b'{' | b'}' | b')') => break,
                Some(b'(') if words.is_empty() => break,
                Some(b'#') => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.pos += 1;
                    }
                    break;
                }
                Some(_) => {}
            }
            if let Some(redirect) = self.redirect() {
                redirects.push(redirect);
                continue;
            }
            let word = self.word();
            bounds = Some((bounds.map_or(word.span.start, |(start, _)| start), word.span.end));
            words.push(word);
        }
        drop_values(&mut words);
        if words.is_empty() && redirects.is_empty() {
            return None;
        }
        let (start, end) = bounds.unwrap_or((self.pos, self.pos));
        Some(Segment {
            words,
            assigns: Vec::new(),
            redirects,
            op,
            pipe: (0, 1),
            seen: Seen::Visible,
            negated: false,
            context: Context::Top,
            depth: 0,
            callee: Callee::Program,
            cwd: None,
            span: start..end,
        })
    }

    fn redirect(&mut self) -> Option<Redirect> {
        let rest = &self.src[self.pos..];
        let digits = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit() || **byte == b'*').count();
        let (kind, length) = match &rest[digits..] {
            [b'>', b'>', ..] => (RedirectKind::Append, 2),
            [b'>', b'&', ..] => (RedirectKind::Dup, 2),
            [b'>', ..] => (RedirectKind::Write, 1),
            [b'<', ..] => (RedirectKind::Read, 1),
            _ => return None,
        };
        let fd = std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok());
        self.pos += digits + length;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.pos += 1;
        }
        Some(Redirect { fd, kind, target: self.word(), body: None, of_group: false })
    }

    fn word(&mut self) -> Word {
        let start = self.pos;
        let mut text = Vec::new();
        let mut quoted = false;
        let mut open = 0_u32;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' | b'\'' => {
                    quoted = true;
                    self.quote(byte, &mut text);
                    continue;
                }
                b'(' => open += 1,
                b'@' if self.src.get(self.pos + 1) == Some(&b'{') => {
                    open += 1;
                    self.pos += 1;
                }
                b')' | b'}' if open > 0 => open -= 1,
                b'`' if self.pos + 1 < self.src.len() => self.pos += 1,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'{' | b'}' | b')' | b'>' | b'<' if open == 0 => {
                    break;
                }
                _ => {}
            }
            text.push(self.src[self.pos]);
            self.pos += 1;
        }
        if open > 0 {
            self.unread = self.unread.or(Some(OPEN_BRACKET));
        }
        if self.pos == start {
            self.pos = (self.pos + 1).min(self.src.len());
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let dynamic = text.contains('$') || text.contains('%');
        Word { text, span: start..self.pos.min(self.src.len()), dynamic, commands: false, quoted }
    }

    fn quote(&mut self, quote: u8, text: &mut Vec<u8>) {
        self.pos += 1;
        while let Some(byte) = self.peek() {
            self.pos += 1;
            if byte == quote {
                return;
            }
            if byte == b'`' && quote == b'"' {
                if let Some(next) = self.peek() {
                    text.push(next);
                    self.pos += 1;
                }
                continue;
            }
            text.push(byte);
        }
        self.unread = self.unread.or(Some(OPEN_QUOTE));
    }
}

/// `$x = Get-Content a` runs `Get-Content a`; `$x = 'y'`, `"text"` and the `-replace` behind a bracket run nothing.
fn drop_values(words: &mut Vec<Word>) {
    let Some(first) = words.first() else { return };
    if first.text.starts_with('$') {
        let assigns = words.get(1).is_some_and(|word| matches!(word.text.as_str(), "=" | "+="));
        words.drain(..if assigns { 2 } else { 1 });
        if words.len() == 1 && (words[0].quoted || words[0].dynamic) {
            words.clear();
        }
        if words.first().is_some_and(|word| word.text.starts_with(['-', '='])) {
            words.clear();
        }
        return;
    }
    let text = first.quoted && !first.text.contains(['\\', '/', '.']);
    let method = first.text.starts_with('[') && !first.text.contains("::Write");
    let variable = first.text.len() > 2 && first.text.starts_with('%') && first.text.ends_with('%');
    if text || method || variable || first.text.starts_with('-') {
        words.clear();
    }
}

fn mark_pipes(segments: &mut [Segment]) {
    let mut start = 0;
    for at in 0..=segments.len() {
        if at < segments.len() && (at == 0 || segments[at].op == Op::Pipe) {
            continue;
        }
        let length = (at - start) as u32;
        for (place, segment) in segments[start..at].iter_mut().enumerate() {
            segment.pipe = (place as u32, length);
        }
        start = at;
    }
}

fn mark_seen(segments: &mut [Segment], joins: &[Op]) {
    let mut cwd: Option<std::sync::Arc<str>> = None;
    for segment in segments.iter_mut() {
        segment.cwd.clone_from(&cwd);
        let changes = ["cd", "chdir", "set-location", "pushd", "sl"]
            .iter()
            .any(|name| segment.program().eq_ignore_ascii_case(name));
        if changes {
            cwd = segment
                .words
                .iter()
                .skip(1)
                .find(|word| word.text != "/d" && !word.text.starts_with("-"))
                .map(|word| word.text.as_str().into());
        }
    }
    // From the right: the nearest thing that hides a status decides.
    let mut after = Seen::Visible;
    let mut or_ahead = false;
    for at in (0..segments.len()).rev() {
        let (place, length) = segments[at].pipe;
        segments[at].seen = if place + 1 < length {
            Seen::Pipe
        } else if or_ahead {
            Seen::Or
        } else {
            after
        };
        match joins[at] {
            Op::Or => or_ahead = true,
            Op::Semi | Op::Newline | Op::Background | Op::Start => {
                or_ahead = false;
                after = if keeps_status(&segments[at]) { Seen::Visible } else { Seen::Seq };
            }
            Op::And | Op::Pipe => {}
        }
    }
}

/// `exit $LASTEXITCODE`, `if ($LASTEXITCODE -ne 0) { ... }`
fn keeps_status(segment: &Segment) -> bool {
    segment.words.iter().any(|word| {
        word.text.contains("LASTEXITCODE") || word.text.contains("$?") || word.text.eq_ignore_ascii_case("%errorlevel%")
    }) && (segment.program() == "exit" || segment.program().starts_with("if"))
}
