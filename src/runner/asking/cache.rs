//! Kept replies, by content: `<folder>/<2 digits>/<question>/<judge>.json`. Written once each, never changed; a folder of them opened read-only is
//! a recording.

use super::need_key;
use crate::judges::Recordings;
use crate::model::{
    fault::{Boundary, Fault},
    judge::{JudgeNeed, JudgeReply, Seat},
};
use crate::runner::clock;
use crate::store::{Created, once};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// One kept reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub version: u32,
    /// The question: a hash of everything of it but who answers.
    pub key: String,
    /// The trial or session that was first asked about.
    pub item: String,
    pub criteria: Vec<String>,
    pub seat: Seat,
    #[serde(default)]
    pub again: u32,
    /// Who wrote the reply.
    pub origin: Origin,
    /// RFC 3339, UTC.
    pub when: String,
    pub reply: JudgeReply,
}

/// Who wrote a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A model or a program.
    Judge,
    /// A person, after reading the record.
    Hand,
}

impl Entry {
    pub fn new(need: &JudgeNeed, (item, key): (&str, &str), reply: JudgeReply) -> Entry {
        debug_assert_eq!(need_key(need), key);
        Entry {
            version: 1,
            key: key.to_owned(),
            item: item.to_owned(),
            criteria: need.criteria.clone(),
            seat: need.seat,
            again: need.again,
            origin: Origin::Judge,
            when: clock::now(),
            reply,
        }
    }
}

/// A larger file is no reply of ours.
const LARGEST: u64 = 8 << 20;

/// A folder of kept replies. Everything blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    pub fn at(root: impl Into<PathBuf>) -> Cache {
        Cache { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// # Errors
    /// When what stands there is damaged.
    pub fn get(&self, key: &str, judge: &str) -> Result<Option<JudgeReply>, Fault> {
        let path = folder_of(&self.root, key).join(format!("{judge}.json"));
        Ok(read(&path, key)?.map(|entry| entry.reply))
    }

    /// Keeps a reply; where there is one already, that one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, entry: &Entry, judge: &str) -> Result<Option<JudgeReply>, Fault> {
        let path = folder_of(&self.root, &entry.key).join(format!("{judge}.json"));
        let json = serde_json::to_vec_pretty(entry)
            .map_err(|error| Fault::new(Boundary::Store, "format", format!("a reply cannot be written: {error}")))?;
        match once(&path, &json)? {
            Created::First => Ok(None),
            Created::Existed => self.get(&entry.key, judge),
        }
    }

    /// Every kept reply, in the order of their keys.
    ///
    /// # Errors
    /// When the folder cannot be read, or an entry is damaged.
    pub fn entries(&self) -> Result<Vec<Entry>, Fault> {
        let mut found = Vec::new();
        for shelf in folders(&self.root)? {
            for question in folders(&shelf)? {
                let key = question.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                for path in replies(&question)? {
                    found.extend(read(&path, &key)?);
                }
            }
        }
        Ok(found)
    }
}

impl Recordings for Cache {
    fn find(&self, folder: Option<&Path>, key: &str) -> Result<Option<JudgeReply>, Fault> {
        let question = folder_of(folder.unwrap_or(&self.root), key);
        match replies(&question)?.as_slice() {
            [] => Ok(None),
            [one] => Ok(read(one, key)?.map(|entry| entry.reply)),
            several => Err(Fault::new(
                Boundary::Judge,
                "several",
                format!("{} holds {} replies, of several judges", question.display(), several.len()),
            )
            .hint("keep one of them, or name the judge and take kept replies with `--offline`")),
        }
    }
}

fn folder_of(root: &Path, key: &str) -> PathBuf {
    root.join(key.get(..2).unwrap_or("__")).join(key)
}

fn read(path: &Path, key: &str) -> Result<Option<Entry>, Fault> {
    let damaged = |why: String| {
        Fault::new(Boundary::Store, "damaged", format!("{} is no kept reply: {why}", path.display()))
            .hint("remove the file: the question is asked again")
    };
    let size = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(damaged(error.to_string())),
    };
    if size > LARGEST {
        return Err(damaged(format!("it has {size} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| damaged(error.to_string()))?;
    let entry: Entry = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    match (entry.version, entry.key == key) {
        (1, true) => Ok(Some(entry)),
        (1, false) => Err(damaged("it answers another question".to_owned())),
        (version, _) => Err(damaged(format!("it has the format {version}, of a newer evalrun"))),
    }
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, Fault> {
    Ok(inside(root)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn replies(question: &Path) -> Result<Vec<PathBuf>, Fault> {
    Ok(inside(question)?.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect())
}

/// Sorted; nothing where there is no such folder.
fn inside(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Fault::new(Boundary::Store, "io", format!("cannot read {}: {error}", folder.display())));
        }
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}
