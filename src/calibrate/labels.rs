//! Reads labels and verdicts from CSV or JSONL. Every mistake is found at once, each with its line.
//!
//! | column | | what |
//! | --- | --- | --- |
//! | `item` | required | what was rated; a run's verdicts are `trial/criterion` |
//! | `rater` | required for people | who rated it |
//! | `label` | required | a label of the scale, or `unknown` |
//! | `score` | | the probability that it passes, 0..=1 |
//! | `split` | | a part of the items that is also read on its own |
//! | `step` | | a step of the item, from 0: each step is rated on its own |
//! | `order` | | `first` or `swapped`: the same question with its parts in the other order, in the same names |

use super::scale::Scale;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// One rating.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// 1-based; 0 for what came from no file of labels.
    pub line: u64,
    pub item: String,
    pub rater: String,
    /// Place on the scale; `None`: could not decide.
    pub label: Option<usize>,
    pub score: Option<f64>,
    pub split: Option<String>,
    pub step: Option<u32>,
    pub swapped: bool,
}

/// What is wrong with a line. Line 1 is also where a file as a whole is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub line: u64,
    pub what: String,
}

/// Whose ratings a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Each row says its rater.
    People,
    /// Rows without a rater are of this one.
    Judge,
}

/// What rows without a rater are called in a file of verdicts.
const JUDGE: &str = "judge";

const COLUMNS: &[&str] = &["item", "rater", "label", "score", "split", "step", "order"];

/// A row's cells by column; what is empty is not there.
type Cells = HashMap<&'static str, String>;

/// The ratings of a file. A file whose first sign is `{` is JSONL.
///
/// # Errors
/// Every line that cannot be read, and every item that one rater rated twice.
pub fn rows(text: &str, scale: &Scale, whose: Whose) -> Result<Vec<Row>, Vec<Mistake>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut mistakes = Vec::new();
    let cells = if text.trim_start().starts_with('{') {
        json_lines(text, &mut mistakes)
    } else {
        csv_lines(text, whose, &mut mistakes)
    };
    let mut rows = Vec::new();
    for (line, cells) in cells {
        match row(line, &cells, (scale, whose)) {
            Ok(row) => rows.push(row),
            Err(wrong) => mistakes.extend(wrong.into_iter().map(|what| Mistake { line, what })),
        }
    }
    twice(&rows, &mut mistakes);
    if rows.is_empty() && mistakes.is_empty() {
        mistakes.push(Mistake { line: 1, what: "holds no row".to_owned() });
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(rows) } else { Err(mistakes) }
}

fn required(whose: Whose) -> &'static [&'static str] {
    match whose {
        Whose::People => &["item", "rater", "label"],
        Whose::Judge => &["item", "label"],
    }
}

fn csv_lines(text: &str, whose: Whose, mistakes: &mut Vec<Mistake>) -> Vec<(u64, Cells)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_lowercase).collect(),
        Err(error) => {
            mistakes.push(Mistake { line: 1, what: error.to_string() });
            return Vec::new();
        }
    };
    let mut wrong = |what: String| mistakes.push(Mistake { line: 1, what });
    for column in required(whose).iter().filter(|column| !header.iter().any(|name| name == *column)) {
        wrong(format!("no column `{column}`; the header has {}", header.join(", ")));
    }
    for column in COLUMNS.iter().filter(|column| header.iter().filter(|name| name == *column).count() > 1) {
        wrong(format!("the column `{column}` is there twice"));
    }
    if !mistakes.is_empty() {
        return Vec::new();
    }
    let place = |name: &str| header.iter().position(|column| column == name);
    let places: Vec<(&'static str, usize)> =
        COLUMNS.iter().filter_map(|column| Some((*column, place(column)?))).collect();
    let mut lines = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                if record.len() != header.len() {
                    let what = format!("{} fields where the header has {}", record.len(), header.len());
                    mistakes.push(Mistake { line, what });
                    continue;
                }
                let cell = |(name, at): &(&'static str, usize)| {
                    record.get(*at).filter(|cell| !cell.is_empty()).map(|cell| (*name, cell.to_owned()))
                };
                lines.push((line, places.iter().filter_map(cell).collect()));
            }
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                mistakes.push(Mistake { line, what: error.to_string() });
            }
        }
    }
    lines
}

fn json_lines(text: &str, mistakes: &mut Vec<Mistake>) -> Vec<(u64, Cells)> {
    let mut lines = Vec::new();
    for (line, text) in text.lines().enumerate().map(|(at, text)| (at as u64 + 1, text.trim())) {
        if text.is_empty() {
            continue;
        }
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(object) => {
                let cell = |column: &&'static str| Some((*column, written(object.get(*column)?)?));
                lines.push((line, COLUMNS.iter().filter_map(cell).collect()));
            }
            Err(error) => mistakes.push(Mistake { line, what: format!("is no JSON object: {error}") }),
        }
    }
    lines
}

fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn row(line: u64, cells: &Cells, (scale, whose): (&Scale, Whose)) -> Result<Row, Vec<String>> {
    let mut wrong: Vec<String> = required(whose)
        .iter()
        .filter(|column| !cells.contains_key(**column))
        .map(|column| format!("no `{column}`"))
        .collect();
    let mut take = |column: &str, read: &mut dyn FnMut(&str) -> Result<(), String>| {
        if let Some(Err(what)) = cells.get(column).map(|cell| read(cell)) {
            wrong.push(what);
        }
    };
    let (mut label, mut score, mut step, mut swapped) = (None, None, None, false);
    take("label", &mut |cell| scale.place(cell).map(|place| label = place));
    take("score", &mut |cell| probability(cell).map(|share| score = Some(share)));
    take("step", &mut |cell| {
        let number = cell.parse::<u32>().map_err(|_| format!("`step` is a whole number from 0, not {cell:?}"));
        number.map(|number| step = Some(number))
    });
    take("order", &mut |cell| match cell {
        "first" => Ok(()),
        "swapped" => {
            swapped = true;
            Ok(())
        }
        other => Err(format!("`order` is `first` or `swapped`, not {other:?}")),
    });
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let cell = |column: &str| cells.get(column).cloned();
    Ok(Row {
        line,
        item: cell("item").unwrap_or_default(),
        rater: cell("rater").unwrap_or_else(|| JUDGE.to_owned()),
        label,
        score,
        split: cell("split"),
        step,
        swapped,
    })
}

fn probability(cell: &str) -> Result<f64, String> {
    let share = cell.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`score` is a probability from 0 to 1, not {cell:?}"))
}

/// One rater, one item, one label; an item stands in one split.
fn twice(rows: &[Row], mistakes: &mut Vec<Mistake>) {
    let mut seen: HashMap<(&str, &str, Option<u32>, bool), u64> = HashMap::new();
    let mut splits: HashMap<&str, (&str, u64)> = HashMap::new();
    for row in rows {
        let key = (row.item.as_str(), row.rater.as_str(), row.step, row.swapped);
        if let Some(first) = seen.insert(key, row.line) {
            let what = format!("{:?} rated {:?} already, on line {first}", row.rater, row.item);
            mistakes.push(Mistake { line: row.line, what });
        }
        let Some(split) = row.split.as_deref() else { continue };
        let (other, first) = *splits.entry(row.item.as_str()).or_insert((split, row.line));
        if other != split {
            let what = format!("{:?} is in split {split:?} here and in {other:?} on line {first}", row.item);
            mistakes.push(Mistake { line: row.line, what });
        }
    }
}
