//! The workspace of a trial: a fresh copy, its snapshots and diffs, and checks that run at the same path with hidden files.

mod check;
mod conditions;
mod content;
mod copy;
mod diff;
mod git;
mod ignore;
mod junit;
mod keep;
mod laid;
mod manifest;
mod moved;
mod names;
mod outcome;
mod patch;
mod place;
mod setup;
mod snapshot;
mod tree;

pub use check::{Scene, run_check};
pub use conditions::{Conditions, Walls};
pub use content::{Contents, Store};
pub use copy::{Copied, Onto, copy_tree};
pub use diff::{Diff, DiffKind, Lines, PATCH_BYTES, PathDiff, diff};
pub use git::{GitSource, check_out, first_commit, resolve};
pub use ignore::{ALWAYS, Ignore, globs};
pub use keep::{Finding, same_content, unchanged};
pub use laid::{Sources, lay_out};
pub use manifest::{Entry, Manifest};
pub use names::{path_of, written};
pub use outcome::{CheckResult, held_against, kept_green, scaled};
pub use place::Place;
pub use setup::{Prepared, Shop, digest, prepare, run_steps};
pub use snapshot::{Camera, Limits, Snapshot};
pub use tree::{Notes, remove};
