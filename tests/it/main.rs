//! The one integration binary.
mod acts;
mod agents;
mod cli;
mod graders;
mod house;
mod importers;
mod interview;
mod metrics;
mod process;
mod questions;
mod quickstart;
mod reporters;
mod runner;
mod suite;
mod tiny;
mod workspace;
