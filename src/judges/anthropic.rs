//! `anthropic`: the Messages API. The schema goes in as the input of a tool that the model must call, which every model and every compatible
//! server understands.

use super::{
    Desk, Failed, Message, Provider, Request, Response, fault, key,
    openai::{priced, with_settings},
    patience,
    refusal::refused,
    text_of,
};
use crate::model::{
    fault::Fault,
    judge::{JudgeReply, Kept},
    judge_spec::VoteSpec,
    trace::Usage,
};
use chrono::Utc;
use serde_json::{Value, json};

pub const ANTHROPIC: Provider = Provider {
    name: "anthropic",
    about: "a model of Anthropic (`anthropic:MODEL`)",
    model: true,
    check: |vote| key(vote, KEY).err(),
    complete: |request, desk| Box::pin(complete(request, desk)),
};

const KEY: &str = "ANTHROPIC_API_KEY";
const HOME: &str = "https://api.anthropic.com";
const VERSION: &str = "2023-06-01";
const TOOL: &str = "verdicts";

async fn complete(request: &Request<'_>, desk: &Desk<'_>) -> Result<JudgeReply, Failed> {
    let message = message(request)?;
    let response = desk.post.post(message).await?;
    reply(request.vote, &response)
}

/// The address that a vote's requests go to.
pub(super) fn url(vote: &VoteSpec) -> String {
    vote.base_url.clone().unwrap_or_else(|| HOME.to_owned())
}

fn message(request: &Request<'_>) -> Result<Message, Fault> {
    let vote = request.vote;
    let base = vote.base_url.as_deref().unwrap_or(HOME).trim_end_matches('/').trim_end_matches("/v1");
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("anthropic-version".to_owned(), VERSION.to_owned()),
    ];
    headers.extend(key(vote, KEY)?.map(|key| ("x-api-key".to_owned(), key)));
    let body = body(request).to_string().into_bytes();
    Ok(Message { url: format!("{base}/v1/messages"), headers, body, timeout: patience(vote) })
}

fn body(request: &Request<'_>) -> Value {
    let prompt = &request.need.prompt;
    // The system part is the same for every call of a run: the provider keeps it from here.
    let body = json!({
        "model": request.vote.model,
        "max_tokens": prompt.most,
        "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": request.user}],
        "tools": [{"name": TOOL, "description": "Gives the verdicts.", "input_schema": prompt.schema}],
        "tool_choice": {"type": "tool", "name": TOOL},
    });
    with_settings(body, &request.vote.settings)
}

fn reply(vote: &VoteSpec, response: &Response) -> Result<JudgeReply, Failed> {
    if !(200..300).contains(&response.status) {
        return Err(refused(&vote.by(), response, Utc::now()));
    }
    let json: Value = serde_json::from_slice(&response.body).map_err(|error| {
        fault("no_json", format!("{} answered {} with what is no JSON: {error}", vote.by(), response.status))
            .retryable()
    })?;
    let reply = JudgeReply {
        text: text_of(&text(&json)?)?,
        by: vote.by(),
        model: json["model"].as_str().map(str::to_owned),
        fingerprint: None,
        usage: usage(&json),
        micro_usd: None,
        kept: Kept::Live,
    };
    Ok(priced(vote, reply))
}

/// What went into the tool; else what was said.
fn text(json: &Value) -> Result<String, Fault> {
    if json["stop_reason"] == "refusal" {
        return Err(super::openai::refusal_of("no reason given"));
    }
    let parts = || json["content"].as_array().into_iter().flatten();
    let called = parts().find(|part| part["type"] == "tool_use").map(|part| part["input"].to_string());
    let said = || parts().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()).collect();
    Ok(called.unwrap_or_else(said))
}

/// Here the input leaves out what came from and went into the provider's cache; ours counts all of it.
fn usage(json: &Value) -> Option<Usage> {
    let usage = json.get("usage").filter(|usage| usage.is_object())?;
    let number = |name: &str| usage[name].as_u64().unwrap_or(0);
    let (read, written) = (number("cache_read_input_tokens"), number("cache_creation_input_tokens"));
    Some(Usage {
        input: usage["input_tokens"].as_u64()?.saturating_add(read).saturating_add(written),
        cached: read,
        output: usage["output_tokens"].as_u64()?,
        ..Usage::default()
    })
}
