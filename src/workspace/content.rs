//! The content store of a trial: one file per content, named by its blake3 hash, written once and whole. What goes in has been
//! through the caller's redactor, so that a name in a manifest and the bytes in the store may differ: `stored` in an entry says
//! which content stands for it.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::copy::open_plain;
use super::tree::fault;
use crate::model::fault::Fault;

/// A file read once: its hash, and its bytes unless there are too many.
pub(super) struct Content {
    pub size: u64,
    pub hash: String,
    pub bytes: Option<Vec<u8>>,
}

impl Content {
    /// Reads a regular file. Above `most` bytes only the hash is kept, however much the file grows meanwhile.
    pub fn read(path: &Path, most: u64) -> io::Result<Content> {
        let mut file = open_plain(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        let first = bytes.len() as u64;
        if first <= most {
            return Ok(Content { size: first, hash: hasher.finalize().to_hex().to_string(), bytes: Some(bytes) });
        }
        drop(bytes);
        let rest = io::copy(&mut file, &mut hasher)?;
        Ok(Content { size: first + rest, hash: hasher.finalize().to_hex().to_string(), bytes: None })
    }
}

/// Where the contents of files are read from when two manifests are compared.
pub trait Contents {
    /// The bytes under this name, if they were kept.
    fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>>;
}

/// A folder of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    pub fn open(root: &Path) -> Result<Store, Fault> {
        fs::create_dir_all(root).map_err(|why| fault("create", root, &why))?;
        Ok(Store { root: root.to_owned() })
    }

    /// Keeps these bytes and gives their name.
    pub fn put(&self, bytes: &[u8]) -> Result<String, Fault> {
        let name = blake3::hash(bytes).to_hex().to_string();
        let path = self.path(&name);
        // A file cut short by a power loss has the right name and the wrong length.
        if fs::symlink_metadata(&path).is_ok_and(|there| there.len() == bytes.len() as u64) {
            return Ok(name);
        }
        let write = || -> io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
            let mut file = tempfile::NamedTempFile::new_in(&self.root)?;
            file.write_all(bytes)?;
            file.persist(&path).map_err(|why| why.error).map(drop)
        };
        write().map_err(|why| fault("write", &path, &why))?;
        Ok(name)
    }

    /// Waits until everything that was put is on the disk.
    pub fn settle(&self) -> Result<(), Fault> {
        let sync = || -> io::Result<()> {
            let folder = fs::File::open(&self.root)?;
            nix::unistd::syncfs(&folder).map_err(io::Error::from)
        };
        sync().map_err(|why| fault("write", &self.root, &why))
    }

    /// The bytes under a name; nothing for a name that is none of ours or bytes that are not what was put.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        if !is_name(name) {
            return None;
        }
        let mut bytes = Vec::new();
        open_plain(&self.path(name)).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
        (blake3::hash(&bytes).to_hex().as_str() == name).then_some(bytes)
    }

    fn path(&self, name: &str) -> PathBuf {
        let (shelf, rest) = name.split_at(2.min(name.len()));
        self.root.join(shelf).join(rest)
    }
}

impl Contents for Store {
    fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.read(name).map(Cow::Owned)
    }
}

fn is_name(name: &str) -> bool {
    name.len() == blake3::OUT_LEN * 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
