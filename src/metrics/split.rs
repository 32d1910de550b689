//! Words of long texts, cut at marks by a table: what tools give back is most of a trace, and some metrics look at every word of it.

/// Characters that words end at.
pub struct Marks {
    ascii: [bool; 128],
    other: fn(char) -> bool,
}

impl Marks {
    /// The ASCII characters for which `ascii` stands in the list, and those beyond ASCII for which `other` holds.
    pub const fn of(list: &[u8], other: fn(char) -> bool) -> Marks {
        let mut ascii = [false; 128];
        let mut at = 0;
        while at < list.len() {
            ascii[list[at] as usize] = true;
            at += 1;
        }
        Marks { ascii, other }
    }

    /// Everything between letters, digits and the characters of the list.
    pub const fn but(list: &[u8]) -> Marks {
        let mut ascii = [false; 128];
        let mut at = 0;
        while at < 128 {
            ascii[at] = !(at as u8).is_ascii_alphanumeric();
            at += 1;
        }
        let mut at = 0;
        while at < list.len() {
            ascii[list[at] as usize] = false;
            at += 1;
        }
        Marks { ascii, other: |letter| !letter.is_alphanumeric() }
    }

    /// The words between marks; none is empty.
    pub fn split<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while let Some(length) = self.mark(text, at) {
                at += length;
            }
            let start = at;
            while at < text.len() && self.mark(text, at).is_none() {
                at += 1;
                while !text.is_char_boundary(at) {
                    at += 1;
                }
            }
            (start < at).then(|| &text[start..at])
        })
    }

    /// The length of the mark that stands here, if one does.
    fn mark(&self, text: &str, at: usize) -> Option<usize> {
        let byte = *text.as_bytes().get(at)?;
        if byte.is_ascii() {
            return self.ascii[usize::from(byte)].then_some(1);
        }
        let letter = text[at..].chars().next()?;
        (self.other)(letter).then_some(letter.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_words_are_those_of_a_plain_split(text in "[ -~\u{a0}\u{3000}é—…\n\t:]{0,60}") {
            static COLON: Marks = Marks::of(b" \t\n\x0b\x0c\r:", char::is_whitespace);
            let plain = text.split(|mark: char| mark.is_whitespace() || mark == ':').filter(|word| !word.is_empty());
            prop_assert_eq!(COLON.split(&text).collect::<Vec<_>>(), plain.collect::<Vec<_>>());
            static NAMES: Marks = Marks::but(b"_.");
            let plain = text.split(|mark: char| !(mark.is_alphanumeric() || mark == '_' || mark == '.'));
            prop_assert_eq!(NAMES.split(&text).collect::<Vec<_>>(), plain.filter(|word| !word.is_empty()).collect::<Vec<_>>());
        }
    }
}
