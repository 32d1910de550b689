//! The one integration binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr
)]
mod ablations;
mod acts;
mod agents;
mod bed;
mod cli;
mod compare;
mod crash;
mod dispatch;
mod grade;
mod graders;
mod hostile;
mod house;
mod importers;
mod interview;
mod limits;
mod metrics;
mod oracles;
mod process;
mod questions;
mod quickstart;
mod quickstart_run;
mod reporters;
mod runner;
mod secrets;
mod suite;
mod tiny;
mod workspace;
