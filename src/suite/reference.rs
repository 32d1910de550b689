//! The reference of the language for its users, written from the tables: `docs/suite.md` is this text, and a test says so.

use super::{
    names::{DriverDoc, Names},
    shape::{Record, Shape},
    tables::{AGENT, SUITE},
    tables_task::FILE,
};
use std::fmt::Write;

/// The page as Markdown.
pub fn reference(names: &Names<'_>) -> String {
    let mut page = Page { out: include_str!("reference.md").to_owned(), queue: Vec::new(), done: Vec::new() };
    page.out.push_str("\n## Every field\n");
    page.record(&SUITE);
    page.agent(names);
    while let Some(record) = page.next() {
        page.record(record);
    }
    page.out
}

struct Page {
    out: String,
    /// Records that were mentioned and not written yet.
    queue: Vec<&'static Record>,
    done: Vec<&'static str>,
}

impl Page {
    fn next(&mut self) -> Option<&'static Record> {
        while !self.queue.is_empty() {
            let record = self.queue.remove(0);
            if !self.done.contains(&record.doc) {
                return Some(record);
            }
        }
        None
    }

    fn record(&mut self, record: &'static Record) {
        self.done.push(record.doc);
        let first = record.fields.first().map_or("", |field| field.name);
        let title = match record.name {
            "check" | "when" => format!("{}: `{first}`", record.name),
            name => name.to_owned(),
        };
        let _ = write!(self.out, "\n### {title}\n\n{}\n\n", record.doc);
        self.out.push_str("| field | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for field in record.all() {
            let default = match (field.required, field.default) {
                (true, _) => "**needed**",
                (false, default) => default,
            };
            let value = cell(&self.value(&field.shape));
            let _ = writeln!(self.out, "| `{}` | {value} | {} | {} |", field.name, cell(default), cell(field.doc));
        }
    }

    fn agent(&mut self, names: &Names<'_>) {
        self.record(&AGENT);
        for driver in names.drivers {
            self.driver(driver);
        }
        let later: Vec<String> = names.later_drivers.iter().map(|name| format!("`{name}`")).collect();
        if !later.is_empty() {
            let _ = writeln!(self.out, "\nNot in this version: {}.", later.join(", "));
        }
    }

    fn driver(&mut self, driver: &DriverDoc<'_>) {
        let _ = write!(self.out, "\n#### driver `{}`\n\nIt {}.\n\n", driver.name, driver.about);
        self.out.push_str("| field | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for field in driver.fields {
            let value = cell(&self.value(&field.shape()));
            let needed = if field.required { "**needed**" } else { "" };
            let _ = writeln!(self.out, "| `{}` | {value} | {needed} | {} |", field.name, cell(field.doc));
        }
    }

    /// A shape in a few words, and its records put on the queue.
    fn value(&mut self, shape: &Shape) -> String {
        match shape {
            Shape::Record(record) => {
                self.queue.push(record);
                link(record.name)
            }
            Shape::Choice(records) => {
                self.queue.extend(records.iter());
                let names: Vec<String> = records.iter().map(|record| link_choice(record)).collect();
                format!("one of {}", names.join(", "))
            }
            Shape::List { of: Shape::Line, .. } => "list of texts".to_owned(),
            Shape::List { of: Shape::Path, .. } => "list of paths".to_owned(),
            Shape::List { of: Shape::Id, .. } => "list of ids".to_owned(),
            Shape::List { of, .. } => format!("list of {}", self.value(of)),
            Shape::Map { of, ids: true } => format!("map: id -> {}", self.value(of)),
            Shape::Map { of, ids: false } => format!("map: name -> {}", self.value(of)),
            Shape::Either(shapes) => shapes.iter().map(|shape| self.value(shape)).collect::<Vec<_>>().join(" or "),
            Shape::Agent => link("agent"),
            Shape::Text => {
                self.queue.push(&FILE);
                format!("text or {}", link("file"))
            }
            Shape::Line => "text".to_owned(),
            Shape::Path => "path".to_owned(),
            Shape::Id => "id".to_owned(),
            Shape::Any => "anything, kept as written".to_owned(),
            Shape::Flag | Shape::Whole(_) | Shape::Number { .. } | Shape::Quantity(_) => shape.noun(),
            Shape::Word { .. } | Shape::Version | Shape::Permits => shape.noun(),
        }
    }
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.replace(' ', "-"))
}

fn link_choice(record: &Record) -> String {
    let first = record.fields.first().map_or("", |field| field.name);
    match record.name {
        "check" | "when" => format!("[{}: `{first}`](#{}-{first})", record.name, record.name),
        name => link(name),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
