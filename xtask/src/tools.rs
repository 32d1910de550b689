//! What the tests need beside the toolchain: bubblewrap for the sandbox, Chromium for the report's pages.
//! On a developer's machine a missing tool is said and its tests print `skipped`; in CI it is installed, and a skip fails.

use std::process::{Command, Stdio};

struct Tool {
    program: &'static str,
    package: &'static str,
    why: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { program: "bwrap", package: "bubblewrap", why: "sandbox tests" },
    Tool { program: "chromium", package: "chromium", why: "report page tests" },
    Tool { program: "git", package: "git", why: "workspace tests" },
    Tool { program: "python3", package: "python3", why: "the quickstart's Python task" },
];

/// Installs what is missing in CI; elsewhere says what is missing.
pub fn provide() -> Result<(), String> {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !on_path(tool.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if std::env::var_os("CI").is_none() {
        for tool in missing {
            println!("{} is not here: {} will be skipped (package {})", tool.program, tool.why, tool.package);
        }
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    println!("installing {}", packages.join(", "));
    apt(&["update", "-qq"])?;
    apt(&[&["install", "-y", "-qq", "--no-install-recommends"], packages.as_slice()].concat())
}

/// Whether a program stands on PATH.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn apt(args: &[&str]) -> Result<(), String> {
    let status = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run apt-get: {error}; install the packages by hand"))?;
    if status.success() { Ok(()) } else { Err(format!("apt-get {} failed", args.join(" "))) }
}
