//! Folders that know where they were made. Tools write absolute paths into what they install: scripts name their interpreter,
//! links their target, caches their root. After a copy those still lead to the place of the build, which every trial shares.
//!
//! Text and links are always rewritten. A compiled file can only be if both paths have the same length; otherwise it is left.

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::{ffi::OsString, io};

use aho_corasick::AhoCorasick;

use super::content::Content;
use super::copy::set_mode;
use super::names::{path_of, written};
use super::tree::{Notes, everything, fault, walk};
use crate::model::fault::Fault;

/// Larger files are not looked into.
const MOST_BYTES: u64 = 64 << 20;

/// The paths below `work` that name `work` itself.
pub(super) fn mentions(work: &Path, notes: &mut Notes) -> Result<Vec<String>, Fault> {
    let Some(search) = Search::of(work) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    walk(work, &mut everything, notes, &mut |item| {
        let at = work.join(&item.path);
        let kind = item.meta.file_type();
        let named = if kind.is_symlink() {
            fs::read_link(&at).is_ok_and(|target| search.names(target.as_os_str().as_bytes()))
        } else {
            kind.is_file()
                && Content::read(&at, MOST_BYTES).is_ok_and(|content| content.bytes.is_some_and(|it| search.names(&it)))
        };
        if named {
            found.push(written(&item.path));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Rewrites the first path to the second in the files and links of `copy` that name it.
pub(super) fn rewrite(copy: &Path, mentions: &[String], (from, to): (&Path, &Path)) -> Result<(), Fault> {
    let Some(search) = Search::of(from).filter(|_| from != to) else {
        return Ok(());
    };
    for path in mentions.iter().map(|path| copy.join(path_of(path))) {
        // A copy may hold only a part of what was built.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let done = if meta.is_symlink() {
            search.relink(&path, to)
        } else if meta.is_file() && meta.len() <= MOST_BYTES {
            search.rewrite(&path, to, &meta)
        } else {
            Ok(())
        };
        done.map_err(|why| fault("rewrite", &path, &why))?;
    }
    Ok(())
}

struct Search {
    path: PathBuf,
    automaton: AhoCorasick,
}

impl Search {
    fn of(path: &Path) -> Option<Search> {
        let automaton = AhoCorasick::new([path.as_os_str().as_bytes()]).ok()?;
        Some(Search { path: path.to_owned(), automaton })
    }

    fn names(&self, bytes: &[u8]) -> bool {
        self.automaton.is_match(bytes)
    }

    fn replaced(&self, bytes: &[u8], to: &Path) -> Vec<u8> {
        self.automaton.replace_all_bytes(bytes, &[to.as_os_str().as_bytes()])
    }

    fn relink(&self, path: &Path, to: &Path) -> io::Result<()> {
        let target = fs::read_link(path)?;
        let target = self.replaced(target.as_os_str().as_bytes(), to);
        fs::remove_file(path)?;
        symlink(PathBuf::from(OsString::from_vec(target)), path)
    }

    fn rewrite(&self, path: &Path, to: &Path, meta: &fs::Metadata) -> io::Result<()> {
        let bytes = fs::read(path)?;
        let same_length = self.path.as_os_str().len() == to.as_os_str().len();
        if !self.names(&bytes) || (bytes.contains(&0) && !same_length) {
            return Ok(());
        }
        // Anew instead of in place: a file without write permission can be replaced.
        fs::remove_file(path)?;
        fs::write(path, self.replaced(&bytes, to))?;
        let times = fs::FileTimes::new().set_modified(meta.modified()?);
        fs::File::options().write(true).open(path)?.set_times(times)?;
        set_mode(path, meta.mode()).map_err(io::Error::other)
    }
}
