//! Text from outside as data: nothing in it can end its fence, speak with another role, or hide from the reader.
//!
//! Control, zero-width and direction characters are written out (`\u{200b}`). What looks like one of our fences or like a chat format's role
//! mark, in any case, full width or with characters hidden in it, gets its first character written out. Every line of data then stands behind
//! a margin (`| `), so that no line of it can look like one of ours.

use super::injection::speaks_to_a_judge;
use regex::Regex;
use std::sync::LazyLock;

/// Before every line of data.
pub const MARGIN: &str = "| ";

/// A text made safe, and whether it held something that tries to be more than data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Escaped {
    pub text: String,
    pub suspect: bool,
}

/// What marks a fence (`<record-NONCE>` to `</record-NONCE>`) or a role, looked for in the folded text.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?im)<\s*/?\s*record|<\s*\|\s*/?[a-z_ ]{1,24}\|?\s*>?|\[\s*/?\s*inst\s*\]|<<\s*/?\s*sys\s*>>",
        r"|<\s*/?\s*(?:system|assistant|user|human|developer|instructions?|prompt|transcript|data)(?:[\s-][^<>\n]{0,40})?>",
        r"|^[\s>*#-]{0,8}(?:system|assistant|developer|human|judge|grader)\s*(?:message|prompt|note|override)?\s*:",
        r"|^\s*#{1,6}\s*(?:system|instructions?|assistant|developer)\b",
        r"|\b(?:begin|end)\s+of\s+(?:the\s+)?(?:record|transcript|data|prompt|instructions)\b"
    ))
    .ok()
});

/// Of them, those that no file of a project holds by chance.
static TELLTALE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)<\s*/?\s*record\s*-|<\s*\|\s*(?:im_|system|assistant|user|end)|\[\s*/?\s*inst\s*\]|<<\s*/?\s*sys\s*>>",
    )
    .ok()
});

/// Makes a text safe to stand in a prompt as data; `read_back` undoes it.
pub fn escape(text: &str) -> Escaped {
    let folded = Folded::of(text);
    let marks: Vec<usize> = MARKS
        .as_ref()
        .map(|marks| marks.find_iter(&folded.text).map(|found| folded.place(found)).collect())
        .unwrap_or_default();
    let mut out = String::with_capacity(text.len() + 16);
    let mut next = marks.iter().copied().peekable();
    for (at, character) in text.char_indices() {
        let marked = next.next_if_eq(&at).is_some();
        if marked || is_hidden(character) { written_out(&mut out, character) } else { out.push(character) }
    }
    let telltale = !marks.is_empty() && TELLTALE.as_ref().is_some_and(|telltale| telltale.is_match(&folded.text));
    let suspect = telltale || speaks_to_a_judge(&folded.text);
    Escaped { text: out, suspect }
}

/// On one line.
pub fn escape_line(text: &str) -> String {
    escape(&text.split_whitespace().collect::<Vec<_>>().join(" ")).text
}

/// `\u{200b}` and the like as the character again, so that a quote can be compared whichever way the judge wrote it.
pub fn read_back(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\u{") {
        out.push_str(&rest[..at]);
        let hex: &str = &rest[at + 3..];
        let end = hex.bytes().take(7).position(|byte| byte == b'}');
        let character = end.and_then(|end| char::from_u32(u32::from_str_radix(&hex[..end], 16).ok()?));
        match (character, end) {
            (Some(character), Some(end)) => {
                out.push(character);
                rest = &hex[end + 1..];
            }
            _ => {
                out.push_str("\\u{");
                rest = hex;
            }
        }
    }
    out.push_str(rest);
    out
}

fn written_out(out: &mut String, character: char) {
    out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
}

/// Characters that a reader does not see, or that turn what is seen around.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' => true,
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        character => character.is_control(),
    }
}

/// A text as a careless reader takes it: hidden characters gone, full width as ASCII, look-alike brackets as brackets. Case is left to whoever
/// looks.
struct Folded {
    text: String,
    /// Byte in `text` -> byte in the original, for each character.
    places: Vec<(usize, usize)>,
}

impl Folded {
    fn of(original: &str) -> Folded {
        let mut folded = Folded { text: String::with_capacity(original.len()), places: Vec::new() };
        let mut shift = 0isize;
        for (at, character) in original.char_indices() {
            let seen = if is_hidden(character) && character != '\r' { None } else { Some(seen_as(character)) };
            let Some(seen) = seen else { continue };
            let here = folded.text.len();
            let now = at.cast_signed() - here.cast_signed();
            if now != shift || folded.places.is_empty() {
                folded.places.push((here, at));
                shift = now;
            }
            folded.text.push(seen);
        }
        folded
    }

    /// Where the first character of a match that is not white space stands in the original.
    fn place(&self, found: regex::Match<'_>) -> usize {
        let blank = found.as_str().len() - found.as_str().trim_start().len();
        let at = found.start() + blank;
        let index = self.places.partition_point(|(here, _)| *here <= at);
        match index.checked_sub(1).and_then(|index| self.places.get(index)) {
            Some((here, original)) => original + (at - here),
            None => at,
        }
    }
}

fn seen_as(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\r' => '\n',
        // Letters of mathematics: bold, italic, script and the like, 52 to an alphabet.
        '\u{1d400}'..='\u{1d6a3}' => {
            let nth = (u32::from(character) - 0x1d400) % 52;
            char::from_u32(if nth < 26 { 65 + nth } else { 71 + nth }).unwrap_or(character)
        }
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2039}' | '\u{3008}' | '\u{2329}' | '\u{27e8}' | '\u{fe64}' => '<',
        '\u{203a}' | '\u{3009}' | '\u{232a}' | '\u{27e9}' | '\u{fe65}' => '>',
        '\u{2215}' | '\u{2044}' => '/',
        '\u{2223}' => '|',
        character => character,
    }
}

/// Behind the margin, line by line.
pub fn behind_margin(out: &mut String, text: &str) {
    for line in text.lines() {
        out.push_str(MARGIN);
        out.push_str(line);
        out.push('\n');
    }
}
