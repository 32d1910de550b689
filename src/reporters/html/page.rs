//! The template engine as every page uses it: strict, escaping everything, with the policy that pins style and script.

use super::super::words::visible;
use crate::model::fault::{Boundary, Fault};
use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Serde, ValueKind},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The templates by name. `trial_*` are the parts of one page, written one after the other: a long trace never stands in memory twice.
const TEMPLATES: &[(&str, &str)] = &[
    ("page", include_str!("../../../reports/page.j2")),
    ("report", include_str!("../../../reports/report.html.j2")),
    ("compared", include_str!("../../../reports/compared.html.j2")),
    ("comparison", include_str!("../../../reports/comparison.j2")),
    ("trial", include_str!("../../../reports/trial.html.j2")),
    ("events", include_str!("../../../reports/events.html.j2")),
    ("trial_end", include_str!("../../../reports/trial_end.html.j2")),
];
const STYLE: &str = include_str!("../../../reports/report.css");
const SCRIPT: &str = include_str!("../../../reports/trial.js");

pub(super) struct Pages {
    env: Environment<'static>,
}

impl Pages {
    /// # Errors
    /// When a template of ours does not parse; a test renders them all.
    pub fn new() -> Result<Pages, Fault> {
        let mut env = Environment::new();
        env.set_auto_escape_callback(|_| AutoEscape::Html);
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_formatter(write_value);
        env.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|error| wrong(&error))?,
        );
        env.add_filter("coded", coded);
        // The only safe strings are these two constants; `|safe` stands in no template.
        env.add_global("style", Value::from_safe_string(STYLE.to_owned()));
        env.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
        env.add_global("policy", Value::from_safe_string(policy()));
        for (name, source) in TEMPLATES {
            env.add_template(name, source).map_err(|error| wrong(&error))?;
        }
        Ok(Pages { env })
    }

    /// # Errors
    /// When a template of ours asks for what the view does not hold.
    pub fn render(&self, template: &str, view: impl Serialize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let template = self.env.get_template(template).map_err(|error| wrong(&error))?;
        template.render_captured_to(Serde(view), out).map(|_| ()).map_err(|error| wrong(&error))
    }
}

/// A sentence parted at its code spans: odd parts are code. A lone backtick stays what it is.
fn coded(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('`').collect();
    let whole = parts.len() - (1 - parts.len() % 2);
    let mut out: Vec<String> = parts[..whole].iter().map(|part| (*part).to_owned()).collect();
    if let (Some(rest), Some(last)) = (parts.get(whole), out.last_mut()) {
        last.push('`');
        last.push_str(rest);
    }
    out
}

/// Nothing but the one style and the one script, by their hashes.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match (value.kind(), value.as_str()) {
        (_, Some(text)) if value.is_safe() => out.write_str(text).map_err(failed),
        (_, Some(text)) => escape(out, &visible(text)),
        (ValueKind::Number, _) => out.write_str(&value.to_string()).map_err(failed),
        (_, None) => minijinja::escape_formatter(out, state, value),
    }
}

/// `& < > " '`: in text and in quoted attributes nothing else can break out.
fn escape(out: &mut Output<'_>, text: &str) -> Result<(), minijinja::Error> {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.write_str(&text[from..at]).and_then(|()| out.write_str(entity)).map_err(failed)?;
        from = at + 1;
    }
    out.write_str(&text[from..]).map_err(failed)
}

fn failed(_: std::fmt::Error) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::WriteFailure, "the page could not be written")
}

fn wrong(error: &minijinja::Error) -> Fault {
    Fault::new(Boundary::Store, "template", format!("a page could not be made: {error}"))
        .hint("this is a mistake in evalrun; the other reports are complete")
}
