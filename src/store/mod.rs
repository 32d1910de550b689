//! The run folder: every file readable by a person, every format versioned, nothing ever half-written.
//!
//! ```text
//! run.json                                  frozen: the plan, hashes, versions, seed
//! looks/<agent>/<k>.json                    what a planned look of the gate decided, and the trials it added: created once
//! trials/<task>[~twin]/<agent>/<n>/
//!   attempts/<k>.json  attempts/<k>.end.json      before an attempt starts; when it ended without a result
//!   <k>/live.jsonl  <k>/trace.jsonl  <k>/snapshots/  <k>/diffs/  <k>/blobs/
//!   trial.json                              created once: the trial is done iff it exists
//!   grades/<grading id>/scores.json
//! journal.jsonl                             the dispatcher's log; can be rebuilt
//! results.json report.html ...              derived, always
//! ```
//!
//! Every file that counts comes into being through `create::once`, and through nothing else.

mod blobs;
mod create;
mod layout;
mod lock;
mod read;
mod results;
mod source;
mod writer;

pub use blobs::Blobs;
pub use create::{Created, clear_unfinished, derive, once, replace};
pub use layout::{Layout, RunRecord, newest_graded, newest_run, planned};
pub use lock::RunLock;
pub use read::{LiveLog, read_json, read_live, read_trace, write_trace};
pub use results::FolderResults;
pub use source::{Bundle, Bundles, FileSource, LARGEST_FILE, MOST_FILES, OpenBundle, bundles};
pub use writer::{Sync, Writer};
