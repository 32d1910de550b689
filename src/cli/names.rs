//! What exists in this version, for the suite language.

use crate::agents::{AGENTS, Driver, Word, driver};
use crate::judges::JUDGES;
use crate::model::suite::{AgentSpec, Suite};
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

/// The suite with the agents that are picked by their driver's name alone: a real agent as it is installed here, with the user's own login.
/// `picked` is what was typed; empty: the suite's `run`.
pub fn with_named(mut suite: Suite, picked: &[String]) -> Suite {
    let wanted = if picked.is_empty() { &suite.run } else { picked };
    let missing = wanted.iter().filter(|name| suite.agents.iter().all(|agent| agent.name != **name));
    let added: Vec<AgentSpec> =
        missing.filter_map(|name| driver(name).filter(|it| by_name(it)).map(installed)).collect();
    suite.agents.extend(added);
    suite
}

/// Whether a driver's name alone says which agent is meant.
fn by_name(driver: &Driver) -> bool {
    !driver.stand_in && driver.fields.iter().all(|field| !field.required)
}

fn installed(driver: &Driver) -> AgentSpec {
    AgentSpec {
        name: driver.name.to_owned(),
        driver: driver.name.to_owned(),
        model: None,
        secrets: Vec::new(),
        rest: serde_json::json!({"auth": "login"}),
    }
}

/// The registries' names.
pub fn names() -> Names<'static> {
    Names { drivers: &DRIVERS, graders: &GRADERS, judges: &JUDGE_DOCS, later_drivers: LATER_DRIVERS }
}
