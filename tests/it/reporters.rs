//! Reports: the specimen in every output, hostile content in every field, and a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stdout)]

mod browser;
mod hostile;
mod large;
mod specimen;

use evalrun::graders::event_text;
use evalrun::model::results::{AgentResult, DimensionResult, GateResult};
use evalrun::reporters::{
    REPORTERS, Report, named,
    terminal::{Colour, terminal},
};
use specimen::Specimen;

#[test]
fn every_reporter_renders_the_specimen() {
    let specimen = Specimen::load();
    let report = specimen.report();
    for reporter in REPORTERS {
        let written = reporter.files(&report).unwrap();
        assert_eq!(written[0].path, reporter.file, "{}", reporter.name);
        assert_eq!(written, reporter.files(&report).unwrap(), "{} is not stable", reporter.name);
    }
}

#[test]
fn the_specimen_in_a_terminal() {
    let specimen = Specimen::load();
    let text = terminal(&specimen.report(), 100, Colour::No);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!("terminal", text);
    let coloured = terminal(&specimen.report(), 100, Colour::Yes);
    assert_eq!(coloured.replace("\u{1b}[1m", "").replace("\u{1b}[0m", ""), text);
}

#[test]
fn a_narrow_terminal_is_not_overrun() {
    let specimen = Specimen::load();
    for width in [40, 60, 72] {
        let text = terminal(&specimen.report(), width, Colour::No);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
    }
}

#[test]
fn the_specimen_as_summary_junit_and_json() {
    let specimen = Specimen::load();
    let report = specimen.report();
    insta::assert_snapshot!("summary", only(&report, "md"));
    insta::assert_snapshot!("junit", only(&report, "junit"));
    insta::assert_snapshot!("json", only(&report, "json"));
}

#[test]
fn the_specimen_as_pages() {
    let specimen = Specimen::load();
    let report = specimen.report();
    let written = named("html").unwrap().files(&report).unwrap();
    let paths: Vec<&str> = written.iter().map(|file| file.path.as_str()).collect();
    let expected = ["rate-limit.careful.1", "rate-limit.hasty.1", "too-long.careful.1", "too-long.hasty.1"];
    let expected = expected.map(|name| format!("report/trials/{name}.html"));
    assert_eq!(paths[1..], expected);
    insta::assert_snapshot!("report", without_style(&written[0].bytes));
    insta::assert_snapshot!("trial", without_style(&written[1].bytes));
}

/// The numbers that need more than one trial, as they are read.
#[test]
fn repeated_trials_are_told_and_a_missing_number_is_no_zero() {
    let mut specimen = Specimen::load();
    let text = r#"[
        {"task": "rate-limit", "agent": "careful", "trials": 3, "outcome": 1.0, "compared": 3, "act_distribution": 0.871, "act_sequence": 0.567,
         "resources": {"tool_calls": 0.794, "wall_s": 0.61}},
        {"task": "too-long<b>|", "agent": "hasty", "trials": 4, "outcome": 0.25, "compared": 1}]"#;
    specimen.results.consistency = serde_json::from_str(text).unwrap();
    specimen.results.agents[0].asking =
        serde_json::from_str(r#"{"hits": 5, "open": 6, "false_alarms": 0, "closed": 3, "d_prime": 2.0812}"#).unwrap();
    specimen.results.agents[1].asking =
        serde_json::from_str(r#"{"hits": 0, "open": 6, "false_alarms": 0, "closed": 1}"#).unwrap();
    let report = specimen.report();
    let summary = only(&report, "md");
    let from = summary.find("### Consistency").unwrap();
    insta::assert_snapshot!("consistency_summary", &summary[from..summary[from..].find("### Failed").unwrap() + from]);
    let page = named("html").unwrap().files(&report).unwrap().remove(0);
    let page = String::from_utf8(page.bytes).unwrap();
    let (from, to) =
        (page.find("<section id=\"consistency\">").unwrap(), page.find("<section id=\"criteria\">").unwrap());
    insta::assert_snapshot!("consistency_page", &page[from..to]);
    let json: serde_json::Value = serde_json::from_str(&only(&report, "json")).unwrap();
    assert_eq!(json["consistency"][1], serde_json::from_str::<serde_json::Value>(text).unwrap()[1]);
    assert!(fits(&json), "the schema takes what is written");
}

fn fits(results: &serde_json::Value) -> bool {
    let schema: serde_json::Value = serde_json::from_str(&specimen::file("schema/results.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(results)
}

/// Every part of a comparison, on the first page; with one agent none of it.
#[test]
fn three_agents_side_by_side() {
    let specimen = Specimen::of_three();
    let page = |specimen: &Specimen| {
        String::from_utf8(named("html").unwrap().files(&specimen.report()).unwrap()[0].bytes.clone()).unwrap()
    };
    let text = page(&specimen);
    let from = text.find("<section id=\"side-by-side\">").unwrap();
    let section = &text[from..from + text[from..].find("</section>").unwrap()];
    insta::assert_snapshot!("side_by_side", section);
    let mut alone = specimen;
    alone.results.agents.truncate(1);
    assert!(!page(&alone).contains("id=\"side-by-side\""));
    let mut again = Specimen::of_three();
    again.results.failed_in = Some("before".to_owned());
    assert!(!page(&again).contains("id=\"side-by-side\""), "failures that were tried again are compared");
}

#[test]
fn gates_in_a_summary_and_as_annotations() {
    let mut specimen = Specimen::load();
    let first = specimen.results.gates[0].clone();
    let gate = |rule: &str, verdict: &str, why: &str| {
        let mut gate = first.clone();
        (gate.rule, gate.verdict, gate.why) = (rule.to_owned(), verdict.to_owned(), why.to_owned());
        gate
    };
    specimen.results.gates = vec![
        gate("outcome >= 0.8", "passed", "0.91"),
        gate("careful no_worse on planning, by 0.05", "inconclusive", "the interval holds the margin"),
        gate("passed >= 50%", "failed", "0 of 2\n::error::not a command"),
    ];
    let summary = only(&specimen.report(), "md");
    let found = format!("{}\n---\n{}", summary.split("\n| agent").next().unwrap(), only(&specimen.report(), "github"));
    insta::assert_snapshot!("gates", found);
    specimen.results.gates.clear();
    assert_eq!(only(&specimen.report(), "github"), "");
}

#[test]
fn a_summary_fits_a_comment() {
    let mut specimen = Specimen::of_three();
    for trial in &mut specimen.results.trials {
        trial.passed = Some(false);
        trial.end.why = "é".repeat(10_000);
        trial.scores.iter_mut().for_each(|score| score.why = "ü".repeat(10_000));
    }
    let gate = Specimen::load().results.gates[0].clone();
    let gate = GateResult { rule: "[".repeat(500), why: "[".repeat(500), ..gate };
    specimen.results.gates = vec![gate; 300];
    specimen.results.agents = (0..120)
        .map(|at| AgentResult { agent: format!("{}{at}", "[".repeat(30)), ..specimen.results.agents[0].clone() })
        .collect();
    specimen.facts.notes = vec!["[".repeat(1000); 50];
    for agent in &mut specimen.results.agents {
        agent.dimensions = (0..40).map(|at| (format!("{at}{}", "_".repeat(60)), dimension())).collect();
    }
    let summary = only(&specimen.report(), "md");
    assert!(summary.chars().count() <= 65_000, "{}", summary.chars().count());
    assert!(summary.ends_with("- and more in report.html\n"), "it was cut, and does not say so");
}

fn dimension() -> DimensionResult {
    Specimen::load().results.agents[0].dimensions.values().next().unwrap().clone()
}

#[test]
fn results_fit_their_schema() {
    let schema: serde_json::Value = serde_json::from_str(&specimen::file("schema/results.schema.json")).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = only(&Specimen::load().report(), "json");
    let errors: Vec<String> = validator
        .iter_errors(&serde_json::from_str(&text).unwrap())
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    assert!(!validator.is_valid(&serde_json::json!({"version": 1})));
}

/// A link from a number to an event that is not there, or does not hold the quote, would be worse than none.
#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let specimen = Specimen::load();
    let written = named("html").unwrap().files(&specimen.report()).unwrap();
    let texts: Vec<(&str, String)> =
        written.iter().map(|file| (file.path.as_str(), String::from_utf8(file.bytes.clone()).unwrap())).collect();
    let mut count = 0;
    for (path, text) in &texts {
        for href in text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let (file, anchor) = href.split_once('#').unwrap_or((href, ""));
            let target = match file {
                "" => *path,
                "../../report.html" => "report.html",
                file => file,
            };
            let (_, there) = texts.iter().find(|(path, _)| *path == target).unwrap_or_else(|| panic!("{path}: {href}"));
            assert!(anchor.is_empty() || there.contains(&format!(" id=\"{anchor}\"")), "{path}: {href}");
            count += 1;
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn the_specimen_quotes_what_stands_in_its_traces() {
    let specimen = Specimen::load();
    for (at, trial) in specimen.results.trials.iter().enumerate() {
        for cite in trial.scores.iter().flat_map(|score| &score.cites) {
            let event =
                specimen.pages[at].0.event(cite.event).unwrap_or_else(|| panic!("{}: {}", trial.id, cite.event));
            assert!(
                event_text(&event.body).contains(&cite.quote),
                "{}: {} lacks {:?}",
                trial.id,
                cite.event,
                cite.quote
            );
        }
    }
}

#[test]
fn marked_quotes_stand_in_the_conversation() {
    let specimen = Specimen::load();
    let written = named("html").unwrap().files(&specimen.report()).unwrap();
    let page = String::from_utf8(written[1].bytes.clone()).unwrap();
    assert!(page.contains("<mark>FAILED (failures=1)</mark>"));
    assert!(page.contains("the whole text is the trial&#39;s blob b3b3"));
}

fn only(report: &Report<'_>, name: &str) -> String {
    let written = named(name).unwrap().files(report).unwrap();
    assert_eq!(written.len(), 1);
    String::from_utf8(written[0].bytes.clone()).unwrap()
}

/// The style and the script are files of their own; the words of metrics are held by docs/metrics.md.
fn without_style(bytes: &[u8]) -> String {
    let mut text = String::from_utf8(bytes.to_vec()).unwrap();
    for (open, close) in [
        ("<style>", "</style>"),
        ("<script>", "</script>"),
        ("content=\"default-src", "\">"),
        ("<section id=\"metrics\">", "</section>"),
    ] {
        if let Some(from) = text.find(open) {
            let to = from + text[from..].find(close).unwrap();
            text.replace_range(from + open.len()..to, "…");
        }
    }
    text
}
