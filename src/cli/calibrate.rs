//! `evalrun calibrate`: a judge against people's labels.

use super::{args::CalibrateArgs, exit, run, say};
use crate::calibrate::{Mistake, Row, Scale, Whose, calibrate as measure, of_results, rows, units, words};
use crate::graders::{Criteria, SHIPPED};
use crate::model::{
    fault::{Boundary, Fault},
    results::Results,
    suite::GraderSpec,
};
use crate::store::{RunRecord, read_json};
use std::{collections::BTreeSet, path::Path};

/// A longer file of labels is refused.
const LONGEST: u64 = 256 << 20;

/// Mistakes that are said one by one.
const MOST_SAID: usize = 20;

pub fn calibrate(args: &CalibrateArgs) -> i32 {
    match calibrated(args) {
        Ok(()) => exit::DONE,
        Err(Refusal::Fault(fault)) => run::refuse(&fault),
        Err(Refusal::Mistakes(lines)) => {
            say::errors(&lines);
            exit::REFUSED
        }
    }
}

enum Refusal {
    Fault(Fault),
    Mistakes(Vec<String>),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

fn calibrated(args: &CalibrateArgs) -> Result<(), Refusal> {
    let scale = match &args.scale {
        Some(labels) => Scale::of(labels, args.pass_at.as_deref()),
        None if args.pass_at.is_some() => Err("--pass-at names a label of --scale, which is not there".to_owned()),
        None => Ok(Scale::pass_fail()),
    };
    let scale = scale.map_err(|why| Refusal::Mistakes(vec![why]))?;
    let labels = file(&args.labels, &scale, Whose::People)?;
    let (people, verdicts, judge) = match &args.verdicts {
        Some(path) => {
            let verdicts = if path.is_dir() { run_verdicts(path, &scale)? } else { file(path, &scale, Whose::Judge)? };
            let (judge, verdicts) = one_judge(verdicts, args.judge.as_deref(), path)?;
            let people = labels.into_iter().filter(|row| row.rater != judge).collect();
            (people, verdicts, judge)
        }
        None => among_labels(labels, args)?,
    };
    let units = units(&people, &verdicts);
    if !units.iter().any(|unit| !unit.people.is_empty() && unit.judge.is_some()) {
        return Err(nothing_in_common(&people, &verdicts).into());
    }
    let found = measure(&units, &judge, &scale);
    if args.json {
        let json = serde_json::to_string_pretty(&found).map_err(|error| wrong("format", error.to_string()))?;
        say::out(&format!("{json}\n"));
    } else {
        say::out(&words(&found));
    }
    Ok(())
}

fn wrong(kind: &str, message: String) -> Fault {
    Fault::new(Boundary::Judge, kind, message)
}

fn file(path: &Path, scale: &Scale, whose: Whose) -> Result<Vec<Row>, Refusal> {
    let cannot = |why: String| wrong("labels", format!("cannot read {}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?.len();
    if size > LONGEST {
        return Err(cannot(format!("it has {size} bytes, more than the {LONGEST} that are read")).into());
    }
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        cannot(format!("line {line} is no UTF-8"))
    })?;
    rows(&text, scale, whose).map_err(|mistakes| {
        let said = |mistake: &Mistake| format!("{}:{}: {}", path.display(), mistake.line, mistake.what);
        let mut lines: Vec<String> = mistakes.iter().take(MOST_SAID).map(said).collect();
        if mistakes.len() > MOST_SAID {
            lines.push(format!("and {} more", mistakes.len() - MOST_SAID));
        }
        Refusal::Mistakes(lines)
    })
}

/// One file holds people and the judge.
fn among_labels(labels: Vec<Row>, args: &CalibrateArgs) -> Result<(Vec<Row>, Vec<Row>, String), Fault> {
    let raters = raters(&labels);
    let Some(judge) = &args.judge else {
        let message = "which of the raters is the judge?".to_owned();
        let hint = format!("--judge NAME, one of {}; or --verdicts FILE|RUN", raters.join(", "));
        return Err(wrong("judge", message).hint(hint));
    };
    if !raters.contains(&judge.as_str()) {
        let message = format!("{} has no rater {judge:?}; it has {}", args.labels.display(), raters.join(", "));
        return Err(wrong("judge", message).hint("verdicts that stand elsewhere: --verdicts FILE|RUN"));
    }
    let (verdicts, people) = labels.into_iter().partition(|row| row.rater == *judge);
    Ok((people, verdicts, judge.clone()))
}

/// A file of verdicts may hold several judges: one is looked at.
fn one_judge(verdicts: Vec<Row>, judge: Option<&str>, path: &Path) -> Result<(String, Vec<Row>), Fault> {
    let raters = raters(&verdicts);
    let chosen = match (judge, raters.as_slice()) {
        (None, [one]) => (*one).to_owned(),
        // A run's verdicts are of its judge, whatever it is called.
        (Some(judge), [_]) if path.is_dir() => return Ok((judge.to_owned(), verdicts)),
        (Some(judge), raters) if raters.contains(&judge) => judge.to_owned(),
        (judge, raters) => {
            let what = judge.map_or("holds several judges".to_owned(), |judge| format!("has no judge {judge:?}"));
            let message = format!("{} {what}: {}", path.display(), raters.join(", "));
            return Err(wrong("judge", message).hint("name one of them: --judge NAME"));
        }
    };
    let verdicts = verdicts.into_iter().filter(|row| row.rater == chosen).collect();
    Ok((chosen, verdicts))
}

fn raters(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.rater.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

fn nothing_in_common(people: &[Row], verdicts: &[Row]) -> Fault {
    let first = |rows: &[Row]| rows.first().map_or("none".to_owned(), |row| format!("{:?}", row.item));
    let message = format!(
        "labels and verdicts have no item in common: {} labels (the first is {}), {} verdicts ({})",
        people.len(),
        first(people),
        verdicts.len(),
        first(verdicts)
    );
    wrong("labels", message).hint("items must be written alike; in a run an item is `trial/criterion`")
}

/// The scores of a run's judge criteria.
fn run_verdicts(folder: &Path, scale: &Scale) -> Result<Vec<Row>, Fault> {
    let results: Results = read_json(&folder.join("results.json"))?;
    let rows = of_results(&results, &judged(folder)?, scale);
    if rows.is_empty() {
        let message = format!("{} holds no verdict of a judge", folder.display());
        return Err(
            wrong("verdicts", message).hint("only criteria with `judge:` count, and only those that were asked")
        );
    }
    Ok(rows)
}

/// The criteria that a judge answers, by the run's own graders; a run of recorded sessions was graded with the shipped ones.
fn judged(folder: &Path) -> Result<BTreeSet<(String, String)>, Fault> {
    let shipped = |(name, text): &(&str, &str)| (String::from(*name), String::from(*text));
    let mut files: Vec<(String, String)> = SHIPPED.iter().map(shipped).collect();
    if folder.join("run.json").exists() {
        let record: RunRecord = read_json(&folder.join("run.json"))?;
        for spec in &record.suite.graders {
            let GraderSpec::Criteria { name, path: Some(path) } = spec else { continue };
            let text = std::fs::read_to_string(path)
                .map_err(|error| wrong("criteria", format!("cannot read {}: {error}", path.display())))?;
            files.push((name.clone(), text));
        }
    }
    let mut found = BTreeSet::new();
    for (name, text) in &files {
        let criteria = Criteria::read(name, text).map_err(|lines| wrong("criteria", lines.join("\n")))?;
        let asked = criteria.criteria.iter().filter(|criterion| criterion.kind == "judge" || criterion.confirm);
        found.extend(asked.map(|criterion| (criteria.grader.clone(), criterion.id.clone())));
    }
    Ok(found)
}
