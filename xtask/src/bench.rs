//! `cargo xtask bench`: CPU and memory of the release build. Wall time is printed for the reader and never judged.

/// The measurements stand in `benches/speed.rs`, a plain program built in release.
pub fn bench() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    crate::steps::run("bench", std::process::Command::new(cargo).args(["bench", "--bench", "speed"]))
}

/// The gate against agents of known quality: `benches/sim.rs`, which writes docs/simulation.md.
pub fn sim(words: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    crate::steps::run("sim", command.args(["bench", "--bench", "sim", "--"]).args(words))
}
