//! evalrun finds out whether a coding agent works the way a good engineer works.
//!
//! The walk of the data, which is also the order to read the code in:
//!
//! ```text
//! evals/x.yaml --suite--> Suite + every finding at once
//! Suite x agents x trials --plan--> Plan
//! trial: workspace -> agent opened -> loop { interview::step -> say | reply | end stage | stop }   every event to live.jsonl
//! live.jsonl + native files --importers::seal--> trace.jsonl
//! trace --acts, code, metrics--> Facts, Value | Undefined | Unknown
//! trace --graders--> scores     answers come from checks and programs
//! results of runs --compare--> who did better at what, and whether the runs can show it
//! run folder --reporters--> terminal, html, md, junit, json, exit code
//! ```
#![doc(hidden)]

pub mod model;

pub mod suite;

pub mod plan;

pub mod interview;
pub mod script;

#[allow(clippy::disallowed_methods)]
pub mod process;
#[allow(clippy::disallowed_methods)]
pub mod workspace;

#[allow(clippy::disallowed_methods)]
pub mod http;
#[allow(clippy::disallowed_methods)]
pub mod serve;

#[allow(clippy::disallowed_methods)]
pub mod agents;

pub mod acts;
pub mod code;
pub mod importers;
pub mod metrics;

pub mod graders;
pub mod judging;

#[allow(clippy::disallowed_methods)]
pub mod judges;

pub mod gate;
pub mod stats;

pub mod compare;

pub mod table;

pub mod calibrate;

#[allow(clippy::disallowed_methods)]
pub mod store;

#[allow(clippy::disallowed_methods)]
pub mod runner;

pub mod reporters;

#[allow(clippy::disallowed_methods)]
pub mod cli;
