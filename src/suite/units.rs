//! Quantities as people write them: `10m`, `16MiB`, `5 USD`, `2M`.
//!
//! A number without its unit is the mistake that costs most when it is guessed, so it is never guessed.

use super::node::{Read, Scalar, number};

/// What went wrong with a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A bare number where a unit is needed.
    NoUnit,
    Unreadable,
    /// Nothing, where nothing makes no sense.
    Zero,
}

/// A kind of quantity: its units with their sizes, and an example.
pub struct Units {
    pub name: &'static str,
    pub example: &'static str,
    /// The whole rest after the number must be one of them.
    pub units: &'static [(&'static str, f64)],
    /// Whether a bare number stands for itself.
    pub bare: bool,
    /// Whether it may be 0.
    pub zero: bool,
}

/// Milliseconds.
pub const DURATION: Units = Units {
    name: "a duration",
    example: "90s, 10m or 4h",
    units: &[("ms", 1.0), ("s", 1000.0), ("m", 60_000.0), ("h", 3_600_000.0)],
    bare: false,
    zero: false,
};

/// Bytes.
pub const SIZE: Units = Units {
    name: "a size",
    example: "64KiB or 16MiB",
    units: &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0)],
    bare: false,
    zero: false,
};

/// Micro-USD.
pub const MONEY: Units =
    Units { name: "an amount of money", example: "5 USD", units: &[("USD", 1_000_000.0)], bare: false, zero: true };

/// A count, which may carry k or M.
pub const COUNT: Units = Units {
    name: "a count",
    example: "400, 20k or 2M",
    units: &[("k", 1000.0), ("M", 1_000_000.0)],
    bare: true,
    zero: true,
};

/// A count of what there must be one of.
pub const SOME: Units = Units { zero: false, ..COUNT };

impl Units {
    /// A scalar: for a count, also any number YAML knows.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_scalar(&self, scalar: &Scalar) -> Result<u64, Wrong> {
        match (self.bare && scalar.read() == Read::Number, number(&scalar.text).and_then(|number| number.as_f64())) {
            (true, Some(value)) if value.fract() == 0.0 => self.whole(value),
            (true, _) => Err(Wrong::Unreadable),
            (false, _) => self.read(&scalar.text),
        }
    }

    /// # Errors
    /// When the text is no number followed by one of the units.
    pub fn read(&self, text: &str) -> Result<u64, Wrong> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().map_err(|_| Wrong::Unreadable)?;
        let unit = text[digits..].trim_start_matches(' ');
        let size = match self.units.iter().find(|(name, _)| *name == unit) {
            Some((_, size)) => *size,
            None if unit.is_empty() && self.bare && number.fract() == 0.0 => 1.0,
            None if unit.is_empty() && !self.bare => return Err(Wrong::NoUnit),
            None => return Err(Wrong::Unreadable),
        };
        self.whole(number * size)
    }

    /// Positive, finite, within what JSON numbers hold exactly; what is not 0 does not become it.
    fn whole(&self, number: f64) -> Result<u64, Wrong> {
        let rounded = if number > 0.0 { number.round().max(1.0) } else { number };
        if !(0.0..=9_007_199_254_740_992.0).contains(&rounded) {
            return Err(Wrong::Unreadable);
        }
        if rounded == 0.0 && !self.zero {
            return Err(Wrong::Zero);
        }
        // In range by the lines above.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(rounded as u64)
    }

    /// The same language as a regular expression, for the schema.
    pub fn pattern(&self) -> String {
        let units: Vec<&str> = self.units.iter().map(|(name, _)| *name).collect();
        let bare = if self.bare { "[0-9]+|" } else { "" };
        let some = if self.zero { "" } else { "(?=.*[1-9])" };
        format!("^{some}({bare}([0-9]+(\\.[0-9]*)?|\\.[0-9]+) *({}))$", units.join("|"))
    }

    /// "write `10s`, `10m` or `10h`" for the number somebody wrote.
    pub fn hint(&self, text: &str) -> String {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        match (self.name, digits.is_empty()) {
            ("a duration", false) => format!("write `{digits}s`, `{digits}m` or `{digits}h`"),
            ("a size", false) => format!("write `{digits}KiB` or `{digits}MiB`"),
            ("an amount of money", false) => format!("write `{digits} USD`"),
            _ => format!("for example {}", self.example),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNT, DURATION, MONEY, SIZE, Wrong};

    #[test]
    fn units_are_read_and_never_guessed() {
        assert_eq!(DURATION.read("10m"), Ok(600_000));
        assert_eq!(DURATION.read("1.5h"), Ok(5_400_000));
        assert_eq!(DURATION.read("10"), Err(Wrong::NoUnit));
        assert_eq!(DURATION.read("10 min"), Err(Wrong::Unreadable));
        assert_eq!(SIZE.read("16MiB"), Ok(16 << 20));
        assert_eq!(MONEY.read("0.25 USD"), Ok(250_000));
        assert_eq!(MONEY.read("5 EUR"), Err(Wrong::Unreadable));
        assert_eq!(COUNT.read("2M"), Ok(2_000_000));
        assert_eq!(DURATION.read("0.0h"), Err(Wrong::Zero));
        assert_eq!(MONEY.read("0 USD"), Ok(0));
        assert_eq!(COUNT.read("400"), Ok(400));
        assert_eq!(COUNT.read("-1"), Err(Wrong::Unreadable));
        assert_eq!(DURATION.read("99999999999999999999h"), Err(Wrong::Unreadable));
    }
}
