//! Files of the workspace read and changed; nothing outside it is, whatever links say.

use super::tools::Done;
use crate::{
    model::trace::{ResultStatus, Text},
    process::Keeper,
};
use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read},
    path::{Component, Path, PathBuf},
};

/// A file that is edited is held in memory whole.
const MOST_EDITED: u64 = 16 << 20;

/// A line longer than this is cut in what `read` shows.
const LONGEST_LINE: u64 = 64 << 10;

/// A file's content before and after; no content before: it was not there.
pub(super) struct Changed {
    pub before: Option<String>,
    pub after: String,
}

/// The real place of a path, if it lies in the workspace.
pub(super) fn inside(root: &Path, path: &str) -> Result<PathBuf, String> {
    let relative = Path::new(path);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("{path} leaves the workspace"));
    }
    let root = root.canonicalize().map_err(|error| format!("the workspace cannot be found: {error}"))?;
    let place = resolved(&root.join(relative)).map_err(|error| format!("{path}: {error}"))?;
    if place.starts_with(&root) { Ok(place) } else { Err(format!("{path} leads out of the workspace")) }
}

/// The file's lines, each with its number, as far as `cap` bytes reach.
pub(super) fn read(root: &Path, path: &str, (lines, cap): (Option<(u32, u32)>, u64)) -> Result<Done, String> {
    let mut file = BufReader::new(open(root, path)?);
    let (first, last) = lines.unwrap_or((1, u32::MAX));
    let mut keeper = Keeper::new(cap);
    let mut number = 0;
    while number < last {
        let Some(line) = next_line(&mut file).map_err(|error| format!("{path}: {error}"))? else { break };
        number += 1;
        if number >= first {
            keeper.push(format!("{number:>6}\t").as_bytes());
            keeper.push(&line);
            keeper.push(b"\n");
        }
    }
    if number < first && lines.is_some() {
        return Err(format!("{path} has {number} lines"));
    }
    let kept = keeper.finish();
    let (inline, lossy) = kept.text();
    let output = Text { inline, lossy, ..Text::default() };
    Ok(Done { output, dropped: kept.dropped, ..Done::said(ResultStatus::Ok, String::new()) })
}

/// Replaces what stands in the file exactly once.
pub(super) fn edit(root: &Path, path: &str, (old, new): (&str, &str)) -> Result<Changed, String> {
    let before = content(root, path)?;
    let found = before.matches(old).count();
    if found != 1 {
        return Err(match found {
            0 => format!("{path}: the text to replace is not in the file"),
            _ => format!("{path}: the text to replace is in the file {found} times; it has to be unique"),
        });
    }
    let after = before.replacen(old, new, 1);
    put(root, path, &after)?;
    Ok(Changed { before: Some(before), after })
}

/// Creates or overwrites a file.
pub(super) fn write(root: &Path, path: &str, text: String) -> Result<Changed, String> {
    let place = inside(root, path)?;
    let before = match place.symlink_metadata() {
        Ok(_) => Some(content(root, path).or_else(|why| if place.is_file() { Ok(String::new()) } else { Err(why) })?),
        Err(_) => None,
    };
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{path}: {error}"))?;
    }
    put(root, path, &text)?;
    Ok(Changed { before, after: text })
}

/// Whether the beginning of a file looks like text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0)
}

/// Like `canonicalize`, but what is at the end of the path need not be there.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A link that leads nowhere would be followed by a write.
            if path.symlink_metadata().is_ok() {
                return Err(std::io::Error::other("is a link that leads nowhere"));
            }
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(resolved(parent)?.join(name)),
                _ => Err(error),
            }
        }
        other => other,
    }
}

fn open(root: &Path, path: &str) -> Result<fs::File, String> {
    let place = inside(root, path)?;
    let found = place.metadata().map_err(|error| format!("{path}: {}", plain(&error)))?;
    if found.is_dir() {
        return Err(format!("{path} is a folder"));
    }
    if !found.is_file() {
        return Err(format!("{path} is no regular file"));
    }
    fs::File::open(place).map_err(|error| format!("{path}: {}", plain(&error)))
}

fn content(root: &Path, path: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = open(root, path)?.take(MOST_EDITED + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{path}: {error}"))?;
    if bytes.len() as u64 > MOST_EDITED {
        return Err(format!("{path} is larger than {} MiB", MOST_EDITED >> 20));
    }
    String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8 text"))
}

fn put(root: &Path, path: &str, text: &str) -> Result<(), String> {
    fs::write(inside(root, path)?, text).map_err(|error| format!("{path}: {}", plain(&error)))
}

/// The next line without its end, cut where it is longer than anybody reads.
fn next_line(file: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == LONGEST_LINE {
        file.skip_until(b'\n')?;
        line.extend_from_slice(b" [line cut]");
    }
    Ok(Some(line))
}

/// What went wrong, without the numbers of the system.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_path_leads_out(path in "([a-c.]{1,3}|out|up|in)(/([a-c.]{1,3}|out|up|in)){0,4}") {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("root");
            fs::create_dir_all(root.join("a/b")).unwrap();
            fs::create_dir(folder.path().join("outside")).unwrap();
            symlink("../outside", root.join("out")).unwrap();
            symlink("..", root.join("up")).unwrap();
            symlink("a/b", root.join("in")).unwrap();
            symlink("../../outside/new", root.join("a/b/c")).unwrap();
            let written = write(&root, &path, "x".to_owned()).is_ok();
            // `a/.` is a file once it was written: then its path leads nowhere any more.
            if let (true, Ok(place)) = (written, inside(&root, &path)) {
                prop_assert!(place.starts_with(root.canonicalize().unwrap()));
            }
            prop_assert_eq!(fs::read_dir(folder.path().join("outside")).unwrap().count(), 0);
            prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_long_line_is_cut_and_a_large_file_bounded() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("long"), "x".repeat(1 << 20) + "\nshort\n").unwrap();
        let done = read(folder.path(), "long", (None, 1 << 20)).unwrap();
        assert_eq!(done.output.inline.len(), (64 << 10) + "     1\t [line cut]\n     2\tshort\n".len());
        let done = read(folder.path(), "long", (None, 1_000)).unwrap();
        assert!(done.dropped > 60_000 && done.output.inline.len() < 1_100);
    }
}
