//! YAML as a tree that remembers where everything stands.
//!
//! A scalar keeps its source text and whether it was quoted, so that `1.10` stays `1.10` and a text that YAML reads as a
//! number can be called by its name. The tree is built by `parse`; everything after it reads this tree and nothing else.

use serde_json::{Map, Number, Value};

/// Where something stands: a file (by its number in `Sources`), line and column (1-based, in characters), and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: u32,
    pub line: u32,
    pub col: u32,
    pub start: u32,
    pub end: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub kind: Kind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Map(Vec<Entry>),
    List(Vec<Node>),
    Scalar(Scalar),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Key,
    pub value: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    pub text: String,
    /// Neither quoted nor a block: what it means is for YAML to say.
    pub plain: bool,
}

/// What YAML makes of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Read {
    Nothing,
    Flag(bool),
    Number,
    Text,
    /// `yes`, `no`, `on`, `off`: a text today, a boolean for the YAML of many other tools.
    Doubtful,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.text == key)
    }

    /// The entries of a map; of anything else, none.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::List(_) | Kind::Scalar(_) => &[],
        }
    }

    /// The items of a list; of anything else, none.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Map(_) | Kind::Scalar(_) => &[],
        }
    }

    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::Map(_) | Kind::List(_) => None,
        }
    }

    /// The text of a scalar, whatever YAML makes of it.
    pub fn source(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    pub fn is_nothing(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.read() == Read::Nothing)
    }

    /// "a list", "the number `3`": for a finding that says what was found.
    pub fn described(&self) -> String {
        match &self.kind {
            Kind::Map(_) => "a map".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Scalar(scalar) => match scalar.read() {
                Read::Nothing => "nothing".to_owned(),
                Read::Flag(value) => value.to_string(),
                Read::Number => format!("the number {}", scalar.text),
                Read::Text | Read::Doubtful => format!("`{}`", brief(&scalar.text)),
            },
        }
    }

    /// As JSON, by the rules of YAML 1.2.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.text.clone(), entry.value.to_value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
            Kind::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Kind::Scalar(scalar) => scalar.to_value(),
        }
    }
}

impl Scalar {
    pub fn read(&self) -> Read {
        if !self.plain {
            return Read::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Read::Nothing,
            "true" | "True" | "TRUE" => Read::Flag(true),
            "false" | "False" | "FALSE" => Read::Flag(false),
            "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => Read::Doubtful,
            text if is_number(text) => Read::Number,
            _ => Read::Text,
        }
    }

    fn to_value(&self) -> Value {
        match self.read() {
            Read::Nothing => Value::Null,
            Read::Flag(value) => Value::Bool(value),
            Read::Number => number(&self.text).map_or_else(|| Value::String(self.text.clone()), Value::Number),
            Read::Text | Read::Doubtful => Value::String(self.text.clone()),
        }
    }
}

/// The first words of a text, on one line, for a message.
pub fn brief(text: &str) -> String {
    let line: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() { format!("{line}...") } else { line }
}

/// The number a scalar stands for, as JSON can hold it: `.inf` and `.nan` are none.
pub fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(Number::from(whole));
    }
    digits.parse::<f64>().ok().and_then(Number::from_f64)
}

/// The numbers of the YAML 1.2 core schema.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let all = |digits: &str, ok: fn(&char) -> bool| !digits.is_empty() && digits.chars().all(|c| ok(&c));
    if let Some(hex) = text.strip_prefix("0x") {
        return all(hex, char::is_ascii_hexdigit);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |c| ('0'..='7').contains(c));
    }
    let plain = unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    plain && starts && unsigned.chars().any(|c| c.is_ascii_digit()) && unsigned.parse::<f64>().is_ok()
}
