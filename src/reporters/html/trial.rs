//! A trial's page: what came of it, then the conversation beside the verdicts that cite it.

use super::super::names::safe;
use super::super::words::{duration, number, plural, usd};
use super::super::{Report, TrialPage};
use super::chunks::{Conversation, Counts};
use super::event_words::{check_word, end_word};
use super::index::passed;
use super::interview::{ConstraintRow, StageCell, constraint_rows, stage_cell};
use super::page::Pages;
use super::patch::{FilePatch, files};
use super::plan::{Evolution, evolution};
use super::{measures, verdicts};
use crate::acts::{Table, deeds_of_call};
use crate::metrics::{Facts, Given, Readers, gather, measure, named, to_json};
use crate::model::{
    fault::Fault,
    results::TrialResult,
    score::Measured,
    task::Task,
    trace::{Body, CheckMark, Header, Trace},
};
use serde::Serialize;

/// What one page is made from.
#[derive(Clone, Copy)]
pub(super) struct One<'a> {
    pub report: &'a Report<'a>,
    pub trial: &'a TrialResult,
    pub table: &'a Table,
    /// Every dimension of the run, in reading order.
    pub dimensions: &'a [&'a str],
}

/// Events of a metric that are linked; the rest is counted.
const MOST_CITES: usize = 12;

/// The acts of this run's suite; the shipped ones where it has none or they cannot be read.
pub(super) fn acts_table(report: &Report<'_>) -> Table {
    let own = report.suite.map(|suite| Table::extended(&suite.acts));
    own.and_then(Result::ok).unwrap_or_else(|| Table::shipped().clone())
}

/// # Errors
/// When a template asks for what the view does not hold. A trace that cannot be read is said in the page.
pub(super) fn render(pages: &Pages, one: &One<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    match one.report.trials.page(one.trial) {
        Ok(page) => whole(pages, one, &page, &mut out)?,
        Err(fault) => {
            let mut head = Head::of(one);
            head.missing = Some(fault.to_string());
            pages.render("trial", head, &mut out)?;
            pages.render("trial_end", (), &mut out)?;
        }
    }
    Ok(out)
}

fn whole(pages: &Pages, one: &One<'_>, page: &TrialPage, out: &mut Vec<u8>) -> Result<(), Fault> {
    let deeds = |name: &str, input: &serde_json::Value| deeds_of_call(name, input, one.table);
    // Questions in prose are the interviewer's to find: the metrics that need them show no events here.
    let questions = |_: &str, _: &str| Vec::new();
    let readers = Readers { deeds: &deeds, questions: &questions };
    let facts =
        gather(&page.trace, Given { task: page.task.as_ref(), twin: one.trial.twin, diffs: &page.diffs }, &readers);
    let conversation = Conversation::new(&page.trace, &facts, verdicts::cited(one.trial));
    let mut head = Head::of(one);
    head.add_trace(&page.trace, &conversation.counts);
    let stages: Vec<&str> = one.trial.stages.iter().map(|stage| stage.id.as_str()).collect();
    head.constraints = constraint_rows(one.trial, page.task.as_ref(), (&stages, String::new()));
    head.facts_told = told(one.trial, page.task.as_ref());
    head.checks = checks(&page.trace);
    head.plan = evolution(&page.trace);
    head.diffs = page.diffs.iter().map(|(stage, patch)| Diff::of(stage, patch)).collect();
    head.metrics = metrics(one.trial, &facts);
    pages.render("trial", head, out)?;
    conversation.each(|chunk| pages.render("events", chunk, out))?;
    pages.render("trial_end", (), out)
}

#[derive(Serialize)]
struct Head<'a> {
    title: String,
    suite: &'a str,
    task: &'a str,
    about: Option<&'a str>,
    agent: &'a str,
    stand_in: bool,
    n: u32,
    twin: bool,
    passed: &'static str,
    passed_class: &'static str,
    end: &'static str,
    end_why: &'a str,
    notes: &'a [String],
    facts: Vec<(&'static str, String)>,
    groups: Vec<verdicts::Group<'a>>,
    stages: Vec<(&'a str, StageCell<'a>)>,
    constraints: Vec<ConstraintRow<'a>>,
    facts_told: Vec<Told<'a>>,
    asked: Option<u32>,
    told_count: usize,
    checks: Vec<CheckRow<'a>>,
    plan: Option<Evolution<'a>>,
    diffs: Vec<Diff<'a>>,
    metrics: Vec<MetricRow<'a>>,
    kinds: Vec<(&'static str, String, String)>,
    acts: Vec<(&'static str, String)>,
    lanes: Vec<String>,
    events: Option<String>,
    superseded: usize,
    missing: Option<String>,
}

#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    about: &'a str,
    says: &'static str,
}

#[derive(Serialize)]
struct CheckRow<'a> {
    event: String,
    name: &'a str,
    when: &'a str,
    says: &'static str,
    class: &'static str,
    score: Option<String>,
    exit: Option<i32>,
    took: Option<String>,
    why: &'a str,
    tests: Vec<(&'a str, &'static str, &'static str)>,
    output: &'a str,
}

#[derive(Serialize)]
struct Diff<'a> {
    stage: &'a str,
    size: String,
    files: Vec<FilePatch>,
}

#[derive(Serialize)]
struct MetricRow<'a> {
    id: &'a str,
    anchor: String,
    text: String,
    doc: &'a str,
    cites: Vec<String>,
    more: usize,
}

impl<'a> Head<'a> {
    fn of(one: &One<'a>) -> Head<'a> {
        let (report, trial) = (one.report, one.trial);
        let about = report.suite.and_then(|suite| suite.tasks.iter().find(|task| task.id == trial.task));
        Head {
            title: format!("{} · {}", trial.id, report.results.suite),
            suite: &report.results.suite,
            task: &trial.task,
            about: about.and_then(|task| task.about.as_deref()),
            agent: &trial.agent,
            stand_in: report.facts.stand_ins.contains(&trial.agent),
            n: trial.trial,
            twin: trial.twin,
            passed: passed(trial),
            passed_class: trial.passed.map_or("none", |passed| if passed { "met" } else { "unmet" }),
            end: end_word(trial.end.kind),
            end_why: &trial.end.why,
            notes: &trial.notes,
            facts: used(trial),
            groups: verdicts::groups(trial, one.dimensions),
            stages: trial.stages.iter().map(|stage| (stage.id.as_str(), stage_cell(stage))).collect(),
            constraints: Vec::new(),
            facts_told: Vec::new(),
            asked: trial.interview.as_ref().map(|interview| interview.asked),
            told_count: trial.interview.as_ref().map_or(0, |interview| interview.told.len()),
            checks: Vec::new(),
            plan: None,
            diffs: Vec::new(),
            metrics: Vec::new(),
            kinds: Vec::new(),
            acts: Vec::new(),
            lanes: Vec::new(),
            events: None,
            superseded: 0,
            missing: None,
        }
    }

    fn add_trace(&mut self, trace: &Trace, counts: &Counts) {
        self.facts.extend(source(&trace.header));
        let kind = |(kind, count): (&&'static str, &usize)| (*kind, kind.replace('_', " "), number(*count as u64));
        self.kinds = counts.kinds.iter().map(kind).collect();
        self.acts = counts.acts.iter().map(|(act, count)| (act.word(), number(*count as u64))).collect();
        self.lanes.clone_from(&counts.lanes);
        self.events = Some(plural(trace.events.len(), "event"));
        self.superseded = counts.superseded;
    }
}

impl<'a> Diff<'a> {
    fn of(stage: &'a str, patch: &str) -> Diff<'a> {
        let files = files(patch);
        Diff { stage, size: plural(files.len(), "file"), files }
    }
}

fn used(trial: &TrialResult) -> Vec<(&'static str, String)> {
    let usage = &trial.usage;
    let tokens = format!("{} in ({} cached), {} out", number(usage.input), number(usage.cached), number(usage.output));
    let all = [
        ("Took", if trial.wall_ms > 0 { duration(trial.wall_ms) } else { String::new() }),
        ("Tokens", if usage.input + usage.output > 0 { tokens } else { String::new() }),
        ("Cost", usage.micro_usd.map(usd).unwrap_or_default()),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn source(header: &Header) -> Vec<(&'static str, String)> {
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    let all = [
        ("Source", header.source.clone()),
        ("Version", said(&header.version)),
        ("Model", said(&header.model)),
        ("Session", said(&header.session)),
        ("Started", said(&header.started)),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn told<'a>(trial: &'a TrialResult, task: Option<&'a Task>) -> Vec<Told<'a>> {
    let Some(interview) = &trial.interview else { return Vec::new() };
    let about = |id: &str| {
        let fact = task.and_then(|task| task.interview.facts.iter().find(|fact| fact.id == id));
        fact.map_or("", |fact| fact.about.as_str())
    };
    let told = interview.told.iter().map(|id| (id, "told"));
    let never = interview.never_asked.iter().map(|id| (id, "never asked"));
    told.chain(never).map(|(id, says)| Told { id, about: about(id), says }).collect()
}

fn checks(trace: &Trace) -> Vec<CheckRow<'_>> {
    let mut rows = Vec::new();
    for event in &trace.events {
        if let Body::Check(mark) = &event.body {
            rows.push(check_row(event.id.to_string(), mark));
        }
    }
    rows
}

fn check_row(event: String, mark: &CheckMark) -> CheckRow<'_> {
    let (says, class) = check_word(mark.status);
    CheckRow {
        event,
        name: &mark.name,
        when: &mark.when,
        says,
        class,
        score: mark.score.map(super::super::words::score),
        exit: mark.exit,
        took: mark.duration_ms.map(duration),
        why: &mark.why,
        tests: mark
            .tests
            .iter()
            .map(|(name, status)| (name.as_str(), check_word(*status).0, check_word(*status).1))
            .collect(),
        output: mark.output.as_str(),
    }
}

/// The numbers of the results, with the events behind them where they can be found again.
fn metrics<'a>(trial: &'a TrialResult, facts: &Facts<'_>) -> Vec<MetricRow<'a>> {
    let measured = measure(facts);
    let again = to_json(&measured);
    let row = |(id, value): (&'a String, &'a serde_json::Value)| {
        let same = again.get(id) == Some(value);
        let found = measured.iter().find(|(name, _)| same && *name == id).map(|(_, measured)| measured);
        let cites: Vec<String> = match found {
            Some(Measured::Value(reading)) => reading.cites.iter().map(ToString::to_string).collect(),
            Some(Measured::Undefined(_) | Measured::Unknown(_)) | None => Vec::new(),
        };
        MetricRow {
            id,
            anchor: format!("m-{}", safe(id)),
            text: measures::words(value),
            doc: named(id).map_or("", |metric| metric.doc),
            more: cites.len().saturating_sub(MOST_CITES),
            cites: cites.into_iter().take(MOST_CITES).collect(),
        }
    };
    trial.metrics.iter().map(row).collect()
}
