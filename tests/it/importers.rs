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
    if format == "tau_bench" {
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let messages = |entry: &serde_json::Value| entry["traj"].as_array().map_or(0, Vec::len) as u64;
        return document.as_array().unwrap().iter().map(|entry| messages(entry) + 1).sum();
    }
    let whole = serde_json::from_slice::<serde_json::Value>(&bytes);
    if let (true, Ok(document)) = (format == "opencode", whole) {
        let messages = document["messages"].as_array().unwrap();
        return messages.iter().map(|message| message["parts"].as_array().unwrap().len() as u64 + 1).sum();
    }
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
        if matches!(doc.name, "codex_rollout" | "claude_session" | "claude_stream" | "acp") {
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
        let sure = IMPORTERS.iter().filter(|importer| matches!(importer.claim(&members), Claim::Sure(_))).count();
        assert!(sure <= 1, "{name} is claimed twice");
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

/// `fixtures/traces/hostile/`: files that nobody should take, with what each importer says, and files that are damaged.
#[test]
fn hostile_files_are_refused_with_reasons_or_read_with_warnings() {
    let mut out = String::new();
    for (name, bundle) in bundles_of("hostile") {
        let open = bundle.open().unwrap();
        let members = open.members();
        let _ = writeln!(out, "== {name}");
        match recognise(&members) {
            Err(tried) => tried.iter().for_each(|(importer, why)| _ = writeln!(out, "{importer}: {why}")),
            Ok(importer) => {
                let all = imported(importer, &members);
                let records = records_in(importer.doc().name, &bundle.files[0]);
                account(importer, "hostile", (&all, records));
                all.iter().for_each(|one| out.push_str(&shown(one)));
            }
        }
    }
    insta::assert_snapshot!("hostile", out);
}

fn member(source: &Bytes) -> Vec<Member<'_>> {
    vec![Member { name: "memory", source }]
}

/// A source that is never held in memory: a head, one line without end, and a tail.
struct LongLine {
    head: &'static [u8],
    filler: u64,
    tail: &'static [u8],
}

impl Source for LongLine {
    fn len(&self) -> u64 {
        self.head.len() as u64 + self.filler + self.tail.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let (head, fill) = (self.head.len() as u64, self.filler);
        let read = usize::try_from(self.len().saturating_sub(at)).unwrap().min(into.len());
        if at >= head && at + read as u64 <= head + fill {
            into[..read].fill(b'x');
            return Ok(read);
        }
        for (offset, byte) in into[..read].iter_mut().enumerate() {
            let at = at + offset as u64;
            *byte = match at {
                at if at < head => self.head[usize::try_from(at).unwrap()],
                at if at < head + fill => b'x',
                at => self.tail[usize::try_from(at - head - fill).unwrap()],
            };
        }
        Ok(read)
    }
}

#[test]
fn a_line_of_a_hundred_megabytes_hides_nothing_behind_it() {
    let source = LongLine {
        head: b"{\"timestamp\":\"2026-01-01T00:00:00Z\",\"type\":\"session_meta\",\"payload\":{\"id\":\"a\"}}\n{\"type\":\"event_msg\",\"payload\":\"",
        filler: 100 << 20,
        tail: b"\"}\n{\"timestamp\":\"2026-01-01T00:00:01Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"user_message\",\"message\":\"hi\"}}\n",
    };
    let members = [Member { name: "long", source: &source }];
    let all = imported(recognise(&members).unwrap(), &members);
    let (kinds, sizes): (Vec<&str>, Vec<usize>) = all[0]
        .trace
        .events
        .iter()
        .map(|event| (event.body.kind(), serde_json::to_string(&event.to_line().unwrap()).unwrap().len() / 100_000))
        .unzip();
    assert_eq!((kinds, sizes), (vec!["unknown", "user_message", "end"], vec![0, 0, 0]));
    let warned: Vec<u64> = all[0].warnings.iter().map(|(line, _)| *line).collect();
    assert_eq!(warned, [2, 2]);
}

#[test]
fn long_texts_are_cut_and_handed_over_whole() {
    let long = "y".repeat(200_000);
    let text = format!(
        "{{\"timestamp\":\"2026-01-01T00:00:00Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"a\"}}}}\n\
         {{\"type\":\"event_msg\",\"payload\":{{\"type\":\"user_message\",\"message\":\"{long}\"}}}}\n"
    );
    let source = Bytes(text.into_bytes());
    let members = member(&source);
    let mut kept = Vec::new();
    let mut collector = Collector::keeping(Box::new(|text| {
        kept.push(text.len());
        Some("name".to_owned())
    }));
    recognise(&members).unwrap().import(&members, &mut collector).unwrap();
    let all = collector.finish();
    let Body::UserMessage(said) = &all[0].trace.events[0].body else { panic!("no message") };
    assert_eq!((said.text.bytes, said.text.blob.as_deref()), (200_000, Some("name")));
    assert!(said.text.as_str().len() < 70_000);
    assert_eq!(kept, [200_000]);
}

#[test]
fn what_a_record_is_read_as_survives_its_own_format() {
    for importer in IMPORTERS {
        for (name, bundle) in bundles_of(importer.doc().name) {
            let open = bundle.open().unwrap();
            for one in imported(*importer, &open.members()) {
                let mut text = serde_json::to_string(&one.trace.header).unwrap() + "\n";
                one.trace.events.iter().for_each(|event| text += &(event.to_line().unwrap() + "\n"));
                let source = Bytes(text.into_bytes());
                let members = member(&source);
                let again = imported(recognise(&members).unwrap(), &members);
                let lines = |trace: &evalrun::model::trace::Trace| -> Vec<String> {
                    trace.events.iter().map(|event| event.to_line().unwrap()).collect()
                };
                assert_eq!(again[0].trace.header, one.trace.header, "{name}");
                let expected: Vec<String> =
                    lines(&one.trace).into_iter().enumerate().map(|(at, line)| from(at, &line)).collect();
                assert_eq!(lines(&again[0].trace), expected, "{name}");
                assert!(name.contains("torn") || again[0].warnings.is_empty(), "{name}: {:?}", again[0].warnings);
            }
        }
    }
}

/// The line as it is read again: an event that says no origin gets the line it stood in.
fn from(at: usize, line: &str) -> String {
    let mut event = Event::from_line(line).unwrap();
    event.from.get_or_insert_with(|| format!("live:{}", at + 2));
    event.to_line().unwrap()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    /// Damage at any place: bytes replaced, cut out, doubled; the file cut short. Nothing panics, every record is accounted for.
    #[test]
    fn damaged_files_never_panic(pick in 0usize..1000, cuts in proptest::collection::vec((0.0f64..1.0, 0u8..6, 0u8..=255), 1..8)) {
        let small = small_fixtures();
        let (format, original) = &small[pick % small.len()];
        let bytes = damaged(original.clone(), &cuts);
        let source = Bytes(bytes);
        let members = member(&source);
        for importer in IMPORTERS {
            let claim = importer.claim(&members);
            if importer.doc().name != *format && !matches!(claim, Claim::Sure(_)) {
                continue;
            }
            let mut collector = Collector::new();
            let read = importer.import(&members, &mut collector);
            for one in collector.finish() {
                let told = one.kept + one.nothing.values().sum::<u64>() + one.merged.values().sum::<u64>();
                proptest::prop_assert_eq!(told, one.records);
                if read.is_ok() && !matches!(*format, "swe_together" | "tau_bench") && importer.doc().name == *format {
                    let lines = source.0.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
                    proptest::prop_assert_eq!(one.records, lines.count() as u64);
                }
            }
        }
    }
}

fn small_fixtures() -> &'static Vec<(&'static str, Vec<u8>)> {
    static SMALL: std::sync::OnceLock<Vec<(&'static str, Vec<u8>)>> = std::sync::OnceLock::new();
    SMALL.get_or_init(|| {
        let files = |importer: &&'static dyn Importer| -> Vec<(&'static str, Vec<u8>)> {
            let format = importer.doc().name;
            let read = |(_, bundle): (String, Bundle)| (format, fs::read(&bundle.files[0]).unwrap());
            bundles_of(format).into_iter().map(read).filter(|(_, bytes)| bytes.len() < 45_000).collect()
        };
        IMPORTERS.iter().flat_map(files).collect()
    })
}

fn damaged(mut bytes: Vec<u8>, cuts: &[(f64, u8, u8)]) -> Vec<u8> {
    for (place, what, byte) in cuts {
        let at = ((bytes.len() as f64) * place) as usize;
        let some = usize::from(*byte).min(bytes.len() - at);
        match what {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..at + some)),
            2 => bytes.insert(at, *byte),
            3 => {
                let part = bytes[at..at + some].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let swap: &[u8] =
                    [&b"null"[..], b"[]", b"\"", b"{", b"}", b"\n", b"-1", b"1e999"][usize::from(*byte) % 8];
                bytes.splice(at..at, swap.iter().copied());
            }
            _ => {
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
        }
    }
    bytes
}

#[test]
fn files_of_one_session_are_one_bundle_and_links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("all");
    copy(&fixtures(), &place);
    std::os::unix::fs::symlink(&place, place.join("loop")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", place.join("codex_rollout/link.jsonl")).unwrap();
    fs::create_dir_all(place.join(".git")).unwrap();
    fs::write(place.join(".git/config"), "x").unwrap();
    let found = bundles(&[place.clone(), place.join("codex_rollout/error"), folder.path().join("gone")]);
    assert_eq!(found.refused.len(), 1);
    let names = |bundle: &Bundle| -> Vec<String> {
        bundle.files.iter().map(|file| file.strip_prefix(&place).unwrap().display().to_string()).collect()
    };
    let several: Vec<Vec<String>> = found.bundles.iter().map(names).filter(|files| files.len() > 1).collect();
    insta::assert_debug_snapshot!("bundles", several);
    let all: Vec<String> = found.bundles.iter().flat_map(names).collect();
    assert!(!all.iter().any(|name| name.contains("link") || name.contains("loop") || name.contains(".git")));
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "each file stands in one bundle");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            _ = fs::copy(entry.path(), target).unwrap()
        }
    }
}

/// `docs/traces.md` names every kind of event and all that an importer passes over.
#[test]
fn the_document_is_complete() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/traces.md")).unwrap();
    let missing: Vec<String> = Body::KINDS
        .iter()
        .map(|kind| format!("| `{kind}` |"))
        .chain(IMPORTERS.iter().flat_map(|importer| {
            let doc = importer.doc();
            let listed = |title: &str, kinds: &[&str]| {
                format!("{title}: {}.", kinds.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", "))
            };
            let mut wanted = vec![format!("### `{}`", doc.name)];
            if !doc.carries_nothing.is_empty() {
                wanted.push(listed("Carries nothing", doc.carries_nothing));
            }
            if !doc.merges.is_empty() {
                wanted.push(listed("Joined with what it repeats", doc.merges));
            }
            wanted
        }))
        .filter(|wanted| !text.contains(wanted.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

/// What a session repeats must not grow with its square.
#[test]
fn a_session_of_many_tasks_stays_small() {
    let mut text = String::new();
    for at in 0..3000 {
        text += &serde_json::json!({
            "type": "assistant", "uuid": format!("a{at}"), "parentUuid": null, "sessionId": "s", "timestamp": "2026-01-01T00:00:00Z",
            "message": {"id": format!("m{at}"), "role": "assistant", "content": [
                {"type": "tool_use", "id": format!("t{at}"), "name": "TaskCreate", "input": {"subject": format!("Task {at}")}},
            ]},
        })
        .to_string();
        text.push('\n');
    }
    let source = Bytes(text.into_bytes());
    let all = imported(recognise(&member(&source)).unwrap(), &member(&source));
    let steps = |event: &Event| if let Body::Plan(plan) = &event.body { plan.steps.len() } else { 0 };
    let counts: Vec<usize> = all[0].trace.events.iter().map(steps).filter(|steps| *steps > 0).collect();
    assert_eq!(counts, (1..=200).collect::<Vec<_>>());
}
