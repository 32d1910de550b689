//! The names of the registries, handed in: the language knows no driver and no grader by itself.

use super::shape::{LINES, SOME_LINES, Shape};

/// What exists in this version.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub drivers: &'a [DriverDoc<'a>],
    /// Shipped graders.
    pub graders: &'a [&'a str],
    pub judges: &'a [JudgeDoc<'a>],
    /// Drivers of the design that this version does not have.
    pub later_drivers: &'a [&'a str],
}

/// Somebody who can be asked for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgeDoc<'a> {
    pub name: &'a str,
    pub about: &'a str,
    /// Written `name:MODEL`.
    pub model: bool,
}

/// A driver and the fields that only it understands.
#[derive(Clone, Copy, Debug)]
pub struct DriverDoc<'a> {
    pub name: &'a str,
    pub about: &'a str,
    pub fields: &'a [DriverField<'a>],
}

#[derive(Clone, Copy, Debug)]
pub struct DriverField<'a> {
    pub name: &'a str,
    pub doc: &'a str,
    pub kind: FieldKind,
    /// A path that is relative to the suite's file and must exist.
    pub path: bool,
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    /// A command line, word by word; words that are paths of existing files become absolute.
    Words,
    Texts,
    Flag,
    Whole,
    Map,
    Any,
}

impl DriverField<'_> {
    pub fn shape(&self) -> Shape {
        match self.kind {
            FieldKind::Text if self.path => Shape::Path,
            FieldKind::Text => Shape::Line,
            FieldKind::Words => SOME_LINES,
            FieldKind::Texts => LINES,
            FieldKind::Flag => Shape::Flag,
            FieldKind::Whole => Shape::Whole(0),
            FieldKind::Map => Shape::Map { ids: false, of: &Shape::Any },
            FieldKind::Any => Shape::Any,
        }
    }
}

impl<'a> Names<'a> {
    pub fn driver(&self, name: &str) -> Option<&'a DriverDoc<'a>> {
        self.drivers.iter().find(|driver| driver.name == name)
    }

    pub fn is_later(&self, driver: &str) -> bool {
        self.later_drivers.contains(&driver)
    }
}
