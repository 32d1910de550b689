//! From questions and a record to a whole prompt. The words stand in `graders/prompts/*.j2`.
//!
//! What is the same for many calls comes first (the rules, then the record), so that a provider can keep it: the criteria follow the record, and
//! the task is said once more after it. A template that names a variable nobody gives is found when it is read, with its file and line.

use super::{Proof, Question, selection::View};
use crate::model::judge::{NONCE, Prompt, Verdict};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use serde_json::json;
use std::sync::LazyLock;

/// Tokens of a reply: for each criterion, and for its frame.
const ANSWER: u64 = 900;
const FRAME: u64 = 200;

/// Every template that ships.
pub static SHIPPED: &[(&str, &str)] = &[
    ("graders/prompts/system.j2", include_str!("../../graders/prompts/system.j2")),
    ("graders/prompts/user.j2", include_str!("../../graders/prompts/user.j2")),
];

/// What a template may name, beside the loops' own variables.
pub const VARIABLES: &[&str] =
    &["nonce", "part", "parts", "record", "facts", "view", "superseded", "dimension", "questions", "mistakes"];

static TEMPLATES: LazyLock<Result<Templates, Vec<String>>> = LazyLock::new(|| Templates::read(SHIPPED));

/// Templates that were read and tried.
#[derive(Debug)]
pub struct Templates {
    env: Environment<'static>,
    names: (String, String),
}

/// What a prompt is made of.
pub struct Asked<'a> {
    pub dimension: &'a str,
    pub questions: &'a [&'a Question],
    pub view: View,
    pub record: &'a str,
    pub facts: &'a [String],
    pub superseded: usize,
    /// Counted from 1, and how many there are.
    pub part: (usize, usize),
    /// What was wrong with the reply before.
    pub mistakes: &'a [String],
    pub most: u32,
}

impl Templates {
    /// The shipped ones.
    ///
    /// # Errors
    /// As `read`; a test holds that there is none.
    pub fn shipped() -> Result<&'static Templates, &'static [String]> {
        TEMPLATES.as_ref().map_err(Vec::as_slice)
    }

    /// The first is the system's, the second the user's text.
    ///
    /// # Errors
    /// `file:line: what`, for each template that does not compile or names what nobody gives.
    pub fn read(files: &[(&str, &str)]) -> Result<Templates, Vec<String>> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let mut wrong = Vec::new();
        for (name, text) in files {
            if let Err(error) = env.add_template_owned((*name).to_owned(), (*text).to_owned()) {
                wrong.push(told(&error, name));
                continue;
            }
            wrong.extend(unknown(&env, name, text));
        }
        if wrong.is_empty() {
            wrong = files
                .iter()
                .flat_map(|(name, _)| samples().into_iter().filter_map(|sample| tried(&env, name, sample)))
                .collect();
            wrong.dedup();
        }
        let [(system, _), (user, _)] = files else {
            return Err(vec![format!("two templates are needed, the system's and the user's, not {}", files.len())]);
        };
        let names = ((*system).to_owned(), (*user).to_owned());
        if wrong.is_empty() { Ok(Templates { env, names }) } else { Err(wrong) }
    }

    /// # Errors
    /// Never for templates that were read; minijinja's type asks for it.
    pub fn prompt(&self, asked: &Asked<'_>) -> Result<Prompt, String> {
        let ids: Vec<&str> = asked.questions.iter().map(|question| question.id.as_str()).collect();
        let values = variables(asked);
        let render = |name: &str| {
            let template = self.env.get_template(name).map_err(|error| told(&error, name))?;
            template.render(&values).map_err(|error| told(&error, name))
        };
        Ok(Prompt {
            system: render(&self.names.0)?,
            user: render(&self.names.1)?,
            schema: schema(&ids),
            most: asked.most,
        })
    }
}

/// Tokens that a reply about so many criteria may take, in a window of this size.
pub fn most(criteria: usize, window: u64) -> u32 {
    let wanted = ANSWER * criteria as u64 + FRAME;
    u32::try_from(wanted.min(window / 4)).unwrap_or(u32::MAX)
}

/// JSON Schema of a reply, as strict as providers take it: every property required, nothing else allowed.
pub fn schema(ids: &[&str]) -> serde_json::Value {
    let words: Vec<&str> = Verdict::ALL.iter().map(|verdict| verdict.word()).collect();
    let evidence = json!({"type": "array", "items": {
        "type": "object",
        "properties": {"event": {"type": "integer"}, "quote": {"type": "string"}},
        "required": ["event", "quote"],
        "additionalProperties": false,
    }});
    let answer = json!({
        "type": "object",
        "properties": {
            "criterion": {"type": "string", "enum": ids},
            "expectation": {"type": "string"},
            "evidence": evidence,
            "reasoning": {"type": "string"},
            "verdict": {"type": "string", "enum": words},
        },
        "required": ["criterion", "expectation", "evidence", "reasoning", "verdict"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {"answers": {"type": "array", "items": answer}},
        "required": ["answers"],
        "additionalProperties": false,
    })
}

fn variables(asked: &Asked<'_>) -> Value {
    let question = |question: &&Question| {
        context! {
            id => question.id.clone(),
            text => question.text.clone(),
            gloss => question.gloss.clone(),
            flagged => question.flag.is_some(),
            proof => match question.proof { Proof::Presence => "presence", Proof::Absence => "absence", Proof::Either => "either" },
        }
    };
    context! {
        nonce => NONCE,
        dimension => asked.dimension,
        part => asked.part.0,
        parts => asked.part.1,
        record => asked.record,
        facts => asked.facts.to_vec(),
        view => match asked.view { View::Full | View::Both => "full", View::Actions => "actions", View::Messages => "messages" },
        superseded => asked.superseded,
        questions => asked.questions.iter().map(question).collect::<Vec<Value>>(),
        mistakes => asked.mistakes.to_vec(),
    }
}

/// Every branch of a template once: with and without parts, flags, facts and mistakes.
fn samples() -> Vec<Value> {
    let facts = ["tool calls: 1 (0 failed, 0 denied)".to_owned()];
    let question = |proof, flag: Option<&str>| Question {
        id: "sample".to_owned(),
        text: "Is it so?".to_owned(),
        gloss: flag.map_or_else(|| "It is.".to_owned(), |_| String::new()),
        proof,
        flag: flag.map(str::to_owned),
        selection: super::Selection::default(),
    };
    let questions =
        [question(Proof::Presence, None), question(Proof::Absence, None), question(Proof::Either, Some("flagged"))];
    let all: Vec<&Question> = questions.iter().collect();
    let asked = |view, whole: bool| Asked {
        dimension: "sample",
        questions: if whole { &all } else { &all[..1] },
        view,
        record: "e0 t1 user\n",
        facts: if whole { &facts } else { &[] },
        superseded: usize::from(whole),
        part: if whole { (1, 2) } else { (1, 1) },
        mistakes: if whole { &facts } else { &[] },
        most: 0,
    };
    [(View::Full, true), (View::Actions, false), (View::Messages, true)]
        .map(|(view, whole)| variables(&asked(view, whole)))
        .into()
}

fn tried(env: &Environment<'static>, name: &str, sample: Value) -> Option<String> {
    let template = env.get_template(name).ok()?;
    template.render(sample).err().map(|error| told(&error, name))
}

/// Variables that nobody gives, each with the line it stands in.
fn unknown(env: &Environment<'static>, name: &str, text: &str) -> Vec<String> {
    let Ok(template) = env.get_template(name) else { return Vec::new() };
    let mut found: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|variable| !VARIABLES.contains(&variable.as_str()))
        .collect();
    found.sort();
    let line = |variable: &str| text.lines().position(|line| names(line, variable)).map_or(1, |at| at + 1);
    let known = VARIABLES.join(", ");
    found
        .iter()
        .map(|variable| format!("{name}:{}: unknown variable `{variable}`; known here: {known}", line(variable)))
        .collect()
}

/// Whether a line names a variable inside braces.
fn names(line: &str, variable: &str) -> bool {
    let inside = |part: &str| {
        part.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
            .any(|word| word.split('.').next() == Some(variable))
    };
    line.split('{').skip(1).any(|part| inside(part.split('}').next().unwrap_or(part)))
}

fn told(error: &minijinja::Error, name: &str) -> String {
    let line = error.line().map_or(String::new(), |line| format!("{line}:"));
    let what = match error.kind() {
        ErrorKind::UndefinedError => "names a variable or field that nobody gives".to_owned(),
        _ => error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    };
    let file = error.name().unwrap_or(name);
    format!("{file}:{line} {what}")
}
