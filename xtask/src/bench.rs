//! `cargo xtask bench`: CPU and memory of the release build. Wall time is printed for the reader and never judged.

/// What the bench measures is written by the binary itself (`evalrun __bench`), so that it is the release code that is timed.
pub fn bench() -> Result<(), String> {
    let mut build = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    crate::steps::run("release build", build.args(["build", "--release"]))?;
    crate::steps::run("bench", &mut std::process::Command::new("target/release/evalrun").arg("__bench"))
}
