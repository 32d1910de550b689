//! The environment of a trial: an allow-list, never the user's own.
//!
//! A key in a variable, a shell start-up file, a proxy or a `GIT_DIR` would make trials differ between machines or leak a secret.
//! So everything is set here, with a HOME that is empty. Tools that keep what they need under the user's HOME (`~/.rustup`,
//! `~/.pyenv`) are told where that is, or `cargo test` and `python3` would not start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::MARKER;

/// Where tools installed for one user find themselves when HOME is another: (variable, its place under the user's HOME).
const TOOLS: &[(&str, &str)] = &[
    ("ASDF_DATA_DIR", ".asdf"),
    ("CARGO_HOME", ".cargo"),
    ("MISE_DATA_DIR", ".local/share/mise"),
    ("NVM_DIR", ".nvm"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("RUSTUP_HOME", ".rustup"),
    ("SDKMAN_DIR", ".sdkman"),
    ("VOLTA_HOME", ".volta"),
];

/// Passed on as they are: they choose a tool and hold no secret.
const PASSED: &[&str] = &["GOROOT", "JAVA_HOME", "LD_LIBRARY_PATH", "PYENV_VERSION"];

/// Files of the user that no trial needs to see and a sandbox should hide, under HOME.
const PRIVATE: &[&str] = &[
    ".aws",
    ".azure",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".claude",
    ".claude.json",
    ".codex",
    ".config/gcloud",
    ".config/gh",
    ".docker",
    ".gemini",
    ".git-credentials",
    ".gnupg",
    ".kube",
    ".local/share/opencode",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".ssh",
];

/// Doors out of a sandbox: whoever may write to them runs what they like outside.
const SOCKETS: &[&str] = &["/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"];

/// The complete environment of a trial's programs; agents and suites add to it by name.
pub fn base_env(home: &Path, tmp: &Path, seed: u64, marker: &str) -> BTreeMap<String, String> {
    let fixed = [
        ("HOME", text(home)),
        ("TMPDIR", text(tmp)),
        ("PATH", search_path()),
        ("LANG", "C.UTF-8".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TERM", "dumb".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("USER", "evalrun".to_owned()),
        ("EVALRUN_SEED", seed.to_string()),
        (MARKER, marker.to_owned()),
    ];
    let mut env: BTreeMap<String, String> = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    env.extend(PASSED.iter().filter_map(|&name| Some((name.to_owned(), std::env::var(name).ok()?))));
    let user_home = std::env::home_dir().unwrap_or_default();
    env.extend(TOOLS.iter().filter_map(|&(name, place)| tool_home(name, &user_home.join(place))));
    env
}

/// What a sandbox should hide: the user's keys and the sockets that lead out.
pub fn private_places() -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    PRIVATE.iter().map(|place| home.join(place)).chain(SOCKETS.iter().map(PathBuf::from)).chain(named).collect()
}

/// Where programs are looked for: evalrun's own PATH, which holds the user's tools and no secret.
pub fn search_path() -> String {
    std::env::var("PATH")
        .ok()
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned())
}

fn tool_home(name: &str, usual: &Path) -> Option<(String, String)> {
    let named = std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = named.or_else(|| usual.is_dir().then(|| text(usual)))?;
    Some((name.to_owned(), found))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
