//! `cargo xtask bench`: CPU and memory of the release build. Wall time is printed for the reader and never judged.

/// The measurements stand in `benches/speed.rs`, a plain program built in release.
pub fn bench() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    crate::steps::run("bench", std::process::Command::new(cargo).args(["bench", "--bench", "speed"]))
}
