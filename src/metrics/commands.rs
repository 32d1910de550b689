//! What a tool call said: the command line of a shell tool, or the text of a question.

use serde_json::Value;

/// Fields under which tools carry a command line.
const LINES: &[&str] = &["command", "cmd", "script", "code", "commandLine", "input"];
/// Fields under which ask tools carry what they ask.
const TEXTS: &[&str] = &["question", "prompt", "message", "text", "query"];

/// The command line of a call, as it stood. A list of words is not a line: its last word is, where it holds one (`bash -lc LINE`).
pub fn line_of(input: &Value) -> Option<&str> {
    if let Value::String(line) = input {
        return Some(line);
    }
    LINES.iter().find_map(|field| match input.get(field)? {
        Value::String(line) => Some(line.as_str()),
        Value::Array(words) => words.last().and_then(Value::as_str),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    })
}

/// Every question that an ask tool's input holds.
pub fn questions_of(input: &Value) -> Vec<String> {
    if let Some(list) = input.get("questions").and_then(Value::as_array) {
        return list.iter().filter_map(text_of).collect();
    }
    text_of(input).into_iter().collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => TEXTS.iter().find_map(|field| value.get(field)?.as_str().map(str::to_owned)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// Words that a test runner is started with, before what it is started on.
const RUNNER: &[&str] =
    &["run", "test", "tests", "-m", "exec", "nextest", "discover", "pytest", "unittest", "jest", "vitest"];
/// Flags whose value narrows a run.
const NARROW: &[&str] = &[
    "-k",
    "-m",
    "-t",
    "-run",
    "--run",
    "--filter",
    "--testNamePattern",
    "-p",
    "--package",
    "--test",
    "--bin",
    "--grep",
    "-g",
];
/// Flags whose value does not.
const VALUED: &[&str] = &[
    "-o",
    "-j",
    "--jobs",
    "-n",
    "--features",
    "-c",
    "--config",
    "--manifest-path",
    "--junitxml",
    "-s",
    "-W",
    "--tb",
    "--profile",
];

/// What a test command was narrowed to: paths, packages, names. Empty: the whole suite.
pub fn targets_of(command: &str) -> Vec<String> {
    let mut words = command.split_whitespace().skip(1).peekable();
    let mut targets = Vec::new();
    while let Some(word) = words.next() {
        let python_module = word == "-m" && words.peek().is_some_and(|next| RUNNER.contains(next));
        if python_module || RUNNER.contains(&word) || word == "--" {
            continue;
        }
        if NARROW.contains(&word) {
            targets.extend(words.next().map(target));
        } else if VALUED.contains(&word) {
            words.next();
        } else if let Some((_, value)) = word.split_once('=').filter(|(flag, _)| NARROW.contains(flag)) {
            targets.push(target(value));
        } else if !word.starts_with('-') && word != "." && !word.starts_with("./...") {
            targets.push(target(word));
        }
    }
    targets
}

fn target(word: &str) -> String {
    let word = word.trim_matches(['"', '\'']);
    word.split("::").next().unwrap_or(word).trim_end_matches("/...").to_owned()
}

/// The path in a tool's input that was cut down to one line: `src/db.py (664 chars)`.
pub fn short_path(text: &str) -> Option<&str> {
    let path = text.split(" (").next().unwrap_or(text).trim();
    let plain = !path.contains(char::is_whitespace) && !path.contains(['{', '=', '*', '"']) && path.len() < 400;
    (plain && super::paths::names_a_file(path)).then_some(path)
}
