//! Parse, call, exit code.

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.split_first() {
        Some((verb, rest)) if verb == evalrun::process::supervise::VERB => evalrun::process::supervise::main(rest),
        Some(_) | None => evalrun::cli::main(),
    };
    std::process::exit(code);
}
