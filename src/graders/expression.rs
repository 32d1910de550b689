//! Rules: minijinja expressions over `metric`, `task` and `end`.
//!
//! The metrics a rule uses are found before it is evaluated: one that is undefined makes the criterion not applicable, one that is unknown makes
//! it unknown. A rule never sees a missing number, so it can never take one for 0.

use super::Evidence;
use crate::{
    metrics,
    model::{
        fault::{Boundary, Fault},
        score::{Measured, Outcome},
    },
};
use minijinja::{Environment, Expression, UndefinedBehavior, Value, context, value::Serde};
use serde_json::{Map, json};
use std::sync::LazyLock;

/// What a rule and a sentence may read of the task.
pub const TASK: &[(&str, &str)] = &[
    ("id", "the task's id"),
    ("kind", "bugfix, feature, chore, question, or empty"),
    ("tags", "list of tags"),
    ("check_kinds", "kinds of check the task declares"),
    ("stages", "number of stages"),
    ("facts", "number of facts that can be asked for"),
    ("constraints", "number of constraints"),
    ("guardrails", "number of guardrails"),
    ("twin", "whether this trial is the fully specified twin"),
];

/// What they may read of the end.
pub const END: &[(&str, &str)] =
    &[("kind", "done, limit, agent_gone, cancelled, broken or recorded"), ("why", "the reason in words, or empty")];

/// Filters that sentences are written with, and what they make.
pub const FILTERS: &[(&str, &str)] = &[
    ("percent", "0.29 is `29 %`"),
    ("part", "0 is `none`, 0.29 is `only 29 %`"),
    ("times", "1 is `once`, 2 is `twice`, 3 is `3 times`"),
    ("many('call')", "1 is `1 call`, 3 is `3 calls`"),
];

pub(super) static ENV: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_recursion_limit(64);
    env.add_filter("percent", percent);
    env.add_filter("part", |share: f64| if share > 0.0 { format!("only {}", percent(share)) } else { "none".to_owned() });
    env.add_filter("times", |number: f64| times(number));
    env.add_filter("many", |number: f64, word: &str| many(number, word));
    env
});

/// 0.29 is `29 %`; what is not all is never `100 %`, what is not nothing never `0 %`.
fn percent(share: f64) -> String {
    let whole = (share * 100.0).round();
    match share {
        share if share > 0.0 && whole < 1.0 => "less than 1 %".to_owned(),
        share if share < 1.0 && whole > 99.0 => "99 %".to_owned(),
        _ => format!("{whole:.0} %"),
    }
}

/// `once`, `twice`, `3 times`.
pub(super) fn times(number: f64) -> String {
    match metrics::number(number).as_u64() {
        Some(1) => "once".to_owned(),
        Some(2) => "twice".to_owned(),
        Some(_) | None => format!("{} times", metrics::number(number)),
    }
}

/// `1 call`, `4 calls`.
fn many(number: f64, word: &str) -> String {
    let number = metrics::number(number);
    let end = if number.as_u64() == Some(1) { "" } else { "s" };
    format!("{number} {word}{end}")
}

/// A rule that compiled, with the metrics it reads in the order of `METRICS`.
pub struct Rule {
    pub source: String,
    expression: Expression<'static, 'static>,
    pub metrics: Vec<&'static str>,
    uses_task: bool,
}

impl Rule {
    /// # Errors
    /// What is wrong with it, in a sentence each.
    pub fn new(source: &str) -> Result<Rule, Vec<String>> {
        let expression = ENV.compile_expression_owned(source.to_owned()).map_err(|error| {
            vec![format!("the rule does not compile: {}", error.detail().unwrap_or("syntax error"))]
        })?;
        let used = expression.undeclared_variables(true);
        let mut wrong: Vec<String> =
            used.iter().filter_map(|name| unknown_name(name, &["metric", "task", "end"])).collect();
        wrong.sort();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let names = |id: &&str| used.contains(&format!("metric.{id}"));
        let metrics = metrics::METRICS.iter().map(|metric| metric.id).filter(names).collect();
        let uses_task = used.iter().any(|name| name.starts_with("task."));
        Ok(Rule { source: source.to_owned(), expression, metrics, uses_task })
    }

    /// The value in 0..=1, or why there is none.
    pub fn outcome(&self, evidence: &Evidence<'_>) -> Outcome {
        self.absence(evidence).unwrap_or_else(|| match self.value(evidence).and_then(|value| self.unit(&value)) {
            Ok(value) => Outcome::Scored(value),
            Err(fault) => Outcome::Broken(fault),
        })
    }

    /// As a condition: 1 for what is true, not zero and not empty, else 0; or why it cannot be told.
    pub fn condition(&self, evidence: &Evidence<'_>) -> Outcome {
        self.absence(evidence).unwrap_or_else(|| match self.value(evidence) {
            Ok(value) => Outcome::Scored(if value.is_true() { 1.0 } else { 0.0 }),
            Err(fault) => Outcome::Broken(fault),
        })
    }

    /// Why it cannot be evaluated: a metric has no value, or there is no task.
    fn absence(&self, evidence: &Evidence<'_>) -> Option<Outcome> {
        if self.uses_task && evidence.task.is_none() {
            return Some(Outcome::NotApplicable("there is no task: this is a recorded session".to_owned()));
        }
        let mut unknown = None;
        for id in &self.metrics {
            match evidence.metric(id) {
                Some(Measured::Value(_)) => {}
                Some(Measured::Undefined(why)) => return Some(Outcome::NotApplicable(why.clone())),
                Some(Measured::Unknown(why)) => unknown = unknown.or_else(|| Some(why.clone())),
                None => unknown = unknown.or_else(|| Some(format!("`{id}` was not measured"))),
            }
        }
        unknown.map(Outcome::Unknown)
    }

    fn value(&self, evidence: &Evidence<'_>) -> Result<Value, Fault> {
        let root = context! { metric => numbers(evidence), task => task(evidence), end => end(evidence) };
        let why = |error| format!("the rule `{}` cannot be evaluated: {error}", self.source);
        self.expression.eval(root).map_err(|error| Fault::new(Boundary::Grader, "rule", why(error)))
    }

    fn unit(&self, value: &Value) -> Result<f64, Fault> {
        let number = if value.kind() == minijinja::value::ValueKind::Bool {
            Some(if value.is_true() { 1.0 } else { 0.0 })
        } else {
            f64::try_from(value.clone()).ok().filter(|_| value.is_number())
        };
        number.filter(|number| (0.0..=1.0).contains(number)).ok_or_else(|| {
            let why = format!("the rule `{}` gave {value}, not true, false or a number from 0 to 1", self.source);
            Fault::new(Boundary::Grader, "rule", why)
        })
    }
}

/// What is wrong with a variable; `None`: nothing.
pub fn unknown_name(name: &str, roots: &[&str]) -> Option<String> {
    let (root, field) = name.split_once('.').unwrap_or((name, ""));
    if !roots.contains(&root) {
        return Some(format!("unknown variable `{name}`; known here: {}", roots.join(", ")));
    }
    let known: Vec<&str> = match root {
        "metric" => metrics::METRICS.iter().map(|metric| metric.id).collect(),
        "task" => TASK.iter().map(|(name, _)| *name).collect(),
        "end" => END.iter().map(|(name, _)| *name).collect(),
        "act" => super::says::ACT.iter().map(|(name, _)| *name).collect(),
        "count" => super::says::COUNT.iter().map(|(name, _)| *name).collect(),
        _ => return None,
    };
    if known.contains(&field) {
        return None;
    }
    let near = near(field, &known).map(|near| format!("; did you mean `{root}.{near}`?")).unwrap_or_default();
    Some(format!("`{name}` does not exist{near}"))
}

/// The known name that differs least, if it is near enough to be meant.
pub fn near<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let scored = known.iter().map(|other| (distance(name, other), *other));
    scored.min().filter(|(distance, _)| *distance <= 1 + name.len() / 3).map(|(_, other)| other)
}

fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let next = (corner + usize::from(a != *b)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row.last().copied().unwrap_or(0)
}

pub(super) fn numbers(evidence: &Evidence<'_>) -> Value {
    let number =
        |(id, measured): &(&'static str, Measured)| Some(((*id).to_owned(), metrics::number(measured.number()?)));
    let map: Map<String, serde_json::Value> = evidence.metrics.iter().filter_map(number).collect();
    Value::from(Serde(map))
}

pub(super) fn task(evidence: &Evidence<'_>) -> Value {
    let Some(task) = evidence.task else { return Value::from(Serde(json!({}))) };
    Value::from(Serde(json!({
        "id": task.id, "kind": task.kind, "tags": task.tags, "check_kinds": task.check_kinds,
        "stages": task.interview.stages.len(), "facts": task.interview.facts.len(),
        "constraints": task.interview.constraints.len(), "guardrails": task.guardrails.len(), "twin": evidence.facts.twin,
    })))
}

pub(super) fn end(evidence: &Evidence<'_>) -> Value {
    Value::from(Serde(json!({ "kind": evidence.end.kind, "why": evidence.end.why })))
}
