//! Agents and workspaces that mean no good, or know no better: for each the documented outcome, and nothing left of it.
//!
//! Every agent here is a line of shell behind the driver `command`: what it prints is its answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, clippy::print_stdout)]

use crate::bed::{Bed, Ran, Running, files, ran, until};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, Stdio},
};

const RUN: &str = "run";
const MIB: u64 = 1 << 20;

/// A suite of one task and one agent that runs this script in every turn.
fn bed(script: &str, more: &str) -> Bed {
    let bed = Bed::new();
    bed.write("repo/list.txt", "bread\n");
    // JSON is YAML; the script stands in the suite, since a sandbox hides the temporary folder that the bed is in.
    bed.suite(&format!(
        "graders: [outcome]
agents: {{it: {{driver: command, command: [sh, -c, {}]}}}}
tasks:
  - id: job
    workspace: {{copy: repo}}
    say: Do it.
    expect: [kept]
    checks: {{kept: {{run: grep -qx bread list.txt, timeout: 20s}}}}
{more}",
        json!(script)
    ));
    bed
}

fn play(bed: &Bed, sandbox: &str) -> Ran {
    bed.run(&["suite.yaml", "--out", RUN, "--sandbox", sandbox])
}

/// The one trial, after a run that ended well and left nothing.
fn trial(bed: &Bed, sandbox: &str) -> Value {
    let ran = play(bed, sandbox);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    bed.assert_clean(RUN);
    bed.results(RUN)["trials"][0].clone()
}

/// How the trial ended, and the one check of its one stage.
fn outcome(trial: &Value) -> (&str, &str) {
    (trial["end"]["kind"].as_str().unwrap(), trial["stages"][0]["checks"]["kept"].as_str().unwrap_or("none"))
}

fn sandboxes() -> Vec<&'static str> {
    let usable = evalrun::process::usable_sandboxes().iter().filter(|sandbox| sandbox.is_usable());
    usable.map(|sandbox| sandbox.name).collect()
}

#[test]
fn a_gigabyte_of_output_is_kept_in_part_and_counted() {
    let bed = bed("head -c 1073741824 /dev/zero | tr '\\0' 'a'; echo the end", "");
    let mut command = bed.evalrun(&["suite.yaml", "--out", RUN, "--sandbox", "none"]);
    // A secret in the environment makes everything go through the redactor.
    command.env("SOME_TOKEN", "tok-123456789");
    let peak = peak_of(command);
    bed.assert_clean(RUN);
    let trial = &bed.results(RUN)["trials"][0];
    assert_eq!(outcome(trial), ("done", "passed"));
    assert!((MIB..300 * MIB).contains(&peak), "evalrun used {} MiB", peak / MIB);
    let files = files(&bed.path(RUN));
    let size: u64 = files.values().map(|bytes| bytes.len() as u64).sum();
    assert!((16 * MIB..64 * MIB).contains(&size), "the run folder has {} MiB", size / MIB);
    let blob = files.iter().find(|(path, _)| path.to_str().unwrap().contains("blobs")).unwrap().1;
    let text = String::from_utf8_lossy(blob);
    let dropped = (1 << 30) + "the end\n".len() as u64 - 16 * MIB;
    assert!(text.ends_with("the end"), "the end is kept");
    let said = text.lines().find(|line| line.contains("bytes dropped")).unwrap();
    let counted: u64 = said.split(' ').find_map(|word| word.parse().ok()).unwrap();
    // At a cut a few more bytes go, which might be a part of a secret.
    assert!((dropped..dropped + 4096).contains(&counted), "{said}");
}

#[test]
fn a_flood_of_small_events_is_kept_in_part_and_counted() {
    let floods = r#"i=0; while read -r message; do
yes '{"kind":"agent_message","body":{"text":"a flood of little messages"}}' | head -n 200000; echo '{"type":"turn_end"}'; done"#;
    let bed = bed(floods, "");
    let text = fs::read_to_string(bed.path("suite.yaml")).unwrap();
    bed.write("suite.yaml", text.replace("driver: command,", "driver: command, json: lines,"));
    let peak = peak_of(bed.evalrun(&["suite.yaml", "--out", RUN, "--sandbox", "none"]));
    bed.assert_clean(RUN);
    assert_eq!(outcome(&bed.results(RUN)["trials"][0]), ("done", "passed"));
    let size: u64 = files(&bed.path(RUN)).values().map(|bytes| bytes.len() as u64).sum();
    println!("{} MiB of memory, {} MiB of files", peak / MIB, size / MIB);
    assert!(peak < 300 * MIB, "evalrun used {} MiB", peak / MIB);
}

#[test]
fn an_agent_that_does_not_listen_ends_at_a_limit() {
    let bed = bed("sleep 1000", "limits: {turn: 8s}");
    let text = fs::read_to_string(bed.path("suite.yaml")).unwrap();
    let text = text.replace("driver: command,", "driver: command, json: lines,");
    bed.write("suite.yaml", text.replace("say: Do it.", &format!("say: {}", "Do it. ".repeat(60_000))));
    assert_eq!(outcome(&trial(&bed, "none")), ("limit", "none"));
}

/// Runs to a good end and gives the most memory that was used.
fn peak_of(mut command: Command) -> u64 {
    let mut child = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let mut peak = 0;
    until("the run has ended", || {
        peak = peak.max(high_water(child.0.id()));
        child.0.try_wait().unwrap().is_some()
    });
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    peak
}

/// VmHWM in bytes, as long as the process lives.
fn high_water(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn bytes_that_are_no_text_are_kept_as_what_can_be_read_and_marked() {
    let bed =
        bed("head -c 100000 /dev/urandom; printf '\\000\\377\\033[31m\\n'; head -c 3000 /dev/urandom >&2; exit 3", "");
    let trial = trial(&bed, "none");
    assert_eq!(outcome(&trial), ("done", "passed"));
    let messages = events(&bed, "agent_message");
    assert_eq!(messages[0]["text"]["lossy"], json!(true), "{:?}", messages[0]["text"].get("lossy"));
}

#[test]
fn names_of_files_may_hold_anything() {
    let script = "touch '<script>alert(1)' '\"' 'a\nb' \"$(printf 'c\\377d')\" -- '-rf' '   ' ; mkdir -p 'x\ny/<img>'; echo hi > 'x\ny/<img>/f&'";
    let bed = bed(script, "");
    for sandbox in sandboxes() {
        let trial = trial(&bed, sandbox);
        assert_eq!(outcome(&trial), ("done", "passed"), "{sandbox}");
        let snapshots = events(&bed, "snapshot");
        let paths: Vec<&str> =
            snapshots[1]["changes"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
        assert_eq!(paths.len(), 7, "{paths:?}");
        assert!(paths.contains(&"<script>alert(1)"), "{paths:?}");
        fs::remove_dir_all(bed.path(RUN)).unwrap();
    }
}

#[test]
fn a_link_out_of_the_workspace_is_a_link_and_never_followed() {
    let secret = "what stands outside";
    for sandbox in sandboxes() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.txt"), secret).unwrap();
        let bed = bed(&format!("ln -s {} mine; cat list.txt", outside.path().display()), "");
        symlink(outside.path(), bed.path("repo/theirs")).unwrap();
        let trial = trial(&bed, sandbox);
        assert_eq!(outcome(&trial), ("done", "passed"), "{sandbox}");
        assert!(trial["notes"].to_string().contains("leads out of the workspace"), "{}", trial["notes"]);
        assert_eq!(fs::read_to_string(outside.path().join("secret.txt")).unwrap(), secret);
        let found = files(&bed.path(RUN)).into_iter().find(|(_, bytes)| holds(bytes, secret.as_bytes()));
        assert_eq!(found.map(|(path, _)| path), None);
        let manifest = snapshot(&bed, "01-brief.json");
        assert_eq!(manifest["entries"]["mine"]["kind"], json!("link"));
        assert_eq!(manifest["entries"]["theirs"]["kind"], json!("link"));
    }
}

/// Leaves behind what it can: sessions of their own, double forks, holders of its pipes, one that ignores signals.
const LEAVES_CHILDREN: &str = "
setsid sleep 1000 &
(setsid sh -c 'sleep 1000 & exec sleep 1000' &)
(sh -c 'trap \"\" TERM INT HUP; sleep 1000; sleep 1000' &)
(setsid setsid sh -c '(sleep 1000 &) ; sleep 1000' >/dev/null 2>&1 </dev/null &)
echo done";

#[test]
fn nothing_an_agent_starts_outlives_the_trial() {
    for sandbox in sandboxes() {
        let bed = bed(LEAVES_CHILDREN, "");
        // `trial` looks for every process of the run.
        assert_eq!(outcome(&trial(&bed, sandbox)), ("done", "passed"), "{sandbox}");
        assert_eq!(events(&bed, "agent_message")[0]["text"], json!("done"), "{sandbox}");
    }
}

#[test]
fn a_check_that_hangs_times_out_and_leaves_nothing() {
    let bed = bed("true", "");
    let text = fs::read_to_string(bed.path("suite.yaml")).unwrap();
    let hangs = "{run: 'setsid sleep 1000 & sleep 1000', timeout: 200ms}";
    bed.write("suite.yaml", text.replace("{run: grep -qx bread list.txt, timeout: 20s}", hangs));
    for sandbox in sandboxes() {
        assert_eq!(outcome(&trial(&bed, sandbox)), ("done", "timeout"), "{sandbox}");
        fs::remove_dir_all(bed.path(RUN)).unwrap();
    }
}

#[test]
fn a_workspace_may_be_wrecked() {
    let socket = "rm list.txt; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"list.txt\")'";
    let deep = "i=0; while [ $i -lt 300 ]; do mkdir aaaaaaaaaaaaaaaaaaaa && cd aaaaaaaaaaaaaaaaaaaa; i=$((i+1)); done";
    let cases = [
        ("emptied", "rm -rf ./* ./.[a-z]*", ("done", "failed")),
        // There is no folder left to go on in when the user asks again.
        ("deleted", "[ \"${PWD##*/}\" = work ] || exit 1; d=$PWD; cd /; rm -rf \"$d\"", ("agent_gone", "none")),
        (
            "replaced by a file",
            "[ \"${PWD##*/}\" = work ] || exit 1; d=$PWD; cd /; rm -rf \"$d\" && echo bread > \"$d\"",
            ("agent_gone", "none"),
        ),
        (
            "replaced by a link",
            // Once the workspace is a link, $PWD is where it leads: never link to a folder of the machine, never remove one.
            "[ \"${PWD##*/}\" = work ] && ! [ -h \"$PWD\" ] || exit 0; d=$PWD; mkdir -p \"$HOME/elsewhere\"; cd /; rm -rf \"$d\" && ln -s \"$HOME/elsewhere\" \"$d\"",
            ("done", "failed"),
        ),
        ("its file a pipe", "rm list.txt; mkfifo list.txt", ("done", "failed")),
        ("its file a link", "rm list.txt; ln -s /etc/passwd list.txt", ("done", "failed")),
        ("its file a folder", "rm list.txt; mkdir list.txt", ("done", "failed")),
        ("its file a link to itself", "rm list.txt; ln -s list.txt list.txt", ("done", "failed")),
        ("its file a socket", socket, ("done", "failed")),
        ("its folders very deep", deep, ("done", "passed")),
    ];
    for (what, script, expected) in cases {
        let bed = bed(script, "");
        let trial = trial(&bed, "none");
        assert_eq!(outcome(&trial), expected, "{what}: {trial}");
        assert_eq!(trial["passed"], json!(expected.1 == "passed"), "{what}");
    }
}

#[test]
fn a_workspace_nobody_may_read_is_a_state_like_any_other() {
    let cases = [
        ("the workspace", "chmod 000 .", ("agent_gone", "none")),
        ("a file", "chmod 000 list.txt", ("done", "failed")),
        ("a folder", "mkdir d; echo hi > d/f; chmod 000 d", ("done", "passed")),
        ("home and tmp", "chmod 000 \"$HOME\" \"$TMPDIR\"", ("done", "passed")),
    ];
    for (what, script, expected) in cases {
        let bed = bed(script, "");
        let Some(mut command) = as_nobody(&bed) else { return println!("skipped: only root can become somebody else") };
        command.args(["suite.yaml", "--out", RUN, "--sandbox", "none"]);
        let ran = ran(command);
        assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
        bed.assert_clean(RUN);
        assert_eq!(outcome(&bed.results(RUN)["trials"][0]), expected, "{what}");
    }
}

/// evalrun as a user who is not root: root may read everything.
fn as_nobody(bed: &Bed) -> Option<Command> {
    if !nix::unistd::getuid().is_root() {
        return Some(bed.evalrun(&[]));
    }
    // The binary may lie where nobody else can reach it.
    let binary = bed.path("evalrun");
    fs::copy(env!("CARGO_BIN_EXE_evalrun"), &binary).unwrap();
    let chown = Command::new("chown").args(["-R", "65534:65534"]).arg(bed.path(".")).status();
    let mut command = bed.evalrun(&[]);
    let mut as_nobody = Command::new("setpriv");
    as_nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary).current_dir(bed.path("."));
    as_nobody.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = as_nobody;
    let usable = chown.is_ok_and(|status| status.success())
        && Command::new("setpriv").arg("--version").output().is_ok_and(|output| output.status.success());
    usable.then_some(command)
}

#[test]
fn fifty_thousand_files_are_looked_at() {
    let bed = bed("seq 50000 | xargs touch", "");
    let trial = trial(&bed, "none");
    assert_eq!(outcome(&trial), ("done", "passed"));
    assert_eq!(snapshot(&bed, "01-brief.json")["entries"].as_object().unwrap().len(), 50_001);
}

#[test]
fn a_disk_filled_by_the_agent_is_told_and_ends_with_the_trial() {
    let bed = bed("head -c 100000000 /dev/zero > big; echo filled", "");
    let Some(_disk) = Disk::small(bed.path("tmp")) else { return };
    let ran = play(&bed, "none");
    let results = bed.results(RUN);
    let trial = &results["trials"][0];
    // The check's copy has no room either: that is no failure of the work, and says so.
    assert_eq!((ran.code, outcome(trial)), (Some(0), ("done", "broken")), "{ran:?}");
    assert!(
        fs::read_dir(bed.path("tmp")).unwrap().flatten().all(|base| fs::read_dir(base.path()).unwrap().count() == 0)
    );
}

#[test]
fn a_full_disk_stops_the_run_and_resume_goes_on() {
    let bed = Bed::tiny();
    let whole = bed.run(&["suites/tiny.yaml", "--sandbox", "none", "--out", "whole"]);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    fs::create_dir(bed.path("disk")).unwrap();
    let Some(_disk) = Disk::small(bed.path("disk")) else { return };
    let total: u64 = files(&bed.path("whole")).values().map(|bytes| (bytes.len() as u64).div_ceil(4096) * 4096).sum();
    for part in 1..4 {
        let run = format!("disk/run{part}");
        // Room for a part of the run only.
        let ballast = Disk::SIZE - total * part / 4;
        bed.write("disk/ballast", vec![0; usize::try_from(ballast).unwrap()]);
        let ran = bed.run(&["suites/tiny.yaml", "--sandbox", "none", "--out", &run]);
        assert_eq!(ran.code, Some(4), "{part}: {ran:?}");
        assert!(ran.err.contains("No space left") && ran.err.contains("evalrun resume"), "{part}: {}", ran.err);
        bed.assert_clean(&run);
        fs::remove_file(bed.path("disk/ballast")).unwrap();
        let resumed = bed.run(&["resume", &run]);
        assert_eq!(resumed.code, Some(0), "{part}: {resumed:?}");
        assert_eq!(bed.canonical(&run), bed.canonical("whole"), "{part}");
        fs::remove_dir_all(bed.path(&run)).unwrap();
    }
}

/// A file system of its own, with little room; unmounted at the end.
struct Disk(PathBuf);

impl Disk {
    const SIZE: u64 = 8 << 20;

    fn small(at: PathBuf) -> Option<Disk> {
        let size = format!("size={}", Self::SIZE);
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Disk(at));
        }
        println!("skipped: no file system can be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// The bodies of the first attempt's events of one kind.
fn events(bed: &Bed, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(bed.path("run/trials/job/it/1/1/trace.jsonl")).unwrap();
    let events = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == json!(kind)).map(|event| event["body"].clone()).collect()
}

fn snapshot(bed: &Bed, name: &str) -> Value {
    serde_json::from_slice(&fs::read(bed.path("run/trials/job/it/1/1/snapshots").join(name)).unwrap()).unwrap()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
