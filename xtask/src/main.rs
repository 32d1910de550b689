//! The project's own chores: `cargo xtask test`, `cargo xtask bench`, `cargo xtask sim`, `cargo xtask gen-run`, `cargo xtask schema`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod bench;
mod fuzz;
mod gen_run;
mod rerecord;
mod shots;
mod steps;
mod tools;

use std::process::ExitCode;

const USAGE: &str =
    "cargo xtask test [--all]     set up what the tests need, run everything, say how long each step took
cargo xtask bench            CPU, memory and throughput of the release build
cargo xtask gen-trace [--mb N] [--seed N] [--out FILE]
                             a long trace made of the recorded sessions, for measuring
cargo xtask fuzz [TARGET] [--seconds N] [--seed N] [--keep]
                             coverage-guided fuzzing, one target or all; --keep renews fixtures/fuzz
cargo xtask gen-run --trials N --criteria M --out DIR     a made-up run, to measure `evalrun report` on
cargo xtask sim [--replications N]
                             the gate against agents of known quality, 10,000 runs a cell: writes docs/simulation.md
cargo xtask schema           write the generated files again: schema/suite.schema.json, docs/suite.md, docs/metrics.md
cargo xtask rerecord SUITE DIR   which recorded verdicts in DIR still answer what SUITE asks; writes what has to be read again
cargo xtask shots [--run RUN] [--out DIR]   pictures of the pages of a run (the quickstart's), at 1280 and 400 px, light and dark";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => steps::test(steps::Depth::Usual),
        ["test", "--all"] => steps::test(steps::Depth::All),
        ["bench"] => bench::bench(),
        ["gen-trace", rest @ ..] => bench::gen_trace(rest),
        ["fuzz", rest @ ..] => fuzz::fuzz(rest),
        ["gen-run", "--trials", trials, "--criteria", criteria, "--out", out] => {
            gen_run::gen_run(&gen_run::Wanted { trials, criteria, out })
        }
        ["sim"] => bench::sim(&[]),
        ["sim", "--replications", count] => bench::sim(&["--replications", *count]),
        ["rerecord", suite, recordings] => rerecord::rerecord(suite, recordings),
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
