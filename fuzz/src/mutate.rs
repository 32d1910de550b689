//! Changes to an input. Half of them know nothing of its form; the others move words, lines and JSON values, so that the result is
//! often still read far enough to reach something new.

use std::ops::Range;

/// xorshift64*: the same seed gives the same inputs.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// In `0..most`; 0 where there is nothing to choose.
    pub fn below(&mut self, most: usize) -> usize {
        (self.next() >> 33) as usize % most.max(1)
    }

    fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length);
        let most = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(most + 1)
    }
}

/// What a change may take from.
pub struct Store<'s> {
    pub words: &'s [&'s str],
    /// Another input.
    pub other: &'s [u8],
    /// No input gets longer.
    pub most: usize,
}

/// One to eight changes, mostly few.
pub fn mutate(input: &[u8], store: &Store<'_>, random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1usize << random.below(4) {
        change(&mut bytes, store, random);
    }
    bytes.truncate(store.most);
    bytes
}

const NUMBERS: &[&str] =
    &["0", "-1", "1", "4294967295", "4294967296", "9223372036854775807", "18446744073709551616", "1e999", "0.5"];
const VALUES: &[&str] =
    &["null", "true", "\"\"", "[]", "{}", "[[]]", "\"\\ud800\"", "{\"a\":1}", "-1", "1e309", "\"a\""];

fn change(bytes: &mut Vec<u8>, store: &Store<'_>, random: &mut Random) {
    let length = bytes.len();
    let at = random.below(length + 1);
    let word = store.words.get(random.below(store.words.len())).unwrap_or(&"");
    match random.below(16) {
        0 => flip(bytes, random),
        1 if length > 0 => bytes[at.min(length - 1)] = random.next() as u8,
        2 => bytes.insert(at, random.next() as u8),
        3 | 4 => put(bytes, at..at, word.as_bytes()),
        5 => put(bytes, at..(at + word.len()).min(length), word.as_bytes()),
        6 => put(bytes, at..at, word.repeat(1 << random.below(8)).as_bytes()),
        7 => drop(bytes.drain(random.range(length))),
        8 => {
            let part = bytes[random.range(length)].to_vec();
            put(bytes, at..at, &part.repeat(1 << random.below(4)));
        }
        9 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&store.other[random.below(store.other.len())..]);
        }
        10 => put(bytes, at..at, &store.other[random.range(store.other.len())]),
        11 => {
            let digits = span(bytes, at, |byte| byte.is_ascii_digit());
            put(bytes, digits, NUMBERS[random.below(NUMBERS.len())].as_bytes());
        }
        12 => {
            let line = span(bytes, at, |byte| byte != b'\n');
            let other = span(store.other, random.below(store.other.len()), |byte| byte != b'\n');
            let place = if random.below(2) == 0 { line.end..line.end } else { line };
            put(bytes, place, &[b"\n", &store.other[other]].concat());
        }
        13 => {
            let line = span(bytes, at, |byte| byte != b'\n');
            let end = (line.end + 1).min(length);
            if random.below(2) == 0 {
                drop(bytes.drain(line.start..end));
            } else {
                let again = bytes[line.start..end].to_vec();
                put(bytes, end..end, &again);
            }
        }
        _ => json(bytes, store.other, random),
    }
    bytes.truncate(store.most);
}

/// A value goes, becomes another kind, or gives way to one of the other input or of its own.
fn json(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let Some(old) = value(bytes, random.below(bytes.len())) else { return flip(bytes, random) };
    match random.below(4) {
        0 => drop(bytes.drain(old)),
        1 => put(bytes, old, VALUES[random.below(VALUES.len())].as_bytes()),
        2 => {
            let own = value(bytes, random.below(bytes.len())).map(|own| bytes[own].to_vec());
            put(bytes, old, &own.unwrap_or_default());
        }
        _ => {
            let theirs = value(other, random.below(other.len())).map(|theirs| other[theirs].to_vec());
            put(bytes, old, &theirs.unwrap_or_default());
        }
    }
}

/// The first JSON value that begins at or after a place.
fn value(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let rest = bytes.get(from..)?;
    let start = from + rest.iter().position(|byte| b"{[\"".contains(byte) || byte.is_ascii_digit())?;
    let (mut depth, mut quoted, mut at) = (0usize, false, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ if quoted || depth > 0 || byte.is_ascii_alphanumeric() || b"+-.".contains(byte) => {}
            _ => return Some(start..at),
        }
        at += 1;
        if depth == 0 && !quoted && b"}]\"".contains(byte) {
            return Some(start..at.min(bytes.len()));
        }
    }
    None
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}

fn put(bytes: &mut Vec<u8>, place: Range<usize>, new: &[u8]) {
    bytes.splice(place, new.iter().copied());
}

/// The bytes around a place that are of a kind.
fn span(bytes: &[u8], at: usize, of: impl Fn(u8) -> bool) -> Range<usize> {
    let at = at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|byte| !of(*byte)).map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|byte| !of(*byte)).map_or(bytes.len(), |after| at + after);
    start..end
}
