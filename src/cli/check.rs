//! `evalrun check` and `evalrun schema`: every mistake of a suite at once; nothing is run, nothing is written.

use super::{args::CheckArgs, exit, names, run, say};
use crate::suite::{Finding, Paint, Severity, load, render, schema, to_json};
use std::io::IsTerminal;

pub fn check(args: &CheckArgs) -> i32 {
    let mut findings: Vec<Finding> = Vec::new();
    let mut suites = 0;
    for path in &args.suites {
        let files = match run::suite_files(path) {
            Ok(files) => files,
            Err(fault) => return run::refuse(&fault),
        };
        for file in files {
            suites += 1;
            findings.extend(load(&file, &names::names()).findings);
        }
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if args.json {
        say::out(&format!("{:#}\n", to_json(&findings)));
    } else {
        let paint = if std::io::stdout().is_terminal() { Paint::Colour } else { Paint::Plain };
        say::out(&render(&findings, paint));
        say::out(&summary(suites, errors, findings.len() - errors));
    }
    if errors > 0 { exit::REFUSED } else { exit::DONE }
}

fn summary(suites: usize, errors: usize, warnings: usize) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    if errors + warnings == 0 {
        return format!("{}: no mistakes\n", count(suites, "suite"));
    }
    format!("{}: {}, {}\n", count(suites, "suite"), count(errors, "error"), count(warnings, "warning"))
}

pub fn print_schema() -> i32 {
    say::out(&format!("{:#}\n", schema(&names::names())));
    exit::DONE
}
