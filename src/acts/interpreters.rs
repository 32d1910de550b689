//! Interpreters: a script file, a module, or code in the line itself.

use crate::acts::args::Args;
use crate::acts::classify::{self, Call};
use crate::acts::inline;
use crate::acts::line::{Found, Site, nested, push};
use crate::acts::names;
use crate::acts::table::What;
use crate::acts::tasks;
use crate::model::act::{Act, Deed};

/// `python -m X ...` and `uv run -m X ...` are `X ...`.
pub(super) fn module<'a>(call: &Call<'a>) -> Option<&'a [&'a str]> {
    let python = call.name.starts_with("py") || matches!(call.name, "uv" | "coverage");
    if !python {
        return None;
    }
    let at = call.argv.iter().position(|word| matches!(*word, "-m" | "--module" | "-um" | "-Im"))?;
    let first = call.args.operands.get(call.words.max(usize::from(call.name == "coverage"))).copied();
    let before = first.is_none_or(|first| at < first);
    if before { call.argv.get(at + 1..) } else { None }
}

/// `bash -c LINE`, `bash <<EOF`, `pwsh -Command LINE`: a script to be read.
pub(super) fn shell_script(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let windows = matches!(call.name.to_ascii_lowercase().as_str(), "pwsh" | "powershell");
    let named = |word: &str| matches!(word, "pipefail" | "errexit" | "nounset" | "xtrace" | "extglob");
    let options = call.argv.iter().skip(1).take_while(|word| word.starts_with(['-', '+']) || named(word)).count();
    let first = options + 1;
    for (at, word) in call.argv.iter().enumerate().take(first).skip(1) {
        if windows && ["-command", "-c"].iter().any(|flag| word.eq_ignore_ascii_case(flag)) {
            nested(&call.argv[at + 1..].join(" "), site, out);
            return true;
        }
        let bundle = word.starts_with('-') && !word.starts_with("--") && word.ends_with('c') && word.len() <= 6;
        if !windows && bundle {
            let script = call.argv.get(first).copied().unwrap_or("");
            nested_shell(script, &call.argv[1..first], (site, out));
            return true;
        }
    }
    if windows && first < call.argv.len() && !call.has(&["-File", "-file", "-f"]) && call.argv[first].contains(' ') {
        nested(&call.argv[first..].join(" "), site, out);
        return true;
    }
    match site.heredoc() {
        Some(script) if call.args.operands.is_empty() && !call.has(&["-n"]) => {
            nested_shell(script, &call.argv[1..], (site, out));
            true
        }
        Some(_) | None => false,
    }
}

fn nested_shell(script: &str, flags: &[&str], to: (&Site, &mut Vec<Deed>)) {
    let (site, out) = to;
    let errexit = flags.iter().any(|flag| flag.starts_with('-') && !flag.starts_with("--") && flag[1..].contains('e'));
    let pipefail =
        flags.contains(&"pipefail") || flags.windows(2).any(|pair| pair[0].ends_with('o') && pair[1] == "pipefail");
    match (errexit, pipefail) {
        (false, false) => nested(script, site, out),
        (true, false) => nested(&format!("set -e\n{script}"), site, out),
        (false, true) => nested(&format!("set -o pipefail\n{script}"), site, out),
        (true, true) => nested(&format!("set -eo pipefail\n{script}"), site, out),
    }
}

/// `bash FILE`, `bash -n FILE`.
pub(super) fn shell(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    match call.args.operands.first() {
        Some(_) if call.has(&["-n"]) => push(call.found(Act::Lint), site, out),
        Some(at) if own_script(call.argv[*at], site, out) => {}
        Some(at) => script_file(call, &call.argv[*at..], site, out),
        None => push(call.found(Act::Run), site, out),
    }
    true
}

pub(super) fn interpreter(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.words > 0 {
        return false;
    }
    if checks_syntax(call) {
        push(call.found(Act::Lint), site, out);
        return true;
    }
    if runs_tests(call) {
        push(call.found(Act::Test), site, out);
        return true;
    }
    if is_perl_like(call.name) && stream_editing(call, site, out) {
        return true;
    }
    if let Some(code) = code_of(call, site) {
        push(inline::found(call.name, &code), site, out);
        return true;
    }
    if let Some(at) = call.argv.iter().position(|word| *word == "-jar") {
        let jar = call.argv.get(at + 1).copied().unwrap_or("");
        push(call.found(if jar.contains("junit") { Act::Test } else { Act::Run }), site, out);
        return true;
    }
    let Some(at) = call.args.operands.first().copied() else {
        let asks =
            call.argv.len() == 2 && matches!(call.argv[1], "-v" | "-V" | "-vV" | "-VV" | "-i" | "-m" | "-version");
        push(call.found(if asks { Act::Other } else { Act::Run }), site, out);
        return true;
    };
    script_file(call, &call.argv[at..], site, out);
    true
}

/// A script keeps its interpreter's name; what it does is told by its own name or by the tool behind it.
fn script_file(call: &Call, argv: &[&str], site: &Site, out: &mut Vec<Deed>) {
    let base = names::base(argv[0]);
    let stem = base.split_once('.').map_or(base, |(stem, _)| stem);
    let known =
        site.table.program(base).or_else(|| if is_installed(argv[0]) { site.table.program(stem) } else { None });
    if let Some(program) = known {
        let args = Args::of(argv, program);
        let (verdict, words) = crate::acts::args::matching(argv, &args, program);
        let inner = Call { argv, name: call.name, program, args: &args, verdict, words };
        let settled = matches!(verdict.what, What::Act(_) | What::Task | What::Names(_));
        if settled {
            if !crate::acts::special::own_way(&inner, site, out) {
                classify::plain(&inner, site, out);
            }
            return;
        }
    }
    let found = match (by_script(argv[0], site), site.script(argv[0])) {
        (None, Some(code)) => inline::found(call.name, code),
        (act, _) => Found::new(call.name, act.unwrap_or(Act::Run)),
    };
    push(found, site, out);
}

/// A script for a shell that the same line wrote is read like `bash -c`.
pub(super) fn own_script(path: &str, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some(script) = site.script(path) else { return false };
    let first = script.lines().next().unwrap_or("");
    if first.starts_with("#!") && !first.ends_with("sh") {
        return false;
    }
    let before = out.len();
    nested(script, site, out);
    out.len() > before
}

fn by_script(script: &str, site: &Site) -> Option<Act> {
    tasks::of_script(script, site.table)
}

/// The script belongs to a package, not to the project.
fn is_installed(path: &str) -> bool {
    ["node_modules/", "vendor/", "bin/", ".bin/", "site-packages/"].iter().any(|part| path.contains(part))
        || !path.contains(['/', '.'])
}

fn checks_syntax(call: &Call) -> bool {
    match call.name {
        "node" | "nodejs" => call.has(&["--check"]) || (call.has(&["-c"]) && !call.args.operands.is_empty()),
        "php" => call.argv.iter().skip(1).take(3).any(|word| matches!(*word, "-l" | "--syntax-check")),
        "ruby" | "perl" => {
            call.argv.iter().skip(1).take(2).any(|word| matches!(*word, "-c" | "-wc" | "-cw" | "-Ilib -c"))
        }
        _ => false,
    }
}

fn runs_tests(call: &Call) -> bool {
    match call.name {
        "node" | "nodejs" | "tsx" => call.has(&["--test"]),
        "java" => call.argv.iter().any(|word| word.contains("junit") || word.contains("testng")),
        _ => false,
    }
}

fn is_perl_like(name: &str) -> bool {
    matches!(name, "perl" | "ruby")
}

/// `perl -pi -e CODE FILE...`, `ruby -i -pe`, and their reading forms.
fn stream_editing(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let first = call.args.operands.first().copied().unwrap_or(usize::MAX);
    let flags = call.args.flags.iter().filter(|at| **at < first).map(|at| call.argv[*at]);
    let bundles: Vec<&str> = flags.filter(|word| !word.starts_with("--") && word.len() < 12).collect();
    let in_place =
        bundles.iter().any(|word| word.starts_with("-i") || (word[1..].contains('i') && word[1..].contains('p')));
    let streams = bundles.iter().any(|word| {
        let letters = word[1..].split('.').next().unwrap_or("");
        letters.chars().all(|c| c.is_ascii_alphanumeric())
            && letters.contains(['n', 'p'])
            && !letters.starts_with(['I', 'M', 'r'])
    });
    if !in_place && !streams {
        return false;
    }
    // The code is the first operand unless it is glued to its option.
    let files = call.args.operands_from(call.argv, 1);
    if in_place {
        push(call.found(Act::Edit).writes(files), site, out);
    } else if !files.is_empty() {
        push(call.found(Act::Read).reads(files), site, out);
    } else if !site.is_fed() {
        push(call.found(Act::Run), site, out);
    }
    true
}

/// The code in the line: an option's value, or a heredoc.
fn code_of(call: &Call, site: &Site) -> Option<String> {
    let first = call.args.operands.first().copied().unwrap_or(call.argv.len());
    let found = call.argv.iter().enumerate().take(first).skip(1).find(|(_, word)| takes_code(call.name, word));
    if let Some((at, word)) = found {
        return match word.split_once('=') {
            Some((_, code)) if word.starts_with("--") => Some(code.to_owned()),
            Some(_) | None => call.argv.get(at + 1).map(|code| (*code).to_owned()),
        };
    }
    let operand = call.args.operand(call.argv, 0);
    if call.name == "deno" && operand == Some("eval") {
        return call.args.operand(call.argv, 1).map(str::to_owned);
    }
    let from_input = operand.is_none_or(|operand| matches!(operand, "-" | "/dev/stdin"));
    if from_input { site.heredoc().map(str::to_owned) } else { None }
}

fn takes_code(name: &str, word: &str) -> bool {
    let word = word.split('=').next().unwrap_or("");
    match name {
        "php" => matches!(word, "-r" | "--run"),
        _ if name.starts_with("py") || name == "ipython" => matches!(word, "-c" | "-Ic" | "-uc" | "-Sc" | "-Bc"),
        "perl" | "ruby" | "raku" => {
            word.starts_with('-') && !word.starts_with("--") && word.ends_with(['e', 'E']) && word.len() < 8
        }
        _ => matches!(word, "-e" | "-p" | "-pe" | "-c" | "--eval" | "--print" | "--expr"),
    }
}
