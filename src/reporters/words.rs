//! Numbers, times and foreign text as people read them.
//!
//! Everything that an agent, a workspace or a suite wrote is foreign. `visible` makes each sign of it harmless to look at: an escape sequence
//! becomes `␛[31m`, a right-to-left override `⟨U+202E⟩`, and nothing is dropped.

use std::borrow::Cow;
use std::fmt::Write;

/// `0.83`; what is no number is a question mark, never a zero.
pub(super) fn score(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "?".to_owned() }
}

/// A metric's value: whole numbers as counts, others with at most three decimals.
pub(super) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return grouped(&format!("{value:.0}"));
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Half the width of an interval around `mean`, as `0.11`.
pub(super) fn half(low: Option<f64>, high: Option<f64>) -> Option<String> {
    let half = (high? - low?) / 2.0;
    half.is_finite().then(|| format!("{half:.2}"))
}

/// `1 task`, `3 tasks`.
pub(super) fn plural(count: usize, word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if count != 1 => format!("{} {stem}ies", number(count as u64)),
        _ => format!("{} {word}{}", number(count as u64), if count == 1 { "" } else { "s" }),
    }
}

/// `12,345`.
pub(super) fn number(count: u64) -> String {
    grouped(&count.to_string())
}

/// `850 ms`, `12.3 s`, `3 min 20 s`, `2 h 05 min`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", seconds, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Since the trial began: `0:07.4`, `12:30.0`.
pub(super) fn clock(ms: u64) -> String {
    format!("{}:{:02}.{}", ms / 60_000, ms / 1000 % 60, ms % 1000 / 100)
}

/// micro-USD as `0.0042 USD` or `12.30 USD`.
pub(super) fn usd(micro: u64) -> String {
    let value = micro as f64 / 1e6;
    if micro < 1_000_000 { format!("{value:.4} USD") } else { format!("{value:.2} USD") }
}

/// `512 B`, `1.2 kB`, `3.4 MB`.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// A list as in a sentence: `a, b and c`.
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Foreign text with every sign that could hide or move something written out.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\r' if signs.peek() == Some(&'\n') => {}
            '\u{7f}' => out.push('\u{2421}'),
            '\0'..='\u{1f}' if is_hidden(sign) => out.push(char::from_u32(0x2400 + sign as u32).unwrap_or('\u{fffd}')),
            _ if is_hidden(sign) => {
                let _ = write!(out, "⟨U+{:04X}⟩", sign as u32);
            }
            _ => out.push(sign),
        }
    }
    Cow::Owned(out)
}

/// Foreign text on one line: white space folded, cut with a mark after `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for sign in visible(word).chars() {
            if count >= most {
                out.push('…');
                return out;
            }
            out.push(sign);
            count += 1;
        }
    }
    out
}

/// Controls, what moves the direction of writing, and what breaks a line unseen.
fn is_hidden(sign: char) -> bool {
    match sign {
        '\n' | '\t' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}' => true,
        '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [score(0.834), score(f64::NAN), figure(1234.0), figure(0.5), figure(-1500.0)],
            ["0.83", "?", "1,234", "0.5", "-1,500"]
        );
        assert_eq!(
            [duration(850), duration(12_340), duration(200_000), duration(7_500_000)],
            ["850 ms", "12.3 s", "3 min 20 s", "2 h 05 min"]
        );
        assert_eq!(
            [usd(4200), usd(12_300_000), bytes(512), bytes(1234)],
            ["0.0042 USD", "12.30 USD", "512 B", "1.2 kB"]
        );
        assert_eq!([plural(1, "task"), plural(2, "task"), plural(3, "query")], ["1 task", "2 tasks", "3 queries"]);
        assert_eq!(and(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    #[test]
    fn nothing_hides_and_nothing_is_lost() {
        assert_eq!(visible("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(visible("a\0b\u{1b}[31m\r\nc\rd"), "a␀b␛[31m\nc␍d");
        assert_eq!(visible("x\u{202e}y\u{2028}"), "x⟨U+202E⟩y⟨U+2028⟩");
        assert_eq!(one_line("  a\n b\tcdef ", 5), "a b c…");
        assert_eq!(one_line("abc", 3), "abc");
    }
}
