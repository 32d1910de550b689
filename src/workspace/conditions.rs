//! Under what conditions setup and checks run: the sandbox, the environment, what must not be shown, who may stop them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::fault::Fault;
use crate::model::task::Command;
use crate::process::env::{base_env, search_path};
use crate::process::redact::Redactor;
use crate::process::{Cancel, Jail, Kept, Output, Spec, Stdin, run};

/// Bytes kept of what a setup or a check prints, per stream.
const KEPT: u64 = 512 << 10;

/// What surrounds the programs of one trial.
#[derive(Clone)]
pub struct Conditions<'a> {
    pub walls: Walls,
    pub seed: u64,
    /// Added to the allow-list: the workspace's own `env`.
    pub env: &'a BTreeMap<String, String>,
    pub redactor: &'a Redactor,
    pub cancel: &'a Cancel,
    /// Marks every process of the trial.
    pub marker: String,
}

/// The sandbox that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walls {
    None,
    Bwrap {
        /// Shown empty: keys of the user, hidden files of other tasks.
        hide: Vec<PathBuf>,
        network: bool,
    },
}

/// Where one program runs.
pub(super) struct Seat<'a> {
    pub cwd: &'a Path,
    pub home: PathBuf,
    pub tmp: PathBuf,
    /// (what, where): shown there inside a sandbox.
    pub shown: Vec<(PathBuf, PathBuf)>,
    pub extra: Vec<(&'static str, String)>,
}

impl Conditions<'_> {
    /// Runs one command to its end.
    pub(super) async fn run(&self, command: &Command, seat: Seat<'_>, limit: Duration) -> Result<Output, Fault> {
        let mut env = base_env(&seat.home, &seat.tmp, self.seed, &self.marker);
        env.extend(self.env.clone());
        env.extend(seat.extra.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let spec = Spec {
            argv: argv(command),
            cwd: seat.cwd.to_owned(),
            env,
            stdin: Stdin::Null,
            cap: KEPT,
            timeout: Some(limit),
            sandbox: self.jail(vec![seat.home, seat.tmp], seat.shown),
            marker: self.marker.clone(),
        };
        run(spec, self.cancel).await
    }

    /// The same for setups: they install what the workspace needs, so the network is theirs whatever the agent gets.
    pub(super) fn for_setup(&self) -> Self {
        let walls = match &self.walls {
            Walls::None => Walls::None,
            Walls::Bwrap { hide, network: _ } => Walls::Bwrap { hide: hide.clone(), network: true },
        };
        Conditions { walls, ..self.clone() }
    }

    /// What was printed, without secrets; standard error after standard output.
    pub(super) fn printed(&self, output: &Output) -> String {
        let shown = |kept: &Kept| kept.redacted(self.redactor).text().0;
        let (out, err) = (shown(&output.stdout), shown(&output.stderr));
        let gap = if out.is_empty() || out.ends_with('\n') { "" } else { "\n" };
        format!("{out}{gap}{err}")
    }

    fn jail(&self, writable: Vec<PathBuf>, binds: Vec<(PathBuf, PathBuf)>) -> Jail {
        match &self.walls {
            Walls::None => Jail::None,
            Walls::Bwrap { hide, network } => {
                Jail::Bwrap { writable, binds, readonly_binds: Vec::new(), hide: hide.clone(), network: *network }
            }
        }
    }
}

fn argv(command: &Command) -> Vec<String> {
    match command {
        Command::Argv(words) => words.clone(),
        Command::Shell(line) => vec![shell().to_owned(), "-c".to_owned(), line.clone()],
    }
}

/// Lines in suites are written for bash; where there is none, what every system has.
fn shell() -> &'static str {
    let found = std::env::split_paths(&search_path()).any(|folder| folder.join("bash").is_file());
    if found { "bash" } else { "sh" }
}
