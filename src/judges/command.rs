//! `command`: any program that judges. It reads one JSON object on standard input, or the prompt alone (`input: text`), and writes its reply to
//! standard output. It runs under the supervisor, in a folder of its own that holds `trace.jsonl` and, where there is one, a copy of the
//! workspace; nothing of it reaches the trial.

use super::{Desk, Failed, LONGEST_REPLY, Provider, Request, fault, patience, text_of};
use crate::{
    model::{
        fault::{Boundary, Fault},
        judge::{JudgeReply, Kept, Seat},
        judge_spec::{JudgeInput, VoteSpec},
        trace::Usage,
    },
    process::{
        self, Exit, Output, Spec, Stdin,
        env::{base_env, search_path},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

pub const COMMAND: Provider = Provider {
    name: "command",
    about: "a program (`{command: [python3, judge.py]}`): JSON or the prompt on standard input, the reply on standard output",
    model: false,
    check,
    complete: |request, desk| Box::pin(complete(request, desk)),
};

/// The contract's version.
const VERSION: u32 = 1;
const HINT: &str = "docs/judge-providers.md has the contract";

fn check(vote: &VoteSpec) -> Option<Fault> {
    let program = vote.command.first()?;
    let there =
        program.contains('/') || std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file());
    (!there).then(|| {
        fault("no_program", format!("the judge's program `{program}` is not on PATH"))
            .hint("install it; or `--offline` takes kept replies only, and `--no-judge` asks nobody")
    })
}

async fn complete(request: &Request<'_>, desk: &Desk<'_>) -> Result<JudgeReply, Failed> {
    let scratch = tempfile::Builder::new().prefix("evalrun-judge-").tempdir();
    let scratch = scratch.map_err(|error| fault("io", format!("no folder for the judge: {error}")))?;
    let (seen, home) = (scratch.path().join("seen"), scratch.path().join("home"));
    for folder in [&seen, &home] {
        std::fs::create_dir_all(folder).map_err(|error| fault("io", format!("no folder for the judge: {error}")))?;
    }
    request.scene.set(&seen)?;
    let vote = request.vote;
    let stdin = match vote.input {
        JudgeInput::Json => input(request, &seen).to_string(),
        JudgeInput::Text => prompt(request),
    };
    let spec = Spec {
        stdin: Stdin::Bytes(stdin.into_bytes()),
        env: environment(request, &home),
        timeout: Some(patience(vote)),
        // The head and the tail are kept: one byte more than may be read of each shows that it was too long.
        cap: 2 * LONGEST_REPLY as u64 + 2,
        ..Spec::new(vote.command.clone(), &seen)
    };
    let ran = process::run(spec, desk.cancel).await;
    request.scene.clear(&seen);
    let output = ran.map_err(|found| Fault { boundary: Boundary::Judge, ..found })?;
    reply(vote, &output).map_err(Failed::from)
}

/// The allow-list of a trial, the user's own HOME for programs that log in there (a judge is the user's program, not the agent's), and the one
/// variable that the suite names.
fn environment(request: &Request<'_>, scratch: &Path) -> BTreeMap<String, String> {
    let home = std::env::home_dir().unwrap_or_else(|| scratch.to_owned());
    let mut env = base_env(&home, scratch, request.seed, "judge");
    env.extend(request.vote.key_env.as_ref().and_then(|name| Some((name.clone(), std::env::var(name).ok()?))));
    env
}

fn input(request: &Request<'_>, seen: &Path) -> Value {
    let workspace = seen.join("workspace");
    let seat = match request.need.seat {
        Seat::Vote(at) => json!({"vote": at}),
        Seat::TieBreaker => json!("tie_breaker"),
    };
    json!({
        "version": VERSION,
        "system": request.system,
        "prompt": request.user,
        "schema": request.need.prompt.schema,
        "max_tokens": request.need.prompt.most,
        "criteria": request.need.criteria,
        "item": request.item,
        "seat": seat,
        "again": request.need.again,
        "model": request.vote.model,
        "settings": request.vote.settings,
        "trace": seen.join("trace.jsonl"),
        "workspace": workspace.is_dir().then_some(workspace),
    })
}

/// What a person would type: the instructions, the question, and how the reply must look.
fn prompt(request: &Request<'_>) -> String {
    let schema = &request.need.prompt.schema;
    format!(
        "{}\n\n{}\n\nAnswer with one JSON object and nothing else. Its JSON Schema:\n{schema}\n",
        request.system, request.user
    )
}

fn reply(vote: &VoteSpec, output: &Output) -> Result<JudgeReply, Fault> {
    let by = vote.by();
    let last = output.stderr.text().0;
    let said = last.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let said = said.map(|line| format!(": {}", line.chars().take(300).collect::<String>())).unwrap_or_default();
    match output.exit {
        Exit::Code(0) => {}
        Exit::Code(code) => return Err(fault("exit", format!("judge {by} ended with {code}{said}")).hint(HINT)),
        Exit::Signal(signal) => {
            return Err(fault("signal", format!("judge {by} was ended by signal {signal}{said}")).hint(HINT));
        }
        Exit::TimedOut => {
            let seconds = patience(vote).as_secs_f64();
            return Err(fault("timeout", format!("judge {by} did not answer in {seconds} s{said}"))
                .hint("`timeout` of the vote is how long it may take"));
        }
        Exit::Cancelled => return Err(fault("cancelled", "stopped by us")),
    }
    if output.stdout.dropped > 0 || output.stdout.written() > LONGEST_REPLY as u64 {
        let message =
            format!("judge {by} wrote {} bytes, more than the {LONGEST_REPLY} that are read", output.stdout.written());
        return Err(fault("too_long", message).hint(HINT));
    }
    let text = text_of(&output.stdout.text().0).map_err(|fault| Fault { retryable: false, ..fault }.hint(HINT))?;
    Ok(unwrapped(vote, text))
}

/// `{"reply": ..., "model": ..., "usage": ...}` says more than the reply; anything else is the reply itself.
fn unwrapped(vote: &VoteSpec, text: String) -> JudgeReply {
    let plain = |text| JudgeReply {
        text,
        by: vote.by(),
        model: None,
        fingerprint: None,
        usage: None,
        micro_usd: None,
        kept: Kept::Live,
    };
    let json: Value = match serde_json::from_str(&text) {
        Ok(Value::Object(object)) if vote.input == JudgeInput::Json && object.contains_key("reply") => {
            Value::Object(object)
        }
        Ok(_) | Err(_) => return plain(text),
    };
    let inner = match &json["reply"] {
        Value::String(said) => said.clone(),
        other => other.to_string(),
    };
    let number = |name: &str| json["usage"][name].as_u64();
    let usage = number("input_tokens").zip(number("output_tokens")).map(|(input, output)| Usage {
        input,
        output,
        cached: number("cached_tokens").unwrap_or(0),
        ..Usage::default()
    });
    JudgeReply {
        model: json["model"].as_str().map(str::to_owned),
        fingerprint: json["fingerprint"].as_str().map(str::to_owned),
        usage,
        micro_usd: json["micro_usd"].as_u64(),
        ..plain(inner)
    }
}
