//! How many tokens a text may take: estimated from above, so that no request is refused for its length.
//!
//! Tokenizers differ and are not at hand. Words count one token per six letters begun, digits one per two, signs and line breaks one each,
//! everything beyond ASCII one per byte but one; and never less than a third of the bytes. Providers give about four bytes of English a token, and
//! fewer for code and for noise (hex, base64), which is why signs and digits count by themselves.

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
    fn words_digits_signs_and_foreign_letters_count() {
        assert_eq!(
            estimate("The quick brown fox jumps over the lazy dog."),
            15,
            "a third of 44 bytes: more than its 10 words and signs"
        );
        assert_eq!(estimate("a(b){c};"), 8, "letters and signs");
        assert_eq!(estimate("01234567"), 4, "two digits a token");
        assert_eq!(estimate("日本語"), 6);
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
