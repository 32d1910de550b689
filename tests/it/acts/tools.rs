//! Native tools, and what a suite adds.

use evalrun::acts::{Table, deeds_of_call, deeds_of_line};
use evalrun::model::act::Act;
use serde_json::{Value, json};

fn deeds(name: &str, input: &Value) -> Vec<String> {
    let deeds = deeds_of_call(name, input, Table::shipped());
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
        ("frobnicate", json!(null), "other.unknown frobnicate"),
    ];
    for (name, input, expected) in cases {
        assert_eq!(deeds(name, &input), [expected], "{name} {input}");
    }
    assert_eq!(deeds("Bash", &json!({"command": "cd x"})), Vec::<String>::new());
    assert_eq!(deeds("Bash", &json!(17)), Vec::<String>::new());
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
    assert_eq!(deeds_of_call("kbLookup", &json!({}), &table)[0].act, Act::Search);
    let wrong = Table::extended(&pairs(&[("x", "dance")]), &[]).unwrap_err();
    assert!(wrong.starts_with("`dance` is no act: use one of search, list, "), "{wrong}");
}
