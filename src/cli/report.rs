//! Writing what people and machines read of a run, and the exit code that follows from it.

use super::{
    args::{OutArgs, ReportArgs},
    exit, grade, run, say, tables,
};
use crate::agents::driver;
use crate::gate::{self, Gated};
use crate::importers;
use crate::model::{
    fault::{Boundary, Fault},
    results::Results,
};
use crate::reporters::{
    Fill, Once, Outbox, REPORTERS, Report, Reporter, RunFacts, annotations, inert, json_stream, terminal,
};
use crate::runner::{
    Ended, FolderTrials, assemble, clock,
    gates::{Decided, gates},
    looks::Looks,
    sessions::{SessionsRecord, session_results},
};
use crate::store::{Layout, RunRecord, derive, newest_run, planned, read_json};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// `evalrun report`: the reports of a run again, from what the run left.
pub fn report(args: &ReportArgs) -> i32 {
    if let Some(fault) = args.to.iter().find_map(|wanted| wanted_output(wanted).err()) {
        return run::refuse(&fault);
    }
    if tables::wanted(args) {
        return tables::table(args).unwrap_or_else(|fault| run::refuse(&fault));
    }
    if let Some(folder) = args.run.as_deref().filter(|folder| folder.join("sessions.json").exists()) {
        return sessions(folder, args).unwrap_or_else(|fault| run::refuse(&fault));
    }
    let found = find(args.run.as_deref()).and_then(|layout| {
        let record = planned(&layout)?;
        Ok((layout, record))
    });
    let (layout, record) = match found {
        Ok(found) => found,
        Err(fault) => return run::refuse(&fault),
    };
    let out = OutArgs { every_page: args.every_page, ..OutArgs::of(&args.to, args.json) };
    finish(&layout, &record, &Ended::default(), &out)
}

/// The reports of graded sessions again.
fn sessions(folder: &Path, args: &ReportArgs) -> Result<i32, Fault> {
    let record: SessionsRecord = read_json(&folder.join("sessions.json"))?;
    grade::finish(folder, &record, &OutArgs::of(&args.to, args.json))
}

/// What came of a run, or of graded sessions, read from its folder; or `results.json` itself.
///
/// # Errors
/// When there is no run in the folder, or a file of it cannot be read back.
pub fn results_of(folder: &Path) -> Result<Results, Fault> {
    if folder.is_file() {
        return read_json(folder);
    }
    if folder.join("sessions.json").exists() {
        let record: SessionsRecord = read_json(&folder.join("sessions.json"))?;
        return session_results(folder, &record);
    }
    let layout = find(Some(folder))?;
    let record = planned(&layout)?;
    assemble(&layout, &record, &Ended::default())
}

/// The run that was named, or the newest.
///
/// # Errors
/// When there is none.
pub fn find(named: Option<&Path>) -> Result<Layout, Fault> {
    let root = match named {
        Some(path) => path.to_owned(),
        None => newest_run(Path::new(run::RUNS))?,
    };
    let layout = Layout::at(std::path::absolute(&root).unwrap_or(root));
    if layout.run().exists() {
        return Ok(layout);
    }
    let message = format!("{} is no run: it has no run.json", layout.root.display());
    Err(Fault::new(Boundary::Store, "no_run", message).hint("`evalrun list runs` shows the runs of this folder"))
}

/// Assembles the results, writes every report, says where; gives the run's exit code.
pub fn finish(layout: &Layout, record: &RunRecord, ended: &Ended, out: &OutArgs) -> i32 {
    let mut results = match assemble(layout, record, ended) {
        Ok(results) => results,
        Err(fault) => {
            say::fault(&fault);
            return exit::BROKEN;
        }
    };
    results.exit = code(&results, ended);
    let trials = FolderTrials::new(layout, record);
    let mut facts = facts(layout, record, ended);
    facts.wall_ms = clock::between(&results.started, &results.finished);
    facts.notes.extend(of_gates(layout, record, &results));
    let report = Report {
        results: &results,
        suite: Some(&record.suite),
        trials: &trials,
        facts,
        once: Once::new(out.every_page),
    };
    match write(&report, &layout.root, out) {
        Ok(()) => results.exit,
        Err(fault) => {
            say::fault(&fault);
            exit::BROKEN
        }
    }
}

/// Writes the reports and prints what belongs on stdout.
///
/// # Errors
/// When a report cannot be made or written.
pub fn write(report: &Report<'_>, folder: &Path, out: &OutArgs) -> Result<(), Fault> {
    for reporter in REPORTERS {
        (reporter.render)(report, &mut Folder(folder))?;
    }
    for wanted in &out.to {
        let (reporter, path) = wanted_output(wanted)?;
        let Some(path) = path else { continue };
        (reporter.render)(report, &mut MainFile { name: reporter.file, path: &path })?;
    }
    if out.json {
        say::stream(&mut |out| json_stream(report.results, out));
        return Ok(());
    }
    let colour = if std::io::stdout().is_terminal() { terminal::Colour::Yes } else { terminal::Colour::No };
    let text = terminal::terminal(report, width(), colour);
    if on_github() {
        say::out(&inert(&text));
        say::out(&annotations(report.results));
    } else {
        say::out(&text);
    }
    say::out(&format!("report: {}\n", folder.join("report.html").display()));
    say::out(&format!("{}\n", folder.display()));
    Ok(())
}

/// Every file of a report into the run's folder.
struct Folder<'a>(&'a Path);

impl Outbox for Folder<'_> {
    fn file(&mut self, path: &str, fill: Fill<'_>) -> Result<(), Fault> {
        derive(&self.0.join(path), fill)
    }
}

/// An output's main file alone, somewhere else.
struct MainFile<'a> {
    name: &'a str,
    path: &'a Path,
}

impl Outbox for MainFile<'_> {
    fn wants(&self, path: &str) -> bool {
        path == self.name
    }

    fn file(&mut self, path: &str, fill: Fill<'_>) -> Result<(), Fault> {
        if self.wants(path) { derive(self.path, fill) } else { Ok(()) }
    }
}

/// Whether a GitHub runner reads what is printed.
fn on_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// What `--json` prints.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Fault::new(Boundary::Store, "format", error.to_string()))?;
    Ok(format!("{json}\n"))
}

/// Checks `--to` before anything is run.
///
/// # Errors
/// When there is no such reporter.
pub fn wanted_output(wanted: &str) -> Result<(&'static Reporter, Option<PathBuf>), Fault> {
    let (name, path) = match wanted.split_once(':') {
        Some((name, path)) => (name, Some(PathBuf::from(path))),
        None => (wanted, None),
    };
    match REPORTERS.iter().find(|reporter| reporter.name == name) {
        Some(reporter) => Ok((reporter, path)),
        None if name == "parquet" => Err(tables::no_parquet("scores.parquet")),
        None => {
            let known: Vec<&str> = REPORTERS.iter().map(|reporter| reporter.name).collect();
            let message = format!("no reporter `{name}`; there are {}", known.join(", "));
            Err(Fault::new(Boundary::Store, "reporter", message).hint("write --to NAME or --to NAME:PATH"))
        }
    }
}

fn code(results: &Results, ended: &Ended) -> i32 {
    if ended.interrupted {
        return exit::INTERRUPTED;
    }
    // Before what follows: a budget that ends a run before its first trial has broken nothing.
    if ended.budget.is_some() {
        return exit::INCONCLUSIVE;
    }
    if results.trials.iter().all(|trial| trial.scores.is_empty()) {
        return exit::BROKEN;
    }
    results.exit
}

/// What a reader of the gate must know, and what more it takes where it is undecided.
fn of_gates(layout: &Layout, record: &RunRecord, results: &Results) -> Vec<String> {
    // What could not be read was said where the results were made.
    let looks = Looks::read(layout, record).unwrap_or_default();
    let said = |(agent, gated): (String, Gated)| {
        let more = gated.next.iter().map(gate::more);
        gated.notes.iter().cloned().chain(more).map(|note| format!("gate, {agent}: {note}")).collect::<Vec<String>>()
    };
    gates(&Decided { record, looks: &looks }, results, None).into_iter().flat_map(said).collect()
}

fn facts(layout: &Layout, record: &RunRecord, ended: &Ended) -> RunFacts {
    let stand_in =
        |agent: &&crate::model::suite::AgentSpec| driver(&agent.driver).is_some_and(|driver| driver.stand_in);
    let imported = record.suite.agents.iter().all(|agent| importers::named(&agent.driver).is_some());
    let mut notes = Vec::new();
    notes.extend(ended.broken.iter().map(|(key, fault)| format!("{key} broke and is not counted: {fault}")));
    notes.extend(ended.ungraded.iter().map(|(key, fault)| format!("{key} could not be graded: {fault}")));
    if ended.interrupted || !ended.not_started.is_empty() {
        notes.push(format!("go on with `evalrun resume {}`", layout.root.display()));
    }
    if let Some(before) = record.failed_in.as_ref().filter(|_| record.suite.gate.is_some()) {
        notes.push(format!("the gate is refused: this run holds only trials that had failed in {before}"));
    }
    RunFacts {
        evalrun: record.evalrun.clone(),
        sandbox: record.sandbox.clone(),
        stand_ins: record.suite.agents.iter().filter(stand_in).map(|agent| agent.name.clone()).collect(),
        again: if imported {
            format!("evalrun import {} --as-run --out DIR", record.suite.file.display())
        } else {
            format!("evalrun {}", record.suite.file.display())
        },
        notes,
        wall_ms: 0,
    }
}

/// Columns of the terminal.
pub fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(100).clamp(60, 200)
}
