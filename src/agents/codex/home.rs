//! The `CODEX_HOME` of a trial: made fresh, configured, lent the user's login where the suite says so; its rollouts kept at the end.
//!
//! Kept is only what is named like a rollout, is a plain file of one name, and stands below `sessions`: never the configuration, the
//! login, a link. All of it goes through the redactor.

use super::{config, login};
use crate::{
    agents::Seat,
    model::fault::{Boundary, Fault},
    process::redact::Redactor,
};
use serde_json::Value;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Bytes of rollouts that are kept of a trial; what is more is cut at a line's end.
const MOST_BYTES: u64 = 64 << 20;
/// Rollouts that are kept: the thread's own and its sub-agents'.
const MOST_FILES: usize = 64;

/// A trial's `CODEX_HOME`. Dropping it takes the lent login away.
pub struct Home {
    folder: PathBuf,
    native: PathBuf,
    lent: Option<Vec<u8>>,
    /// Where the lent login stands, by a path without links.
    copy: PathBuf,
}

impl Home {
    /// Makes the folder, writes the configuration, lends the login.
    ///
    /// # Errors
    /// When it cannot be written, or there is no login to lend.
    pub fn prepare(seat: &Seat, approvals: &str) -> Result<Home, Fault> {
        let folder = seat.home.join(".codex");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| unwritten(&folder, &error))?;
        private(&folder.join("config.toml"), configuration(seat, approvals).as_bytes())?;
        let copy = folder.canonicalize().map_err(|error| unwritten(&folder, &error))?.join("auth.json");
        let mut home = Home { folder, native: seat.native.clone(), lent: None, copy };
        if login::wanted(&seat.spec) && seat.model_at.is_none() {
            let bytes = login::lend()?;
            private(&home.login(), &bytes)?;
            home.lent = Some(bytes);
        }
        Ok(home)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn login(&self) -> PathBuf {
        self.folder.join("auth.json")
    }

    /// Keeps the rollouts and takes the login away. Blocks. Says what a reader should know.
    pub fn leave(self, redactor: &Redactor) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(lent) = &self.lent
            && fs::read(self.login()).is_ok_and(|now| now != *lent)
        {
            notes.push("codex renewed the login it was lent; yours may ask you to log in again".to_owned());
        }
        let mut left = MOST_BYTES;
        let found = rollouts(&self.folder.join("sessions"), &mut notes);
        if found.is_empty() {
            notes.push("codex left no rollout: the trace has only what came live".to_owned());
        }
        for file in found {
            if let Err(error) = copy(&file, &self.native, (&mut left, redactor), &mut notes) {
                notes.push(format!("a rollout was not kept: {}: {error}", name(&file)));
            }
        }
        notes
    }
}

/// The `config.toml` of a seat.
pub fn configuration(seat: &Seat, approvals: &str) -> String {
    config::config(&config::Given {
        model: seat.spec.model.as_deref(),
        settings: seat.spec.rest.get("settings").unwrap_or(&Value::Null),
        key: seat.spec.secrets.first().map(String::as_str),
        model_at: seat.model_at.as_deref(),
        workspace: &seat.workspace.to_string_lossy(),
        approvals,
    })
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.lent.is_some() && crate::agents::login::is_ours(&self.copy) {
            // Where it is gone already, that is what was wanted.
            let _ = fs::remove_file(&self.copy);
        }
    }
}

/// Rollouts below `sessions`, oldest first, without following any link.
fn rollouts(sessions: &Path, notes: &mut Vec<String>) -> Vec<PathBuf> {
    if !fs::symlink_metadata(sessions).is_ok_and(|meta| meta.is_dir()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut odd = 0_u64;
    for entry in walkdir::WalkDir::new(sessions).max_depth(6).sort_by_file_name().into_iter().flatten() {
        let file = entry.path().to_owned();
        if !(name(&file).starts_with("rollout-") && name(&file).ends_with(".jsonl")) {
            continue;
        }
        match fs::symlink_metadata(&file) {
            Ok(meta) if meta.is_file() && meta.nlink() == 1 && found.len() < MOST_FILES => found.push(file),
            Ok(_) | Err(_) => odd += 1,
        }
    }
    if odd > 0 {
        notes.push(format!("{odd} files among the rollouts were left out: links, no plain files, or too many"));
    }
    found
}

fn copy(file: &Path, into: &Path, (left, redactor): (&mut u64, &Redactor), notes: &mut Vec<String>) -> io::Result<()> {
    let no_follow = nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits();
    let source = OpenOptions::new().read(true).custom_flags(no_follow).open(file)?;
    if !source.metadata()?.is_file() {
        return Err(io::Error::other("is no plain file"));
    }
    fs::create_dir_all(into)?;
    let mut out = OpenOptions::new().write(true).create_new(true).open(into.join(plain(&name(file))))?;
    let mut lines = BufReader::new(source);
    let mut hidden = redactor.stream();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut lines, *left + 1).read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        if read > *left {
            notes.push(format!("{} was cut: rollouts are kept up to {} MiB", name(file), MOST_BYTES >> 20));
            break;
        }
        *left -= read;
        out.write_all(&hidden.push(&line))?;
    }
    out.write_all(&hidden.finish())
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn plain(name: &str) -> String {
    let good = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    name.chars().map(good).take(200).collect()
}

/// Writes a file that only this user may read.
fn private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = open.and_then(|mut file: File| file.write_all(bytes));
    written.map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Boundary::Workspace, "codex_home", format!("cannot write {}: {error}", path.display()))
}
