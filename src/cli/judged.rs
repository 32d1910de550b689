//! Who is asked for verdicts: from what was typed, and from the suite.

use super::{args::JudgeArgs, names::names, run, say};
use crate::model::{
    fault::{Boundary, Fault},
    judge_spec::JudgeSpec,
    suite::Permits,
};
use crate::runner::asking::{Asking, Cache, Chosen, Estimate, Line, Queue, Spent, Wire};
use crate::suite::{load, near, vote_of_line};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where replies are kept unless `--judge-cache` says otherwise: beside the runs, for all of them.
pub const CACHE: &str = ".evalrun/judge-cache";

/// What a run or a suite brings.
pub struct Known<'a> {
    /// Judges by name; the first is asked when none is named.
    pub judges: &'a [JudgeSpec],
    pub permits: &'a BTreeMap<String, Permits>,
    pub seed: u64,
    /// The run's folder: questions for people wait there.
    pub folder: &'a Path,
}

/// Whoever is asked; `None`: nobody.
///
/// # Errors
/// When there is no such judge, or it cannot be asked here.
pub fn asking(args: &JudgeArgs, known: &Known<'_>) -> Result<Option<Asking>, Fault> {
    let Some(judge) = chosen(args, known)? else { return Ok(None) };
    let cache = args.judge_cache.clone().unwrap_or_else(|| PathBuf::from(CACHE));
    let chosen = Chosen {
        judge,
        permits: known.permits.clone(),
        cache: Cache::at(std::path::absolute(&cache).unwrap_or(cache)),
        queue: Queue::of(known.folder),
        offline: args.offline,
        seed: known.seed,
    };
    let asking = Asking::new(chosen, Box::new(Wire))?;
    // An estimate needs nobody.
    Ok(Some(asking))
}

/// Says what stands in the way of asking before anything is spent.
///
/// # Errors
/// The first of them; the others are said.
pub fn reachable(asking: Option<&Asking>) -> Result<(), Fault> {
    let mut obstacles = asking.map(Asking::obstacles).unwrap_or_default().into_iter();
    let Some(first) = obstacles.next() else { return Ok(()) };
    obstacles.for_each(|fault| say::fault(&fault));
    Err(first)
}

fn chosen(args: &JudgeArgs, known: &Known<'_>) -> Result<Option<JudgeSpec>, Fault> {
    if args.no_judge {
        return Ok(None);
    }
    let Some(name) = args.judge.as_deref() else { return Ok(known.judges.first().cloned()) };
    if let Some(judge) = known.judges.iter().find(|judge| judge.name == name) {
        return Ok(Some(judge.clone()));
    }
    if let Some((file, name)) = in_file(name) {
        return of_file(&file, name).map(Some);
    }
    match vote_of_line(name, names().judges) {
        Ok(vote) if vote.provider != "command" => {
            Ok(Some(JudgeSpec { name: name.to_owned(), votes: vec![vote], tie_breaker: None, labels: None }))
        }
        Ok(_) => Err(no_judge("a judge that is a program stands in a suite: --judge SUITE.yaml:NAME".to_owned())),
        Err((what, hint)) => {
            let known: Vec<&str> = known.judges.iter().map(|judge| judge.name.as_str()).collect();
            let near = near(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let listed = (!known.is_empty()).then(|| format!("the suite's judges are {}", known.join(", ")));
            Err(no_judge(what).hint(near.or(listed).unwrap_or(hint)))
        }
    }
}

/// `SUITE.yaml` or `SUITE.yaml:NAME`.
fn in_file(text: &str) -> Option<(PathBuf, Option<&str>)> {
    let is_file = |text: &str| text.ends_with(".yaml") || text.ends_with(".yml");
    if is_file(text) {
        return Some((PathBuf::from(text), None));
    }
    let (file, name) = text.rsplit_once(':')?;
    is_file(file).then(|| (PathBuf::from(file), Some(name)))
}

fn of_file(file: &Path, name: Option<&str>) -> Result<JudgeSpec, Fault> {
    if !file.is_file() {
        return Err(no_judge(format!("there is no file {}", file.display())));
    }
    let loaded = load(file, &names());
    let Some(suite) = loaded.suite else {
        return Err(no_judge(format!("{} is no suite without mistakes", file.display()))
            .hint(format!("`evalrun check {}` shows them", file.display())));
    };
    let found = suite.judges.iter().find(|judge| name.is_none_or(|name| judge.name == name)).cloned();
    found.ok_or_else(|| {
        let names: Vec<&str> = suite.judges.iter().map(|judge| judge.name.as_str()).collect();
        no_judge(format!("{} has no judge `{}`", file.display(), name.unwrap_or("at all")))
            .hint(format!("its judges: {}", names.join(", ")))
    })
}

fn no_judge(what: String) -> Fault {
    Fault::new(Boundary::Judge, "no_judge", what)
}

/// "judge main (openai:gpt-5.2, human)".
pub fn introduced(judge: &JudgeSpec) -> String {
    let seats: Vec<String> = judge.seats().map(crate::model::judge_spec::VoteSpec::by).collect();
    format!("judge {} ({})", judge.name, seats.join(", "))
}

/// What asking took, for people.
pub fn took(spent: &Spent) -> Option<String> {
    if *spent == Spent::default() {
        return None;
    }
    let mut parts = vec![format!("{} asked", spent.calls), format!("{} kept", spent.kept)];
    if spent.tries > spent.calls {
        parts.push(format!("{} tried again", spent.tries - spent.calls));
    }
    if spent.micro_usd > 0 {
        parts.push(usd(spent.micro_usd));
    }
    if spent.untold > 0 {
        parts.push(format!("{} of unknown price", spent.untold));
    }
    Some(format!("judge's replies: {}", parts.join(", ")))
}

/// An estimate as a table.
pub fn words(estimate: &Estimate, asking: &Asking) -> String {
    let mut out = format!("{}\n", introduced(asking.judge()));
    for (grader, line) in &estimate.graders {
        out.push_str(&format!("  {grader}: {}\n", line_words(line)));
        let prefix = format!("{grader}/");
        for (criterion, calls) in estimate.criteria.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            let name = criterion.strip_prefix(&prefix).unwrap_or(criterion);
            out.push_str(&format!("    {name}: in {calls} {}\n", if *calls == 1 { "call" } else { "calls" }));
        }
    }
    out.push_str(&format!("in all: {}; nobody was asked\n", line_words(&estimate.total())));
    let date = crate::judges::table_date();
    out.push_str(&format!("tokens are estimated, without a tokenizer; prices are the suite's, or those of {date}\n"));
    out
}

fn line_words(line: &Line) -> String {
    let first = line.first;
    let mut text = format!("{} calls, about {} tokens in", first.calls, first.input_tokens);
    if line.most_calls > first.calls {
        text.push_str(&format!("; with second tries and ties at most {} calls", line.most_calls));
    }
    if line.most_micro_usd > 0 {
        text.push_str(&format!(", {} to {}", usd(first.micro_usd), usd(line.most_micro_usd)));
    }
    if first.unpriced > 0 {
        text.push_str(&format!(", {} of unknown price", first.unpriced));
    }
    if first.kept > 0 {
        text.push_str(&format!("; {} kept already", first.kept));
    }
    text
}

fn usd(micro: u64) -> String {
    if micro < 10_000 { format!("{:.4} USD", micro as f64 / 1e6) } else { format!("{:.2} USD", micro as f64 / 1e6) }
}

/// A run of paid judges has a budget, whoever wrote none.
pub const USUAL_BUDGET: u64 = 10_000_000;

/// Whether asking may cost money.
pub fn is_paid(asking: Option<&Asking>, args: &JudgeArgs) -> bool {
    !args.offline && asking.is_some_and(|asking| asking.judge().seats().any(|vote| vote.is_paid()))
}

/// Where the runs of this folder are, for whoever needs a place before there is a run.
pub fn nowhere() -> PathBuf {
    Path::new(run::RUNS).join("none")
}
