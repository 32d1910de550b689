//! `cargo xtask bench` and `cargo xtask gen-trace`: CPU and memory of the release build, and the trace that it is measured with.

/// The measurements stand in `benches/speed`, a plain program built in release. The run that reports are measured on has 10,000 trials of 100
/// criteria; it is made in a temporary folder.
pub fn bench() -> Result<(), String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let run = place.path().join("run");
    let out = run.to_str().ok_or("the temporary folder's name is not text")?;
    crate::gen_run::gen_run(&crate::gen_run::Wanted { trials: "10000", criteria: "100", out })?;
    speed("bench", &["--run", out])
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
