//! Ways in which a script keeps a status that would otherwise be lost.
//!
//! ```text
//! pytest; rc=$?; docker compose down; exit $rc     the status of pytest is the status of the line
//! pytest | tail -5; exit ${PIPESTATUS[0]}          so is this
//! pytest || { echo broken; exit 1; }               and this
//! ```

use crate::acts::shell::Op;
use crate::acts::shell_tree::{Group, GroupKind, Item, List, Node, Pipeline, Role, Simple};
use crate::model::act::Seen;

/// How many commands ahead a use of a status is looked for: keeps the reader linear.
const LOOK_AHEAD: usize = 64;

/// What the commands after an item do with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    No,
    Whole,
    /// Only that of one command of its pipeline.
    Stage(usize),
}

/// What the right side of `||` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    No,
    /// It leaves the shell with a failure.
    Exits,
    /// It ends in failure.
    Fails,
}

pub(super) fn kept(rest: &[Item]) -> Kept {
    let Some((next, later)) = rest.split_first() else { return Kept::No };
    let Some(simple) = first_simple(next) else { return Kept::No };
    let Some(found) = texts(simple).find_map(status_reference) else { return Kept::No };
    let held = match simple.words.first().map(|(word, _)| word.text.as_str()) {
        Some("exit" | "return") => true,
        Some("test" | "[" | "[[" | "((") => later.is_empty() && next.chain.len() == 1 || has_failing_exit(next),
        None | Some("local" | "export" | "declare" | "readonly" | "typeset") => {
            held_variable(simple).is_some_and(|name| is_used(&name, later))
        }
        Some(_) => has_failing_exit(next) && matches!(next.chain[0].1.stages.as_slice(), [Node::Group(_)]),
    };
    if held { found } else { Kept::No }
}

/// `a | b && exit ${PIPESTATUS[0]}`: the next of the chain takes up the status of one command of the pipeline.
pub(super) fn kept_by_next(next: Option<&(Op, Pipeline)>) -> Kept {
    let Some((Op::And, Pipeline { stages, .. })) = next else { return Kept::No };
    let [Node::Simple(simple)] = stages.as_slice() else { return Kept::No };
    if !first_word(simple, &["exit", "return", "test", "[", "[["]) {
        return Kept::No;
    }
    match texts(simple).find_map(status_reference) {
        Some(Kept::Stage(stage)) => Kept::Stage(stage),
        Some(Kept::Whole | Kept::No) | None => Kept::No,
    }
}

/// `cmd & ...; wait $!` as the last line.
pub(super) fn waited(rest: &[Item]) -> bool {
    let Some(simple) = rest.last().and_then(first_simple) else { return false };
    let words: Vec<&str> = simple.words.iter().map(|(word, _)| word.text.as_str()).collect();
    matches!(words.as_slice(), ["wait", target, ..] if target.starts_with('$') || target.starts_with('%'))
}

/// For each pipeline of a chain, the right side of the `||` that a failure in it leads to.
pub(super) fn alternatives(chain: &[(Op, Pipeline)]) -> Vec<Option<usize>> {
    let mut found = vec![None; chain.len()];
    let mut next = None;
    for at in (0..chain.len()).rev() {
        found[at] = next;
        if chain[at].0 == Op::Or {
            next = Some(at);
        }
    }
    found
}

pub(super) fn ending(pipeline: &Pipeline, rest: &[Item]) -> Bad {
    match pipeline.stages.as_slice() {
        [Node::Simple(simple)] => simple_ending(simple, rest),
        [Node::Group(group)] => group_ending(group, rest),
        _ => Bad::No,
    }
}

/// How the last call of a function is seen.
pub(super) fn call_seen(name: &str, rest: &[Item], errexit: bool) -> Seen {
    let calls = |simple: &Simple| simple.words.first().is_some_and(|(word, _)| word.text == name);
    let near = &rest[..rest.len().min(LOOK_AHEAD)];
    let Some(at) = near.iter().rposition(|item| any_simple(item, &calls)) else { return Seen::Visible };
    let piped = rest[at].chain.iter().any(|(_, pipeline)| {
        pipeline
            .stages
            .split_last()
            .is_some_and(|(_, hidden)| hidden.iter().any(|node| matches!(node, Node::Simple(simple) if calls(simple))))
    });
    if piped {
        Seen::Pipe
    } else if rest[at].end == Op::Background {
        Seen::Async
    } else if at + 1 == rest.len() || errexit || kept(&rest[at + 1..]) != Kept::No {
        Seen::Visible
    } else {
        Seen::Seq
    }
}

/// A function that only runs `"$@"`.
pub(super) fn forwards(group: &Group) -> bool {
    let runs_arguments = |simple: &Simple| {
        let mut words = simple.words.iter().map(|(word, _)| word.text.as_str());
        words.any(|word| word == "$@" || word == "${@}")
            && simple.words.first().is_some_and(|(word, _)| {
                matches!(word.text.as_str(), "$@" | "${@}" | "exec" | "time" | "timeout" | "env" | "nice" | "command")
            })
    };
    group.parts.iter().flat_map(|(_, list)| &list.items).any(|item| any_simple(item, &runs_arguments))
}

fn simple_ending(simple: &Simple, rest: &[Item]) -> Bad {
    let words: Vec<&str> = simple.words.iter().map(|(word, _)| word.text.as_str()).collect();
    match words.as_slice() {
        ["exit" | "return", "0", ..] => Bad::No,
        ["exit" | "return" | "throw", ..] => Bad::Exits,
        ["false"] => Bad::Fails,
        [] => match held_variable(simple) {
            Some(name) if is_used(&name, rest) => Bad::Exits,
            Some(_) | None => Bad::No,
        },
        _ => Bad::No,
    }
}

fn group_ending(group: &Group, rest: &[Item]) -> Bad {
    let inside = group.parts.last().and_then(|(_, list)| list.items.last());
    let last = inside.and_then(|item| item.chain.last()).map_or(Bad::No, |(_, pipeline)| ending(pipeline, rest));
    match group.kind {
        GroupKind::Brace => last,
        GroupKind::Subshell if last == Bad::Exits => Bad::Fails,
        GroupKind::Subshell => last,
        GroupKind::If | GroupKind::Loop | GroupKind::For | GroupKind::Case | GroupKind::Func(_) => Bad::No,
    }
}

/// The variable in `rc=$?`, `local rc=$?` or `failed=1`.
fn held_variable(simple: &Simple) -> Option<String> {
    if let Some((assign, _)) = simple.assigns.first() {
        return (assign.value != "0").then(|| assign.name.clone());
    }
    let (word, _) = simple.words.iter().skip(1).find(|(word, _)| word.text.contains('='))?;
    word.text.split('=').next().map(str::to_owned)
}

/// Does a later `exit $name`, or a test of it, decide the exit of the line?
fn is_used(name: &str, later: &[Item]) -> bool {
    let names = |simple: &Simple| texts(simple).any(|text| mentions(text, name));
    let leaves = |simple: &Simple| first_word(simple, &["exit", "return"]) && names(simple);
    let tests = |simple: &Simple| first_word(simple, &["test", "[", "[[", "(("]) && names(simple);
    later.iter().take(LOOK_AHEAD).enumerate().any(|(at, item)| {
        any_simple(item, &leaves) || (any_simple(item, &tests) && (at + 1 == later.len() || has_failing_exit(item)))
    })
}

fn has_failing_exit(item: &Item) -> bool {
    any_simple(item, &|simple| {
        first_word(simple, &["exit", "return", "throw"]) && simple.words.get(1).is_none_or(|(word, _)| word.text != "0")
    })
}

fn first_word(simple: &Simple, names: &[&str]) -> bool {
    simple.words.first().is_some_and(|(word, _)| names.contains(&word.text.as_str()))
}

fn mentions(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = &text[..at];
        let after = text[at + name.len()..].chars().next();
        (before.ends_with('$') || before.ends_with("${") || before.is_empty() || before.ends_with(' '))
            && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn texts(simple: &Simple) -> impl Iterator<Item = &str> {
    let values = simple.assigns.iter().map(|(assign, _)| assign.value.as_str());
    values.chain(simple.words.iter().map(|(word, _)| word.text.as_str()))
}

fn status_reference(text: &str) -> Option<Kept> {
    let lower = text.to_ascii_lowercase();
    if let Some(at) = lower.find("pipestatus") {
        let index = lower[at..].split('[').nth(1).and_then(|rest| rest.split(']').next());
        let zsh = text.contains("pipestatus");
        let index = index.and_then(|digits| digits.trim_matches('$').parse::<usize>().ok()).unwrap_or(usize::from(zsh));
        return Some(Kept::Stage(index.saturating_sub(usize::from(zsh))));
    }
    (lower.contains("$?") || lower.contains("${?}") || lower.contains("$lastexitcode")).then_some(Kept::Whole)
}

fn first_simple(item: &Item) -> Option<&Simple> {
    let (_, pipeline) = item.chain.first()?;
    match pipeline.stages.first()? {
        Node::Simple(simple) => Some(simple),
        Node::Group(group) if group.kind == GroupKind::If => {
            group.parts.first().filter(|(role, _)| *role == Role::Condition)?.1.items.first().and_then(first_simple)
        }
        Node::Group(group) if group.kind == GroupKind::Subshell => {
            group.parts.first()?.1.items.first().and_then(first_simple)
        }
        Node::Group(_) => None,
    }
}

fn any_simple(item: &Item, found: &dyn Fn(&Simple) -> bool) -> bool {
    item.chain.iter().flat_map(|(_, pipeline)| &pipeline.stages).any(|node| match node {
        Node::Simple(simple) => found(simple),
        Node::Group(group) => group.parts.iter().any(|(_, list)| any_in(list, found)),
    })
}

fn any_in(list: &List, found: &dyn Fn(&Simple) -> bool) -> bool {
    list.items.iter().any(|item| any_simple(item, found))
}
