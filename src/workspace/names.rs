//! File names as text, without losing any: a name that is not UTF-8 is written with `\xNN` for each odd byte and `\\` for a
//! backslash, and can be read back to the same bytes. Everything else stands as it is, so that manifests stay readable.
//!
//! `caf\xe9.txt` is the Latin-1 name of a file; `a\\b` is a file whose name holds a backslash.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// The name as text; [`path_of`] is its inverse.
pub fn written(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                other => text.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The bytes of a written name. A backslash that starts no escape stands for itself.
pub fn path_of(written: &str) -> PathBuf {
    let bytes = written.as_bytes();
    let mut raw = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (read, width) = if byte == b'\\' { escape(&bytes[at..]) } else { (byte, 1) };
        raw.push(read);
        at += width;
    }
    PathBuf::from(OsString::from_vec(raw))
}

/// Whether a relative path stays below the folder it is joined to.
pub fn stays_inside(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a link at `at` (relative to the workspace) with this target leads out of the workspace, read as text only.
pub fn leads_out(at: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return true;
    }
    let mut depth = at.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    false
}

fn escape(rest: &[u8]) -> (u8, usize) {
    match rest {
        [_, b'\\', ..] => (b'\\', 2),
        [_, b'x', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => (high * 16 + low, 4),
            _ => (b'\\', 1),
        },
        _ => (b'\\', 1),
    }
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_name_comes_back(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let path = PathBuf::from(OsString::from_vec(raw));
            prop_assert_eq!(path_of(&written(&path)), path);
        }

        #[test]
        fn any_text_is_read(text in "(\\\\|x|[0-9a-f]|é){0,12}") {
            let _ = path_of(&text);
        }
    }

    #[test]
    fn names_and_links() {
        assert_eq!(written(Path::new("a/b c.txt")), "a/b c.txt");
        assert_eq!(written(&PathBuf::from(OsString::from_vec(b"caf\xe9\\x".to_vec()))), "caf\\xe9\\\\x");
        let inside = ["a", "a/b"].map(|path| stays_inside(Path::new(path)));
        let outside = ["", "/a", "../a", "a/../../b", "."].map(|path| stays_inside(Path::new(path)));
        assert_eq!((inside, outside), ([true; 2], [false; 5]));
        let links = [("l", "x"), ("d/l", "../x"), ("d/l", "../../x"), ("l", "/etc"), ("l", "d/../../x")];
        assert_eq!(links.map(|(at, to)| leads_out(Path::new(at), Path::new(to))), [false, false, true, true, true]);
    }
}
