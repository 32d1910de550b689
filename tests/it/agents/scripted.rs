//! The stand-in's tools, for real in a workspace.

use super::talk::{place, shown};
use serde_json::json;
use std::{fs, os::unix::fs::symlink};

const SCRIPT: &str = r#"
version: 1
candidate: tools
parts:
  - turns:
      - steps:
          - think: Where is it?
          - say: Let me look.
          - together:
              - search: {pattern: "def \\w+", path: "."}
              - read: {path: app/limits.py, lines: [2, 3]}
              - read: app/limits.py
          - plan: [{text: look, status: completed}, {text: change, status: in_progress}]
          - edit: {path: app/limits.py, old: "return 1", new: "return 2"}
          - edit: {path: app/limits.py, old: "not there", new: "x"}
          - edit: {path: app/limits.py, old: "def ", new: "fn "}
          - write: {path: docs/new/note.md, text: "A note.\n"}
          - write: {path: app/limits.py, text: "whole = True\n"}
          - shell: "cat app/limits.py; echo oops >&2; exit 3"
          - shell: "echo $HOME $PWD | tr / ' ' | wc -w | tr -d ' '; env | grep -c SECRET"
          - say: Done.
      - steps:
          - read: out/secret.txt
          - read: out
          - read: missing.py
          - read: pipe
          - read: {path: app/limits.py, lines: [90, 95]}
          - edit: {path: out/secret.txt, old: hidden, new: found}
          - write: {path: out/planted.txt, text: x}
          - write: {path: dangling, text: x}
          - write: {path: inner/a.txt, text: through a link that stays inside}
          - edit: {path: picture.png, old: a, new: b}
          - search: {pattern: hidden, path: out}
          - search: hidden
          - search: {pattern: x, path: nowhere}
          - shell: "true"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tools_work_for_real_and_never_outside() {
    let place = place("scripted", json!({"script": ""}));
    let root = place.seat.workspace.clone();
    let script = place.folder.path().join("tools.yaml");
    fs::write(&script, SCRIPT).unwrap();
    let outside = place.folder.path().join("outside");
    for folder in [root.join("app"), root.join("build"), root.join(".git"), root.join("real"), outside.clone()] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join("secret.txt"), "hidden\n").unwrap();
    fs::write(root.join("app/limits.py"), "def limit():\n    return 1\n\ndef other():\n    pass\n").unwrap();
    fs::write(root.join("build/out.py"), "def generated(): hidden\n").unwrap();
    fs::write(root.join(".git/config"), "def hidden\n").unwrap();
    fs::write(root.join(".gitignore"), "# made\nbuild/\n*.log\n").unwrap();
    fs::write(root.join("a.log"), "def logged\n").unwrap();
    fs::write(root.join("picture.png"), b"\x89PNG\0\xff def hidden").unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("nowhere-at-all", root.join("dangling")).unwrap();
    symlink("real", root.join("inner")).unwrap();
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let mut place = place;
    let mut spec = (*place.seat.spec).clone();
    spec.rest = json!({"script": script});
    place.seat.spec = std::sync::Arc::new(spec);
    let mut talk = place.open().await.unwrap();
    assert_eq!(talk.session.identity().version.map(|version| version.len()), Some(12));
    let (first, second) = (talk.turn("Go.").await, talk.turn("And now outside.").await);
    talk.close().await;

    insta::assert_snapshot!("tools", lines(&shown(&first)));
    insta::assert_snapshot!("outside", lines(&shown(&second)));
    assert_eq!(fs::read_to_string(outside.join("secret.txt")).unwrap(), "hidden\n");
    assert!(!outside.join("planted.txt").exists() && !root.join("nowhere-at-all").exists());
    assert_eq!(fs::read_to_string(root.join("real/a.txt")).unwrap(), "through a link that stays inside");
}

/// Without what is the same in every line.
fn lines(text: &str) -> String {
    let noise = [
        ", lane: \"\"",
        ", from: None",
        ", blob: None, bytes: 0",
        ", dropped_bytes: 0",
        ", duration_ms: None",
        ", tool: None",
    ];
    noise.iter().fold(text.to_owned(), |text, noise| text.replace(noise, ""))
}
