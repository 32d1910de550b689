//! A planted secret: whatever an agent does with it, no byte of the run folder or of what evalrun prints shows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::bed::{Bed, Ran, files, ran};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

const RUN: &str = "run";

/// What the agent is given by name, and what stands in evalrun's own environment.
const GIVEN: &str = "giv\"en/s3cr3t+v@lue \\ 17";
const OWN: &str = "sk-own-9f8e7d6c5b4a";

/// Prints, writes and commits both in every form it can think of.
const LEAKS: &str = r#"
own=$(cat .env)
for value in "$MY_KEY" "$own"; do
  echo "raw $value"
  printf '%s' "$value" | base64
  printf 'padded %s' "$value" | base64
  printf '%s' "$value" | python3 -c 'import sys, json, urllib.parse as u; v = sys.stdin.read(); print(json.dumps(v), json.dumps(json.dumps(v)), u.quote(v, safe=""), u.quote_plus(v))'
  printf '%s' "$value" | cut -c1-7 | tr -d '\n'; sleep 0.1; printf '%s' "$value" | cut -c8-
  echo "in a file: $value" > "note-$(printf '%s' "$value" | wc -c).txt"
  printf '%s' "$value" | base64 > encoded.txt
  name=$(printf '%s' "$value" | tr '/' '_'); plain=$(printf '%s' "$value" | tr -d '/')
  touch "file-$own.txt"; mkdir -p "dir-$own/deep"; echo x > "dir-$own/deep/$own"; ln -sf "/nowhere/$own" link
  head -c 300000 /dev/zero | tr '\0' 'z' > big.txt; echo "$value" >> big.txt
done
git init -q . 2>/dev/null; git add -A; git -c user.name=a -c user.email="$own@example.org" commit -qm "uses $MY_KEY and $own"; git log
echo "error $MY_KEY $own" >&2
"#;

fn bed(driver: &str) -> Bed {
    let bed = Bed::new();
    bed.write("repo/list.txt", "bread\n");
    bed.write("repo/.env", OWN);
    bed.suite(&format!(
        "graders: [outcome]
agents: {{it: {driver}}}
tasks:
  - id: job
    workspace: {{copy: repo}}
    say: Do it.
    expect: [kept]
    checks: {{kept: {{run: 'cat note-*.txt; ls; git log; echo $(ls); grep -q bread list.txt'}}}}"
    ));
    bed
}

fn play(bed: &Bed, key: &str, sandbox: &str) -> Ran {
    let mut command = bed.evalrun(&["suite.yaml", "--out", RUN, "--sandbox", sandbox]);
    command.env("MY_KEY", key).env("OPENAI_API_KEY", OWN);
    ran(command)
}

#[test]
fn a_secret_appears_in_no_byte_of_the_run() {
    let shell = json!(["sh", "-c", LEAKS]);
    let fails = json!(["sh", "-c", format!("{LEAKS}\nexit 3")]);
    let script = json!({
        "version": 1, "candidate": "leaky",
        "parts": [{"turns": [{"steps": [{"shell": LEAKS}, {"say": format!("I used {OWN} there.")},
            {"write": {"path": format!("w-{OWN}.txt"), "text": format!("{OWN}\n")}}, {"search": {"pattern": OWN}},
            {"read": format!("w-{OWN}.txt")}]}]}]
    });
    for sandbox in ["none", "bwrap"] {
        let usable = evalrun::process::usable_sandboxes().iter().any(|it| it.name == sandbox && it.is_usable());
        for (what, driver) in [
            ("a program per turn", format!("{{driver: command, command: {shell}, auth: {{env: [MY_KEY]}}}}")),
            ("one that fails", format!("{{driver: command, command: {fails}, auth: {{env: [MY_KEY]}}}}")),
            (
                "no JSON lines at all",
                format!("{{driver: command, json: lines, command: {fails}, auth: {{env: [MY_KEY]}}}}"),
            ),
            ("a script", "{driver: scripted, script: script.yaml, auth: {env: [MY_KEY]}}".to_owned()),
        ] {
            if !usable {
                continue;
            }
            let bed = bed(&driver);
            bed.write("script.yaml", script.to_string());
            let ran = play(&bed, GIVEN, sandbox);
            assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
            bed.assert_clean(RUN);
            let mut all = files(&bed.path(RUN));
            all.insert("stdout".into(), ran.out.into_bytes());
            all.insert("stderr".into(), ran.err.into_bytes());
            let names: Vec<u8> = all.keys().flat_map(|path| path.to_string_lossy().into_owned().into_bytes()).collect();
            all.insert("names".into(), names);
            for (path, bytes) in &all {
                let text = String::from_utf8_lossy(bytes);
                for form in forms() {
                    assert!(!text.contains(&form), "{sandbox}, {what}: {} holds {form}", path.display());
                }
            }
            let shows = |name: &str| all.values().any(|bytes| String::from_utf8_lossy(bytes).contains(name));
            assert!(
                shows("[MY_KEY]") && shows("[OPENAI_API_KEY]"),
                "{sandbox}, {what}: nothing was there to be hidden"
            );
        }
    }
}

/// The secrets in every form that is looked for here.
fn forms() -> Vec<String> {
    let of = |value: &str| {
        let json = serde_json::to_string(value).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        let inner = |text: &str| text[1..text.len() - 1].to_owned();
        let encoded = STANDARD.encode(value);
        vec![value.to_owned(), inner(&json), inner(&twice), encoded.trim_end_matches('=').to_owned()]
    };
    [GIVEN, OWN].iter().flat_map(|value| of(value)).collect()
}

#[test]
fn a_value_too_short_to_hide_is_refused_by_name() {
    let bed = bed("{driver: command, command: [echo, hi], auth: {env: [MY_KEY]}}");
    let ran = play(&bed, "12345", "none");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("the value of MY_KEY has 5 bytes") && ran.err.contains("hint:"), "{}", ran.err);
    assert!(!bed.path(RUN).exists(), "nothing is begun");
    let unset = bed.run(&["suite.yaml", "--out", RUN, "--sandbox", "none"]);
    assert_eq!(unset.code, Some(4), "an agent that cannot be used is not run: {unset:?}");
    let why = "the variable MY_KEY is not set";
    assert_eq!(bed.results(RUN)["not_run"], json!([{"task": "job", "agent": "it", "why": why}]));
}
