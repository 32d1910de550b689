//! Tables: one task per row, and `{{ row.COLUMN }}` in its texts.
//!
//! Only this one form is replaced. Everything else in braces stays as it is: prompts about templates and workflows
//! are full of it. A column that does not exist is a finding, never an empty text.

use super::{
    finding::{Code, Notes},
    near,
    node::{Node, Span, brief},
};
use crate::model::id::is_id;
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows of one table.
const MAX_ROWS: usize = 10_000;

pub struct Table {
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    pub cluster: Option<String>,
    pub values: BTreeMap<String, String>,
}

/// How a table is read: which file it is, whether JSON lines, and the nodes that name its columns.
pub struct Reading<'a> {
    pub file: u32,
    pub json_lines: bool,
    pub key: &'a Node,
    pub cluster: Option<&'a Node>,
}

/// Reads a table; what is wrong with it is noted at its own lines.
pub fn read(reading: &Reading<'_>, notes: &mut Notes) -> Option<Table> {
    let text = notes.text(reading.file).to_owned();
    let lines =
        if reading.json_lines { from_json(&text, reading.file, notes)? } else { from_csv(&text, reading.file, notes)? };
    let Lines { columns, records } = lines;
    let key = column(reading.key, &columns, notes)?;
    let cluster = reading.cluster.and_then(|node| column(node, &columns, notes));
    if reading.cluster.is_some() && cluster.is_none() {
        return None;
    }
    if records.is_empty() {
        notes.error(Code::Rows.at(line(reading.file, 1)), "the table has no rows", "write at least one");
    }
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    let mut rows = Vec::new();
    for (span, values) in records {
        let name = values.get(key).cloned().unwrap_or_default();
        if !is_id(&name) {
            let what = format!("the row's key `{}` is no id", brief(&name));
            notes.error(
                Code::Rows.at(span),
                what,
                "small letters, digits, `.`, `_` and `-`; the first a letter or digit; at most 64",
            );
        } else if let Some(first) = seen.get(&name) {
            let what = format!("the row's key `{name}` stands here twice: first at {}", notes.at(*first));
            notes.error(Code::Duplicate.at(span), what, "keys name tasks: each only once");
        } else {
            seen.insert(name.clone(), span);
            rows.push(Row { key: name, cluster: cluster.and_then(|column| values.get(column).cloned()), values });
        }
    }
    Some(Table { rows })
}

/// The text with its columns filled in.
///
/// # Errors
/// Everything that is wrong with it, each with a hint.
pub fn fill(text: &str, row: &Row) -> Result<String, Vec<(String, String)>> {
    let mut wrong = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let inner = rest[at + 2..].trim_start();
        let Some(named) = inner.strip_prefix("row.") else {
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let end = named.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(named.len());
        let (name, after) = named.split_at(end);
        let Some(after) = after.trim_start().strip_prefix("}}") else {
            let what = format!("`{{{{ row.{}` does not end in `}}}}` after the column's name", brief(name));
            wrong.push((what, "write `{{ row.COLUMN }}` and nothing more in the braces".to_owned()));
            rest = &rest[at + 2..];
            continue;
        };
        let Some(value) = row.values.get(name) else {
            let columns = row.values.keys().map(String::as_str);
            let hint = near::hint(name, columns, "the columns are");
            wrong.push((format!("the table has no column `{}`", brief(name)), hint));
            rest = after;
            continue;
        };
        out.push_str(&rest[..at]);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    if wrong.is_empty() { Ok(out) } else { Err(wrong) }
}

/// Whether a text asks for a row.
pub fn asks_for_row(text: &str) -> bool {
    text.split("{{").skip(1).any(|part| part.trim_start().starts_with("row."))
}

struct Lines {
    columns: Vec<String>,
    records: Vec<(Span, BTreeMap<String, String>)>,
}

fn from_csv(text: &str, file: u32, notes: &mut Notes) -> Option<Lines> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(heads) => heads.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect(),
        Err(error) => return refused(notes, line(file, 1), &error.to_string()),
    };
    let mut records = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let number = error.position().map_or(1, csv::Position::line);
                let span = line(file, u32::try_from(number).unwrap_or(u32::MAX));
                return refused(notes, span, &csv_message(&error));
            }
        };
        let number = record.position().map_or(1, csv::Position::line);
        let span = line(file, u32::try_from(number).unwrap_or(u32::MAX));
        let values = columns.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        records.push((span, values));
        bounded(records.len(), span, notes)?;
    }
    Some(Lines { columns, records })
}

fn csv_message(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} of {expected_len} fields")
        }
        _ => error.to_string(),
    }
}

fn from_json(text: &str, file: u32, notes: &mut Notes) -> Option<Lines> {
    let mut columns: Vec<String> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    let mut records = Vec::new();
    for (at, written) in text.lines().enumerate().filter(|(_, written)| !written.trim().is_empty()) {
        let span = line(file, u32::try_from(at + 1).unwrap_or(u32::MAX));
        let object = match serde_json::from_str::<Value>(written) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return refused(notes, span, "each line must be a JSON object"),
            Err(error) => return refused(notes, span, &error.to_string()),
        };
        let mut values = BTreeMap::new();
        for (name, value) in object {
            if known.insert(name.clone()) {
                columns.push(name.clone());
            }
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.insert(name, text);
        }
        records.push((span, values));
        bounded(records.len(), span, notes)?;
    }
    Some(Lines { columns, records })
}

fn bounded(rows: usize, span: Span, notes: &mut Notes) -> Option<()> {
    if rows <= MAX_ROWS {
        return Some(());
    }
    notes.error(Code::Limit.at(span), format!("over the limit of {MAX_ROWS} rows"), "split the table");
    None
}

fn refused(notes: &mut Notes, span: Span, why: &str) -> Option<Lines> {
    notes.error(Code::Rows.at(span), format!("this row cannot be read: {why}"), "");
    None
}

fn column<'a>(node: &'a Node, columns: &[String], notes: &mut Notes) -> Option<&'a str> {
    let name = node.source()?;
    if columns.iter().any(|column| column == name) {
        return Some(name);
    }
    let hint = near::hint(name, columns.iter().map(String::as_str), "the columns are");
    notes.error(Code::UnknownName.at(node.span), format!("the table has no column `{}`", brief(name)), hint);
    None
}

fn line(file: u32, line: u32) -> Span {
    Span { file, line, col: 1, start: 0, end: 0 }
}

#[cfg(test)]
mod tests {
    use super::{Row, asks_for_row, fill};

    #[test]
    fn only_columns_are_filled_in() {
        let values = [("repo".to_owned(), "api".to_owned())].into();
        let row = Row { key: "t1".to_owned(), cluster: None, values };
        assert_eq!(fill("a {{ row.repo }}/{{row.repo}}.git", &row), Ok("a api/api.git".to_owned()));
        assert_eq!(fill("${{ github.ref }} {{", &row), Ok("${{ github.ref }} {{".to_owned()));
        assert!(fill("{{ row.repos }}", &row).is_err_and(|wrong| wrong[0].1 == "did you mean `repo`?"));
        assert!(fill("{{ row.repo | upper }}", &row).is_err());
        assert!(asks_for_row("x {{row.y}}") && !asks_for_row("{{ agent }}"));
    }
}
