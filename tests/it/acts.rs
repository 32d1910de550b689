//! The shell reader and the act table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::PathBuf;

use evalrun::acts::{Table, deeds_of_line};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

mod coverage;
mod hostile;
mod labels;
mod oracle_turns;
mod tools;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/shell").join(name)
}

/// Prints precision and recall per act; `EVALRUN_SHELL=FILE` measures another file.
#[test]
fn shell_labels() {
    labels::measure();
}

#[test]
fn the_shipped_table_parses() {
    assert_eq!(Table::parse(include_str!("../../src/acts/programs.yaml")).err(), None);
}

#[derive(Deserialize)]
struct Real {
    command: String,
}

fn rendered(command: &str) -> String {
    let mut text = String::new();
    for line in command.lines() {
        text += &format!("$ {line}\n");
    }
    for deed in deeds_of_line(command, Table::shipped()) {
        let sub = deed.sub.map_or(String::new(), |sub| format!(".{sub}"));
        let seen = format!("{:?}", deed.seen).to_lowercase();
        text += &format!("    {}{sub} {} {seen}", deed.act.word(), deed.program);
        for (mark, paths) in [("<", &deed.paths_read), (">", &deed.paths_written)] {
            for path in paths {
                text += &format!(" {mark}{path}");
            }
        }
        if let Some((first, last)) = deed.lines {
            text += &format!(" {first}-{last}");
        }
        if let Some(pattern) = deed.pattern {
            text += &format!(" /{pattern}/");
        }
        if let Some(cwd) = deed.cwd {
            text += &format!(" @{cwd}");
        }
        if let Some(why) = deed.why {
            text += &format!(" ({why})");
        }
        text += "\n";
    }
    text
}

fn real_commands() -> Vec<String> {
    let text = std::fs::read_to_string(fixture("golden.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Real>(line).unwrap().command).collect()
}

#[test]
fn golden_commands_of_real_sessions() {
    let text: String = real_commands().iter().map(|command| rendered(command)).collect();
    insta::assert_snapshot!(text);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Construct {
    line: String,
    is: Vec<String>,
    #[serde(default)]
    incomplete: bool,
    /// `none` where it is no line for bash.
    #[serde(default)]
    bash: String,
}

#[test]
fn shell_constructs() {
    let text = std::fs::read_to_string(fixture("constructs.yaml")).unwrap();
    let constructs: Vec<Construct> = serde_yaml::from_str(&text).unwrap();
    assert!(constructs.len() >= 60);
    let mut wrong = Vec::new();
    for construct in &constructs {
        let script = evalrun::acts::shell::read(&construct.line);
        let found: Vec<String> = script
            .segments
            .iter()
            .map(|segment| format!("{} {}", segment.program(), format!("{:?}", segment.seen).to_lowercase()))
            .collect();
        if found != construct.is || script.unread.is_some() != construct.incomplete {
            wrong.push(format!(
                "{:?}\n  is    {found:?} incomplete {}\n  asked {:?}",
                construct.line,
                script.unread.is_some(),
                construct.is
            ));
        }
        let accepted = construct.bash == "none" || bash_accepts(&construct.line);
        if accepted == construct.incomplete && !construct.line.contains("<<EOF\nx") {
            wrong.push(format!("{:?}\n  bash -n says {accepted}", construct.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn bash_accepts(script: &str) -> bool {
    std::process::Command::new("bash").args(["-O", "extglob", "-n", "-c", script]).output().unwrap().status.success()
}

/// Every real command that bash accepts is read as complete.
#[test]
fn real_commands_that_bash_accepts_are_complete() {
    let mut wrong = Vec::new();
    for command in real_commands() {
        let script = evalrun::acts::shell::read(&command);
        if script.unread.is_some() && bash_accepts(&command) {
            wrong.push(command);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Prints how much of the recorded sessions is classified; `EVALRUN_SESSIONS=DIR` measures a folder of sessions too.
#[test]
fn coverage() {
    coverage::measure();
}

/// Prints the agreement with the oracle of recorded tasks; `EVALRUN_TASKS=DIR` measures a folder of task folders too.
#[test]
fn oracle_turns() {
    insta::assert_snapshot!(oracle_turns::measure());
}

const PIECES: &str = concat!(
    "a¦b ¦ ¦\n¦;¦&¦&&¦||¦|¦(¦)¦{ ¦}¦$(¦`¦\"¦'¦$'¦\\¦<¦>¦<<EOF\n¦EOF\n¦<<<¦$((¦))¦[[ ¦ ]]¦if ¦ then ¦ fi¦",
    "for x in ¦; do ¦; done¦case x in ¦a) ¦;;¦ esac¦f() ¦é¦\r\n¦\t¦#¦${¦x=¦=(¦rc=$?¦exit $rc¦set -e\n¦",
    "cd x¦bash -c ¦xargs ¦find . -exec ¦rg ¦sed -i ¦python - ¦$env:X ¦C:\\¦Get-Content ¦\u{0}¦sudo ¦npx ¦",
    "git show a:b ",
);

/// Pieces that shells are made of, so that random lines are nearly shell.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.split('¦').collect::<Vec<_>>());
    prop::collection::vec(piece, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the line, the reader answers, inside the line, and with no more segments than the line has bytes.
    #[test]
    fn any_line_is_read(line in prop_oneof![pieces(), any::<String>()]) {
        let script = evalrun::acts::shell::read(&line);
        prop_assert!(script.segments.len() <= line.len() + 1);
        for segment in &script.segments {
            prop_assert!(segment.span.start <= segment.span.end && segment.span.end <= line.len());
            prop_assert!(segment.depth <= evalrun::acts::shell::MAX_DEPTH + 1);
            for word in &segment.words {
                prop_assert!(word.span.end <= line.len() && word.span.start <= word.span.end);
            }
        }
        deeds_of_line(&line, Table::shipped());
    }

    #[test]
    fn any_call_is_read(name in "[A-Za-z_]{0,12}", line in any::<String>()) {
        for input in [json!(line), json!({"command": line}), json!({"command": [line]}), json!({"path": line, "input": line})] {
            evalrun::acts::deeds_of_call(&name, &input, Table::shipped());
            evalrun::acts::deeds_of_call("Bash", &input, Table::shipped());
        }
    }
}

/// The depth is capped and the size of the answer stays in step with the line.
#[test]
fn hostile_lines_stay_small() {
    let deep = [
        "(",
        "$(",
        "{ ",
        "\"$(",
        "`",
        "if ",
        "case x in a) ",
        "f() { ",
        "${x:-",
        "<(",
        "[[ ",
        "((",
        "$((",
        "bash -c '",
        "a=(",
    ];
    for piece in deep {
        let line = piece.repeat(20_000);
        let script = evalrun::acts::shell::read(&line);
        assert!(script.segments.len() <= line.len(), "{piece}");
        assert!(script.segments.iter().all(|segment| segment.depth <= evalrun::acts::shell::MAX_DEPTH + 1), "{piece}");
        deeds_of_line(&line, Table::shipped());
    }
    let wide = [
        "a;",
        "a|",
        "a&&",
        "a||",
        "a&",
        "a\n",
        "cd a;",
        "a b c d ",
        "<<A ",
        "x=$? ",
        "rc=$?;",
        "f() { a; };",
        "{ a; } > b;",
        "find . -exec a \\; ",
    ];
    for piece in wide {
        let line = piece.repeat(5_000);
        let script = evalrun::acts::shell::read(&line);
        let words: usize = script.segments.iter().map(|segment| segment.words.len() + segment.redirects.len()).sum();
        let folders: usize =
            script.segments.iter().filter_map(|segment| segment.cwd.as_ref()).map(|cwd| cwd.len()).sum();
        assert!(words <= line.len() * 2 && folders <= line.len() * 256, "{piece}");
        assert!(deeds_of_line(&line, Table::shipped()).len() <= 20_100, "{piece}");
    }
    let nested = [
        "xargs ",
        "find . -exec ",
        "fd -x ",
        "docker run --entrypoint docker img ",
        "cargo watch -x ",
        "yarn workspace a ",
        "sudo ",
        "env A=1 ",
        "eval ",
        "watch ",
        "python -m ",
        "bash -c ",
        "git submodule foreach ",
        "open('a',",
        "x=open(y);",
    ];
    for piece in nested {
        let line = piece.repeat(5_000);
        assert!(deeds_of_line(&line, Table::shipped()).len() <= 20_000, "{piece}");
        let code = format!("python - <<'EOF'\n{line}\nEOF\ncargo watch -x '{line}'");
        assert!(deeds_of_line(&code, Table::shipped()).len() <= 120, "{piece}");
    }
}
