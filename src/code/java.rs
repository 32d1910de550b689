//! Java: classes and methods; tests by their annotations, or by name in the oldest style.

use super::{
    ItemKind,
    outliner::{Draft, New, Outliner, rows},
    tokens::Code,
};

pub(super) fn walk(code: &Code<'_>) -> Vec<Draft> {
    let mut outliner = Outliner::new(code);
    for at in 0..code.len() {
        outliner.leave(at);
        if !code.is_word(at) {
            continue;
        }
        if let Some(new) = class(code, at).or_else(|| method(&outliner, at)).or_else(|| constant(&outliner, at)) {
            outliner.enter(new);
        }
    }
    outliner.finish(false)
}

fn class(code: &Code<'_>, at: usize) -> Option<New> {
    let known = matches!(code.word(at), "class" | "interface" | "enum" | "record");
    if !known || !code.is_word(at + 1) || code.before(at) == "." {
        return None;
    }
    let open = code.find(at..(at + 60).min(code.len()), |word| matches!(word, "{" | ";"))?;
    if code.word(open) != "{" {
        return None;
    }
    let (start, annotations) = lead(code, at);
    let name = code.word(at + 1);
    let suite = name.ends_with("Test") || name.ends_with("Tests") || name.starts_with("Test");
    let kind = match code.word(at) {
        "class" if suite => ItemKind::Suite,
        "class" => ItemKind::Class,
        _ => ItemKind::Type,
    };
    let public = is_public(code, start, at);
    Some(New { public, skip: skip(&annotations), ..New::plain(kind, name, (start, code.group(open))) })
}

const NO_NAME: &[&str] =
    &["if", "for", "while", "switch", "catch", "synchronized", "try", "super", "this", "return", "new"];
const NO_TYPE: &[&str] = &["new", "return", "throw", "else", "case", "yield", "assert", "do", "instanceof"];

fn method(outliner: &Outliner<'_, '_>, at: usize) -> Option<New> {
    let code = outliner.code;
    let typed = at > 0
        && (code.is_word(at - 1) && !NO_TYPE.contains(&code.word(at - 1)) || matches!(code.before(at), ">" | "]"));
    let outside = outliner.in_kind(&[ItemKind::Method, ItemKind::Test]);
    if !typed || outside || code.word(at + 1) != "(" || NO_NAME.contains(&code.word(at)) {
        return None;
    }
    let end = code.find(code.after(at + 1)..(at + 200).min(code.len()), |word| matches!(word, "{" | ";" | "=" | ")"));
    let body = match end {
        Some(open) if code.word(open) == "{" => code.group(open),
        Some(end) if code.word(end) == ";" => end..end,
        Some(_) => return None,
        None => code.len()..code.len(),
    };
    let (start, annotations) = lead(code, at);
    let test = annotations.iter().any(|annotation| {
        let name = annotation.split('(').next().unwrap_or(annotation);
        let last = name.rsplit('.').next().unwrap_or(name);
        matches!(last, "Test" | "ParameterizedTest" | "RepeatedTest" | "TestFactory" | "TestTemplate" | "Property")
    });
    let old = code.word(at).strip_prefix("test").is_some_and(|rest| rest.starts_with(char::is_uppercase))
        && code.compact(start..at) == "publicvoid";
    let kind = if test || old { ItemKind::Test } else { ItemKind::Method };
    let table = annotations.iter().any(|annotation| annotation.contains("Parameterized"));
    let cases = if table { rows(code, start..at).max(1) } else { 0 };
    let in_type = outliner.in_kind(&[ItemKind::Type]);
    let public = is_public(code, start, at) || in_type;
    Some(New { public, cases, skip: skip(&annotations), ..New::plain(kind, code.word(at), (start, body)) })
}

fn constant(outliner: &Outliner<'_, '_>, at: usize) -> Option<New> {
    let code = outliner.code;
    let upper =
        code.word(at).chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
    if !upper || code.word(at + 1) != "=" || outliner.in_kind(&[ItemKind::Method, ItemKind::Test]) {
        return None;
    }
    let (start, _) = lead(code, at);
    let end = code.find(at..(at + 400).min(code.len()), |word| word == ";").unwrap_or(at + 2);
    let public = is_public(code, start, at);
    Some(New { public, ..New::plain(ItemKind::Constant, code.word(at), (start, at + 2..end)) })
}

fn is_public(code: &Code<'_>, start: usize, at: usize) -> bool {
    (start..at).any(|at| matches!(code.word(at), "public" | "protected"))
}

/// The first token of a declaration, and its annotations without blanks.
fn lead(code: &Code<'_>, at: usize) -> (usize, Vec<String>) {
    let mut start = at;
    let mut annotations = Vec::new();
    for _ in 0..80 {
        let Some(before) = start.checked_sub(1) else { break };
        match code.word(before) {
            ")" => {
                let open = code.mate(before);
                let name = open.checked_sub(1).filter(|name| open < before && code.is_word(*name));
                let Some(name) = name.filter(|name| annotated(code, *name).is_some()) else { break };
                start = name;
            }
            "@" => start = before,
            "<" | ">" | "," | "[" | "]" | "." | "?" => start = before,
            _ if code.is_word(before) && !NO_TYPE.contains(&code.word(before)) => start = before,
            _ => break,
        }
    }
    let mut from = start;
    while from < at {
        if code.word(from) == "@" {
            let end = code.chain_end(from + 1);
            annotations.push(code.compact(from + 1..end));
            from = end;
        } else {
            from += 1;
        }
    }
    (start, annotations)
}

/// The `@` of the annotation whose name ends here.
fn annotated(code: &Code<'_>, name: usize) -> Option<usize> {
    let mut at = name;
    for _ in 0..8 {
        match code.before(at) {
            "@" => return Some(at - 1),
            "." if at >= 2 => at -= 2,
            _ => return None,
        }
    }
    None
}

fn skip(annotations: &[String]) -> Option<String> {
    let marks = ["Disabled", "Ignore", "EnabledIf", "Test(enabled=false"];
    let found = annotations.iter().find(|annotation| marks.iter().any(|mark| annotation.starts_with(mark)));
    found.map(|annotation| annotation.chars().take(80).collect())
}
