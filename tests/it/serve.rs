//! The scripted model: requests of every API and every agent, replies held against the providers' own descriptions, faults on purpose,
//! and a small agent that is driven by it.

mod agents;
mod faults;
mod replies;
mod requests;
mod whole;

use evalrun::{
    script::Script,
    serve::{
        dialects::{Dialect, dialect},
        play::{Answered, answer},
        turn::{Called, Input, Reply, Turn},
    },
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn script(name: &str) -> Script {
    let text = std::fs::read_to_string(fixture(name)).unwrap();
    Script::from_yaml(&text, name).unwrap()
}

/// A script of one turn per entry, written as YAML steps.
fn turns(steps: &[&str]) -> Script {
    let turns: String = steps.iter().map(|steps| format!("      - steps: {steps}\n")).collect();
    Script::from_yaml(&format!("version: 1\ncandidate: x\nparts:\n  - turns:\n{turns}"), "x.yaml").unwrap()
}

/// A conversation with an agent that sends all of it every time, as agents do.
#[derive(Clone)]
struct Talk {
    path: String,
    body: Value,
}

impl Talk {
    /// The first request of a recorded agent.
    fn of(agent: &str) -> Talk {
        let text = std::fs::read_to_string(fixture(&format!("serve/agents/{agent}.json"))).unwrap();
        let mut whole: Value = serde_json::from_str(&text).unwrap();
        Talk { path: whole["path"].as_str().unwrap().to_owned(), body: whole["body"].take() }
    }

    fn dialect(&self) -> &'static Dialect {
        dialect(&self.path).unwrap().0
    }

    fn turn(&self) -> Turn {
        (self.dialect().read)(&self.path, &self.body).unwrap()
    }

    /// What the script answers now; nothing is kept of it.
    fn ask(&self, script: &Script) -> Answered {
        let body = self.body.to_string();
        let digits = blake(&body);
        answer(script, &self.turn(), (None, &digits, body.len()))
    }

    fn key(&self) -> &'static str {
        match self.dialect().name {
            "responses" => "input",
            "gemini" => "contents",
            _ => "messages",
        }
    }

    fn push(&mut self, item: Value) {
        let key = self.key();
        self.body[key].as_array_mut().unwrap().push(item);
    }

    fn user(&mut self, text: &str) {
        let item = match self.dialect().name {
            "responses" => {
                json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
            }
            "gemini" => json!({"role": "user", "parts": [{"text": text}]}),
            _ => json!({"role": "user", "content": text}),
        };
        self.push(item);
    }

    /// The reply, as it stands in the next request, and what its calls gave.
    fn heard(&mut self, reply: &Reply, result: impl Fn(&Called) -> String) {
        let whole = (self.dialect().whole)(&self.turn(), reply);
        let prefix = self.dialect().call_prefix;
        let results: Vec<(String, &Called, String)> =
            reply.calls.iter().enumerate().map(|(at, call)| (reply.call_id(prefix, at), call, result(call))).collect();
        match self.dialect().name {
            "responses" => {
                whole["output"].as_array().unwrap().iter().for_each(|item| self.push(item.clone()));
                for (id, call, output) in results {
                    let kind = match call.input {
                        Input::Arguments(_) => "function_call_output",
                        Input::Text(_) => "custom_tool_call_output",
                    };
                    self.push(json!({"type": kind, "call_id": id, "output": output}));
                }
            }
            "chat" => {
                self.push(whole["choices"][0]["message"].clone());
                for (id, _, output) in results {
                    self.push(json!({"role": "tool", "tool_call_id": id, "content": output}));
                }
            }
            "messages" => {
                self.push(json!({"role": "assistant", "content": whole["content"]}));
                let results = results.into_iter().map(
                    |(id, _, output)| json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": output}]}),
                );
                let results: Vec<Value> = results.collect();
                if !results.is_empty() {
                    self.push(json!({"role": "user", "content": results}));
                }
            }
            _ => {
                self.push(whole["candidates"][0]["content"].clone());
                let results = results.into_iter().map(
                    |(_, call, output)| json!({"functionResponse": {"name": call.name, "response": {"output": output}}}),
                );
                let results: Vec<Value> = results.collect();
                if !results.is_empty() {
                    self.push(json!({"role": "user", "parts": results}));
                }
            }
        }
    }
}

/// 12 digits that are the same for the same text.
fn blake(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(12).collect()
}
