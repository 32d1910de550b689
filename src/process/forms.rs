//! The forms a secret takes on its way through programs: as it is, in base64, in a URL, in JSON.
//!
//! `curl -v` prints an `Authorization: Basic` line, a log quotes a URL, a transcript holds JSON in JSON. Each form becomes a pattern
//! of its own, so that redaction is one search and no guess.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::redact::SHORTEST_SECRET;

/// Columns after which programs break base64: `base64` itself, and mail.
const WRAPS: [usize; 2] = [76, 64];

/// A piece of a broken base64 text shorter than this also stands in texts that are no secret.
const SHORTEST_PIECE: usize = 16;

/// A line of a longer value shorter than this may be an ordinary word.
const SHORTEST_LINE: usize = 16;

/// Every form of a value that is looked for, each once.
pub(super) fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    parts(value).into_iter().flat_map(forms_of_part).collect()
}

/// The value; without the newline that a file gave it; the lines of a key, which programs print one by one.
fn parts(value: &str) -> BTreeSet<&str> {
    let mut parts = BTreeSet::from([value]);
    parts.extend(Some(value.trim()).filter(|trimmed| trimmed.len() >= SHORTEST_SECRET));
    let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"));
    parts.extend(lines);
    parts
}

fn forms_of_part(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.as_bytes().to_vec()]);
    forms.extend(base64_forms(value.as_bytes()));
    forms.extend(percent_forms(value).into_iter().map(String::into_bytes));
    for once in json_forms(value) {
        forms.extend(json_forms(&once).into_iter().map(String::into_bytes));
        forms.insert(once.into_bytes());
    }
    forms
}

/// The value alone, padded or not, and the value inside of something longer: there it begins at one of three places within a group,
/// and only the characters made of its bits alone are the same whatever stands around it.
fn base64_forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for alphabet in [&STANDARD, &URL_SAFE] {
        let alone = engine(alphabet).encode(value);
        for before in 0..3 {
            let whole = engine(alphabet).encode([&vec![0; before], value].concat());
            let inner = &whole.as_bytes()[(before * 8).div_ceil(6)..(before + value.len()) * 8 / 6];
            forms.push(inner.to_vec());
        }
        let padded = format!("{alone}{}", "=".repeat((4 - alone.len() % 4) % 4));
        forms.extend(broken(&padded));
        // With a newline after the value, as `echo` gives it, the last characters are others.
        forms.extend(broken(&alone[..value.len() * 8 / 6]));
        forms.push(padded.into_bytes());
        forms.push(alone.into_bytes());
    }
    forms
}

fn broken(encoded: &str) -> impl Iterator<Item = Vec<u8>> {
    let lines = WRAPS.into_iter().flat_map(|wrap| encoded.as_bytes().chunks(wrap));
    lines.filter(|line| line.len() >= SHORTEST_PIECE).map(<[u8]>::to_vec)
}

fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, GeneralPurposeConfig::new().with_encode_padding(NO_PADDING))
}

const NO_PADDING: bool = false;

/// Programs differ in what they leave as it is, and in the case of the digits.
fn percent_forms(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for kept in ["-._~", "-_.!~*'()", "-._*+", "-_.~!*'();:@&=+$,/?#"] {
        for digits in [Digits::Upper, Digits::Lower] {
            let encoded = percent(value, kept, digits);
            forms.push(encoded.replace("%20", "+"));
            forms.push(encoded);
        }
    }
    forms
}

#[derive(Clone, Copy)]
enum Digits {
    Upper,
    Lower,
}

fn percent(value: &str, kept: &str, digits: Digits) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        let character = char::from(byte);
        let written = match digits {
            _ if character.is_ascii_alphanumeric() || (byte.is_ascii() && kept.contains(character)) => {
                write!(out, "{character}")
            }
            Digits::Upper => write!(out, "%{byte:02X}"),
            Digits::Lower => write!(out, "%{byte:02x}"),
        };
        // Writing to a string cannot fail.
        let _ = written;
    }
    out
}

/// As JSON strings hold it: characters outside ASCII as they are or escaped, `/` with or without its backslash.
fn json_forms(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for wide in [Wide::Plain, Wide::Escaped(Digits::Upper), Wide::Escaped(Digits::Lower)] {
        let escaped = json(value, wide);
        forms.push(escaped.replace('/', "\\/"));
        forms.push(escaped);
    }
    forms
}

#[derive(Clone, Copy)]
enum Wide {
    Plain,
    Escaped(Digits),
}

fn json(value: &str, wide: Wide) -> String {
    let mut out = String::new();
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => out.push_str(&escape(character, wide)),
        }
    }
    out
}

fn escape(character: char, wide: Wide) -> String {
    let units = |digits: Digits| -> String {
        let mut pair = [0; 2];
        let written = character.encode_utf16(&mut pair).iter().map(|unit| match digits {
            Digits::Upper => format!("\\u{unit:04X}"),
            Digits::Lower => format!("\\u{unit:04x}"),
        });
        written.collect()
    };
    match wide {
        Wide::Plain if character < ' ' => units(Digits::Lower),
        Wide::Plain => character.to_string(),
        Wide::Escaped(digits) => units(digits),
    }
}
