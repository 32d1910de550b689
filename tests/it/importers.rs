//! Importers: every bundle in `fixtures/traces/<format>/` is claimed by that format alone, imports, accounts for every record, and
//! matches its snapshot. A file or folder dropped there is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    importers::{Collector, IMPORTERS, Imported, recognise},
    model::{
        import::{Claim, Importer, Member, Source},
        trace::{Body, Event, Text},
    },
    store::{Bundle, bundles},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Bytes in memory.
struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.0.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces")
}

/// Every bundle of a format's fixtures, by name.
fn bundles_of(format: &str) -> Vec<(String, Bundle)> {
    let folder = fixtures().join(format);
    let mut out = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("README") || name.starts_with("LICENSE") {
            continue;
        }
        let found = bundles(std::slice::from_ref(&entry));
        assert_eq!(found.refused, [], "{name}");
        assert_eq!(found.bundles.len(), 1, "{name} holds one bundle");
        out.push((name, found.bundles[0].clone()));
    }
    assert!(!out.is_empty(), "no fixtures for {format}");
    out
}

fn imported(importer: &dyn Importer, bundle: &[Member<'_>]) -> Vec<Imported> {
    let mut collector = Collector::new();
    importer.import(bundle, &mut collector).unwrap();
    collector.finish()
}

#[test]
fn every_fixture_is_claimed_by_its_own_format_alone() {
    for importer in IMPORTERS {
        let format = importer.doc().name;
        for (name, bundle) in bundles_of(format) {
            let open = bundle.open().unwrap();
            let members = open.members();
            let sure: Vec<&str> = IMPORTERS
                .iter()
                .filter(|other| matches!(other.claim(&members), Claim::Sure(_)))
                .map(|other| other.doc().name)
                .collect();
            assert_eq!(sure, [format], "{name}");
            assert_eq!(recognise(&members).map(|found| found.doc().name).unwrap(), format);
        }
    }
}

#[test]
fn every_record_of_every_fixture_is_accounted_for() {
    for importer in IMPORTERS {
        for (name, bundle) in bundles_of(importer.doc().name) {
            let open = bundle.open().unwrap();
            let records: u64 = bundle.files.iter().map(|file| records_in(importer.doc().name, file)).sum();
            let all = imported(*importer, &open.members());
            account(*importer, &name, (&all, records));
        }
    }
}

/// Counts the records of a file without the importers' help.
fn records_in(format: &str, file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    if format != "swe_together" {
        return bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
    }
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let parts = |message: &serde_json::Value| {
        let text = u64::from(message["content"].as_str().is_some_and(|text| !text.is_empty()));
        let blocks = message["content"].as_array().map_or(0, Vec::len) as u64;
        let uses = message["tool_uses"].as_array().map_or(0, Vec::len) as u64;
        let thinking = u64::from(message["thinking"].as_str().is_some_and(|text| !text.is_empty()));
        (text + blocks + uses + thinking).max(1)
    };
    document["messages"].as_array().unwrap().iter().map(parts).sum()
}

/// What was counted, what was listed, and what the events name must agree.
fn account(importer: &dyn Importer, name: &str, (all, records): (&[Imported], u64)) {
    let doc = importer.doc();
    assert_eq!(all.iter().map(|one| one.records).sum::<u64>(), records, "{name}: records in the file");
    for one in all {
        let (nothing, merged) = (one.nothing.values().sum::<u64>(), one.merged.values().sum::<u64>());
        assert_eq!(one.kept + nothing + merged, one.records, "{name}");
        for kind in one.nothing.keys() {
            assert!(doc.carries_nothing.contains(kind), "{name}: `{kind}` is not in the importer's doc");
        }
        for kind in one.merged.keys() {
            assert!(doc.merges.contains(kind), "{name}: `{kind}` is not in the importer's doc");
        }
        let from: BTreeSet<&str> = one.trace.events.iter().filter_map(|event| event.from.as_deref()).collect();
        if matches!(doc.name, "codex_rollout" | "claude_session") {
            assert_eq!(from.len() as u64, one.kept, "{name}: records that events come from");
        }
        for (at, event) in one.trace.events.iter().enumerate() {
            assert_eq!(event.id.0 as usize, at, "{name}: ids are dense");
            if let Body::ToolResult(result) = &event.body {
                let call = result.call.map(|call| &one.trace.events[call.0 as usize].body);
                assert!(matches!(call, None | Some(Body::ToolCall(_))), "{name}: e{at} answers a call");
            }
        }
        assert!(
            one.warnings.is_empty() || name.contains("torn") || name.contains("hostile"),
            "{name}: {:?}",
            one.warnings
        );
    }
}

#[test]
fn every_fixture_reads_as_its_snapshot() {
    for importer in IMPORTERS {
        for (name, bundle) in bundles_of(importer.doc().name) {
            let open = bundle.open().unwrap();
            let all = imported(*importer, &open.members());
            let text: String = all.iter().map(shown).collect();
            insta::assert_snapshot!(format!("{}__{}", importer.doc().name, name), text);
        }
    }
}

/// A trace in short: the header, and each event with the first words of it.
fn shown(one: &Imported) -> String {
    let mut out = format!("{}\n", serde_json::to_string(&one.trace.header).unwrap());
    let _ =
        writeln!(out, "records {} kept {} merged {:?} nothing {:?}", one.records, one.kept, one.merged, one.nothing);
    for (line, warning) in &one.warnings {
        let _ = writeln!(out, "warning {line}: {warning}");
    }
    let mut turn = u32::MAX;
    for event in &one.trace.events {
        if event.turn != turn {
            turn = event.turn;
            let _ = writeln!(out, "-- turn {turn}");
        }
        let _ = writeln!(out, "{}", line_of(event));
    }
    out
}

fn line_of(event: &Event) -> String {
    let lane = if event.lane.is_empty() { String::new() } else { format!(" [{}]", event.lane) };
    let gone = if event.superseded { " (superseded)" } else { "" };
    let at = event.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    let from = event.from.as_deref().unwrap_or("-");
    let say = |text: &Text| short(text.as_str());
    let body = match &event.body {
        Body::UserMessage(body) => format!("{:?} images={}", say(&body.text), body.images),
        Body::AgentMessage(body) => format!("{:?} {:?}", say(&body.text), body.phase),
        Body::Reasoning(body) => format!("{:?} encrypted={}", say(&body.text), body.encrypted),
        Body::Plan(body) => body.steps.iter().map(|step| format!("{:?}:{} ", step.status, short(&step.text))).collect(),
        Body::ToolCall(body) => format!("{} {} batch={:?}", body.name, short(&body.input.to_string()), body.batch),
        Body::ToolResult(body) => format!(
            "of {} {:?} exit={:?} ms={:?} {:?}",
            body.call.map_or("-".to_owned(), |call| call.to_string()),
            body.status,
            body.exit,
            body.duration_ms,
            say(&body.output)
        ),
        Body::FileChange(body) => format!("{} {:?} of {:?} {:?}", body.path, body.change, body.call, say(&body.diff)),
        Body::Question(body) => {
            format!("{:?} {:?} -> {:?}", say(&body.text), body.options, body.answer.as_ref().map(Text::as_str))
        }
        Body::Compaction(body) => format!("{:?} -> {:?} {:?}", body.before, body.after, say(&body.summary)),
        Body::SubAgent(body) => format!("{} {:?} {:?} {:?}", body.id, body.state, say(&body.brief), say(&body.result)),
        Body::Unknown(body) => format!("{} {:?}", body.kind, say(&body.raw)),
        Body::Usage(body) => format!(
            "{:?} in={} cached={} out={} reasoning={} {}",
            body.scope,
            body.input,
            body.cached,
            body.output,
            body.reasoning,
            body.model.as_deref().unwrap_or("-")
        ),
        other @ (Body::Permission(_)
        | Body::Interviewer(_)
        | Body::Stage(_)
        | Body::Snapshot(_)
        | Body::Check(_)
        | Body::TurnEnd(_)
        | Body::Limit(_)
        | Body::Error(_)
        | Body::End(_)) => short(&format!("{other:?}")),
    };
    format!("{} {at} {from}{lane}{gone} {} {body}", event.id, event.body.kind())
}

fn short(text: &str) -> String {
    let one: String = text.chars().take(90).collect();
    if one.len() < text.len() { format!("{one}…{}", text.len()) } else { one }
}

/// `EVALRUN_SESSIONS=DIR`: every session under it, claimed once and accounted for.
#[test]
fn a_whole_folder_of_sessions_imports() {
    let Some(folder) = std::env::var_os("EVALRUN_SESSIONS") else { return };
    let mut totals: BTreeMap<&str, [u64; 6]> = BTreeMap::new();
    for bundle in bundles(&[PathBuf::from(folder)]).bundles {
        let open = bundle.open().unwrap();
        let members = open.members();
        let name = bundle.files[0].display().to_string();
        let importer = match recognise(&members) {
            Ok(importer) => importer,
            Err(why) => {
                println!("REFUSED {name} {why:?}");
                continue;
            }
        };
        let all = imported(importer, &members);
        let records = bundle.files.iter().map(|file| records_in(importer.doc().name, file)).sum();
        account(importer, "hostile", (&all, records));
        let total = totals.entry(importer.doc().name).or_default();
        total[0] += 1;
        for one in &all {
            let unknown = one.trace.events.iter().filter(|event| matches!(event.body, Body::Unknown(_))).count() as u64;
            let counts = [one.records, one.trace.events.len() as u64, one.warnings.len() as u64, unknown, one.kept];
            for (sum, count) in total[1..].iter_mut().zip(counts) {
                *sum += count;
            }
            println!(
                "{} {name} records {} events {} warnings {:?} unknown {unknown}",
                importer.doc().name,
                one.records,
                one.trace.events.len(),
                one.warnings
            );
            if std::env::var_os("EVALRUN_SHOW").is_some() {
                println!("{}", shown(one));
            }
        }
    }
    println!("format: [sessions, records, events, warnings, unknown, kept] {totals:?}");
}
