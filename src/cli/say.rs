//! The only place that prints: results on stdout, everything else on stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use crate::model::fault::Fault;

pub fn out(text: &str) {
    use std::io::Write;
    // A reader that went away (`| head`) is no reason to fail.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Text that is made while it is printed.
pub fn stream(fill: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>) {
    use std::io::Write;
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let _ = fill(&mut out).and_then(|()| out.flush());
}

pub fn note(text: &str) {
    eprintln!("{text}");
}

/// `error: what` and, where there is a way out, `hint: how`.
pub fn fault(fault: &Fault) {
    eprintln!("error: {}", fault.message);
    if let Some(hint) = &fault.hint {
        eprintln!("hint: {hint}");
    }
}

pub fn errors(lines: &[String]) {
    for line in lines {
        eprintln!("error: {line}");
    }
}
