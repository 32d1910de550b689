//! How much of what recorded agents did has an entry in the tables.
//!
//! Classified is what has an act by a rule of `docs/acts.md`. Not classified is `other` or `run` for want of an entry (the sub-act
//! `unknown`), and what could not be read (`unread`). A command that the source itself cut off is listed apart.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use evalrun::{
    acts::{Table, deeds_of_call},
    importers::{Collector, recognise},
    model::{
        act::Deed,
        trace::{Body, Header, ToolCall},
    },
    store::bundles,
};

/// The recorder of some sessions cut commands at 295 to 302 characters.
const CUT_FROM: usize = 290;

#[derive(Default)]
struct Count {
    sessions: usize,
    calls: usize,
    known_calls: usize,
    segments: usize,
    known_segments: usize,
}

#[derive(Default)]
struct Coverage {
    files: Vec<PathBuf>,
    left_out: Vec<(PathBuf, String)>,
    by_agent: BTreeMap<String, Count>,
    unknown: BTreeMap<String, usize>,
    cut: Vec<String>,
}

/// The sessions of the fixtures, and those of `EVALRUN_SESSIONS`.
pub fn measure() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces");
    reaches_the_goals(&covered(&own));
    if let Some(given) = std::env::var_os("EVALRUN_SESSIONS") {
        reaches_the_goals(&covered(Path::new(&given)));
    }
}

fn covered(folder: &Path) -> Coverage {
    let mut coverage = Coverage::default();
    let found = bundles(&[folder.to_owned()]);
    coverage.left_out.extend(found.refused);
    for bundle in found.bundles {
        let left_out = |why: String| bundle.files.iter().map(move |file| (file.clone(), why.clone()));
        let open = match bundle.open() {
            Ok(open) => open,
            Err(fault) => {
                coverage.left_out.extend(left_out(fault.message));
                continue;
            }
        };
        let members = open.members();
        let Ok(importer) = recognise(&members) else {
            coverage.left_out.extend(left_out("no importer claims it".to_owned()));
            continue;
        };
        let mut collector = Collector::new();
        if let Err(fault) = importer.import(&members, &mut collector) {
            coverage.left_out.extend(left_out(fault.message));
            continue;
        }
        coverage.files.extend(bundle.files.iter().cloned());
        for session in collector.finish() {
            let header = &session.trace.header;
            coverage.by_agent.entry(agent(header)).or_default().sessions += 1;
            for event in session.trace.events.iter().filter(|event| !event.superseded) {
                if let Body::ToolCall(call) = &event.body {
                    coverage.take(header, call);
                }
            }
        }
    }
    coverage
}

/// The end of a line that its recorder cut.
fn cut_end(call: &ToolCall) -> Option<String> {
    let line = call.input.as_str().filter(|line| line.chars().count() >= CUT_FROM)?;
    Some(line.chars().skip(line.chars().count() - 60).collect())
}

fn agent(header: &Header) -> String {
    format!("{} {}", header.source, header.agent)
}

impl Coverage {
    fn take(&mut self, header: &Header, call: &ToolCall) {
        let name = call.tool.as_deref().unwrap_or(&call.name);
        let count = self.by_agent.entry(agent(header)).or_default();
        count.calls += 1;
        let deeds = deeds_of_call(name, &call.input, Table::shipped());
        let is_native = |deed: &Deed| deed.command.is_empty() && deed.why.is_none() && deed.program == name;
        match deeds.as_slice() {
            [only] if is_native(only) && only.sub.as_deref() == Some("unknown") => {
                *self.unknown.entry(format!("tool {name}")).or_default() += 1;
                return;
            }
            [only] if is_native(only) => {}
            _ if cut_end(call).is_some() => self.cut.extend(cut_end(call)),
            segments => {
                for deed in segments {
                    count.segments += 1;
                    match deed.sub.as_deref() {
                        Some("unknown") => *self.unknown.entry(format!("program {}", deed.program)).or_default() += 1,
                        Some("unread") => {
                            let line = call.input.to_string().chars().take(200).collect::<String>();
                            let why = deed.why.as_deref().unwrap_or("");
                            *self.unknown.entry(format!("unread, {why}: {line}")).or_default() += 1;
                        }
                        Some(_) | None => count.known_segments += 1,
                    }
                }
            }
        }
        count.known_calls += 1;
    }

    fn totals(&self) -> Count {
        let sum = |of: fn(&Count) -> usize| self.by_agent.values().map(of).sum();
        Count {
            sessions: sum(|count| count.sessions),
            calls: sum(|count| count.calls),
            known_calls: sum(|count| count.known_calls),
            segments: sum(|count| count.segments),
            known_segments: sum(|count| count.known_segments),
        }
    }

    fn report(&self) -> String {
        let mut text = format!("files covered: {}\n", self.files.len());
        self.files.iter().for_each(|file| _ = writeln!(text, "  {}", file.display()));
        _ = writeln!(text, "files left out: {}", self.left_out.len());
        self.left_out.iter().for_each(|(file, why)| _ = writeln!(text, "  {}: {why}", file.display()));
        _ = writeln!(text, "commands that the source cut off, whose segments are not counted: {}", self.cut.len());
        self.cut.iter().for_each(|line| _ = writeln!(text, "  ...{line:?}"));
        _ = writeln!(text, "not classified:");
        self.unknown.iter().for_each(|(name, count)| _ = writeln!(text, "  {count:>4} {name}"));
        for (agent, count) in &self.by_agent {
            _ = writeln!(text, "{}", figures(agent, count));
        }
        _ = writeln!(text, "{}", figures("all", &self.totals()));
        text
    }
}

fn figures(name: &str, count: &Count) -> String {
    format!(
        "{name:<24} {:>4} sessions, tool calls {:>5} of {:>5} = {:>6.2} %, shell segments {:>5} of {:>5} = {:>6.2} %",
        count.sessions,
        count.known_calls,
        count.calls,
        percent(count.known_calls, count.calls),
        count.known_segments,
        count.segments,
        percent(count.known_segments, count.segments),
    )
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn reaches_the_goals(coverage: &Coverage) {
    println!("{}", coverage.report());
    let all = coverage.totals();
    assert!(all.calls > 0, "no session was read");
    assert!(percent(all.known_calls, all.calls) >= 98.0, "tool calls");
    assert!(percent(all.known_segments, all.segments) >= 95.0, "shell segments");
}
