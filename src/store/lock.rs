//! One evalrun at a time works on a run.

use super::create::fault;
use crate::model::fault::{Boundary, Fault};
use std::{
    fs::{File, TryLockError},
    path::Path,
};

/// Held while a run is worked on; the system releases it when the process ends, however it ends.
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// # Errors
    /// When another process holds the run, or the folder cannot be written.
    pub fn take(folder: &Path) -> Result<RunLock, Fault> {
        let path = folder.join(".lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| fault("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(RunLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another evalrun is working on {}", folder.display());
                Err(Fault::new(Boundary::Store, "locked", message).hint("wait for it to end, or start a new run"))
            }
            Err(TryLockError::Error(error)) => Err(fault("lock", &path, &error)),
        }
    }
}
