//! Structural findings: fields that do not exist, values of the wrong type, units that are missing, ids and words.
//!
//! One walk over the tree beside the shapes. What is found here is found once: whoever builds the suite afterwards
//! passes over what has the wrong shape without a word.

use super::{
    finding::{Code, Notes},
    names::{DriverDoc, DriverField, Names},
    near,
    node::{self, Entry, Key, Kind, Node, Read, Scalar, Span},
    shape::{Field, Record, Shape},
    tables::{AGENT, AGENT_LATER, SUITE},
    tables_task::FILE,
    units::{Units, Wrong},
};
use crate::model::id::is_id;
use std::collections::BTreeSet;

/// Checks the tree of a whole suite.
pub fn check(root: &Node, names: &Names, notes: &mut Notes) {
    let place = Place { what: "a suite".to_owned(), span: Span { end: root.span.start, ..root.span } };
    Checker { names, notes, agents: root.get("agents") }.shape(root, &Shape::Record(&SUITE), &place);
}

/// The driver of an agent, its own or that of the agent it is like.
pub fn driver_of<'a>(agent: &'a Node, agents: Option<&'a Node>) -> Option<&'a Node> {
    let mut current = agent;
    let mut seen = BTreeSet::new();
    loop {
        if let Some(driver) = current.get("driver") {
            return Some(driver);
        }
        let like = current.get("like")?.source()?;
        if !seen.insert(like) {
            return None;
        }
        current = agents?.get(like)?;
    }
}

struct Checker<'a> {
    names: &'a Names<'a>,
    notes: &'a mut Notes,
    agents: Option<&'a Node>,
}

/// What is looked at, for messages: "`turn`", "item of `expect`"; and where a missing field is reported.
struct Place {
    what: String,
    span: Span,
}

impl Place {
    fn of(key: &Key) -> Place {
        Place { what: format!("`{}`", key.text), span: key.span }
    }

    fn item(&self, item: &Node, of: &Shape) -> Place {
        let span = match item.kind {
            // The brace or the first key: an underlined map of ten lines says nothing.
            Kind::Map(_) | Kind::List(_) => Span { end: item.span.start + 1, ..item.span },
            Kind::Scalar(_) => item.span,
        };
        let id = item.get("id").and_then(Node::source).filter(|id| is_id(id));
        let what = match (of, id) {
            (Shape::Record(record), Some(id)) => format!("{} `{id}`", record.name),
            (Shape::Record(record), None) if matches!(item.kind, Kind::Map(_)) => format!("this {}", record.name),
            _ if self.what.starts_with("an item") => self.what.clone(),
            _ => format!("an item of {}", self.what),
        };
        Place { what, span }
    }
}

impl Checker<'_> {
    fn shape(&mut self, node: &Node, shape: &Shape, place: &Place) {
        match shape {
            Shape::Any => {}
            Shape::Text => self.either(node, &[Shape::Line, Shape::Record(&FILE)], place),
            Shape::Either(shapes) => self.either(node, shapes, place),
            Shape::List { of, least } => self.list(node, (shape, of, *least), place),
            Shape::Map { ids, of } => self.map(node, (shape, of, *ids), place),
            Shape::Record(record) => match node.kind {
                Kind::Map(_) => self.record(node, record, place),
                Kind::List(_) | Kind::Scalar(_) => self.wrong(node, shape, place),
            },
            Shape::Choice(records) => self.choice(node, (shape, records), place),
            Shape::Agent => self.agent(node, place),
            Shape::Line | Shape::Path | Shape::Id | Shape::Flag | Shape::Whole(_) | Shape::Number { .. } => {
                self.scalar(node, shape, place);
            }
            Shape::Quantity(_) | Shape::Word { .. } | Shape::Version | Shape::Permits => {
                self.scalar(node, shape, place)
            }
        }
    }

    fn wrong(&mut self, node: &Node, shape: &Shape, place: &Place) {
        let what = format!("{} must be {}, not {}", place.what, shape.noun(), node.described());
        let hint = if node.is_nothing() { "write a value, or take the line out" } else { "" };
        let span = if node.span.end > node.span.start { head(node) } else { place.span };
        self.notes.error(Code::WrongType.at(span), what, hint);
    }

    fn either(&mut self, node: &Node, shapes: &[Shape], place: &Place) {
        match shapes.iter().find(|shape| fits_kind(shape, node)) {
            Some(shape) => self.shape(node, shape, place),
            None => {
                let nouns: Vec<String> = shapes.iter().map(Shape::noun).collect();
                let what = format!("{} must be {}, not {}", place.what, nouns.join(", or "), node.described());
                self.notes.error(Code::WrongType.at(head(node)), what, "");
            }
        }
    }

    fn list(&mut self, node: &Node, (shape, of, least): (&Shape, &Shape, usize), place: &Place) {
        let Kind::List(items) = &node.kind else {
            let one = matches!(of, Shape::Line | Shape::Path | Shape::Id | Shape::Word { .. }) && !node.is_nothing();
            match (one, node.scalar()) {
                (true, Some(scalar)) => {
                    let what = format!("{} must be {}, not {}", place.what, shape.noun(), node.described());
                    let hint = format!("write `[{}]`", node::brief(&scalar.text));
                    self.notes.error(Code::WrongType.at(node.span), what, hint);
                }
                (true | false, _) => self.wrong(node, shape, place),
            }
            return;
        };
        if items.len() < least {
            self.notes.error(
                Code::OutOfRange.at(head(node)),
                format!("{} is empty", place.what),
                "write at least one item",
            );
        }
        for item in items {
            self.shape(item, of, &place.item(item, of));
        }
    }

    fn map(&mut self, node: &Node, (shape, of, ids): (&Shape, &Shape, bool), place: &Place) {
        let Kind::Map(entries) = &node.kind else { return self.wrong(node, shape, place) };
        for Entry { key, value } in entries {
            if ids && !is_id(&key.text) {
                self.bad_id(&key.text, key.span);
            }
            self.shape(value, of, &Place::of(key));
        }
    }

    fn record(&mut self, node: &Node, record: &Record, place: &Place) {
        let fields: Vec<&Field> = record.all().collect();
        self.fields(node, &fields, record.name);
        self.missing(node, &fields, place);
    }

    fn fields(&mut self, node: &Node, fields: &[&Field], name: &str) {
        for Entry { key, value } in node.entries() {
            match fields.iter().find(|field| field.name == key.text) {
                Some(field) => self.shape(value, &field.shape, &Place::of(key)),
                None => self.unknown_field(key, fields, name),
            }
        }
    }

    fn unknown_field(&mut self, key: &Key, fields: &[&Field], name: &str) {
        if self.notes.is_full() {
            return;
        }
        let hint = near::hint(&key.text, fields.iter().map(|field| field.name), "the fields here are");
        let what = format!("unknown field `{}` in {}", node::brief(&key.text), with_article(name));
        self.notes.error(Code::UnknownField.at(key.span), what, hint);
    }

    /// Required fields that are not there. One that was only misspelled has been reported as unknown already.
    fn missing(&mut self, node: &Node, fields: &[&Field], place: &Place) {
        let unknown: Vec<&str> = {
            let keys = node.entries().iter().map(|entry| entry.key.text.as_str());
            keys.filter(|key| !fields.iter().any(|field| field.name == *key)).take(20).collect()
        };
        for field in fields.iter().filter(|field| field.required && node.get(field.name).is_none()) {
            if unknown.iter().any(|key| near::near(key, [field.name]).is_some()) {
                continue;
            }
            let what = format!("{} needs `{}`", place.what, field.name);
            let hint = format!("`{}:` {}", field.name, decapitalised(field.doc));
            self.notes.error(Code::MissingField.at(place.span), what, hint);
        }
    }

    fn choice(&mut self, node: &Node, (shape, records): (&Shape, &[&'static Record]), place: &Place) {
        if !matches!(node.kind, Kind::Map(_)) {
            return self.wrong(node, shape, place);
        }
        let firsts: Vec<&str> =
            records.iter().filter_map(|record| record.fields.first()).map(|field| field.name).collect();
        let here: Vec<(&Entry, &Record)> = node
            .entries()
            .iter()
            .filter_map(|entry| firsts.iter().position(|first| *first == entry.key.text).map(|at| (entry, records[at])))
            .collect();
        let Some((first, record)) = here.first() else { return self.no_choice(node, records, place) };
        let chosen = &first.key.text;
        let fields: Vec<&Field> = record.all().collect();
        for Entry { key, value } in node.entries() {
            let elsewhere = records.iter().any(|record| record.field(&key.text).is_some());
            match record.field(&key.text) {
                Some(field) => self.shape(value, &field.shape, &Place::of(key)),
                None if elsewhere => {
                    let what = format!("`{}` does not go with `{chosen}`", key.text);
                    self.notes.error(Code::UnknownField.at(key.span), what, "take one of them out");
                }
                None => self.unknown_field(key, &fields, record.name),
            }
        }
        self.missing(node, &fields, place);
    }

    fn no_choice(&mut self, node: &Node, records: &[&'static Record], place: &Place) {
        let firsts: Vec<&str> =
            records.iter().filter_map(|record| record.fields.first()).map(|field| field.name).collect();
        let known = |key: &str| records.iter().any(|record| record.field(key).is_some());
        let mut misspelled = false;
        for entry in node.entries().iter().filter(|entry| !known(&entry.key.text)) {
            misspelled |= near::near(&entry.key.text, firsts.iter().copied()).is_some();
            let fields: Vec<&Field> = records.iter().flat_map(|record| record.all()).collect();
            self.unknown_field(&entry.key, &fields, records.first().map_or("", |record| record.name));
        }
        if !misspelled {
            let what = format!("{} needs one of {}", place.what, near::listed(&firsts));
            self.notes.error(Code::MissingField.at(place.span), what, "");
        }
    }

    /// Without a driver that exists nobody can say which fields are right: only the driver is reported then, in `agents`.
    fn agent(&mut self, node: &Node, place: &Place) {
        if !matches!(node.kind, Kind::Map(_)) {
            return self.wrong(node, &Shape::Agent, place);
        }
        let own = node.get("driver");
        if own.is_none() && node.get("like").is_none() {
            let hint = "`driver:` says how it is driven; `like:` names an agent to resemble";
            self.notes.error(
                Code::MissingField.at(place.span),
                format!("{} needs `driver` or `like`", place.what),
                hint,
            );
        }
        let driver = driver_of(node, self.agents).and_then(Node::source).and_then(|name| self.names.driver(name));
        match driver {
            Some(driver) => self.driven(node, driver, place),
            None => {
                for Entry { key, value } in node.entries() {
                    if let Some(field) = AGENT.field(&key.text) {
                        self.shape(value, &field.shape, &Place::of(key));
                    }
                }
            }
        }
    }

    fn driven(&mut self, node: &Node, driver: &DriverDoc, place: &Place) {
        for Entry { key, value } in node.entries() {
            let shape = AGENT.field(&key.text).map(|field| field.shape);
            let own = || driver.fields.iter().find(|field| field.name == key.text).map(|field| field.shape());
            match shape.or_else(own) {
                Some(shape) => self.shape(value, &shape, &Place::of(key)),
                None if AGENT_LATER.contains(&key.text.as_str()) => {
                    let what = format!("`{}` is not in this version for driver `{}`", key.text, driver.name);
                    self.notes.error(Code::UnknownField.at(key.span), what, "take it out");
                }
                None => {
                    let names = driver.fields.iter().map(|field| field.name).chain(AGENT.all().map(|field| field.name));
                    let hint = near::hint(&key.text, names, "the fields here are");
                    let what =
                        format!("unknown field `{}` in an agent of driver `{}`", node::brief(&key.text), driver.name);
                    let code = if node.get("driver").is_some() { Code::UnknownField } else { Code::Misplaced };
                    self.notes.error(code.at(key.span), what, hint);
                }
            }
        }
        let inherits = node.get("like").is_some();
        let known = |key: &str| AGENT.field(key).is_some() || driver.fields.iter().any(|field| field.name == key);
        let unknown = node.entries().iter().map(|entry| entry.key.text.as_str()).filter(|key| !known(key));
        let unknown: Vec<&str> = unknown.take(20).collect();
        let absent = |field: &&DriverField| field.required && !inherits && node.get(field.name).is_none();
        for field in driver.fields.iter().filter(absent) {
            if unknown.iter().any(|key| near::near(key, [field.name]).is_some()) {
                continue;
            }
            let what = format!("{} needs `{}`: its driver is `{}`", place.what, field.name, driver.name);
            self.notes.error(
                Code::MissingField.at(place.span),
                what,
                format!("`{}:` {}", field.name, decapitalised(field.doc)),
            );
        }
    }

    fn scalar(&mut self, node: &Node, shape: &Shape, place: &Place) {
        let Kind::Scalar(scalar) = &node.kind else { return self.wrong(node, shape, place) };
        match shape {
            Shape::Line | Shape::Path | Shape::Id => self.text(node, (shape, scalar), place),
            Shape::Quantity(units) => self.quantity(node, (shape, scalar, units), place),
            Shape::Word { words, later } => self.word(node, (scalar, words, later), place),
            Shape::Flag if matches!(scalar.read(), Read::Flag(_)) => {}
            Shape::Flag if scalar.read() == Read::Doubtful => {
                let what = format!("{} must be `true` or `false`, not `{}`", place.what, scalar.text);
                self.notes.error(Code::WrongType.at(node.span), what, "YAML tools disagree about yes, no, on and off");
            }
            Shape::Whole(least) => self.number(node, (shape, scalar, f64::from(*least), f64::from(u32::MAX)), place),
            Shape::Number { least, most } => self.number(node, (shape, scalar, *least, *most), place),
            Shape::Permits if scalar.text == "adaptive" => {}
            Shape::Permits => self.number(node, (&Shape::Whole(1), scalar, 1.0, 1e6), place),
            Shape::Version if scalar.read() == Read::Number && scalar.text == "1" => {}
            Shape::Version => {
                let what = format!("version {} is unknown: this evalrun reads version 1", node::brief(&scalar.text));
                self.notes.error(Code::OutOfRange.at(node.span), what, "write `version: 1`");
            }
            Shape::Flag | Shape::Text | Shape::List { .. } | Shape::Map { .. } | Shape::Record(_) => {
                self.wrong(node, shape, place)
            }
            Shape::Choice(_) | Shape::Either(_) | Shape::Agent | Shape::Any => self.wrong(node, shape, place),
        }
    }

    fn text(&mut self, node: &Node, (shape, scalar): (&Shape, &Scalar), place: &Place) {
        let read = match scalar.read() {
            Read::Text => {
                if matches!(shape, Shape::Id) && !is_id(&scalar.text) {
                    self.bad_id(&scalar.text, node.span);
                }
                return;
            }
            Read::Nothing if scalar.text.is_empty() => return self.wrong(node, shape, place),
            Read::Nothing => "nothing",
            Read::Flag(_) => "a boolean",
            Read::Number => "a number",
            Read::Doubtful => "a boolean by some tools",
        };
        let what = format!("{} must be {}: `{}` is read as {read}", place.what, shape.noun(), scalar.text);
        self.notes.error(Code::QuoteIt.at(node.span), what, format!("quote it: \"{}\"", scalar.text));
    }

    fn bad_id(&mut self, text: &str, span: Span) {
        let what = format!("`{}` is no id", node::brief(text));
        self.notes.error(
            Code::BadId.at(span),
            what,
            "small letters, digits, `.`, `_` and `-`; the first a letter or digit; at most 64",
        );
    }

    fn quantity(&mut self, node: &Node, (shape, scalar, units): (&Shape, &Scalar, &Units), place: &Place) {
        match units.read_scalar(scalar) {
            Ok(_) => {}
            Err(Wrong::NoUnit) => {
                let what = format!(
                    "{} has no unit: {} is no {}",
                    place.what,
                    scalar.text,
                    units.name.trim_start_matches("a ").trim_start_matches("an ")
                );
                self.notes.error(Code::MissingUnit.at(node.span), what, units.hint(&scalar.text));
            }
            Err(Wrong::Zero) => {
                let what = format!("{} must be more than nothing, not {}", place.what, node.described());
                self.notes.error(Code::OutOfRange.at(node.span), what, format!("for example {}", units.example));
            }
            Err(Wrong::Unreadable) if scalar.text.is_empty() => self.wrong(node, shape, place),
            Err(Wrong::Unreadable) => {
                let what = format!("{} must be {}, not {}", place.what, units.name, node.described());
                self.notes.error(Code::WrongType.at(node.span), what, units.hint(&scalar.text));
            }
        }
    }

    fn word(&mut self, node: &Node, (scalar, words, later): (&Scalar, &[&str], &[&str]), place: &Place) {
        if words.contains(&scalar.text.as_str()) {
            return;
        }
        if later.contains(&scalar.text.as_str()) {
            let what = format!("`{}: {}` is not in this version", place.what.trim_matches('`'), scalar.text);
            return self.notes.error(Code::UnknownWord.at(node.span), what, format!("one of {}", near::listed(words)));
        }
        let what = format!("{} cannot be {}", place.what, node.described());
        self.notes.error(
            Code::UnknownWord.at(node.span),
            what,
            near::hint(&scalar.text, words.iter().copied(), "one of"),
        );
    }

    fn number(&mut self, node: &Node, (shape, scalar, least, most): (&Shape, &Scalar, f64, f64), place: &Place) {
        let value = match scalar.read() {
            Read::Number => node::number(&scalar.text).and_then(|number| number.as_f64()),
            Read::Nothing | Read::Flag(_) | Read::Text | Read::Doubtful => None,
        };
        let whole = matches!(shape, Shape::Whole(_));
        match value {
            None => self.wrong(node, shape, place),
            Some(value) if whole && value.fract() != 0.0 => self.wrong(node, shape, place),
            Some(value) if (least..=most).contains(&value) => {}
            Some(_) => {
                let what = format!("{} must be {}, not {}", place.what, shape.noun(), scalar.text);
                self.notes.error(Code::OutOfRange.at(node.span), what, range_hint(least, most));
            }
        }
    }
}

fn range_hint(least: f64, most: f64) -> String {
    if most < 1e6 { format!("from {least} to {most}") } else { format!("not below {least}") }
}

/// Whether a node has the kind that a shape needs.
fn fits_kind(shape: &Shape, node: &Node) -> bool {
    match (&node.kind, shape) {
        (_, Shape::Any) => true,
        (Kind::List(_), shape) => matches!(shape, Shape::List { .. }),
        (Kind::Map(_), shape) => {
            matches!(shape, Shape::Map { .. } | Shape::Record(_) | Shape::Choice(_) | Shape::Agent | Shape::Text)
        }
        (Kind::Scalar(scalar), shape) => {
            let list_or_map = matches!(shape, Shape::List { .. } | Shape::Map { .. } | Shape::Record(_));
            let nothing = scalar.read() == Read::Nothing && scalar.text.is_empty();
            !nothing && !list_or_map && !matches!(shape, Shape::Choice(_) | Shape::Agent)
        }
    }
}

/// The place of a value without underlining ten lines of it.
fn head(node: &Node) -> Span {
    match node.kind {
        Kind::Scalar(_) => node.span,
        Kind::Map(_) | Kind::List(_) => Span { end: node.span.start + 1, ..node.span },
    }
}

fn with_article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    let plural =
        name.ends_with('s') || matches!(name, "ask_first" | "setup" | "gold" | "git" | "auth" | "if_told" | "when");
    match (plural, vowel) {
        (true, _) => format!("`{name}`"),
        (false, true) => format!("an {name}"),
        (false, false) => format!("a {name}"),
    }
}

fn decapitalised(doc: &str) -> String {
    let mut chars = doc.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
