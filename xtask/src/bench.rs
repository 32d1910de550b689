//! `cargo xtask bench` and `cargo xtask gen-trace`: CPU and memory of the release build, and the trace that it is measured with.

/// The measurements stand in `benches/speed`, a plain program built in release.
pub fn bench() -> Result<(), String> {
    speed("bench", &[])
}

/// `--mb N --seed N --out FILE`; the program of the bench writes it.
pub fn gen_trace(options: &[&str]) -> Result<(), String> {
    let (pairs, rest) = options.as_chunks::<2>();
    if !rest.is_empty() || !pairs.iter().all(|[name, _]| ["--mb", "--seed", "--out"].contains(name)) {
        return Err("gen-trace takes --mb N, --seed N, --out FILE".to_owned());
    }
    speed("gen-trace", &[&["gen-trace"], options].concat())
}

fn speed(name: &str, words: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    crate::steps::run(name, command.args(["bench", "--bench", "speed", "--"]).args(words))
}

/// The gate against agents of known quality: `benches/sim.rs`, which writes docs/simulation.md.
pub fn sim(words: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    crate::steps::run("sim", command.args(["bench", "--bench", "sim", "--"]).args(words))
}
