//! `openai`: the Responses API; Chat Completions where a server of one's own is named (`chat.rs`).

use super::{
    Desk, Failed, Message, Provider, Request, Response, chat, fault, key, patience,
    prices::{cost, price_of},
    refusal::refused,
    text_of,
};
use crate::model::{
    fault::Fault,
    judge::JudgeReply,
    judge_spec::{Api, VoteSpec},
    trace::Usage,
};
use chrono::Utc;
use serde_json::{Map, Value, json};

pub const OPENAI: Provider = Provider {
    name: "openai",
    about: "a model of OpenAI (`openai:MODEL`), or of any server that speaks its Chat Completions (`base_url`)",
    model: true,
    check: |vote| key(vote, KEY).err(),
    complete: |request, desk| Box::pin(complete(request, desk)),
};

const KEY: &str = "OPENAI_API_KEY";
const HOME: &str = "https://api.openai.com/v1";

/// Which of the two interfaces is spoken.
pub(super) fn api(vote: &VoteSpec) -> Api {
    vote.api.unwrap_or(if vote.base_url.is_some() { Api::Chat } else { Api::Responses })
}

async fn complete(request: &Request<'_>, desk: &Desk<'_>) -> Result<JudgeReply, Failed> {
    let message = message(request)?;
    let response = desk.post.post(message).await?;
    reply(request.vote, &response)
}

fn message(request: &Request<'_>) -> Result<Message, Fault> {
    let vote = request.vote;
    let base = vote.base_url.as_deref().unwrap_or(HOME).trim_end_matches('/');
    let (path, body) = match api(vote) {
        Api::Responses => ("responses", body(request)),
        Api::Chat => ("chat/completions", chat::body(request)),
    };
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(key(vote, KEY)?.map(|key| ("authorization".to_owned(), format!("Bearer {key}"))));
    let url = format!("{base}/{path}");
    Ok(Message { url, headers, body: body.to_string().into_bytes(), timeout: patience(vote) })
}

/// The address that a vote's requests go to.
pub(super) fn url(vote: &VoteSpec) -> String {
    vote.base_url.clone().unwrap_or_else(|| HOME.to_owned())
}

/// A request of the Responses API. The parts that are the same for many calls come first: the provider caches by beginnings.
pub(super) fn body(request: &Request<'_>) -> Value {
    let prompt = &request.need.prompt;
    let body = json!({
        "model": request.vote.model,
        "instructions": request.system,
        "input": request.user,
        "text": {"format": {"type": "json_schema", "name": "verdicts", "schema": prompt.schema, "strict": true}},
        "max_output_tokens": prompt.most,
        "store": false,
    });
    with_settings(body, &request.vote.settings)
}

/// The suite's settings over a body, field by field; `null` takes a field out.
pub(super) fn with_settings(body: Value, settings: &Value) -> Value {
    let (Value::Object(mut body), Value::Object(settings)) = (body.clone(), settings) else { return body };
    over(&mut body, settings);
    Value::Object(body)
}

fn over(body: &mut Map<String, Value>, settings: &Map<String, Value>) {
    for (name, value) in settings {
        match (body.get_mut(name), value) {
            (_, Value::Null) => {
                body.shift_remove(name);
            }
            (Some(Value::Object(inner)), Value::Object(more)) => over(inner, more),
            _ => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
}

/// A reply of either interface.
pub(super) fn reply(vote: &VoteSpec, response: &Response) -> Result<JudgeReply, Failed> {
    if !(200..300).contains(&response.status) {
        return Err(refused(&vote.by(), response, Utc::now()));
    }
    let json: Value = serde_json::from_slice(&response.body).map_err(|error| {
        fault("no_json", format!("{} answered {} with what is no JSON: {error}", vote.by(), response.status))
            .retryable()
    })?;
    let read = match api(vote) {
        Api::Responses => text(&json),
        Api::Chat => chat::text(&json),
    };
    let usage = match api(vote) {
        Api::Responses => usage(&json),
        Api::Chat => chat::usage(&json),
    };
    Ok(priced(
        vote,
        JudgeReply {
            text: text_of(&read?)?,
            by: vote.by(),
            model: json["model"].as_str().map(str::to_owned),
            fingerprint: json["system_fingerprint"].as_str().map(str::to_owned),
            usage,
            micro_usd: None,
            kept: crate::model::judge::Kept::Live,
        },
    ))
}

/// With what it cost, where that is known.
pub(super) fn priced(vote: &VoteSpec, reply: JudgeReply) -> JudgeReply {
    let micro_usd = reply.usage.as_ref().and_then(|usage| Some(cost(price_of(vote)?, usage)));
    JudgeReply { micro_usd, ..reply }
}

fn text(json: &Value) -> Result<String, Fault> {
    if let Some(message) = json["error"]["message"].as_str() {
        return Err(fault("provider", message.chars().take(300).collect::<String>()).retryable());
    }
    let parts =
        || json["output"].as_array().into_iter().flatten().filter_map(|item| item["content"].as_array()).flatten();
    if let Some(refusal) = parts().find_map(|part| part["refusal"].as_str()) {
        return Err(refusal_of(refusal));
    }
    let text: String =
        parts().filter(|part| part["type"] == "output_text").filter_map(|part| part["text"].as_str()).collect();
    if text.is_empty() && json["status"] == "incomplete" {
        let why = json["incomplete_details"]["reason"].as_str().unwrap_or("unknown");
        return Err(fault("incomplete", format!("the reply ended before its first word: {why}")));
    }
    Ok(text)
}

pub(super) fn refusal_of(said: &str) -> Fault {
    fault("refused", format!("the judge refused to answer: {}", said.chars().take(300).collect::<String>()))
}

fn usage(json: &Value) -> Option<Usage> {
    let usage = json.get("usage").filter(|usage| usage.is_object())?;
    Some(Usage {
        input: usage["input_tokens"].as_u64()?,
        cached: usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        output: usage["output_tokens"].as_u64()?,
        reasoning: usage["output_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
        ..Usage::default()
    })
}
