//! Programs that move, pack, patch, fetch and find files.

use crate::acts::classify::{self, Call};
use crate::acts::line::{Found, Site, push};
use crate::acts::patch_text;
use crate::acts::table::What;
use crate::model::act::{Act, Deed};

/// The last operand is written, the others are read.
pub(super) fn copied(found: Found, operands: &[&str]) -> Found {
    let Some((target, sources)) = operands.split_last() else { return found };
    if sources.is_empty() { found.reads([*target]) } else { found.reads(sources).writes([*target]) }
}

pub(super) fn ln(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operands = call.operands();
    push(call.found(Act::Edit).writes(operands.get(1..).unwrap_or(&[])), site, out);
    true
}

pub(super) fn dd(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let part = |key: &str| call.argv.iter().find_map(|word| word.strip_prefix(key));
    push(call.found(Act::Edit).reads(part("if=")).writes(part("of=")), site, out);
    true
}

pub(super) fn tar(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let first = call.argv.get(1).copied().unwrap_or("");
    let bundle = first.trim_start_matches('-');
    let dashless = !first.starts_with('-');
    let has = |letter: char, long: &str| (!first.starts_with("--") && bundle.contains(letter)) || call.has(&[long]);
    let folder = call.args.flags.iter().find(|at| matches!(call.argv[**at], "-C" | "--directory")).map(|at| at + 1);
    let file_flag = call.args.flags.iter().find(|at| matches!(call.argv[**at], "-f" | "--file")).map(|at| at + 1);
    let mut operands: Vec<&str> = call
        .args
        .operands
        .iter()
        .filter(|at| Some(**at) != folder && Some(**at) != file_flag && !(dashless && **at == 1))
        .map(|at| call.argv[*at])
        .collect();
    let archive = match file_flag {
        Some(at) => call.argv.get(at).copied(),
        None if bundle.contains('f') && !operands.is_empty() => Some(operands.remove(0)),
        None => None,
    };
    let folder = folder.and_then(|at| call.argv.get(at).copied());
    let found = if has('t', "--list") {
        call.found(Act::List)
    } else if has('c', "--create") || bundle.starts_with(['r', 'u']) {
        call.found(Act::Edit).reads(operands).writes(archive)
    } else {
        call.found(Act::Edit).reads(archive).writes(folder)
    };
    push(found, site, out);
    true
}

pub(super) fn unzip(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.verdict.what != What::Act(Act::Edit) {
        return false;
    }
    let at = call.argv.iter().position(|word| *word == "-d");
    let folder = at.and_then(|at| call.argv.get(at + 1)).copied();
    push(call.found(Act::Edit).reads(call.operands().first()).writes(folder), site, out);
    true
}

pub(super) fn zip(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let mut operands = call.operands();
    let seven = call.name.starts_with('7') || call.name == "rar";
    let mode = if seven && !operands.is_empty() { operands.remove(0) } else { "a" };
    let (archive, rest) = (operands.first().copied(), operands.get(1..).unwrap_or(&[]));
    let found = match mode {
        "l" | "t" => call.found(Act::List),
        "x" | "e" => call.found(Act::Edit).reads(archive),
        _ => call.found(Act::Edit).reads(rest).writes(archive),
    };
    push(found, site, out);
    true
}

pub(super) fn patch(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.has(&["--dry-run"]) {
        return false;
    }
    let input = call.args.value(call.argv, &["-i", "--input"]);
    let operands = call.operands();
    let mut found = call.found(Act::Edit).reads(input).reads(operands.get(1));
    found = found.writes(operands.first());
    found.writes.extend(patch_text::paths(site.heredoc().unwrap_or("")));
    push(found, site, out);
    true
}

/// `apply_patch <<'EOF'`, `apply_patch "*** Begin Patch ..."`
pub(super) fn apply_patch(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operand = call.args.operand(call.argv, 0).unwrap_or("");
    let mut found = call.found(Act::Edit);
    found.writes = patch_text::paths(site.heredoc().unwrap_or(operand));
    push(found, site, out);
    true
}

/// rsync and scp: to or from a host they are net, and only the local side is a path.
pub(super) fn remote_copy(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.verdict.what == What::Act(Act::Other) {
        return false;
    }
    let operands = call.operands();
    let remote = operands.iter().any(|path| is_remote(path));
    let Some((target, sources)) = operands.split_last() else { return false };
    let mut found = call.found(if remote { Act::Net } else { Act::Edit });
    found = found.reads(sources.iter().filter(|path| !is_remote(path)));
    if !is_remote(target) {
        found = found.writes([*target]);
    }
    push(found, site, out);
    true
}

fn is_remote(path: &str) -> bool {
    path.contains("://") || path.split('/').next().is_some_and(|first| first.len() > 2 && first.contains(':'))
}

/// curl and wget: the local target is written.
pub(super) fn download(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let names: &[&str] = if call.name == "wget" { &["-O", "--output-document"] } else { &["-o", "--output"] };
    let glued = call.args.flags.iter().find_map(|at| glued_target(call, *at));
    let target = call.args.value(call.argv, names).or(glued);
    push(call.found(Act::Net).writes(target.filter(|target| *target != "-")), site, out);
    true
}

/// `-sSLo f`, `-qO f`: the option that takes the file ends a bundle.
fn glued_target<'a>(call: &Call<'a>, at: usize) -> Option<&'a str> {
    let word = call.argv[at];
    let letter = if call.name == "wget" { 'O' } else { 'o' };
    if word.starts_with("--") || word.len() < 3 {
        return None;
    }
    if word.ends_with(letter) { call.argv.get(at + 1).copied() } else { None }
}

/// `find -exec X` is `X`; `find -delete` is an edit; otherwise it lists.
pub(super) fn find(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let roots: Vec<&str> =
        call.argv[1..].iter().copied().take_while(|word| !word.starts_with(['-', '(', '!'])).collect();
    let runs = |word: &str| matches!(word, "-exec" | "-execdir" | "-ok" | "-okdir");
    let mut executes = false;
    let mut at = 1;
    // Each command ends where the next may begin, so none is read twice.
    while let Some(word) = call.argv.get(at) {
        at += 1;
        if runs(word) {
            let rest = &call.argv[at..];
            let end = rest.iter().position(|word| matches!(*word, ";" | "+" | "\\;")).unwrap_or(rest.len());
            classify::call(&rest[..end], &site.with_operands_to_come(), out);
            at += end;
            executes = true;
        }
    }
    if call.argv.contains(&"-delete") {
        push(call.found(Act::Edit).writes(roots), site, out);
    } else if !executes {
        let named = call.argv.iter().any(|word| matches!(*word, "-name" | "-iname" | "-path" | "-regex" | "-ipath"));
        let found = call.found(Act::List);
        push(if named { found.sub("name") } else { found }, site, out);
    }
    true
}

pub(super) fn fd(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let exec = call.argv.iter().position(|word| matches!(*word, "-x" | "-X" | "--exec" | "--exec-batch"));
    match exec.and_then(|at| call.argv.get(at + 1..)) {
        Some(rest) => classify::call(rest, &site.with_operands_to_come(), out),
        None => {
            let found = call.found(Act::List);
            push(if call.args.operands.is_empty() { found } else { found.sub("name") }, site, out);
        }
    }
    true
}

/// ImageMagick and ffmpeg: nearly every option takes a value, the last word is written.
pub(super) fn image(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some((target, before)) = call.argv[1..].split_last() else { return false };
    if *target == "-" || target.ends_with(":-") {
        push(call.found(Act::Run), site, out);
        return true;
    }
    let inputs = before.iter().enumerate().filter(|(at, word)| {
        let owner = at.checked_sub(1).map_or("", |owner| before[owner]);
        !word.starts_with('-') && (!owner.starts_with('-') || owner == "-i") && word.contains('.')
    });
    let found = call.found(Act::Edit).reads(inputs.map(|(_, word)| word)).writes([*target]);
    push(found, site, out);
    true
}
