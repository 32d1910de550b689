//! `auth: login`: the user's own login of an agent, lent to a trial.
//!
//! A copy stands in the trial's home while the agent runs, readable by its owner alone, and is removed when the session closes. It is
//! never copied with the agent's session files. In CI there is no login to lend: there a key is named.

use super::Seat;
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Shorter values in a login are words rather than secrets.
const SHORTEST: usize = 12;

/// What was lent, to be taken back.
#[derive(Debug, Default)]
pub(super) struct Lent {
    copies: Vec<PathBuf>,
}

/// Whether an agent's block asks for the user's login.
pub(super) fn is_asked(spec: &AgentSpec) -> bool {
    spec.rest.get("auth").and_then(Value::as_str) == Some("login")
}

/// Whether this is a machine of many: a person's login has no business there.
pub(super) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Copies an agent's credential files, named below the user's home, into the trial's home; does nothing where it is not asked to.
///
/// # Errors
/// In CI, and where the user has no login of that agent.
pub(super) fn lend(seat: &Seat, files: &[&str]) -> Result<Lent, Fault> {
    if !is_asked(&seat.spec) {
        return Ok(Lent::default());
    }
    if in_ci() {
        return Err(Fault::new(Boundary::Agent, "login", "`auth: login` is refused in CI")
            .hint("name a variable with `auth: {env: [...]}`"));
    }
    let home = std::env::home_dir().unwrap_or_default();
    // Without links in it, so that one laid later is told by the path.
    let trial = seat.home.canonicalize().unwrap_or_else(|_| seat.home.clone());
    copied(&home, &trial, files)
}

/// The values in the user's credential files that must appear in nothing that is written, each with its name; none where no login is asked for.
pub(super) fn secrets(spec: &AgentSpec, files: &[&str]) -> Vec<(String, String)> {
    if !is_asked(spec) {
        return Vec::new();
    }
    let name = format!("{}_LOGIN", spec.driver.to_uppercase());
    of_files(&std::env::home_dir().unwrap_or_default(), files, &name)
}

fn of_files(home: &Path, files: &[&str], name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in files {
        let login = fs::read(home.join(file)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        values(&login.unwrap_or(Value::Null), name, &mut found);
    }
    found
}

/// Every text of a login that may be a token, with the path that leads to it. What has a space in it is a list of scopes or a sentence.
pub(super) fn values(login: &Value, name: &str, found: &mut Vec<(String, String)>) {
    match login {
        Value::String(text) if text.len() >= SHORTEST && !text.contains(char::is_whitespace) => {
            found.push((name.to_owned(), text.clone()));
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, name, found)),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| values(value, &format!("{name}.{key}"), found));
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Lent {
    /// Removes the copies; says what could not be removed.
    pub fn take_back(self) -> Vec<String> {
        let removed = |copy: &PathBuf| match fs::remove_file(copy) {
            Ok(()) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("the copy of the login was not removed: {}: {error}", copy.display())),
        };
        self.copies.iter().filter(|copy| is_ours(copy)).filter_map(removed).collect()
    }
}

/// Whether a copy, named by a path without links, still stands where it was put. The agent may have laid a link in a folder's place: what is
/// behind it is not ours to remove.
pub(super) fn is_ours(copy: &Path) -> bool {
    copy.parent().is_some_and(|folder| folder.canonicalize().is_ok_and(|now| now == folder))
}

fn copied(from: &Path, to: &Path, files: &[&str]) -> Result<Lent, Fault> {
    let mut lent = Lent::default();
    for file in files {
        let Ok(bytes) = fs::read(from.join(file)) else { continue };
        let copy = to.join(file);
        let written = copy.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy)?;
            file.write_all(&bytes)
        });
        written.map_err(|error| {
            Fault::new(
                Boundary::Workspace,
                "login",
                format!("the login cannot be copied to {}: {error}", copy.display()),
            )
        })?;
        lent.copies.push(copy);
    }
    if lent.copies.is_empty() {
        let what = format!("there is no login to lend: {} is not there", files.join(" or "));
        return Err(Fault::new(Boundary::Agent, "login", what)
            .hint("log in with the agent once, or name a variable with `auth: {env: [...]}`"));
    }
    Ok(lent)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_login_is_lent_to_its_owner_alone_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (user, trial) = (folder.path().join("user"), folder.path().join("trial"));
        fs::create_dir_all(user.join(".agent")).unwrap();
        fs::create_dir(&trial).unwrap();
        let trial = trial.canonicalize().unwrap();
        assert!(copied(&user, &trial, &[".agent/auth.json"]).is_err());
        fs::write(user.join(".agent/auth.json"), "s3cret").unwrap();
        let lent = copied(&user, &trial, &[".agent/none.json", ".agent/auth.json"]).unwrap();
        let copy = trial.join(".agent/auth.json");
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&copy).unwrap(), "s3cret");
        fs::write(
            user.join(".agent/more.json"),
            r#"{"google": {"access": "tok-0123456789", "scope": "openid all of it", "n": 7}}"#,
        )
        .unwrap();
        let hidden = of_files(&user, &[".agent/none.json", ".agent/auth.json", ".agent/more.json"], "AGENT_LOGIN");
        assert_eq!(hidden, [("AGENT_LOGIN.google.access".to_owned(), "tok-0123456789".to_owned())]);
        assert_eq!(lent.take_back(), Vec::<String>::new());
        assert!(!copy.exists() && user.join(".agent/auth.json").exists());
        let lent = copied(&user, &trial, &[".agent/auth.json"]).unwrap();
        fs::rename(trial.join(".agent"), trial.join("aside")).unwrap();
        std::os::unix::fs::symlink(user.join(".agent"), trial.join(".agent")).unwrap();
        assert_eq!(lent.take_back(), Vec::<String>::new());
        assert!(user.join(".agent/auth.json").exists(), "the user's own is not behind a link that the agent laid");
    }
}
