//! Python: `def` and `class` by indentation; tests as pytest and unittest collect them.

use super::{
    ItemKind,
    lex::Kind,
    outliner::{Draft, New, Outliner, rows},
    tokens::Code,
};
use std::ops::Range;

pub(super) fn walk(code: &Code<'_>) -> Vec<Draft> {
    let mut outliner = Outliner::new(code);
    let mut decorated: Option<usize> = None;
    let mut at = 0;
    while at < code.len() {
        if let Some(column) = code.tokens[at].indent.map(|column| column as usize) {
            if code.word(at) == "@" {
                decorated.get_or_insert(at);
            } else {
                let start = decorated.take().unwrap_or(at);
                outliner.dedent(column, start);
                line(&mut outliner, (start, at), column);
            }
        }
        at = code.after(at);
    }
    outliner.finish(true)
}

/// One logical line.
fn line(outliner: &mut Outliner<'_, '_>, (start, at): (usize, usize), column: usize) {
    let code = outliner.code;
    let word = at + usize::from(code.word(at) == "async");
    match code.word(word) {
        "def" if code.is_word(word + 1) => function(outliner, (start, word + 1), column),
        "class" if code.is_word(word + 1) => class(outliner, (start, word + 1), column),
        name if outliner.scope().is_none() && column == 0 && is_constant(name) => {
            if matches!(code.word(word + 1), "=" | ":") {
                let end = code.line_end(word);
                let new = New::plain(ItemKind::Constant, name, (at, word + 1..end));
                outliner.indent(New { public: !name.starts_with('_'), ..new }, 0);
            }
        }
        _ => {}
    }
}

fn is_constant(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

fn function(outliner: &mut Outliner<'_, '_>, (start, name_at): (usize, usize), column: usize) {
    let code = outliner.code;
    let name = code.word(name_at);
    let marks = code.compact(start..name_at);
    let inner = body(code, name_at);
    let scope = outliner.scope().map(|item| item.kind);
    let fixture = marks.contains("fixture");
    let can_hold = matches!(scope, None | Some(ItemKind::Suite | ItemKind::Class | ItemKind::Module));
    let collected =
        scope != Some(ItemKind::Class) || outliner.scope().is_some_and(|class| class.name.starts_with("Test"));
    let kind = match scope {
        _ if name.starts_with("test") && can_hold && collected && !fixture => ItemKind::Test,
        Some(ItemKind::Class | ItemKind::Suite) => ItemKind::Method,
        Some(_) | None => ItemKind::Function,
    };
    let nested = matches!(scope, Some(ItemKind::Function | ItemKind::Method | ItemKind::Test));
    let table = marks.contains("parametrize") || marks.contains("@data") || marks.contains("expand");
    let new = New {
        public: !name.starts_with('_') && !nested,
        skip: skip(&marks),
        cases: if table { rows(code, start..name_at).max(1) } else { 0 },
        ..New::plain(kind, name, (start, inner))
    };
    outliner.indent(new, column);
}

fn class(outliner: &mut Outliner<'_, '_>, (start, name_at): (usize, usize), column: usize) {
    let code = outliner.code;
    let name = code.word(name_at);
    // A base that is not plainly something else may be a TestCase.
    let bases = code.compact(code.group(name_at + 1));
    let suite = name.starts_with("Test") || bases.contains("Test");
    let kind = if suite { ItemKind::Suite } else { ItemKind::Class };
    let inner = body(code, name_at);
    let new = New {
        public: !name.starts_with('_'),
        skip: skip(&code.compact(start..name_at)),
        ..New::plain(kind, name, (start, inner))
    };
    outliner.indent(new, column);
}

/// From after the colon; the end is told when the indentation ends.
fn body(code: &Code<'_>, name_at: usize) -> Range<usize> {
    let end = code.line_end(name_at);
    let colon = code.find(name_at..end, |word| word == ":").map_or(end, |colon| colon + 1);
    let docs = code.kind(colon) == Some(Kind::Text) && code.tokens[colon].indent.is_some();
    let from = if docs { colon + 1 } else { colon };
    from..from
}

fn skip(marks: &str) -> Option<String> {
    let bare = |mark: &'_ str| {
        let ends = ["def", "async", "class"];
        ends.iter().fold(mark.to_owned(), |mark, end| mark.strip_suffix(end).map_or(mark.clone(), str::to_owned))
    };
    let mut found = marks.split('@').map(bare).filter(|mark| {
        let name = mark.split('(').next().unwrap_or(mark);
        let last = name.rsplit('.').next().unwrap_or(name);
        matches!(last, "skip" | "skipif" | "xfail" | "skipIf" | "skipUnless" | "expectedFailure" | "Skip")
    });
    found.next().map(|mark| mark.chars().take(80).collect())
}
