//! What a run that was killed leaves on the machine, taken away before it goes on.
//!
//! The record of a run names every trial, and a trial's marker names its processes and its folder; so all that is the run's own can
//! be found again, and nothing else is touched:
//!
//! ```text
//! processes    carry EVALRUN_TRIAL=<run>:<trial>; their supervisor ends them when evalrun dies, which may take a moment
//! places       <temporary folder>/evalrun-<user>/<hash of the marker>
//! files        .new-<process>-<n>, about to be created when their process ended
//! ```
//!
//! Only whoever holds the run's lock may do this.

use super::ground::{marker, place_of};
use crate::model::fault::{Boundary, Fault};
use crate::process::sweep;
use crate::store::{Layout, RunRecord, clear_unfinished};
use crate::workspace::remove;
use std::time::Duration;

/// How long processes may take to go.
const GOING: Duration = Duration::from_secs(10);

/// Blocks.
///
/// # Errors
/// When something of the run cannot be ended or removed: a new attempt would meet it.
pub fn clear(layout: &Layout, record: &RunRecord) -> Result<(), Fault> {
    let left = sweep::end_marked_with(&format!("{}:", record.run), GOING);
    if left > 0 {
        let message = format!("{left} processes of this run are still alive and cannot be ended");
        return Err(Fault::new(Boundary::Sandbox, "left_behind", message)
            .hint(format!("look for EVALRUN_TRIAL={}: in /proc/*/environ", record.run)));
    }
    for spec in &record.trials {
        remove(&place_of(&marker(&record.run, &spec.key)))?;
    }
    clear_unfinished(&layout.root)
}
