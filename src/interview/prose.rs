//! Sentences of a message that its author speaks: code, quotations and tables are left out.
//!
//! A question mark in a code block or in somebody else's words asks nothing of the reader, so everything that is not the author's own running text is
//! masked first, byte for byte, and sentences are cut from the masked text. `Use "really?" here. Which port?` holds the sentences `Use "really?" here.`
//! and `Which port?`; only the second ends in a mark.

use std::ops::Range;

/// Quotations longer than this are prose between two stray marks.
const QUOTE: usize = 300;
/// An inline code span that is not closed within this many bytes is a stray backtick.
const CODE: usize = 400;
/// Matching looks at the end of a sentence, where the question stands.
const LONGEST: usize = 2000;
/// A line at least this long that ends in the middle of a sentence was wrapped.
const WRAPPED: usize = 50;

/// Masked code and quotations, until they become one letter each.
const CODE_MARK: u8 = 1;
const QUOTE_MARK: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Text,
    Item,
    Heading,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence<'t> {
    /// As written, without list marks.
    pub text: &'t str,
    /// Lower case, straight apostrophes, single spaces, code and quotations masked.
    pub plain: String,
    pub block: Block,
    /// Ends in a question mark.
    pub marked: bool,
    /// Ends in a colon with a list below it.
    pub lead: bool,
    /// The next sentence of the same block is no question.
    pub answered: bool,
    /// Bytes of statements between this sentence and the end of the message.
    pub after: usize,
}

pub(super) fn sentences(text: &str) -> Vec<Sentence<'_>> {
    let masked = mask(text);
    let blocks = blocks(&masked);
    let mut found = Vec::new();
    for (at, (kind, range)) in blocks.iter().enumerate() {
        let list_below = blocks.get(at + 1).is_some_and(|(next, _)| *next == Block::Item);
        let ranges = cut(&masked, range.clone());
        let last = ranges.len().saturating_sub(1);
        for (n, range) in ranges.into_iter().enumerate() {
            let plain = normal(&masked[range.clone()]);
            found.push(Sentence {
                text: strip_marks(&text[range]),
                marked: plain.ends_with('?'),
                lead: n == last && list_below && plain.ends_with(':'),
                plain,
                block: *kind,
                answered: n < last,
                after: 0,
            });
        }
    }
    look_ahead(&mut found);
    found
}

fn look_ahead(found: &mut [Sentence<'_>]) {
    let (mut after, mut asks_next) = (0, false);
    for sentence in found.iter_mut().rev() {
        sentence.after = after;
        sentence.answered = sentence.answered && !asks_next;
        if !sentence.marked {
            after += sentence.plain.len();
        }
        asks_next = sentence.marked;
    }
}

/// The text with everything but running prose replaced by ASCII letters or spaces, the length unchanged.
fn mask(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    blank_thoughts(text, &mut bytes);
    if let Some(unclosed) = mask_lines(text, &mut bytes, 0..text.len(), Fences::Honoured) {
        // A fence that never closes was cut off by a recorder: what follows is read as prose.
        mask_lines(text, &mut bytes, unclosed..text.len(), Fences::Ignored);
    }
    String::from_utf8(bytes).unwrap_or_default()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fences {
    Honoured,
    Ignored,
}

/// The offset after an opening fence that is never closed.
fn mask_lines(text: &str, bytes: &mut [u8], range: Range<usize>, fences: Fences) -> Option<usize> {
    let mut open: Option<(char, usize, usize)> = None;
    let mut closed_lines = Vec::new();
    let mut start = range.start;
    for line in text[range].split_inclusive('\n') {
        let end = start + line.len();
        let body = line.trim();
        match (fence(body), open) {
            (Some((mark, length)), Some((opened, least, _)))
                if mark == opened && length >= least && body.len() == length =>
            {
                closed_lines.push(start..end);
                for range in closed_lines.drain(..) {
                    fill(bytes, range, b' ');
                }
                open = None;
            }
            (_, Some(_)) => closed_lines.push(start..end),
            (Some((mark, length)), None) => {
                fill(bytes, start..end, b' ');
                if fences == Fences::Honoured {
                    open = Some((mark, length, end));
                }
            }
            (None, None) if body.starts_with('>') || body.starts_with('|') => fill(bytes, start..end, b' '),
            (None, None) => mask_inline(line, start, bytes),
        }
        start = end;
    }
    open.map(|(_, _, after)| after)
}

fn fence(line: &str) -> Option<(char, usize)> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = line.bytes().take_while(|b| *b as char == mark).count();
    (length >= 3 && !line[length..].contains('`')).then_some((mark, length))
}

/// Some models leak their reasoning into the message.
fn blank_thoughts(text: &str, bytes: &mut [u8]) {
    if !text.contains("<think") {
        return;
    }
    for (open, close) in [("<think>", "</think>"), ("<thinking>", "</thinking>")] {
        let mut from = 0;
        while let Some(start) = text[from..].find(open).map(|at| from + at) {
            let Some(end) = text[start..].find(close).map(|at| start + at + close.len()) else { break };
            fill(bytes, start..end, b' ');
            from = end;
        }
    }
}

fn fill(bytes: &mut [u8], range: Range<usize>, with: u8) {
    for byte in &mut bytes[range] {
        if *byte != b'\n' {
            *byte = with;
        }
    }
}

fn mask_inline(line: &str, offset: usize, bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = line.as_bytes()[at..].iter().position(|byte| OPENS[usize::from(*byte)]) {
        at += found;
        let rest = &line[at..];
        if rest.starts_with('h') && !rest.starts_with("http") {
            at += 1;
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        let span = match c {
            '`' => code_span(rest),
            '"' | '\'' if opens_quote(line[..at].chars().next_back()) => straight_quote(rest, c),
            '“' => paired(rest, '”'),
            '‘' => paired(rest, '’'),
            '«' => paired(rest, '»'),
            '「' => paired(rest, '」'),
            'h' => url(rest),
            _ => None,
        };
        let length = span.unwrap_or_else(|| if c == '`' { ticks(rest) } else { c.len_utf8() });
        if span.is_some() {
            let with = if c == '`' { CODE_MARK } else { QUOTE_MARK };
            fill(bytes, offset + at..offset + at + length, with);
        }
        at += length;
    }
}

/// First bytes of what may open a span: most of a line is passed without a closer look.
const OPENS: [bool; 256] = {
    let mut opens = [false; 256];
    let first = b"`\"'h\xE2\xC2\xE3";
    let mut at = 0;
    while at < first.len() {
        opens[first[at] as usize] = true;
        at += 1;
    }
    opens
};

fn opens_quote(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || "([{*_-—–:/".contains(c))
}

fn ticks(rest: &str) -> usize {
    rest.bytes().take_while(|b| *b == b'`').count()
}

fn code_span(rest: &str) -> Option<usize> {
    let open = ticks(rest);
    let mut at = open;
    while at < rest.len().min(CODE) {
        if rest.as_bytes()[at] != b'`' {
            at += 1;
            continue;
        }
        let close = rest.as_bytes()[at..].iter().take_while(|b| **b == b'`').count();
        at += close;
        if close == open {
            return Some(at);
        }
    }
    None
}

fn straight_quote(rest: &str, mark: char) -> Option<usize> {
    let most = if mark == '"' { QUOTE } else { QUOTE / 4 };
    let mut inner = rest.char_indices().skip(1).take_while(|(at, _)| *at < most).peekable();
    if inner.peek().is_none_or(|(_, c)| c.is_whitespace()) {
        return None;
    }
    let (at, _) = inner.find(|(at, c)| *c == mark && !rest[at + 1..].starts_with(char::is_alphanumeric))?;
    Some(at + 1)
}

fn paired(rest: &str, close: char) -> Option<usize> {
    let (at, c) = rest.char_indices().take_while(|(at, _)| *at < QUOTE).find(|(_, c)| *c == close)?;
    Some(at + c.len_utf8())
}

fn url(rest: &str) -> Option<usize> {
    if !rest.starts_with("http://") && !rest.starts_with("https://") {
        return None;
    }
    let end = rest.find(|c: char| c.is_whitespace() || "()<>]`\"'".contains(c)).unwrap_or(rest.len());
    // A mark at the very end belongs to the sentence.
    Some(rest[..end].trim_end_matches(['?', '.', '!', ',']).len())
}

fn blocks(masked: &str) -> Vec<(Block, Range<usize>)> {
    let mut found: Vec<(Block, Range<usize>)> = Vec::new();
    let mut wrapped = false;
    let mut start = 0;
    for line in masked.split_inclusive('\n') {
        let end = start + line.len();
        let body = line.trim();
        let skip = line.len() - line.trim_start().len();
        match (kind(body), found.last_mut()) {
            (None, _) => {}
            (Some((Block::Text, _)), Some((Block::Text | Block::Item, range))) if wrapped => range.end = end,
            (Some((block, mark)), _) => found.push((block, start + skip + mark..end)),
        }
        wrapped = body.len() >= WRAPPED && !body.ends_with(|c: char| ".!?:;。！？：".contains(c));
        start = end;
    }
    found
}

/// What a line is, and the length of its list or heading mark.
fn kind(body: &str) -> Option<(Block, usize)> {
    if !body.contains(is_word) {
        return None;
    }
    let hashes = body.bytes().take_while(|b| *b == b'#').count();
    if (1..=6).contains(&hashes) && body[hashes..].starts_with(' ') {
        return Some((Block::Heading, hashes));
    }
    for bold in ["**", "__"] {
        if body.len() > 4 && body.starts_with(bold) && body.ends_with(bold) && !body[2..body.len() - 2].contains(bold) {
            return Some((Block::Heading, 0));
        }
    }
    Some(item_mark(body).map_or((Block::Text, 0), |mark| (Block::Item, mark)))
}

fn item_mark(body: &str) -> Option<usize> {
    let bullet = body.chars().next().filter(|c| "-*+•–·".contains(*c)).map(char::len_utf8);
    let mark = bullet.or_else(|| {
        let open = usize::from(body.starts_with('('));
        let digits = body[open..].bytes().take_while(u8::is_ascii_digit).count();
        let label =
            if digits > 0 { digits } else { usize::from(body[open..].starts_with(|c: char| c.is_ascii_alphabetic())) };
        let close = body.get(open + label..)?.starts_with(['.', ')']);
        (label > 0 && label <= 3 && close).then_some(open + label + 1)
    })?;
    body[mark..].starts_with(char::is_whitespace).then_some(mark)
}

fn cut(masked: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut from) = (range.start, range.start);
    let may_end = |byte: &u8| matches!(byte, b'.' | b'?' | b'!') || !byte.is_ascii();
    while let Some(at) = masked.as_bytes()[from..range.end].iter().position(may_end).map(|at| from + at) {
        let rest = &masked[at..range.end];
        let Some(c) = rest.chars().next() else { break };
        if !is_end(c) {
            from = at + c.len_utf8();
            continue;
        }
        let after = rest[c.len_utf8()..].trim_start_matches(|c: char| is_end(c) || closes(c));
        let end = range.end - after.len();
        from = end;
        let boundary = after.chars().next().is_none_or(char::is_whitespace) || !c.is_ascii();
        if boundary && !(c == '.' && abbreviates(&masked[start..at])) {
            found.push(start..end);
            start = end;
        }
    }
    found.push(start..range.end);
    found.retain(|range| masked[range.clone()].contains(is_word));
    found
}

/// Masked code and quotations count as words.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == char::from(CODE_MARK) || c == char::from(QUOTE_MARK)
}

fn is_end(c: char) -> bool {
    matches!(c, '.' | '?' | '!' | '。' | '？' | '！' | '؟' | '…')
}

/// What may stand between the end of a sentence and the next.
fn closes(c: char) -> bool {
    matches!(c, ')' | '"' | '\'' | '*' | '_' | ']' | '”' | '’' | '»' | '~')
}

fn abbreviates(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    ["e.g", "i.e", "eg", "ie", "vs", "cf", "approx", "resp"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Bytes that stay as they are but for their case, with no closer look.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'}' {
        plain[byte as usize] = !matches!(byte, b'*' | b'#' | b'_');
        byte += 1;
    }
    plain
};

fn normal(masked: &str) -> String {
    let mut plain = String::with_capacity(masked.len());
    let mut pending = false;
    let mut last = ' ';
    let mut rest = tail(masked);
    loop {
        let run = rest.bytes().position(|byte| !PLAIN[usize::from(byte)]).unwrap_or(rest.len());
        let (letters, more) = rest.split_at(run);
        if !letters.is_empty() {
            if pending && !plain.is_empty() {
                plain.push(' ');
            }
            (pending, last) = (false, ' ');
            plain.push_str(letters);
        }
        let Some(c) = more.chars().next() else { break };
        rest = &more[c.len_utf8()..];
        let repeated = std::mem::replace(&mut last, c) == c;
        let c = match c {
            '\u{1}' | '\u{2}' if repeated => continue,
            '\u{1}' => 'x',
            '\u{2}' => 'q',
            '？' | '؟' => '?',
            '！' => '!',
            '。' => '.',
            '：' => ':',
            '，' => ',',
            '’' | '‘' => '\'',
            '*' | '~' | '#' => continue,
            '_' | '\u{200b}' => ' ',
            other => other,
        };
        if c.is_whitespace() {
            pending = true;
            continue;
        }
        if pending && !plain.is_empty() {
            plain.push(' ');
        }
        pending = false;
        plain.extend(c.to_lowercase());
    }
    plain.make_ascii_lowercase();
    let end = plain.trim_end_matches(|c: char| !c.is_alphanumeric() && !"?:.!".contains(c)).len();
    plain.truncate(end);
    if let Some(mark) = plain.rfind(|c: char| c.is_alphanumeric()) {
        let after = mark + plain[mark..].chars().next().map_or(1, char::len_utf8);
        if plain[after..].contains('?') {
            plain.truncate(after);
            plain.push('?');
        }
    }
    plain
}

fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LONGEST);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

fn strip_marks(text: &str) -> &str {
    text.trim().trim_matches(|c| c == '*' || c == '_' || c == '#').trim()
}
