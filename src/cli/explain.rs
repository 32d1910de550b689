//! `evalrun explain`: how a number came about, from what a trial left. Runs nothing, writes nothing.

use super::{args::ExplainArgs, exit, report, run, say, trials, trials::Loaded};
use crate::metrics::{Facts, Given, METRICS, named};
use crate::model::{
    fault::{Boundary, Fault},
    score::Score,
    trace::Trace,
};
use crate::reporters::{
    explain::{Case, Subject, text},
    explain_json::to_value,
    plain,
    terminal::Colour,
};
use crate::suite::near;
use std::{collections::BTreeSet, io::IsTerminal};

pub fn explain(args: &ExplainArgs) -> i32 {
    match explained(args) {
        Ok(text) => {
            say::out(&text);
            exit::DONE
        }
        Err(fault) => run::refuse(&fault),
    }
}

fn explained(args: &ExplainArgs) -> Result<String, Fault> {
    let loaded = trials::load(args)?;
    let given = Given { task: loaded.task.as_ref(), twin: loaded.twin, diffs: &loaded.diffs };
    let facts = loaded.grading.facts(&loaded.trace, given);
    let unsuperseded = unsuperseded(&loaded.trace);
    let whole: Option<Facts<'_>> = unsuperseded.as_ref().map(|trace| loaded.grading.facts(trace, given));
    let subject = subject(args.metric.as_deref(), &loaded)?;
    let mut notes = loaded.notes.clone();
    notes.extend(changed(&loaded, &facts, subject));
    let case = Case {
        id: &loaded.id,
        trace: &loaded.trace,
        facts: &facts,
        whole: whole.as_ref(),
        scores: &loaded.scores,
        criteria: &loaded.criteria,
        notes: &notes,
    };
    if args.json {
        let json = serde_json::to_string_pretty(&to_value(&case, subject))
            .map_err(|error| Fault::new(Boundary::Store, "format", error.to_string()))?;
        return Ok(format!("{json}\n"));
    }
    let colour = if std::io::stdout().is_terminal() { Colour::Yes } else { Colour::No };
    Ok(text(&case, subject, (report::width(), colour)))
}

/// The trace with nothing taken out, where something is superseded.
fn unsuperseded(trace: &Trace) -> Option<Trace> {
    if !trace.events.iter().any(|event| event.superseded) {
        return None;
    }
    let mut whole = trace.clone();
    whole.events.iter_mut().for_each(|event| event.superseded = false);
    Some(whole)
}

/// What METRIC names: a metric before a criterion before a dimension; a criterion with its dimension is never anything else.
fn subject<'a>(name: Option<&'a str>, loaded: &'a Loaded) -> Result<Subject<'a>, Fault> {
    let Some(name) = name else { return Ok(Subject::Everything) };
    let whole = |score: &&Score| {
        let rest = name.strip_prefix(score.dimension.as_str());
        rest.and_then(|rest| rest.strip_prefix(['.', '/'])) == Some(score.criterion.as_str())
    };
    if let Some(metric) = named(name) {
        return Ok(Subject::Metric(metric));
    }
    if let Some(score) = loaded.scores.iter().find(whole) {
        return Ok(Subject::Criterion(score));
    }
    if dimensions(loaded).contains(name) {
        return Ok(Subject::Dimension(name));
    }
    let alike: Vec<&Score> = loaded.scores.iter().filter(|score| score.criterion == name).collect();
    match alike.as_slice() {
        [one] => Ok(Subject::Criterion(one)),
        [] => Err(unknown(name, loaded)),
        several => {
            let names: Vec<String> =
                several.iter().map(|score| format!("{}.{}", score.dimension, score.criterion)).collect();
            let message = format!("several criteria are called `{}`:\n  {}", plain(name), names.join("\n  "));
            Err(Fault::new(Boundary::Grader, "ambiguous", message).hint("name its dimension too"))
        }
    }
}

fn dimensions(loaded: &Loaded) -> BTreeSet<&str> {
    let scored = loaded.scores.iter().map(|score| score.dimension.as_str());
    scored.chain(METRICS.iter().map(|metric| metric.behaviour)).collect()
}

fn unknown(name: &str, loaded: &Loaded) -> Fault {
    let mut known: Vec<String> = METRICS.iter().map(|metric| metric.id.to_owned()).collect();
    known.extend(dimensions(loaded).into_iter().map(str::to_owned));
    known.extend(loaded.scores.iter().map(|score| score.criterion.clone()));
    known.extend(loaded.scores.iter().map(|score| format!("{}.{}", score.dimension, score.criterion)));
    let message = format!("no metric, criterion or dimension is called `{}`", plain(name));
    let meant = near(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let within: Vec<&str> =
        known.iter().map(String::as_str).filter(|known| name.len() >= 4 && known.contains(name)).take(8).collect();
    let hint = match (meant, within.is_empty()) {
        (Some(meant), _) => meant,
        (None, false) => format!("there are {}", within.join(", ")),
        (None, true) => "`evalrun list metrics` and `evalrun list graders` show what there is".to_owned(),
    };
    Fault::new(Boundary::Grader, "unknown", message).hint(hint)
}

/// A number that another version of evalrun has graded with.
fn changed(loaded: &Loaded, facts: &Facts<'_>, subject: Subject<'_>) -> Option<String> {
    let Subject::Metric(metric) = subject else { return None };
    let then = loaded.metrics.get(metric.id)?;
    let now = crate::metrics::to_json(&[(metric.id, (metric.of)(facts))]);
    let now = now.get(metric.id)?;
    (then != now)
        .then(|| format!("it was graded with {} = {then}, by another version; measured now it is {now}", metric.id))
}
