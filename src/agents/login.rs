//! `auth: login`: the user's own login of an agent, lent to a trial.
//!
//! A copy stands in the trial's home while the agent runs, readable by its owner alone, and is removed when the session closes. It is
//! never copied with the agent's session files. In CI there is no login to lend: there a key is named.

use super::Seat;
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
};
use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// What was lent, to be taken back.
#[derive(Debug, Default)]
pub(super) struct Lent {
    copies: Vec<PathBuf>,
}

/// Whether an agent's block asks for the user's login.
pub(super) fn is_asked(spec: &AgentSpec) -> bool {
    spec.rest.get("auth").and_then(serde_json::Value::as_str) == Some("login")
}

/// Copies an agent's credential files, named below the user's home, into the trial's home; does nothing where it is not asked to.
///
/// # Errors
/// In CI, and where the user has no login of that agent.
pub(super) fn lend(seat: &Seat, files: &[&str]) -> Result<Lent, Fault> {
    if !is_asked(&seat.spec) {
        return Ok(Lent::default());
    }
    if std::env::var_os("CI").is_some_and(|ci| !ci.is_empty()) {
        return Err(Fault::new(Boundary::Agent, "login", "`auth: login` is refused in CI")
            .hint("name a variable with `auth: {env: [...]}`"));
    }
    let home = std::env::home_dir().unwrap_or_default();
    copied(&home, &seat.home, files)
}

impl Lent {
    /// Removes the copies; says what could not be removed.
    pub fn take_back(self) -> Vec<String> {
        let removed = |copy: &PathBuf| match fs::remove_file(copy) {
            Ok(()) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("the copy of the login was not removed: {}: {error}", copy.display())),
        };
        self.copies.iter().filter_map(removed).collect()
    }
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
        assert!(copied(&user, &trial, &[".agent/auth.json"]).is_err());
        fs::write(user.join(".agent/auth.json"), "s3cret").unwrap();
        let lent = copied(&user, &trial, &[".agent/none.json", ".agent/auth.json"]).unwrap();
        let copy = trial.join(".agent/auth.json");
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&copy).unwrap(), "s3cret");
        assert_eq!(lent.take_back(), Vec::<String>::new());
        assert!(!copy.exists() && user.join(".agent/auth.json").exists());
    }
}
