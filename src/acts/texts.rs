//! Programs that read, search and rewrite text.

use crate::acts::classify::Call;
use crate::acts::line::{Found, Site, push};
use crate::acts::shell::RedirectKind;
use crate::acts::shell::Word;
use crate::acts::table::What;
use crate::model::act::{Act, Deed};

/// `cat f` reads, `cat a > b` writes, `cat <<EOF` only prints.
pub(super) fn cat(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operands = call.operands();
    let plain = matches!(call.name, "cat" | "tac" | "nl" | "Get-Content" | "gc");
    if plain && site.writes_file() {
        push(call.found(Act::Edit).reads(operands), site, out);
    } else if !operands.is_empty() || reads_file(site) || site.implied {
        push(call.found(Act::Read).reads(operands), site, out);
    } else if site.writes_file() {
        push(call.found(Act::Edit), site, out);
    }
    true
}

/// cmd's `type a.txt` prints a file; bash's `type rg` asks what a word is.
pub(super) fn type_file(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operands = call.operands();
    let prints = operands.iter().any(|word| word.contains(['.', '\\']));
    if prints {
        push(call.found(Act::Read).reads(operands), site, out);
    }
    prints
}

/// `head -n 20 f`: the lines are known.
pub(super) fn head(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operands: Vec<&str> =
        call.operands().into_iter().filter(|word| !word.starts_with('+') || word.len() > 7).collect();
    if operands.is_empty() && !reads_file(site) && !site.implied {
        return true;
    }
    let mut found = call.found(Act::Read).reads(operands);
    if call.name == "head" {
        let count = call.args.value(call.argv, &["-n", "--lines"]).or_else(|| {
            call.args.flags.iter().find_map(|at| {
                let word = call.argv[*at].trim_start_matches('-').trim_start_matches('n');
                word.chars().all(|c| c.is_ascii_digit()).then_some(word)
            })
        });
        found.lines = count.unwrap_or("10").parse().ok().map(|last| (1, last));
    }
    push(found, site, out);
    true
}

/// Which lines of a file are still shown behind `| head -n 20`, `| tail -n 10` or `| sed -n '10,20p'`; other filters leave them as they were.
pub(super) fn shown(words: &[Word], lines: Option<(u32, u32)>) -> Option<(u32, u32)> {
    let (first, last) = lines.unwrap_or((1, u32::MAX));
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let number = |word: &&str| word.trim_start_matches("-n").trim_start_matches('-').parse::<u32>().ok();
    let count = || words.iter().skip(1).find_map(number);
    if words.iter().any(|word| word.starts_with("-c") || word.starts_with("--bytes")) {
        return lines;
    }
    let kept = match words.as_slice() {
        ["head", ..] => Some((first, last.min(first.saturating_add(count().unwrap_or(10)).saturating_sub(1)))),
        ["tail", "-n", from, ..] if from.starts_with('+') => {
            from[1..].parse().ok().map(|from: u32| (first.saturating_add(from).saturating_sub(1), last))
        }
        ["tail", ..] if last < u32::MAX => {
            Some((first.max(last.saturating_add(1).saturating_sub(count().unwrap_or(10))), last))
        }
        ["sed", "-n", script] => printed_lines(script).map(|(from, to)| {
            let at = |line: u32| first.saturating_add(line).saturating_sub(1);
            (at(from), last.min(at(to)))
        }),
        _ => None,
    };
    kept.filter(|(first, last)| first <= last).or(lines)
}

pub(super) fn edits_in_place(call: &Call) -> bool {
    call.args.flags.iter().any(|at| {
        let word = call.argv[*at];
        word.starts_with("--in-place") || word == "--inplace" || (!word.starts_with("--") && bundle_has_i(word))
    })
}

/// `-i`, `-i.bak`, `-ni`, `-Ei`.
fn bundle_has_i(word: &str) -> bool {
    let letters = &word[1..];
    letters.starts_with('i')
        || letters.chars().take_while(|c| "nErsuz".contains(*c)).count() > 0 && letters.contains('i')
}

pub(super) fn in_place(call: &Call, site: &Site, out: &mut Vec<Deed>) {
    let given = call.has(&["-e", "-f", "--expression", "--file"]);
    let mut operands = call.operands();
    // BSD sed wants a suffix, which may be empty.
    let empty = operands.first().is_some_and(|first| first.is_empty());
    let skip = usize::from(empty) + usize::from(!given);
    operands.drain(..skip.min(operands.len()));
    push(call.found(Act::Edit).writes(operands), site, out);
}

pub(super) fn sed(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if edits_in_place(call) {
        in_place(call, site, out);
        return true;
    }
    let given = call.args.value(call.argv, &["-e", "-f", "--expression", "--file"]);
    let operands = call.operands();
    let files = if given.is_some() { operands.as_slice() } else { operands.get(1..).unwrap_or(&[]) };
    let act = if site.writes_file() { Act::Edit } else { Act::Read };
    if files.is_empty() && !reads_file(site) && !site.implied && act == Act::Read {
        return true;
    }
    let mut found = call.found(act).reads(files);
    if call.args.has_letter(call.argv, 'n') && act == Act::Read {
        found.lines = given.or(operands.first().copied()).and_then(printed_lines);
    }
    push(found, site, out);
    true
}

/// `10,80p`
fn printed_lines(script: &str) -> Option<(u32, u32)> {
    let range = script.trim().strip_suffix('p')?;
    match range.split_once(',') {
        Some((first, last)) => Some((first.trim().parse().ok()?, last.trim().parse().ok()?)),
        None => range.parse().ok().map(|line| (line, line)),
    }
}

/// awk and jq: a program, then files.
pub(super) fn awk(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let given = call.has(&["-f", "--file", "--from-file"]);
    let operands = call.operands();
    let files: Vec<&str> =
        operands.iter().skip(usize::from(!given)).copied().filter(|word| !word.contains('=')).collect();
    if site.writes_file() {
        push(call.found(Act::Edit).reads(files), site, out);
    } else if call.args.values_of(call.argv, &["-i"]).any(|value| value == "inplace") {
        push(call.found(Act::Edit).writes(files), site, out);
    } else if !files.is_empty() || reads_file(site) || site.implied {
        push(call.found(Act::Read).reads(files), site, out);
    }
    true
}

pub(super) fn yq(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let mut operands = call.operands();
    if operands.first().is_some_and(|word| matches!(*word, "e" | "eval" | "ea" | "eval-all" | "r" | "w")) {
        operands.remove(0);
    }
    let files: Vec<&str> = operands.iter().skip(1).copied().collect();
    if edits_in_place(call) {
        push(call.found(Act::Edit).writes(files), site, out);
    } else if site.writes_file() {
        push(call.found(Act::Edit).reads(files), site, out);
    } else if !operands.is_empty() {
        push(call.found(Act::Read).reads(files), site, out);
    }
    true
}

pub(super) fn echo(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if site.writes_file() {
        push(call.found(Act::Edit), site, out);
    }
    true
}

pub(super) fn tee(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let found = call.found(Act::Edit).writes(call.operands());
    if !found.writes.is_empty() || site.writes_file() {
        push(found, site, out);
    }
    true
}

/// `Set-Content -Path f -Value x`
pub(super) fn cmdlet_write(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let named = call
        .argv
        .iter()
        .position(|word| ["-path", "-filepath", "-literalpath"].iter().any(|flag| word.eq_ignore_ascii_case(flag)));
    let target = match named {
        Some(at) => call.argv.get(at + 1).copied(),
        None => call.operands().first().copied(),
    };
    push(call.found(Act::Edit).writes(target), site, out);
    true
}

/// `select-string -Path src\*.py -Pattern foo`, `findstr /s foo *.txt`
pub(super) fn select_string(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let after = |wanted: &str| {
        let at = call.argv.iter().position(|word| word.eq_ignore_ascii_case(wanted))?;
        call.argv.get(at + 1).copied()
    };
    let mut operands = call.operands();
    let is_switch =
        |word: &str| word.starts_with('/') && (word.len() < 4 || word.to_ascii_lowercase().starts_with("/c:"));
    operands.retain(|word| !is_switch(word));
    let (path, pattern) = (after("-Path"), after("-Pattern"));
    let mut found = call.found(Act::Search);
    if path.is_some() || pattern.is_some() {
        operands.retain(|word| Some(*word) != path && Some(*word) != pattern);
        found.pattern = pattern.or(operands.first().copied()).map(str::to_owned);
        let loose = if path.is_none() { operands.first().copied() } else { path };
        push(found.reads(loose), site, out);
    } else {
        push(patterned(found, &operands), site, out);
    }
    true
}

pub(super) fn patterned(mut found: Found, operands: &[&str]) -> Found {
    found.pattern = operands.first().map(|pattern| (*pattern).to_owned());
    found.reads(operands.iter().skip(1))
}

/// grep and rg: `-e PATTERN` makes every operand a file.
pub(super) fn pattern(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let given = call.args.value(call.argv, &["-e", "--regexp"]);
    let from_file = call.has(&["-f", "--file"]);
    if matches!(call.verdict.what, What::Act(Act::List)) {
        push(call.found(Act::List), site, out);
        return true;
    }
    let operands = call.operands();
    let found = call.found(Act::Search);
    let found = if given.is_some() || from_file {
        let mut found = found.reads(operands);
        found.pattern = given.map(str::to_owned);
        found
    } else {
        patterned(found, &operands)
    };
    // A filter over a text in the line itself.
    if found.reads.is_empty() && site.heredoc().is_some() {
        return true;
    }
    push(found, site, out);
    true
}

pub(super) fn ast_grep(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.words > 0 && call.args.operand(call.argv, 0) != Some("run") {
        return false;
    }
    let rewrites = call.has(&["-U", "--update-all"]);
    let mut found = call.found(if rewrites { Act::Edit } else { Act::Search });
    found.pattern = call.args.value(call.argv, &["-p", "--pattern"]).map(str::to_owned);
    let operands = call.operands();
    push(if rewrites { found.writes(operands) } else { found.reads(operands) }, site, out);
    true
}

fn reads_file(site: &Site) -> bool {
    site.segment.redirects.iter().any(|redirect| redirect.kind == RedirectKind::Read)
}
