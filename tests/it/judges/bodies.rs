//! What goes out to model providers, held against their own descriptions, and what comes back.

use super::{Bench, Letterbox, ask, model, need};
use evalrun::model::{
    fault::Fault,
    judge::JudgeReply,
    judge_spec::{Api, Price, VoteSpec},
};
use serde_json::{Value, json};
use std::sync::LazyLock;

static OPENAI: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&std::fs::read_to_string("fixtures/openapi/openai.subset.json").unwrap()).unwrap()
});

/// Asks once; what was sent, and what the reply became.
fn sent(vote: &VoteSpec, reply: &Value) -> (Vec<(String, Value)>, Result<JudgeReply, Fault>) {
    let letterbox = Letterbox::answering(reply);
    let bench = Bench::of(vec![VoteSpec { retries: Some(0), ..vote.clone() }]);
    let replied = ask(&bench.asking(false, Box::new(letterbox.clone())), &need("It works."));
    let sent = letterbox.sent();
    let body = |message: &super::Message| (message.url.clone(), serde_json::from_slice(&message.body).unwrap());
    (sent.iter().map(body).collect(), replied)
}

fn own(vote: VoteSpec) -> VoteSpec {
    VoteSpec { base_url: Some("http://127.0.0.1:1/v1/".to_owned()), ..vote }
}

fn holds(schema: &str, value: &Value) {
    let whole = json!({"$ref": format!("#/components/schemas/{schema}"), "components": OPENAI["components"]});
    let validator = jsonschema::validator_for(&whole).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{schema}: {wrong:#?}\n{value:#}");
}

#[test]
fn requests_of_openai_are_as_openai_describes_them() {
    let responses = own(VoteSpec { api: Some(Api::Responses), ..model("openai", "gpt-5.2") });
    let reply = json!({
        "model": "gpt-5.2-2025-12-11", "status": "completed",
        "output": [{"type": "reasoning", "summary": []},
                   {"type": "message", "content": [{"type": "output_text", "text": "{\"verdicts\":"}, {"type": "output_text", "text": "[]}"}]}],
        "usage": {"input_tokens": 900, "input_tokens_details": {"cached_tokens": 100}, "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 20}},
    });
    let priced =
        VoteSpec { price: Some(Price { input: 1_000_000, cached: Some(100_000), output: 2_000_000 }), ..responses };
    let (bodies, replied) = sent(&priced, &reply);
    assert_eq!(bodies[0].0, "http://127.0.0.1:1/v1/responses");
    holds("CreateResponse", &bodies[0].1);
    assert_eq!(bodies[0].1["text"]["format"]["strict"], true);
    let replied = replied.unwrap();
    assert_eq!((replied.text.as_str(), replied.model.as_deref()), ("{\"verdicts\":[]}", Some("gpt-5.2-2025-12-11")));
    let usage = replied.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output, usage.reasoning), (900, 100, 50, 20));
    assert_eq!(replied.micro_usd, Some(800 + 10 + 100));

    let chat = own(VoteSpec { seed: Some(3), settings: json!({"temperature": 0}), ..model("openai", "qwen3-coder") });
    let reply = json!({
        "model": "qwen3", "system_fingerprint": "fp_1",
        "choices": [{"message": {"role": "assistant", "content": "{\"verdicts\":[]}"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
    });
    let (bodies, replied) = sent(&chat, &reply);
    assert_eq!(bodies[0].0, "http://127.0.0.1:1/v1/chat/completions");
    holds("CreateChatCompletionRequest", &bodies[0].1);
    assert_eq!(
        (&bodies[0].1["seed"], &bodies[0].1["temperature"], &bodies[0].1["max_tokens"]),
        (&json!(3), &json!(0), &json!(800))
    );
    let replied = replied.unwrap();
    assert_eq!((replied.fingerprint.as_deref(), replied.micro_usd), (Some("fp_1"), None));
}

/// A field that a server does not know can be taken out.
#[test]
fn settings_go_over_the_request_field_by_field() {
    let vote = own(VoteSpec {
        settings: json!({"response_format": null, "messages": [], "stream_options": {"a": 1}}),
        ..model("openai", "small")
    });
    let (bodies, _) = sent(&vote, &json!({"choices": [{"message": {"content": "x"}}]}));
    assert_eq!(bodies[0].1, json!({"model": "small", "messages": [], "max_tokens": 800, "stream_options": {"a": 1}}));
}

#[test]
fn requests_of_anthropic_make_the_model_call_a_tool() {
    let vote = own(model("anthropic", "claude-sonnet-5"));
    let reply = json!({
        "model": "claude-sonnet-5-20260901", "stop_reason": "tool_use",
        "content": [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "name": "verdicts", "input": {"verdicts": ["z", "a"]}}],
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 80, "cache_creation_input_tokens": 10, "output_tokens": 5},
    });
    let (bodies, replied) = sent(&vote, &reply);
    assert_eq!(bodies[0].0, "http://127.0.0.1:1/v1/messages");
    let mut body = bodies[0].1.clone();
    // The nonce differs each time.
    body["system"][0]["text"] = "SYSTEM".into();
    body["messages"][0]["content"] = "USER".into();
    insta::assert_json_snapshot!(body);
    let replied = replied.unwrap();
    assert_eq!(replied.text, "{\"verdicts\":[\"z\",\"a\"]}");
    let usage = replied.usage.unwrap();
    assert_eq!((usage.input, usage.cached, usage.output), (100, 80, 5));
}

#[test]
fn replies_that_say_nothing_are_faults_of_the_judge() {
    let responses = || own(VoteSpec { api: Some(Api::Responses), ..model("openai", "a") });
    let chat = || own(model("openai", "a"));
    let anthropic = || own(model("anthropic", "a"));
    let cases = [
        (responses(), json!({"output": [{"content": [{"type": "refusal", "refusal": "I will not."}]}]}), "refused"),
        (
            responses(),
            json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}),
            "incomplete",
        ),
        (responses(), json!({"error": {"message": "The server had an error"}}), "provider"),
        (responses(), json!({}), "empty"),
        (responses(), json!("x"), "empty"),
        (chat(), json!({"choices": [{"message": {"refusal": "No."}}]}), "refused"),
        (chat(), json!({"choices": []}), "empty"),
        (chat(), json!({"choices": [{"message": {"content": 7}}]}), "format"),
        (chat(), json!({"choices": [{"message": {"content": "x".repeat(2 << 20)}}]}), "too_long"),
        (anthropic(), json!({"stop_reason": "refusal", "content": []}), "refused"),
        (anthropic(), json!({"content": []}), "empty"),
    ];
    for (vote, reply, kind) in cases {
        let (_, replied) = sent(&vote, &reply);
        let fault = replied.unwrap_err();
        assert_eq!((fault.boundary.word(), fault.kind.as_str()), ("judge", kind), "{}", fault.message);
    }
}

/// Without a key nothing is sent, and the variable is named.
#[test]
fn a_key_comes_from_the_environment_and_from_nowhere_else() {
    let vote = VoteSpec { key_env: Some("EVALRUN_TEST_NO_SUCH_KEY".to_owned()), ..own(model("openai", "a")) };
    let (bodies, replied) = sent(&vote, &json!({}));
    let fault = replied.unwrap_err();
    assert_eq!((bodies.len(), fault.kind.as_str()), (0, "no_key"));
    assert_eq!(fault.message, "the variable EVALRUN_TEST_NO_SUCH_KEY is not set, and openai:a needs it");
}
