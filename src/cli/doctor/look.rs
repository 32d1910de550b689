//! Looks around: PATH, versions, sandboxes, names of variables.

use super::{
    Found, Item, State,
    table::{BUBBLEWRAP, GIT, KEYS, PROGRAMS, Program, TOOLS, Tool, install, unlock},
};
use crate::agents::{AGENTS, Driver};
use crate::process::{Cancel, Exit, Spec, Stdin, run, usable_sandboxes};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A program that takes longer to say its version hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// Bytes of what it says that are looked at, and characters that are shown.
const HEARD: u64 = 4 << 10;
const SHOWN: usize = 60;

pub(super) async fn around() -> Found {
    let mut asked = Vec::new();
    for driver in AGENTS {
        asked.push(tokio::spawn(agent(driver)));
    }
    let mut tools = Vec::new();
    for tool in TOOLS {
        tools.push(tokio::spawn(self::tool(tool)));
    }
    let sandboxes = tokio::task::spawn_blocking(sandboxes).await.unwrap_or_default();
    let (agents, tools) = (all(asked).await, all(tools).await);
    let has_git = tools.iter().any(|tool| tool.name == GIT && tool.state == State::Ready);
    let has_agent = agents.iter().any(|agent| agent.state == State::Ready);
    Found {
        doctor: 1,
        can_run: has_git && has_agent,
        agents,
        sandboxes,
        keys: KEYS.iter().map(|name| key(name)).collect(),
        tools,
    }
}

async fn all(asked: Vec<tokio::task::JoinHandle<Item>>) -> Vec<Item> {
    let mut found = Vec::new();
    for one in asked {
        found.extend(one.await.ok());
    }
    found
}

async fn agent(driver: &'static Driver) -> Item {
    let name = driver.name.to_owned();
    let Some(known) = PROGRAMS.iter().find(|known| known.driver == driver.name) else {
        let says = if driver.stand_in { "a stand-in, built in" } else { "built in; needs what its block names" };
        return Item { name, state: State::Ready, says: says.to_owned(), fix: None };
    };
    let Some(path) = on_path(known.program) else {
        let says = format!("no `{}` on PATH", known.program);
        return Item { name, state: State::Missing, says, fix: Some(known.install.to_owned()) };
    };
    match version(&path).await {
        Err(why) => {
            let says = format!("{}: {why}", path.display());
            Item { name, state: State::Unusable, says, fix: Some(known.install.to_owned()) }
        }
        Ok(version) => {
            let (access, fix) = access(known);
            Item { name, state: State::Ready, says: format!("{version}, {}; {access}", path.display()), fix }
        }
    }
}

/// How the agent may get at its model.
fn access(known: &Program) -> (String, Option<String>) {
    let logged_in = std::env::home_dir().is_some_and(|home| home.join(known.login).is_file());
    match (is_set(known.key), logged_in) {
        (true, _) => (format!("{} is set", known.key), None),
        (false, true) => ("logged in (`auth: login`)".to_owned(), None),
        (false, false) => ("neither a key nor a login was found".to_owned(), Some(set(known.key))),
    }
}

fn sandboxes() -> Vec<Item> {
    let item = |sandbox: &crate::process::Sandbox| {
        let name = sandbox.name.to_owned();
        match &sandbox.problem {
            None if sandbox.name == "none" => {
                let says = "always; agents can read and write whatever you can".to_owned();
                Item { name, state: State::Ready, says, fix: None }
            }
            None => Item { name, state: State::Ready, says: "tried; it works".to_owned(), fix: None },
            Some(problem) if on_path("bwrap").is_none() => {
                Item { name, state: State::Missing, says: plain(problem), fix: Some(package(BUBBLEWRAP)) }
            }
            Some(problem) => {
                let fix = Some(unlock(problem).to_owned());
                Item { name, state: State::Unusable, says: plain(problem), fix }
            }
        }
    };
    usable_sandboxes().iter().map(item).collect()
}

fn key(name: &str) -> Item {
    match is_set(name) {
        true => Item { name: name.to_owned(), state: State::Ready, says: "set".to_owned(), fix: None },
        false => {
            Item { name: name.to_owned(), state: State::Missing, says: "not set".to_owned(), fix: Some(set(name)) }
        }
    }
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn set(name: &str) -> String {
    format!("export {name}=...")
}

async fn tool(tool: &'static Tool) -> Item {
    let name = tool.name.to_owned();
    let Some(path) = tool.programs.iter().find_map(|program| on_path(program)) else {
        let says = format!("not on PATH; {}", tool.needed);
        return Item { name, state: State::Missing, says, fix: Some(package(tool.package)) };
    };
    match version(&path).await {
        Ok(version) => Item { name, state: State::Ready, says: format!("{version}, {}", path.display()), fix: None },
        Err(why) => {
            let says = format!("{}: {why}; {}", path.display(), tool.needed);
            Item { name, state: State::Unusable, says, fix: Some(package(tool.package)) }
        }
    }
}

fn package(name: &str) -> String {
    install(name, &|program| on_path(program).is_some())
}

/// The first line that a program says when asked for its version: with nothing to read, no home of the user's, and not for long.
async fn version(path: &Path) -> Result<String, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut spec = Spec::new([path.to_string_lossy().into_owned(), "--version".to_owned()], home.path());
    spec.env.insert("HOME".to_owned(), home.path().to_string_lossy().into_owned());
    spec.stdin = Stdin::Null;
    spec.cap = HEARD;
    spec.timeout = Some(LIMIT);
    let output = run(spec, &Cancel::new()).await.map_err(|fault| fault.message)?;
    let said = |kept: &crate::process::Kept| {
        let (text, _) = kept.text();
        text.lines().map(plain).find(|line| !line.is_empty())
    };
    match output.exit {
        Exit::Code(0) => Ok(said(&output.stdout).unwrap_or_else(|| "says no version".to_owned())),
        Exit::Code(code) => {
            let words = said(&output.stderr).map(|words| format!(": {words}")).unwrap_or_default();
            Err(format!("`--version` ends with exit code {code}{words}"))
        }
        Exit::Signal(signal) => Err(format!("`--version` was ended by signal {signal}")),
        Exit::TimedOut | Exit::Cancelled => Err(format!("`--version` said nothing for {} s", LIMIT.as_secs())),
    }
}

/// Without what would move a terminal's cursor.
fn plain(line: impl AsRef<str>) -> String {
    let mut visible = String::new();
    let mut characters = line.as_ref().chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A sequence for the terminal goes on to its letter.
            characters.find(char::is_ascii_alphabetic);
        } else if !character.is_control() {
            visible.push(character);
        }
    }
    visible.trim().chars().take(SHOWN).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let is_program =
        |file: &PathBuf| file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(is_program)
}
