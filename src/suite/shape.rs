//! The shapes of the language: what may stand where, with its documentation.
//!
//! One description, three readers: `check` (structural findings), `schema` (the JSON Schema) and `reference`
//! (the user's documentation) all walk these tables, so that they cannot disagree.

use super::units::Units;

/// What may stand in one place.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A text, or `{file: PATH}` whose content is the text.
    Text,
    /// A text on the spot: a name, a pattern, a command line.
    Line,
    /// A path, relative to the file it stands in.
    Path,
    /// `[a-z0-9][a-z0-9._-]{0,63}`.
    Id,
    Flag,
    /// A whole number of at least this.
    Whole(u32),
    Number {
        least: f64,
        most: f64,
    },
    Quantity(&'static Units),
    Word {
        words: &'static [&'static str],
        /// Words of the design that this version does not do.
        later: &'static [&'static str],
    },
    /// The version of the language.
    Version,
    /// A whole number from 1 on, or `adaptive`.
    Permits,
    List {
        of: &'static Shape,
        least: usize,
    },
    Map {
        ids: bool,
        of: &'static Shape,
    },
    Record(&'static Record),
    /// One of several records, told apart by which one's first field is there.
    Choice(&'static [&'static Record]),
    /// At most one shape of each kind: a scalar, a list, a map.
    Either(&'static [Shape]),
    /// An agent: the common fields and those of its driver.
    Agent,
    /// Kept as written.
    Any,
}

pub struct Record {
    pub name: &'static str,
    pub doc: &'static str,
    pub fields: &'static [Field],
    /// Fields shared with other records.
    pub also: &'static [Field],
}

#[derive(Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub doc: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// What holds when it is not written; empty: nothing.
    pub default: &'static str,
}

impl Record {
    pub fn all(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().chain(self.also)
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.all().find(|field| field.name == name)
    }
}

pub const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: true, default: "" }
}

pub const fn may(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, doc, shape, required: false, default: "" }
}

pub const fn usual(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, doc, shape, required: false, default }
}

pub const fn words(words: &'static [&'static str]) -> Shape {
    Shape::Word { words, later: &[] }
}

pub const fn list(of: &'static Shape) -> Shape {
    Shape::List { of, least: 0 }
}

/// A list with at least one item.
pub const fn some(of: &'static Shape) -> Shape {
    Shape::List { of, least: 1 }
}

/// Weights and other numbers from 0 on.
pub const AMOUNT: Shape = Shape::Number { least: 0.0, most: 1e9 };
/// A share: 0 to 1.
pub const SHARE: Shape = Shape::Number { least: 0.0, most: 1.0 };
pub const REAL: Shape = Shape::Number { least: -1e300, most: 1e300 };
/// A line that runs in a shell, or a list of words that runs as it stands.
pub const COMMAND: Shape = Shape::Either(&[Shape::Line, Shape::List { of: &Shape::Line, least: 1 }]);
pub const LINES: Shape = list(&Shape::Line);
pub const SOME_LINES: Shape = some(&Shape::Line);

impl Shape {
    /// "a duration (90s, 10m or 4h)": what a finding asks for.
    pub fn noun(&self) -> String {
        match self {
            Shape::Text => "a text or `{file: PATH}`".to_owned(),
            Shape::Line => "a text".to_owned(),
            Shape::Path => "a path".to_owned(),
            Shape::Id => "an id".to_owned(),
            Shape::Flag => "`true` or `false`".to_owned(),
            Shape::Whole(least) => format!("a whole number from {least} on"),
            Shape::Number { .. } if self.is_share() => "a number from 0 to 1".to_owned(),
            Shape::Number { least, .. } if *least == 0.0 => "a number from 0 on".to_owned(),
            Shape::Number { .. } => "a number".to_owned(),
            Shape::Quantity(units) => format!("{} ({})", units.name, units.example),
            Shape::Word { words, .. } if words.len() == 1 => super::near::listed(words),
            Shape::Word { words, .. } => format!("one of {}", super::near::listed(words)),
            Shape::Version => "`1`".to_owned(),
            Shape::Permits => "a whole number from 1 on, or `adaptive`".to_owned(),
            Shape::List { of, .. } => format!("a list of {}", plural(of)),
            Shape::Map { .. } => "a map".to_owned(),
            Shape::Record(record) => format!("a map ({})", record.name),
            Shape::Choice(records) => {
                let firsts: Vec<&str> =
                    records.iter().filter_map(|record| record.fields.first()).map(|f| f.name).collect();
                format!("a map with one of {}", super::near::listed(&firsts))
            }
            Shape::Either(shapes) => shapes.iter().map(Shape::noun).collect::<Vec<_>>().join(", or "),
            Shape::Agent => "a map (an agent)".to_owned(),
            Shape::Any => "anything".to_owned(),
        }
    }

    pub fn is_share(&self) -> bool {
        matches!(self, Shape::Number { least, most } if *least == 0.0 && *most <= 1.0)
    }
}

fn plural(shape: &Shape) -> String {
    match shape {
        Shape::Line => "texts".to_owned(),
        Shape::Path => "paths".to_owned(),
        Shape::Id => "ids".to_owned(),
        Shape::Record(record) => format!("maps ({})", record.name),
        Shape::Text | Shape::Flag | Shape::Whole(_) | Shape::Number { .. } | Shape::Quantity(_) => shape.noun(),
        Shape::Word { .. }
        | Shape::Version
        | Shape::Permits
        | Shape::List { .. }
        | Shape::Map { .. }
        | Shape::Choice(_) => shape.noun(),
        Shape::Either(shapes) => shapes.iter().map(plural).collect::<Vec<_>>().join(" or "),
        Shape::Agent | Shape::Any => shape.noun(),
    }
}
