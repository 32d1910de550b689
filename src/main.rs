use evalrun::process::supervise;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.split_first() {
        Some((verb, rest)) if verb == supervise::VERB => supervise::main(rest),
        Some(_) | None => 2,
    };
    std::process::exit(code);
}
