//! `evalrun label`: what a run needs a person for, as rows to fill in; and the decisions read back.
//!
//! The rows are those of `evalrun calibrate --labels` with more columns beside them: a file that was filled in serves both.
//!
//! | column | what |
//! | --- | --- |
//! | `item` | `trial/criterion` |
//! | `rater`, `label` | to fill in: who decides, and `met`, `not_met`, `unknown` or `not_applicable` |
//! | `event`, `quote`, `why` | to fill in: the event that shows it, words that stand in it, and the reason; a verdict that needs a quote counts only with one |
//! | `split` | `waiting`: a seat is a person's; `split`: the judges did not agree |
//! | `dimension`, `question` | what is asked |
//! | `said` | what each judge said |
//! | `record`, `page` | where the trial's events stand, and the page that shows them |

use super::{
    args::{LabelArgs, LabelForm},
    exit, report, run, say, trials,
};
use crate::calibrate::{Mistake, Scale, Whose, rows};
use crate::judges::{Decision, written};
use crate::model::{
    fault::{Boundary, Fault},
    judge::{JudgeReply, Kept},
    results::{Results, ScoreResult, TrialResult},
};
use crate::runner::asking::{Cache, Decided, Entry, Origin, Queue};
use crate::store::replace;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// A longer file is refused.
const LONGEST: u64 = 64 << 20;
/// Mistakes that are said one by one.
const MOST_SAID: usize = 20;

pub fn label(args: &LabelArgs) -> i32 {
    let done = match &args.from {
        Some(file) => read_back(args, file),
        None => write_open(args),
    };
    match done {
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

/// One row to fill in, in the order of its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Open {
    item: String,
    rater: String,
    label: String,
    event: String,
    quote: String,
    why: String,
    split: String,
    dimension: String,
    question: String,
    said: String,
    record: String,
    page: String,
}

fn write_open(args: &LabelArgs) -> Result<(), Refusal> {
    let folder = folder(args.run.as_deref())?;
    let results = report::results_of(&folder)?;
    let found = open(&folder, &results)?;
    let text = match form(args) {
        LabelForm::Csv => csv_of(&found)?,
        LabelForm::Jsonl => {
            found.iter().filter_map(|row| serde_json::to_string(row).ok()).map(|line| line + "\n").collect()
        }
    };
    match &args.to {
        Some(path) => {
            replace(path, text.as_bytes())?;
            say::note(&format!(
                "{}: {} to decide; `evalrun label {} --from {}` reads them back",
                path.display(),
                found.len(),
                folder.display(),
                path.display()
            ));
        }
        None => say::out(&text),
    }
    Ok(())
}

fn form(args: &LabelArgs) -> LabelForm {
    let ext = args.to.as_deref().and_then(Path::extension).map(|ext| ext.to_string_lossy().to_lowercase());
    match (args.form, ext.as_deref()) {
        (Some(form), _) => form,
        (None, Some("jsonl" | "json")) => LabelForm::Jsonl,
        (None, _) => LabelForm::Csv,
    }
}

fn folder(named: Option<&Path>) -> Result<PathBuf, Fault> {
    match named {
        Some(path) if path.join("sessions.json").exists() => Ok(path.to_owned()),
        named => report::find(named).map(|layout| layout.root),
    }
}

/// What waits for a person and is not decided, and where the judges did not agree.
fn open(folder: &Path, results: &Results) -> Result<Vec<Open>, Fault> {
    let queue = Queue::of(folder);
    let decided = queue.decided()?;
    let asked = trials::questions(folder);
    let mut wanted: BTreeMap<(String, String), &'static str> = BTreeMap::new();
    for question in queue.questions()? {
        for criterion in question.criteria {
            wanted.insert((question.item.clone(), criterion), "waiting");
        }
    }
    for (trial, score) in judged(results).filter(|(_, score)| score.judged.as_ref().is_some_and(|judged| judged.split))
    {
        wanted.entry((trial.id.clone(), name_of(score))).or_insert("split");
    }
    wanted.retain(|key, _| !decided.contains_key(key));
    let row = |((item, criterion), split): (&(String, String), &&'static str)| {
        let (dimension, short) = criterion.split_once('/').unwrap_or(("", criterion));
        let trial = results.trials.iter().find(|trial| trial.id == *item);
        let said = trial.and_then(|trial| trial.scores.iter().find(|score| name_of(score) == *criterion)).map(said);
        Open {
            item: format!("{item}/{short}"),
            split: (*split).to_owned(),
            dimension: dimension.to_owned(),
            question: asked.get(criterion).cloned().unwrap_or_default(),
            said: said.unwrap_or_default(),
            record: trial.map(|trial| trials::record(folder, trial)).unwrap_or_default(),
            page: folder.join("report.html").display().to_string(),
            ..Open::default()
        }
    };
    Ok(wanted.iter().map(row).collect())
}

fn judged(results: &Results) -> impl Iterator<Item = (&TrialResult, &ScoreResult)> {
    results.trials.iter().flat_map(|trial| trial.scores.iter().map(move |score| (trial, score)))
}

fn name_of(score: &ScoreResult) -> String {
    format!("{}/{}", score.dimension, score.criterion)
}

/// "openai:a: met; openai:b: not_met".
fn said(score: &ScoreResult) -> String {
    let votes = score.judged.iter().flat_map(|judged| &judged.votes).filter(|vote| !vote.by.is_empty());
    let words: Vec<String> =
        votes.map(|vote| format!("{}: {}", vote.by, vote.verdict.map_or("none", |verdict| verdict.word()))).collect();
    words.join("; ")
}

fn csv_of(found: &[Open]) -> Result<String, Fault> {
    let wrong = |why: String| Fault::new(Boundary::Store, "format", why);
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| wrong(error.to_string()))?;
    for row in found {
        writer.serialize(row).map_err(|error| wrong(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| wrong(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const COLUMNS: &[&str] =
    &["item", "rater", "label", "event", "quote", "why", "split", "dimension", "question", "said", "record", "page"];

fn read_back(args: &LabelArgs, file: &Path) -> Result<(), Refusal> {
    let folder = folder(args.run.as_deref())?;
    let results = report::results_of(&folder)?;
    let queue = Queue::of(&folder);
    let mut known: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut know = |item: &str, criterion: &str| {
        let short = criterion.rsplit('/').next().unwrap_or(criterion);
        known.entry(format!("{item}/{short}")).or_default().insert((item.to_owned(), criterion.to_owned()));
    };
    judged(&results).for_each(|(trial, score)| know(&trial.id, &name_of(score)));
    for question in queue.questions()? {
        question.criteria.iter().for_each(|criterion| know(&question.item, criterion));
    }
    let decided = decisions(&text_of(file)?, &known).map_err(|mistakes| {
        let said = |mistake: &Mistake| format!("{}:{}: {}", file.display(), mistake.line, mistake.what);
        let mut lines: Vec<String> = mistakes.iter().take(MOST_SAID).map(said).collect();
        if mistakes.len() > MOST_SAID {
            lines.push(format!("and {} more", mistakes.len() - MOST_SAID));
        }
        Refusal::Mistakes(lines)
    })?;
    queue.decide(&decided)?;
    let still = open(&folder, &results)?.len();
    say::note(&format!(
        "{} decisions kept, {still} still open; `evalrun grade {}` counts them",
        decided.len(),
        folder.display()
    ));
    if let Some(to) = &args.record {
        let kept = record(&queue, to)?;
        say::note(&format!("{kept} replies recorded in {}", to.display()));
    }
    Ok(())
}

fn text_of(file: &Path) -> Result<String, Fault> {
    let cannot = |why: String| Fault::new(Boundary::Judge, "labels", format!("cannot read {}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?.len();
    if size > LONGEST {
        return Err(cannot(format!("it has {size} bytes, more than the {LONGEST} that are read")));
    }
    std::fs::read_to_string(file).map_err(|error| cannot(error.to_string()))
}

type Known = BTreeMap<String, BTreeSet<(String, String)>>;

/// The rows that were filled in; those without a label are not decided yet.
fn decisions(text: &str, known: &Known) -> Result<Vec<Decided>, Vec<Mistake>> {
    let (filled, mut mistakes) = filled(text.trim_start_matches('\u{feff}'));
    if filled.is_empty() && mistakes.is_empty() {
        return Err(vec![Mistake { line: 1, what: "no row has a label".to_owned() }]);
    }
    // Labels, raters and rows that stand twice are for the reader of labels to judge, each in its own line.
    let mut lines: Vec<String> = Vec::new();
    for (line, cells) in &filled {
        lines.resize((*line as usize).saturating_sub(1).max(lines.len()), String::new());
        lines.push(Value::Object(cells.clone()).to_string());
    }
    if let Err(wrong) = rows(&lines.join("\n"), &Scale::pass_fail(), Whose::People) {
        mistakes.extend(wrong.into_iter().filter(|_| !filled.is_empty()));
    }
    let mut decided = Vec::new();
    for (line, cells) in &filled {
        match decision(cells, known) {
            Ok(one) => decided.push(one),
            Err(what) => mistakes.push(Mistake { line: *line, what }),
        }
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(decided) } else { Err(mistakes) }
}

fn decision(cells: &Map<String, Value>, known: &Known) -> Result<Decided, String> {
    let cell = |name: &str| cells.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (item, dimension, event) = (cell("item"), cell("dimension"), cell("event"));
    let mut fitting = known.get(&item).into_iter().flatten();
    let found = fitting.find(|(_, criterion)| dimension.is_empty() || criterion.starts_with(&format!("{dimension}/")));
    let (trial, criterion) = found.ok_or_else(|| format!("the run has no item {item:?}"))?;
    let event = event.trim_start_matches('e');
    let event = if event.is_empty() {
        None
    } else {
        Some(event.parse::<u32>().map_err(|_| format!("`event` is a number, not {event:?}"))?)
    };
    let decision = Decision {
        criterion: criterion.clone(),
        verdict: verdict(&cell("label")).to_owned(),
        event,
        quote: cell("quote"),
        why: cell("why"),
        rater: cell("rater"),
    };
    Ok(Decided { item: trial.clone(), decision })
}

/// The protocol's word for a label; one that nobody knows has been refused before.
fn verdict(label: &str) -> &'static str {
    let label = label.to_lowercase();
    match label.as_str() {
        "not_applicable" => "not_applicable",
        "unknown" | "unclear" => "unknown",
        _ => match Scale::pass_fail().place(&label) {
            Ok(Some(1)) => "met",
            _ => "not_met",
        },
    }
}

type Filled = Vec<(u64, Map<String, Value>)>;

fn filled(text: &str) -> (Filled, Vec<Mistake>) {
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    let has_label = |cells: &Map<String, Value>| {
        cells
            .get("label")
            .is_some_and(|label| label.as_str().is_none_or(|text| !text.trim().is_empty()) && !label.is_null())
    };
    if text.trim_start().starts_with('{') {
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            match serde_json::from_str::<Map<String, Value>>(text) {
                Ok(cells) if has_label(&cells) => found.push((line, texts(cells))),
                Ok(_) => {}
                Err(error) => mistakes.push(Mistake { line, what: format!("is no JSON object: {error}") }),
            }
        }
        return (found, mistakes);
    }
    let mut reader = csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().cloned().unwrap_or_default();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells: Map<String, Value> =
                    header.iter().map(str::to_lowercase).zip(record.iter().map(Value::from)).collect();
                if has_label(&cells) {
                    found.push((line, cells));
                }
            }
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                mistakes.push(Mistake { line, what: error.to_string() });
            }
        }
    }
    (found, mistakes)
}

/// Cells as texts: a program may write numbers.
fn texts(cells: Map<String, Value>) -> Map<String, Value> {
    let text = |value: Value| match value {
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    };
    cells.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// The questions that people have answered whole, as a folder of recordings. Says how many are new.
fn record(queue: &Queue, to: &Path) -> Result<usize, Fault> {
    let (decided, cache) = (queue.decided()?, Cache::at(to));
    let mut kept = 0;
    for question in queue.questions()? {
        let of = |criterion: &String| decided.get(&(question.item.clone(), criterion.clone())).cloned();
        let Some(all) = question.criteria.iter().map(of).collect::<Option<Vec<Decision>>>() else { continue };
        let reply = JudgeReply {
            text: written(&all).to_string(),
            by: "hand".to_owned(),
            model: None,
            fingerprint: None,
            usage: None,
            micro_usd: None,
            kept: Kept::Recorded,
        };
        let entry = Entry {
            version: 1,
            key: question.key,
            item: question.item,
            criteria: question.criteria,
            seat: question.seat,
            again: question.again,
            origin: Origin::Hand,
            when: crate::runner::clock::now(),
            reply,
        };
        kept += usize::from(cache.put(&entry, "hand")?.is_none());
    }
    Ok(kept)
}
