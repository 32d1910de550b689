//! Options and operands of a call, and the rule that fits them.

use std::borrow::Cow;

use crate::acts::table::{Program, Verdict, What, is_flag};

/// A call cut into options and operands, by place in `argv` (0 is the program).
#[derive(Debug, Default)]
pub(super) struct Args {
    pub operands: Vec<usize>,
    pub flags: Vec<usize>,
    /// Values of options, with the option they belong to.
    pub values: Vec<(usize, usize)>,
    /// Where a bare `--` stands.
    pub dashes: Option<usize>,
}

impl Args {
    pub(super) fn of(argv: &[&str], program: &Program) -> Args {
        let mut args = Args::default();
        let mut at = 1;
        while at < argv.len() {
            let word = argv[at];
            if args.dashes.is_some() {
                args.operands.push(at);
                if is_flag(word) {
                    args.flags.push(at);
                }
            } else if at == 1 && word.starts_with('+') && (argv[0].ends_with("cargo") || argv[0].contains("rust")) {
                // `cargo +nightly test`
                args.flags.push(at);
            } else if is_dos_switch(word) && is_dos(argv[0]) {
                args.flags.push(at);
            } else if word == "--" {
                args.dashes = Some(at);
            } else if is_flag(word) {
                args.flags.push(at);
                if at + 1 < argv.len() && takes_value(word, program) {
                    args.values.push((at, at + 1));
                    at += 1;
                }
            } else {
                args.operands.push(at);
            }
            at += 1;
        }
        args
    }

    /// The value of the first of these options that is there, in the next word or behind `=`.
    pub(super) fn value<'a>(&self, argv: &[&'a str], names: &[&str]) -> Option<&'a str> {
        self.values_of(argv, names).next()
    }

    pub(super) fn values_of<'a, 's>(
        &'s self,
        argv: &'s [&'a str],
        names: &'s [&str],
    ) -> impl Iterator<Item = &'a str> + 's {
        self.flags.iter().filter_map(move |flag| {
            let word: &'a str = argv[*flag];
            if names.contains(&word) {
                let found = self.values.iter().find(|(owner, _)| owner == flag);
                return found.map(|(_, value)| argv[*value]);
            }
            let (name, value) = word.split_once('=')?;
            names.contains(&name).then_some(value)
        })
    }

    pub(super) fn has(&self, argv: &[&str], names: &[&str]) -> bool {
        self.flags.iter().any(|at| names.contains(&argv[*at].split('=').next().unwrap_or("")))
    }

    /// A short option on its own or in a bundle: `-rn` has `n`.
    pub(super) fn has_letter(&self, argv: &[&str], letter: char) -> bool {
        self.flags.iter().any(|at| {
            let word = argv[*at];
            !word.starts_with("--") && word.len() < 8 && word[1..].contains(letter)
        })
    }

    pub(super) fn operand<'a>(&self, argv: &[&'a str], place: usize) -> Option<&'a str> {
        self.operands.get(place).map(|at| argv[*at])
    }

    pub(super) fn operands_from<'a>(&self, argv: &[&'a str], place: usize) -> Vec<&'a str> {
        self.operands.iter().skip(place).map(|at| argv[*at]).collect()
    }
}

/// The rule with the most matching words; an option that it names wins over its absence.
pub(super) fn matching<'p>(argv: &[&str], args: &Args, program: &'p Program) -> (&'p Verdict, usize) {
    let most = program.depth.min(args.operands.len());
    for words in (0..=most).rev() {
        let stem = stem(argv, args, words);
        if program.flagged
            && let Some(verdict) = flagged(argv, args, (&stem, program))
        {
            return (verdict, words);
        }
        if words > 0
            && let Some(verdict) = program.rules.get(stem.as_ref())
        {
            return (verdict, words);
        }
    }
    match &program.bare {
        Some(bare) if args.operands.is_empty() => (bare, 0),
        Some(_) | None => (&program.verdict, 0),
    }
}

fn stem<'a>(argv: &[&'a str], args: &Args, words: usize) -> Cow<'a, str> {
    match words {
        0 => Cow::Borrowed(""),
        1 => Cow::Borrowed(argv[args.operands[0]]),
        _ => Cow::Owned(args.operands[..words].iter().map(|at| argv[*at]).collect::<Vec<_>>().join(" ")),
    }
}

fn flagged<'p>(argv: &[&str], args: &Args, rule: (&str, &'p Program)) -> Option<&'p Verdict> {
    let (stem, program) = rule;
    let wraps = matches!(program.verdict.what, What::Wrap | What::Script);
    let first = args.operands.first().copied().unwrap_or(usize::MAX);
    args.flags.iter().take(MAX_FLAGS).filter(|at| !wraps || **at < first).find_map(|at| {
        let flag = argv[*at].split('=').next().unwrap_or("");
        if stem.is_empty() { program.rules.get(flag) } else { program.rules.get(&format!("{stem} {flag}")) }
    })
}

/// A call with more options than this is not written by hand.
const MAX_FLAGS: usize = 64;

/// `/q`
fn is_dos_switch(word: &str) -> bool {
    word.len() <= 3 && word.starts_with('/') && word.len() > 1 && word[1..].chars().all(|c| c.is_ascii_alphabetic())
}

fn is_dos(program: &str) -> bool {
    let names =
        ["del", "erase", "copy", "xcopy", "move", "rd", "rmdir", "md", "ren", "robocopy", "type", "dir", "findstr"];
    names.iter().any(|name| program.eq_ignore_ascii_case(name))
}

fn takes_value(word: &str, program: &Program) -> bool {
    program.values.contains(word)
}
