//! One writer thread appends for all trials, so that nothing on the async threads waits for a disk.

use super::create::fault;
use crate::model::fault::{Boundary, Fault};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};
use tokio::sync::{mpsc, oneshot};

/// Whether a line must have reached the disk before the caller goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Handed to the system.
    Written,
    /// fsynced, together with whatever else came in meanwhile.
    Durable,
}

struct Job {
    path: PathBuf,
    bytes: Vec<u8>,
    sync: Sync,
    done: oneshot::Sender<Result<(), Fault>>,
}

/// A handle on the writer thread; it ends when the last handle is dropped.
#[derive(Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// Jobs taken at once: enough to share an fsync, few enough to keep memory small.
const BATCH: usize = 256;

impl Writer {
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> Result<Writer, Fault> {
        let (jobs, mut inbox) = mpsc::channel::<Job>(BATCH);
        let work = move || {
            let mut batch = Vec::with_capacity(BATCH);
            while inbox.blocking_recv_many(&mut batch, BATCH) > 0 {
                commit(&mut batch);
            }
        };
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(work)
            .map_err(|error| Fault::new(Boundary::Store, "thread", format!("cannot start the writer: {error}")))?;
        Ok(Writer { jobs })
    }

    /// Appends `bytes` to `path` and waits until they are written (or durable).
    ///
    /// # Errors
    /// What the disk said: full, gone, not permitted.
    pub async fn append(&self, path: &Path, bytes: Vec<u8>, sync: Sync) -> Result<(), Fault> {
        let gone = || Fault::new(Boundary::Store, "writer", "the writer thread has ended");
        let (done, answer) = oneshot::channel();
        let job = Job { path: path.to_owned(), bytes, sync, done };
        self.jobs.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

fn commit(batch: &mut Vec<Job>) {
    let mut by_path: BTreeMap<PathBuf, Vec<Job>> = BTreeMap::new();
    for job in batch.drain(..) {
        by_path.entry(job.path.clone()).or_default().push(job);
    }
    for (path, jobs) in by_path {
        let outcome = append_all(&path, &jobs).map_err(|error| fault("append to", &path, &error));
        for job in jobs {
            // The caller may have been cancelled; then nobody waits for the answer.
            let _ = job.done.send(outcome.clone());
        }
    }
}

fn append_all(path: &Path, jobs: &[Job]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let bytes: Vec<u8> = jobs.iter().flat_map(|job| job.bytes.iter().copied()).collect();
    file.write_all(&bytes)?;
    if jobs.iter().any(|job| job.sync == Sync::Durable) {
        file.sync_data()?;
    }
    Ok(())
}
