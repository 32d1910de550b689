//! From the words of one command to what it does.

use crate::acts::args::{self, Args};
use crate::acts::line::{Found, MAX_NESTING, Site, push};
use crate::acts::table::{Operands, Program, Scheme, Verdict, What};
use crate::acts::{files, interpreters, names, special, tasks, texts, vcs, wrappers};
use crate::model::act::{Act, Deed};

/// One command with what the table says about it.
pub(super) struct Call<'a> {
    pub argv: &'a [&'a str],
    /// As a report shows it: base name, no version.
    pub name: &'a str,
    pub program: &'a Program,
    pub args: &'a Args,
    pub verdict: &'a Verdict,
    /// How many operands the rule used up.
    pub words: usize,
}

impl<'a> Call<'a> {
    pub(super) fn operands(&self) -> Vec<&'a str> {
        self.args.operands_from(self.argv, self.words)
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.args.has(self.argv, names)
    }

    pub(super) fn found(&self, act: Act) -> Found {
        Found::new(self.name, act)
    }

    /// The words from the operand at this place on, counted behind those that the rule used.
    pub(super) fn rest(&self, skip: usize) -> Option<&'a [&'a str]> {
        let at = *self.args.operands.get(self.words + skip)?;
        self.argv.get(at..)
    }
}

/// Names one command, through all its wrappers.
pub(super) fn call(argv: &[&str], site: &Site, out: &mut Vec<Deed>) {
    if site.nesting > MAX_NESTING {
        return;
    }
    let mut argv = argv;
    for _ in 0..MAX_WRAPPERS {
        match step(argv, site, out) {
            Some(inner) if !inner.is_empty() => argv = inner,
            Some(_) | None => return,
        }
    }
}

const MAX_WRAPPERS: usize = 12;

/// One program: either it is named here, or it was a wrapper and what it wraps is given back.
fn step<'a>(argv: &'a [&'a str], site: &Site, out: &mut Vec<Deed>) -> Option<&'a [&'a str]> {
    let first = *argv.first()?;
    if names::is_assignment(first) {
        return argv.get(1..);
    }
    if matches!(first, "$@" | "$*" | "${@}") {
        return argv.get(1..);
    }
    let name = names::base(first);
    let Some((name, program)) = names::lookup(first, name, site.table) else {
        unknown(argv, name, site, out);
        return None;
    };
    let args = Args::of(argv, program);
    let (verdict, words) = args::matching(argv, &args, program);
    let call = Call { argv, name, program, args: &args, verdict, words };
    if program.filter && site.is_fed() {
        filtered(&call, site, out);
        return None;
    }
    if let Some(inner) = wrappers::unwrap(&call, site, out) {
        return argv.get(inner.at?..);
    }
    if is_probe(&call) {
        push(call.found(Act::Other).sub("probe"), site, out);
        return None;
    }
    if !special::own_way(&call, site, out) {
        plain(&call, site, out);
    }
    None
}

/// Behind a pipe a text filter only shapes what others print, unless it writes a file.
fn filtered(call: &Call, site: &Site, out: &mut Vec<Deed>) {
    let in_place = matches!(call.program.how.as_str(), "sed" | "yq") && texts::edits_in_place(call);
    if in_place {
        texts::in_place(call, site, out);
    } else if site.writes_file() {
        push(call.found(Act::Edit), site, out);
    }
}

/// Follows the rule of the table.
pub(super) fn plain(call: &Call, site: &Site, out: &mut Vec<Deed>) {
    match &call.verdict.what {
        What::Act(_) if call.program.filter && call.verdict.operands == Operands::None && site.writes_file() => {
            push(call.found(Act::Edit), site, out);
        }
        What::Act(act) => push(with_operands(call, *act), site, out),
        What::Drop => dropped(call, site, out),
        What::Task => {
            let name = call.operands().first().copied();
            push(tasks::named(call, name, site), site, out);
        }
        What::Names(scheme) => named(call, *scheme, site, out),
        What::Either => {
            let name = call.args.operand(call.argv, call.words + call.verdict.skip);
            push(tasks::named(call, name, site), site, out);
        }
        // Nothing to unwrap: `docker run image`, `sudo`.
        What::Wrap | What::WrapDashed | What::WrapSelf | What::Script | What::Again => {
            let act = if call.args.operands.is_empty() { Act::Other } else { Act::Run };
            push(call.found(act), site, out);
        }
    }
}

fn named(call: &Call, scheme: Scheme, site: &Site, out: &mut Vec<Deed>) {
    let (act, sub) = tasks::goals(call, scheme, site);
    let mut found = call.found(act);
    found.sub = sub.map(str::to_owned);
    push(found, site, out);
}

/// `: > f` and `true > f` empty a file.
fn dropped(call: &Call, site: &Site, out: &mut Vec<Deed>) {
    if site.writes_file() && matches!(call.name, ":" | "true" | "type" | "cd") {
        push(call.found(Act::Edit), site, out);
    }
}

pub(super) fn with_operands(call: &Call, act: Act) -> Found {
    let mut found = call.found(act);
    found.sub = call.verdict.sub.as_deref().map(str::to_owned);
    let operands = call.args.operands_from(call.argv, call.words + call.verdict.skip);
    match call.verdict.operands {
        Operands::None => found,
        Operands::Reads => found.reads(operands),
        Operands::Writes => found.writes(operands),
        Operands::Copies => files::copied(found, &operands),
        Operands::Pattern => texts::patterned(found, &operands),
    }
}

/// `--version` and the like ask the program about itself.
fn is_probe(call: &Call) -> bool {
    let act = if let What::Act(act) = call.verdict.what { Some(act) } else { None };
    if act == Some(Act::Other) || call.verdict.what == What::Drop {
        return false;
    }
    let alone = call.argv.len() == 2;
    let short = ["-V", "-version", "-h", "version", "help", "-?"];
    let asks = alone && short.contains(&call.argv[1]);
    let reads = matches!(act, Some(Act::Read | Act::List | Act::Search | Act::Edit));
    (asks && !reads) || (call.has(&["--version", "--help"]) && !after_dashes(call))
}

fn after_dashes(call: &Call) -> bool {
    let Some(dashes) = call.args.dashes else { return false };
    !call.args.flags.iter().any(|at| *at < dashes && matches!(call.argv[*at], "--version" | "--help"))
}

/// A program that the table does not know. Its name may say that it tests; a path or a file's ending says that it is a script or
/// binary of the project; of a bare name nobody knows what it is.
fn unknown(argv: &[&str], name: &str, site: &Site, out: &mut Vec<Deed>) {
    if name.is_empty() || name == "{}" {
        return;
    }
    if argv[0].starts_with(['`', '$']) && argv[0].contains(['`', '(']) {
        // What it printed was run, and nobody knows what that was.
        return push(Found::new("$(...)", Act::Run).sub("unknown"), site, out);
    }
    if argv.iter().skip(1).any(|word| matches!(*word, "--version" | "--help")) {
        push(Found::new(name, Act::Other).sub("probe"), site, out);
        return;
    }
    if interpreters::own_script(argv[0], site, out) {
        return;
    }
    let act = tasks::of_script(argv[0], site.table).unwrap_or(Act::Run);
    let lists =
        act == Act::Test && argv.iter().any(|word| matches!(*word, "--gtest_list_tests" | "--list-tests" | "--list"));
    let found = Found::new(name, if lists { Act::List } else { act });
    let unknown = found.act == Act::Run && !names::is_of_project(argv[0]);
    push(if unknown { found.sub("unknown") } else { found }, site, out);
}

/// Programs that read their operands in their own way, by the word in the table.
pub(super) type Way = fn(&Call, &Site, &mut Vec<Deed>) -> bool;

pub(super) const WAYS: &[(&str, Way)] = &[
    ("apply_patch", files::apply_patch),
    ("artisan", tasks::artisan),
    ("ast_grep", texts::ast_grep),
    ("awk", texts::awk),
    ("cargo", tasks::cargo),
    ("cat", texts::cat),
    ("clojure", tasks::clojure),
    ("cmake", tasks::cmake),
    ("cmdlet_write", texts::cmdlet_write),
    ("composer", tasks::composer),
    ("dd", files::dd),
    ("dotnet", special::dotnet),
    ("download", files::download),
    ("echo", texts::echo),
    ("fd", files::fd),
    ("find", files::find),
    ("git", vcs::git),
    ("head", texts::head),
    ("image", files::image),
    ("interpreter", interpreters::interpreter),
    ("ln", files::ln),
    ("manage", tasks::manage),
    ("patch", files::patch),
    ("pattern", texts::pattern),
    ("remote_copy", files::remote_copy),
    ("sed", texts::sed),
    ("select_string", texts::select_string),
    ("sessions", tasks::sessions),
    ("shell", interpreters::shell),
    ("swift", special::swift),
    ("tar", files::tar),
    ("tee", texts::tee),
    ("type", texts::type_file),
    ("unzip", files::unzip),
    ("yq", texts::yq),
    ("zip", files::zip),
];
