//! Chat Completions: OpenAI's older interface, which vLLM, Ollama, llama.cpp and LiteLLM speak.

use super::{
    Request, fault,
    openai::{refusal_of, with_settings},
};
use crate::model::{fault::Fault, trace::Usage};
use serde_json::{Value, json};

pub fn body(request: &Request<'_>) -> Value {
    let prompt = &request.need.prompt;
    let format = json!({"name": "verdicts", "schema": prompt.schema, "strict": true});
    let mut body = json!({
        "model": request.vote.model,
        "messages": [
            {"role": "system", "content": request.system},
            {"role": "user", "content": request.user},
        ],
        "response_format": {"type": "json_schema", "json_schema": format},
    });
    // Servers of one's own know the older name; OpenAI itself wants the newer.
    let most = if request.vote.base_url.is_some() { "max_tokens" } else { "max_completion_tokens" };
    body[most] = json!(prompt.most);
    if let Some(seed) = request.vote.seed {
        body["seed"] = json!(seed);
    }
    with_settings(body, &request.vote.settings)
}

pub fn text(json: &Value) -> Result<String, Fault> {
    let message = &json["choices"][0]["message"];
    if let Some(refusal) = message["refusal"].as_str().filter(|said| !said.is_empty()) {
        return Err(refusal_of(refusal));
    }
    match &message["content"] {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => Ok(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(fault("format", "the reply's `content` is neither a text nor a list"))
        }
    }
}

pub fn usage(json: &Value) -> Option<Usage> {
    let usage = json.get("usage").filter(|usage| usage.is_object())?;
    Some(Usage {
        input: usage["prompt_tokens"].as_u64()?,
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        output: usage["completion_tokens"].as_u64()?,
        reasoning: usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
        ..Usage::default()
    })
}
