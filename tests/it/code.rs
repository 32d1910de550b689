//! Outlines: a file dropped into `fixtures/code/<language>/` is a case; whatever comes in, an outline comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::code::{self, Language, Outline};
use proptest::prelude::*;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const LANGUAGES: &[(&str, Language)] = &[
    ("python", Language::Python),
    ("script", Language::Script),
    ("rust", Language::Rust),
    ("go", Language::Go),
    ("java", Language::Java),
];

#[test]
fn every_fixture_has_its_outline() {
    for (folder, language) in LANGUAGES {
        for path in files(folder) {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(Language::of(name), Some(*language), "{name}");
            insta::assert_snapshot!(format!("code_{folder}_{name}"), shown(&code::outline(*language, &text)));
        }
    }
}

#[test]
fn a_path_tells_its_language_or_none() {
    assert_eq!(Language::of("a/b.tsx"), Some(Language::Script));
    assert_eq!(Language::of("a/b.rb"), None);
    assert_eq!(Language::of("Makefile"), None);
}

/// Pieces of the fixtures, cut anywhere, among arbitrary text.
fn torn() -> impl Strategy<Value = String> {
    let texts: Vec<String> =
        LANGUAGES.iter().flat_map(|(folder, _)| files(folder)).map(|path| fs::read_to_string(path).unwrap()).collect();
    let piece = (proptest::sample::select(texts), any::<prop::sample::Index>(), any::<prop::sample::Index>());
    let piece = piece.prop_map(|(text, from, to)| {
        let letters: Vec<char> = text.chars().collect();
        let (from, to) = (from.index(letters.len()), to.index(letters.len()));
        letters[from.min(to)..from.max(to)].iter().collect::<String>()
    });
    let marks = proptest::collection::vec(
        proptest::sample::select(vec![
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "'",
            "\"",
            "`",
            "${",
            "\\",
            "\n",
            "#",
            "/*",
            "//",
            "/",
            "f\"{",
            "r#\"",
            "\"\"\"",
            "def test_a():",
            "fn a() {",
            "it('x', () => {",
            "assert ",
            "if a {",
            "é",
            " ",
            "not ",
            "!",
            "try:",
            "try {",
        ]),
        0..60,
    );
    (piece, marks.prop_map(|marks| marks.concat()), ".{0,40}").prop_map(|(piece, marks, any)| piece + &marks + &any)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_has_an_outline_within_its_bounds(text in torn()) {
        for (_, language) in LANGUAGES {
            let outline = code::outline(*language, &text);
            let lines = u32::try_from(text.matches('\n').count()).unwrap() + 2;
            for (nth, item) in outline.items.iter().enumerate() {
                prop_assert!(text.get(item.head.clone()).is_some(), "{item:?}");
                prop_assert!(text.get(item.body.clone()).is_some(), "{item:?}");
                prop_assert!(item.lines.start <= item.lines.end && item.lines.end <= lines, "{item:?}");
                prop_assert!(item.scope.is_none_or(|scope| scope < nth), "{item:?}");
            }
            prop_assert!(outline.checks.iter().all(|check| check.owner.is_none_or(|owner| owner < outline.items.len())));
            prop_assert_eq!(&outline, &code::outline(*language, &text));
        }
    }
}

#[test]
fn layout_changes_no_key() {
    for (folder, language) in LANGUAGES {
        for path in files(folder) {
            let text = fs::read_to_string(&path).unwrap();
            let comment = if *language == Language::Python { "# x\n" } else { "// x\n" };
            let spaced = format!("{comment}\n{text}\n{comment}").replace(",\n", ", \n\n");
            let keys = |text: &str| -> Vec<(String, u64)> {
                code::items(*language, text).into_iter().map(|item| (item.name, item.body_key)).collect()
            };
            assert_eq!(keys(&text), keys(&spaced), "{}", path.display());
        }
    }
}

/// Texts made to be slow or to nest too deep: each comes back, and with no more in it than it holds.
#[test]
fn hostile_texts_come_out_small() {
    let bombs = [
        "(".repeat(6_000),
        "def f(\n".repeat(1_000),
        "fn a() {".repeat(1_000),
        "it('x', () => {".repeat(1_000),
        "f\"{".repeat(1_000),
        "`${".repeat(1_000),
        "/[".repeat(1_000),
        "assert not ".repeat(1_000),
        "!".repeat(3_000),
        "try {".repeat(1_000),
        "const f = x => ".repeat(1_000),
        "r#\"".repeat(1_000),
        "if a { t.Error() ".repeat(1_000),
    ];
    for bomb in bombs {
        for (_, language) in LANGUAGES {
            let outline = code::outline(*language, &bomb);
            assert!(outline.items.len() + outline.checks.len() <= bomb.len());
        }
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/code").join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn shown(outline: &Outline) -> String {
    let mut out = String::new();
    let name = |owner: Option<usize>| owner.map_or("-", |at| outline.items[at].name.as_str());
    for item in &outline.items {
        let public = if item.public { "public " } else { "" };
        let skip = item.skip.as_ref().map(|skip| format!(" skip={skip}")).unwrap_or_default();
        let cases = if item.cases > 0 { format!(" cases={}", item.cases) } else { String::new() };
        let (kind, own, scope) = (format!("{:?}", item.kind).to_lowercase(), &item.name, name(item.scope));
        writeln!(out, "{public}{kind} {own} in {scope} {}..{}{skip}{cases}", item.lines.start, item.lines.end).unwrap();
    }
    for check in &outline.checks {
        let form = format!("{:?}", check.form).to_lowercase();
        let slack = check.slack.map(|slack| format!(" slack={slack}")).unwrap_or_default();
        let swallowed = if check.swallowed { " swallowed" } else { "" };
        writeln!(out, "check {form}{slack}{swallowed} in {}: {:?}", name(check.owner), check.operands).unwrap();
    }
    for mark in &outline.marks {
        writeln!(out, "mark {:?} in {}: {}", mark.kind, name(mark.owner), mark.text).unwrap();
    }
    out
}
