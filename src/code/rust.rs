//! Rust: items with their attributes; tests by `#[test]` and its likes.

use super::{
    ItemKind,
    outliner::{Draft, New, Outliner},
    tokens::Code,
};
use std::ops::Range;

pub(super) fn walk(code: &Code<'_>) -> Vec<Draft> {
    let mut outliner = Outliner::new(code);
    for at in 0..code.len() {
        outliner.leave(at);
        if code.is_word(at)
            && let Some(new) = definition(&outliner, at)
        {
            outliner.enter(new);
        }
    }
    outliner.finish(false)
}

fn definition(outliner: &Outliner<'_, '_>, at: usize) -> Option<New> {
    let code = outliner.code;
    let kind = match code.word(at) {
        "fn" => ItemKind::Function,
        "struct" | "enum" | "trait" | "type" | "union" => ItemKind::Type,
        "const" | "static" if code.word(at + 2) == ":" || code.word(at + 1) == "mut" => ItemKind::Constant,
        "mod" => ItemKind::Module,
        "impl" if code.tokens[at].indent.is_some() || matches!(code.before(at), "unsafe" | "}") => {
            return implementation(code, at);
        }
        _ => return None,
    };
    let name_at = at + 1 + usize::from(code.word(at + 1) == "mut");
    if !code.is_word(name_at) || code.before(at) == "." {
        return None;
    }
    let body = block(code, name_at)?;
    let (start, attributes) = lead(code, at);
    let function = kind == ItemKind::Function;
    let is_test = function && attributes.iter().any(|attribute| is_test(attribute));
    let in_class = outliner.in_kind(&[ItemKind::Class]);
    let trait_method = outliner.scope().is_some_and(|item| item.kind == ItemKind::Class && item.name.contains(" for "));
    let kind = match kind {
        ItemKind::Module if attributes.iter().any(|attribute| attribute.contains("cfg(test)")) => ItemKind::Suite,
        _ if is_test => ItemKind::Test,
        _ if function && in_class => ItemKind::Method,
        other => other,
    };
    let public = (start..at).any(|at| code.word(at) == "pub") && !trait_method;
    let cases =
        attributes.iter().filter(|attribute| attribute.starts_with("case") || attribute.starts_with("test_case"));
    let cases = cases.count();
    let skip = attributes.iter().find(|attribute| is_skip(attribute)).cloned();
    Some(New { public, skip, cases, ..New::plain(kind, code.word(name_at), (start, body)) })
}

/// What is added to a type stands under the type's name; of a trait, under `Trait for Type`.
fn implementation(code: &Code<'_>, at: usize) -> Option<New> {
    let open = code.find(at..(at + 80).min(code.len()), |word| matches!(word, "{" | ";"))?;
    if code.word(open) != "{" {
        return None;
    }
    let name = code.normal(at + 1..open);
    Some(New::plain(ItemKind::Class, &name, (at, code.group(open))))
}

fn block(code: &Code<'_>, from: usize) -> Option<Range<usize>> {
    let open = code.find(from..(from + 200).min(code.len()), |word| matches!(word, "{" | ";" | "="))?;
    match code.word(open) {
        "{" => Some(code.group(open)),
        ";" => Some(from + 1..open),
        _ => Some(open + 1..code.find(open..(open + 400).min(code.len()), |word| word == ";").unwrap_or(open + 1)),
    }
}

/// The first token of an item and its attributes, without blanks.
fn lead(code: &Code<'_>, at: usize) -> (usize, Vec<String>) {
    let mut start = at;
    for _ in 0..8 {
        match start.checked_sub(1).map(|before| (before, code.word(before))) {
            Some((before, "pub" | "async" | "unsafe" | "const" | "extern" | "default")) => start = before,
            Some((before, ")")) if code.before(code.mate(before)) == "pub" => start = code.mate(before),
            Some((before, _))
                if code.kind(before) == Some(super::lex::Kind::Text) && code.before(before) == "extern" =>
            {
                start = before;
            }
            Some(_) | None => break,
        }
    }
    let mut attributes = Vec::new();
    for _ in 0..60 {
        let Some(close) = start.checked_sub(1).filter(|close| code.word(*close) == "]") else { break };
        let open = code.mate(close);
        if open >= close || code.before(open) != "#" {
            break;
        }
        attributes.push(code.compact(open + 1..close));
        start = open - 1;
    }
    (start, attributes)
}

fn is_test(attribute: &str) -> bool {
    let path = attribute.split(['(', '=']).next().unwrap_or(attribute);
    let last = path.rsplit("::").next().unwrap_or(path);
    matches!(last, "test" | "rstest" | "test_case" | "quickcheck" | "wasm_bindgen_test" | "gtest" | "apply")
}

fn is_skip(attribute: &str) -> bool {
    let never = ["cfg(any())", "cfg(never)", "cfg(FALSE)", "cfg(false)", "cfg(not(test))", "cfg(not(all()))"];
    attribute == "ignore"
        || attribute.starts_with("ignore=")
        || attribute.starts_with("ignore(")
        || attribute.starts_with("cfg_attr(") && attribute.contains("ignore")
        || never.iter().any(|mark| attribute.starts_with(mark))
}
