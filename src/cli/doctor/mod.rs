//! `evalrun doctor`: what can be run on this machine, and the one command for each thing that cannot.
//!
//! Looks at programs on PATH (and asks each for its version), at the ways to shut an agent in, and at the names of variables that
//! hold keys. Never at a key's value, never at a model: it spends nothing and calls nobody.

mod look;
mod show;
mod table;

use super::{args::DoctorArgs, exit, say};
use serde::Serialize;

/// All that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// Version of this document.
    doctor: u32,
    can_run: bool,
    agents: Vec<Item>,
    sandboxes: Vec<Item>,
    keys: Vec<Item>,
    tools: Vec<Item>,
}

/// One thing, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    name: String,
    state: State,
    /// Its version and place, or what is wrong.
    says: String,
    /// One command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ready,
    /// Not there.
    Missing,
    /// There, and of no use.
    Unusable,
}

pub fn doctor(args: &DoctorArgs) -> i32 {
    let found = match super::grade::runtime() {
        Ok(runtime) => runtime.block_on(look::around()),
        Err(fault) => {
            say::fault(&fault);
            return exit::BROKEN;
        }
    };
    say::out(&if args.json { show::json(&found) } else { show::text(&found) });
    if found.can_run { exit::DONE } else { exit::BROKEN }
}
