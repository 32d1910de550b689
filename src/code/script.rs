//! JavaScript and TypeScript: functions, classes, and the calls that tests are: `it`, `test`, `describe` and their modifiers.

use super::{
    ItemKind,
    lex::Kind,
    outliner::{Draft, New, Outliner, rows},
    tokens::Code,
};
use std::{collections::BTreeSet, ops::Range};

pub(super) fn walk(code: &Code<'_>) -> Vec<Draft> {
    let mut outliner = Outliner::new(code);
    for at in 0..code.len() {
        outliner.leave(at);
        if !code.is_word(at) || matches!(code.before(at), "." | "?.") {
            continue;
        }
        if let Some(new) = test(code, at).or_else(|| definition(&outliner, at)).or_else(|| method(&outliner, at)) {
            outliner.enter(new);
        }
    }
    let exported = exported(code);
    let mut drafts = outliner.finish(false);
    for draft in drafts.iter_mut().filter(|draft| draft.item.scope.is_none()) {
        draft.item.public |= exported.contains(draft.item.name.as_str());
    }
    drafts
}

fn test(code: &Code<'_>, at: usize) -> Option<New> {
    let (kind, mut skip) = match code.word(at) {
        "it" | "test" | "specify" => (ItemKind::Test, None),
        "describe" | "context" | "suite" => (ItemKind::Suite, None),
        word @ ("xit" | "xtest" | "xspecify") => (ItemKind::Test, Some(word.to_owned())),
        word @ ("xdescribe" | "xcontext") => (ItemKind::Suite, Some(word.to_owned())),
        word @ "fit" => (ItemKind::Test, Some(word.to_owned())),
        word @ "fdescribe" => (ItemKind::Suite, Some(word.to_owned())),
        _ => return None,
    };
    let (mut kind, mut next, mut cases) = (kind, at + 1, 0);
    while code.word(next) == "." && code.is_word(next + 1) {
        match code.word(next + 1) {
            word @ ("skip" | "only" | "todo" | "failing" | "fails" | "skipIf" | "runIf" | "fixme") => {
                skip = Some(format!("{}.{word}", code.word(at)));
            }
            "describe" => kind = ItemKind::Suite,
            _ => {}
        }
        let table = matches!(code.word(next + 1), "each" | "skipIf" | "runIf" | "for");
        next += 2;
        if table && (code.word(next) == "(" || code.kind(next) == Some(Kind::Text)) {
            cases = rows(code, next..code.after(next)).max(1);
            next = code.after(next);
        }
    }
    let inner = code.group(next);
    let named = code.word(next) == "(" && code.kind(inner.start) == Some(Kind::Text);
    let pending = matches!(code.word(inner.start + 1), "," | ")");
    if !named || !pending {
        return None;
    }
    if code.word(inner.start + 2) == "{" && skip.is_none() {
        let options = code.compact(code.group(inner.start + 2));
        skip = ["skip:true", "todo:true", "skip:\"", "skip:'"]
            .into_iter()
            .find(|mark| options.contains(mark))
            .map(str::to_owned);
    }
    let body = inner.start + 1..inner.end;
    Some(New { skip, cases, ..New::plain(kind, code.unquoted(inner.start), (at, body)) })
}

fn definition(outliner: &Outliner<'_, '_>, at: usize) -> Option<New> {
    let code = outliner.code;
    let name_at = if code.word(at + 1) == "*" { at + 2 } else { at + 1 };
    if !code.is_word(name_at) {
        return None;
    }
    let (kind, body) = match code.word(at) {
        "function" => (ItemKind::Function, block(code, name_at)?),
        "class" if code.word(name_at) != "extends" => (ItemKind::Class, block(code, name_at)?),
        "interface" | "enum" | "namespace" => (ItemKind::Type, block(code, name_at)?),
        "type" if matches!(code.word(name_at + 1), "=" | "<") => (ItemKind::Type, name_at + 1..code.line_end(name_at)),
        "const" | "let" | "var" => variable(outliner, name_at)?,
        _ => return None,
    };
    let start = modifiers(code, at);
    let exported = (start..at).any(|at| code.word(at) == "export");
    Some(New { public: exported, ..New::plain(kind, code.word(name_at), (start, body)) })
}

/// `const f = () => ...` is a function; any other constant counts where it stands at the top.
fn variable(outliner: &Outliner<'_, '_>, name_at: usize) -> Option<(ItemKind, Range<usize>)> {
    let code = outliner.code;
    let limit = (name_at + 60).min(code.len());
    let equals = code.find(name_at + 1..limit, |word| matches!(word, "=" | ";" | ","))?;
    if code.word(equals) != "=" {
        return None;
    }
    let from = equals + 1 + usize::from(code.word(equals + 1) == "async");
    let arrow = || code.find(from..(from + 30).min(code.len()), |word| matches!(word, "=>" | ";"));
    if code.word(from) == "function" {
        return Some((ItemKind::Function, block(code, from)?));
    }
    let plain = code.word(from) == "(" || code.word(from + 1) == "=>" || code.word(from) == "<";
    if let Some(arrow) = arrow().filter(|arrow| plain && code.word(*arrow) == "=>") {
        let braced = code.word(arrow + 1) == "{";
        let body = if braced { code.group(arrow + 1) } else { arrow + 1..code.line_end(arrow) };
        return Some((ItemKind::Function, body));
    }
    let top = outliner.scope().is_none() && code.tokens[name_at - 1].indent.is_none_or(|column| column == 0);
    top.then(|| (ItemKind::Constant, equals + 1..code.line_end(equals)))
}

fn method(outliner: &Outliner<'_, '_>, at: usize) -> Option<New> {
    let code = outliner.code;
    let known = matches!(code.word(at), "if" | "for" | "while" | "switch" | "catch" | "return" | "function" | "new");
    if known || code.word(at + 1) != "(" || !outliner.in_kind(&[ItemKind::Class]) {
        return None;
    }
    let mut next = code.after(at + 1);
    if code.word(next) == ":" {
        next = code.find(next..(next + 30).min(code.len()), |word| matches!(word, "{" | ";"))?;
    }
    if code.word(next) != "{" {
        return None;
    }
    let start = modifiers(code, at);
    let hidden = (start..at).any(|at| matches!(code.word(at), "private" | "protected")) || code.before(at) == "#";
    let public = outliner.scope().is_some_and(|class| class.public) && !hidden && !code.word(at).starts_with('_');
    Some(New { public, ..New::plain(ItemKind::Method, code.word(at), (start, code.group(next))) })
}

/// The first token of `export default async function`.
fn modifiers(code: &Code<'_>, at: usize) -> usize {
    let is = |word: &str| {
        [
            "export",
            "default",
            "async",
            "abstract",
            "declare",
            "public",
            "private",
            "protected",
            "static",
            "readonly",
            "get",
            "set",
        ]
        .contains(&word)
    };
    let mut start = at;
    for _ in 0..5 {
        if start > 0 && is(code.word(start - 1)) {
            start -= 1;
        }
    }
    start
}

fn block(code: &Code<'_>, from: usize) -> Option<Range<usize>> {
    let open = code.find(from..(from + 80).min(code.len()), |word| matches!(word, "{" | ";"))?;
    (code.word(open) == "{").then(|| code.group(open))
}

/// Names in `export { a, b }`, `module.exports = { a }` and `exports.a =`.
fn exported<'t>(code: &Code<'t>) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    for at in 0..code.len() {
        let group = match code.word(at) {
            "export" if code.word(at + 1) == "{" => code.group(at + 1),
            "export" if code.word(at + 1) == "default" => at + 2..at + 3,
            "exports" if code.word(at + 1) == "." => at + 2..at + 3,
            "exports" if code.word(at + 1) == "=" && code.word(at + 2) == "{" => code.group(at + 2),
            "exports" if code.word(at + 1) == "=" => at + 2..at + 3,
            _ => continue,
        };
        names.extend(group.take(2000).filter(|at| code.is_word(*at)).map(|at| code.word(at)));
    }
    names
}
