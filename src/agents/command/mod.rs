//! Any program as an agent.
//!
//! Two ways. A program per turn: `command: [my-agent, "{{ message }}"]`, and `next: [my-agent, --resume, "{{ session }}", ..]` for
//! later turns; what it prints is its answer. Or one program for the whole conversation, `json: lines`, that is spoken to in lines of
//! JSON and answers in the trace's own vocabulary. Both are described in `docs/command-agents.md`.

mod lines;
mod turns;
mod wire;

use super::{
    Driver, Field, Seat, Session, Word,
    gone::{blamed, last_words, session_id},
};
use crate::model::{
    fault::{Boundary, Fault},
    suite::AgentSpec,
    trace::Tells,
};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

pub static DRIVER: Driver = Driver {
    name: "command",
    about: "drives any program: one per turn, or one that speaks JSON lines",
    fields: &[
        Field {
            name: "command",
            about: "command line of the first turn, or of the whole conversation",
            word: Word::Argv,
            required: true,
        },
        Field {
            name: "next",
            about: "command line of later turns; else `command` again",
            word: Word::Argv,
            required: false,
        },
        Field { name: "json", about: "`lines`: one program that speaks JSON lines", word: Word::Text, required: false },
        Field {
            name: "tells",
            about: "what its JSON lines can tell beyond calls and results",
            word: Word::Texts,
            required: false,
        },
    ],
    stand_in: false,
    tells,
    check,
    open: |seat| Box::pin(open(seat)),
};

async fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "command", mistakes.join("; "))
            .hint("`evalrun check` lists the mistakes of a suite"));
    }
    if speaks_json(&seat.spec) { lines::open(seat).await } else { Ok(turns::open(seat)) }
}

fn tells(spec: &AgentSpec) -> Tells {
    let base = Tells { times: true, snapshots: true, ..Tells::default() };
    if !speaks_json(spec) {
        return base;
    }
    let mut tells = Tells { exit_codes: true, outputs: true, failed_edits: true, ..base };
    for word in words(spec, "tells") {
        match word.as_str() {
            "plans" => tells.plans = true,
            "reasoning" => tells.reasoning = true,
            "usage" => tells.usage = true,
            "sub_agents" => tells.sub_agents = true,
            _ => {}
        }
    }
    tells
}

const TELLS: &[&str] = &["plans", "reasoning", "usage", "sub_agents"];

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    if words(spec, "command").is_empty() {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    let json = spec.rest.get("json");
    if json.is_some_and(|json| json.as_str() != Some("lines")) {
        mistakes.push("`json` can only be `lines`".to_owned());
    }
    if speaks_json(spec) && spec.rest.get("next").is_some() {
        mistakes.push("`next` and `json: lines` exclude each other: that program stays open".to_owned());
    }
    if !speaks_json(spec) && spec.rest.get("tells").is_some() {
        mistakes.push("`tells` needs `json: lines`".to_owned());
    }
    for word in words(spec, "tells").iter().filter(|word| !TELLS.contains(&word.as_str())) {
        mistakes.push(format!("`tells: {word}` is unknown: {}", TELLS.join(", ")));
    }
    for field in ["command", "next"] {
        let template = Template { words: words(spec, field) };
        mistakes.extend(template.fill(&Filling::default()).err().map(|why| format!("`{field}`: {why}")));
        if speaks_json(spec) && template.names_message() {
            mistakes.push(format!("`{field}`: with `json: lines` the message comes on stdin, not as a word"));
        }
    }
    mistakes
}

fn speaks_json(spec: &AgentSpec) -> bool {
    spec.rest.get("json").is_some()
}

fn words(spec: &AgentSpec, field: &str) -> Vec<String> {
    let list = spec.rest.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A command line with places for the message and the like.
struct Template {
    words: Vec<String>,
}

#[derive(Default)]
struct Filling<'a> {
    message: &'a str,
    session: &'a str,
    workspace: &'a str,
    home: &'a str,
}

impl Template {
    fn of(spec: &AgentSpec, field: &str) -> Template {
        Template { words: words(spec, field) }
    }

    /// Whether the message stands in a word; else it is given on stdin.
    fn names_message(&self) -> bool {
        let environment = environment();
        self.words.iter().any(|word| {
            let template = environment.template_from_str(word);
            template.is_ok_and(|template| template.undeclared_variables(false).contains("message"))
        })
    }

    fn fill(&self, with: &Filling<'_>) -> Result<Vec<String>, String> {
        let environment = environment();
        let values = context! {
            message => with.message, session => with.session, workspace => with.workspace, home => with.home,
        };
        let fill = |word: &String| {
            let filled = environment.render_str(word, &values).map_err(|error| {
                let why = error.detail().unwrap_or("cannot be filled");
                format!("`{word}`: {why}; known are message, session, workspace, home")
            })?;
            // A template's last line end is taken for the file's; a word has none.
            Ok(if word.ends_with('\n') { filled + "\n" } else { filled })
        };
        self.words.iter().map(fill).collect()
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn spec(rest: Value) -> AgentSpec {
        AgentSpec { name: "mine".into(), driver: "command".into(), model: None, secrets: vec![], rest }
    }

    #[test]
    fn mistakes_in_the_block_are_found_without_starting_anything() {
        let cases = [
            json!({"command": ["a", "{{ message }}"], "next": ["a", "{{ session }}"]}),
            json!({"command": ["a"], "json": "lines", "tells": ["plans"]}),
            json!({}),
            json!({"command": ["a"], "json": "yaml", "tells": ["all"]}),
            json!({"command": ["a", "{{ message }}"], "next": ["b"], "json": "lines"}),
            json!({"command": ["a", "{{ mesage }}", "{{"]}),
            json!({"command": ["a"], "tells": ["plans"]}),
        ];
        let all: Vec<String> =
            cases.map(|rest| format!("{rest}\n  {}", check(&spec(rest.clone())).join("\n  "))).to_vec();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn words_are_filled_one_by_one_and_never_split() {
        let template =
            Template { words: ["say", "{{ message }}", "--in={{ workspace }}", "plain\n"].map(str::to_owned).to_vec() };
        let filled = template.fill(&Filling { message: "two words; {{ 1 }}", workspace: "/w", ..Filling::default() });
        assert_eq!(filled.unwrap(), ["say", "two words; {{ 1 }}", "--in=/w", "plain\n"]);
        assert!(template.names_message());
    }
}
