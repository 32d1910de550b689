//! Native tools, and what a suite adds.

use std::collections::BTreeMap;

use evalrun::acts::{Table, deeds_of_call, deeds_of_line};
use evalrun::model::act::{Act, Seen};
use evalrun::model::suite::{ActsSpec, ToolSpec};
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
        ("read_multiple_files", json!({"paths": ["a", "b"]}), "read read_multiple_files <a <b"),
        ("mcp__filesystem__directory_tree", json!({"path": "src"}), "list mcp__filesystem__directory_tree"),
        ("mcp__fs__move_file", json!({"source": "a", "destination": "b"}), "edit mcp__fs__move_file >a >b"),
        ("filesystem_copy_file", json!({"source": "a", "destination": "b"}), "edit filesystem_copy_file <a >b"),
        ("filesystem/read_text_file", json!({"path": "a"}), "read filesystem/read_text_file <a"),
        ("functions.exec_command", json!({"cmd": "go test ./..."}), "test go"),
        ("run_terminal_cmd", json!({"command": "npx tsc --noEmit", "is_background": false}), "lint tsc"),
        ("codebase_search", json!({"query": "x", "target_directories": ["a"]}), "search codebase_search <a /x/"),
        (
            "search_replace",
            json!({"file_path": "a.ts", "old_string": "", "new_string": ""}),
            "edit search_replace >a.ts",
        ),
        ("str-replace-editor", json!({"command": "view", "path": "a"}), "read str-replace-editor <a"),
        ("bash_20250124", json!({"command": "ls"}), "list ls"),
        (
            "mcp__serena__replace_symbol_body",
            json!({"relative_path": "a.py"}),
            "edit mcp__serena__replace_symbol_body >a.py",
        ),
        ("mcp__x__publish_page", json!({"path": "a"}), "other.unknown mcp__x__publish_page"),
        (
            "use_mcp_tool",
            json!({"server_name": "fs", "tool_name": "edit_file", "arguments": "{\"path\": \"a\"}"}),
            "edit edit_file >a",
        ),
        ("apply_patch", json!({"changes": {"a": {}}}), "edit apply_patch >a"),
        ("apply_patch", json!({"other": 1}), "edit apply_patch"),
        ("frobnicate", json!(null), "other.unknown frobnicate"),
    ];
    for (name, input, expected) in cases {
        assert_eq!(deeds(name, &input), [expected], "{name} {input}");
    }
    let two = json!({"tool_uses": [
        {"recipient_name": "functions.shell", "parameters": {"command": "rg a"}},
        {"recipient_name": "functions.read_file", "parameters": {"path": "b"}},
        {"recipient_name": "multi_tool_use.parallel", "parameters": {}},
    ]});
    assert_eq!(deeds("multi_tool_use.parallel", &two), ["search rg /a/", "read functions.read_file <b"]);
    assert_eq!(deeds("Bash", &json!({"command": "cd x"})), Vec::<String>::new());
    assert_eq!(deeds("Bash", &json!(17)), Vec::<String>::new());
}

#[test]
fn a_suite_adds_programs_and_tools() {
    let words = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let programs = words(&[
        ("mytool", "lint"),
        ("mise run verify-all", "test"),
        ("ci.sh", "test"),
        ("make bundle-docs", "lint.fix"),
    ]);
    let tool = |act: &str| ToolSpec { act: act.to_owned(), ..ToolSpec::default() };
    let tools = BTreeMap::from([
        ("kb_lookup".to_owned(), tool("search")),
        ("put_page".to_owned(), ToolSpec { path: vec!["page".to_owned()], ..tool("edit") }),
        ("sandbox_exec".to_owned(), ToolSpec { command: vec!["line".to_owned()], ..tool("run") }),
    ]);
    let table = Table::extended(&ActsSpec { programs, tools }).unwrap();
    let acts = |line: &str| deeds_of_line(line, &table).into_iter().map(|deed| deed.act.word()).collect::<Vec<_>>();
    assert_eq!(acts("npx mytool --x | tail"), ["lint"]);
    assert_eq!(acts("mise run verify-all && mise run other"), ["test", "run"]);
    assert_eq!(acts("./scripts/ci.sh; bash scripts/ci.sh"), ["test", "test"]);
    assert_eq!(acts("make bundle-docs"), ["lint"]);
    let found = deeds_of_call("kbLookup", &json!({"query": "x", "path": "docs"}), &table).remove(0);
    assert_eq!(
        (found.act, found.pattern.as_deref(), found.paths_read),
        (Act::Search, Some("x"), vec!["docs".to_owned()])
    );
    let found = deeds_of_call("mcp__wiki__put_page", &json!({"page": "a.md", "path": "b"}), &table).remove(0);
    assert_eq!((found.act, found.paths_written), (Act::Edit, vec!["a.md".to_owned()]));
    let found = deeds_of_call("sandbox_exec", &json!({"line": "cd x && mytool | tail"}), &table).remove(0);
    assert_eq!((found.act, found.seen, found.cwd.as_deref()), (Act::Lint, Seen::Pipe, Some("x")));
    let wrong = ActsSpec { programs: words(&[("x", "dance")]), ..ActsSpec::default() };
    let wrong = Table::extended(&wrong).unwrap_err();
    assert!(wrong.starts_with("`dance` is no act: use one of search, list, "), "{wrong}");
    let wrong = ActsSpec { tools: BTreeMap::from([("x".to_owned(), tool("dance"))]), ..ActsSpec::default() };
    assert!(Table::extended(&wrong).is_err());
}
