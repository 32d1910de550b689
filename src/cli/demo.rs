//! `evalrun demo`: the quickstart from embedded files, in a temporary folder. Nothing of the project needs to be there.

use super::{
    args::{DemoArgs, RunArgs},
    exit, run, say,
};
use crate::model::fault::{Boundary, Fault};
use include_dir::{Dir, include_dir};
use std::path::{Path, PathBuf};

static EVALS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/evals");
static REPOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/repos");
static HIDDEN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/hidden");
static AGENTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/agents");

pub fn demo(args: &DemoArgs) -> i32 {
    let folder = match lay_out() {
        Ok(folder) => folder,
        Err(fault) => {
            say::fault(&fault);
            return exit::BROKEN;
        }
    };
    say::note(&format!("the quickstart, laid out in {}", folder.display()));
    let mut out = args.out.clone();
    out.folder.get_or_insert_with(|| folder.join("run"));
    run::run(&RunArgs { suite: Some(folder.join("evals/quickstart.yaml")), out, ..RunArgs::default() })
}

fn lay_out() -> Result<PathBuf, Fault> {
    let failed = |error: &std::io::Error| {
        Fault::new(Boundary::Store, "io", format!("the demo cannot be laid out: {error}"))
            .hint("set TMPDIR to a folder that can be written")
    };
    let folder = tempfile::Builder::new().prefix("evalrun-demo-").tempdir().map_err(|error| failed(&error))?.keep();
    let parts =
        [("evals", &EVALS), ("fixtures/repos", &REPOS), ("fixtures/hidden", &HIDDEN), ("fixtures/agents", &AGENTS)];
    for (place, files) in parts {
        extract(files, &folder.join(place)).map_err(|error| failed(&error))?;
    }
    Ok(folder)
}

fn extract(files: &Dir<'_>, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    files.extract(to)
}
