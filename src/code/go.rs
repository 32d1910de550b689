//! Go: functions, types, and tests by their names; subtests by `t.Run`.

use super::{
    ItemKind,
    lex::Kind,
    outliner::{Draft, New, Outliner, rows},
    tokens::Code,
};
use std::ops::Range;

pub(super) fn walk(code: &Code<'_>) -> Vec<Draft> {
    let mut outliner = Outliner::new(code);
    for at in 0..code.len() {
        outliner.leave(at);
        let new = match code.word(at) {
            "func" => function(code, at),
            "type" | "const" | "var" if outliner.scope().is_none() => named(code, at),
            "Run" => subtest(code, at),
            _ => None,
        };
        if let Some(new) = new {
            outliner.enter(new);
        }
    }
    outliner.finish(false)
}

fn function(code: &Code<'_>, at: usize) -> Option<New> {
    let method = code.word(at + 1) == "(" && code.is_word(code.after(at + 1)) && code.tokens[at].indent.is_some();
    let name_at = if method { code.after(at + 1) } else { at + 1 };
    if !code.is_word(name_at) {
        return None;
    }
    let name = code.word(name_at);
    let body = block(code, name_at + 1);
    let kind = match ["Test", "Benchmark", "Fuzz", "Example"].iter().find_map(|lead| name.strip_prefix(lead)) {
        Some(rest) if !rest.starts_with(|letter: char| letter.is_lowercase()) && name != "TestMain" => ItemKind::Test,
        Some(_) | None if method => ItemKind::Method,
        Some(_) | None => ItemKind::Function,
    };
    let table = kind == ItemKind::Test && body.clone().any(|at| code.word(at) == "range");
    let cases = if table { rows(code, body.clone()).max(1) } else { 0 };
    let public = name.starts_with(char::is_uppercase);
    Some(New { public, cases, ..New::plain(kind, name, (at, body)) })
}

/// The block after a signature, whose results may hold `interface{}` and `struct{}`.
fn block(code: &Code<'_>, from: usize) -> Range<usize> {
    let mut at = from;
    for _ in 0..60 {
        match code.word(at) {
            "" => break,
            "{" if !matches!(code.before(at), "interface" | "struct") => return code.group(at),
            _ => at = code.after(at),
        }
        if code.tokens.get(at).is_some_and(|token| token.indent.is_some()) {
            break;
        }
    }
    at..at
}

fn named(code: &Code<'_>, at: usize) -> Option<New> {
    let name = code.word(at + 1);
    if !code.is_word(at + 1) || code.tokens[at].indent != Some(0) {
        return None;
    }
    let kind = if code.word(at) == "type" { ItemKind::Type } else { ItemKind::Constant };
    let end = code.line_end(at + 1);
    Some(New { public: name.starts_with(char::is_uppercase), ..New::plain(kind, name, (at, at + 2..end)) })
}

/// `t.Run("name", func(t *testing.T) { ... })`; one that is named by a variable is a row of its test.
fn subtest(code: &Code<'_>, at: usize) -> Option<New> {
    let inner = code.group(at + 1);
    let named =
        code.before(at) == "." && code.kind(inner.start) == Some(Kind::Text) && code.word(inner.start + 1) == ",";
    named.then(|| New::plain(ItemKind::Test, code.unquoted(inner.start), (at, inner.start + 1..inner.end)))
}
