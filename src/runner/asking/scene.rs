//! What a program that judges is given to look at: the trace, and a copy of the workspace as the trial left it.

use crate::judges::Scene;
use crate::model::{
    fault::{Boundary, Fault},
    trace::Trace,
};
use crate::store::{read_json, write_trace};
use crate::workspace::{Manifest, Sources, Store, lay_out, remove};
use std::path::Path;

/// One trajectory, and the folder of its attempt where there is one.
pub struct CaseScene<'a> {
    pub trace: &'a Trace,
    pub attempt: Option<&'a Path>,
}

impl Scene for CaseScene<'_> {
    fn set(&self, folder: &Path) -> Result<(), Fault> {
        write_trace(&folder.join("trace.jsonl"), self.trace)?;
        let Some(attempt) = self.attempt else { return Ok(()) };
        let Some(last) = last_snapshot(&attempt.join("snapshots")) else { return Ok(()) };
        let manifest: Manifest = read_json(&last)?;
        let store = Store::open(&attempt.join("store"))?;
        // Contents come from what was kept: the place the trial ran in is gone.
        let sources = Sources { store: &store, live: Path::new("/nonexistent") };
        lay_out(&manifest, sources, &folder.join("workspace"))
            .map(drop)
            .map_err(|fault| Fault { boundary: Boundary::Judge, ..fault })
    }

    fn clear(&self, folder: &Path) {
        // A folder that cannot be removed, as an agent may arrange, changes no verdict.
        drop(remove(folder));
    }
}

fn last_snapshot(folder: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ext| ext == "json")).max()
}
