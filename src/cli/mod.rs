//! The command line: what was typed, and one file per verb for what it does.

mod args;
mod as_run;
mod calibrate;
mod check;
mod compare;
mod demo;
mod doctor;
mod estimate;
pub mod exit;
mod explain;
mod gate;
mod grade;
mod init;
mod judged;
mod label;
mod list;
pub mod names;
mod power;
mod progress;
mod report;
mod resume;
mod run;
mod say;
mod serve_model;
mod signals;
mod tables;
mod trials;

use args::{BaselineVerb, Typed, Verb};
use clap::Parser;

/// Reads the command line, does what it says, gives the exit code.
pub fn main() -> i32 {
    let typed = match Typed::try_parse() {
        Ok(typed) => typed,
        Err(error) => {
            // clap writes help and version to stdout, mistakes to stderr; a reader that went away is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { exit::REFUSED } else { exit::DONE };
        }
    };
    match typed.verb {
        None => run::run(&typed.run),
        Some(Verb::Demo(args)) => demo::demo(&args),
        Some(Verb::Check(args)) => check::check(&args),
        Some(Verb::Schema) => check::print_schema(),
        Some(Verb::Resume(args)) => resume::resume(&args),
        Some(Verb::Explain(args)) => explain::explain(&args),
        Some(Verb::Report(args)) => report::report(&args),
        Some(Verb::Compare(args)) => compare::compare(&args),
        Some(Verb::Gate(args)) => gate::gate(&args),
        Some(Verb::Baseline(BaselineVerb::Accept(args))) => gate::accept(&args),
        Some(Verb::Power(args)) => power::power(&args),
        Some(Verb::Calibrate(args)) => calibrate::calibrate(&args),
        Some(Verb::Doctor(args)) => doctor::doctor(&args),
        Some(Verb::Label(args)) => label::label(&args),
        Some(Verb::List(args)) => list::list(args.what),
        Some(Verb::Init(args)) => init::init(&args),
        Some(Verb::ServeModel(args)) => serve_model::serve_model(&args),
        Some(Verb::Grade(args)) => grade::grade(&args),
        Some(Verb::Import(args)) => grade::import(&args),
    }
}
