//! The `config.toml` of a trial: what makes Codex run the same way everywhere, and the agent's own settings. Pure.

use super::toml;
use serde_json::{Map, Value, json};

/// What a configuration is made of.
pub struct Given<'a> {
    pub model: Option<&'a str>,
    /// The suite's `settings`, as written.
    pub settings: &'a Value,
    /// The variable that holds the key, where the suite names one.
    pub key: Option<&'a str>,
    /// Base URL of a scripted model, without a path.
    pub model_at: Option<&'a str>,
    pub workspace: &'a str,
    pub approvals: &'a str,
}

/// The variable that a scripted model's key stands in: Codex wants one, the model does not look at it.
pub const SCRIPTED_KEY: &str = "EVALRUN_MODEL_KEY";
/// The name of the provider that we write.
const PROVIDER: &str = "evalrun";
const OPENAI: &str = "https://api.openai.com/v1";

/// The text of `config.toml`.
pub fn config(given: &Given<'_>) -> String {
    let mut root = json!({
        "approval_policy": given.approvals,
        "sandbox_mode": "danger-full-access",
        "check_for_update_on_startup": false,
        "analytics": {"enabled": false},
        "otel": {"exporter": "none"},
    });
    if let Some(model) = given.model {
        root["model"] = json!(model);
    }
    let own_provider = given.settings.get("model_provider").is_some();
    if let Some(key) = given.key.filter(|_| !own_provider) {
        over(&mut root, &provider(&json!({"base_url": OPENAI, "env_key": key})));
    }
    over(&mut root, given.settings);
    // What follows is not the agent's to choose.
    if let Some(at) = given.model_at {
        let base = format!("{}/v1", at.trim_end_matches('/'));
        let retries = json!({"base_url": base, "env_key": SCRIPTED_KEY, "request_max_retries": 0, "stream_max_retries": 0,
            "supports_websockets": false});
        over(&mut root, &provider(&retries));
    }
    let mut trusted = Map::new();
    trusted.insert(given.workspace.to_owned(), json!({"trust_level": "trusted"}));
    over(&mut root, &json!({"projects": trusted}));
    toml::document(root.as_object().unwrap_or(&Map::new()))
}

fn provider(fields: &Value) -> Value {
    let mut provider = json!({"name": PROVIDER, "wire_api": "responses"});
    over(&mut provider, fields);
    json!({"model_provider": PROVIDER, "model_providers": {PROVIDER: provider}})
}

/// Lays `above` over `below`, maps field by field.
fn over(below: &mut Value, above: &Value) {
    let (Value::Object(below), Value::Object(above)) = (below, above) else { return };
    for (name, value) in above {
        match below.get_mut(name) {
            Some(have) if have.is_object() && value.is_object() => over(have, value),
            Some(_) | None => drop(below.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given<'a>(settings: &'a Value, workspace: &'a str) -> Given<'a> {
        Given { model: Some("gpt-5.5"), settings, key: None, model_at: None, workspace, approvals: "on-request" }
    }

    #[test]
    fn what_is_written_for_a_trial() {
        let settings = json!({
            "model_reasoning_effort": "high",
            "sandbox_mode": "read-only",
            "analytics": {"sample": 0.5},
            "mcp_servers": {"docs \"x\"": {"command": "docs-mcp", "args": ["a\\b", "c\nd"], "env": null}},
            "projects": {"/w": {"trust_level": "untrusted"}},
        });
        let own = config(&given(&settings, "/w"));
        let keyed = config(&Given { key: Some("OPENAI_API_KEY"), ..given(&Value::Null, "/w \"x\"") });
        let scripted = config(&Given {
            key: Some("OPENAI_API_KEY"),
            model_at: Some("http://127.0.0.1:8101"),
            ..given(&json!({"model_provider": "mine"}), "/w")
        });
        insta::assert_snapshot!([own, keyed, scripted].join("\n----\n"));
    }
}
