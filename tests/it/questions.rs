//! Which messages ask something: measured on labelled real messages, and held up by examples and hostile text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

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
