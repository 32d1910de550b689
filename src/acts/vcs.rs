//! git: looking, changing, throwing away; and the commands that are really reads, searches or edits.

use crate::acts::classify::Call;
use crate::acts::line::{Site, push};
use crate::acts::patch_text;
use crate::acts::texts;
use crate::model::act::{Act, Deed};

pub(super) fn git(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some(verb) = call.args.operand(call.argv, 0) else { return false };
    let operands = call.args.operands_from(call.argv, 1);
    match verb {
        "show" => return show(call, &operands, site, out),
        "grep" => {
            let mut words = operands.as_slice();
            let given = call.argv.iter().position(|word| *word == "-e");
            let mut found = call.found(Act::Search);
            if let Some(at) = given {
                found.pattern = call.argv.get(at + 1).map(|word| (*word).to_owned());
                words = words.get(1..).unwrap_or(&[]);
                push(found.reads(words), site, out);
            } else {
                push(texts::patterned(found, words), site, out);
            }
        }
        "apply" | "am" => apply(call, &operands, site, out),
        "checkout" => checkout(call, &operands, site, out),
        "restore" => {
            let staged = call.has(&["--staged", "-S"]) && !call.has(&["--worktree", "-W"]);
            let found = call.found(Act::Vcs).sub(if staged { "write" } else { "discard" });
            let source = call.argv.iter().position(|word| matches!(*word, "-s" | "--source")).map(|at| at + 1);
            let source = source.and_then(|at| call.argv.get(at)).copied();
            push(found.writes(operands.into_iter().filter(|word| Some(*word) != source)), site, out);
        }
        "branch" | "tag" => listing(call, &operands, site, out),
        "stash" if operands.is_empty() => push(call.found(Act::Vcs).sub("write"), site, out),
        "config" if operands.len() > 1 && !call.has(&["--get", "--list", "-l", "--get-all", "--get-regexp"]) => {
            push(call.found(Act::Vcs).sub("write"), site, out);
        }
        "clean" if call.has(&["-e", "--exclude"]) => {
            // What is excluded is not thrown away.
            push(call.found(Act::Vcs).sub("discard"), site, out);
        }
        "clean" if call.args.has_letter(call.argv, 'n') || call.has(&["--dry-run"]) => {
            push(call.found(Act::Vcs).sub("inspect"), site, out);
        }
        _ => return false,
    }
    true
}

/// `git show REV:path` reads a file.
fn show(call: &Call, operands: &[&str], site: &Site, out: &mut Vec<Deed>) -> bool {
    let paths: Vec<&str> = operands.iter().filter_map(|word| word.split_once(':')).map(|(_, path)| path).collect();
    let paths: Vec<&str> = paths.into_iter().filter(|path| !path.is_empty() && !path.starts_with('/')).collect();
    if paths.is_empty() {
        return false;
    }
    push(call.found(Act::Read).reads(paths), site, out);
    true
}

fn apply(call: &Call, operands: &[&str], site: &Site, out: &mut Vec<Deed>) {
    if call.args.operand(call.argv, 0) == Some("am") {
        push(call.found(Act::Vcs).sub("write"), site, out);
        return;
    }
    let looks = call.has(&["--check", "--stat", "--numstat", "--summary"]) && !call.has(&["--apply"]);
    if looks {
        push(call.found(Act::Vcs).sub("inspect").reads(operands), site, out);
        return;
    }
    let mut found = call.found(Act::Edit).reads(operands);
    found.writes = patch_text::paths(site.heredoc().unwrap_or(""));
    push(found, site, out);
}

/// With `--` or a plain file name it throws changes away; with `-b` or a branch it moves.
fn checkout(call: &Call, operands: &[&str], site: &Site, out: &mut Vec<Deed>) {
    let found = call.found(Act::Vcs);
    let paths: Vec<&str> = match call.args.dashes {
        Some(dashes) => call.args.operands.iter().filter(|at| **at > dashes).map(|at| call.argv[*at]).collect(),
        None if call.has(&["-b", "-B", "--orphan", "-t", "--track"]) => Vec::new(),
        None => operands.iter().copied().filter(|word| *word == "." || is_file(word)).collect(),
    };
    let found = if paths.is_empty() { found.sub("write") } else { found.sub("discard").writes(paths) };
    push(found, site, out);
}

/// `src/a.rs`, but not `v1.2` or `feature/x`.
fn is_file(word: &str) -> bool {
    let base = word.rsplit('/').next().unwrap_or(word);
    base.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && (1..=4).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphabetic())
    })
}

/// Without a name they list.
fn listing(call: &Call, operands: &[&str], site: &Site, out: &mut Vec<Deed>) {
    let asks = call.has(&[
        "--list",
        "-l",
        "-a",
        "-r",
        "-v",
        "-vv",
        "--show-current",
        "--contains",
        "--merged",
        "--no-merged",
        "--all",
        "-n",
        "--points-at",
        "--sort",
    ]);
    let changes = call.has(&["-d", "-D", "-m", "-M", "-f", "--delete", "--set-upstream-to", "-u", "-s"]);
    let sub = if changes || (!operands.is_empty() && !asks) { "write" } else { "inspect" };
    push(call.found(Act::Vcs).sub(sub), site, out);
}
