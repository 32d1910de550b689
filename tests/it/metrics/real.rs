//! Every metric on four real sessions, with the events that were counted: a snapshot to be read by eye.

use evalrun::{
    acts::Table,
    graders::event_text,
    importers::{Collector, recognise},
    metrics::{self, Given},
    model::{
        score::{Measured, Reading},
        trace::Trace,
    },
    store::bundles,
};
use std::{fmt::Write, path::Path};

/// A rollout of Codex, a session of Claude Code, and two of swe_together: one without outputs, one without times.
pub const SESSIONS: [&str; 4] = [
    "codex_rollout/three-turns-gpt-5.5",
    "claude_session/8b1ca142-1dd7-4611-a111-58be218a82fc.jsonl",
    "swe_together/pi-mono-tool-execution-write-error.json",
    "swe_together/hyperswitch-9063.json",
];

/// Events quoted per metric; further ones are named by their id.
const QUOTED: usize = 3;

#[test]
fn metrics_on_real_sessions() {
    let mut out = String::new();
    for session in SESSIONS {
        let trace = session_of(session);
        let facts = metrics::read(&trace, Given::default(), Table::shipped());
        let _ = writeln!(out, "{session}: {} events\n", trace.events.len());
        for (id, measured) in metrics::measure(&facts) {
            let _ = writeln!(out, "{id:<28} {}", line(&trace, &measured));
        }
        out.push('\n');
    }
    insta::with_settings!({description => "value, then the events that were counted, the first with what they say"}, {
        insta::assert_snapshot!("metrics_on_real_sessions", out);
    });
}

/// The first session of a fixture of fixtures/traces.
pub fn session_of(name: &str) -> Trace {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces").join(name);
    let found = bundles(&[path]);
    assert_eq!(found.refused, [], "{name}");
    let open = found.bundles[0].open().unwrap();
    let members = open.members();
    let mut collector = Collector::new();
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    collector.finish().remove(0).trace
}

fn line(trace: &Trace, measured: &Measured) -> String {
    match measured {
        Measured::Value(reading) => format!("{}{}", (reading.value * 1e4).round() / 1e4, cites(trace, reading)),
        Measured::Undefined(why) => format!("undefined: {why}"),
        Measured::Unknown(why) => format!("unknown: {why}"),
    }
}

fn cites(trace: &Trace, reading: &Reading) -> String {
    let mut out = String::new();
    for (at, id) in reading.cites.iter().enumerate() {
        let quote = event_text(&trace.event(*id).unwrap().body).split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = quote.chars().take(60).collect();
        let _ = if at < QUOTED { write!(out, "\n    {id} {short}") } else { write!(out, " {id}") };
    }
    out
}

/// Every session of every fixture, sub-agents' files with their own.
pub fn every_fixture() -> Vec<(String, Trace)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces");
    let mut out = Vec::new();
    for format in ["claude_session", "codex_rollout", "evalrun", "swe_together"] {
        let found = bundles(&[root.join(format)]);
        for bundle in &found.bundles {
            let open = bundle.open().unwrap();
            let members = open.members();
            let Ok(importer) = recognise(&members) else { continue };
            let mut collector = Collector::new();
            importer.import(&members, &mut collector).unwrap();
            let name = bundle.files[0].strip_prefix(&root).unwrap().display().to_string();
            out.extend(collector.finish().into_iter().map(|imported| (name.clone(), imported.trace)));
        }
    }
    assert!(out.len() >= 20, "{} sessions", out.len());
    out
}
