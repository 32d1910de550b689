//! `evalrun doctor` with programs of our own on PATH: what is there, what is not, what is of no use, and the command for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::{Bed, Ran, ran};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt};

/// A machine with these programs on PATH, each a script of sh, and nothing else.
fn machine(programs: &[(&str, &str)]) -> Bed {
    let bed = Bed::new();
    fs::create_dir(bed.path("bin")).unwrap();
    for (name, script) in programs {
        let file = bed.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    bed
}

fn doctor(bed: &Bed, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = bed.evalrun(&[&["doctor"], args].concat());
    command.env("PATH", bed.path("bin")).envs(env.iter().copied());
    let ran = ran(command);
    Ran { out: ran.out.replace(&*bed.path("").to_string_lossy(), "HERE/"), ..ran }
}

#[test]
fn what_is_there_is_told_and_what_is_not_has_its_command() {
    let bed = machine(&[
        ("git", "echo git version 2.39.5"),
        // Asked with nothing to read, a home of its own, and no key.
        (
            "claude",
            "read line && exit 5; test -e \"$HOME/.claude\" && exit 6; test -n \"$ANTHROPIC_API_KEY\" && exit 7; printf '\\033[2J2.1.197 (Claude Code)\\nmore\\n'",
        ),
        ("python3", "echo Python 3.11.2"),
        ("node", "echo 'no such option' >&2; exit 9"),
        ("apt-get", "exit 1"),
        ("bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"),
    ]);
    bed.write("home/.claude/.credentials.json", "{}");
    let found = doctor(&bed, &[], &[("OPENAI_API_KEY", "sk-never-shown"), ("GEMINI_API_KEY", "")]);
    assert_eq!((found.code, found.err.as_str()), (Some(0), ""));
    assert!(!found.out.contains("sk-never-shown"));
    insta::assert_snapshot!("some", found.out);
}

#[test]
fn a_machine_without_anything_runs_nothing() {
    let bed = machine(&[]);
    let found = doctor(&bed, &[], &[]);
    assert_eq!(found.code, Some(4));
    insta::assert_snapshot!("nothing", found.out);
}

#[test]
fn as_json_it_says_the_same() {
    let bed = machine(&[("git", "echo git version 2.39.5"), ("claude", "exit 3")]);
    let found = doctor(&bed, &["--json"], &[("ANTHROPIC_API_KEY", "sk-never-shown")]);
    let json: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!((found.code, &json["can_run"], &json["doctor"]), (Some(0), &Value::Bool(true), &Value::from(1)));
    let of = |part: &str, name: &str| {
        let items = json[part].as_array().unwrap();
        let item = items.iter().find(|item| item["name"] == name).unwrap();
        (item["state"].as_str().unwrap().to_owned(), item["says"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("keys", "ANTHROPIC_API_KEY"), ("ready".to_owned(), "set".to_owned()));
    assert_eq!(of("keys", "OPENAI_API_KEY"), ("missing".to_owned(), "not set".to_owned()));
    assert_eq!(
        of("agents", "claude"),
        ("unusable".to_owned(), "HERE/bin/claude: `--version` ends with exit code 3".to_owned())
    );
    assert_eq!(of("tools", "git").0, "ready");
    assert!(!found.out.contains("sk-never-shown"));
}
