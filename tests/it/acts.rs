//! The shell reader and the act table.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use evalrun::acts::{Table, deeds_of_line};
use evalrun::model::act::{Act, Deed, Seen};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/shell").join(name)
}

#[derive(Deserialize)]
struct Labelled {
    command: String,
    segments: Vec<Label>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Label {
    program: String,
    act: Act,
    status: Seen,
    #[serde(default)]
    paths_read: Vec<String>,
    #[serde(default)]
    paths_written: Vec<String>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    right: usize,
    missed: usize,
    wrong: usize,
}

#[derive(Default)]
struct Tally {
    acts: BTreeMap<&'static str, Count>,
    pairs: usize,
    status: usize,
    read: usize,
    written: usize,
    program: usize,
}

/// Prints precision and recall per act; `EVALRUN_SHELL=FILE` measures another file.
#[test]
fn shell_labels() {
    let given = std::env::var_os("EVALRUN_SHELL").map(PathBuf::from);
    let own = given.is_none();
    let text = std::fs::read_to_string(given.unwrap_or_else(|| fixture("labelled.jsonl"))).unwrap();
    let mut tally = Tally::default();
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let labelled: Labelled = serde_json::from_str(line).unwrap();
        lines += 1;
        count(&labelled, &mut tally);
    }
    let (mut right, mut missed, mut wrong) = (0, 0, 0);
    println!("{lines} lines\n{:<10} {:>6} {:>6} {:>6}  precision recall", "act", "right", "missed", "wrong");
    for (act, count) in &tally.acts {
        println!(
            "{act:<10} {:>6} {:>6} {:>6}  {:.3}     {:.3}",
            count.right,
            count.missed,
            count.wrong,
            share(count.right, count.right + count.wrong),
            share(count.right, count.right + count.missed)
        );
        right += count.right;
        missed += count.missed;
        wrong += count.wrong;
    }
    println!(
        "all: precision {:.3} recall {:.3} of {}",
        share(right, right + wrong),
        share(right, right + missed),
        right + missed
    );
    println!(
        "of {} pairs: status {:.3} paths_read {:.3} paths_written {:.3} program {:.3}",
        tally.pairs,
        share(tally.status, tally.pairs),
        share(tally.read, tally.pairs),
        share(tally.written, tally.pairs),
        share(tally.program, tally.pairs)
    );
    if own {
        assert!(share(right, right + wrong) >= 0.97 && share(right, right + missed) >= 0.97);
        assert!(share(tally.status, tally.pairs) >= 0.97);
        assert!(share(tally.read.min(tally.written), tally.pairs) >= 0.95);
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// `other` and a missing segment count as equal.
fn count(labelled: &Labelled, tally: &mut Tally) {
    let expected: Vec<&Label> = labelled.segments.iter().filter(|label| label.act != Act::Other).collect();
    let deeds = deeds_of_line(&labelled.command, Table::shipped());
    let found: Vec<&Deed> = deeds.iter().filter(|deed| deed.act != Act::Other).collect();
    let pairs = align(&expected, &found);
    let mut notes = Vec::new();
    for (at, label) in expected.iter().enumerate() {
        let partner = pairs.iter().find(|(left, _)| *left == at).map(|(_, right)| found[*right]);
        let entry = tally.acts.entry(label.act.word()).or_default();
        match partner {
            Some(deed) if deed.act == label.act => {
                entry.right += 1;
                compare(label, deed, (tally, &mut notes));
            }
            other => {
                entry.missed += 1;
                notes.push(format!("missed {label:?}, found {:?}", other.map(|deed| (&deed.program, deed.act))));
            }
        }
    }
    for (at, deed) in found.iter().enumerate() {
        let matched = pairs.iter().any(|(left, right)| *right == at && expected[*left].act == deed.act);
        if !matched {
            tally.acts.entry(deed.act.word()).or_default().wrong += 1;
            notes.push(format!("wrong {} {} {:?}", deed.program, deed.act.word(), deed.seen));
        }
    }
    if !notes.is_empty() {
        println!("{}\n    {}", labelled.command, notes.join("\n    "));
    }
}

fn compare(label: &Label, deed: &Deed, to: (&mut Tally, &mut Vec<String>)) {
    let (tally, notes) = to;
    tally.pairs += 1;
    let mut same = |ok: bool, what: &str| {
        if !ok {
            notes.push(format!(
                "{what}: {label:?} found {} {:?} {:?} {:?}",
                deed.program, deed.seen, deed.paths_read, deed.paths_written
            ));
        }
        usize::from(ok)
    };
    tally.status += same(label.status == deed.seen, "status");
    tally.read += same(sorted(&label.paths_read) == sorted(&deed.paths_read), "read");
    tally.written += same(sorted(&label.paths_written) == sorted(&deed.paths_written), "written");
    tally.program += same(plain(&label.program) == plain(&deed.program), "program");
}

fn sorted(paths: &[String]) -> Vec<&str> {
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn plain(program: &str) -> &str {
    match program {
        "python3" | "py" => "python",
        "pip3" => "pip",
        other => other,
    }
}

/// Pairs in order, of the same act where there is one, else of the same program.
fn align(expected: &[&Label], found: &[&Deed]) -> Vec<(usize, usize)> {
    let worth = |label: &Label, deed: &Deed| {
        let act = usize::from(label.act == deed.act) * 4;
        let program = usize::from(plain(&label.program) == plain(&deed.program)) * 3;
        act + program + usize::from(act + program > 0 && label.status == deed.seen)
    };
    let (rows, columns) = (expected.len(), found.len());
    let mut best = vec![vec![0; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let paired = worth(expected[row], found[column]);
            let paired = if paired > 0 { paired + best[row + 1][column + 1] } else { 0 };
            best[row][column] = paired.max(best[row + 1][column]).max(best[row][column + 1]);
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while row < rows && column < columns {
        let paired = worth(expected[row], found[column]);
        if paired > 0 && best[row][column] == paired + best[row + 1][column + 1] {
            pairs.push((row, column));
            row += 1;
            column += 1;
        } else if best[row][column] == best[row + 1][column] {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
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
        if found != construct.is || script.incomplete != construct.incomplete {
            wrong.push(format!(
                "{:?}\n  is    {found:?} incomplete {}\n  asked {:?}",
                construct.line, script.incomplete, construct.is
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
        if script.incomplete && bash_accepts(&command) {
            wrong.push(command);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// How many of the segments of real sessions have an entry in the table.
#[test]
fn real_commands_are_covered() {
    let (mut known, mut unknown) = (0, BTreeMap::<String, usize>::new());
    for command in real_commands() {
        for deed in deeds_of_line(&command, Table::shipped()) {
            if deed.act == Act::Run && !Table::shipped().knows(&deed.program) {
                *unknown.entry(deed.program).or_default() += 1;
            } else {
                known += 1;
            }
        }
    }
    let missing: usize = unknown.values().sum();
    let project: usize = unknown.get("desloppify").copied().unwrap_or(0);
    println!("{known} of {} segments have an entry; without: {unknown:?}", known + missing);
    assert!(share(known, known + missing - project) >= 0.95);
}

fn deeds(name: &str, input: serde_json::Value) -> Vec<String> {
    let deeds = evalrun::acts::deeds_of_call(name, &input, Table::shipped());
    deeds
        .into_iter()
        .map(|deed| {
            let sub = deed.sub.map_or(String::new(), |sub| format!(".{sub}"));
            let mut text = format!("{}{sub} {}", deed.act.word(), deed.program);
            deed.paths_read.iter().for_each(|path| text += &format!(" <{path}"));
            deed.paths_written.iter().for_each(|path| text += &format!(" >{path}"));
            deed.lines.iter().for_each(|(first, last)| text += &format!(" {first}-{last}"));
            deed.pattern.iter().for_each(|pattern| text += &format!(" /{pattern}/"));
            deed.cwd.iter().for_each(|cwd| text += &format!(" @{cwd}"));
            text
        })
        .collect()
}

#[test]
fn native_tools() {
    let cases = [
        ("Read", json!({"file_path": "a.rs", "offset": 10, "limit": 20}), "read Read <a.rs 10-29"),
        ("read_file", json!({"absolute_path": "/w/a.rs"}), "read read_file </w/a.rs"),
        ("Grep", json!({"pattern": "foo", "path": "src"}), "search Grep <src /foo/"),
        ("Glob", json!({"pattern": "**/*.rs"}), "list Glob"),
        ("Edit", json!({"file_path": "a.rs", "old_string": "a", "new_string": "b"}), "edit Edit >a.rs"),
        ("Write", json!({"file_path": "a.rs", "content": ""}), "edit.create Write >a.rs"),
        (
            "str_replace_editor",
            json!({"command": "view", "path": "a.py", "view_range": [1, 30]}),
            "read str_replace_editor <a.py 1-30",
        ),
        ("str_replace_editor", json!({"command": "create", "path": "a.py"}), "edit.create str_replace_editor >a.py"),
        ("apply_patch", json!({"input": "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch"}), "edit apply_patch >a"),
        ("apply_patch", json!("*** Begin Patch\n*** Delete File: b\n*** End Patch"), "edit apply_patch >b"),
        ("Bash", json!({"command": "cd x && pytest -q"}), "test pytest @x"),
        ("shell", json!({"command": ["bash", "-lc", "rg foo src"], "workdir": "/w"}), "search rg <src /foo/ @/w"),
        ("shell", json!({"command": ["git", "commit", "-m", "a; b"]}), "vcs.write git"),
        ("exec_command", json!({"cmd": "sed -n '1,80p' a.py"}), "read sed <a.py 1-80"),
        ("Bash", json!("npm test"), "test npm"),
        ("TodoWrite", json!({"todos": []}), "plan TodoWrite"),
        ("TaskCreate", json!({}), "plan TaskCreate"),
        ("Task", json!({"prompt": "x"}), "delegate Task"),
        ("AskUserQuestion", json!({}), "ask AskUserQuestion"),
        ("WebFetch", json!({"url": "x"}), "net WebFetch"),
        ("ToolSearch", json!({}), "meta ToolSearch"),
        ("mcp__serena__find_symbol", json!({"name_path": "Foo"}), "search mcp__serena__find_symbol /Foo/"),
        ("mcp__db__execute_sql", json!({}), "run mcp__db__execute_sql"),
        ("mcp__kb__get_page", json!({}), "read mcp__kb__get_page"),
        ("frobnicate", json!(null), "other frobnicate"),
    ];
    for (name, input, expected) in cases {
        assert_eq!(deeds(name, input.clone()), [expected], "{name} {input}");
    }
    assert_eq!(deeds("Bash", json!({"command": "cd x"})), Vec::<String>::new());
    assert_eq!(deeds("Bash", json!(17)), Vec::<String>::new());
}

#[test]
fn a_suite_adds_programs_and_tools() {
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let programs = pairs(&[
        ("mytool", "lint"),
        ("mise run verify-all", "test"),
        ("ci.sh", "test"),
        ("make bundle-docs", "lint.fix"),
    ]);
    let table = Table::extended(&programs, &pairs(&[("kb_lookup", "search")])).unwrap();
    let acts = |line: &str| deeds_of_line(line, &table).into_iter().map(|deed| deed.act.word()).collect::<Vec<_>>();
    assert_eq!(acts("npx mytool --x | tail"), ["lint"]);
    assert_eq!(acts("mise run verify-all && mise run other"), ["test", "run"]);
    assert_eq!(acts("./scripts/ci.sh; bash scripts/ci.sh"), ["test", "test"]);
    assert_eq!(acts("make bundle-docs"), ["lint"]);
    assert_eq!(evalrun::acts::deeds_of_call("kbLookup", &json!({}), &table)[0].act, Act::Search);
    let wrong = Table::extended(&pairs(&[("x", "dance")]), &[]).unwrap_err();
    assert!(wrong.starts_with("`dance` is no act: use one of search, list, "), "{wrong}");
}

/// Pieces that shells are made of, so that random lines are nearly shell.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b ",
        " ",
        "\n",
        ";",
        "&",
        "&&",
        "||",
        "|",
        "(",
        ")",
        "{ ",
        "}",
        "$(",
        "`",
        "\"",
        "'",
        "$'",
        "\\",
        "<",
        ">",
        "<<EOF\n",
        "EOF\n",
        "<<<",
        "$((",
        "))",
        "[[ ",
        " ]]",
        "if ",
        " then ",
        " fi",
        "for x in ",
        "; do ",
        "; done",
        "case x in ",
        "a) ",
        ";;",
        " esac",
        "f() ",
        "é",
        "\r\n",
        "\t",
        "#",
        "${",
        "x=",
        "=(",
        "rc=$?",
        "exit $rc",
        "set -e\n",
        "cd x",
        "bash -c ",
        "xargs ",
        "find . -exec ",
        "rg ",
        "sed -i ",
        "python - ",
        "$env:X ",
        "C:\\",
        "Get-Content ",
        "\u{0}",
        "sudo ",
        "npx ",
        "git show a:b ",
    ]);
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
}
