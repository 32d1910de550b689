//! `cargo xtask fuzz`: builds `fuzz/` with coverage counters and runs its targets.

use std::{path::Path, process::Command};

/// All stable flags. The counters need one code unit per crate, so that the linker keeps their section with the code.
const FLAGS: &str = "-C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=3 -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C codegen-units=1";

/// Runs one target, or every one, for so many seconds of CPU each (60 unless told). Stops at the first that fails.
pub fn fuzz(words: &[&str]) -> Result<(), String> {
    let (target, options) = match words {
        [first, rest @ ..] if !first.starts_with("--") => (Some(*first), rest),
        all => (None, all),
    };
    let triple = host()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/fuzz");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With `--target` the flags are for the program alone: build scripts and macros have no counters.
    build.args(["build", "--release", "--target", &triple, "--manifest-path"]).arg(root.join("fuzz/Cargo.toml"));
    build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    crate::steps::run("build of the fuzzer", &mut build)?;
    let program = folder.join(triple).join("release/evalrun-fuzz");
    let listed =
        Command::new(&program).arg("list").output().map_err(|error| format!("cannot run the fuzzer: {error}"))?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let all: Vec<&str> = target.map_or_else(|| listed.lines().collect(), |one| vec![one]);
    if let Some(one) = target.filter(|one| !listed.lines().any(|name| name == *one)) {
        return Err(format!("no target {one}; there are {}", listed.lines().collect::<Vec<_>>().join(", ")));
    }
    all.iter().try_for_each(|one| crate::steps::run(one, Command::new(&program).arg(one).args(options)))
}

fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("-vV").output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say its host".to_owned())
}
