//! Programs that only run another one: `timeout 60 uv run pytest` is `pytest`.

use crate::acts::classify::{self, Call};
use crate::acts::interpreters;
use crate::acts::line::{Site, nested, push};
use crate::acts::names;
use crate::acts::table::What;
use crate::model::act::{Act, Deed};

/// What was inside.
pub(super) struct Inner {
    /// Where the command to name instead begins; absent where a whole script was read already.
    pub at: Option<usize>,
}

impl Inner {
    /// `rest` is the end of the call's words.
    fn command(call: &Call, rest: &[&str]) -> Option<Inner> {
        Some(Inner { at: Some(call.argv.len().saturating_sub(rest.len())) })
    }

    fn done() -> Option<Inner> {
        Some(Inner { at: None })
    }
}

/// The inner command of a wrapper, or nothing where this call wraps none.
pub(super) fn unwrap(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    match call.program.how.as_str() {
        "env" => return env(call, site, out),
        "cmd" => return cmd(call, site, out),
        "script_flag" | "npx" | "nix" => {
            if let Some(inner) = script_flag(call, site, out) {
                return Some(inner);
            }
        }
        "ssh" => return ssh(call, site, out),
        "xargs" => return xargs(call, site, out),
        "uv" | "coverage" | "interpreter" => {
            if let Some(module) = interpreters::module(call) {
                return Inner::command(call, module);
            }
        }
        "shell" => return interpreters::shell_script(call, site, out).then_some(Inner { at: None }),
        _ => {}
    }
    if call.program.how == "coverage" {
        let runs = call.args.operand(call.argv, 0) == Some("run");
        return if runs { Inner::command(call, call.argv.get(*call.args.operands.get(1)?..)?) } else { None };
    }
    by_rule(call, site, out)
}

fn by_rule(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    let skip = call.verdict.skip;
    match &call.verdict.what {
        What::Wrap => {
            if call.program.how == "docker" && with_entrypoint(call, site, out) {
                return Inner::done();
            }
            Inner::command(call, call.rest(skip)?)
        }
        What::WrapDashed => match call.args.dashes {
            Some(at) => Inner::command(call, call.argv.get(at + 1..)?),
            None => Inner::command(call, call.rest(skip)?),
        },
        What::WrapSelf => {
            let at = *call.args.operands.get(call.words.checked_sub(1)?)?;
            Inner::command(call, call.argv.get(at..)?)
        }
        What::Again => {
            let mut argv = vec![call.argv[0]];
            argv.extend(call.rest(skip)?);
            classify::call(&argv, &site.deeper(), out);
            Inner::done()
        }
        What::Script => {
            let rest = call.rest(skip)?;
            nested(&rest.join(" "), site, out);
            Inner::done()
        }
        What::Either => {
            let rest = call.rest(skip)?;
            let first = rest.first()?;
            if is_program(first, site) { Inner::command(call, rest) } else { None }
        }
        What::Act(_) | What::Drop | What::Task | What::Names(_) => None,
    }
}

/// Names that are programs somewhere, but tasks when they follow a package manager.
const TASKS_FIRST: &[&str] = &[
    "watch",
    "build",
    "serve",
    "console",
    "start",
    "open",
    "release",
    "django",
    "trace",
    "profile",
    "site",
    "act",
    "time",
    "exec",
    "install",
    "deploy",
    "patch",
    "rename",
    "script",
    "call",
    "service",
    "screen",
    "host",
    "at",
    "split",
    "swagger",
    "electron",
    "storybook",
    "graphql-codegen",
    "dev",
    "clear",
    "history",
    "tauri",
    "cap",
    "size",
    "env",
    "info",
    "task",
    "bench",
    "ios",
    "android",
    "server",
    "worker",
    "migrate",
    "stop",
    "global",
    "changeset",
    "copy",
    "move",
    "print",
    "export",
    "set",
    "test",
    "wait",
    "read",
    "write",
    "sync",
    "boot",
    "forge",
    "anchor",
    "convert",
    "strip",
    "join",
];

fn is_program(word: &str, site: &Site) -> bool {
    let base = names::base(word);
    let task = site.table.task_word(base).is_some() && base != "tsc";
    !task && !TASKS_FIRST.contains(&base) && names::lookup(word, base, site.table).is_some()
}

fn env(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    if let Some(at) = call.argv.iter().position(|word| matches!(*word, "-S" | "--split-string")) {
        nested(&call.argv.get(at + 1..)?.join(" "), site, out);
        return Inner::done();
    }
    let at = call.args.operands.iter().find(|at| !names::is_assignment(call.argv[**at]))?;
    Inner::command(call, call.argv.get(*at..)?)
}

fn cmd(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    let at =
        call.argv.iter().position(|word| ["/c", "/k", "//c"].iter().any(|flag| word.eq_ignore_ascii_case(flag)))?;
    nested(&call.argv.get(at + 1..)?.join(" "), site, out);
    Inner::done()
}

/// `su -c LINE`, `nix-shell --run LINE`, `nix develop -c COMMAND...`, `script -qc LINE`.
fn script_flag(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    let flags = ["-c", "--command", "--call", "--exec", "--run", "-qc", "-qec", "-x", "-qefc"];
    let limit = if call.program.how == "npx" { *call.args.operands.first().unwrap_or(&usize::MAX) } else { usize::MAX };
    let found = call.argv.iter().enumerate().position(|(at, word)| at > 0 && at < limit && flags.contains(word));
    if let Some(at) = found {
        let rest = call.argv.get(at + 1..)?;
        if call.program.how == "nix" && call.name == "nix" {
            return Inner::command(call, rest);
        }
        nested(rest.first()?, site, out);
        return Inner::done();
    }
    // macOS: script -q FILE COMMAND...
    if call.name == "script" { Inner::command(call, call.rest(1)?) } else { None }
}

fn ssh(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    let rest = call.rest(1);
    let reads_script = rest.is_none_or(|words| matches!(words, ["bash" | "sh" | "zsh", ..]) && words.len() <= 2);
    match (rest, site.heredoc()) {
        (_, Some(script)) if reads_script => nested(script, site, out),
        (Some(words), _) => nested(&words.join(" "), site, out),
        (None, _) => push(call.found(Act::Net), site, out),
    }
    Inner::done()
}

/// What xargs runs gets its operands from the pipe, so it is no filter.
fn xargs(call: &Call, site: &Site, out: &mut Vec<Deed>) -> Option<Inner> {
    let before = out.len();
    if let Some(rest) = call.rest(0) {
        classify::call(rest, &site.with_operands_to_come(), out);
    } else {
        push(call.found(Act::Other), site, out);
    }
    if let Some(file) = call.args.value(call.argv, &["-a", "--arg-file"])
        && let Some(last) = out[before..].last_mut()
    {
        last.paths_read.push(file.to_owned());
    }
    Inner::done()
}

/// `docker run --entrypoint bash IMAGE -c LINE`
fn with_entrypoint(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some(entry) = call.args.value(call.argv, &["--entrypoint"]).filter(|entry| !entry.is_empty()) else {
        return false;
    };
    let image = call.args.operands.get(call.words).copied().unwrap_or(call.argv.len());
    let mut argv = vec![entry];
    argv.extend(call.argv.iter().skip(image + 1));
    classify::call(&argv, &site.deeper(), out);
    true
}
