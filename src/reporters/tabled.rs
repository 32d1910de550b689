//! Groups of trials as a table for the terminal: groups down, dimensions across, `mean ± half` with tasks and trials beside.

use super::names::spoken;
use super::words::{half, one_line, score};
use crate::table::{Row, Table};
use comfy_table::presets::NOTHING;
use std::collections::BTreeMap;

/// Characters of a group's name.
const NAME: usize = 28;

/// The table as lines.
pub fn tabled(table: &Table) -> String {
    let mut scores: Vec<&str> = table.rows.iter().map(|row| row.score.as_str()).collect();
    scores.sort_by_key(|name| super::names::place(name));
    scores.dedup();
    let mut groups: BTreeMap<&[String], BTreeMap<&str, &Row>> = BTreeMap::new();
    for row in &table.rows {
        groups.entry(&row.group).or_default().insert(&row.score, row);
    }
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(NOTHING);
    let head = table.by.iter().map(|by| (*by).to_owned()).chain(scores.iter().map(|name| spoken(name)));
    drawn.set_header(head.chain(["n".to_owned()]));
    for (group, rows) in &groups {
        let cells = scores.iter().map(|score| rows.get(score).map_or("-".to_owned(), |row| cell(row)));
        let names = group.iter().map(|name| one_line(name, NAME));
        drawn.add_row(names.chain(cells).chain([size(rows)]));
    }
    let lines: Vec<String> = drawn.lines().map(|line| line.trim_end().to_owned()).collect();
    if groups.is_empty() { "no trial was graded\n".to_owned() } else { format!("{}\n", lines.join("\n")) }
}

fn cell(row: &Row) -> String {
    let around = half(row.interval.map(|it| it.0), row.interval.map(|it| it.1)).map(|half| format!(" ± {half}"));
    format!("{}{}", score(row.mean), around.unwrap_or_default())
}

/// Of the score that most trials have.
fn size(rows: &BTreeMap<&str, &Row>) -> String {
    let widest = rows.values().max_by_key(|row| row.trials);
    widest.map_or("0".to_owned(), |row| super::terminal::per_task(row.tasks as u32, row.trials as u32))
}
