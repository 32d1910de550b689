//! The workspace of a trial: a fresh copy, its snapshots and diffs, and checks that run at the same path with hidden files.
//!
//! What an agent did is what changed in its folder, not what it says. So the folder is made from known files, looked at from
//! outside after every stage, and judged on a copy:
//!
//! ```text
//! Source + setup --prepare, once--> cache/<hash> --lay, per trial--> place/work  (home, tmp beside it)
//! place/work --Camera::take--> Manifest + store/     after setup and after each stage
//! Manifest, Manifest --diff--> changes and a patch;  --unchanged, same_content--> a sentence that names the file
//! Manifest --run_check--> a copy at the path of place/work, hidden files laid over --> CheckResult --held_against(before)--> counts
//! ```
//!
//! Everything in the folder is hostile: links are copied and never followed, names may hold anything, files may be huge, folders
//! locked or endless. `prepare`, `run_steps` and `run_check` are async since they run programs; all else blocks.

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
mod lines;
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
