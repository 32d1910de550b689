//! `cargo xtask test`: every step, its time, and what failed.

use crate::tools;
use std::{process::Command, time::Instant};

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Usual,
    /// Benches, fuzzing and the long rows of seeded tests as well.
    All,
}

pub fn test(depth: Depth) -> Result<(), String> {
    let mut times = Vec::new();
    let outcome = all(depth, &mut times);
    println!("\ntime of each step");
    for (name, seconds) in &times {
        println!("  {seconds:7.1} s  {name}");
    }
    outcome
}

/// Writes the generated files again.
pub fn regenerate() -> Result<(), String> {
    let mut test = cargo(&["test", "--test", "it", "--", "suite::files", "metrics::ids_are_unique_and_the_document"]);
    test.env("EVALRUN_UPDATE", "1");
    run("generated files", &mut test)
}

type Times = Vec<(&'static str, f64)>;

fn all(depth: Depth, times: &mut Times) -> Result<(), String> {
    timed(times, "tools", tools::provide)?;
    step(times, "format", &["fmt", "--all", "--check"])?;
    step(times, "format of the fuzzer", &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])?;
    step(times, "clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    step(times, "build tests", &["test", "--workspace", "--no-run"])?;
    timed(times, "test", || {
        let mut test = cargo(&["test", "--workspace"]);
        match depth {
            // The same cases for everybody: a property that fails once in a million cases is found by `--all`, not by chance.
            Depth::Usual => test.env("PROPTEST_RNG_SEED", "20261124"),
            Depth::All => test.env("EVALRUN_TEST_ALL", "1"),
        };
        run("test", &mut test)
    })?;
    step(times, "release build", &["build", "--release"])?;
    timed(times, "quickstart", quickstart)?;
    timed(times, "licences", licences)?;
    if depth == Depth::All {
        timed(times, "bench", crate::bench::bench)?;
        timed(times, "fuzz", || crate::fuzz::fuzz(&["--seconds", "60"]))?;
    }
    Ok(())
}

/// What the README promises: the quickstart's report, with no key and no network.
fn quickstart() -> Result<(), String> {
    run("quickstart", &mut cargo(&["run", "--release", "--", "evals/quickstart.yaml"]))
}

fn licences() -> Result<(), String> {
    if !tools::on_path("cargo-deny") {
        println!("cargo-deny is not here: bans, licences and sources are not checked");
        return Ok(());
    }
    run("licences", &mut cargo(&["deny", "check", "bans", "licenses", "sources"]))
}

fn step(times: &mut Times, name: &'static str, args: &[&str]) -> Result<(), String> {
    timed(times, name, || run(name, &mut cargo(args)))
}

fn timed(times: &mut Times, name: &'static str, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("\n== {name}");
    let began = Instant::now();
    let outcome = work();
    times.push((name, began.elapsed().as_secs_f64()));
    outcome
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

pub fn run(name: &str, command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{name}: cannot start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed: {status}")) }
}
