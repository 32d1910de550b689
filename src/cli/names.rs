//! What exists in this version, for the suite language.

use crate::agents::{AGENTS, Word};
use crate::judges::JUDGES;
use crate::suite::{DriverDoc, DriverField, FieldKind, JudgeDoc, Names};
use std::sync::LazyLock;

/// Drivers that the design names and this version lacks: a suite that uses one is told so.
pub const LATER_DRIVERS: &[&str] = &["chat"];

static FIELDS: LazyLock<Vec<Vec<DriverField<'static>>>> = LazyLock::new(|| {
    let field = |field: &crate::agents::Field| DriverField {
        name: field.name,
        doc: field.about,
        kind: match field.word {
            Word::Text | Word::Path => FieldKind::Text,
            Word::Argv => FieldKind::Words,
            Word::Texts => FieldKind::Texts,
        },
        path: field.word.is_path(),
        required: field.required,
    };
    AGENTS.iter().map(|driver| driver.fields.iter().map(field).collect()).collect()
});

static DRIVERS: LazyLock<Vec<DriverDoc<'static>>> = LazyLock::new(|| {
    let doc = |(driver, fields): (&&crate::agents::Driver, &'static Vec<DriverField<'static>>)| DriverDoc {
        name: driver.name,
        about: driver.about,
        fields,
    };
    AGENTS.iter().zip(FIELDS.iter()).map(doc).collect()
});

static GRADERS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| crate::graders::SHIPPED.iter().map(|(name, _)| *name).collect());

static JUDGE_DOCS: LazyLock<Vec<JudgeDoc<'static>>> = LazyLock::new(|| {
    JUDGES.iter().map(|judge| JudgeDoc { name: judge.name, about: judge.about, model: judge.model }).collect()
});

/// The registries' names.
pub fn names() -> Names<'static> {
    Names { drivers: &DRIVERS, graders: &GRADERS, judges: &JUDGE_DOCS, later_drivers: LATER_DRIVERS }
}
