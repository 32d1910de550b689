//! Long texts of a trial, by hash.

use super::create::{fault, once};
use crate::model::{
    fault::Fault,
    trace::{INLINE, Text},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// `blobs/<first two digits>/<hash>` of one attempt.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub fn at(folder: PathBuf) -> Blobs {
        Blobs { folder }
    }

    /// Keeps a text that is too long to stand in an event; the event keeps its first and last half.
    ///
    /// # Errors
    /// When the blob cannot be written.
    pub fn keep(&self, text: Text) -> Result<Text, Fault> {
        if text.inline.len() <= INLINE {
            return Ok(text);
        }
        let hash = self.keep_long(&text.inline)?;
        let cut = Text::cut(&text.inline);
        Ok(Text { blob: Some(hash), lossy: text.lossy, ..cut })
    }

    /// Keeps a text and says the name it is kept under.
    ///
    /// # Errors
    /// When the blob cannot be written.
    pub fn keep_long(&self, text: &str) -> Result<String, Fault> {
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        once(&self.path(&hash), text.as_bytes())?;
        Ok(hash)
    }

    /// # Errors
    /// When there is no such blob, or it cannot be read.
    pub fn read(&self, hash: &str) -> Result<Vec<u8>, Fault> {
        let path = self.path(hash);
        fs::read(&path).map_err(|error| fault("read", &path, &error))
    }

    fn path(&self, hash: &str) -> PathBuf {
        // A hash that came from a file may be anything: only its hexadecimal digits name a path.
        let digits: String = hash.chars().filter(char::is_ascii_hexdigit).collect();
        let first = digits.get(..2).unwrap_or("00").to_owned();
        self.folder.join(Path::new(&first)).join(digits)
    }
}
