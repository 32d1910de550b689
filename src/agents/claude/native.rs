//! Claude Code's own session files, copied beside the trace: they tell times and what the stream leaves out.
//!
//! An allow-list: the session's file and those of its sub-agents, nothing else under the home, so never a login. The agent could
//! write to all of it; links are not followed, and what is too long is cut at a line's end.

use crate::process::redact::Redactor;
use std::{
    fs,
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Bytes of session files that are kept of a trial.
const MOST: u64 = 64 << 20;

/// Files of sub-agents that are kept.
const MOST_FILES: usize = 200;

/// Where the files of one session are, and where their copies go.
pub(super) struct Files<'a> {
    pub home: &'a Path,
    pub native: &'a Path,
    pub session: &'a str,
    pub redactor: &'a Redactor,
}

impl Files<'_> {
    /// Copies them; says what a reader should know.
    pub fn keep(&self) -> Vec<String> {
        if !is_plain(self.session) {
            return vec!["the session's own files were not kept: its id is no name of a file".to_owned()];
        }
        let mut notes = Vec::new();
        let mut left = MOST;
        let found = self.found();
        if found.is_empty() {
            notes.push("Claude Code left no session file; the trace is what it said on its output".to_owned());
        }
        for (from, to) in found {
            if let Err(why) = self.copy(&from, &self.native.join(to), &mut left) {
                notes.push(format!("{}: {why}", from.strip_prefix(self.home).unwrap_or(&from).display()));
            }
        }
        notes
    }

    /// Each file with its name in the copy.
    fn found(&self) -> Vec<(PathBuf, PathBuf)> {
        let mut found = Vec::new();
        let own = format!("{}.jsonl", self.session);
        let Some(projects) = folder(&self.home.join(".claude")).and_then(|claude| folder(&claude.join("projects")))
        else {
            return found;
        };
        for project in entries(&projects).into_iter().filter_map(|path| folder(&path)) {
            if !is_file(&project.join(&own)) {
                continue;
            }
            found.push((project.join(&own), PathBuf::from(&own)));
            let sides = folder(&project.join(self.session)).and_then(|session| folder(&session.join("subagents")));
            let beside = entries(&project).into_iter().map(|path| (path, PathBuf::new()));
            let below = sides.iter().flat_map(|sides| entries(sides));
            let below = below.map(|path| (path, Path::new(self.session).join("subagents")));
            let of_agents = below.chain(beside).filter(|(path, _)| is_of_sub_agent(path) && is_file(path));
            found.extend(
                of_agents
                    .take(MOST_FILES)
                    .map(|(path, to)| (path.clone(), to.join(path.file_name().unwrap_or_default()))),
            );
            break;
        }
        found
    }

    fn copy(&self, from: &Path, to: &Path, left: &mut u64) -> Result<(), String> {
        let said = |error: std::io::Error| format!("not kept: {error}");
        if *left == 0 {
            return Err("not kept: the session files of this trial are too long".to_owned());
        }
        let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        let file = fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(from).map_err(said)?;
        let length = file.metadata().map_err(said)?.len();
        let mut bytes = Vec::new();
        file.take(*left).read_to_end(&mut bytes).map_err(said)?;
        let cut = length > bytes.len() as u64;
        if cut {
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            bytes.truncate(end);
        }
        *left = left.saturating_sub(bytes.len() as u64);
        let folder = to.parent().unwrap_or(self.native);
        fs::create_dir_all(folder).map_err(said)?;
        fs::write(to, self.redactor.redact_bytes(&bytes)).map_err(said)?;
        if cut { Err(format!("cut: {} of {length} bytes were kept", bytes.len())) } else { Ok(()) }
    }
}

/// The folder itself, never what a link leads to.
fn folder(path: &Path) -> Option<PathBuf> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir).map(|_| path.to_owned())
}

fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// In the order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn is_of_sub_agent(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("agent-").and_then(|rest| rest.strip_suffix(".jsonl")).is_some_and(is_plain)
}

/// An id that can only name a file in a folder.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 128 && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::os::unix::fs::symlink;

    const SESSION: &str = "8b1ca142-1dd7";

    struct Bed {
        folder: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Bed {
            let bed = Bed { folder: tempfile::tempdir().unwrap() };
            let project = bed.project();
            fs::create_dir_all(project.join(SESSION).join("subagents")).unwrap();
            fs::write(bed.project().join(format!("{SESSION}.jsonl")), "{\"key\":\"sk-secret-1\"}\n").unwrap();
            fs::write(project.join(SESSION).join("subagents/agent-a1.jsonl"), "{}\n").unwrap();
            fs::write(project.join("agent-b2.jsonl"), "{}\n").unwrap();
            bed
        }

        fn project(&self) -> PathBuf {
            self.folder.path().join("home/.claude/projects/-w")
        }

        fn keep(&self, session: &str, redactor: &Redactor) -> (Vec<String>, Vec<String>) {
            let native = self.folder.path().join("native");
            let home = self.folder.path().join("home");
            let notes = Files { home: &home, native: &native, session, redactor }.keep();
            let mut kept = Vec::new();
            below(&native, &native, &mut kept);
            (notes, kept)
        }
    }

    fn below(root: &Path, folder: &Path, kept: &mut Vec<String>) {
        for path in entries(folder) {
            if path.is_dir() {
                below(root, &path, kept);
            } else {
                kept.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn the_session_and_its_sub_agents_are_kept_without_secrets_and_nothing_else() {
        let bed = Bed::new();
        fs::write(bed.folder.path().join("home/.claude/.credentials.json"), "{}").unwrap();
        fs::write(bed.project().join("other.jsonl"), "{}").unwrap();
        let redactor = Redactor::new(&[("MY_KEY".to_owned(), "sk-secret-1".to_owned())]).unwrap();
        let (notes, kept) = bed.keep(SESSION, &redactor);
        assert_eq!(notes, Vec::<String>::new());
        let own = format!("{SESSION}.jsonl");
        assert_eq!(kept, [&*format!("{SESSION}/subagents/agent-a1.jsonl"), &own, "agent-b2.jsonl"]);
        let text = fs::read_to_string(bed.folder.path().join("native").join(own)).unwrap();
        assert!(!text.contains("sk-secret-1") && text.contains("MY_KEY"), "{text}");
    }

    #[test]
    fn links_are_not_followed_and_an_id_is_no_path() {
        let bed = Bed::new();
        let secret = bed.folder.path().join("secret");
        fs::write(&secret, "the user's own").unwrap();
        let own = bed.project().join(format!("{SESSION}.jsonl"));
        symlink(&secret, bed.project().join("agent-link.jsonl")).unwrap();
        let (_, kept) = bed.keep(SESSION, &Redactor::none());
        assert!(!kept.iter().any(|name| name.contains("link")), "{kept:?}");
        fs::remove_file(&own).unwrap();
        symlink(&secret, &own).unwrap();
        fs::remove_dir_all(bed.folder.path().join("native")).unwrap();
        let (notes, kept) = bed.keep(SESSION, &Redactor::none());
        assert_eq!(kept, Vec::<String>::new());
        assert_eq!(notes, ["Claude Code left no session file; the trace is what it said on its output"]);
        let (notes, _) = bed.keep("../../../etc/passwd", &Redactor::none());
        assert_eq!(notes, ["the session's own files were not kept: its id is no name of a file"]);
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_lines_end() {
        let bed = Bed::new();
        let home = bed.folder.path().join("home");
        let native = bed.folder.path().join("native");
        let files = Files { home: &home, native: &native, session: SESSION, redactor: &Redactor::none() };
        let from = bed.project().join("agent-b2.jsonl");
        fs::write(&from, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n").unwrap();
        let mut left = 18;
        let why = files.copy(&from, &native.join("x.jsonl"), &mut left).unwrap_err();
        assert_eq!(why, "cut: 16 of 24 bytes were kept");
        assert_eq!(fs::read_to_string(native.join("x.jsonl")).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
        assert_eq!(left, 2);
    }
}
