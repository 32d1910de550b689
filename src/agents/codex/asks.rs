//! What Codex asks in the middle of a turn, and how it is answered as its schema wants it. Pure.
//!
//! ```text
//! item/commandExecution/requestApproval   a permission     {"decision": "accept" | "decline"}
//! item/fileChange/requestApproval         a permission     {"decision": "accept" | "decline"}
//! item/permissions/requestApproval        a permission     {"permissions": what was asked for | {}, "scope": "turn"}
//! execCommandApproval, applyPatchApproval a permission     {"decision": "approved" | {"denied": {"rejection": "..."}}}
//! item/tool/requestUserInput              questions        {"answers": {"<id>": {"answers": ["..."]}}}
//! mcpServer/elicitation/request           questions        {"action": "accept" | "decline", "content": {...}}
//! item/tool/call                          answered here: no tool of ours is offered
//! ```

use super::items::{list, text};
use crate::model::agent::{Ask, PermitAsk, Reply};
use serde_json::{Map, Value, json};

/// What a request wants of us.
#[derive(Clone, Debug, PartialEq)]
pub enum Wants {
    /// Answers to these, in this order.
    Answers(Vec<Ask>),
    Permission(PermitAsk),
    /// Answered without asking anybody.
    Known(Value),
    /// A method that we do not know.
    Unknown,
}

/// Reads a request. `doing` is what the item that it belongs to does, where that is known.
pub fn read(method: &str, params: &Value, doing: Option<&str>) -> Wants {
    match method {
        "item/commandExecution/requestApproval" => permission(params, text(params, "command"), doing),
        "item/fileChange/requestApproval" => permission(params, "", doing.or(Some("change files"))),
        "item/permissions/requestApproval" => {
            let asked = params.get("permissions").map(Value::to_string).unwrap_or_default();
            permission(params, &format!("more permissions: {asked}"), None)
        }
        "execCommandApproval" => {
            let words: Vec<&str> = list(params, "command").iter().filter_map(Value::as_str).collect();
            permission(params, &words.join(" "), None)
        }
        "applyPatchApproval" => {
            let files = params.get("fileChanges").and_then(Value::as_object);
            let paths: Vec<&str> = files.into_iter().flatten().map(|(path, _)| path.as_str()).collect();
            permission(params, &format!("change {}", paths.join(", ")), None)
        }
        "item/tool/requestUserInput" => {
            let ask = |question: &Value| Ask {
                text: text(question, "question").to_owned(),
                options: list(question, "options").iter().map(|option| text(option, "label").to_owned()).collect(),
            };
            match list(params, "questions").iter().map(ask).collect::<Vec<_>>() {
                asks if asks.is_empty() => Wants::Known(json!({"answers": {}})),
                asks => Wants::Answers(asks),
            }
        }
        "mcpServer/elicitation/request" if text(params, "mode") == "url" => {
            let what = format!("{}: open {}", text(params, "message"), text(params, "url"));
            Wants::Permission(PermitAsk { what })
        }
        "mcpServer/elicitation/request" => Wants::Answers(form(params)),
        "item/tool/call" => {
            let words = "there is no such tool in this session";
            Wants::Known(json!({"success": false, "contentItems": [{"type": "inputText", "text": words}]}))
        }
        _ => Wants::Unknown,
    }
}

fn permission(params: &Value, what: &str, doing: Option<&str>) -> Wants {
    let reason = text(params, "reason");
    let what = [what, doing.unwrap_or_default(), reason].into_iter().find(|words| !words.is_empty());
    Wants::Permission(PermitAsk { what: what.unwrap_or("something that it does not name").to_owned() })
}

/// A form asks for its message where it has one field, else for each field by its name.
fn form(params: &Value) -> Vec<Ask> {
    let fields = fields(params);
    let message = text(params, "message");
    let ask = |(name, field): &(&String, &Value)| {
        let title = [text(field, "title"), text(field, "description"), name.as_str()];
        let title = title.into_iter().find(|title| !title.is_empty()).unwrap_or_default();
        let words = if fields.len() < 2 { message.to_owned() } else { format!("{message} {title}") };
        Ask { text: words, options: choices(field).into_iter().map(|(_, shown)| shown).collect() }
    };
    match fields.iter().map(ask).collect::<Vec<_>>() {
        asks if asks.is_empty() => vec![Ask { text: message.to_owned(), options: Vec::new() }],
        asks => asks,
    }
}

/// Forms with more fields than this are asked for the first ones.
const MOST_FIELDS: usize = 20;

fn fields(params: &Value) -> Vec<(&String, &Value)> {
    let all = params.pointer("/requestedSchema/properties").and_then(Value::as_object);
    all.into_iter().flatten().take(MOST_FIELDS).collect()
}

/// What a field may hold, and how each is shown.
fn choices(field: &Value) -> Vec<(Value, String)> {
    let named = [list(field, "oneOf"), list(field.get("items").unwrap_or(&Value::Null), "anyOf")].concat();
    if !named.is_empty() {
        return named.iter().map(|one| (one["const"].clone(), text(one, "title").to_owned())).collect();
    }
    let inner = field.get("items").unwrap_or(field);
    let names = list(field, "enumNames");
    let shown = |(at, one): (usize, &Value)| {
        let own = one.as_str().map_or_else(|| one.to_string(), str::to_owned);
        (one.clone(), names.get(at).and_then(Value::as_str).map_or(own, str::to_owned))
    };
    list(inner, "enum").iter().enumerate().map(shown).collect()
}

/// The answer to a request, from one reply for each thing that was asked.
pub fn answer(method: &str, params: &Value, replies: &[Reply]) -> Value {
    let allowed = matches!(replies.first(), Some(Reply::Allow));
    match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
            json!({"decision": if allowed { "accept" } else { "decline" }})
        }
        "item/permissions/requestApproval" => {
            let asked = params.get("permissions").filter(|_| allowed).cloned();
            json!({"permissions": asked.unwrap_or_else(|| json!({})), "scope": "turn"})
        }
        "execCommandApproval" | "applyPatchApproval" if allowed => json!({"decision": "approved"}),
        "execCommandApproval" | "applyPatchApproval" => {
            json!({"decision": {"denied": {"rejection": said(replies.first())}}})
        }
        "item/tool/requestUserInput" => {
            let ids = list(params, "questions").iter().map(|question| text(question, "id").to_owned());
            let answers = ids.zip(replies).map(|(id, reply)| (id, json!({"answers": [said(Some(reply))]})));
            json!({"answers": answers.collect::<Map<String, Value>>()})
        }
        _ if text(params, "mode") == "url" => json!({"action": if allowed { "accept" } else { "decline" }}),
        _ => elicited(params, replies),
    }
}

fn said(reply: Option<&Reply>) -> String {
    match reply {
        Some(Reply::Text(text) | Reply::Deny(text)) => text.clone(),
        Some(Reply::Allow) => "yes".to_owned(),
        None => String::new(),
    }
}

/// An answer that does not fit its field declines the form: an invented value would be worse than none.
fn elicited(params: &Value, replies: &[Reply]) -> Value {
    let fields = fields(params);
    let mut content = Map::new();
    for ((name, field), reply) in fields.iter().zip(replies) {
        match value(field, said(Some(reply)).trim()) {
            Some(value) => drop(content.insert((*name).clone(), value)),
            None => return json!({"action": "decline"}),
        }
    }
    json!({"action": "accept", "content": content})
}

fn value(field: &Value, words: &str) -> Option<Value> {
    let choices = choices(field);
    let chosen = || {
        let same = |shown: &str| shown.eq_ignore_ascii_case(words);
        choices
            .iter()
            .find(|(value, shown)| same(shown) || value.as_str().is_some_and(same))
            .map(|(value, _)| value.clone())
    };
    match text(field, "type") {
        "boolean" => match words.to_lowercase().trim_end_matches('.') {
            "yes" | "true" | "y" => Some(json!(true)),
            "no" | "false" | "n" => Some(json!(false)),
            _ => None,
        },
        "integer" => words.parse::<i64>().ok().map(|number| json!(number)),
        "number" => words.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| json!(number)),
        "array" => chosen().map(|one| json!([one])),
        _ if choices.is_empty() => Some(json!(words)),
        _ => chosen(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_asked_field_by_field_and_answers_fit_their_fields() {
        let params = json!({"mode": "form", "message": "Deploy?", "requestedSchema": {"type": "object", "properties": {
            "where": {"type": "string", "enum": ["eu", "us"], "enumNames": ["Europe", "America"]},
            "sure": {"type": "boolean", "title": "Are you sure?"},
            "count": {"type": "integer", "description": "How many?"},
        }}});
        let Wants::Answers(asks) = read("mcpServer/elicitation/request", &params, None) else { panic!("no questions") };
        let texts: Vec<&str> = asks.iter().map(|ask| ask.text.as_str()).collect();
        assert_eq!(texts, ["Deploy? where", "Deploy? Are you sure?", "Deploy? How many?"]);
        assert_eq!(asks[0].options, ["Europe", "America"]);
        let reply = |words: [&str; 3]| {
            let replies = words.map(|words| Reply::Text(words.to_owned()));
            answer("mcpServer/elicitation/request", &params, &replies)
        };
        let content = json!({"where": "eu", "sure": true, "count": 3});
        assert_eq!(reply(["europe", "Yes.", "3"]), json!({"action": "accept", "content": content}));
        assert_eq!(reply(["Mars", "Yes.", "3"]), json!({"action": "decline"}));
        assert_eq!(reply(["us", "perhaps", "3"]), json!({"action": "decline"}));
    }
}
