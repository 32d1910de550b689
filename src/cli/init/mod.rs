//! `evalrun init`: a first suite in a folder. Never overwrites.

use super::{args::InitArgs, exit, run, say};
use crate::model::fault::{Boundary, Fault};
use crate::store::{Created, once};

/// Files of a first suite, path and text.
const FILES: &[(&str, &str)] =
    &[("evals/first.yaml", include_str!("first.yaml")), ("evals/candidate.yaml", include_str!("candidate.yaml"))];

pub fn init(args: &InitArgs) -> i32 {
    match write(args) {
        Ok(()) => {
            say::out("now: evalrun evals/first.yaml\n");
            exit::DONE
        }
        Err(fault) => run::refuse(&fault),
    }
}

fn write(args: &InitArgs) -> Result<(), Fault> {
    let standing = FILES.iter().map(|(path, _)| args.folder.join(path)).find(|path| path.exists());
    if let Some(path) = standing {
        let message = format!("{} exists already", path.display());
        return Err(Fault::new(Boundary::Store, "exists", message).hint("nothing was written; choose another folder"));
    }
    for (path, text) in FILES {
        let path = args.folder.join(path);
        match once(&path, text.as_bytes())? {
            Created::First => say::out(&format!("wrote {}\n", path.display())),
            Created::Existed => {
                let message = format!("{} was written by somebody else just now", path.display());
                return Err(Fault::new(Boundary::Store, "exists", message));
            }
        }
    }
    Ok(())
}
