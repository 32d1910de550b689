//! `evalrun list`: what there is, in the words of the registries.

use super::{args::Listed, exit, run, say};
use crate::agents::AGENTS;
use crate::importers::IMPORTERS;
use crate::metrics::METRICS;
use crate::reporters::REPORTERS;
use crate::store::{RunRecord, read_json};
use std::path::Path;

pub fn list(what: Listed) -> i32 {
    let text = match what {
        Listed::Agents => agents(),
        Listed::Graders => crate::graders::list_document(),
        Listed::Metrics => metrics(),
        Listed::Importers => importers(),
        Listed::Reporters => reporters(),
        Listed::Runs => runs(),
    };
    say::out(&text);
    exit::DONE
}

fn agents() -> String {
    let mut text = String::new();
    for driver in AGENTS {
        let kind = if driver.stand_in { " (a stand-in, not a real agent)" } else { "" };
        text.push_str(&format!("{}{kind}\n    {}\n", driver.name, driver.about));
        for field in driver.fields {
            let need = if field.required { "required" } else { "optional" };
            text.push_str(&format!("    {}: {}, {need}. {}\n", field.name, field.word.word(), field.about));
        }
    }
    text
}

fn metrics() -> String {
    let mut text = String::new();
    let mut behaviour = "";
    for metric in METRICS {
        if metric.behaviour != behaviour {
            behaviour = metric.behaviour;
            text.push_str(&format!("\n{behaviour}\n"));
        }
        text.push_str(&format!("  {} ({}, {})\n    {}\n", metric.id, metric.unit, metric.range, metric.doc));
        text.push_str(&format!("    undefined: {}; unknown: {}\n", metric.undefined, metric.unknown));
        text.push_str(&format!("    misleads: {}\n", metric.fails));
    }
    text.trim_start().to_owned()
}

fn importers() -> String {
    let line = |doc: &crate::model::import::ImporterDoc| {
        format!("{}\n    {}\n    found at: {}\n", doc.name, doc.about, doc.found_at)
    };
    IMPORTERS.iter().map(|importer| line(importer.doc())).collect()
}

fn reporters() -> String {
    REPORTERS.iter().map(|reporter| format!("{:10} {} ({})\n", reporter.name, reporter.about, reporter.file)).collect()
}

fn runs() -> String {
    let folder = Path::new(run::RUNS);
    let Ok(entries) = std::fs::read_dir(folder) else { return format!("no runs in {}\n", folder.display()) };
    let mut paths: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.join("run.json").exists()).collect();
    paths.sort();
    let line = |path: &std::path::PathBuf| match read_json::<RunRecord>(&path.join("run.json")) {
        Ok(record) => {
            format!("{}  {}  {} trials  {}\n", record.run, record.started, record.trials.len(), record.suite.name)
        }
        Err(fault) => format!("{}  cannot be read: {}\n", path.display(), fault.message),
    };
    let text: String = paths.iter().map(line).collect();
    if text.is_empty() { format!("no runs in {}\n", folder.display()) } else { text }
}
