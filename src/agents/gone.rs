//! What is said of a program that is gone, whoever drove it.

use super::{Seat, cut::tail};
use crate::model::fault::{Boundary, Fault};
use crate::process::{Exit, Kept, Output, redact::Redactor};

/// A fault of a program that could not be started is its own doing; any other stays whose it is.
pub(super) fn blamed(fault: Fault) -> Fault {
    if fault.kind == "spawn" { Fault { boundary: Boundary::Agent, ..fault } } else { fault }
}

/// The end of what a program said on stderr, for a message.
pub(super) fn last_words(stderr: &Kept) -> String {
    const SHOWN: usize = 2 << 10;
    let (text, _) = stderr.text();
    tail(text.trim_end(), SHOWN).to_owned()
}

/// How a program that should have stayed went, with its last words.
pub(super) fn left(output: &Output, redactor: &Redactor) -> Fault {
    let words = last_words(&output.stderr.redacted(redactor));
    let how = went(output.exit);
    let message = if words.is_empty() {
        format!("the agent left with {how}")
    } else {
        format!("the agent left with {how}: {words}")
    };
    Fault::new(Boundary::Agent, "gone", message)
}

/// `exit code 3`, `signal 9`.
pub(super) fn went(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::TimedOut => "its time limit".to_owned(),
        Exit::Cancelled => "being ended".to_owned(),
    }
}

/// A conversation's id in the shape of a UUID, since some programs take no other; the same for the same trial.
pub(super) fn session_id(seat: &Seat) -> String {
    let high = seat.key.seed(seat.seed, "session, first half");
    let low = seat.key.seed(seat.seed, "session, second half");
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
