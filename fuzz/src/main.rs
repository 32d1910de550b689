//! Coverage-guided fuzzing with nothing but the stable toolchain; run it with `cargo xtask fuzz`, which sets the flags it is built with.
//!
//! A kept fuzzer (libFuzzer through cargo-fuzz, AFL++) is preferable: they compare operands, share work between processes and are used by
//! everybody. This one needs no nightly compiler, no C++ runtime and no network, and finds the same kind of bug in code that is only Rust.
//!
//! ```text
//! corpus --choose--> input --mutate--> run, counters cleared before --new edge or count?--> corpus
//!                                        \--panic--> minimise --> fuzz/crashes/<target>/, exit 1
//! ```

mod corpus;
mod coverage;
mod engine;
mod mutate;
mod targets;

use nix::sys::resource::{Resource, setrlimit};
use std::process::{Command, ExitCode};
use targets::{TARGETS, Target};

const USAGE: &str = "evalrun-fuzz TARGET [--seconds N] [--seed N] [--keep]   fuzz for N seconds of CPU; --keep renews fixtures/fuzz/TARGET
evalrun-fuzz list                                      the targets
evalrun-fuzz TARGET FILE                               run one input";
/// Address space; more than any input of these sizes may need.
const MEMORY: u64 = 4 << 30;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let target = words.first().and_then(|name| TARGETS.iter().find(|target| target.name == *name));
    match (target, words.as_slice()) {
        (None, ["list"]) => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        (Some(target), [_, file]) if !file.starts_with("--") => match std::fs::read(file) {
            Ok(bytes) => (target.run)(&bytes),
            Err(error) => return failed(&format!("{file}: {error}")),
        },
        (Some(target), [_, "--worker", rest @ ..]) => return work(target, rest),
        (Some(target), [_, rest @ ..]) => return supervise(target, rest),
        _ => return failed(USAGE),
    }
    ExitCode::SUCCESS
}

/// Runs the work in a process of its own, so that what kills it is saved too.
fn supervise(target: &Target, rest: &[&str]) -> ExitCode {
    let run =
        std::env::current_exe().and_then(|exe| Command::new(exe).args([target.name, "--worker"]).args(rest).status());
    match run {
        Ok(status) if status.code().is_some() => ExitCode::from(status.code().unwrap_or(1) as u8),
        Ok(status) => match engine::rescue(target) {
            Ok(path) => failed(&format!("{}: {status}; the input is saved as {}", target.name, path.display())),
            Err(error) => failed(&format!("{}: {status}; its input is lost: {error}", target.name)),
        },
        Err(error) => failed(&format!("cannot run: {error}")),
    }
}

fn work(target: &'static Target, rest: &[&str]) -> ExitCode {
    let (mut seconds, mut seed, mut keep) = (60.0, 1, false);
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let number = |text: Option<&&str>| text.and_then(|text| text.parse::<u64>().ok());
        match *word {
            "--keep" => keep = true,
            "--seconds" | "--seed" => match number(rest.next()) {
                Some(number) if *word == "--seed" => seed = number,
                Some(number) => seconds = number as f64,
                None => return failed(USAGE),
            },
            _ => return failed(USAGE),
        }
    }
    if coverage::edges() == 0 {
        return failed("built without coverage counters: run `cargo xtask fuzz`");
    }
    let limited = setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY);
    let outcome = limited.map_err(Into::into).and_then(|()| engine::Engine::new(target, seed)?.run(seconds, keep));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failed(&format!("{}: {error}", target.name)),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
