//! The command line: what was typed, and one file per verb for what it does.

mod args;
pub mod exit;
mod progress;

use clap::Parser;

/// Reads the command line, does what it says, gives the exit code.
pub fn main() -> i32 {
    let _typed = args::Typed::parse();
    exit::DONE
}
