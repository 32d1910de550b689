//! YAML as a tree whose every node knows where it stands.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

const MOST_DEPTH: usize = 32;
const MOST_NODES: usize = 200_000;

/// A value and the place it stands at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub value: Value,
    pub at: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: u64,
    pub column: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Line 0 is the YAML crate's way of saying that it does not know.
        if self.line == 0 { Ok(()) } else { write!(out, ":{}:{}", self.line, self.column) }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    /// A bool or a number that is no whole number in range: never what a script wants.
    Other(String),
    Whole(u64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Value {
    pub fn kind(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Other(text) => text.clone(),
            Value::Whole(number) => format!("the number {number}"),
            Value::Text(_) => "a text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

/// Reads one document. Says `(place, what)` where it is no YAML or breaks a limit.
pub(super) fn parse(text: &str) -> Result<Node, (Place, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MOST_DEPTH, max_nodes: MOST_NODES, max_events: 3 * MOST_NODES },
        with_snippet: false,
        // Else `on`, `y` and `no` would be truth values.
        strict_booleans: true,
    };
    let spanned: Spanned<Value> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| (place_of(&error), first_line(&error)))?;
    Ok(node(spanned))
}

fn place_of(error: &serde_saphyr::Error) -> Place {
    error.location().map_or(Place::default(), |at| Place { line: at.line(), column: at.column() })
}

fn first_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("not YAML");
    let line = line.split(" at line ").next().unwrap_or(line);
    if let Some(limit) = line.strip_prefix("budget breached: ") {
        return match limit.split(' ').next() {
            Some("Depth") => format!("nested deeper than {MOST_DEPTH}"),
            Some("Nodes") => format!("more than {MOST_NODES} values, aliases counted as often as they are used"),
            Some(_) | None => format!("too much YAML: {limit}"),
        };
    }
    line.split(", set DuplicateKeyPolicy").next().unwrap_or(line).to_owned()
}

fn node(spanned: Spanned<Value>) -> Node {
    let at = Place { line: spanned.referenced.line(), column: spanned.referenced.column() };
    Node { value: spanned.value, at }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a text, a number, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Other(format!("the truth value {value}")))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or_else(|_| Value::Other(format!("the number {value}")), Value::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Other(format!("the number {value}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(node(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<Value>, Spanned<Value>>()? {
            map.push((node(key), node(value)));
        }
        Ok(Value::Map(map))
    }
}
