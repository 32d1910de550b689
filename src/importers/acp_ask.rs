//! `elicitation/create`: a form that an agent wants filled in the middle of its turn. Pure, shared by driver and importer.
//!
//! The interviewer has one text as its answer, so the form is asked as one question: its message, its fields' titles, and the choices
//! of its first field. The text is then put where it fits; a form that cannot be filled is declined, never made up.

use super::value::{items, some_text, text};
use crate::model::agent::Ask;
use serde_json::{Map, Value, json};

/// A form, as far as it can be filled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    message: String,
    fields: Vec<Field>,
    /// A form behind a web page is for a person's eyes.
    pub elsewhere: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Field {
    name: String,
    title: String,
    kind: String,
    /// Value and words of each choice.
    choices: Vec<(Value, String)>,
    required: bool,
}

impl Form {
    /// Reads the parameters of the request.
    pub fn of(params: &Value) -> Form {
        let schema = params.get("requestedSchema").or_else(|| params.get("schema")).unwrap_or(&Value::Null);
        let required: Vec<&str> = items(schema, "required").iter().filter_map(Value::as_str).collect();
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let field = |(name, field): (&String, &Value)| Field {
            name: name.clone(),
            title: some_text(field, "title").or_else(|| some_text(field, "description")).unwrap_or_default().to_owned(),
            kind: text(field, "type").to_owned(),
            choices: choices(field),
            required: required.contains(&name.as_str()),
        };
        Form {
            message: text(params, "message").to_owned(),
            fields: fields.map(field).collect(),
            elsewhere: text(params, "mode") == "url",
        }
    }

    /// The one question that it is.
    pub fn ask(&self) -> Ask {
        let titles = self.fields.iter().map(|field| field.title.as_str()).filter(|title| *title != self.message);
        let parts = std::iter::once(self.message.as_str()).chain(titles).filter(|part| !part.is_empty());
        let options = self.fields.first().map_or(&[][..], |field| &field.choices);
        Ask {
            text: parts.collect::<Vec<_>>().join("\n"),
            options: options.iter().map(|(_, words)| words.clone()).collect(),
        }
    }

    /// The response for an answer; it declines where a field that must be filled cannot be.
    pub fn filled(&self, answer: &str) -> Value {
        let mut content = Map::new();
        for field in &self.fields {
            match field.value(answer) {
                Some(value) => drop(content.insert(field.name.clone(), value)),
                None if field.required || self.fields.len() == 1 => return Form::declined(),
                None => {}
            }
        }
        json!({"action": "accept", "content": content})
    }

    pub fn declined() -> Value {
        json!({"action": "decline"})
    }
}

impl Field {
    fn value(&self, answer: &str) -> Option<Value> {
        let said = answer.trim().to_lowercase();
        if !self.choices.is_empty() {
            let exact = self.choices.iter().find(|(_, words)| words.to_lowercase() == said);
            let mut within = self.choices.iter().filter(|(_, words)| has_words(&said, &words.to_lowercase()));
            // Two choices in one answer are no choice.
            let only = within.next().filter(|_| within.next().is_none());
            let chosen = exact.or(only).map(|(value, _)| value.clone())?;
            return Some(if self.kind == "array" { json!([chosen]) } else { chosen });
        }
        match self.kind.as_str() {
            "string" | "" => Some(json!(answer)),
            "boolean" => first_word(&said, &["yes", "true", "ok", "sure"])
                .then_some(json!(true))
                .or_else(|| first_word(&said, &["no", "false"]).then_some(json!(false))),
            "integer" => said.parse::<i64>().ok().map(|number| json!(number)),
            "number" => said.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| json!(number)),
            _ => None,
        }
    }
}

fn choices(field: &Value) -> Vec<(Value, String)> {
    let inner = field.get("items").unwrap_or(field);
    let titled = items(inner, "oneOf").iter().chain(items(inner, "anyOf")).filter_map(|choice| {
        let value = choice.get("const")?.clone();
        let words = some_text(choice, "title").map_or_else(|| words_of(&value), str::to_owned);
        Some((value, words))
    });
    let plain = items(inner, "enum").iter().map(|value| (value.clone(), words_of(value)));
    titled.chain(plain).collect()
}

fn words_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the words stand in the text, not as part of others.
fn has_words(text: &str, words: &str) -> bool {
    let part = |c: char| c.is_alphanumeric();
    !words.is_empty()
        && text
            .match_indices(words)
            .any(|(at, found)| !text[..at].ends_with(part) && !text[at + found.len()..].starts_with(part))
}

fn first_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|first| words.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(properties: &Value, required: &[&str]) -> Form {
        Form::of(
            &json!({"mode": "form", "message": "Which colour?", "requestedSchema": {"type": "object", "properties": properties, "required": required}}),
        )
    }

    #[test]
    fn an_answer_goes_where_it_fits_and_nothing_is_made_up() {
        let colour = form(&json!({"c": {"type": "string", "enum": ["red", "blue"]}}), &["c"]);
        assert_eq!(colour.ask(), Ask { text: "Which colour?".into(), options: vec!["red".into(), "blue".into()] });
        let accept = |content: Value| json!({"action": "accept", "content": content});
        assert_eq!(colour.filled("Blue"), accept(json!({"c": "blue"})));
        assert_eq!(colour.filled("I would take blue, please."), accept(json!({"c": "blue"})));
        assert_eq!(colour.filled("red or blue, whatever"), Form::declined());
        assert_eq!(colour.filled("bluefish"), Form::declined());
        let titled = form(&json!({"c": {"type": "string", "oneOf": [{"const": 7, "title": "Seven"}]}}), &[]);
        assert_eq!(titled.filled("seven"), accept(json!({"c": 7})));
        let several = form(
            &json!({"name": {"type": "string", "title": "A name"}, "sure": {"type": "boolean"}, "n": {"type": "integer"}}),
            &["name"],
        );
        assert_eq!(several.ask().text, "Which colour?\nA name");
        assert_eq!(several.filled("Yes, do"), accept(json!({"name": "Yes, do", "sure": true})));
        assert_eq!(several.filled("12"), accept(json!({"name": "12", "n": 12})));
        assert_eq!(form(&json!({"n": {"type": "integer"}}), &["n"]).filled("many"), Form::declined());
        assert_eq!(form(&Value::Null, &[]).filled("x"), accept(json!({})));
    }
}
