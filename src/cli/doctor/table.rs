//! What is looked for, as data: programs of agents, tools, names of keys, and how each is installed.

/// The program that a driver starts.
pub(super) struct Program {
    pub driver: &'static str,
    pub program: &'static str,
    /// The variable that its key is usually in.
    pub key: &'static str,
    /// Where its own login is kept, under the user's home.
    pub login: &'static str,
    pub install: &'static str,
}

/// Drivers that are not here need no program but what their block names.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        driver: "claude",
        program: "claude",
        key: "ANTHROPIC_API_KEY",
        login: ".claude/.credentials.json",
        install: "npm install -g @anthropic-ai/claude-code",
    },
    Program {
        driver: "codex",
        program: "codex",
        key: "OPENAI_API_KEY",
        login: ".codex/auth.json",
        install: "npm install -g @openai/codex",
    },
    Program {
        driver: "gemini",
        program: "gemini",
        key: "GEMINI_API_KEY",
        login: ".gemini/oauth_creds.json",
        install: "npm install -g @google/gemini-cli",
    },
    Program {
        driver: "opencode",
        program: "opencode",
        key: "OPENAI_API_KEY",
        login: ".local/share/opencode/auth.json",
        install: "npm install -g opencode-ai",
    },
];

/// Variables that agents and judges usually take their keys from.
pub(super) const KEYS: &[&str] = &["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"];

/// A tool: what it is for, and its package.
pub(super) struct Tool {
    pub name: &'static str,
    /// The programs that will do, best first.
    pub programs: &'static [&'static str],
    pub needed: &'static str,
    pub package: &'static str,
}

pub(super) const GIT: &str = "git";

pub(super) const TOOLS: &[Tool] = &[
    Tool { name: GIT, programs: &["git"], needed: "every trial needs it", package: "git" },
    Tool { name: "python3", programs: &["python3"], needed: "the shipped suites' checks need it", package: "python3" },
    Tool { name: "node", programs: &["node"], needed: "most agents need it", package: "nodejs" },
    Tool { name: "rg", programs: &["rg"], needed: "agents like to search with it", package: "ripgrep" },
    Tool {
        name: "chromium",
        programs: &["chromium", "chromium-browser", "google-chrome"],
        needed: "only evalrun's own tests of its pages need it",
        package: "chromium",
    },
];

pub(super) const BUBBLEWRAP: &str = "bubblewrap";

/// Ways to install a package: the program that does, and the words before the package's name.
const INSTALLERS: &[(&str, &str)] = &[
    ("apt-get", "sudo apt-get install -y"),
    ("dnf", "sudo dnf install -y"),
    ("apk", "sudo apk add"),
    ("pacman", "sudo pacman -S"),
    ("brew", "brew install"),
];

/// The command that installs a package, where `has` says which programs there are.
pub(super) fn install(package: &str, has: &dyn Fn(&str) -> bool) -> String {
    let found = INSTALLERS.iter().find(|(program, _)| has(program));
    found.map_or_else(|| format!("install the package {package}"), |(_, words)| format!("{words} {package}"))
}

/// What lets a sandbox work that its own words say cannot: the usual reasons on Linux.
pub(super) fn unlock(problem: &str) -> &'static str {
    if problem.contains("uid map") || problem.contains("Permission denied") {
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if problem.contains("namespace") {
        "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    } else {
        "evalrun SUITE --sandbox none"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_installed_with_what_there_is() {
        let only = |name: &'static str| move |program: &str| program == name;
        assert_eq!(install("git", &only("apk")), "sudo apk add git");
        assert_eq!(install("git", &only("brew")), "brew install git");
        assert_eq!(install("git", &only("none")), "install the package git");
    }

    #[test]
    fn the_usual_reasons_have_their_commands() {
        let uid = "bwrap: setting up uid map: Permission denied";
        assert_eq!(unlock(uid), "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
        let none = "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.";
        assert_eq!(unlock(none), "sudo sysctl -w kernel.unprivileged_userns_clone=1");
        assert_eq!(unlock("bwrap: Can't mount proc on /newroot/proc"), "evalrun SUITE --sandbox none");
    }
}
