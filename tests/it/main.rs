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
mod as_run;
mod bed;
mod calibrate;
mod cli;
mod code;
mod codex_run;
mod compare;
mod crash;
mod dispatch;
mod doctor;
mod explain;
mod fuzz;
mod gate;
mod gates;
mod grade;
mod graders;
mod hostile;
mod house;
mod http;
mod importers;
mod interview;
mod join;
mod judges;
mod judging;
mod limits;
mod load;
mod looks;
mod metrics;
mod oracles;
mod process;
mod questions;
mod quickstart;
mod quickstart_run;
mod repeated;
mod reporters;
mod runner;
mod secrets;
mod serve;
mod simulate;
mod simulation;
mod standin_runs;
mod stats;
mod suite;
mod tables;
mod tiny;
mod weakening;
mod workspace;
