//! Agents: drivers by name, `like` resolved, paths made absolute.

use super::{
    build::{Builder, Want},
    finding::Code,
    names::{DriverDoc, DriverField, FieldKind},
    near,
    node::{Entry, Key, Kind, Node, Span, brief},
    structure::driver_of,
};
use crate::model::suite::AgentSpec;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The agents of a suite, in file order.
pub fn agents(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<AgentSpec> {
    let Some(agents) = node else { return Vec::new() };
    let mut out = Vec::new();
    for Entry { key, value } in agents.entries() {
        if let Some(agent) = agent(key, value, agents, build) {
            out.push(agent);
        }
    }
    out
}

/// `run`: each name must be an agent, or a driver that needs nothing said.
pub fn to_run(root: &Node, build: &mut Builder<'_>) -> Vec<String> {
    let defined: BTreeSet<String> = {
        let entries = root.get("agents").map_or(&[][..], Node::entries);
        entries.iter().map(|entry| entry.key.text.clone()).collect()
    };
    let mut out: Vec<String> = Vec::new();
    for item in root.get("run").map_or(&[][..], Node::items) {
        let name = build.line(Some(item));
        if name.is_empty() {
            continue;
        }
        if out.contains(&name) {
            build.notes.error(Code::Duplicate.at(item.span), format!("`{name}` stands here twice"), "keep one of them");
            continue;
        }
        if !defined.contains(&name) {
            undefined(&name, item.span, &defined, build);
        }
        out.push(name);
    }
    out
}

fn undefined(name: &str, span: Span, defined: &BTreeSet<String>, build: &mut Builder<'_>) {
    if build.names.is_later(name) {
        let what = format!("driver `{name}` is not in this version");
        return build.notes.error(Code::NotYet.at(span), what, drivers_hint(build));
    }
    match build.names.driver(name) {
        Some(driver) => {
            let needs: Vec<&str> =
                driver.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
            if !needs.is_empty() {
                let what =
                    format!("driver `{name}` cannot be run by its name alone: it needs {}", near::listed(&needs));
                build.notes.error(Code::UnknownName.at(span), what, "define an agent with it under `agents`");
            }
        }
        None => {
            let names = defined.iter().map(String::as_str).chain(build.names.drivers.iter().map(|driver| driver.name));
            let hint = near::hint(name, names, "agents and drivers are");
            build.notes.error(Code::UnknownName.at(span), format!("no agent is called `{}`", brief(name)), hint);
        }
    }
}

fn agent(key: &Key, value: &Node, agents: &Node, build: &mut Builder<'_>) -> Option<AgentSpec> {
    let whole = resolved(key, value, agents, build)?;
    let named = driver_of(value, Some(agents))?;
    let name = named.source().filter(|name| !name.is_empty())?;
    let Some(driver) = build.names.driver(name) else {
        // What it inherits is reported where it is written.
        if value.get("driver").is_some() {
            unknown_driver(name, named.span, build);
        }
        return None;
    };
    let needs = driver.fields.iter().filter(|field| field.required && whole.get(field.name).is_none());
    for field in needs.filter(|_| value.get("like").is_some()) {
        let what = format!("`{}` needs `{}`: its driver is `{name}`", key.text, field.name);
        build.notes.error(Code::Misplaced.at(key.span), what, "neither it nor the agent it is like has it");
    }
    Some(AgentSpec {
        name: key.text.clone(),
        driver: name.to_owned(),
        model: build.maybe_line(whole.get("model")),
        // A scripted model wants no key, and an agent that asks it gets none.
        secrets: secrets(whole.get("auth").filter(|_| whole.get("model_script").is_none()), build),
        rest: rest(&whole, driver, build),
    })
}

fn unknown_driver(name: &str, span: Span, build: &mut Builder<'_>) {
    if build.names.is_later(name) {
        let what = format!("driver `{name}` is not in this version");
        return build.notes.error(Code::NotYet.at(span), what, drivers_hint(build));
    }
    let hint = near::hint(name, build.names.drivers.iter().map(|driver| driver.name), "the drivers are");
    build.notes.error(Code::UnknownName.at(span), format!("no driver is called `{}`", brief(name)), hint);
}

fn drivers_hint(build: &Builder<'_>) -> String {
    let names: Vec<&str> = build.names.drivers.iter().map(|driver| driver.name).collect();
    format!("the drivers are: {}", near::listed(&names))
}

/// The agent with all it takes from those it is like.
fn resolved(key: &Key, value: &Node, agents: &Node, build: &mut Builder<'_>) -> Option<Node> {
    let mut whole = value.clone();
    let mut current = value;
    let mut seen = BTreeSet::from([key.text.as_str()]);
    while let Some(like) = current.get("like") {
        let name = like.source()?;
        if !seen.insert(name) {
            // Said once: for the first of the circle by name.
            if name == key.text && seen.first() == Some(&key.text.as_str()) {
                build.notes.error(
                    Code::Cycle.at(like.span),
                    format!("`{name}` is like itself"),
                    "one agent of the circle must have a `driver`",
                );
            }
            return None;
        }
        let Some(next) = agents.get(name) else {
            if current == value {
                let names = agents.entries().iter().map(|entry| entry.key.text.as_str());
                let hint = near::hint(name, names, "the agents are");
                build.notes.error(
                    Code::UnknownName.at(like.span),
                    format!("no agent is called `{}`", brief(name)),
                    hint,
                );
            }
            return None;
        };
        under(&mut whole, next);
        current = next;
    }
    Some(whole)
}

/// Adds what `base` has and `node` does not, maps field by field. A driver of its own takes nothing but the common fields.
fn under(node: &mut Node, base: &Node) {
    let (Kind::Map(ours), Kind::Map(theirs)) = (&mut node.kind, &base.kind) else { return };
    for entry in theirs.iter().filter(|entry| entry.key.text != "like") {
        match ours.iter_mut().find(|have| have.key.text == entry.key.text) {
            None => ours.push(entry.clone()),
            Some(have) => under(&mut have.value, &entry.value),
        }
    }
}

fn secrets(auth: Option<&Node>, build: &mut Builder<'_>) -> Vec<String> {
    let Some(names) = auth.and_then(|node| node.get("env")) else { return Vec::new() };
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for item in names.items() {
        let name = build.line(Some(item));
        if !name.is_empty() && (!name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit())) {
            let what = "this is no name of an environment variable";
            build.notes.hide(item.span);
            build.notes.error(Code::Misplaced.at(item.span), what, "write the variable's name, never its value");
        }
    }
    build.lines(Some(names))
}

/// What only the driver understands.
fn rest(whole: &Node, driver: &DriverDoc<'_>, build: &mut Builder<'_>) -> Value {
    let mut out = Map::new();
    for field in driver.fields {
        if let Some(node) = whole.get(field.name) {
            out.insert(field.name.to_owned(), driver_value(node, field, build));
        }
    }
    if let Some(path) = whole.get("model_script").and_then(|node| build.path(Some(node), Want::Either)) {
        out.insert("model_script".to_owned(), path.to_string_lossy().into_owned().into());
    }
    if let Some(settings) = whole.get("settings") {
        out.insert("settings".to_owned(), settings.to_value());
    }
    let login = whole.get("auth").and_then(Node::source) == Some("login");
    if login && whole.get("model_script").is_none() {
        out.insert("auth".to_owned(), Value::String("login".to_owned()));
    }
    Value::Object(out)
}

fn driver_value(node: &Node, field: &DriverField<'_>, build: &mut Builder<'_>) -> Value {
    match field.kind {
        FieldKind::Words => build.argv(Some(node)).into(),
        FieldKind::Text if field.path => {
            build.path(Some(node), Want::Either).map_or(Value::Null, |path| path.to_string_lossy().into_owned().into())
        }
        FieldKind::Text | FieldKind::Texts | FieldKind::Flag | FieldKind::Whole | FieldKind::Map | FieldKind::Any => {
            node.to_value()
        }
    }
}
