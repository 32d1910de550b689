//! `evalrun init`: a first suite in a folder. Never overwrites.

use super::{args::InitArgs, exit, names, run, say};
use crate::model::fault::{Boundary, Fault};
use crate::store::{Created, once};
use crate::suite::schema;

/// Files of a first suite, path and text; the schema lets an editor complete and check it.
fn files() -> [(&'static str, String); 3] {
    [
        ("evals/first.yaml", include_str!("first.yaml").to_owned()),
        ("evals/candidate.yaml", include_str!("candidate.yaml").to_owned()),
        ("evals/suite.schema.json", format!("{:#}\n", schema(&names::names()))),
    ]
}

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
    let standing = files().iter().map(|(path, _)| args.folder.join(path)).find(|path| path.exists());
    if let Some(path) = standing {
        let message = format!("{} exists already", path.display());
        return Err(Fault::new(Boundary::Store, "exists", message).hint("nothing was written; choose another folder"));
    }
    for (path, text) in files() {
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
