//! Which messages ask something: measured on labelled real messages, and held up by examples and hostile text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods)]

use evalrun::{
    interview::questions::{self, Asked},
    model::ask::AskKind,
};
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

#[derive(Deserialize)]
struct Labelled {
    text: String,
    asks: bool,
    kind: String,
}

struct Measured {
    precision: f64,
    recall: f64,
}

#[test]
fn questions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/questions");
    measure("tune", &folder.join("tune.jsonl"));
    let held_out = measure("held-out", &folder.join("heldout.jsonl"));
    let own = std::env::var_os("EVALRUN_QUESTIONS").map(|file| measure("EVALRUN_QUESTIONS", Path::new(&file)));
    for measured in [Some(held_out), own].into_iter().flatten() {
        assert!(measured.precision >= 0.95, "precision {:.3} is below 0.95", measured.precision);
        assert!(measured.recall >= 0.95, "recall {:.3} is below 0.95", measured.recall);
    }
}

fn measure(name: &str, file: &Path) -> Measured {
    let lines = std::fs::read_to_string(file).expect("the labelled file can be read");
    let mut counts = [[0_u32; 2]; 2];
    let mut kinds: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let labelled: Labelled = serde_json::from_str(line).expect("a labelled line");
        let found = questions::kind(&labelled.text, "en");
        let asks = found.is_some_and(AskKind::asks);
        counts[usize::from(labelled.asks)][usize::from(asks)] += 1;
        // Rhetoric that is not seen at all is right as well: neither asks.
        let same = found.map_or("none", AskKind::word) == labelled.kind || (!labelled.asks && !asks);
        let kind = kinds.entry(labelled.kind.clone()).or_default();
        kind.0 += u32::from(same);
        kind.1 += 1;
        if asks != labelled.asks || (!same && std::env::var_os("EVALRUN_QUESTIONS_SHOW").is_some()) {
            report(name, &labelled, found);
        }
    }
    let [[quiet, false_alarm], [missed, right]] = counts;
    let precision = f64::from(right) / f64::from((right + false_alarm).max(1));
    let recall = f64::from(right) / f64::from((right + missed).max(1));
    println!(
        "{name}: {} messages, {} ask; precision {precision:.3} ({right}/{}), recall {recall:.3} ({right}/{}), {quiet} rightly quiet",
        quiet + false_alarm + missed + right,
        missed + right,
        right + false_alarm,
        right + missed
    );
    for (kind, (same, all)) in kinds {
        println!("  {kind}: {same}/{all}");
    }
    Measured { precision, recall }
}

/// Held-out messages are not shown: rules are never written against them.
fn report(name: &str, labelled: &Labelled, found: Option<AskKind>) {
    if name == "held-out" {
        return;
    }
    let asked: Vec<Asked> = questions::questions(&labelled.text, "en");
    println!("  {name}: labelled {}, found {found:?}: {asked:?}\n    {:?}", labelled.kind, labelled.text);
}

#[test]
fn phrases_are_told_apart() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/questions/phrases.txt");
    let lines = std::fs::read_to_string(file).expect("phrases can be read");
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let (label, text) = line.split_once('|').expect("kind|text");
        let found = questions::kind(&text.replace("\\n", "\n"), "en").filter(|kind| kind.asks());
        let found = found.map_or("none", AskKind::word);
        if found != label {
            wrong.push(format!("{found} instead of {line}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn each_asking_sentence_is_returned_as_written() {
    let message = "I looked at `limits.py`.\n\n1. Should `MAX` be **per key**, or per user?\n2. What about restarts?\n\n> Is this quoted?\n\nIf you want, I can add docs.";
    let asked: Vec<(String, AskKind)> =
        questions::questions(message, "en").into_iter().map(|asked| (asked.sentence, asked.kind)).collect();
    let expected = [
        ("Should `MAX` be **per key**, or per user?", AskKind::Question),
        ("What about restarts?", AskKind::Question),
        ("If you want, I can add docs.", AskKind::Offer),
    ];
    assert_eq!(asked, expected.map(|(text, kind)| (text.to_owned(), kind)).to_vec());
}

#[test]
fn a_language_without_a_table_asks_nothing() {
    assert!(questions::speaks("en"));
    assert!(!questions::speaks("xx"));
    assert_eq!(questions::questions("Which one?", "xx"), Vec::new());
}

#[test]
fn hostile_messages_end() {
    let long = [
        "`".repeat(200_000),
        "\"a ".repeat(100_000),
        "?".repeat(300_000),
        "<think>".repeat(50_000),
        "if you want ".repeat(30_000),
        "```\n".repeat(60_001),
        "a\u{0301}？".repeat(50_000),
        "- ".repeat(100_000),
        "let me know if you have ".repeat(20_000),
    ];
    for text in long {
        let _ = questions::kind(&text, "en");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "(?s).{0,400}", noise in "[`\"'?*_#>|~<\u{2019}\u{201c}\n a-c1.]{0,200}") {
        for text in [text.as_str(), noise.as_str(), &format!("{noise}{text}{noise}")] {
            for asked in questions::questions(text, "en") {
                proptest::prop_assert!(text.contains(&asked.sentence));
            }
        }
    }
}
