//! The project's own chores: `cargo xtask test`, `cargo xtask bench`, `cargo xtask schema`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod bench;
mod shots;
mod steps;
mod tools;

use std::process::ExitCode;

const USAGE: &str =
    "cargo xtask test [--all]     set up what the tests need, run everything, say how long each step took
cargo xtask bench            CPU, memory and throughput of the release build
cargo xtask schema           write the generated files again: schema/suite.schema.json, docs/suite.md, docs/metrics.md
cargo xtask shots [--run RUN] [--out DIR]   pictures of the pages of a run (the quickstart's), at 1280 and 400 px, light and dark";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => steps::test(steps::Depth::Usual),
        ["test", "--all"] => steps::test(steps::Depth::All),
        ["bench"] => bench::bench(),
        ["shots", rest @ ..] => shots::shots(rest),
        ["schema"] => steps::regenerate(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
