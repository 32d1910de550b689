//! The user's own login, lent to a trial: `auth: login`.
//!
//! The file with the credentials is copied into the trial's home, readable by the user alone, and removed when the conversation is
//! over. It is never among the session files that are kept, and its values are hidden in all that is written.

use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Where Claude Code keeps its login, under a home.
const FOLDER: &str = ".claude";
const FILE: &str = ".credentials.json";

/// The user's home and the trial's.
pub(super) struct Homes {
    pub user: PathBuf,
    pub trial: PathBuf,
}

impl Homes {
    pub fn of(trial: &Path) -> Homes {
        Homes { user: std::env::home_dir().unwrap_or_default(), trial: trial.to_owned() }
    }
}

/// A login in a trial's home. It is taken back when this is dropped.
pub(super) struct Lent {
    trial: PathBuf,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The agent may have put a link in the folder's place: what is behind it is not ours.
        let folder = self.trial.join(FOLDER);
        if fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
            // One that is gone was taken back by somebody else.
            let _ = fs::remove_file(folder.join(FILE));
        }
    }
}

/// Copies the login into the trial's home.
///
/// # Errors
/// In CI, where there is no login, or where it cannot be copied.
pub(super) fn lend(homes: &Homes, in_ci: bool) -> Result<Lent, Fault> {
    let fault = |what: String| Fault::new(Boundary::Agent, "login", what);
    let other = "give the agent a key by its variable instead: auth: {env: [ANTHROPIC_API_KEY]}";
    if in_ci {
        return Err(fault("a person's login is not used where CI is set".to_owned()).hint(other));
    }
    let from = homes.user.join(FOLDER).join(FILE);
    let bytes = fs::read(&from).map_err(|error| {
        fault(format!("there is no login of Claude Code at {}: {error}", from.display()))
            .hint(format!("log in with `claude`, or {other}"))
    })?;
    let to = homes.trial.join(FOLDER).join(FILE);
    let written = fs::create_dir_all(homes.trial.join(FOLDER))
        .and_then(|()| fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to))
        .and_then(|mut file| file.write_all(&bytes));
    let lent = Lent { trial: homes.trial.clone() };
    written.map_err(|error| fault(format!("the login cannot be lent to {}: {error}", to.display())))?;
    Ok(lent)
}

/// The values of the login that must appear in nothing that is written, each with its name; none where it is not wanted.
pub fn secrets(spec: &AgentSpec) -> Vec<(String, String)> {
    if spec.driver != super::DRIVER.name || !crate::agents::login::is_asked(spec) {
        return Vec::new();
    }
    let file = std::env::home_dir().unwrap_or_default().join(FOLDER).join(FILE);
    let login = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
    let mut found = Vec::new();
    crate::agents::login::values(&login, "CLAUDE_LOGIN", &mut found);
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const LOGIN: &str = r#"{"claudeAiOauth":{"accessToken":"sk-ant-oat01-0123456789","scopes":["user:inference"]}}"#;
    const IN_CI: bool = true;
    const AT_HOME: bool = false;

    fn homes(folder: &Path) -> Homes {
        let homes = Homes { user: folder.join("user"), trial: folder.join("trial") };
        fs::create_dir_all(homes.user.join(FOLDER)).unwrap();
        fs::create_dir_all(&homes.trial).unwrap();
        fs::write(homes.user.join(FOLDER).join(FILE), LOGIN).unwrap();
        homes
    }

    #[test]
    fn a_login_is_lent_to_its_owner_alone_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let homes = homes(folder.path());
        let lent = lend(&homes, AT_HOME).unwrap();
        let copy = homes.trial.join(FOLDER).join(FILE);
        assert_eq!(fs::read_to_string(&copy).unwrap(), LOGIN);
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        drop(lent);
        assert!(!copy.exists());
        assert!(homes.user.join(FOLDER).join(FILE).exists(), "the user's own stays");
    }

    #[test]
    fn it_is_refused_in_ci_and_where_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let homes = homes(folder.path());
        let fault = lend(&homes, IN_CI).err().unwrap();
        assert_eq!(fault.message, "a person's login is not used where CI is set");
        assert!(!homes.trial.join(FOLDER).exists(), "nothing was copied");
        fs::remove_file(homes.user.join(FOLDER).join(FILE)).unwrap();
        let fault = lend(&homes, AT_HOME).err().unwrap();
        assert!(fault.message.starts_with("there is no login of Claude Code at "), "{fault}");
        assert!(fault.hint.unwrap().contains("ANTHROPIC_API_KEY"));
    }

    #[test]
    fn a_link_in_the_folders_place_does_not_take_the_users_own_away() {
        let folder = tempfile::tempdir().unwrap();
        let homes = homes(folder.path());
        let lent = lend(&homes, AT_HOME).unwrap();
        fs::rename(homes.trial.join(FOLDER), homes.trial.join("aside")).unwrap();
        symlink(homes.user.join(FOLDER), homes.trial.join(FOLDER)).unwrap();
        drop(lent);
        assert!(homes.user.join(FOLDER).join(FILE).exists());
    }

    #[test]
    fn every_long_value_of_a_login_is_a_secret() {
        let mut found = Vec::new();
        crate::agents::login::values(&serde_json::from_str(LOGIN).unwrap(), "CLAUDE_LOGIN", &mut found);
        let expected = [
            ("CLAUDE_LOGIN.claudeAiOauth.accessToken", "sk-ant-oat01-0123456789"),
            ("CLAUDE_LOGIN.claudeAiOauth.scopes", "user:inference"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
