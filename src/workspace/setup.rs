//! A workspace made ready once and copied for every trial: the files or the revision, the first commit, the `setup` commands.
//!
//! What is ready stands in a cache folder under the hash of everything that made it. Two trials, or two runs, that need the same
//! workspace wait for one another and one of them builds it. A copy stands at another path than the one it was built at, and
//! tools write paths into what they build (`.venv/bin/pip` begins with `#!/.../.venv/bin/python`); so the build remembers which
//! files name its path, and each copy has them rewritten to its own.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::conditions::{Conditions, Seat};
use super::content::Content;
use super::copy::{Onto, copy_tree};
use super::git::{GitSource, check_out, first_commit, resolve};
use super::ignore::Ignore;
use super::moved;
use super::names::{path_of, written};
use super::place::Place;
use super::tree::{Notes, everything, fault, remove, walk};
use crate::model::canon::{self, Domain};
use crate::model::fault::{Boundary, Fault};
use crate::model::task::{Setup, Source, Workspace};
use crate::process::{Cancel, Exit};

/// How often a trial looks whether another one has finished building.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Lines of a failed setup that its fault quotes.
const LAST_LINES: usize = 12;
const CARD: &str = "card.json";

/// Where workspaces are built and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Finished ones, by hash; shared by all runs.
    pub cache: PathBuf,
    /// The base of all places: a build stands beside the trials, so that its path is as long as theirs.
    pub places: PathBuf,
}

/// A workspace that can be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Of everything that went into it.
    pub hash: String,
    /// What a reader of the report has to know.
    pub notes: Vec<String>,
    folder: PathBuf,
    built: PathBuf,
    mentions: Vec<String>,
}

impl Prepared {
    /// The folder as it was made; not to be changed.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Copies it into a place.
    pub fn lay(&self, place: &Place) -> Result<Notes, Fault> {
        let copied = copy_tree(&self.work(), &place.work(), Onto::Nothing)?;
        self.at_home(&place.work(), &place.work()).map(|()| copied.notes)
    }

    /// Makes what the build wrote about its own path true for `path`, in the copy that stands at `copy`.
    pub(super) fn at_home(&self, copy: &Path, path: &Path) -> Result<(), Fault> {
        moved::rewrite(copy, &self.mentions, (&self.built, path))
    }
}

/// Takes the workspace from the cache, or makes it.
pub async fn prepare(wanted: &Workspace, shop: &Shop, conditions: &Conditions<'_>) -> Result<Prepared, Fault> {
    let (source, cache) = (wanted.source.clone(), shop.cache.clone());
    let source = blocking(move || {
        fs::create_dir_all(&cache).map_err(|why| fault("create", &cache, &why))?;
        Exact::of(source)
    })
    .await?;
    let hash = cache_key(&source, wanted)?;
    let folder = shop.cache.join(&hash);
    // Two caches may share one temporary folder.
    let root = Place::path(&shop.places, &format!("setup/{}/{hash}", shop.cache.display()));
    if let Some(ready) = Prepared::read(&folder, &hash) {
        // Whoever built it and was killed just then left the place; nobody else will remove it.
        let left = root.clone();
        blocking(move || remove(&left)).await?;
        return Ok(ready);
    }
    let _lock = lock(&shop.cache.join(format!("{hash}.lock")), conditions.cancel).await?;
    if let Some(ready) = Prepared::read(&folder, &hash) {
        return Ok(ready);
    }
    let ignore = Ignore::new(&wanted.ignore)?;
    let (place, notes) = blocking(move || source.fill(&root, &ignore)).await?;
    // What is shared by all trials must not depend on the seed of the one that came first.
    run_steps(&wanted.setup, &place, &Conditions { seed: 0, ..conditions.clone() }).await?;
    let look_for_paths = !wanted.setup.is_empty();
    blocking(move || finish(&place, &folder, &notes, look_for_paths)).await?;
    Prepared::read(&shop.cache.join(&hash), &hash)
        .ok_or_else(|| Fault::new(Boundary::Workspace, "cache", "a workspace that was just made cannot be read back"))
}

/// Runs setup commands in a place, one after the other; the first that fails ends it.
pub async fn run_steps(steps: &[Setup], place: &Place, conditions: &Conditions<'_>) -> Result<(), Fault> {
    let conditions = conditions.for_setup();
    for step in steps {
        let work = place.work();
        let shown = vec![(work.clone(), work.clone())];
        let seat = Seat { cwd: &work, home: place.home(), tmp: place.tmp(), shown, extra: Vec::new() };
        let output = conditions.run(&step.run, seat, Duration::from_millis(step.timeout_ms)).await?;
        let how = match output.exit {
            Exit::Code(0) => continue,
            Exit::Code(code) => format!("ended with exit code {code}"),
            Exit::Signal(signal) => format!("was ended by signal {signal}"),
            Exit::TimedOut => format!("did not end within {} ms", step.timeout_ms),
            Exit::Cancelled => return Err(cancelled()),
        };
        let said = last_lines(&conditions.printed(&output));
        let message = format!("the setup `{}` {how}{said}", step.run.words());
        let message = conditions.redactor.redact(&message);
        return Err(Fault::new(Boundary::Workspace, "setup", message).hint("run it by hand in a copy of the workspace"));
    }
    Ok(())
}

/// What stands beside a finished workspace.
#[derive(Serialize, Deserialize)]
struct Card {
    version: u32,
    built: String,
    mentions: Vec<String>,
    notes: Vec<String>,
}

impl Card {
    const VERSION: u32 = 1;
}

impl Prepared {
    fn read(folder: &Path, hash: &str) -> Option<Prepared> {
        let card: Card = serde_json::from_slice(&fs::read(folder.join(CARD)).ok()?).ok()?;
        let is_whole = card.version == Card::VERSION && folder.join("work").is_dir();
        is_whole.then(|| Prepared {
            hash: hash.to_owned(),
            notes: card.notes,
            folder: folder.to_owned(),
            built: path_of(&card.built),
            mentions: card.mentions,
        })
    }
}

/// A source whose content is pinned down: a hash of the files, a commit.
enum Exact {
    Empty,
    Copy { path: PathBuf, digest: String },
    Git(GitSource),
}

impl Exact {
    fn of(source: Source) -> Result<Exact, Fault> {
        match source {
            Source::Empty => Ok(Exact::Empty),
            Source::Copy { path } => digest(&path).map(|digest| Exact::Copy { path, digest }),
            Source::Git { url, rev } => {
                let source = GitSource { url, rev };
                resolve(&source).map(|rev| Exact::Git(GitSource { rev, ..source }))
            }
        }
    }

    fn words(&self) -> (&'static str, String) {
        match self {
            Exact::Empty => ("empty", String::new()),
            Exact::Copy { digest, .. } => ("copy", digest.clone()),
            Exact::Git(source) => ("git", format!("{}\n{}", source.url, source.rev)),
        }
    }

    /// Makes the place of a build and puts the files there.
    fn fill(self, root: &Path, ignore: &Ignore) -> Result<(Place, Notes), Fault> {
        let place = Place::fresh(root)?;
        let work = place.work();
        let mut notes = Notes::default();
        match self {
            Exact::Empty => fs::create_dir(&work).map_err(|why| fault("create", &work, &why))?,
            Exact::Copy { path, .. } => notes.take_in(copy_tree(&path, &work, Onto::Nothing)?.notes),
            Exact::Git(source) => drop(check_out(&source, &work, &ignore.for_git())?),
        }
        first_commit(&work, &ignore.for_git(), &mut notes)?;
        Ok((place, notes))
    }
}

/// A hash of everything in a folder: paths, kinds, modes, contents, links. The same folder gives the same hash anywhere.
pub fn digest(root: &Path) -> Result<String, Fault> {
    let mut hasher = blake3::Hasher::new();
    let mut notes = Notes::default();
    walk(root, &mut everything, &mut notes, &mut |item| {
        let at = root.join(&item.path);
        let kind = item.meta.file_type();
        let (sign, body) = if kind.is_dir() {
            ("dir", Vec::new())
        } else if kind.is_symlink() {
            ("link", fs::read_link(&at).map_err(|why| fault("read", &at, &why))?.as_os_str().as_bytes().to_vec())
        } else if kind.is_file() {
            ("file", Content::read(&at, 0).map_err(|why| fault("read", &at, &why))?.hash.into_bytes())
        } else {
            return Ok(());
        };
        let mode = if kind.is_symlink() { 0 } else { item.meta.mode() & 0o7777 };
        for part in [sign.as_bytes(), item.path.as_os_str().as_bytes(), &mode.to_le_bytes(), &body] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Ok(())
    })?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn cache_key(source: &Exact, wanted: &Workspace) -> Result<String, Fault> {
    let (kind, content) = source.words();
    let key = (Card::VERSION, kind, content, &wanted.setup, &wanted.env, &wanted.ignore);
    canon::hash(Domain::Workspace, &key)
        .map_err(|why| Fault::new(Boundary::Workspace, "cache", format!("the workspace cannot be hashed: {why}")))
}

/// Waits for whoever builds the same workspace. Polls, so that a cancelled trial stops waiting.
async fn lock(path: &Path, cancel: &Cancel) -> Result<File, Fault> {
    let file = File::create(path).map_err(|why| fault("create", path, &why))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => return Err(cancelled()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(TryLockError::Error(why)) => return Err(fault("lock", path, &why)),
        }
    }
}

/// Moves a finished build into the cache; the last rename makes it visible, whole.
fn finish(place: &Place, folder: &Path, notes: &Notes, look_for_paths: bool) -> Result<(), Fault> {
    let (work, mut notes) = (place.work(), notes.clone());
    let mentions = if look_for_paths { moved::mentions(&work, &mut notes)? } else { Vec::new() };
    let card = Card { version: Card::VERSION, built: written(&work), mentions, notes: notes.lines() };
    let part = folder.with_extension("part");
    remove(&part)?;
    fs::create_dir(&part).map_err(|why| fault("create", &part, &why))?;
    let target = part.join("work");
    if fs::rename(&work, &target).is_err() {
        // Another file system.
        copy_tree(&work, &target, Onto::Nothing)?;
    }
    let write = || -> io::Result<()> {
        fs::write(part.join(CARD), serde_json::to_vec_pretty(&card)?)?;
        nix::unistd::syncfs(File::open(&part)?)?;
        fs::rename(&part, folder)
    };
    write().map_err(|why| fault("write", folder, &why))?;
    place.clear()
}

fn cancelled() -> Fault {
    Fault::new(Boundary::Workspace, "cancelled", "the setup was cancelled")
}

/// The end of an output, as a continuation of a sentence.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    if last.is_empty() { " and printed nothing".to_owned() } else { format!(":\n{last}") }
}

/// Work on files, off the threads that serve everybody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let lost = |why: tokio::task::JoinError| {
        Fault::new(Boundary::Workspace, "files", format!("the work on the files broke off: {why}"))
    };
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}
