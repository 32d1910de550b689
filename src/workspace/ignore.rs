//! What stays out of snapshots and diffs: folders that tools fill again (installed packages, caches, build output), the
//! workspace's own `.git`, and what the suite names. A manifest lists what was there and left out, so that a report can say so.
//!
//! A pattern without a slash matches a name at any depth (`node_modules`), one with a slash is read from the workspace's root
//! (`docs/build`). `target` alone would be a name that people use for other things: it counts only beside a build file.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::model::fault::{Boundary, Fault};

/// Folders that are left out whatever the suite says.
pub const ALWAYS: &[&str] = &[
    "node_modules",
    ".venv",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".gradle",
    ".next",
    ".nuxt",
    ".parcel-cache",
    ".turbo",
];
/// Build output, known by the file beside it.
const BUILT: &[(&str, &[&str])] = &[("target", &["Cargo.toml", "pom.xml", "build.sbt"])];

/// The compiled rules of one workspace.
#[derive(Clone, Debug)]
pub struct Ignore {
    globs: GlobSet,
    written: Vec<String>,
}

impl Ignore {
    /// The suite's patterns on top of the built-in ones.
    pub fn new(written: &[String]) -> Result<Ignore, Fault> {
        let globs = globs(written.iter().map(|glob| rooted(glob)))?;
        Ok(Ignore { globs, written: written.to_vec() })
    }

    /// Whether this path, and everything below it, stays out.
    pub fn leaves_out(&self, root: &Path, path: &Path, is_dir: bool) -> bool {
        path == Path::new(".git") || self.globs.is_match(path) || (is_dir && is_made(root, path))
    }

    /// What git should not show as new: the suite's patterns and the built-in names.
    pub fn for_git(&self) -> Vec<String> {
        let named = ALWAYS.iter().map(|name| format!("{name}/"));
        named
            .chain(self.written.iter().map(|glob| if glob.contains('/') { format!("/{glob}") } else { glob.clone() }))
            .collect()
    }
}

/// A set of globs in which `*` stops at a slash, as in every place where the suite names files.
pub fn globs(patterns: impl Iterator<Item = String>) -> Result<GlobSet, Fault> {
    let mut set = GlobSetBuilder::new();
    let bad = |why: globset::Error| Fault::new(Boundary::Workspace, "glob", format!("a file pattern is wrong: {why}"));
    for pattern in patterns {
        set.add(GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(true).build().map_err(bad)?);
    }
    set.build().map_err(bad)
}

fn rooted(glob: &str) -> String {
    let glob = glob.trim_end_matches('/');
    match glob.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None if glob.contains('/') => glob.to_owned(),
        None => format!("**/{glob}"),
    }
}

fn is_made(root: &Path, path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let parent = root.join(path.parent().unwrap_or(Path::new("")));
    let beside = |files: &[&str]| files.iter().any(|file| parent.join(file).symlink_metadata().is_ok());
    ALWAYS.contains(&name) || BUILT.iter().any(|(built, files)| *built == name && beside(files))
}
