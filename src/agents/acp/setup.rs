//! What is settled before the first turn: versions, the session, model, mode and options.

use super::{Settings, session::Conversation};
use crate::{
    agents::Seat,
    importers::acp_updates::said_error,
    model::fault::{Boundary, Fault},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The version of the protocol that is spoken here.
const PROTOCOL: u64 = 1;

/// Switches of agents that would call home, update themselves or start a second process. Others ignore them.
const SWITCHES: &[(&str, &str)] = &[
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("GEMINI_CLI_NO_RELAUNCH", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
];

/// Variables by which agents find a model elsewhere: name, and what follows the base URL.
const MODEL_AT: &[(&str, &str)] =
    &[("ANTHROPIC_BASE_URL", ""), ("GOOGLE_GEMINI_BASE_URL", ""), ("OPENAI_BASE_URL", "/v1")];

/// Keys that a scripted model does not look at and agents insist on.
const KEYS: &[&str] = &["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY"];

/// The agent's environment: the trial's, the switches, then what the suite says.
pub(super) fn env(seat: &Seat) -> BTreeMap<String, String> {
    let mut env = seat.env.clone();
    let mut add = |name: &str, value: String| {
        env.entry(name.to_owned()).or_insert(value);
    };
    SWITCHES.iter().for_each(|(name, value)| add(name, (*value).to_owned()));
    if let Some(base) = &seat.model_at {
        MODEL_AT.iter().for_each(|(name, rest)| add(name, format!("{base}{rest}")));
        KEYS.iter().for_each(|name| add(name, "scripted".to_owned()));
    }
    env.extend(Settings::of(&seat.spec).env);
    env
}

pub(super) async fn shake_hands(talk: &mut Conversation, seat: &Seat) -> Result<(), Fault> {
    let settings = Settings::of(&seat.spec);
    let offered = json!({
        "protocolVersion": PROTOCOL,
        "clientCapabilities": {
            "fs": {"readTextFile": true, "writeTextFile": true},
            "terminal": false,
            "elicitation": {"form": {}},
        },
        "clientInfo": {"name": "evalrun", "version": env!("CARGO_PKG_VERSION")},
    });
    let hello = must(talk, "initialize", offered).await?;
    if hello.get("protocolVersion").and_then(Value::as_u64) != Some(PROTOCOL) {
        let theirs = hello.get("protocolVersion").unwrap_or(&Value::Null);
        let what = format!("the agent speaks version {theirs} of the protocol, evalrun version {PROTOCOL}");
        return Err(Fault::new(Boundary::Agent, "protocol", what).hint("take a version of the agent that speaks it"));
    }
    let info = |key: &str| hello.pointer(&format!("/agentInfo/{key}")).and_then(Value::as_str);
    talk.acp.is(info("name").unwrap_or_default());
    talk.version = info("version").map(str::to_owned);
    if let Some(method) = &settings.authenticate {
        must(talk, "authenticate", json!({"methodId": method})).await?;
    }
    let new = json!({"cwd": seat.workspace, "mcpServers": []});
    let session = match talk.ask("session/new", new).await? {
        Ok(session) => session,
        Err(error) => return Err(no_session(&error, &hello)),
    };
    let id = session.get("sessionId").and_then(Value::as_str).filter(|id| !id.is_empty());
    id.ok_or_else(|| refused("session/new", "it gave no session"))?.clone_into(&mut talk.session);
    talk.acp.options(&session);
    set(talk, seat, (&settings, &session)).await
}

/// Model, mode, and other options, each in the way that the agent offers.
async fn set(talk: &mut Conversation, seat: &Seat, (settings, session): (&Settings, &Value)) -> Result<(), Fault> {
    if let Some(model) = &seat.spec.model {
        choose(
            talk,
            session,
            Choice {
                option: "model",
                value: model,
                list: "/models/availableModels",
                id: "modelId",
                method: "session/set_model",
            },
        )
        .await?;
    }
    if let Some(mode) = &settings.mode {
        choose(
            talk,
            session,
            Choice { option: "mode", value: mode, list: "/modes/availableModes", id: "id", method: "session/set_mode" },
        )
        .await?;
    }
    for (option, value) in &settings.config {
        configure(talk, option, value).await?;
    }
    Ok(())
}

/// Something that an agent offers as a list of its own, or as an option among others.
struct Choice<'a> {
    option: &'a str,
    value: &'a str,
    /// Where its own list stands, what names an entry of it, and the request that chooses.
    list: &'a str,
    id: &'a str,
    method: &'a str,
}

async fn choose(talk: &mut Conversation, session: &Value, choice: Choice<'_>) -> Result<(), Fault> {
    let Choice { option, value, list, id, method } = choice;
    let own = session.pointer(list).and_then(Value::as_array).map(Vec::as_slice);
    let options = session.get("configOptions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let among = options.iter().find(|entry| entry.get("id").and_then(Value::as_str) == Some(option));
    let offered: Vec<&str> = match (own, among) {
        (Some(own), _) => own.iter().filter_map(|entry| entry.get(id)?.as_str()).collect(),
        (None, Some(among)) => {
            let values = among.get("options").and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|entry| entry.get("value")?.as_str()).collect()
        }
        (None, None) => {
            let what = format!("the agent offers no choice of {option}, and `{value}` is asked for");
            return Err(Fault::new(Boundary::Agent, "setting", what)
                .hint(format!("leave `{option}` out, or set it in the agent's own way")));
        }
    };
    if !offered.is_empty() && !offered.contains(&value) {
        let what = format!("the agent has no {option} `{value}`");
        return Err(Fault::new(Boundary::Agent, "setting", what).hint(format!("it offers: {}", offered.join(", "))));
    }
    match own {
        // An agent that has both takes the option: lists of models are on their way out of the protocol.
        Some(_) if among.is_none() || option == "mode" => {
            let key = if option == "mode" { "modeId" } else { id };
            must(talk, method, json!({"sessionId": talk.session, key: value})).await.map(drop)
        }
        Some(_) | None => configure(talk, option, &json!(value)).await,
    }
}

async fn configure(talk: &mut Conversation, option: &str, value: &Value) -> Result<(), Fault> {
    let params = json!({"sessionId": talk.session, "configId": option, "value": value});
    let result = must(talk, "session/set_config_option", params).await?;
    talk.acp.options(&result);
    Ok(())
}

async fn must(talk: &mut Conversation, method: &str, params: Value) -> Result<Value, Fault> {
    talk.ask(method, params).await?.map_err(|error| refused(method, &said_error(&error)))
}

fn refused(method: &str, why: &str) -> Fault {
    Fault::new(Boundary::Agent, "protocol", format!("the agent refused `{method}`: {why}"))
}

/// No session: most often for want of a key.
fn no_session(error: &Value, hello: &Value) -> Fault {
    let fault = refused("session/new", &said_error(error));
    let methods = hello.get("authMethods").and_then(Value::as_array).into_iter().flatten();
    let ids: Vec<&str> = methods.filter_map(|method| method.get("id")?.as_str()).collect();
    if ids.is_empty() {
        return fault;
    }
    fault.hint(format!(
        "give it a key with `auth: {{env: [...]}}`, or name its way with `settings: {{authenticate: ...}}`: {}",
        ids.join(", ")
    ))
}
